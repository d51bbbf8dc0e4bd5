"""Ask a library questions: run, stream, resume and record the graph."""

import asyncio
import logging
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from longtake.agent.answer import Answer
from longtake.agent.context import Context, register
from longtake.agent.graph import RECURSION_LIMIT, build_graph
from longtake.agent.state import Input
from longtake.errors import LibraryError, UsageError
from longtake.timing import Span
from longtake.tools.library import Library

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

CHECKPOINTS = "checkpoints.db"
"""File in the library folder that keeps unfinished runs."""
_BUSY_S = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened while a question was worked on."""

    kind: str
    """`planned`, `retrieved`, `drafted`, `verified` or `answer`."""
    run_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain values; what they are depends on the kind."""
    answer: Answer | None = None
    """With the last event, `answer`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run that was interrupted and can be resumed."""

    run_id: str
    question: str


class Agent:
    """Answers questions over a library, in evidence mode: it quotes what was said or written,
    with the moments.

        >>> from longtake import Agent, Library
        >>> with Library.open("my-library") as library:            # doctest: +SKIP
        ...     answer = Agent(library).ask_sync("Who built the station?")
        ...     print(answer.text, answer.confidence, answer.evidence)

    Args:
        library: an open library; closing it stays with the caller.
        checkpoint: keep the state of each run in the library until it ends, so that a killed run
        can be resumed.
    """

    def __init__(self, library: Library, *, checkpoint: bool = True) -> None:
        self._library = library
        self._checkpoint = checkpoint

    async def ask(
        self,
        question: str,
        options: Sequence[str] | None = None,
        *,
        videos: Sequence[str] | None = None,
        between: Span | None = None,
    ) -> Answer:
        """The answer to a question, or an abstention that says what was looked for.

        Args:
            options: choose among these (multiple choice).
            videos: keys of the videos to look in; all when None.
            between: only this stretch of each video.

        Raises:
            UsageError: the question is empty, there is one option or two equal ones, or a video
            key fits none.
        """
        events = self.stream(question, options, videos=videos, between=between)
        return await _last_answer(events)

    def ask_sync(
        self,
        question: str,
        options: Sequence[str] | None = None,
        *,
        videos: Sequence[str] | None = None,
        between: Span | None = None,
    ) -> Answer:
        """`ask` for callers without an event loop; inside one (notebooks) it works in a thread."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.ask(question, options, videos=videos, between=between))
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(
                asyncio.run, self.ask(question, options, videos=videos, between=between)
            ).result()

    async def stream(
        self,
        question: str,
        options: Sequence[str] | None = None,
        *,
        videos: Sequence[str] | None = None,
        between: Span | None = None,
    ) -> AsyncIterator[Event]:
        """The run's events as they happen; the last one carries the answer. Arguments and errors
        of `ask`."""
        request = self._request(question, options, videos, between)
        async for event in self._run(uuid.uuid4().hex, request):
            yield event

    async def resume(self, run_id: str) -> Answer:
        """Finish a run that was interrupted, from its last completed node.

        Raises:
            UsageError: there is no such unfinished run.
        """
        if run_id not in {run.run_id for run in await self.unfinished()}:
            raise UsageError(f"no unfinished run {run_id!r} in this library")
        return await _last_answer(self._run(run_id, None))

    async def unfinished(self) -> list[Unfinished]:
        """Runs that were interrupted, newest first."""
        if not (self._library.root / CHECKPOINTS).is_file():
            return []
        runs: dict[str, str] = {}
        async with self._saver() as saver:
            if saver is None:
                return []
            async for item in saver.alist(None):
                run_id = str(item.config["configurable"]["thread_id"])
                question = item.checkpoint["channel_values"].get("question")
                if question is not None:
                    runs.setdefault(run_id, question)
        return [Unfinished(run_id=run_id, question=question) for run_id, question in runs.items()]

    def _request(
        self,
        question: str,
        options: Sequence[str] | None,
        videos: Sequence[str] | None,
        between: Span | None,
    ) -> Input:
        if not question.strip():
            raise UsageError("the question is empty")
        if options is not None and (len(options) < 2 or len(set(options)) < len(options)):
            raise UsageError(f"options must be at least two different texts, got {list(options)!r}")
        ids = [] if videos is None else [self._library.video(key).id for key in videos]
        if videos is not None and not ids:
            raise UsageError("no videos to look in: give their keys, or None for all")
        return {
            "question": question,
            "options": list(options or ()),
            "videos": ids,
            "between": [] if between is None else [between.start, between.end],
        }

    async def _run(self, run_id: str, request: Input | None) -> AsyncIterator[Event]:
        asked_at = time.time()
        context = Context(library=register(self._library))
        trace: list[dict[str, Any]] = []
        output: dict[str, Any] = {}
        async with self._saver() as saver:
            stream = build_graph(saver).astream(
                request,
                {"configurable": {"thread_id": run_id}, "recursion_limit": RECURSION_LIMIT},
                context=context,
                stream_mode=["custom", "values"],
                durability="sync" if saver is not None else None,
            )
            async for part in stream:
                mode, data = cast("tuple[str, dict[str, Any]]", part)
                if mode == "values":
                    output = data
                    continue
                trace.append({**data, "at_s": round(time.time() - asked_at, 3)})
                yield Event(kind=data["event"], run_id=run_id, data=data)
            if saver is not None:
                await saver.adelete_thread(run_id)
            interrupted = self._checkpoint and saver is None
        answer = replace(Answer.from_dict(output["answer"]), run_id=run_id)
        if interrupted:
            answer = _noted(
                answer, "this run could not be resumed: the library folder is read-only"
            )
        answer = await asyncio.to_thread(self._record, answer, asked_at, trace)
        yield Event(kind="answer", run_id=run_id, data=answer.to_dict(), answer=answer)

    def _record(self, answer: Answer, asked_at: float, trace: list[dict[str, Any]]) -> Answer:
        """Keep the run in the library; when that cannot be, the answer says so."""
        try:
            self._library.store.save_run(
                answer.run_id,
                asked_at=asked_at,
                question=answer.question,
                answer=answer.to_dict(),
                ledger={},
                trace=trace,
            )
        except LibraryError as exc:
            _log.info("run %s is not recorded: %s", answer.run_id, exc)
            return _noted(answer, f"this run is not recorded: {exc}")
        return answer

    @asynccontextmanager
    async def _saver(self) -> AsyncIterator["AsyncSqliteSaver | None"]:
        """The checkpointer, or None where checkpoints are off or the library cannot be written."""
        if not self._checkpoint:
            yield None
            return
        import aiosqlite
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        try:
            connection = await aiosqlite.connect(self._library.root / CHECKPOINTS, timeout=_BUSY_S)
        except sqlite3.Error as exc:
            _log.info("no checkpoints: %s", exc)
            yield None
            return
        try:
            saver = AsyncSqliteSaver(connection)
            try:
                await saver.setup()
            except sqlite3.Error as exc:
                _log.info("no checkpoints: %s", exc)
                yield None
            else:
                yield saver
        finally:
            await connection.close()


async def _last_answer(events: AsyncIterator[Event]) -> Answer:
    answer = None
    async for event in events:
        answer = event.answer or answer
    if answer is None:
        raise LookupError("the run ended without an answer")
    return answer


def _noted(answer: Answer, note: str) -> Answer:
    return replace(answer, notes=(*answer.notes, note))
