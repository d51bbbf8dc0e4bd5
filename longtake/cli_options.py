"""Options that several commands share, and what they stand for."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longtake.errors import UsageError
from longtake.flags import settings_with
from longtake.timing import Span, parse_time

if TYPE_CHECKING:
    from longtake.config import Settings
    from longtake.tools.library import Library


class Lane(StrEnum):
    """Lanes that can be searched (`longtake.tools.hits.LANES`, without its imports)."""

    SPEECH = "speech"
    TEXT = "text"
    VISUAL = "visual"


class Stage(StrEnum):
    """Stages that can be indexed alone (`longtake.index.lanes.StageName`, without its imports)."""

    SHOTS = "shots"
    THUMBNAILS = "thumbnails"
    VISUAL = "visual"
    CLIPS = "clips"
    SPEECH = "speech"
    TEXT = "text"
    SENTENCES = "sentences"


LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", metavar="DIR", help="The library's folder, if not the settings' one."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document (docs/json.md).")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a setting, as in speech.beam_size=2. Repeat it."
    ),
]
VideosOption = Annotated[
    list[str] | None,
    typer.Option(
        "--video", metavar="VIDEO", help="Only in this video (id, name or path). Repeat it."
    ),
]
BetweenOption = Annotated[
    str | None,
    typer.Option("--between", metavar="FROM-TO", help="Only in this stretch, as in 1:20-2:05.5."),
]
VideoArgument = Annotated[
    str, typer.Argument(metavar="VIDEO", help="Id or its beginning, file name, title or path.")
]


def folder_of(ctx: typer.Context, library: Path | None, settings: "Settings") -> Path:
    """The library's folder: the option after or before the command, else the settings'."""
    before: Path | None = ctx.obj
    return (library or before or settings.library).expanduser()


def open_library(
    ctx: typer.Context,
    library: Path | None,
    assignments: Sequence[str] | None = None,
    named: Mapping[str, Any] | None = None,
) -> "Library":
    """The library that the options name.

    Raises:
        LibraryMissing: there is none in that folder.
    """
    settings = settings_with(assignments or (), named)
    folder = folder_of(ctx, library, settings)
    from longtake.tools.library import Library

    return Library.open(folder, settings)


def video_ids(library: "Library", keys: Sequence[str] | None) -> list[str] | None:
    """Ids of the videos that `--video` named; None for all.

    Raises:
        UsageError: no such video.
    """
    return [library.video(key).id for key in keys] if keys else None


def parse_between(text: str | None) -> Span | None:
    """The span that `--between` named.

    Raises:
        UsageError: it is not FROM-TO, or ends before it starts.
    """
    if text is None:
        return None
    start, dash, end = text.partition("-")
    try:
        if not dash:
            raise ValueError("there is no '-'")
        return Span(parse_time(start), parse_time(end))
    except ValueError as exc:
        raise UsageError(f"--between {text!r}: {exc}; write FROM-TO, as in 1:20-2:05.5") from exc
