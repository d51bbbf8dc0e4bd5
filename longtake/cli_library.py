"""Commands that show and tend the library."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longtake.cli_options import (
    BetweenOption,
    JsonOption,
    LibraryOption,
    VideoArgument,
    open_library,
    parse_between,
)
from longtake.console import EXIT_PROBLEM, command_edge, print_json, say
from longtake.errors import LongtakeError
from longtake.timing import Span

if TYPE_CHECKING:
    from longtake.agent.prune import Pruned
    from longtake.index.lanes import StageName
    from longtake.index.records import StageRecord, VideoRecord
    from longtake.tools.library import Library


class Format(StrEnum):
    """What `export` writes."""

    SRT = "srt"
    VTT = "vtt"
    JSON = "json"


class Words(StrEnum):
    """Where exported words come from."""

    SPEECH = "speech"
    TEXT = "text"


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (videos, show, export, check, remove, prune):
        app.command()(command_edge(command))


def videos(ctx: typer.Context, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List the videos of the library."""
    from longtake import documents, render

    with open_library(ctx, library) as opened:
        records = opened.videos()
        stages: dict[str, dict[StageName, StageRecord]] = {record.id: {} for record in records}
        for (video_id, name), stage in opened.store.stages().items():
            stages[video_id][name] = stage
    if as_json:
        items = [
            {**documents.video(record), "stages": documents.states(stages[record.id])}
            for record in records
        ]
        print_json(documents.document("videos", videos=items))
    elif records:
        render.videos(records, stages)
    else:
        say("no videos yet; add some with: longtake index PATH")


