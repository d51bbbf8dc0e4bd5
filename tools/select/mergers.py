"""What becomes of frames that were not chosen.

A merger takes items, the kept ones and a target, and gives items of which each knows how many
frames it stands for (`sizes`). `drop` and `into_nearest` give the kept ones, so their target is
their number; the other two join neighbours in time until `target` are left.
"""

import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from longtake.tools.select.items import Array, IntArray, Items

Merger = Callable[[Items, IntArray, int], Items]

STILL = 0.8
"""HoliTom's tau: parts of a picture at least so alike (cosine) in neighbouring frames are still."""
LONGEST = 1024
"""Frames of a window at most."""
_BLOCK = 4096


def drop(items: Items, kept: IntArray, target: int) -> Items:
    """Only what was kept; the others are gone."""
    return items.take(kept)


def into_nearest(items: Items, kept: IntArray, target: int) -> Items:
    """Each other frame is averaged into the kept one most like it, the earlier of equal ones.

    Without features the nearest in time. Averages weigh every frame alike: HoliTom's inner merge
    loops `(a + b) / 2`, whose result depends on the order. Features come out at unit length.
    """
    if not len(kept):
        return items.take(kept)
    owner = _owners(items, kept)
    owner[kept] = np.arange(len(kept))
    return _grouped(items, owner, kept)


def adjacent(items: Items, kept: IntArray, target: int) -> Items:
    """Neighbours in time are joined, the most alike pair first, until `target` are left.

    Two kept frames are never joined, so at least `len(kept)` are left. A group stands at its kept
    frame, else at its first. Without features the pair nearest in time is joined.
    """
    total = len(items)
    group = _Chain(items)
    held = np.zeros(total, bool)
    held[kept] = True
    heap = [(-group.likeness(left, left + 1), left, left + 1) for left in range(total - 1)]
    heapq.heapify(heap)
    remaining = total
    while remaining > max(target, 1) and heap:
        likeness, left, right = heapq.heappop(heap)
        if not group.together(left, right, -likeness) or (held[left] and held[right]):
            continue
        group.join(left, right)
        held[left] |= held[right]
        remaining -= 1
        for one, other in group.borders(left):
            heapq.heappush(heap, (-group.likeness(one, other), one, other))
    owner = group.owners()
    stands = np.unique(owner, return_index=True)[1]
    stands[owner[kept]] = kept
    return _grouped(items, owner, stands.astype(np.intp))


def static_windows(items: Items, kept: IntArray, target: int) -> Items:
    """Windows in which the picture stands still become one frame each (HoliTom over frames).

    `target` does not matter: stillness decides, not a number. A window stands at its first frame
    among `kept`, else at its first. Items without features stay as they are.
    """
    if items.features is None or len(items) < 2:
        return items
    rows = items.features.astype(np.float32)
    alike = np.einsum("nd,nd->n", rows[1:], rows[:-1])
    starts = still_windows(alike[:, None] > STILL)
    owner = (np.searchsorted(starts, np.arange(len(items)), side="right") - 1).astype(np.intp)
    stands = starts.copy()
    stands[owner[kept[::-1]]] = kept[::-1]
    return _grouped(items, owner, stands)


def still_windows(still: npt.NDArray[np.bool_], longest: int = LONGEST) -> IntArray:
    """First frames of the windows that save most: HoliTom's dynamic programme over time.

    Args:
        still: [T - 1, P] whether part p of the picture is the same in frames t and t + 1.

    A window of `n` frames saves `(n - 1)` times the parts that are still throughout. Of equal
    savings the cut with later last windows wins. `O(T * longest * P)`, less where nothing is still.
    """
    total = len(still) + 1
    best = np.zeros(total + 1, np.int64)
    came = np.zeros(total + 1, np.intp)
    since = np.zeros(still.shape[1], np.intp)
    """First frame from which each part has been still."""
    for end in range(1, total + 1):
        if end > 1:
            since = np.where(still[end - 2], since, end - 1)
        first = max(0, end - longest, int(since.min(initial=end - 1)))
        starts = np.arange(first, end)
        parts = np.searchsorted(np.sort(since), starts, side="right")
        totals = best[starts] + parts * (end - 1 - starts)
        place = len(starts) - 1 - int(np.argmax(totals[::-1]))
        best[end], came[end] = totals[place], starts[place]
    cuts = []
    end = total
    while end > 0:
        end = int(came[end])
        cuts.append(end)
    return np.array(cuts[::-1], np.intp)


