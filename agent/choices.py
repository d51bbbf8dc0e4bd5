"""Multiple choice: which option the retrieved sentences speak for."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from longtake.agent.calibration import CHOICE
from longtake.agent.reader import Reading, probability
from longtake.agent.state import SubQuery
from longtake.index.lanes import SentenceEncoder
from longtake.timing import Span, parse_time
from longtake.tools.query import coverage, terms

FEATURES = ("margin", "confidence of the line")

READINGS = 12
"""Readings that options are held against."""
CLOSE_WEIGHT = 1.0
WORDS_WEIGHT = 0.5
"""For the words that only this option has."""
_TIME = r"(\d+(?:\.\d+)?|(?:\d+:)?\d{1,2}:\d{2}(?:\.\d+)?)"
_UNIT = r"\s*(?:s|secs?|seconds?)?"
_TIMES = re.compile(
    rf"(?:at|from|between|around|about)?\s*{_TIME}{_UNIT}"
    rf"(?:\s*(?:-|\u2013|to|and|until)\s*{_TIME}{_UNIT})?\.?",
    re.IGNORECASE,
)
SHARPNESS = 8.0
"""Score differences to shares (softmax)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How the options fared."""

    option: int
    """Index of the best."""
    shares: tuple[float, ...]
    """One an option, sum 1."""
    margin: float
    """Score of the best above the second."""
    reading: Reading
    """The line that speaks for the best."""


def choose(
    asked: SubQuery,
    options: Sequence[str],
    readings: Sequence[Reading],
    encoder: SentenceEncoder | None,
) -> Choice | None:
    """The option that the readings support best; None without readings or options.

    An option scores with the reading that fits question and option together best: how relevant
    that line is to the
    question, how near it is to the question completed by the option, and how many of the option's
    own words it holds.
    """
    lines = list(readings[:READINGS])
    if not lines or not options:
        return None
    near = _closeness(asked, options, lines, encoder)
    own = _own_terms(options)
    best: list[tuple[float, Reading]] = []
    for index in range(len(options)):
        scored = [
            (
                line.score
                + CLOSE_WEIGHT * near[index][place]
                + WORDS_WEIGHT * coverage(own[index], line.text),
                -place,
            )
            for place, line in enumerate(lines)
        ]
        score, place = max(scored)
        best.append((score, lines[-place]))
    order = sorted(range(len(options)), key=lambda i: -best[i][0])
    top = best[order[0]][0]
    weights = [math.exp(SHARPNESS * (score - top)) for score, _ in best]
    return Choice(
        option=order[0],
        shares=tuple(weight / sum(weights) for weight in weights),
        margin=top - best[order[1]][0] if len(order) > 1 else 1.0,
        reading=best[order[0]][1],
    )


def choice_confidence(choice: Choice, line_confidence: float) -> float:
    """P(the chosen option is right), 0..1."""
    return probability(CHOICE, (choice.margin, line_confidence))


def by_time(options: Sequence[str], moment: Span) -> int | None:
    """The option that names the time of a moment, or the nearest to it; None when not all options
    are times or stretches of time."""
    named = [_named_time(option) for option in options]
    spans = [span for span in named if span is not None]
    if not spans or len(spans) < len(named):
        return None
    middle = Span(moment.middle, moment.middle)
    return min(range(len(spans)), key=lambda i: (middle.gap(spans[i]), spans[i].start))


def _named_time(option: str) -> Span | None:
    match = _TIMES.fullmatch(option.strip())
    if match is None:
        return None
    try:
        first, last = parse_time(match[1]), parse_time(match[2] or match[1])
    except ValueError:
        return None
    return Span(min(first, last), max(first, last))


def _closeness(
    asked: SubQuery,
    options: Sequence[str],
    lines: Sequence[Reading],
    encoder: SentenceEncoder | None,
) -> list[list[float]]:
    """[options][lines] cosine of question-and-option to the line; zeros without an encoder."""
    if encoder is None:
        return [[0.0] * len(lines) for _ in options]
    claims = [f"{asked['text']} {option}" for option in options]
    vectors = encoder.embed([*claims, *(line.text for line in lines)])
    near: list[list[float]] = (vectors[: len(claims)] @ vectors[len(claims) :].T).tolist()
    return near


def _own_terms(options: Sequence[str]) -> list[list[str]]:
    """Each option's terms without those that all options share."""
    every = [terms(option) for option in options]
    shared = set(every[0]).intersection(*every[1:]) if len(every) > 1 else set()
    return [[term for term in found if term not in shared] for found in every]
