"""Pictures of a day in frames of any shape."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from longtake.eval.haystack.acts import Day, Scene, Timed
from longtake.eval.haystack.draw import Painter
from longtake.eval.haystack.sets import Box

SHAPE = (16, 9)


class Screen(Protocol):
    """Draws a day."""

    def frame(self, number: int) -> NDArray[np.uint8]:
        """u8 [H, W, 3]."""

    def box(self, timed: Timed, scene: Scene) -> Box | None:
        """Where an act is to be seen, as shares of the picture; None where it crosses all of it."""


def stage_size(width: int, height: int) -> tuple[int, int]:
    """The largest 16:9 picture with even sides that fits."""
    across = min(width, height * SHAPE[0] // SHAPE[1]) // 2 * 2
    return across, min(height, across * SHAPE[1] // SHAPE[0]) // 2 * 2


def fitted(day: Day, width: int, height: int) -> Screen:
    """Scenes as wide as 16:9, with black bars where the frame is not."""
    stage = stage_size(width, height)
    painter = Painter(day, *stage)
    return painter if stage == (width, height) else _Letterbox(painter, stage, (width, height))


class _Letterbox:
    def __init__(self, painter: Painter, stage: tuple[int, int], size: tuple[int, int]) -> None:
        self._painter, self._stage, self._size = painter, stage, size
        self._left, self._top = (size[0] - stage[0]) // 2, (size[1] - stage[1]) // 2

    def frame(self, number: int) -> NDArray[np.uint8]:
        """See `Screen.frame`."""
        width, height = self._size
        pixels = np.zeros((height, width, 3), np.uint8)
        inside = pixels[self._top : self._top + self._stage[1]]
        inside[:, self._left : self._left + self._stage[0]] = self._painter.frame(number)
        return pixels

    def box(self, timed: Timed, scene: Scene) -> Box | None:
        """See `Screen.box`."""
        box = self._painter.box(timed, scene)
        if box is None:
            return None
        across, down = self._stage[0] / self._size[0], self._stage[1] / self._size[1]
        left, top = self._left / self._size[0], self._top / self._size[1]
        return (
            left + box[0] * across,
            top + box[1] * down,
            left + box[2] * across,
            top + box[3] * down,
        )
