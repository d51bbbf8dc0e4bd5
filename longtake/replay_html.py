"""Markup of a replay page: what is no markup yet is escaped where it goes in."""

import html
from collections.abc import Iterable
from pathlib import Path

from longtake.console import printable
from longtake.timing import Span, format_time

Attribute = str | float | None

_VOID = {"img", "rect"}
"""Elements without content here."""


class Html(str):
    """Markup that is safe as it is; `element` and `joined` make it."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: Attribute) -> Html:
    """An element; text and attributes are escaped and control characters made visible.

    Args:
        attributes: `class_` is `class`, other underscores are hyphens; None leaves one out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Parts one after the other; those that are plain text are escaped."""
    return Html("".join(part if isinstance(part, Html) else escaped(part) for part in parts))


def escaped(text: str) -> Html:
    """Text for an element or an attribute in double quotes.

    >>> escaped('<b onclick="x">\\n')
    '&lt;b onclick=&quot;x&quot;&gt;\\\\n'
    """
    return Html(html.escape(printable(text), quote=True))


def paragraphs(text: str) -> Html:
    """A paragraph for each line."""
    return joined(element("p", line) for line in text.splitlines() if line.strip())


def moment(path: Path | None, span: Span) -> Html:
    """The clock times of a moment; a link that plays the file from there, where it is known."""
    if path is None:
        return element("span", str(span), class_="time")
    return element(
        "a",
        str(span),
        class_="time",
        href=f"{path.absolute().as_uri()}#t={span.start:.1f}",
        title=f"play {path.name} from {format_time(span.start)}",
    )
