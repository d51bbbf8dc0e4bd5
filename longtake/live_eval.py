"""What an evaluation shows while it goes on, on stderr: a bar on a terminal, else a line now and
then."""

import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from longtake.console import console, printable, say
from longtake.eval.batch import Told
from longtake.progress import index_progress

if TYPE_CHECKING:
    from longtake.eval.identity import Identity
    from longtake.eval.records import Record
    from longtake.eval.runner import Tell
    from longtake.eval.samples import Loaded
    from longtake.index.reports import ProgressEvent

LINE_S = 10.0
"""Between two lines where stderr is no terminal."""


class Live(Told):
    """Shows how a batch goes; enter it for as long as that runs."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._index: Any = None
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def loaded(self, loaded: "Loaded", asked: int) -> None:
        """Say what is there and what is not."""
        say(f"{loaded.benchmark} {loaded.split}: {asked} of {len(loaded.samples)} questions")
        for line in loaded.missing:
            say(f"missing: {line}", style="yellow")

    def indexing(self, event: "ProgressEvent") -> None:
        """Show indexing as `longtake index` does."""
        if self._index is None:
            self._index = self._stack.enter_context(index_progress())
        self._index(event)

    def begins(self, identity: "Identity", folder: Path) -> "Tell":
        """Show one run."""
        self._stack.close()
        self._index = None
        say(f"{identity.label}: {folder}")
        return self._bar_of(identity.label) if sys.stderr.isatty() else _Lines(identity.label)

    def _bar_of(self, label: str) -> "Tell":
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        progress = self._stack.enter_context(
            Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.completed}/{task.total}", markup=False),
                TextColumn("{task.fields[facts]}", markup=False),
                TimeRemainingColumn(),
                console=console(stderr=True),
                transient=True,
            )
        )
        task = progress.add_task(printable(label), total=None, facts="")
        counts: Counter[str] = Counter()

        def tell(record: "Record", done: int, total: int) -> None:
            counts[record.status] += 1
            progress.update(task, completed=done, total=total, facts=_facts(counts))

        return tell


class _Lines:
    """A line every `LINE_S`, and one at the end."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._last = time.monotonic()
        self._counts: Counter[str] = Counter()

    def __call__(self, record: "Record", done: int, total: int) -> None:
        self._counts[record.status] += 1
        if done == total or time.monotonic() - self._last >= LINE_S:
            self._last = time.monotonic()
            say(f"{self._label}: {done}/{total}{_facts(self._counts)}")


def _facts(counts: Counter[str]) -> str:
    """Statuses other than ok."""
    odd = [f"{count} {status}" for status, count in counts.items() if status != "ok"]
    return f" ({', '.join(odd)})" if odd else ""
