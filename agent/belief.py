"""How sure a run is, what one more look could add, and when to stop.

A look is worth its tokens while the chance that it holds the answer, times what is still unsure,
is high enough for its price. Questions for the first, last or all of something stay unsure until
enough has been seen, however clear one observation is.
"""

from collections.abc import Sequence

from longtake.agent.seeking import needs_all, telling
from longtake.agent.state import Observation, State
from longtake.agent.stretches import Candidate
from longtake.timing import Span

LEAST_GAIN = 0.01
"""Confidence that 1,000 tokens must be expected to add for a look to be worth them."""
AGREE = 2
"""Telling observations of different views that say the same."""
SURE = 0.8
"""Confidence from which an observation counts towards agreement."""
LONE = 0.9
"""Most that one view can prove by itself."""
RELIABLE = 0.9
"""Most that reading alone can make sure when the question is not about looks."""
APART_S = 0.5


def confidence(state: State, read: float) -> float:
    """That what was seen and read answers, 0..1.

    Args:
        read: confidence of the answer that speech and on-screen text give.
    """
    doubt = 1.0
    for observation in _one_per_view(telling(state)):
        doubt *= 1 - min(LONE, observation["confidence"])
    asked = state["plan"]["sub_queries"]
    looks = all(query["lanes"] == ["visual"] for query in asked)
    doubt *= 1 - (0.0 if looks else min(RELIABLE, read))
    return 1 - doubt


def gain(state: State, sure: float, left: Sequence[Candidate], candidate: Candidate) -> float:
    """Confidence that a look at the candidate is expected to add."""
    unsure = 1 - sure
    if needs_all(state):
        unsure = max(unsure, sum(c.belief for c in left))
    return unsure * candidate.belief


def agreed(state: State) -> bool:
    """Whether separate views tell of the same moment, or make the same claim, for sure."""
    sure = [
        o for o in _one_per_view(telling(state)) if o["confidence"] >= SURE and o["outcome"] == "ok"
    ]
    return any(
        sum(_same(one, other) for other in sure if other["view"] != one["view"]) >= AGREE - 1
        for one in sure
    )


def _same(one: Observation, other: Observation) -> bool:
    if one["video_id"] != other["video_id"]:
        return False
    gap = Span(one["start"], one["end"]).gap(Span(other["start"], other["end"]))
    return gap <= APART_S or _words(one["claim"]) == _words(other["claim"])


def _words(claim: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in claim.lower()).split())


def _one_per_view(observations: Sequence[Observation]) -> list[Observation]:
    best: dict[str, Observation] = {}
    for observation in observations:
        known = best.get(observation["view"])
        if known is None or observation["confidence"] > known["confidence"]:
            best[observation["view"]] = observation
    return list(best.values())
