"""The settings file of a desk with every key in it, each with its meaning and what is valid."""

from __future__ import annotations

import ast
import inspect as source
import textwrap

import msgspec
from msgspec import inspect

from turnlight import config
from turnlight.config import Config, DeskSettings, LampSettings, keys, valid_form

_HEAD = """\
# Settings of this desk. Every key is here; one that is not set shows its default behind a #.
# docs/config.md explains them. `turnlight doctor` says what does not work.
"""
_WIDTH = 98


SERVICE = Config(
    desk=DeskSettings(state_dir="/var/lib/turnlight", socket="/run/turnlight/desk.sock"),
    lamp=LampSettings(kind="none"),
)
"""Where a desk that runs as a service keeps its things; a terminal it has none."""


def render(settings: Config) -> str:
    """TOML text that gives these settings again."""
    documented = _documented()
    lines = [_HEAD.rstrip()]
    section = ""
    for key, field in keys().items():
        place, _, name = key.partition(".")
        part = getattr(settings, place)
        if place != section:
            section = place
            lines += ["", *_comment(source.cleandoc(type(part).__doc__ or "")), f"[{place}]"]
        value = getattr(part, name)
        what = documented.get(f"{type(part).__name__}.{name}", "")
        valid = "" if field.type == inspect.StrType() else f"Valid: {valid_form(field.type)}."
        lines += _comment(f"{what} {valid}".strip())
        lines.append(f"{'#' if value == field.default else ''}{name} = {_toml(value)}")
    return "\n".join(lines).lstrip("\n") + "\n"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # all that a setting can be is written the same in JSON and in TOML
    return msgspec.json.encode(value).decode()


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), _WIDTH)]


def _documented() -> dict[str, str]:
    """Docstrings of the settings, which Python keeps in the source only: `Class.field` to text."""
    found = {}
    for holder in ast.parse(source.getsource(config)).body:
        if not isinstance(holder, ast.ClassDef):
            continue
        for field, text in zip(holder.body, holder.body[1:], strict=False):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(said))),
                ):
                    found[f"{holder.name}.{name}"] = said
    return found