def _owners(items: Items, kept: IntArray) -> IntArray:
    """[N] place in `kept` of the kept frame nearest to each."""
    if items.features is None:
        middles = (items.times[kept[1:]] + items.times[kept[:-1]]) / 2
        return np.searchsorted(middles, items.times, side="left").astype(np.intp)
    centres = items.features[kept].astype(np.float32).T
    owner = np.empty(len(items), np.intp)
    for start in range(0, len(items), _BLOCK):
        rows = items.features[start : start + _BLOCK].astype(np.float32, copy=False)
        owner[start : start + _BLOCK] = np.argmax(rows @ centres, axis=1)
    return owner


def _grouped(items: Items, owner: IntArray, stands: IntArray) -> Items:
    """One item a group: at the frame that stands for it, with mean features and summed sizes."""
    counts = items.counts()
    sizes = np.bincount(owner, weights=counts, minlength=len(stands)).astype(np.intp)
    merged = items.take(stands, features=False)
    if items.features is None:
        return replace(merged, sizes=sizes)
    means = np.zeros((len(stands), items.features.shape[1]), np.float32)
    for start in range(0, len(items), _BLOCK):
        part = slice(start, start + _BLOCK)
        rows = items.features[part].astype(np.float32, copy=False)
        groups, inverse = np.unique(owner[part], return_inverse=True)
        shares = np.zeros((len(groups), len(rows)), np.float32)
        shares[inverse, np.arange(len(rows))] = counts[part]
        means[groups] += shares @ rows
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    unit = np.divide(means, lengths, out=np.zeros_like(means), where=lengths > 0)
    return replace(merged, features=unit, sizes=sizes)


class _Chain:
    """Neighbouring groups of frames, known by their first frame."""

    def __init__(self, items: Items) -> None:
        total = len(items)
        self._times = items.times
        self._sums: Array | None = None
        if items.features is not None:
            self._sums = items.features.astype(np.float64) * items.counts()[:, None]
        self._end = list(range(total))
        """Last frame of the group that begins here."""
        self._first = list(range(total))
        """First frame of the group that ends here."""
        self._alive = [True] * total

    def likeness(self, left: int, right: int) -> float:
        """Cosine of two groups' means; without features minus the seconds between them."""
        if self._sums is None:
            return float(self._times[self._end[left]] - self._times[right])
        a, b = self._sums[left], self._sums[right]
        length = float(np.linalg.norm(a) * np.linalg.norm(b))
        return float(a @ b) / length if length else 0.0

    def together(self, left: int, right: int, likeness: float) -> bool:
        """Whether these are still neighbours, and as alike as when this was noted."""
        if not (self._alive[left] and self._alive[right]) or self._end[left] + 1 != right:
            return False
        return self.likeness(left, right) == likeness

    def join(self, left: int, right: int) -> None:
        self._alive[right] = False
        self._end[left] = self._end[right]
        self._first[self._end[left]] = left
        if self._sums is not None:
            self._sums[left] += self._sums[right]

    def borders(self, left: int) -> list[tuple[int, int]]:
        """Pairs of a group with its neighbours."""
        pairs = [(self._first[left - 1], left)] if left > 0 else []
        after = self._end[left] + 1
        return [*pairs, (left, after)] if after < len(self._alive) else pairs

    def owners(self) -> IntArray:
        """[N] number of the group of each frame."""
        alive: Any = np.array(self._alive, np.intp)
        return np.asarray(np.cumsum(alive) - 1, np.intp)
