"""Fewer candidates for methods that cost the square of their number.

A day at one frame a second has 86,400 frames. Methods that compare frames with each other look at
the best frame of each of `most` equal windows instead: every stretch of the video stays in, and of
a still stretch the frame that scores best. Up to `most` frames nothing is left out.
"""

import numpy as np

from longtake.tools.select.items import Array, IntArray


def best_of_windows(scores: Array, most: int) -> IntArray:
    """Sorted indices of at most `most` frames: the highest score of each of `most` equal windows,
    the earlier of equal ones."""
    total = len(scores)
    if total <= most:
        return np.arange(total, dtype=np.intp)
    starts = np.arange(most) * total // most
    highest = np.repeat(np.maximum.reduceat(scores, starts), np.diff(starts, append=total))
    candidates = np.flatnonzero(scores == highest)
    windows = np.searchsorted(starts, candidates, side="right")
    return candidates[np.unique(windows, return_index=True)[1]]


def windows_for(count: int, *, most: int, least: int, each: int) -> int:
    """How many windows to look at for `count` frames: `each` a frame, within bounds."""
    return max(least, count, min(most, each * count))
