"""Draft -> answer: every citation is checked against what is stored, then put into words."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from longtake.agent.answer import Answer, Evidence, Looked, Searched
from longtake.agent.context import Context, library_of
from longtake.agent.desk import close_desk, desk_of, has_model
from longtake.agent.events import emit
from longtake.agent.evidence import answer_with, glanced, shown_pieces
from longtake.agent.moments import moment_start
from longtake.agent.outcomes import UNSENT
from longtake.agent.requests import answer_again_request
from longtake.agent.respond import NOTHING
from longtake.agent.state import Citation, LaneName, Row, State
from longtake.agent.wording import wording
from longtake.index.records import VideoRecord
from longtake.index.store import Store
from longtake.timing import Span

UNSUPPORTED = 0.3
"""Most that an answer without evidence is trusted."""
SLACK_S = 0.5
"""Stored times may exceed the measured duration by this much; more is not clamped but dropped."""


async def verify(state: State, runtime: Runtime[Context]) -> Command[Literal["answer", "__end__"]]:
    """Graph node: the final answer, whose every citation holds; or the model once more, when
    nothing that it cited does."""
    final = verified_answer(state, library_of(runtime.context).store)
    again = await _can_ask_again(state, runtime, final)
    trace = emit(
        runtime,
        "verified",
        evidence=len(final.evidence),
        notes=list(final.notes),
        again=again,
    )
    if again:
        return Command(goto="answer", update={"asked_again": True, "trace": trace})
    if has_model(runtime):
        desk = await desk_of(state, runtime)
        final = replace(final, run_id=state["run_id"], receipt=desk.receipt())
        close_desk(state["run_id"])
    # the thread's next question has its own options and filters, or none
    cleared: State = {"options": [], "videos": [], "between": []}
    return Command(goto="__end__", update={**cleared, "answer": final.to_dict(), "trace": trace})


async def _can_ask_again(state: State, runtime: Runtime[Context], final: Answer) -> bool:
    draft = state["draft"]
    if draft.get("by") != "model" or state.get("asked_again"):
        return False
    if final.supported or final.abstained:
        return False
    desk = await desk_of(state, runtime)
    found, pictures = await asyncio.to_thread(shown_pieces, desk, state)
    again = answer_again_request(
        answer_with(state, found, pictures),
        draft.get("said", ""),
        draft.get("faults") or [NOTHING],
    )
    return desk.calls.fits(again, answer=True)


def verified_answer(state: State, store: Store) -> Answer:
    """The answer of a draft without the citations that do not hold. None left means that a quoted
    answer abstains, and that a model's answer is marked as unsupported."""
    draft, plan = state["draft"], state["plan"]
    videos = {video.id: video for video in store.videos()}
    retrieved = {(row["lane"], row["id"]): row for row in state["rows"]}
    notes: list[str] = list(state.get("notes") or [])
    kept: list[tuple[Citation, Evidence]] = []
    for citation in draft["citations"]:
        piece, fault = _checked(citation, state, retrieved, videos, store)
        if piece is not None:
            if piece.lane == "speech" and len(citation["rows"]) == 1:
                segment = store.segment(citation["rows"][0]).segment
                start = moment_start(segment, state["question"])
                piece = replace(piece, start=max(piece.start, start))
            kept.append((citation, piece))
        else:
            notes.append(f"a citation was dropped: {fault}")
    leads = [_checked(lead, state, retrieved, videos, store)[0] for lead in draft["leads"]]
    looked = _looked(state)
    said = "text" in draft and not draft["abstained"]
    abstained = draft["abstained"] or not (kept or said)
    supported = bool(kept) and not abstained
    reason = draft["reason"]
    if abstained and not draft["abstained"]:
        reason = "no citation held when it was checked"
    if said and not kept:
        notes.append("no evidence supports this answer: nothing that it cites was found or seen")
    if "shown" in draft and len(draft["shown"]) < len(glanced(state)):
        notes.append("a moment could not be shown")
    notes += [f"the model cited {fault}" for fault in draft.get("faults") or ()]
    if "note" in draft:
        notes.append(draft["note"])
    answer = Answer(
        text="",
        question=state["question"],
        option=None if abstained else draft["option"],
        option_scores=draft["option_scores"],
        confidence=round(min(draft["confidence"], 1.0 if kept or abstained else UNSUPPORTED), 4),
        abstained=abstained,
        reason=reason,
        supported=supported,
        mode="looked" if looked else "evidence",
        evidence=() if abstained else tuple(piece for _, piece in kept),
        leads=tuple(lead for lead in leads if lead is not None),
        searched=Searched(
            queries=tuple(q["text"] for q in plan["sub_queries"]),
            lanes=state["searched"],
            looked=looked,
        ),
        notes=tuple(notes),
    )
    queries = [citation["query"] for citation, _ in kept]
    return wording(answer, plan, queries, said=draft.get("text") if said else None)


