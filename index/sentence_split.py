"""From recognised words to segments: sentences and phrases of at most 15 s."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from longtake.index.lanes import Segment, Word

MAX_SEGMENT_S = 15.0

_PAUSE_S = 1.5
_MIN_CUT_S = 4.0
_QUOTES = "[\"'\u201d\u2019)\\]\u00bb]*$"
_END = re.compile("[.!?\u3002\uff01\uff1f\u2026\u0964\u061f]" + _QUOTES)  # CJK, Hindi, Arabic too
_COMMA = re.compile("[,;:\u060c\u3001\uff0c\uff1b\uff1a-]" + _QUOTES)
_ABBREVIATION = re.compile(
    r"(?:^|[\W.])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|fig|approx|ca|bzw)\.$|(?:^|\.)[a-z]\.$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A word as recognised: its text keeps the space before it, where the language has any."""

    word: Word
    language: str | None
    again: bool = False
    """It comes from a second attempt at the end of a window."""


def split_sentences(spoken: Sequence[Spoken]) -> list[Segment]:
    """Segments that hold every word once, in order; none longer than 15 s unless one word is.

    Words must come in order of time. Sentences end at punctuation, a pause of 1.5 s or a change of
    language. Longer ones are cut at the largest pause of every 15 s, where commas count as a
    little more.
    """
    segments: list[Segment] = []
    first = 0
    for at in range(1, len(spoken) + 1):
        if (
            at == len(spoken)
            or _ends(spoken[at - 1].word, spoken[at].word)
            or spoken[at - 1].language != spoken[at].language
        ):
            segments += [_segment(part) for part in _shorten(spoken[first:at])]
            first = at
    return segments


def phrases(words: Sequence[Word]) -> list[tuple[Word, ...]]:
    """The words parted at punctuation and pauses, as `split_sentences` does."""
    ends = [at for at in range(1, len(words)) if _ends(words[at - 1], words[at])]
    return [tuple(words[a:b]) for a, b in pairwise([0, *ends, len(words)]) if a < b]


def _ends(before: Word, after: Word) -> bool:
    text = before.text.strip()
    ended = _END.search(text) is not None and not _ABBREVIATION.search(text)
    return ended or after.start - before.end >= _PAUSE_S


def _shorten(spoken: Sequence[Spoken]) -> list[Sequence[Spoken]]:
    """Cut off parts from the front until the rest is short enough."""
    done: list[Sequence[Spoken]] = []
    while len(spoken) > 1 and _extent(spoken) > MAX_SEGMENT_S:
        cut = _best_cut(spoken)
        done.append(spoken[:cut])
        spoken = spoken[cut:]
    return [*done, spoken]


def _best_cut(spoken: Sequence[Spoken]) -> int:
    """Position of the word that should begin the next part; the part before is short enough."""
    start = spoken[0].word.start
    best, best_merit = 1, -1.0
    for at in range(1, len(spoken)):
        before, after = spoken[at - 1], spoken[at]
        if before.word.end - start > MAX_SEGMENT_S:
            break
        pause = max(0.0, after.word.start - before.word.end)
        bonus = 0.2 * bool(_COMMA.search(before.word.text))
        early = before.word.end - start < _MIN_CUT_S
        merit = -0.5 if early else round(pause + bonus, 3)
        if merit >= best_merit:
            best, best_merit = at, merit
    return best


def _extent(spoken: Sequence[Spoken]) -> float:
    return spoken[-1].word.end - spoken[0].word.start


def _segment(spoken: Sequence[Spoken]) -> Segment:
    return Segment(
        start=spoken[0].word.start,
        end=spoken[-1].word.end,
        text="".join(s.word.text for s in spoken).strip(),
        confidence=fmean(s.word.probability for s in spoken),
        language=spoken[0].language,
        words=tuple(
            Word(
                start=s.word.start,
                end=s.word.end,
                text=s.word.text.strip(),
                probability=s.word.probability,
            )
            for s in spoken
        ),
    )
