"""Which of many scored frames to keep: the simple selectors, and modifiers of any.

A selector takes features [N, D], scores [N] (higher is better, order of time) and a number, and
gives that many indices (all of them when there are fewer), sorted and unique. Of equal scores the
earlier wins. Selectors that look at features say so; the others accept any.
"""

from collections.abc import Callable

import numpy as np

from longtake.tools.select.items import Array, IntArray

Selector = Callable[[Array, Array, int], IntArray]
Picker = Callable[[Array, int], IntArray]
"""A selector that looks at scores only."""


def topk(features: Array, scores: Array, count: int) -> IntArray:
    """The highest scores."""
    return best_of(scores, count)


def uniform(features: Array, scores: Array, count: int) -> IntArray:
    """Evenly spread, whatever the scores: the middles of `count` equal parts."""
    return spread(len(scores), count)


def best_of(scores: Array, count: int) -> IntArray:
    """Indices of the `count` highest, sorted."""
    scores = np.asarray(scores)
    count = max(0, min(count, len(scores)))
    if not count:
        return np.empty(0, np.intp)
    # no full sort: all above the count-th value, and the earliest of those equal to it
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > edge)
    equal = np.flatnonzero(scores == edge)[: count - len(above)]
    return np.sort(np.concatenate([above, equal]))


def spread(total: int, count: int) -> IntArray:
    """The middles of `count` equal parts of `total` places."""
    count = max(0, min(count, total))
    middles = (np.arange(count) + 0.5) * total / max(1, count)
    return middles.astype(np.intp)


def topmass(tau: float) -> Selector:
    """The fewest frames that hold the share `tau` of the whole score, but at most `count`.

    ZipVL's rule for tokens. Peaked scores keep few, flat ones many: a selector that spends less
    than it may, but one at least. Negative scores count as 0.
    """

    def select(features: Array, scores: Array, count: int) -> IntArray:
        mass = np.maximum(np.asarray(scores, np.float64), 0.0)
        order = np.argsort(-mass, kind="stable")
        held = np.cumsum(mass[order])
        if not len(held) or held[-1] <= 0:
            return best_of(mass, min(1, count))
        least = int(np.searchsorted(held, tau * held[-1] * (1 - 1e-12))) + 1
        return np.sort(order[: max(0, min(least, count))])

    return select


def inverse_transform(power: float) -> Selector:
    """BOLT (CVPR 2025): evenly spaced quantiles of the distribution that the scores form.

    Scores are stretched to 0..1 and raised to `power` (3 in the released commands); the frame at
    each quantile `(i + 0.5) / count` is taken. The released code divides by 0 when all scores are
    equal, puts quantile 1 outside for one frame, and takes a frame several times where the
    distribution is steep. Here equal scores are uniform, and what a frame would get beyond one is
    shared among the others by their weight, so exactly `count` different frames come out.
    """

    def select(features: Array, scores: Array, count: int) -> IntArray:
        scores = np.asarray(scores, np.float64)
        count = max(0, min(count, len(scores)))
        if not count:
            return np.empty(0, np.intp)
        low, high = float(scores.min()), float(scores.max())
        weights = np.ones_like(scores) if high <= low else ((scores - low) / (high - low)) ** power
        chances = _chances(weights, count)
        marks = np.arange(count) + 0.5
        edges = np.cumsum(chances)
        edges *= count / edges[-1]
        return _apart(np.searchsorted(edges, marks, side="right"), len(scores))

    return select


def _chances(weights: Array, count: int) -> Array:
    """[N] expected times that each is taken, none above 1, in proportion to the weights otherwise;
    they sum to `count <= N`."""
    certain = np.zeros(len(weights), bool)
    while (left := count - int(certain.sum())) > 0:
        pull = np.where(certain, 0.0, weights)
        if pull.max() <= 0:
            pull = np.where(certain, 0.0, 1.0)
        pull = pull / pull.max()
        wanted = left * pull / pull.sum()
        full = ~certain & (wanted >= 1.0)
        if not full.any():
            return np.where(certain, 1.0, wanted)
        certain |= full
    return certain.astype(np.float64)


def _apart(indices: IntArray, total: int) -> IntArray:
    """Sorted indices moved by as little as rounding made equal, so that they are unique."""
    indices = np.minimum(indices, total - 1)
    steps = np.arange(len(indices))
    forward = np.maximum.accumulate(indices - steps) + steps
    return np.minimum(forward, total - len(indices) + steps).astype(np.intp)


def best_window(features: Array, scores: Array, count: int) -> IntArray:
    """The `count` neighbouring frames with the highest total: one moment, seen closely."""
    count = max(0, min(count, len(scores)))
    if not count:
        return np.empty(0, np.intp)
    totals = np.cumsum(np.concatenate([[0.0], np.asarray(scores, np.float64)]))
    sums = totals[count:] - totals[:-count]
    # totals carry rounding: sums that differ by less than it are equal, and the middle one is taken
    best = np.flatnonzero(sums >= sums.max() - 1e-9 * max(1.0, float(np.abs(totals).max())))
    start = int(best[len(best) // 2]) if len(best) == len(sums) else int(best[0])
    return np.arange(start, start + count, dtype=np.intp)


def with_forced(selector: Selector, forced: IntArray) -> Selector:
    """A selector that keeps these frames whatever their score, then chooses among the others."""

    def select(features: Array, scores: Array, count: int) -> IntArray:
        kept = np.unique(forced)[: max(0, count)]
        others = np.setdiff1d(np.arange(len(scores)), kept)
        chosen = selector(features[others], scores[others], count - len(kept))
        return np.sort(np.concatenate([kept, others[chosen]])).astype(np.intp)

    return select


def with_grid_floor(selector: Selector, share: float) -> Selector:
    """A selector that spends `share` of its number on an even grid first (ATP-LLaVA's survivors:
    best scores and a uniform grid)."""

    def select(features: Array, scores: Array, count: int) -> IntArray:
        count = max(0, min(count, len(scores)))
        grid = spread(len(scores), int(count * share))
        return with_forced(selector, grid)(features, scores, count)

    return select


def by_group(
    selector: Selector, features: Array, scores: Array, groups: IntArray, quotas: IntArray
) -> IntArray:
    """The selector's choice inside each group 0..G-1, as many as its quota; sorted indices."""
    order = np.argsort(groups, kind="stable")
    edges = np.searchsorted(groups[order], np.arange(len(quotas) + 1))
    chosen = [
        order[edges[group] : edges[group + 1]][
            selector(
                features[order[edges[group] : edges[group + 1]]],
                scores[order[edges[group] : edges[group + 1]]],
                int(quotas[group]),
            )
        ]
        for group in np.flatnonzero(quotas)
    ]
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.intp)
