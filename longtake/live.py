"""The live view of a question: what is looked at and why, what was seen, what is left to spend.

Drawn on stderr while the run goes on, and only on a terminal; it is gone when the answer comes.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

import typer

from longtake.console import EXIT_INTERRUPTED, console, printable, say
from longtake.run_look import Look, counted
from longtake.run_story import Step, Steps, Tokens
from longtake.timing import format_time

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    from longtake.agent.agent import Event
    from longtake.agent.answer import Answer

_DOING = {
    "planned": "searching",
    "retrieved": "choosing what to look at",
    "selected": "looking",
    "reflected": "going on",
    "drafted": "checking the citations",
    "verified": "writing the answer",
}
"""What a run does after each step."""

_LINES_BESIDE = 4
"""Lines of a terminal that the log of a run leaves free."""


def ask_live(events: AsyncIterator["Event"], names: Mapping[str, str]) -> "Answer":
    """`live_ask` for callers without an event loop; Ctrl-C ends the program with code 130.

    Raises:
        typer.Exit: interrupted, and told how to go on.
        KeyboardInterrupt: interrupted before anything happened.
    """
    view = LiveView(names)
    try:
        return asyncio.run(live_ask(events, view))
    except KeyboardInterrupt:
        if view.run_id is None:
            raise
        say(f"interrupted; to go on: longtake ask --resume {view.run_id}", style="yellow")
        raise typer.Exit(EXIT_INTERRUPTED) from None


async def live_ask(events: AsyncIterator["Event"], view: "LiveView") -> "Answer":
    """Follow a run to its end, drawing it if stderr is a terminal.

    Args:
        events: what `Agent.stream` yields.

    Raises:
        LookupError: the run ended without an answer.
    """
    answer = None
    with view.drawn() if sys.stderr.isatty() else nullcontext():
        async for event in events:
            view.take(event)
            answer = event.answer or answer
    if answer is None:
        raise LookupError("the run ended without an answer")
    return answer


class LiveView:
    """What a run has done so far, as a few lines that fit the terminal.

    Args:
        names: video id -> what to call it.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        from rich.spinner import Spinner

        self.run_id: str | None = None
        self._names = names
        self._began = time.time()
        self._steps = Steps(self._began)
        self._spinner = Spinner("dots")

    def take(self, event: "Event") -> None:
        """Add what happened."""
        self.run_id = event.run_id
        if event.kind != "answer":
            self._steps.take(event.data)

    def drawn(self) -> "Live":
        """Draw on stderr for as long as the context is open; nothing of it stays."""
        from rich.live import Live

        return Live(self, console=console(stderr=True), transient=True, refresh_per_second=10)

    def __rich_console__(
        self, terminal: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        room = max(1, terminal.height - _LINES_BESIDE)
        lines = [line for step in list(self._steps.made) for line in self._step(step)]
        yield self._head()
        yield from lines[-room:]
        if self._steps.tokens is not None:
            yield _bar(self._steps.tokens)

    def _head(self) -> "Table":
        from rich.text import Text

        last = self._steps.made[-1] if self._steps.made else None
        doing = _DOING.get(last.kind, "working") if last else "thinking"
        if last is not None and last.kind == "selected":
            done = sum(look.seen is not None for look in last.looks)
            doing = f"{last.title.lower()}: seen {done} of {counted(len(last.looks), 'view')}"
        return self._beside_spinner(
            Text(f"{doing}  {time.time() - self._began:.0f} s", style="bold")
        )

    def _beside_spinner(self, text: "Text") -> "Table":
        from rich.table import Table

        row = Table.grid(padding=(0, 1))
        row.add_row(self._spinner, text)
        return row

    def _step(self, step: Step) -> "list[RenderableType]":
        if step.kind == "planned":
            queries = ", ".join(f'"{query}"' for query in step.lines)
            return [_line("plan", queries)]
        if step.kind == "selected":
            return [self._look(look) for look in step.looks]
        if step.kind == "reflected":
            return [_line("next", " - ".join([step.detail, *step.lines]))]
        return [_line(step.title.lower(), step.detail)]

    def _look(self, look: Look) -> "RenderableType":
        from rich.text import Text

        where = f"{look.id} {self._names.get(look.video_id, look.video_id[:8])} {look.span}"
        seen = look.seen
        if seen is None:
            text = _cut(Text.assemble((printable(where), "cyan"), f"  {printable(look.why)}"))
            return self._beside_spinner(text) if look.begun else Text("  ").append_text(text)
        if seen.outcome != "ok":
            mark, said, style = "! ", f"no usable reply: {seen.outcome}", "yellow"
        elif seen.relevant:
            mark, said, style = "+ ", f"{format_time(seen.span.start)} {seen.claim}", ""
        else:
            mark, said, style = "- ", "nothing to the point", "dim"
        return _cut(Text.assemble(mark, (printable(where), "cyan"), "  ", (printable(said), style)))


def _line(head: str, text: str) -> "Text":
    from rich.text import Text

    return _cut(Text.assemble((f"  {head} ", "bold"), printable(text)))


def _cut(text: "Text") -> "Text":
    """One line of a terminal, however long."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _bar(tokens: Tokens) -> "Table":
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    row = Table.grid(padding=(0, 1))
    row.add_row(
        "tokens",
        ProgressBar(total=tokens.limit, completed=tokens.spent, width=32),
        f"{tokens.spent:,} of {tokens.limit:,}, {tokens.left:,} left",
    )
    return row
