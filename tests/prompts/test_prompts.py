"""Templates and the calls that fill them."""

import ast
from pathlib import Path

import pytest

from longtake import prompts

ROOT = Path(__file__).resolve().parents[2]


def calls() -> dict[str, list[frozenset[str]]]:
    """Prompt name -> keyword names of every `render("name", ...)` in the source."""
    found: dict[str, list[frozenset[str]]] = {}
    for folder in ("tools", "agent", "eval", "longtake"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == "render"
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                ):
                    keywords = frozenset(k.arg for k in node.keywords if k.arg is not None)
                    found.setdefault(str(node.args[0].value), []).append(keywords)
    return found


def test_every_template_is_rendered_with_exactly_its_placeholders() -> None:
    used = calls()
    assert sorted(used) == prompts.names()
    for name, arguments in used.items():
        assert set(arguments) == {prompts.placeholders(name)}


def test_visual_query_describes() -> None:
    text = prompts.render("visual_query", description="a red boat")
    assert text == "A video frame that shows a red boat."


def test_values_are_not_expanded_again() -> None:
    text = prompts.render("visual_query", description="$description ${x} {y} $$")
    assert text == "A video frame that shows $description ${x} {y} $$."


@pytest.mark.parametrize("values", [{}, {"description": "a", "other": "b"}, {"other": "b"}])
def test_wrong_values_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(TypeError, match=r"takes \['description'\]"):
        prompts.render("visual_query", **values)


def test_unknown_prompt_lists_the_known_ones() -> None:
    with pytest.raises(LookupError, match="visual_query"):
        prompts.render("visual")
