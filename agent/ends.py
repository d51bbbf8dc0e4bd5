"""Where the first or last of something is: the chance that a stretch shows it, and that none nearer
to that end does."""

from collections.abc import Callable, Mapping, Sequence

from longtake.agent.stretches import MOST_STRETCHES, UNSEEN, Candidate, pieces
from longtake.timing import Span

SHOWS = 0.5
"""Chance that the stretch with the best of what was retrieved shows what is asked for."""
STEP_S = 5.0
"""Length of stretches: longer ones often show an earlier one of its kind too."""


def first_or_last(
    spans: Mapping[str, Span],
    found: Sequence[Candidate],
    *,
    last: bool,
    is_seen: Callable[[Candidate], bool],
) -> list[Candidate]:
    """Equal stretches over everything that may be looked at, each with that chance as its belief,
    shared by the videos. The next one after `n` shows it with chance `1 / (n + 2)`, Laplace's rule
    of succession, which knows no rate; one where something was retrieved in proportion to the
    belief in that, where that is more. What was seen shows it no more, and counts.

    Args:
        spans: what may be looked at of each video.
    """
    step = max(STEP_S, sum(span.duration for span in spans.values()) / MOST_STRETCHES)
    best = max((c.belief for c in found), default=0.0) or 1.0
    made = []
    for video, span in spans.items():
        own = [c for c in found if c.video_id == video]
        free = 1.0
        parts = pieces(span, step)
        for place, part in enumerate(reversed(parts) if last else parts):
            there = [c for c in own if part.start <= c.span.middle < part.end]
            liked = max(there, key=lambda c: c.belief, default=None)
            shows = max(1 / (place + 2), SHOWS * liked.belief / best if liked else 0.0)
            candidate = Candidate(
                video_id=video,
                span=part,
                belief=shows * free / len(spans),
                why=liked.why if liked else UNSEEN,
            )
            if not is_seen(candidate):
                made.append(candidate)
                free *= 1 - shows
    return made
