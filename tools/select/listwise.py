"""Frames chosen as a list: determinantal points under the question, stretch by stretch (MDP3).

Sun et al., "mDP3: A Training-free Approach for List-wise Frame Selection in Video-LLMs" (ICCV 2025,
arXiv 2501.02885). With `L` the similarity of frames and `r` that of frame and question, both a mean
of Gaussian kernels, a set scores `2 / lambda * sum log r + log det L`. The video is cut into
segments of 32 candidates; the frames of a segment are chosen greedily given the last frame chosen
before it, and dynamic programming over the number of frames chosen so far shares the budget among
the segments. Lambda 0.2 and the kernels' widths are the paper's.

Where we depart from the released code: it adds the relevance and the determinant of the frame that
a segment is conditioned on again in every segment, so the same list scores differently depending on
how it is cut; here a segment adds the conditional `log det(L given the frame before)`. Candidates
are the best of windows by score (the paper: 128 uniform frames), 16 a wanted frame, at most 768.
Equal frames have determinant 0; a floor keeps them as the last choice.
"""

from dataclasses import dataclass

import numpy as np

from longtake.tools.select.items import F64, Array, IntArray
from longtake.tools.select.prefilter import best_of_windows, windows_for
from longtake.tools.select.selectors import Selector

WIDTHS = tuple(2.0**power for power in range(-3, 2))
FLOOR = 1e-10
"""Least conditional variance of a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listwise:
    """Parameters of `determinantal`."""

    balance: float = 0.2
    """Lambda: small values relevance."""
    segment: int = 32
    """Candidates of a segment; at least as many as there are is one greedy list (plain DPP)."""
    each: int = 16
    """Candidates a wanted frame."""
    most: int = 768
    """Candidates in all."""


def kernel(squares: Array) -> F64:
    """Mean of Gaussian kernels of squared distances, 0..1."""
    return np.asarray(np.mean([np.exp(-squares / (2 * width)) for width in WIDTHS], axis=0))


def determinantal(query: Array, options: Listwise | None = None) -> Selector:
    """List-wise choice for a question with this embedding [D]; scores choose the candidates only.

    Frames and question are rows of unit length in one space.
    """
    options = options or Listwise()

    def select(features: Array, scores: Array, count: int) -> IntArray:
        windows = windows_for(count, most=options.most, least=128, each=options.each)
        pool = best_of_windows(scores, windows)
        count = max(0, min(count, len(pool)))
        if not count:
            return np.empty(0, np.intp)
        rows = features[pool].astype(np.float64)
        alike = kernel(np.maximum(2.0 - 2.0 * (rows @ rows.T), 0.0))
        asked = kernel(np.maximum(2.0 - 2.0 * (rows @ query.astype(np.float64)), 0.0))
        gains = 2.0 / options.balance * np.log(np.maximum(asked, 1e-300))
        return np.sort(pool[_lists(alike, gains, count, options.segment)])

    return select


def _lists(alike: F64, gains: F64, count: int, segment: int) -> IntArray:
    """Indices of the best list of `count` that the programme over segments finds."""
    total = len(alike)
    starts = range(0, total, segment)
    best = np.full((len(starts) + 1, count + 1), -np.inf)
    best[0, 0] = 0.0
    came = np.zeros((len(starts) + 1, count + 1), np.intp)
    picks: list[IntArray] = []
    last = np.full(count + 1, -1, np.intp)
    """Last frame of the best list of each length so far."""
    for number, start in enumerate(starts):
        inside = np.arange(start, min(start + segment, total))
        steps = min(len(inside), count)
        values, orders = _greedy(alike, gains, inside, last, steps)
        picks.append(orders)
        news = np.full(count + 1, -1, np.intp)
        for length in range(count + 1):
            before = np.arange(max(0, length - steps), length + 1)
            candidates = best[number, before] + values[before, length - before]
            # of equal ones the list that takes fewer frames here
            place = len(before) - 1 - int(np.argmax(candidates[::-1]))
            best[number + 1, length] = candidates[place]
            came[number + 1, length] = before[place]
            taken = length - before[place]
            own = orders[before[place], :taken]
            news[length] = own.max() if taken else last[length]
        last = news
    chosen: list[IntArray] = []
    length = count
    for number in range(len(starts), 0, -1):
        before_ = int(came[number, length])
        chosen.append(picks[number - 1][before_, : length - before_])
        length = before_
    return np.sort(np.concatenate(chosen))


def _greedy(
    alike: F64, gains: F64, inside: IntArray, last: IntArray, steps: int
) -> tuple[F64, IntArray]:
    """For each frame `last[s]` before a segment, the greedy list inside it.

    Incremental Cholesky (Chen et al. 2018), all starts at once.

    Returns:
        values [S, steps + 1] of the first 0, 1, ... frames, and the frames [S, steps].
    """
    starts, size = len(last), len(inside)
    block = alike[np.ix_(inside, inside)]
    factors = np.zeros((starts, size, steps + 1))
    variance = np.repeat(np.diag(block)[None], starts, axis=0)
    known = last >= 0
    own = np.sqrt(np.maximum(np.diag(alike)[last[known]], FLOOR))
    factors[known, :, 0] = alike[np.ix_(last[known], inside)] / own[:, None]
    variance[known] -= factors[known, :, 0] ** 2
    values = np.zeros((starts, steps + 1))
    orders = np.zeros((starts, steps), np.intp)
    free = np.ones((starts, size), bool)
    every = np.arange(starts)
    for step in range(steps):
        worth = np.where(free, gains[inside] + np.log(np.maximum(variance, FLOOR)), -np.inf)
        pick = np.argmax(worth, axis=1)
        values[:, step + 1] = values[:, step] + worth[every, pick]
        orders[:, step] = inside[pick]
        free[every, pick] = False
        if step + 1 == steps:
            break
        used = factors[:, :, : step + 1]
        shared = np.einsum("sik,sk->si", used, used[every, pick])
        scale = np.sqrt(np.maximum(variance[every, pick], FLOOR))
        factors[:, :, step + 1] = (block[pick] - shared) / scale[:, None]
        variance -= factors[:, :, step + 1] ** 2
    return values, orders
