"""Shares with honest intervals. Questions about one video are not independent of each other, so
every interval and every paired comparison is clustered by video."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

DRAWS = 10_000
SEED = 20_260_101
"""Of the bootstrap, the same in every report."""
LEVEL = 0.95
_CELLS = 2_000_000
"""Draws times clusters that are held in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share or a mean, and how sure it is."""

    value: float
    low: float | None
    """Bounds of the interval; None where one cluster leaves nothing to draw from."""
    high: float | None
    se: float | None
    """Analytic clustered standard error (Miller, arXiv 2411.00640)."""
    n: int
    """Things counted: the denominator of a share."""
    clusters: int


def mean(
    values: Sequence[float] | F64, clusters: Sequence[str], *, draws: int = DRAWS, seed: int = SEED
) -> Estimate | None:
    """The mean of values, such as accuracy from zeros and ones; None of nothing."""
    return ratio(values, np.ones(len(clusters)), clusters, draws=draws, seed=seed)


def ratio(
    numerators: Sequence[float] | F64,
    denominators: Sequence[float] | F64,
    clusters: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Estimate | None:
    """Sum of numerators over sum of denominators, with a percentile interval of the bootstrap over
    clusters.

    Args:
        numerators: [N].
        denominators: [N], not negative; zeros leave a row out of the share but in its cluster.
        clusters: [N] names; rows of one name are drawn together.

    Returns:
        None where all denominators are zero.
    """
    over = np.asarray(numerators, np.float64)
    under = np.asarray(denominators, np.float64)
    if over.shape != under.shape or over.shape != (len(clusters),):
        raise ValueError(f"{over.shape}, {under.shape} and {len(clusters)} rows do not fit")
    total = float(under.sum())
    if total <= 0:
        return None
    value = float(over.sum()) / total
    sums, counts = per_cluster(clusters, over, under)
    kept = counts > 0
    sums, counts = sums[kept], counts[kept]
    low = high = se = None
    if len(counts) > 1:
        se = float(np.sqrt(((sums - value * counts) ** 2).sum())) / total
        drawn = [
            (weights @ sums) / (weights @ counts)
            for weights in _weights(len(counts), draws, np.random.default_rng(seed))
        ]
        tail = 100 * (1 - LEVEL) / 2
        low, high = (float(v) for v in np.percentile(np.concatenate(drawn), [tail, 100 - tail]))
    return Estimate(
        value=value, low=low, high=high, se=se, n=round(total), clusters=int(kept.sum())
    )


def per_cluster(clusters: Sequence[str], *columns: F64) -> tuple[F64, ...]:
    """Each column summed over every cluster, [C]; clusters in the order of their names."""
    _, place = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    return tuple(np.bincount(place, weights=c).astype(np.float64) for c in columns)


def _weights(count: int, draws: int, rng: np.random.Generator) -> Iterator[F64]:
    """How often each of `count` clusters is drawn, [draws, count] in blocks."""
    block = max(1, _CELLS // count)
    even = np.full(count, 1 / count)
    for done in range(0, draws, block):
        drawn: F64 = rng.multinomial(count, even, size=min(block, draws - done)).astype(np.float64)
        yield drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """What one system has over another on the same samples."""

    difference: Estimate
    """First minus second."""
    only_first: int
    """Samples that only the first has right, of those that both scored as right or wrong; with
    several seeds, that it has right more often."""
    only_second: int
    p: float | None
    """Exact McNemar, two-sided. It takes samples as independent; the interval does not. None where
    scores are graded, of which it says nothing."""
    detectable: float | None
    """Smallest true difference that this many samples would show in four of five experiments."""


def paired(
    first: Sequence[float] | F64,
    second: Sequence[float] | F64,
    clusters: Sequence[str],
    *,
    graded: bool | None = None,
) -> Paired | None:
    """Compare scores of the same samples, 0..1 each; None where there are none.

    Args:
        first: [N] scores, or means of several seeds' scores.
        graded: whether a score can be anything else than right or wrong; None takes it from the
            scores, as can be done with one seed.
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    difference = mean(one - two, clusters)
    if difference is None:
        return None
    if graded is None:
        graded = not bool(np.isin(one, (0, 1)).all() and np.isin(two, (0, 1)).all())
    plain = np.isin(one, (0, 1)) & np.isin(two, (0, 1)) if graded else np.ones(len(one), bool)
    only_first, only_second = votes(one[plain], two[plain])
    return Paired(
        difference=difference,
        only_first=only_first,
        only_second=only_second,
        p=None if graded else mcnemar(only_first, only_second),
        detectable=None if difference.se is None else detectable(difference.se),
    )


def votes(first: F64, second: F64) -> tuple[int, int]:
    """Samples at which the first system is better, and those at which the second is.

    The seeds of a sample are no samples of their own, so that each sample has one vote, for the
    system that has it right more often; equals have none. McNemar's test of them is then the sign
    test (Dixon and Mood, 1946), of which his own (1947) is the case of one seed.

    Args:
        first: [N] scores, or means of several seeds' scores.
    """
    return int((first > second).sum()), int((first < second).sum())


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p of that split of discordant pairs, under a fair coin; 1 without any."""
    n = only_first + only_second
    tail = sum(comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, float(2 * tail / 2**n))


def detectable(se: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest effect that a two-sided test at `alpha` finds with probability `power`."""
    normal = NormalDist()
    return (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) * se


def holm(ps: Sequence[float]) -> list[float]:
    """p values adjusted for being several (Holm 1979), in the order given."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        adjusted[index] = highest
    return adjusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """How far runs differ that should not."""

    means: tuple[float, ...]
    """Of every seed."""
    sd: float
    """Between seeds, n - 1 in the denominator."""
    flips: float
    """Probability that two seeds give one sample different answers."""


def seeds(scores: Sequence[Sequence[float]], answers: Sequence[Sequence[Any]]) -> Seeds | None:
    """Compare seeds over the same samples; None with less than two seeds or no samples.

    Args:
        scores: [S][N] scores of every seed.
        answers: [S][N] what was answered; equal answers are equal values.
    """
    if len(scores) < 2 or not scores[0]:
        return None
    means = [sum(row) / len(row) for row in scores]
    middle = sum(means) / len(means)
    pairs = len(answers) * (len(answers) - 1)
    flips = 0.0
    for column in zip(*answers, strict=True):
        same = sum(column.count(answer) for answer in column) - len(column)
        flips += 1 - same / pairs
    return Seeds(
        means=tuple(means),
        sd=sqrt(sum((m - middle) ** 2 for m in means) / (len(means) - 1)),
        flips=flips / len(answers[0]),
    )
