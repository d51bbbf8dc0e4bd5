"""Adaptive split of the video between the best frames and coverage (AKS, CVPR 2025).

Tang et al., "Adaptive Keyframe Sampling for Long Video Understanding": a stretch whose best frames
stand out keeps them wherever they are; any other is cut in the middle, each half gets half of the
frames, and both are judged again.

Known from the released code and its copies: scores stretched to 0..1, threshold 0.8 for the mean of
the best minus the mean of all, at most 5 cuts. There the best are as many as the whole budget at
every depth, so a stretch shorter than that never stands out; and `int(budget / 2**depth)` frames
are taken, which is none at all for 8 frames at depth 5. Here a stretch is judged by the best of its
own quota, quotas are halved exactly (the odd one to the half with the higher best frame, the rest
of a half that is too short to the other), and a quota of one is not cut further.
"""

import numpy as np

from longtake.tools.select.items import Array, IntArray
from longtake.tools.select.scorers import normalised
from longtake.tools.select.selectors import Selector, best_of


def adaptive_split(*, threshold: float = 0.8, depth: int = 5) -> Selector:
    """Judge and split; see the module."""

    def select(features: Array, scores: Array, count: int) -> IntArray:
        scores = normalised(scores, "range")
        found: list[IntArray] = []
        work = [(0, len(scores), max(0, min(count, len(scores))), 0)]
        while work:
            start, end, quota, level = work.pop()
            if not quota:
                continue
            part = scores[start:end]
            best = best_of(part, quota)
            stands_out = part[best].mean() - part.mean() >= threshold
            if stands_out or level == depth or quota == 1:
                found.append(start + best)
                continue
            middle = (start + end) // 2
            left = _left_quota(scores[start:middle], scores[middle:end], quota)
            work += [(start, middle, left, level + 1), (middle, end, quota - left, level + 1)]
        return np.sort(np.concatenate(found)) if found else np.empty(0, np.intp)

    return select


def _left_quota(left: Array, right: Array, quota: int) -> int:
    """Half, the odd frame to the higher peak, what does not fit to the other side."""
    half, odd = divmod(quota, 2)
    if odd and left.max(initial=-np.inf) >= right.max(initial=-np.inf):
        half += 1
    return max(quota - len(right), min(half, len(left)))
