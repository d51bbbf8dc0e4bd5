"""Selectors that keep frames unlike each other: max-min, MMR, facility location, D-CoDe.

Features are rows of unit length; similarity is their dot product. All are greedy, of equal gains
the earlier frame wins, and all look at the best of `most` windows when there are more frames
(`prefilter`).
"""

import heapq

import numpy as np

from longtake.index.lanes import F32
from longtake.tools.select.items import Array, IntArray
from longtake.tools.select.prefilter import best_of_windows
from longtake.tools.select.selectors import Selector, spread

_SAMPLE = 1024


def maxmin(*, most: int = 2048, block: int = 512) -> Selector:
    """DivPrune: the set whose nearest pair is as far apart as greedy can make it.

    First the frame farthest from its nearest other, then always the one farthest from the chosen.
    Distance is `1 - cosine`. The authors' loop may take a frame again when frames repeat; here a
    chosen one is out, and repeats come last. Distances to the chosen set are kept, not a matrix of
    all pairs: `O(M k)` after a first pass over blocks.
    """

    def select(features: Array, scores: Array, count: int) -> IntArray:
        pool = best_of_windows(scores, most)
        rows = features[pool].astype(np.float32)
        count = max(0, min(count, len(pool)))
        if not count:
            return np.empty(0, np.intp)
        chosen = [int(np.argmax(_nearest(rows, block)))]
        near = np.full(len(pool), np.inf, np.float32)
        while len(chosen) < count:
            near = np.minimum(near, 1.0 - rows @ rows[chosen[-1]])
            near[chosen] = -np.inf
            chosen.append(int(np.argmax(near)))
        return np.sort(pool[chosen])

    return select


def mmr(*, balance: float = 0.5, most: int = 4096) -> Selector:
    """Maximal marginal relevance (Carbonell and Goldstein 1998): the best of
    `balance * score - (1 - balance) * similarity to the nearest chosen`, one by one.

    Scores are stretched to 0..1, since cosines of text and picture lie in a narrow band, and
    similarity is counted from that of any two frames to that of a frame and itself, since pictures
    of one video are alike to begin with: with plain cosines hardly anything but the score counts.
    """

    def select(features: Array, scores: Array, count: int) -> IntArray:
        pool = best_of_windows(scores, most)
        rows = features[pool].astype(np.float32)
        wanted = _stretched(scores[pool])
        count = max(0, min(count, len(pool)))
        chosen: list[int] = []
        base = min(0.999, background(rows))
        near = np.zeros(len(pool))
        gains = balance * wanted
        while len(chosen) < count:
            chosen.append(int(np.argmax(gains)))
            alike = ((rows @ rows[chosen[-1]]).astype(np.float64) - base) / (1.0 - base)
            near = alike if len(chosen) == 1 else np.maximum(near, alike)
            gains = balance * wanted - (1.0 - balance) * near
            gains[chosen] = -np.inf
        return np.sort(pool[chosen])

    return select


def facility(*, relevance: float = 0.7, most: int = 1536) -> Selector:
    """Facility location with relevance (CATP's first stage): maximise
    `sum over all of similarity to the nearest kept + relevance * sum of kept scores`.

    Similarity is cosine brought to 0..1, scores are stretched to 0..1. The objective is monotone
    and submodular, so greedy reaches `1 - 1/e` of the best; gains are recomputed only when they
    come first (lazy greedy).
    """

    def select(features: Array, scores: Array, count: int) -> IntArray:
        pool = best_of_windows(scores, most)
        rows = features[pool].astype(np.float32)
        alike = (rows @ rows.T + 1.0) / 2.0
        bonus = relevance * _stretched(scores[pool])
        return np.sort(pool[_lazy_greedy(alike, bonus, max(0, min(count, len(pool))))])

    return select


def dissimilar(*, uniform_share: float = 0.85, most: int = 4096) -> Selector:
    """D-CoDe: `int(count * uniform_share)` evenly spread anchors, then always the frame with the
    lowest mean cosine to the chosen ones.

    The source picks among 50 uniform frames; here among all, or the best of `most` windows, since
    a sum of chosen features is all that is kept.
    """

    def select(features: Array, scores: Array, count: int) -> IntArray:
        total = len(scores)
        count = max(0, min(count, total))
        anchors = spread(total, int(count * uniform_share))
        if count and not len(anchors):
            anchors = spread(total, 1)
        pool = np.union1d(anchors, best_of_windows(scores, max(most, count)))
        rows = features[pool].astype(np.float32)
        chosen = np.searchsorted(pool, anchors).tolist()
        alike = rows @ rows[chosen].sum(axis=0)
        while len(chosen) < count:
            alike[chosen] = np.inf
            chosen.append(int(np.argmin(alike)))
            alike = alike + rows @ rows[chosen[-1]]
        return np.sort(pool[chosen])

    return select


def background(rows: Array) -> float:
    """Mean cosine of two different frames of the video, at least 0; 0 without features."""
    sample = rows[spread(len(rows), _SAMPLE)].astype(np.float64)
    count = len(sample)
    if count < 2 or not sample.shape[1]:
        return 0.0
    total = sample.sum(axis=0)
    own = float(np.einsum("nd,nd->", sample, sample))
    return max(0.0, (float(total @ total) - own) / (count * (count - 1)))


def _nearest(rows: F32, block: int) -> F32:
    """[M] distance of each to its nearest other, without a matrix of all pairs."""
    best = np.full(len(rows), np.inf, np.float32)
    for start in range(0, len(rows), block):
        distance = 1.0 - rows[start : start + block] @ rows.T
        places = np.arange(len(distance))
        distance[places, start + places] = np.inf
        best[start : start + block] = distance.min(axis=1)
    return best


def _lazy_greedy(alike: F32, bonus: Array, count: int) -> list[int]:
    covered = np.zeros(len(alike), np.float32)
    first = alike.sum(axis=0) + bonus
    heap = [(-float(gain), index, 0) for index, gain in enumerate(first)]
    heapq.heapify(heap)
    chosen: list[int] = []
    while len(chosen) < count:
        _, index, known = heapq.heappop(heap)
        if known == len(chosen):
            chosen.append(index)
            covered = np.maximum(covered, alike[index])
            continue
        fresh = float(np.maximum(alike[index] - covered, 0.0).sum() + bonus[index])
        heapq.heappush(heap, (-fresh, index, len(chosen)))
    return chosen


def _stretched(scores: Array) -> Array:
    scores = np.asarray(scores, np.float64)
    spread_ = float(np.ptp(scores)) if len(scores) else 0.0
    return (scores - scores.min()) / spread_ if spread_ > 0 else np.zeros_like(scores)
