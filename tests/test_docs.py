"""The documentation says what the program does, and its examples run."""

import doctest
import importlib.util
import os
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from longtake.cli import app
from longtake.flags import setting_names

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAM: Any = typer.main.get_command(app)


def _flat(group: Any, above: str = "") -> dict[str, Any]:
    """Commands by their whole names: `index`, `eval run`."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{above}{name}": command} if inner is None else _flat(command, f"{name} ")
    return found


COMMANDS: dict[str, Any] = _flat(PROGRAM)


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["cli", "settings"])
def test_generated_pages_are_up_to_date(generate: ModuleType, page: str) -> None:
    """When this fails: make docs."""
    written = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert written == getattr(generate, f"{page}_page")()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help_and_is_documented(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    section = page.partition(f"## longtake {name}\n")[2].partition("\n## ")[0]
    for parameter in command.params:
        assert parameter.help, parameter.name
        assert parameter.help in section
        for option in parameter.opts:
            if option.startswith("-"):
                assert f"`{option}`" in section


def test_the_commands_are_these() -> None:
    assert list(COMMANDS) == [
        *"index search ask runs show-run videos show export check remove prune presets".split(),
        *("models", "doctor"),
        *("eval run", "eval score", "eval compare", "eval report", "eval export"),
        "eval solved",
        "eval generate",
    ]


@pytest.mark.parametrize("name", [name for name in COMMANDS])
def test_every_command_has_json(name: str) -> None:
    assert any("--json" in parameter.opts for parameter in COMMANDS[name].params)


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in setting_names():
        assert f"| `{name}` |" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def _shown_commands() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\$ (longtake .*?)(?:\s+#.*)?$", text, flags=re.MULTILINE)


def test_the_readme_shows_commands() -> None:
    assert len(_shown_commands()) >= 8


@pytest.mark.parametrize("line", _shown_commands())
def test_commands_of_the_readme_are_accepted(line: str) -> None:
    """Parsed by the program itself; an unknown option, value or missing argument raises."""
    _, name, *arguments = shlex.split(line)
    if name not in COMMANDS:
        name = f"{name} {arguments.pop(0)}"
    with COMMANDS[name].make_context(name, arguments) as context:
        assert context.params


@pytest.mark.parametrize("target", ["demo", "test", "bench", "docs", "clean"])
def test_make_has_the_targets_that_the_pages_name(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/library.md"])
def test_python_examples_run(
    page: str, lecture_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the library that `make demo` makes, under its name."""
    os.symlink(lecture_library, tmp_path / ".demo")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text(encoding="utf-8")
    example = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert len(example.examples) >= 5
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert result.failed == 0, "".join(said)