def _looked(state: State) -> tuple[Looked, ...]:
    """Views that a model was shown: a reply came for them, of use or not."""
    replied = {o["view"] for o in state.get("observations") or [] if o["outcome"] not in UNSENT}
    replied |= set(state["draft"].get("shown") or ())
    return tuple(
        Looked(video_id=view["video_id"], start=view["start"], end=view["end"])
        for view in state.get("views") or []
        if view["id"] in replied
    )


def _checked(
    citation: Citation,
    state: State,
    retrieved: Mapping[tuple[LaneName, int], Row],
    videos: Mapping[str, VideoRecord],
    store: Store,
) -> tuple[Evidence | None, str | None]:
    if "view" in citation:
        return check_sighting(citation, state, videos)
    return check_citation(citation, retrieved, videos, store)


def check_sighting(
    citation: Citation, state: State, videos: Mapping[str, VideoRecord]
) -> tuple[Evidence | None, str | None]:
    """The evidence of a cited observation, clamped to its video, or what is wrong with it: its
    moment must have been looked at."""
    video = videos.get(citation["video_id"])
    if video is None:
        return None, f"video {citation['video_id']!r} is not in the library"
    span = Span(citation["start"], citation["end"])
    shown = [
        view
        for view in state.get("views") or []
        if view["video_id"] == video.id and view["start"] <= span.end and span.start <= view["end"]
    ]
    if citation["view"] not in {view["id"] for view in shown}:
        return None, f"{span} of {video.title!r} was not looked at"
    if span.start >= video.duration or span.end > video.duration + SLACK_S:
        return None, f"it lies beyond the end of {video.title!r}"
    looks = [
        o for o in state.get("observations") or [] if o["view"] == citation["view"] and o["claim"]
    ]
    telling = next((o for o in looks if o["relevant"]), looks[0] if looks else None)
    return Evidence(
        video_id=video.id,
        video_title=video.title,
        video_path=str(video.path),
        start=span.start,
        end=min(span.end, video.duration),
        lane="visual",
        quote=None,
        score=citation["score"],
        claim=telling["claim"] if telling is not None else None,
        view=citation["view"],
    ), None


def check_citation(
    citation: Citation,
    retrieved: Mapping[tuple[LaneName, int], Row],
    videos: Mapping[str, VideoRecord],
    store: Store,
) -> tuple[Evidence | None, str | None]:
    """The evidence a citation stands for, clamped to its video, or what is wrong with it."""
    video = videos.get(citation["video_id"])
    if video is None:
        return None, f"video {citation['video_id']!r} is not in the library"
    rows = [retrieved.get((citation["lane"], row)) for row in citation["rows"]]
    if not rows or any(row is None or row["video_id"] != video.id for row in rows):
        return None, "it was not retrieved for this question"
    start, end = citation["start"], citation["end"]
    if start >= video.duration or end > video.duration + SLACK_S:
        return None, f"it lies beyond the end of {video.title!r}"
    first = min(row["start"] for row in rows if row is not None)
    last = max(row["end"] for row in rows if row is not None)
    if not first <= start <= end <= last:
        return None, "its times are not those of the lines it names"
    if citation["lane"] != "visual" and citation["quote"] != _stored_text(store, citation):
        return None, "its quote is not what is stored"
    piece = Evidence(
        video_id=video.id,
        video_title=video.title,
        video_path=str(video.path),
        start=start,
        end=min(end, video.duration),
        lane=citation["lane"],
        quote=citation["quote"],
        score=citation["score"],
    )
    return piece, None


def _stored_text(store: Store, citation: Citation) -> str:
    if citation["lane"] == "speech":
        return " ".join(store.segment(row).segment.text for row in citation["rows"])
    return " ".join(store.cue(row).cue.text for row in citation["rows"])
