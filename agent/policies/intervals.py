"""Which stretch is shown for an interval that a model asks for, as LOVE-R1 does.

A deviation from its code: a widened stretch is moved back into the video where its own would reach
over an end, so that it is never shorter than asked of it.
"""

import math
from collections.abc import Sequence

from longtake.timing import Span

PAD_S = 5.0
"""Added on each side."""
SHORTEST_S = 3.0
"""What is left inside the video must be this long."""
WIDE_S = 30.0
WIDE_SHARE = 1 / 8
"""A stretch is at least this share of the video long, but need not be longer than `WIDE_S`."""
SAME = 0.3
"""Stretches with a larger intersection over union show the same."""


def zoom_span(start: float, end: float, within: Span, shown: Sequence[Span]) -> Span | str:
    """The stretch to show for an interval, or why none is, in words for the model.

    Args:
        start: as the model wrote it; `end` may lie before it, and both anywhere.
        within: what may be shown of the video.
        shown: stretches of this video that were zoomed into before.
    """
    if not (math.isfinite(start) and math.isfinite(end)):
        return "the times of a zoom must be numbers"
    asked = f"{start:g}-{end:g} s"
    start, end = min(start, end) - PAD_S, max(start, end) + PAD_S
    start, end = max(start, within.start), min(end, within.end)
    if end - start < SHORTEST_S:
        return f"{asked} lies outside of what can be shown, {within.start:g}-{within.end:g} s"
    span = widened(Span(start, end), within)
    for earlier in shown:
        if intersection_over_union(span, earlier) > SAME:
            return f"{asked} was shown already, as {earlier.start:g}-{earlier.end:g} s"
    return span


def widened(span: Span, within: Span) -> Span:
    """The span, made as long as a zoom has to be around its middle, inside of `within`."""
    length = max(span.duration, min(WIDE_S, WIDE_SHARE * within.duration))
    if length <= span.duration:
        return span
    start = min(max(within.start, span.middle - length / 2), within.end - length)
    return Span(max(within.start, start), min(within.end, start + length))


def intersection_over_union(one: Span, other: Span) -> float:
    """0 for spans that share nothing, 1 for equal ones."""
    shared = one.overlap(other)
    union = one.duration + other.duration - shared
    return shared / union if union > 0 else 0.0
