"""Whether the moments that an answer cites are the ones that prove it, and how well rankings find
what they should."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from longtake.eval.records import Cited
from longtake.eval.samples import Evidence
from longtake.timing import Span

POINT_S = 0.1
"""A cited moment or a piece of evidence is at least this long."""
HALF = 0.5
"""Share of a stretch from which it counts as met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """Citations of one answer held against the evidence, 0..1 each."""

    recall: float
    """Of the pieces of one group, those that citations meet; the best group counts."""
    complete: bool
    """Every piece of some group is met."""
    precision: float | None
    """Of the citations, those that lie at least half in the evidence; None without any."""
    iou: float
    """Seconds cited and true over seconds cited or true, of the best group."""
    iop: float
    """Seconds cited and true over seconds cited; 0 without citations."""
    first: int | None
    """Place of the first citation that meets the evidence, from 1."""


def grounding(cited: Sequence[Cited], evidence: Sequence[Evidence]) -> Grounding | None:
    """Hold citations against evidence; None where the sample has no evidence."""
    if not evidence:
        return None
    claims = [(piece.video, _long(piece.start_s, piece.end_s)) for piece in cited]
    groups: dict[str, list[tuple[str, Span]]] = {}
    for piece in evidence:
        place = (piece.video, _long(piece.span.start, piece.span.end))
        groups.setdefault(piece.group, []).append(place)
    everything = [place for group in groups.values() for place in group]
    recalls = [sum(_met(p, claims) for p in group) / len(group) for group in groups.values()]
    inside = [covered([claim], everything) >= HALF * claim[1].duration for claim in claims]
    shared = covered(claims, everything)
    said = covered(claims, claims)
    return Grounding(
        recall=max(recalls),
        complete=max(recalls) == 1,
        precision=sum(inside) / len(inside) if inside else None,
        iou=max(_iou(claims, group) for group in groups.values()),
        iop=shared / said if said else 0.0,
        first=inside.index(True) + 1 if any(inside) else None,
    )


def _long(start: float, end: float) -> Span:
    """The stretch, widened around its middle when it is next to nothing."""
    if end - start >= POINT_S:
        return Span(start, end)
    middle = max(POINT_S / 2, (start + end) / 2)
    return Span(middle - POINT_S / 2, middle + POINT_S / 2)


def _met(piece: tuple[str, Span], claims: Sequence[tuple[str, Span]]) -> bool:
    """Whether some citation covers half of a piece, or lies half within it."""
    video, span = piece
    return any(
        there == video
        and claim.overlap(span) >= HALF * min(claim.duration, span.duration) - 1e-9
        and claim.overlap(span) > 0
        for there, claim in claims
    )


def covered(first: Iterable[tuple[str, Span]], second: Iterable[tuple[str, Span]]) -> float:
    """Seconds that lie in some stretch of both, each second once."""
    mine, yours = _merged(first), _merged(second)
    return sum(
        a.overlap(b) for video, spans in mine.items() for a in spans for b in yours.get(video, ())
    )


def _merged(places: Iterable[tuple[str, Span]]) -> dict[str, list[Span]]:
    """By video, disjoint stretches in order."""
    merged: dict[str, list[Span]] = {}
    for video, span in sorted(places):
        spans = merged.setdefault(video, [])
        if spans and span.start <= spans[-1].end:
            spans[-1] = spans[-1].union(span)
        else:
            spans.append(span)
    return merged


def _iou(first: Sequence[tuple[str, Span]], second: Sequence[tuple[str, Span]]) -> float:
    shared = covered(first, second)
    either = covered(first, first) + covered(second, second) - shared
    return shared / either if either else 0.0


def iou(first: Span, second: Span) -> float:
    """Shared seconds over the seconds of either; 0 where both are empty."""
    shared = first.overlap(second)
    either = first.duration + second.duration - shared
    return shared / either if either else 0.0


def iop(predicted: Span, truth: Span) -> float:
    """Share of a predicted stretch that lies in the true one (NExT-GQA); 0 of an empty one."""
    return predicted.overlap(truth) / predicted.duration if predicted.duration else 0.0


def grounded(right: float, found: Grounding | None) -> float:
    """1 for a right answer of which at least half of what it cites is evidence, else 0."""
    return float(right == 1 and found is not None and found.iop >= HALF)


def twin_consistent(right: Mapping[str, float], twins: Mapping[str, str]) -> dict[str, bool]:
    """Whether both of a pair of twins are right, which neither always answering nor always
    abstaining achieves.

    Args:
        right: sample -> score.
        twins: sample -> its twin; named by either or by both of a pair.

    Returns:
        By the name of the pair's first sample; a twin without a score counts as wrong.
    """
    pairs = sorted({(min(a, b), max(a, b)) for a, b in twins.items()})
    return {a: right.get(a) == 1 and right.get(b) == 1 for a, b in pairs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """How well what was asked for is found."""

    recall: Mapping[int, float]
    """Share of queries whose target is among the first k."""
    median_rank: float
    mean_rank: float


def retrieval(
    ranks: Sequence[int | None], *, gallery: int, at: Sequence[int] = (1, 5, 10)
) -> Retrieval | None:
    """R@k, MdR and MnR; None of nothing.

    Args:
        ranks: place of each query's target, from 1; None where it is not in the ranking, which
            then counts as the last place.
        gallery: things that could be found.
    """
    if not ranks:
        return None
    places = [gallery if rank is None else rank for rank in ranks]
    found = [rank for rank in ranks if rank is not None]
    return Retrieval(
        recall={k: sum(rank <= k for rank in found) / len(ranks) for k in at},
        median_rank=float(median(places)),
        mean_rank=sum(places) / len(places),
    )
