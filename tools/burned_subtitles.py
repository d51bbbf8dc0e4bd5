"""Subtitles that are part of the picture, as timed lines.

EVE learns to read them end to end; our substitute makes them from the library's on-screen text:
what stands shortly in the bottom band is a subtitle, what stands long there is a caption or a logo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from longtake.index.lanes import Cue
from longtake.timing import Span
from longtake.tools.read import TextItem

BAND = 0.65
"""Subtitles lie below this share of the picture's height."""
LONGEST_S = 10.0
"""Text that stands longer is no subtitle."""
ALIKE = 0.8
"""Readings this alike, one after the other, are one subtitle."""
STEP_S = 1.0
"""Sampling step: readings this far apart are still one after the other."""


@dataclass(slots=True)
class _Subtitle:
    span: Span
    readings: list[tuple[str, float]] = field(default_factory=list)
    """Text, and seconds times confidence that speak for it."""


def subtitles(cues: Sequence[Cue], *, step_s: float = STEP_S) -> list[TextItem]:
    """Subtitles of a video in the order of time.

    Lines that stand together are one subtitle, top line first. Readings of at least `ALIKE`
    likeness that follow each other within a sampling step are one; of those as long as the best
    reading every character is decided by the seconds and confidence that speak for it.
    """
    made: list[_Subtitle] = []
    for span, text, weight in _stacked(cues):
        last = made[-1] if made else None
        if (
            last is not None
            and span.start - last.span.end <= step_s
            and SequenceMatcher(None, last.readings[-1][0], text).ratio() >= ALIKE
        ):
            last.span = last.span.union(span)
            last.readings.append((text, weight))
        else:
            made.append(_Subtitle(span=span, readings=[(text, weight)]))
    return [TextItem(text=_voted(s.readings), span=s.span, lane="text") for s in made]


def _stacked(cues: Sequence[Cue]) -> list[tuple[Span, str, float]]:
    """Short cues of the band, those that stand for much the same time put together."""
    band = sorted(
        (cue for cue in cues if cue.box.y0 >= BAND and cue.span.duration <= LONGEST_S),
        key=lambda cue: (cue.start, cue.box.y0),
    )
    groups: list[list[Cue]] = []
    for cue in band:
        first = groups[-1][0] if groups else None
        if first is not None and _together(first, cue):
            groups[-1].append(cue)
        else:
            groups.append([cue])
    stacked = []
    for group in groups:
        lines = sorted(group, key=lambda cue: (cue.box.y0, cue.box.x0))
        span = Span(min(cue.start for cue in group), max(cue.end for cue in group))
        weight = span.duration * min(cue.confidence for cue in group)
        stacked.append((span, " ".join(" ".join(cue.text.split()) for cue in lines), weight))
    return stacked


def _together(first: Cue, cue: Cue) -> bool:
    shorter = min(first.span.duration, cue.span.duration)
    apart = cue.box.y0 >= first.box.y1 or first.box.y0 >= cue.box.y1
    return apart and first.span.overlap(cue.span) >= 0.5 * shorter


def _voted(readings: Sequence[tuple[str, float]]) -> str:
    best = max(readings, key=lambda reading: reading[1])[0]
    alike = [(text, weight) for text, weight in readings if len(text) == len(best)]
    voted = []
    for place in range(len(best)):
        votes: dict[str, float] = {}
        for text, weight in alike:
            votes[text[place]] = votes.get(text[place], 0.0) + weight
        voted.append(max(votes, key=lambda letter: votes[letter]))
    return "".join(voted)