def show(
    ctx: typer.Context,
    video: VideoArgument,
    transcript: Annotated[bool, typer.Option("--transcript", help="What is said.")] = False,
    cues: Annotated[bool, typer.Option("--cues", help="What is written on screen.")] = False,
    clips: Annotated[bool, typer.Option("--clips", help="The clips.")] = False,
    shots: Annotated[bool, typer.Option("--shots", help="The shots.")] = False,
    between: BetweenOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one video: a summary, or its transcript, on-screen text, clips or shots."""
    from longtake import documents, render

    span = parse_between(between)
    with open_library(ctx, library) as opened:
        record = opened.video(video)
        stages = opened.stages(record.id)
        parts: dict[str, list[Any]] = {}
        if shots:
            parts["shots"] = _within(span, opened.shots(record.id))
        if clips:
            parts["clips"] = _within(span, opened.clips(record.id))
        if transcript:
            parts["segments"] = _within(span, opened.segments(record.id))
        if cues:
            parts["cues"] = _within(span, opened.cues(record.id))
    if as_json:
        makers: dict[str, Callable[[Any], dict[str, Any]]] = {
            "shots": documents.span,
            "clips": documents.span,
            "segments": documents.segment,
            "cues": documents.cue,
        }
        print_json(
            documents.document(
                "show",
                video=documents.video(record),
                stages=[documents.stage(stage) for stage in stages.values()],
                **{name: [makers[name](item) for item in items] for name, items in parts.items()},
            )
        )
    elif parts:
        lines = [
            (_span(item), _line(name, item)) for name, items in parts.items() for item in items
        ]
        render.lines(sorted(lines, key=lambda line: line[0]))
    else:
        render.video_summary(record, stages)


def _span(item: Any) -> Span:
    """When a shot, clip, segment or cue record is."""
    inner = getattr(item, "segment", None) or getattr(item, "cue", None) or item
    span: Span = inner.span
    return span


def _within(between: Span | None, items: Iterable[Any]) -> list[Any]:
    return [item for item in items if between is None or between.overlap(_span(item)) > 0]


def _line(kind: str, item: Any) -> str:
    if kind == "segments":
        return str(item.segment.text)
    if kind == "cues":
        return f"[{item.cue.text}]"
    return f"{kind.removesuffix('s')} {item.position}"


def export(
    ctx: typer.Context,
    video: VideoArgument,
    form: Annotated[Format, typer.Option("--format", "-f", help="Kind of file.")] = Format.SRT,
    what: Annotated[
        Words, typer.Option("--what", help="Words that are said, or on screen.")
    ] = Words.SPEECH,
    burned: Annotated[
        bool,
        typer.Option("--burned", help="Only the subtitles that are part of the picture."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here instead of stdout."),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export what is said or written on screen as subtitles or JSON.

    --json is short for --format json. --burned takes of the on-screen text what stands shortly at
    the bottom, its lines put together and its readings made one.
    """
    import json

    from longtake import documents
    from longtake.export import Caption, as_srt, as_vtt

    if burned:
        what = Words.TEXT
    with open_library(ctx, library) as opened:
        record = opened.video(video)
        pieces = _pieces(opened, record.id, what, burned=burned)
    captions = [Caption(piece["start_s"], piece["end_s"], piece["text"]) for piece in pieces]
    if as_json or form is Format.JSON:
        kind = "burned" if burned else what.value
        document = documents.document(
            "export", video=documents.video(record), what=kind, items=pieces
        )
        written = json.dumps(document, indent=2, allow_nan=False) + "\n"
    else:
        written = as_srt(captions) if form is Format.SRT else as_vtt(captions)
    if output is None:
        typer.echo(written, nl=False)
        return
    try:
        output.write_text(written, encoding="utf-8")
    except OSError as exc:
        raise LongtakeError(f"cannot write {str(output)!r}: {exc.strerror}") from exc
    say(f"{len(pieces)} pieces of {what} to {output}")


def _pieces(
    library: "Library", video_id: str, what: Words, *, burned: bool
) -> list[dict[str, Any]]:
    """What is exported, as items of the JSON document."""
    from longtake import documents
    from longtake.tools.burned_subtitles import subtitles

    if what is Words.SPEECH:
        return [documents.segment(item) for item in library.segments(video_id)]
    cues = library.cues(video_id)
    if not burned:
        return [documents.cue(item) for item in cues]
    step_s = 1.0 / library.settings.fps
    return [
        {"start_s": item.span.start, "end_s": item.span.end, "text": item.text}
        for item in subtitles([cue.cue for cue in cues], step_s=step_s)
    ]


def check(
    ctx: typer.Context,
    repair: Annotated[bool, typer.Option("--repair", help="Rebuild what can be rebuilt.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the library against itself: rows, files, vectors, times.

    Exit code 1 when something is wrong (with --repair: still wrong). Videos whose
    files are gone are named, but are no error.
    """
    from longtake import documents, render

    with open_library(ctx, library) as opened:
        found = opened.check(repair=repair)
        left = opened.check() if repair and found else found
    if as_json:
        print_json(documents.findings(left, repaired=repair))
    else:
        render.findings(found, left, repaired=repair)
    if not documents.is_sound(left):
        raise typer.Exit(EXIT_PROBLEM)


def remove(
    ctx: typer.Context,
    videos: Annotated[
        list[str],
        typer.Argument(metavar="VIDEO", help="Id or its beginning, file name, title or path."),
    ],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take videos out of the library. The video files stay."""
    with open_library(ctx, library) as opened:
        _report_removed(opened.remove(videos), as_json=as_json)


def prune(
    ctx: typer.Context,
    days: Annotated[
        float,
        typer.Option("--calls-days", min=0, help="Drop calls of models older than these days."),
    ] = 90.0,
    megabytes: Annotated[
        float,
        typer.Option("--calls-mb", min=0, help="Drop the oldest calls beyond these megabytes."),
    ] = 200.0,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take out what is of no use any more: videos whose files are gone, and old calls of models.

    Calls are kept to answer the same request again and to finish interrupted runs. Those of
    unfinished runs and of the last hour stay, as do all questions with their answers.
    """
    import asyncio

    from longtake.agent.prune import prune_calls

    with open_library(ctx, library) as opened:
        gone = opened.prune()
        dropped = asyncio.run(
            prune_calls(opened, older_than_s=days * 86_400, most_bytes=int(megabytes * 1e6))
        )
    _report_removed(gone, dropped, as_json=as_json)


def _report_removed(
    records: "Iterable[VideoRecord]", dropped: "Pruned | None" = None, *, as_json: bool
) -> None:
    from longtake import documents, render

    records = list(records)
    if as_json:
        items = [documents.video(record) for record in records]
        calls = {"calls": documents.pruned(dropped)} if dropped is not None else {}
        print_json(documents.document("removed", videos=items, **calls))
    else:
        render.removed(records, dropped)
