"""Metrics over a curve: accuracy at growing budgets, risk at growing coverage, calibration, and
what abstaining is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

BINS = 15


def log2_weights(budgets: Sequence[int]) -> F64:
    """What each budget weighs in the mean height of a curve over log2(tokens): trapezoids, [B],
    summing to 1.

    A curve's area is linear in its points, so that the area of one sample is the weighted sum of
    its scores and an interval of the area is that of a mean.

    Raises:
        ValueError: budgets are not positive and ascending.
    """
    if not budgets or budgets[0] <= 0 or any(b <= a for a, b in pairwise(budgets)):
        raise ValueError(f"budgets must be positive and ascending, got {list(budgets)}")
    if len(budgets) == 1:
        return np.ones(1)
    places = np.log2(np.asarray(budgets, np.float64))
    gaps = np.diff(places)
    weights: F64 = np.zeros(len(budgets))
    weights[:-1] += gaps / 2
    weights[1:] += gaps / 2
    weights /= gaps.sum()
    return weights


def area(budgets: Sequence[int], values: Sequence[float]) -> float:
    """Mean height of the curve over log2(tokens), in the unit of the values."""
    return float(log2_weights(budgets) @ np.asarray(values, np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverage:
    """Share of wrong answers among the surest ones, as more are accepted."""

    coverage: tuple[float, ...]
    """1/n, 2/n, ..., 1."""
    risk: tuple[float, ...]
    area: float
    """Mean risk over all coverages; 0 is perfect."""

    def thinned(self, most: int) -> "RiskCoverage":
        """At most so many points of it, evenly, the last one always; its area stays."""
        count = len(self.coverage)
        places = [-(-count * step // most) - 1 for step in range(1, most + 1)]
        kept = sorted(set(places)) if count > most else range(count)
        return RiskCoverage(
            coverage=tuple(self.coverage[place] for place in kept),
            risk=tuple(self.risk[place] for place in kept),
            area=self.area,
        )


def risk_coverage(confidences: Sequence[float], right: Sequence[float]) -> RiskCoverage | None:
    """The curve from sure to unsure; None of nothing. Answers that are equally sure come in any
    order: the curve is its expected value over all of them."""
    if not confidences:
        return None
    sure = np.asarray(confidences, np.float64)
    order = np.argsort(-sure, kind="stable")
    wrong = 1 - _tied(sure, np.asarray(right, np.float64))[order]
    places = np.arange(1, len(sure) + 1)
    risk = np.cumsum(wrong) / places
    return RiskCoverage(
        coverage=tuple((places / len(sure)).tolist()),
        risk=tuple(risk.tolist()),
        area=float(risk.mean()),
    )


def ece(confidences: Sequence[float], right: Sequence[float], bins: int = BINS) -> float | None:
    """Expected calibration error over bins of equal mass: mean distance between how sure answers
    are and how often they are right. None of nothing."""
    if not confidences:
        return None
    sure = np.asarray(confidences, np.float64)
    order = np.argsort(sure, kind="stable")
    true = _tied(sure, np.asarray(right, np.float64))[order]
    parts = min(bins, len(sure))
    error = 0.0
    for said, was in zip(
        np.array_split(sure[order], parts), np.array_split(true, parts), strict=True
    ):
        error += abs(float(said.mean() - was.mean())) * len(said)
    return error / len(sure)


def brier(confidences: Sequence[float], right: Sequence[float]) -> float | None:
    """Mean squared distance between confidence and truth; None of nothing."""
    if not confidences:
        return None
    gaps = np.asarray(confidences, np.float64) - np.asarray(right, np.float64)
    return float((gaps**2).mean())


def _tied(sure: F64, right: F64) -> F64:
    """Outcomes, those of equally sure answers shared between them."""
    _, place = np.unique(sure, return_inverse=True)
    shared: F64 = np.bincount(place, weights=right) / np.bincount(place)
    return shared[place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """Abstaining as a classifier of what cannot be answered; None where nothing was to count."""

    precision: float | None
    """Of the abstentions, those where nothing could be answered."""
    recall: float | None
    """Of what cannot be answered, where it abstained."""
    f1: float | None
    false_rate: float | None
    """Of what can be answered, where it abstained all the same."""


def abstention(abstained: Sequence[bool], answerable: Sequence[bool]) -> Abstention:
    """Abstentions held against what could be answered."""
    pairs = list(zip(abstained, answerable, strict=True))
    rightly = sum(a and not can for a, can in pairs)
    wrongly = sum(a and can for a, can in pairs)
    impossible = sum(not can for _, can in pairs)
    possible = len(pairs) - impossible
    return Abstention(
        precision=rightly / (rightly + wrongly) if rightly + wrongly else None,
        recall=rightly / impossible if impossible else None,
        f1=(
            2 * rightly / (rightly + wrongly + impossible)
            if rightly + wrongly + impossible and impossible
            else None
        ),
        false_rate=wrongly / possible if possible else None,
    )
