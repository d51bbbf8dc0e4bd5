"""The terminal: results on stdout, everything else on stderr, and errors turned into exit codes."""

import functools
import json
import os
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import typer

from longtake.errors import LongtakeError, UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

P = ParamSpec("P")
R = TypeVar("R")

EXIT_PROBLEM, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

_PIPED_WIDTH = 100_000
"""Columns when the output is not a terminal: lines are never wrapped or cut there."""


def console(*, stderr: bool = False) -> "Console":
    """A console that prints text as it is: no markup, no emoji codes, no guessed colours."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPED_WIDTH
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def say(message: str, *, style: str = "") -> None:
    """One line for people, on stderr."""
    console(stderr=True).print(printable(message), style=style, soft_wrap=True)


def print_json(document: dict[str, Any]) -> None:
    """A JSON document on stdout, in ASCII so that any terminal and any file name survive."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


@contextmanager
def working(doing: str) -> Iterator[None]:
    """A spinner on stderr while the block runs, if that is a terminal."""
    with console(stderr=True).status(doing) if sys.stderr.isatty() else nullcontext():
        yield


def printable(text: str) -> str:
    r"""`text` on one line: control, direction-changing and undecodable characters as escapes.

    >>> printable("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    # Cc control, Cf format (bidi overrides, but also the joiner of emoji), Cs lone surrogate,
    # Zl and Zp line and paragraph separators
    if character in "\u200c\u200d" or unicodedata.category(character) not in {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    }:
        return character
    return character.encode("unicode_escape").decode("ascii")


def file_name(path: Path) -> "Text":
    """The name of a file, clickable where the terminal supports links."""
    from rich.style import Style
    from rich.text import Text

    return Text(printable(path.name), style=Style(link=path.absolute().as_uri()))


def view_command(path: Path, start: float) -> str:
    """A shell command that plays `path` from `start` seconds, with a player of this machine."""
    here = Path.cwd()
    near = path.relative_to(here) if path.is_relative_to(here) else path.absolute()
    target = shell_word(f"./{near}" if str(near).startswith("-") else str(near))
    if shutil.which("mpv") or not shutil.which("ffplay"):
        return f"mpv --start={start:.1f} {target}"
    return f"ffplay -ss {start:.1f} {target}"


def shell_word(text: str) -> str:
    r"""`text` as one word of a shell command, on one line whatever it holds.

    >>> shell_word("it's here.mp4")
    '\'it\'"\'"\'s here.mp4\''
    >>> shell_word("two\nlines.mp4")
    "$'two\\x0alines.mp4'"
    """
    if printable(text) == text:
        return shlex.quote(text)
    encoded = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"\\'" else f"\\x{byte:02x}"
        for byte in os.fsencode(text)
    )
    return f"$'{encoded}'"


def command_edge(function: Callable[P, R]) -> Callable[P, R]:
    """Ends a command the agreed way: one line on stderr and exit code 1, 2 or 130."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except LongtakeError as exc:
            say(f"error: {exc}", style="red")
            code = EXIT_USAGE if isinstance(exc, UsageError) else EXIT_PROBLEM
            raise typer.Exit(code) from exc
        except KeyboardInterrupt as exc:
            say("interrupted; run the same command to continue", style="yellow")
            raise typer.Exit(EXIT_INTERRUPTED) from exc

    return wrapped
