"""Ask a library questions: run, stream, resume and record the graph."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from longtake.agent.answer import Answer
from longtake.agent.checkpoints import Unfinished, checkpointer, unfinished
from longtake.agent.context import Context, register, register_vlm
from longtake.agent.desk import close_desk
from longtake.agent.forecast import Forecast, forecast
from longtake.agent.graph import RECURSION_LIMIT, build_graph
from longtake.agent.retrieve import POLICIES
from longtake.agent.select import MOMENTS
from longtake.agent.state import Input
from longtake.errors import LibraryError, UsageError
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.select.choose import preset_named

if TYPE_CHECKING:
    from longtake.tools.vlm.messages import Vlm

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened while a question was worked on."""

    kind: str
    """`planned`, `retrieved`, `selected`, `looking`, `observed`, `called`, `reflected`, `drafted`,
    `verified` or `answer`."""
    run_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain values; `longtake.agent.events` lists what each kind has."""
    answer: Answer | None = None
    """With the last event, `answer`."""


def check_ways(policy: str, preset: str) -> None:
    """Refuse a policy and a preset that cannot be asked for.

    Raises:
        UsageError: there is no such policy or preset, or they do not go together.
    """
    if policy not in POLICIES:
        raise UsageError(f"no policy {policy!r}; there are {', '.join(POLICIES)}")
    if preset != MOMENTS:
        preset_named(preset)
        if POLICIES[policy] != "select":
            raise UsageError(
                f"the policy {policy!r} itself chooses what to show; leave the preset "
                f"{preset!r} out"
            )


class Agent:
    """Answers questions over a library: retrieves, looks at the few moments that matter through a
    vision-language model within a budget of tokens, and cites them. Without a model it quotes what
    was said or written.

        >>> from longtake import Agent, Library
        >>> with Library.open("my-library") as library:            # doctest: +SKIP
        ...     agent = Agent(library, vlm="http://127.0.0.1:8000/v1#qwen2.5-vl", budget=16_000)
        ...     answer = agent.ask_sync("When does the light turn green?")
        ...     print(answer.text, answer.confidence, answer.evidence, answer.receipt)

    Args:
        library: an open library; closing it stays with the caller.
        vlm: what `--vlm` takes, or an object with the methods of `longtake.tools.vlm.messages.Vlm`,
            which stays the caller's to close; None takes the settings' model, `none` has none.
        budget: tokens that a question may cost, all calls together; None is the settings' budget.
        policy: how the next thing to look at is chosen: `default`, `love_zoom` or `spotlight`.
        preset: what is looked at first: `moments`, or the frames that one of `longtake presets`
            chooses, with the policy `default` only; None takes the settings'.
        checkpoint: keep the state of each run in the library until it ends, so that a killed run
            can be resumed.

    Raises:
        UsageError: the budget is not positive, there is no such policy or preset, or they do not
            go together.
    """

    def __init__(
        self,
        library: Library,
        *,
        vlm: "str | Vlm | None" = None,
        budget: int | None = None,
        policy: str | None = None,
        preset: str | None = None,
        checkpoint: bool = True,
    ) -> None:
        if budget is not None and budget <= 0:
            raise UsageError(f"the budget must be positive, got {budget}")
        settings = library.settings.agent
        policy, preset = policy or settings.policy, preset or settings.preset
        check_ways(policy, preset)
        self._library = library
        self._checkpoint = checkpoint
        self._context = Context(
            library=register(library),
            vlm=register_vlm(vlm) if vlm is not None and not isinstance(vlm, str) else vlm or "",
            budget=budget or settings.budget,
            policy=policy,
            preset=preset,
        )

    async def ask(
        self,
        question: str,
        options: Sequence[str] | None = None,
        *,
        videos: Sequence[str] | None = None,
        between: Span | None = None,
        run_id: str | None = None,
    ) -> Answer:
        """The answer to a question, or an abstention that says what was looked for.

        Args:
            options: choose among these (multiple choice).
            videos: keys of the videos to look in; all when None.
            between: only this stretch of each video.
            run_id: under which run and calls are kept, no other run's; drawn when None.

        Raises:
            UsageError: the question is empty, there is one option or two equal ones, or a video
            key fits none.
        """
        events = self.stream(question, options, videos=videos, between=between, run_id=run_id)
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
        run_id: str | None = None,
    ) -> AsyncIterator[Event]:
        """The run's events as they happen; the last one carries the answer. Arguments and errors
        of `ask`."""
        run_id = run_id or uuid.uuid4().hex
        request = self._request(question, options, videos, between)
        async for event in self._run(run_id, {**request, "run_id": run_id}):
            yield event

    async def forecast(
        self,
        question: str,
        options: Sequence[str] | None = None,
        *,
        videos: Sequence[str] | None = None,
        between: Span | None = None,
    ) -> Forecast:
        """What a question may cost, without asking any model. Arguments and errors of `ask`.

        Raises:
            UsageError: there is no model that could be asked.
        """
        return await forecast(self._request(question, options, videos, between), self._context)

    async def resume(self, run_id: str) -> Answer:
        """Finish a run that was interrupted: nodes that ended are not run again, and replies that
        had come are not paid for again. Model, budget, policy and preset should be those that the
        run was started with.

        Args:
            run_id: id of the run, or a beginning of it that no other has.

        Raises:
            UsageError: there is no such unfinished run.
        """
        return await _last_answer(self.stream_resumed(run_id))

    async def stream_resumed(self, run_id: str) -> AsyncIterator[Event]:
        """`resume`, with the events from there on."""
        known = [run.run_id for run in await self.unfinished() if run.run_id.startswith(run_id)]
        if len(known) != 1:
            what = "no unfinished run" if not known else "several unfinished runs begin with"
            raise UsageError(f"{what} {run_id!r} in this library; longtake runs lists them")
        async for event in self._run(known[0], None):
            yield event

    async def unfinished(self) -> list[Unfinished]:
        """Runs that were interrupted, newest first."""
        return await unfinished(self._library.root) if self._checkpoint else []

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
        output: dict[str, Any] = {}
        try:
            async with checkpointer(self._library.root if self._checkpoint else None) as saver:
                stream = build_graph(saver).astream(
                    request,
                    {"configurable": {"thread_id": run_id}, "recursion_limit": RECURSION_LIMIT},
                    context=self._context,
                    stream_mode=["custom", "values"],
                    output_keys=["answer", "trace"],
                    durability="sync" if saver is not None else None,
                )
                try:
                    async for part in stream:
                        mode, data = cast("tuple[str, dict[str, Any]]", part)
                        if mode == "values":
                            output = data
                            continue
                        yield Event(kind=data["event"], run_id=run_id, data=data)
                except UsageError:
                    # asked again as it was it would end here again: nothing to resume
                    if saver is not None and request is not None:
                        await saver.adelete_thread(run_id)
                    raise
                if saver is not None:
                    await saver.adelete_thread(run_id)
                interrupted = self._checkpoint and saver is None
        finally:
            close_desk(run_id)
        answer = replace(Answer.from_dict(output["answer"]), run_id=run_id)
        if interrupted:
            answer = _noted(
                answer, "this run could not be resumed: the library folder is read-only"
            )
        answer = await asyncio.to_thread(self._record, answer, asked_at, output["trace"])
        yield Event(kind="answer", run_id=run_id, data=answer.to_dict(), answer=answer)

    def _record(self, answer: Answer, asked_at: float, trace: list[dict[str, Any]]) -> Answer:
        """Keep the run in the library; when that cannot be, the answer says so."""
        try:
            self._library.store.save_run(
                answer.run_id,
                asked_at=asked_at,
                question=answer.question,
                answer=answer.to_dict(),
                ledger=answer.receipt.to_dict() if answer.receipt is not None else {},
                trace=trace,
            )
        except (LibraryError, UnicodeError) as exc:
            _log.info("run %s is not recorded: %s", answer.run_id, exc)
            return _noted(answer, f"this run is not recorded: {exc}")
        return answer


async def _last_answer(events: AsyncIterator[Event]) -> Answer:
    answer = None
    async for event in events:
        answer = event.answer or answer
    if answer is None:
        raise LookupError("the run ended without an answer")
    return answer


def _noted(answer: Answer, note: str) -> Answer:
    return replace(answer, notes=(*answer.notes, note))
