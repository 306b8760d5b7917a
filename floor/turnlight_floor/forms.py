"""Signing in, and a view that is refused: whole documents without a script. Pure."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from turnlight_floor.words import Words, catalogues


def sign_in(
    words: Words, form: str, then: str, fault: str = "", local: bool = True, provider: str = ""
) -> str:
    """The form that asks for name and password, and the way to the identity provider.

    Args:
        words: the language.
        form: comes back with the form and must equal the cookie's.
        then: the path to go to afterwards.
        fault: what was wrong with the last attempt.
        local: are there users of the page's own?
        provider: the identity provider's name; empty where there is none.
    """
    alert = f'<p class="fault" role="alert">{escape(fault)}</p>' if fault else ""
    others = "".join(
        f'<li><a href="/{code}/login" lang="{code}" hreflang="{code}">{one.name}</a></li>'
        for code, one in catalogues().items()
        if code != words.code
    )
    fields = (
        f'<input type="hidden" name="form" value="{escape(form)}">'
        f'<input type="hidden" name="then" value="{escape(then)}">'
        f'<label for="name">{words("name")}</label><input id="name" name="name" required '
        f'autocomplete="username" autocapitalize="none" spellcheck="false" autofocus>'
        f'<label for="password">{words("password")}</label><input id="password" name="password" '
        f'type="password" required autocomplete="current-password">'
        f"<button>{words('sign-in')}</button>"
    )
    # A link: a form's way may not lead to another site, and it shall not.
    elsewhere = (
        f'<a class="elsewhere" href="/{words.code}/oidc?then={quote(then)}">'
        f"{words('sign-in-with', name=escape(provider))}</a>"
    )
    return _document(
        words,
        words("sign-in"),
        f'<form method="post" action="/{words.code}/login" class="card sign-in">'
        f'<div class="brand"><span class="lamp" aria-hidden="true"></span><h1>Turnlight</h1></div>'
        f"{alert}{elsewhere if provider else ''}{fields if local or not provider else ''}</form>"
        f'<nav class="ways" aria-label="{words("languages")}"><ul>{others}</ul></nav>',
    )


def not_allowed(words: Words, home: str) -> str:
    """The view is for another role."""
    return _document(
        words,
        words("not-allowed"),
        f'<section class="empty"><h1>{words("not-allowed")}</h1>'
        f"<p>{words('not-allowed-detail')}</p>"
        f'<p><a href="{escape(home)}">Turnlight</a></p></section>',
    )


def _document(words: Words, title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="{words.code}" dir="{words.catalogue.direction}"><head>'
        f'<meta charset="utf-8"><title>{title} · Turnlight</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/page.css"></head>'
        f'<body class="plain"><main class="nicegui-content">{body}</main></body></html>'
    )
