"""Draft -> answer: every citation is checked against what is stored, then put into words."""

from collections.abc import Mapping
from dataclasses import replace

from langgraph.runtime import Runtime

from longtake.agent.answer import Answer, Evidence, Searched
from longtake.agent.context import Context, library_of
from longtake.agent.moments import moment_start
from longtake.agent.state import Citation, LaneName, Row, State
from longtake.agent.wording import wording
from longtake.index.records import VideoRecord
from longtake.index.store import Store

SLACK_S = 0.5
"""Stored times may exceed the measured duration by this much; more is not clamped but dropped."""


def verify(state: State, runtime: Runtime[Context]) -> State:
    """Graph node: the final answer, whose every citation holds."""
    final = verified_answer(state, library_of(runtime.context).store)
    runtime.stream_writer(
        {"event": "verified", "evidence": len(final.evidence), "notes": list(final.notes)}
    )
    return {"answer": final.to_dict()}


def verified_answer(state: State, store: Store) -> Answer:
    """The answer of a draft without the citations that do not hold; none left means it abstains."""
    draft, plan = state["draft"], state["plan"]
    videos = {video.id: video for video in store.videos()}
    retrieved = {(row["lane"], row["id"]): row for row in state["rows"]}
    notes: list[str] = list(state.get("notes") or [])
    kept: list[tuple[Citation, Evidence]] = []
    for citation in draft["citations"]:
        piece, fault = check_citation(citation, retrieved, videos, store)
        if piece is not None:
            if piece.lane == "speech" and len(citation["rows"]) == 1:
                segment = store.segment(citation["rows"][0]).segment
                start = moment_start(segment, state["question"])
                piece = replace(piece, start=max(piece.start, start))
            kept.append((citation, piece))
        else:
            notes.append(f"a citation was dropped: {fault}")
    leads = [check_citation(lead, retrieved, videos, store)[0] for lead in draft["leads"]]
    abstained = draft["abstained"] or not kept
    reason = draft["reason"]
    if abstained and not draft["abstained"]:
        reason = "no citation held when it was checked"
    answer = Answer(
        text="",
        question=state["question"],
        option=None if abstained else draft["option"],
        option_scores=draft["option_scores"],
        confidence=round(draft["confidence"], 4),
        abstained=abstained,
        reason=reason,
        evidence=() if abstained else tuple(piece for _, piece in kept),
        leads=tuple(lead for lead in leads if lead is not None),
        searched=Searched(
            queries=tuple(q["text"] for q in plan["sub_queries"]), lanes=state["searched"]
        ),
        notes=tuple(notes),
    )
    return wording(answer, plan, [citation["query"] for citation, _ in kept])


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
