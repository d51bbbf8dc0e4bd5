"""Anchor frames: one peak a basin of the score, thinned by k-means over time (F2C, Alg. 1)."""

import numpy as np

from longtake.tools.select.items import Array, IntArray

_ROUNDS = 25


def peaks(features: Array, scores: Array, count: int) -> IntArray:
    """At most `count` peaks: fewer when the score has fewer basins.

    Valleys are places that score less than both neighbours, and both ends. Each basin between
    consecutive valleys gives its highest frame, the earlier of equal ones. More peaks than `count`
    are grouped by k-means over their times (starts at quantiles, at most 25 rounds), and the best
    of each group stays.
    """
    found = basin_peaks(scores)
    if count <= 0 or not len(found):
        return np.empty(0, np.intp)
    if len(found) <= count:
        return found
    groups = time_groups(found, count)
    order = np.lexsort((found, -scores[found], groups))
    first = np.unique(groups[order], return_index=True)[1]
    return np.sort(found[order[first]])


def basin_peaks(scores: Array) -> IntArray:
    """The highest frame of each basin.

    A flat stretch is one place, its middle: in the source each of its frames is a valley, so that
    a video of which nothing is known has as many peaks as frames.
    """
    if not len(scores):
        return np.empty(0, np.intp)
    starts = np.flatnonzero(np.diff(scores, prepend=np.nan) != 0)
    lasts = np.append(starts[1:], len(scores)) - 1
    levels = scores[starts]
    valleys = np.flatnonzero((levels[1:-1] < levels[:-2]) & (levels[1:-1] < levels[2:])) + 1
    basins = np.concatenate([[0], valleys])
    owner = np.repeat(np.arange(len(basins)), np.diff(basins, append=len(levels)))
    at = np.flatnonzero(levels == np.maximum.reduceat(levels, basins)[owner])
    first = at[np.unique(owner[at], return_index=True)[1]]
    return np.asarray((starts[first] + lasts[first]) // 2, np.intp)


def time_groups(times: IntArray, count: int) -> IntArray:
    """[P] group of each of P sorted times: Lloyd's k-means in one dimension.

    Groups are stretches of time, so their borders are the middles between centres; a group that
    becomes empty stays where it is.
    """
    values = np.asarray(times, np.float64)
    centres = np.quantile(values, (np.arange(count) + 0.5) / count)
    totals = np.concatenate([[0.0], np.cumsum(values)])
    for _ in range(_ROUNDS):
        edges = np.searchsorted(values, (centres[1:] + centres[:-1]) / 2)
        starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(values)]])
        sizes = ends - starts
        means = (totals[ends] - totals[starts]) / np.maximum(sizes, 1)
        moved = np.where(sizes > 0, means, centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, values, side="right").astype(np.intp)
