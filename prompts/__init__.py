"""The text sent to models, one Markdown template each (`$name` placeholders; `$$` is a dollar
sign)."""

from functools import cache
from importlib.resources import files
from string import Template


@cache
def _template(name: str) -> Template:
    file = files(__package__) / f"{name}.md"
    if not file.is_file():
        raise LookupError(f"no prompt {name!r}; there are {', '.join(names())}")
    return Template(file.read_text(encoding="utf-8").strip())


def names() -> list[str]:
    """Names of all templates."""
    return sorted(f.name[:-3] for f in files(__package__).iterdir() if f.name.endswith(".md"))


def text(name: str) -> str:
    """The template as it is written.

    Raises:
        LookupError: if there is no such template.
    """
    return _template(name).template


def placeholders(name: str) -> frozenset[str]:
    """The values a template needs.

    Raises:
        LookupError: if there is no such template.
    """
    return frozenset(_template(name).get_identifiers())


def render(name: str, **values: str) -> str:
    """The template with its placeholders filled; the values themselves are never expanded again.

    Raises:
        LookupError: if there is no such template.
        TypeError: if `values` are not exactly the placeholders of the template.
    """
    needed = placeholders(name)
    if needed != values.keys():
        raise TypeError(f"prompt {name!r} takes {sorted(needed)}, got {sorted(values)}")
    return _template(name).substitute(values)
