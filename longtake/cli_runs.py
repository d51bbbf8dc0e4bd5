"""Commands that show the questions that were asked and how each answer came about."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longtake.cli_options import JsonOption, LibraryOption, open_library
from longtake.console import command_edge, print_json, say, working
from longtake.errors import LongtakeError, UsageError

if TYPE_CHECKING:
    from longtake.agent.checkpoints import Unfinished
    from longtake.index.records import RunRecord
    from longtake.run_story import Story
    from longtake.tools.library import Library

_PREFIX = 4
"""Shortest beginning of a run's id that names it."""
_SHOWN = 8
"""Characters of an id in lists."""
_ALL = 1_000_000


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(command_edge(runs))
    app.command("show-run")(command_edge(show_run))


def runs(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most runs shown.")] = 20,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the questions that were asked, newest first, and runs that were interrupted."""
    from longtake import documents, render_run
    from longtake.run_story import story_of

    with open_library(ctx, library) as opened:
        unfinished = _unfinished(opened)
        stories = [story_of(record) for record in opened.store.runs(limit)]
    if as_json:
        print_json(
            documents.document(
                "runs",
                runs=[_summary(story) for story in stories],
                unfinished=[{"id": item.run_id, "question": item.question} for item in unfinished],
            )
        )
    elif stories or unfinished:
        render_run.runs(stories, unfinished)
    else:
        say("no question was asked yet; ask one with: longtake ask QUESTION")


def show_run(
    ctx: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Id of a run or its beginning; the last run if none."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--html", "-o", metavar="FILE", help="Write a page with the frames it looked at."
        ),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a run: what it planned, looked at, saw and decided, its answer and what it cost."""
    from longtake import documents, render_run, replay
    from longtake.run_story import story_of

    with open_library(ctx, library) as opened:
        record = _run(opened, run)
        names = {video.id: video.title for video in opened.videos()}
        if page is not None:
            with working("reading frames"):
                written = replay.page(opened, record)
    if page is not None:
        _write(page, written)
    if as_json:
        print_json(documents.document("run", **run_document(record)))
    elif page is None:
        render_run.run(story_of(record), names)


def run_document(record: "RunRecord") -> dict[str, Any]:
    """A stored run as plain JSON values."""
    return {
        "id": record.id,
        "asked_at": record.asked_at,
        "question": record.question,
        "answer": record.answer,
        "receipt": record.ledger or None,
        "trace": record.trace,
    }


def _summary(story: "Story") -> dict[str, Any]:
    return {
        "id": story.id,
        "asked_at": story.asked_at,
        "question": story.question,
        "text": story.answer["text"],
        "option": story.answer["option"],
        "abstained": story.answer["abstained"],
        "confidence": story.answer["confidence"],
        "mode": story.mode,
        "spent": None if story.receipt is None else story.receipt.spent,
        "limit": None if story.receipt is None else story.receipt.limit,
    }


def _run(library: "Library", key: str | None) -> "RunRecord":
    """The run with that id or beginning of an id; the last one for None.

    Raises:
        UsageError: none or several fit, or the run is unfinished.
    """
    if key is None:
        last = library.store.runs(1)
        if not last:
            raise UsageError("no question was asked yet; ask one with: longtake ask QUESTION")
        return last[0]
    found = [
        record
        for record in library.store.runs(_ALL)
        if record.id == key or (len(key) >= _PREFIX and record.id.startswith(key.lower()))
    ]
    exact = [record for record in found if record.id == key]
    if exact or len(found) == 1:
        return (exact or found)[0]
    if found:
        ids = ", ".join(_told_apart([record.id for record in found])[:5])
        raise UsageError(f"{key!r} names {len(found)} runs: {ids}; write more of the id")
    for item in _unfinished(library):
        if len(key) >= _PREFIX and item.run_id.startswith(key.lower()):
            raise UsageError(
                f"run {key!r} is unfinished; finish it with: longtake ask --resume {item.run_id}"
            )
    raise UsageError(f"no run {key!r} in the library; longtake runs lists them")


def _told_apart(ids: Sequence[str]) -> list[str]:
    """The ids, as short as they differ but not shorter than lists show them."""
    length = next(n for n in range(_SHOWN, 1000) if len({i[:n] for i in ids}) == len(set(ids)))
    return [run_id[:length] for run_id in ids]


def _unfinished(library: "Library") -> "list[Unfinished]":
    import asyncio

    from longtake.agent.agent import Agent

    return asyncio.run(Agent(library).unfinished())


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise LongtakeError(f"cannot write {str(target)!r}: {exc.strerror}") from exc
    say(f"page written to {target}")
