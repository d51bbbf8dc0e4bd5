"""Extractive reader: which stored sentence answers, and how sure that is. It quotes; it never
writes facts.

A sentence is scored by how near its embedding is to the question (MiniLM), by the question's
words that it holds and
by whether it can hold the kind of answer asked for. Two neighbouring sentences are read as one
where that fits better.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from longtake.agent.answer_types import holds
from longtake.agent.calibration import MEANING, WORDS, Calibration
from longtake.agent.state import Row, SubQuery
from longtake.index.lanes import SentenceEncoder
from longtake.tools.query import STOP_WORDS, content_words, coverage, stem, terms, words

FEATURES = (
    "cosine",
    "margin",
    "coverage",
    "answer type",
    "names missing",
    "mean word closeness",
    "least word closeness",
)

COVERAGE_BONUS = 0.1
TYPE_BONUS = 0.08
OFF_LANE_COST = 0.08
"""For lanes that the question's words do not point to."""
SHORT_COST = 0.05
"""Headings are near every question about their subject and answer few."""
SHORT_WORDS = 3
ECHO_COST = 0.15
"""For lines without a word that the question lacks: they cannot answer."""
PAIR_COST = 0.04
"""Two sentences must fit this much better than each of them alone."""
PAIR_GAP_S = 2.0
NAME_S = 30.0
"""A name counts as spoken of when a retrieved sentence this near in time has it."""
BESIDE_BONUS = 0.08
"""For sentences that stand in the asked time relation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One or two neighbouring rows that may answer."""

    rows: tuple[Row, ...]
    text: str
    score: float
    """For ranking; about a cosine."""
    cosine: float
    """To the question, 0 without an encoder."""
    coverage: float
    """Share of the question's informative words."""
    key: Row
    """The row that answers best on its own: its span is the moment, the other row is context."""

    @property
    def context(self) -> tuple[Row, ...]:
        """The rows beside the key row."""
        return tuple(row for row in self.rows if row is not self.key)


def read(asked: SubQuery, rows: Iterable[Row], encoder: SentenceEncoder | None) -> list[Reading]:
    """Readings of rows with text, best first, each sentence in one reading at most."""
    units = _units([row for row in rows if row["text"]])
    if not units:
        return []
    texts = [" ".join(row["text"] or "" for row in unit) for unit in units]
    cosines = np.zeros(len(texts))
    if encoder is not None:
        distinct = list(dict.fromkeys(texts))
        vectors = encoder.embed([asked["text"], *distinct])
        near = dict(zip(distinct, (vectors[1:] @ vectors[0]).tolist(), strict=True))
        cosines = np.array([near[text] for text in texts])
    wanted = terms(asked["text"])
    readings = [
        _reading(asked, wanted, unit, text, float(cosine), blind=encoder is None)
        for unit, text, cosine in zip(units, texts, cosines, strict=True)
    ]
    alone = {_key(r.rows[0]): r.score for r in readings if len(r.rows) == 1}
    readings = [
        # a line answers under its heading, never the heading
        replace(reading, key=reading.rows[-1])
        if reading.rows[0]["lane"] == "text"
        else replace(reading, key=max(reading.rows, key=lambda row: alone[_key(row)]))
        for reading in readings
    ]
    return _disjoint(sorted(readings, key=lambda r: -r.score))


def _key(row: Row) -> tuple[str, int]:
    return row["lane"], row["id"]


def _units(rows: Sequence[Row]) -> list[tuple[Row, ...]]:
    """Single rows, sentences that follow each other, and lines of a slide under its heading."""
    ordered = sorted(
        {_key(row): row for row in rows}.values(),
        key=lambda r: (r["video_id"], r["lane"], r["id"]),
    )
    units: list[tuple[Row, ...]] = [(row,) for row in ordered]
    heading: Row | None = None
    for before, row in pairwise(ordered):
        if row["lane"] == "speech":
            if _follows(before, row):
                units.append((before, row))
            continue
        if heading is None or not _together(heading, row):
            heading = before if _together(before, row) else row
        if heading is not row:
            units.append((heading, row))
    return units


def _follows(before: Row, row: Row) -> bool:
    return (
        before["video_id"] == row["video_id"]
        and before["lane"] == row["lane"]
        and row["id"] == before["id"] + 1
        and row["start"] - before["end"] <= PAIR_GAP_S
    )


def _together(a: Row, b: Row) -> bool:
    """Whether two cues stand on one slide: for most of the time of the shorter."""
    if a["video_id"] != b["video_id"] or a["lane"] != "text" or b["lane"] != "text":
        return False
    shared = min(a["end"], b["end"]) - max(a["start"], b["start"])
    return shared >= 0.8 * min(a["end"] - a["start"], b["end"] - b["start"])


