"""Contact sheets: frames in rows on one image, and when to take the frames of a storyboard.

A sheet is the thumbnail image of TS-LLaVA as an API takes it: one image, every frame with its
second drawn in. Frames touch but for a thin dark line, because what lies between them costs tokens.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from longtake.index.lanes import U8
from longtake.timing import Span

GAP_PX = 2
LONGEST_SHAPE = 2.0
EVEN_SHARE = 0.5
"""Of the frames of a storyboard that follow time; the others follow change."""
SAME_CHANGE_S = 1.0
"""Changes nearer to each other than this are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Frames of one size in rows; the last row may be short."""

    count: int
    columns: int
    width: int
    """Pixels of a frame."""
    height: int

    @property
    def rows(self) -> int:
        """Rows that are needed."""
        return -(-self.count // self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the whole in pixels."""
        across = self.columns * self.width + (self.columns - 1) * GAP_PX
        return across, self.rows * self.height + (self.rows - 1) * GAP_PX

    def corner(self, index: int) -> tuple[int, int]:
        """(left, top) of a frame in pixels."""
        row, column = divmod(index, self.columns)
        return column * (self.width + GAP_PX), row * (self.height + GAP_PX)


def sheet(frames: U8, grid: Grid) -> U8:
    """u8 [N, h, w, 3] frames -> u8 [H, W, 3], in reading order, dark where there is none."""
    width, height = grid.size
    made = np.zeros((height, width, 3), np.uint8)
    for index, frame in enumerate(frames):
        left, top = grid.corner(index)
        made[top : top + grid.height, left : left + grid.width] = frame
    return made


def columns_for(count: int, width: int, height: int) -> int:
    """Columns of the sheet of so many frames of that size: of sheets whose longer side is at most
    `LONGEST_SHAPE` times the shorter the one with the fewest empty places, which cost as much as
    frames; of those the one nearest to a square, then the wider."""

    def order(columns: int) -> tuple[bool, int, float]:
        grid = Grid(count=count, columns=columns, width=width, height=height)
        across, down = grid.size
        off = abs(math.log(across / down))
        long = off > math.log(LONGEST_SHAPE)
        # of sheets that are all too long the shape decides, not the places
        return long, 0 if long else grid.rows * columns - count, round(off, 9)

    return min(range(count, 0, -1), key=order)


def storyboard_times(span: Span, changes: Sequence[float], count: int) -> tuple[float, ...]:
    """`count` ascending seconds of a span, denser where more changes.

    Frames lie at equal steps of a measure of which `EVEN_SHARE` is time itself; the rest is shared
    by the stretches between changes as the square roots of their lengths, so that a short stretch
    is denser than a long one and yet not as full. Without a change inside the span this is an even
    spread.

    Args:
        changes: seconds at which the picture changes: shot cuts, text that appears.
    """
    edges = [span.start]
    for change in sorted(changes):
        if change - edges[-1] >= SAME_CHANGE_S and span.end - change >= SAME_CHANGE_S:
            edges.append(change)
    edges.append(span.end)
    lengths = np.diff(edges)
    if span.duration <= 0:
        return (round(span.start, 3),) * count
    roots = np.sqrt(lengths)
    share = EVEN_SHARE * lengths / span.duration + (1 - EVEN_SHARE) * roots / roots.sum()
    measure = np.concatenate([[0.0], np.cumsum(share)])
    steps = (np.arange(count) + 0.5) / count * measure[-1]
    return tuple(round(float(time), 3) for time in np.interp(steps, measure, edges))
