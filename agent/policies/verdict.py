"""An answer that ends a conversation, as a draft whose citation is a moment that was shown."""

from collections.abc import Sequence

from longtake.agent.citations import view_citation
from longtake.agent.desk import Desk
from longtake.agent.evidence import Piece
from longtake.agent.look import blank
from longtake.agent.policies.conversation import unseen
from longtake.agent.policies.replies import SpotlightReply, ZoomReply
from longtake.agent.replies import AnswerReply, CitationReply
from longtake.agent.requests import seconds
from longtake.agent.respond import from_reply
from longtake.agent.sightings import frame_gap
from longtake.agent.state import Draft, Observation, State, View
from longtake.index.records import VideoRecord
from longtake.timing import Span

MOSTLY = 0.5
"""Share of a moment that a view must hold to be cited for it."""


def verdict(
    desk: Desk,
    state: State,
    reply: ZoomReply | SpotlightReply,
    said: str,
    *,
    shown: Sequence[View],
    video: VideoRecord | None,
    span: Span | None,
) -> tuple[tuple[Observation, ...], Draft]:
    """What an answer says was seen, and the draft that it is.

    Args:
        said: the reply as it came.
        shown: views that the model had before it.
        video: that the model names for it; None when there is no video of that name, and then
            nothing is cited.
        span: the moment that the model names for it; None when it named none: then the zoom that
            was shown last is cited, or what was shown first.
    """
    view = None
    if video is not None:
        view = _default(shown) if span is None else showing(shown, video.id, span)
    found = [_piece(view)] if view is not None else []
    telling = bool(reply.answer.strip() or reply.option)
    observations = tuple(blank(other, "ok") for other in unseen(state) if other is not view)
    if view is not None:
        observations = (*observations, _seen(view, reply, span, relevant=telling))
    answer = AnswerReply(
        answer=reply.answer,
        option=reply.option,
        confidence=reply.confidence,
        evidence=[_citation(view, span)] if view is not None else [],
        missing=reply.short_thought or None,
    )
    known = [*(state.get("observations") or []), *observations]
    draft = from_reply(desk, {**state, "observations": known}, found, answer, said)
    if video is None and telling:
        draft["faults"] = [*draft["faults"], f"{reply.video!r}, which is no video"]
    elif video is not None and view is None and span is not None:
        moment = f"{desk.label(video.id)} {seconds(span.start)}-{seconds(span.end)} s"
        draft["faults"] = [*draft["faults"], f"{moment}, which it was not shown"]
    return observations, {**draft, "leads": []}


def showing(shown: Sequence[View], video_id: str, span: Span) -> View | None:
    """The finest view that holds most of a moment, else the finest that shows any of it."""
    near = [
        view
        for view in shown
        if view["video_id"] == video_id and view["start"] <= span.end and span.start <= view["end"]
    ]
    mostly = [v for v in near if _span(v).overlap(span) >= MOSTLY * span.duration]
    return min(mostly or near, key=frame_gap, default=None)


def _default(shown: Sequence[View]) -> View:
    zooms = [view for view in shown if view["kind"] == "zoom"]
    return zooms[-1] if zooms else shown[0]


def _span(view: View) -> Span:
    return Span(view["start"], view["end"])


def _piece(view: View) -> Piece:
    return Piece(
        label=view["id"],
        head="",
        words="",
        citation=view_citation(
            view["video_id"], view["start"], view["end"], view=view["id"], score=1.0
        ),
    )


def _citation(view: View, span: Span | None) -> CitationReply:
    if span is None:
        return CitationReply(label=view["id"])
    return CitationReply(label=view["id"], **{"from": span.start, "to": span.end})


def _seen(
    view: View, reply: ZoomReply | SpotlightReply, span: Span | None, *, relevant: bool
) -> Observation:
    start, end = (view["start"], view["end"]) if span is None else (span.start, span.end)
    return {
        **blank(view, "ok"),
        "start": max(view["start"], min(start, view["end"])),
        "end": min(view["end"], max(end, view["start"])),
        "claim": reply.short_thought or " ".join(reply.answer.split()),
        "relevant": relevant,
        "confidence": reply.confidence,
    }
