"""Observations of one moment through several views, as one: seen coarsely first, then with bounds
from the view that shows them best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from longtake.agent.state import Observation, Part, State, View
from longtake.timing import Span

CHANCE = 0.3
"""Observations less sure than this are no sightings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A moment that one or more looks saw."""

    video_id: str
    span: Span
    claim: str
    confidence: float
    view: str
    """The finest view of it."""
    views: tuple[str, ...]
    part: Part
    """Whether it is what was asked for, or the moment that the question refers to."""


def sightings(state: State) -> list[Sighting]:
    """Moments that bear on the question, surest first, then by time."""
    views = {view["id"]: view for view in state.get("views") or []}
    telling = [
        o
        for o in state.get("observations") or []
        if o["relevant"] and o["confidence"] >= CHANCE and o["outcome"] == "ok"
    ]
    groups: list[list[Observation]] = []
    for observation in sorted(telling, key=lambda o: -frame_gap(views[o["view"]])):
        for group in groups:
            coarse = views[group[0]["view"]]
            if part(coarse) == part(views[observation["view"]]) and _one_moment(
                group[0], observation, frame_gap(coarse)
            ):
                group.append(observation)
                break
        else:
            groups.append([observation])
    found = [_sighting(group, views) for group in groups]
    return sorted(found, key=lambda s: (-round(s.confidence, 2), s.video_id, s.span.start))


def part(view: View) -> Part:
    """What a view was looked at for."""
    return view.get("part", "target")


def frame_gap(view: View, at: float | None = None) -> float:
    """Seconds between the frames of a view: those on either side of a second, else the most there
    are. The first and the last frame stand for as much on either side."""
    gaps = gaps_of(view)
    if at is not None:
        gaps = [gap for gap in gaps if gap[0] <= at <= gap[1]] or gaps
    return max(high - low for low, high in gaps)


def gaps_of(view: View) -> list[tuple[float, float]]:
    """The seconds between every two frames of a view; those at its ends reach as far beyond."""
    times = view["times"]
    start, end = 2 * view["start"] - times[0], 2 * view["end"] - times[-1]
    return list(pairwise([start, *times, end]))


def _one_moment(coarse: Observation, fine: Observation, gap: float) -> bool:
    if coarse["video_id"] != fine["video_id"]:
        return False
    one, other = Span(coarse["start"], coarse["end"]), Span(fine["start"], fine["end"])
    return one.gap(other) <= gap


def _sighting(group: Sequence[Observation], views: Mapping[str, View]) -> Sighting:
    """One moment: claim of the surest look; bounds from the finest look that shows each, or from
    one that saw it further out, between the frames of a coarser look."""
    coarse = group[0]
    surest = max(group, key=lambda o: o["confidence"])
    start, end = coarse["start"], coarse["end"]
    for observation in group[1:]:  # coarse to fine
        view = views[observation["view"]]
        if view["start"] <= start <= view["end"] or observation["start"] < start:
            start = observation["start"]
        if view["start"] <= end <= view["end"] or observation["end"] > end:
            end = observation["end"]
    doubt = 1.0
    for confidence in sorted((o["confidence"] for o in group), reverse=True)[:2]:
        doubt *= 1 - min(0.95, confidence)
    span = Span(min(start, end), max(start, end))
    names = tuple(o["view"] for o in group)
    return Sighting(
        video_id=coarse["video_id"],
        span=span,
        claim=surest["claim"],
        confidence=1 - doubt,
        view=next(name for name in reversed(names) if _shows(views[name], span)),
        views=names,
        part=part(views[coarse["view"]]),
    )


def _shows(view: View, span: Span) -> bool:
    return view["start"] <= span.end and span.start <= view["end"]
