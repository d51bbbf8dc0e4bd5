"""What a run would look at by itself: overviews where nothing speaks for a moment, else the moments
believed most; and whether a look is worth its tokens."""

from collections.abc import Sequence
from typing import NamedTuple

from longtake.agent.belief import LEAST_GAIN, confidence, gain
from longtake.agent.candidates import (
    allowed_videos,
    beliefs_by_video,
    bounds,
    candidates,
)
from longtake.agent.desk import Desk
from longtake.agent.draft import draft_answer
from longtake.agent.seeking import from_an_end
from longtake.agent.state import State, ViewKind, Wish
from longtake.agent.stretches import UNSEEN, Candidate
from longtake.timing import Span

FAN_OUT = 4
"""Views of a round."""
OVERVIEWS = 2
"""Videos that get an overview in the first round."""


class Outlook(NamedTuple):
    """What a round chooses by."""

    left: Sequence[Candidate]
    """Moments not looked at yet."""
    sure: float
    """That what was seen and read answers already, 0..1."""


def outlook(desk: Desk, state: State) -> Outlook:
    """What is known when a round begins."""
    read = draft_answer(state, desk.library.sentence_encoder)["confidence"]
    return Outlook(candidates(desk.library, state), confidence(state, read))


def own_wishes(desk: Desk, state: State, left: Sequence[Candidate]) -> list[Wish]:
    """By belief: overviews first where nothing speaks for a moment, then the best moments; one a
    video where the first or last of something is asked for.

    Args:
        left: moments not looked at yet.
    """
    videos = allowed_videos(desk.library, state)
    wishes: list[Wish] = []
    if not state.get("round") and _wants_overview(state, left):
        wishes = [
            _wish(video_id, bounds(videos[video_id], state), "overview", "an overview")
            for video_id in _by_belief(left, list(videos))[:OVERVIEWS]
        ]
        left = [c for c in left if c.why != UNSEEN]
    spread = len(videos) > 1 and not state.get("round")
    best = sorted(_one_a_video(left) if spread else left, key=lambda c: -c.belief)
    most = len(videos) if from_an_end(state) else FAN_OUT
    for candidate in best[: min(most, FAN_OUT) - len(wishes)]:
        wishes.append(_wish(candidate.video_id, candidate.span, "look", candidate.why))
    return _ordered(wishes, left)


def _ordered(wishes: Sequence[Wish], left: Sequence[Candidate]) -> list[Wish]:
    """Overviews before single moments unless a moment has most of the belief."""
    certain = max((c.belief for c in left), default=0.0) > 0.5
    return sorted(wishes, key=lambda wish: (wish["kind"] == "overview") is certain)


def _wants_overview(state: State, left: Sequence[Candidate]) -> bool:
    unseen = sum(c.belief for c in left if c.why == UNSEEN)
    return not from_an_end(state) and (state["plan"]["whole"] or unseen >= 0.5)


def _by_belief(left: Sequence[Candidate], videos: Sequence[str]) -> list[str]:
    beliefs = beliefs_by_video(left, videos)
    return sorted(videos, key=lambda video: -beliefs[video])


def _one_a_video(left: Sequence[Candidate]) -> list[Candidate]:
    best: dict[str, Candidate] = {}
    for candidate in left:
        known = best.get(candidate.video_id)
        if known is None or candidate.belief > known.belief:
            best[candidate.video_id] = candidate
    return list(best.values())


def _wish(video_id: str, span: Span, kind: ViewKind, why: str) -> Wish:
    return {
        "video_id": video_id,
        "start": span.start,
        "end": span.end,
        "crop": None,
        "kind": kind,
        "why": why,
    }


def worth(state: State, wish: Wish, cost: int, ahead: Outlook) -> bool:
    """Whether the look is expected to add enough for its tokens."""
    span = Span(wish["start"], wish["end"])
    belief = sum(
        c.belief * c.span.overlap(span) / max(1e-6, c.span.duration)
        for c in ahead.left
        if c.video_id == wish["video_id"]
    )
    candidate = Candidate(
        video_id=wish["video_id"], span=span, belief=min(1.0, belief), why=wish["why"]
    )
    return gain(state, ahead.sure, ahead.left, candidate) * 1000 >= LEAST_GAIN * cost
