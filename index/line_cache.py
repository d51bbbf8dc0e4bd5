"""Lines that were read before and have not changed: their pixels are compared, they are not read
again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.index.lanes import U8, Box, Line

_KEPT_READS = 4
_MAX_CHARACTER_DIFFERENCE = 0.06
_SEARCH_PX = 4
_NEAREST = 4

_Pixels = tuple[int, int, int, int]
"""left, top, right, bottom"""


@dataclass(frozen=True, slots=True)
class _Known:
    line: Line
    place: _Pixels
    patch: U8
    """Luma of the line, [h, w]."""
    read: int


class LineCache:
    """The lines of the last few frames that were read, with their pixels in the picture detection
    saw.
    """

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._reads = 0

    def recall(self, picture: U8, boxes: list[Box]) -> list[Line | None]:
        """For each box the line that is known to stand there, at its new place; None when it must
        be read.

        Args:
            picture: u8 [H, W, 3] RGB that the boxes were found in.
        """
        luma = _luma(picture)
        self._reads += 1
        self._known = [k for k in self._known if self._reads - k.read <= _KEPT_READS]
        return [self._recall(luma, box) for box in boxes]

    def store(self, picture: U8, lines: list[Line]) -> None:
        """Remember the lines of the picture that `recall` was last asked about."""
        luma = _luma(picture)
        fresh = []
        for line in lines:
            place = _place(line.box, luma.shape)
            patch = luma[place[1] : place[3], place[0] : place[2]].copy()
            fresh.append(_Known(line, place, patch, self._reads))
        covered = {known.place for known in fresh}
        self._known = fresh + [known for known in self._known if known.place not in covered]

    def _recall(self, luma: U8, box: Box) -> Line | None:
        place = _place(box, luma.shape)
        size = place[2] - place[0], place[3] - place[1]
        alike = [known for known in self._known if _like_size(known.patch, size)]
        alike.sort(
            key=lambda known: abs(known.place[0] - place[0]) + abs(known.place[1] - place[1])
        )
        for known in alike[:_NEAREST]:
            if _covers(known.place, place):
                left, top, right, bottom = known.place
                if same_text(known.patch, luma[top:bottom, left:right]):
                    return _at(known.line, box)
            found = _find(known.patch, luma, place)
            if found is not None and same_text(known.patch, found):
                return _at(known.line, box)
        return None


def same_text(first: U8, second: U8) -> bool:
    """True when no stretch as wide as a character differs by more than 6 % of the line's contrast.

    Args:
        first: u8 [h, w] luma of a line as it was read.
        second: u8 [h, w], the same line later.
    """
    low, high = np.percentile(first, (2, 98))
    columns = np.abs(first.astype(np.int16) - second).mean(axis=0)
    width = min(max(2, first.shape[0] // 3), len(columns))
    stretches = np.convolve(columns, np.full(width, 1 / width), mode="valid")
    allowed = _MAX_CHARACTER_DIFFERENCE * max(float(high - low), 24.0)
    return float(stretches.max()) <= allowed


def _luma(picture: U8) -> U8:
    weights = np.array([77, 150, 29], np.uint16)
    luma: U8 = (picture.astype(np.uint16) @ weights >> 8).astype(np.uint8)
    return luma


def _place(box: Box, shape: tuple[int, ...]) -> _Pixels:
    height, width = shape[:2]
    left = min(int(box.x0 * width), width - 1)
    top = min(int(box.y0 * height), height - 1)
    right = max(left + 1, min(width, int(np.ceil(box.x1 * width))))
    bottom = max(top + 1, min(height, int(np.ceil(box.y1 * height))))
    return left, top, right, bottom


def _at(line: Line, box: Box) -> Line:
    return Line(text=line.text, box=box, confidence=line.confidence)


def _like_size(patch: U8, size: tuple[int, int]) -> bool:
    height: int
    width: int
    height, width = patch.shape
    return abs(width - size[0]) <= 3 + 0.05 * width and abs(height - size[1]) <= 3 + 0.1 * height


def _covers(known: _Pixels, new: _Pixels) -> bool:
    """Does the known line reach to the ends of the new box, so that nothing in that is unread?"""
    slack = 2 + (new[3] - new[1]) // 4
    return all(abs(a - b) <= slack for a, b in zip(known, new, strict=True))


def _find(patch: U8, luma: U8, place: _Pixels) -> U8 | None:
    """The part of the picture near `place` most like the patch; None when it cannot fit."""
    import cv2

    left, top = max(0, place[0] - _SEARCH_PX), max(0, place[1] - _SEARCH_PX)
    window = luma[top : place[3] + _SEARCH_PX, left : place[2] + _SEARCH_PX]
    height, width = patch.shape
    if window.shape[0] < height or window.shape[1] < width:
        return None
    scores: NDArray[np.float32] = cv2.matchTemplate(window, patch, cv2.TM_SQDIFF)
    y, x = np.unravel_index(int(scores.argmin()), scores.shape)
    return window[y : y + height, x : x + width]
