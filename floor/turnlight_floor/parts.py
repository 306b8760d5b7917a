"""A view as a tree of parts, so that only what has changed need be sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Part:
    """One element of a view: with HTML of its own, or with parts."""

    tag: str
    attributes: Mapping[str, str]
    content: str | tuple[Part, ...] = ""

    def html(self) -> str:
        """All of it as HTML."""
        said = "".join(f' {name}="{escape(value)}"' for name, value in self.attributes.items())
        inner = self.content if isinstance(self.content, str) else html(self.content)
        return f"<{self.tag}{said}>{inner}</{self.tag}>"

    def shape(self) -> object:
        """Equal for parts that differ in text and attributes' values alone."""
        inner = None if isinstance(self.content, str) else shape(self.content)
        return self.tag, tuple(self.attributes), inner


Parts = tuple[Part, ...]


def whole(html: str) -> Parts:
    """HTML that is one part, in an element that takes no place in the layout."""
    return (Part("div", {"class": "whole"}, html),)


def html(parts: Parts) -> str:
    """All parts as HTML."""
    return "".join(part.html() for part in parts)


def shape(parts: Parts) -> object:
    """Equal for parts that differ in text and attributes' values alone."""
    return tuple(part.shape() for part in parts)
