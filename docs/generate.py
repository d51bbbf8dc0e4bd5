"""Write docs/cli.md from the commands and docs/settings.md from longtake/config.py.

    python docs/generate.py

`tests/test_docs.py` fails when a page is out of date.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from longtake.cli import app

DOCS = Path(__file__).resolve().parent
CONFIG = DOCS.parent / "longtake" / "config.py"


def cli_page() -> str:
    """Every command with its arguments and options."""
    program: Any = typer.main.get_command(app)
    parts = [
        "# Commands",
        "",
        "<!-- Written by docs/generate.py; change the help texts instead. -->",
        "",
        program.help,
        "",
        program.epilog,
        "",
        "Every command has `--help`. Options of the program itself stand before the command:",
        "`longtake --library talks videos` is the same as `longtake videos --library talks`.",
        "",
        *_parameters(program),
    ]
    for name, command in commands(program):
        parts += [f"## longtake {name}", "", command.help.strip(), "", *_parameters(command)]
    return "\n".join(parts).rstrip() + "\n"


def commands(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, those of groups too: `eval run`."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def _parameters(command: Any) -> Iterator[str]:
    rows = [row for parameter in command.params if (row := _row(parameter))]
    if rows:
        yield "| | |"
        yield "|---|---|"
        yield from rows
        yield ""


def _row(parameter: Any) -> str:
    metavar = parameter.metavar or ""
    if parameter.param_type_name == "argument":
        return f"| `{metavar}` | {parameter.help} |"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    default = (
        ""
        if parameter.default in (None, False, []) or not parameter.show_default
        else (f" Default: `{getattr(parameter.default, 'value', parameter.default)}`.")
    )
    value = f" `{metavar}`" if metavar else ""
    return f"| {names}{value} | {parameter.help}{default} |"


def settings_page() -> str:
    """Every setting with its values, default and meaning."""
    classes = {
        node.name: node
        for node in ast.parse(CONFIG.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    top = list(_fields(classes["Settings"]))
    parts = [
        "# Settings",
        "",
        "<!-- Written by docs/generate.py; change longtake/config.py instead. -->",
        "",
        "A setting comes from the first of these that has it:",
        "",
        "1. a flag: `--set speech.beam_size=2`, or one of the named flags of `longtake index`",
        "2. the environment: `LONGTAKE_SPEECH__BEAM_SIZE=2` (section and key joined by `__`)",
        "3. `longtake.toml` in the current folder, else `config.toml` in the user's configuration",
        "   folder (`~/.config/longtake/` on Linux)",
        "4. the default",
        "",
        "```toml",
        'library = "~/talks-library"',
        "fps = 0.5",
        "",
        "[speech]",
        'model = "large-v3-turbo"',
        "```",
        "",
        "What a stage was made with is recorded in the library. When a setting changes, the next",
        "`longtake index` redoes the stages that depend on it and what is made from them.",
        "`LONGTAKE_CACHE` moves the folder for converted models.",
        "",
        *_table("", [field for field in top if field[1] not in classes]),
    ]
    for name, kind, _, _ in top:
        if kind in classes:
            parts += [f"## [{name}]", "", ast.get_docstring(classes[kind]) or "", ""]
            parts += _table(f"{name}.", list(_fields(classes[kind])))
    return "\n".join(parts).rstrip() + "\n"


Field = tuple[str, str, str, str]
"""Name, annotation, default, meaning."""


def _fields(node: ast.ClassDef) -> Iterator[Field]:
    for item, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        doc = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            doc = " ".join(str(after.value.value).split())
        yield item.target.id, ast.unparse(item.annotation), _default(item.value), doc


def _default(value: ast.expr | None) -> str:
    if isinstance(value, ast.Call):
        if not value.args:
            return "all cores" if value.keywords else ""
        inner = value.args[0]
        return str(inner.value) if isinstance(inner, ast.Constant) else ast.unparse(inner)
    if isinstance(value, ast.Constant):
        return str(value.value)
    return "" if value is None else ", ".join(ast.literal_eval(value))


_WORDS = {"int": "whole number", "float": "number", "str": "text", "bool": "true or false"}


def _values(annotation: str) -> str:
    kind = annotation.removesuffix(" | None")
    if kind.startswith("Literal["):
        words = kind.removeprefix("Literal[").removesuffix("]").replace("'", "`")
    elif kind.startswith("tuple["):
        words = 'list, as in `["en", "de"]`'
    else:
        words = _WORDS.get(kind, kind.lower())
    return f"{words} or `null`" if annotation != kind else words


def _table(prefix: str, fields: list[Field]) -> list[str]:
    rows = ["| setting | values | default | |", "|---|---|---|---|"]
    for name, annotation, default, doc in fields:
        shown = {"None": "null", "False": "false"}.get(default, default)
        rows.append(f"| `{prefix}{name}` | {_values(annotation)} | {shown} | {doc} |")
    return [*rows, ""]


if __name__ == "__main__":
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
