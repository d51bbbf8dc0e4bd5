"""The agent as a system: what its answer, its trace and its receipt say, in the terms of a log."""

from collections.abc import Iterator
from typing import Any

from longtake.agent.agent import Agent
from longtake.agent.answer import Answer
from longtake.agent.desk import JOURNAL
from longtake.eval.asking import UNREACHED, Asked, Outcome, call_facts, overran, spent_of
from longtake.eval.records import Cited, FrameSent
from longtake.eval.watched import WatchedLibrary
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.messages import Vlm

_UNSEEN = frozenset({"failed", "no budget"})
"""Outcomes of looks whose frames no model was sent."""


async def ask_agent(
    library: WatchedLibrary, vlm: Vlm, asked: Asked, *, policy: str, preset: str
) -> Outcome:
    """Ask the agent as a user would.

    Raises:
        LongtakeError: it cannot be asked; failures of calls are in the outcome instead.
    """
    agent = Agent(
        library, vlm=vlm, budget=asked.budget, policy=policy, preset=preset, checkpoint=False
    )
    question = asked.question
    options = list(question.options) if len(question.options) > 1 else None
    answer = await agent.ask(
        question.text,
        options,
        videos=[video.id for video in asked.videos],
        between=asked.between,
        run_id=asked.run_id,
    )
    trace = library.store.run(answer.run_id).trace
    return _outcome(library, asked, answer, trace)


def _outcome(
    library: WatchedLibrary, asked: Asked, answer: Answer, trace: list[dict[str, Any]]
) -> Outcome:
    by_model = any(e["event"] == "drafted" and e.get("by") == "model" for e in trace[-4:])
    said = _last_words(library, answer.run_id)
    options = asked.question.options
    place = options.index(answer.option) if answer.option in options else None
    receipt = answer.receipt
    calls = [event for event in trace if event["event"] == "called"]
    failed = [event for event in calls if event["outcome"] in UNREACHED]
    refused = bool(calls) and calls[-1]["outcome"] == "refused"
    return Outcome(
        status="error" if failed else "refused" if refused else "ok",
        error=f"{len(failed)} calls were {failed[0]['outcome']}" if failed else None,
        answered_by="model" if by_model else "rules",
        raw=said if by_model and said else answer.text,
        text=answer.text,
        place=place,
        abstained=answer.abstained,
        confidence=answer.confidence,
        cited=tuple(
            Cited(video=piece.video_id, start_s=piece.start, end_s=piece.end, lane=piece.lane)
            for piece in answer.evidence
        ),
        frames=tuple(_frames(trace)),
        spent=Outcome(status="ok").spent if receipt is None else spent_of(receipt),
        overrun=receipt is not None and overran(receipt),
        vlm_s=0.0 if receipt is None else receipt.total.seconds,
        agent_run=answer.run_id,
        extra={
            "supported": answer.supported,
            "mode": answer.mode,
            "unreached": any(event["outcome"] == "unavailable" for event in failed),
            "notes": list(answer.notes),
            **({} if receipt is None else call_facts(receipt)),
        },
    )


def _last_words(library: WatchedLibrary, run_id: str) -> str | None:
    """The last reply to the final question, as it came."""
    journal = Journal.open(library.root / JOURNAL)
    try:
        kept = [call for call in journal.calls(run_id) if call.call.answer]
    finally:
        journal.close()
    replies = [call.reply.text for call in kept if call.reply is not None]
    return replies[-1] if replies else None


def _frames(trace: list[dict[str, Any]]) -> Iterator[FrameSent]:
    """The frames of every look that reached the model, and those that it said yes or no about to
    choose them."""
    missed = {
        event["observation"]["view"]
        for event in trace
        if event["event"] == "observed" and event["observation"]["outcome"] in _UNSEEN
    }
    for event in trace:
        if event["event"] != "selected":
            continue
        seen = [view for view in event["views"] if view["id"] not in missed]
        for shown in (*event.get("asked", ()), *seen):
            crop = shown.get("crop")
            for time in shown["times"]:
                yield FrameSent(
                    video=shown["video_id"],
                    t_s=time,
                    width=shown["width"],
                    height=shown["height"],
                    crop=tuple(crop) if crop else None,
                )
