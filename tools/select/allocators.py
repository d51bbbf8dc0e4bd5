"""How a budget is split over groups: tiles, clips, segments or frames of different resolution.

An allocator takes weights [G], a budget and caps [G], and gives integers [G] that sum to exactly
`min(budget, caps.sum())`, none above its cap. Weights are finite and not negative; all zero is all
alike. What a group with weight cannot take goes to the others by weight, and only when all of those
are full to groups without weight.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from longtake.tools.select.items import Array, IntArray

Allocator = Callable[[Array, int, IntArray], IntArray]


def waterfill(weights: Array, budget: int, caps: IntArray, floors: Any = 0) -> IntArray:
    """Quotas in proportion to the weights between floors and caps.

    Every group gets its floor first (its cap, if that is lower; when the budget is too small for
    all floors, they are filled like caps of equal groups), the rest is shared by weight:
    `floor + (budget - floors) * weight / sum(weights)`, LangDC's rule. QuoTA's one pass need not
    reach the total and its first version knows no cap; here overflow is shared again until nothing
    is left, and fractions go to the largest remainders, of equal ones to the earlier group.

    Raises:
        ValueError: a weight is negative or not finite, or shapes differ.
    """
    weights = np.asarray(weights, np.float64)
    caps = np.maximum(np.asarray(caps, np.intp), 0)
    if weights.shape != caps.shape or weights.ndim != 1:
        raise ValueError(f"weights {weights.shape} and caps {caps.shape} must be [G]")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("weights must be finite and not negative")
    budget = max(0, min(int(budget), int(caps.sum())))
    least = np.minimum(np.broadcast_to(np.asarray(floors, np.intp), caps.shape), caps)
    least = np.maximum(least, 0)
    if least.sum() > budget:
        return _fill(np.ones(len(caps)), budget, least)
    return least + _fill(weights, budget - int(least.sum()), caps - least)


def uniform(weights: Array, budget: int, caps: IntArray) -> IntArray:
    """The same for every group, whatever the weights."""
    return waterfill(np.ones(len(caps)), budget, caps)


def per_segment(weights: Array, budget: int, caps: IntArray) -> IntArray:
    """In proportion to the size of the groups, whatever the weights."""
    return waterfill(np.asarray(caps, np.float64), budget, caps)


def proportional(*, temperature: float | None = None, floor: int = 0) -> Allocator:
    """In proportion to the weights, or to their softmax.

    Args:
        temperature: softmax of the standardised weights over it; small prefers the best, large
            makes all alike. GlobalCom^2 applies 10 to raw scores, which makes them nearly equal:
            hence standardised. None takes the weights as they are.
        floor: the least of every group.
    """

    def allocate(weights: Array, budget: int, caps: IntArray) -> IntArray:
        if temperature is not None:
            weights = softmax(weights, temperature)
        return waterfill(weights, budget, caps, floor)

    return allocate


def guided(temperature: float) -> Allocator:
    """GlobalCom^2: each group keeps the common share times `1 + s_i - mean(s)`.

    `s` is the softmax of the standardised weights (the source: of raw scores). The common share is
    budget by caps; the source truncates, here the total is exact.
    """

    def allocate(weights: Array, budget: int, caps: IntArray) -> IntArray:
        shares = softmax(weights, temperature)
        lift = 1.0 + shares - (shares.mean() if len(shares) else 0.0)
        return waterfill(np.asarray(caps, np.float64) * lift, budget, caps)

    return allocate


def resolution(smallest: float) -> Allocator:
    """F2C: the same for every clip, whatever the weights, between its smallest and its full size.

    Caps are the units of each clip at full size; at its smallest every side is `1 / smallest`.
    """

    def allocate(weights: Array, budget: int, caps: IntArray) -> IntArray:
        caps = np.maximum(np.asarray(caps, np.intp), 0)
        least = np.ceil(caps / smallest**2).astype(np.intp)
        budget = max(0, min(int(budget), int(caps.sum())))
        if least.sum() >= budget:
            return uniform(weights, budget, least)
        quotas = least.copy()
        open_ = np.ones(len(caps), bool)
        while True:
            # who would get less than the least has it, and the others share what that leaves
            left = budget - int(least[~open_].sum())
            quotas[open_] = uniform(weights[open_], left, caps[open_])
            short = open_ & (quotas < least)
            if not short.any():
                return quotas
            quotas[short] = least[short]
            open_ &= ~short

    return allocate


def tiles(alpha: float) -> Allocator:
    """HiRED: group 0 is the whole picture and gets `alpha` of the budget, the others share what is
    left.

    The source truncates and leaves budget unspent; here remainders are handed out, what the tiles
    cannot take goes to the whole picture, and what that cannot take goes to the tiles. `top_counts`
    gives the weights of the tiles.
    """

    def allocate(weights: Array, budget: int, caps: IntArray) -> IntArray:
        caps = np.asarray(caps, np.intp)
        budget = max(0, min(int(budget), int(caps.sum())))
        rest = int(caps[1:].sum())
        whole = min(int(budget * alpha), int(caps[0])) if len(caps) else 0
        whole = max(whole, budget - rest)
        return np.concatenate(
            [np.array([whole], np.intp), waterfill(weights[1:], budget - whole, caps[1:])]
        )[: len(caps)]

    return allocate


def top_counts(scores: Array, groups: IntArray, top: int) -> IntArray:
    """[G] how many of the `top` highest scores lie in each group 0..G-1 (HiRED's importance)."""
    best = np.argsort(-np.asarray(scores), kind="stable")[:top]
    count = int(groups.max()) + 1 if len(groups) else 0
    return np.bincount(groups[best], minlength=count).astype(np.intp)


def buckets(weights: Array, budget: int, caps: IntArray) -> IntArray:
    """One for every group that can take one, heavier ones first, then by weight (LiveVLM's sink
    buckets: no stretch of time goes unseen before the budget is short)."""
    weights = np.asarray(weights, np.float64)
    open_ = np.minimum(np.asarray(caps, np.intp), 1)
    if open_.sum() <= budget:
        return waterfill(weights, budget, caps, 1)
    quotas = np.zeros(len(weights), np.intp)
    order = np.argsort(-weights, kind="stable")
    quotas[order[open_[order] > 0][: max(0, budget)]] = 1
    return quotas


def softmax(weights: Array, temperature: float) -> Array:
    """[G] shares that sum to 1, of the weights at mean 0 and deviation 1."""
    weights = np.asarray(weights, np.float64)
    if not len(weights):
        return weights
    deviation = float(weights.std())
    scores = (weights - weights.mean()) / deviation if deviation > 1e-12 else weights * 0.0
    powers = np.exp((scores - scores.max()) / temperature)
    return np.asarray(powers / powers.sum())


def _fill(weights: Array, budget: int, caps: IntArray) -> IntArray:
    """Exact quotas by weight under caps; `budget <= caps.sum()`."""
    ideal = np.zeros(len(caps))
    open_ = caps > 0
    left = float(budget)
    while left > 1e-9 and open_.any():
        pull = np.where(open_, weights, 0.0)
        if pull.max() <= 0:
            pull = open_.astype(np.float64)
        pull = pull / pull.max()
        wanted = ideal + left * (pull / pull.sum())
        full = open_ & (wanted >= caps)
        if not full.any():
            ideal = wanted
            break
        ideal = np.where(full, caps, ideal)
        open_ = open_ & ~full
        left = budget - float(ideal.sum())
    quotas = np.minimum(np.floor(ideal), caps).astype(np.intp)
    missing = budget - int(quotas.sum())
    while missing > 0:
        remainders = np.where(quotas < caps, ideal - quotas, -np.inf)
        best = np.argsort(-remainders, kind="stable")[:missing]
        best = best[quotas[best] < caps[best]]
        quotas[best] += 1
        missing -= len(best)
    return quotas
