"""Candidates, and equal stretches of all that may be looked at, which nothing speaks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from longtake.timing import Span

LONGEST_S = 10.0
MOST_STRETCHES = 2000
"""Stretches of a library that are told apart; longer ones are looked at more coarsely."""
COVERED = 0.5
"""Share of a stretch that candidates take of it to be no stretch of its own."""
TIE = 1e-3
"""Share of a belief by which equal ones are told apart."""
UNSEEN = "a stretch not seen yet"
"""Why a stretch is a candidate that nothing speaks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stretch of a video."""

    video_id: str
    span: Span
    belief: float
    """That it holds the answer, as a share of 1 over all candidates."""
    why: str


def unseen(spans: Mapping[str, Span], found: Sequence[Candidate], share: float) -> list[Candidate]:
    """Equal stretches over everything that may be looked at and that is not found already, at most
    `MOST_STRETCHES`.

    Args:
        spans: what may be looked at of each video.
        share: their belief together.
    """
    total = sum(span.duration for span in spans.values())
    if total <= 0:
        return []
    step = max(LONGEST_S, total / MOST_STRETCHES)
    taken = by_video(found)
    free = [
        (video_id, piece)
        for video_id, span in spans.items()
        for piece in pieces(span, step)
        if sum(piece.overlap(other) for other in taken.get(video_id, [])) < COVERED * piece.duration
    ]
    belief = share / max(1, len(free))
    return [
        Candidate(
            video_id=video_id, span=piece, belief=belief * (1 - TIE * _reversed(index)), why=UNSEEN
        )
        for index, (video_id, piece) in enumerate(free)
    ]


def by_video(found: Iterable[Candidate]) -> dict[str, list[Span]]:
    """Video id -> spans of its candidates."""
    spans: dict[str, list[Span]] = {}
    for candidate in found:
        spans.setdefault(candidate.video_id, []).append(candidate.span)
    return spans


def pieces(span: Span, step: float) -> list[Span]:
    """A span in equal parts of about so many seconds."""
    count = max(1, round(span.duration / step))
    width = span.duration / count
    return [Span(span.start + i * width, span.start + (i + 1) * width) for i in range(count)]


def _reversed(index: int) -> float:
    """The van der Corput sequence in base 2: of equal beliefs the best are far apart."""
    value, digit = 0.0, 0.5
    while index:
        index, bit = divmod(index, 2)
        value += bit * digit
        digit /= 2
    return value