def _reading(
    asked: SubQuery,
    wanted: list[str],
    unit: tuple[Row, ...],
    text: str,
    cosine: float,
    *,
    blind: bool,
) -> Reading:
    covered = coverage(wanted, text)
    score = covered if blind else cosine + COVERAGE_BONUS * covered
    fits = holds(asked["answer_type"], text)
    score += 0 if fits is None else TYPE_BONUS if fits else -TYPE_BONUS
    score -= 0 if any(row["lane"] in asked["lanes"] for row in unit) else OFF_LANE_COST
    score -= SHORT_COST if len(words(text)) <= SHORT_WORDS else 0
    if asked["answer_type"] not in ("time", "yes_no"):
        score -= 0 if set(terms(text)) - set(wanted) else ECHO_COST
    score -= PAIR_COST * (len(unit) - 1)
    score += BESIDE_BONUS if any(row["beside"] for row in unit) else 0
    return Reading(rows=unit, text=text, score=score, cosine=cosine, coverage=covered, key=unit[0])


def _disjoint(readings: Iterable[Reading]) -> list[Reading]:
    used: set[tuple[str, int]] = set()
    kept = []
    for reading in readings:
        keys = {_key(row) for row in reading.rows}
        if not keys & used:
            kept.append(reading)
            used |= keys
    return kept


def confidence(
    asked: SubQuery, readings: Sequence[Reading], encoder: SentenceEncoder | None
) -> float:
    """P(the first reading answers the question), 0..1."""
    if not readings:
        return 0.0
    constants = WORDS if encoder is None else MEANING
    return probability(constants, features(asked, readings, encoder))


def features(
    asked: SubQuery, readings: Sequence[Reading], encoder: SentenceEncoder | None
) -> tuple[float, ...]:
    """Features of the first reading (see `FEATURES`)."""
    best = readings[0]
    rivals = [r.score for r in readings[1:] if not _same_words(r.text, best.text)]
    fits = holds(asked["answer_type"], best.text)
    return (
        best.cosine,
        best.score - max(rivals, default=0.0),
        best.coverage,
        0.0 if fits is None else 1.0 if fits else -1.0,
        float(bool(missing_names(asked["text"], _surroundings(readings)))),
        *word_closeness(asked["text"], best.text, encoder),
    )


def _surroundings(readings: Sequence[Reading]) -> str:
    """The first reading's text with that of others close by: a name is often said a sentence
    before."""
    first = readings[0].rows[0]
    return " ".join(
        reading.text
        for reading in readings
        if reading.rows[0]["video_id"] == first["video_id"]
        and abs(reading.rows[0]["start"] - first["start"]) <= NAME_S
    )


def word_closeness(
    question: str, text: str, encoder: SentenceEncoder | None
) -> tuple[float, float]:
    """How near the question's words come to words of the text: mean and least over the question's
    words, 0..1.

    A question about something that the text does not speak of has a word without a near one, even
    where the sentences
    as a whole are near (wine and bread). Without an encoder only equal stems are near.
    """
    asked = list(dict.fromkeys(word.lower() for word in content_words(question)))
    there = list(dict.fromkeys(word.lower() for word in content_words(text)))
    if not asked or not there:
        return 0.0, 0.0
    stems = {stem(word) for word in there}
    near = [float(stem(word) in stems) for word in asked]
    if encoder is not None:
        vectors = encoder.embed([*asked, *there])
        best = (vectors[: len(asked)] @ vectors[len(asked) :].T).max(axis=1)
        near = [max(a, min(1.0, max(0.0, float(b)))) for a, b in zip(near, best, strict=True)]
    return sum(near) / len(near), min(near)


def probability(calibration: Calibration, values: Sequence[float]) -> float:
    """The logistic model's probability."""
    total = calibration.bias + sum(w * v for w, v in zip(calibration.weights, values, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def threshold(*, blind: bool) -> float:
    """Confidence below which an answer is withheld."""
    return (WORDS if blind else MEANING).threshold


def missing_names(question: str, text: str) -> list[str]:
    """Names and numbers of the question that the text lacks."""
    present = {stem(word) for word in words(text)}
    asked = words(question)
    return [
        word
        for place, word in enumerate(asked)
        if (word[0].isdigit() or (place > 0 and word[0].isupper()))
        and word.lower() not in STOP_WORDS
        and stem(word) not in present
    ]


def _same_words(a: str, b: str) -> bool:
    first, second = set(terms(a)), set(terms(b))
    return bool(first) and len(first & second) >= 0.6 * min(len(first), len(second))
