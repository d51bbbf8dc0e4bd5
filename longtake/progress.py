"""Progress of indexing, on stderr: a bar on a terminal, else one line a video."""

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from longtake.console import console, printable, say

if TYPE_CHECKING:
    from longtake.index.reports import ProgressEvent


def index_progress() -> "IndexProgress":
    """The display that suits stderr."""
    return BarProgress() if sys.stderr.isatty() else LineProgress()


class IndexProgress(AbstractContextManager["IndexProgress"]):
    """Takes the indexer's events; enter it for as long as the indexer runs."""

    def __call__(self, event: "ProgressEvent") -> None:
        raise NotImplementedError


class LineProgress(IndexProgress):
    """One line when a video is begun and one when it failed."""

    def __exit__(self, *exc: object) -> None:
        return None

    def __call__(self, event: "ProgressEvent") -> None:
        name = event.path.name
        if event.kind == "video":
            say(f"[{event.position}/{event.total}] {name}")
        elif event.kind == "done" and event.message:
            say(f"[{event.position}/{event.total}] {name}: {event.message}")


class BarProgress(IndexProgress):
    """A bar for the video at work: position, x realtime, time left."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
            console=console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("looking for videos", total=None, rate="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, event: "ProgressEvent") -> None:
        if event.kind == "video":
            name = printable(event.path.name)
            self._progress.reset(
                self._task,
                description=f"[{event.position}/{event.total}] {name}",
                total=event.duration_s,
                rate="",
            )
        elif event.kind in ("progress", "stage"):
            speed = self._progress.tasks[0].speed
            self._progress.update(
                self._task,
                completed=event.done_s,
                total=event.duration_s,
                rate=f"{speed:.1f}x realtime" if speed else "",
            )
        elif event.message:
            line = f"{printable(event.path.name)}: {printable(event.message)}"
            self._progress.console.print(line, style="red")
