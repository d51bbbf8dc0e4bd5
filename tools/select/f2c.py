"""Clips instead of frames: length of a clip against resolution at a constant price (F2C).

"From Frames to Clips" (specification: Alg. 1, Eq. 6-8 as in `peaks` and here; no author code was
found). Anchors are peaks of relevance. Around each, the window of `l` frames that maximises

    mean relevance - 0.5 * redundancy + 0.05 * l / longest

becomes a clip, `longest = round(4 * budget / anchors)`. A clip costs as much as an anchor's share
of full-size frames: its frames are smaller by `sqrt(l / share)` a side, at most by 2.

Where we depart. Redundancy is the mean cosine of different frames of the window, in the source as
it is; pictures of one video are alike to begin with, so that alone would make every clip one frame:
here it is counted from the likeness of any two frames of the video. A short clip cannot use its
whole share, which the source leaves unspent; here the rest makes long clips sharper. A frame of two
windows belongs to the nearer anchor before prices are shared, so none is paid for twice.
"""

from dataclasses import dataclass

import numpy as np

from longtake.tools.select.allocators import resolution
from longtake.tools.select.composition import Draft, Options, Plan, scale_of
from longtake.tools.select.diversity import background
from longtake.tools.select.items import Array, Items, Signals
from longtake.tools.select.peaks import peaks
from longtake.tools.select.scorers import any_lane

REDUNDANCY = 0.5
LENGTH = 0.05
SMALLEST = 2.0
"""Sides are divided by this at most."""
UNITS = 256
"""Units that a full-size frame is split into when prices are shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Frames [start, end) around an anchor."""

    anchor: int
    start: int
    end: int


def f2c(items: Items, signals: Signals, budget: int, options: Options) -> Plan:
    """The clips of the `budget` highest peaks.

    Without features, frames with no change between them are the same picture and others have
    nothing in common.
    """
    relevance = any_lane(items, signals)
    rows, note = items.rows(), None
    if items.features is None:
        note = "no features: nothing counts as redundant"
        if signals.change is not None:
            rows, note = (
                stills(signals.change),
                "no features: shots and text tell what stands still",
            )
    anchors = peaks(rows, relevance, budget)
    if not len(anchors):
        return Plan(drafts=())
    longest = min(len(items), max(1, round(SMALLEST**2 * budget / len(anchors))))
    base = background(rows)
    windows = [best_window(rows, relevance, int(anchor), longest, base) for anchor in anchors]
    members = divided(windows)
    lengths = np.array([len(frames) for frames in members], np.intp)
    quotas = resolution(SMALLEST)(np.ones(len(lengths)), budget * UNITS, lengths * UNITS)
    drafts = []
    for clip, (window, frames) in enumerate(zip(windows, members, strict=True)):
        area = quotas[clip] / (UNITS * len(frames))
        scale = scale_of(area)
        what = "the frame" if len(frames) == 1 else f"one of {len(frames)} frames"
        reason = f"{what} at the peak of relevance at {items.times[window.anchor]:.1f} s"
        drafts += [
            Draft(
                index=frame,
                scale=scale,
                score=float(relevance[frame]),
                reason=reason,
                part="clips",
                clip=clip,
            )
            for frame in frames
            if scale > 0
        ]
    return Plan(drafts=drafts, notes=(note,) if note else ())


def stills(change: Array) -> Array:
    """[N, D] features that are equal between changes and have nothing in common across one.

    D is 64: pictures so many changes apart share a row, far outside any window that matters.
    """
    return np.asarray(np.eye(64)[np.cumsum(np.asarray(change) > 0) % 64])


def best_window(
    rows: Array, relevance: Array, anchor: int, longest: int, base: float = 0.0
) -> Window:
    """The window around an anchor with the highest score, the shorter of equal ones.

    Args:
        rows: [N, D] features; D may be 0.
        base: cosine of frames that have nothing to do with each other.
    """
    total = len(relevance)
    lengths = np.arange(1, min(longest, total) + 1)
    starts = np.clip(anchor - lengths // 2, 0, total - lengths)
    first, last = int(starts.min()), int((starts + lengths).max())
    part = rows[first:last].astype(np.float64)
    pairs = np.zeros((len(part) + 1, len(part) + 1))
    pairs[1:, 1:] = (part @ part.T).cumsum(0).cumsum(1)
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(relevance[first:last], np.float64))])
    a, b = starts - first, starts - first + lengths
    square = pairs[b, b] - pairs[a, b] - pairs[b, a] + pairs[a, a]
    own = np.concatenate([[0.0], np.cumsum(np.einsum("nd,nd->n", part, part))])
    others = np.maximum(lengths * (lengths - 1), 1)
    alike = np.where(lengths > 1, (square - (own[b] - own[a])) / others, 0.0)
    redundancy = np.clip((alike - base) / max(1e-6, 1.0 - base), 0.0, 1.0)
    if not part.shape[1]:
        redundancy = np.zeros(len(lengths))
    redundancy[0] = 0.0
    scores = (sums[b] - sums[a]) / lengths - REDUNDANCY * redundancy + LENGTH * lengths / longest
    best = int(np.argmax(scores))
    return Window(anchor=anchor, start=int(starts[best]), end=int(starts[best] + lengths[best]))


def divided(windows: list[Window]) -> list[list[int]]:
    """The frames of each window that are nearer to its anchor than to that of any other window that
    holds them; of equally near ones the earlier anchor has it."""
    owner: dict[int, tuple[int, int]] = {}
    for number, window in enumerate(windows):
        for frame in range(window.start, window.end):
            claim = abs(frame - window.anchor), number
            owner[frame] = min(owner.get(frame, claim), claim)
    members: list[list[int]] = [[] for _ in windows]
    for frame, (_, number) in sorted(owner.items()):
        members[number].append(frame)
    return members
