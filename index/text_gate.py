"""Which sampled frames need OCR: those that changed since the last read one and are not blank.

The 32x32 thumbnails of the other lanes are too coarse: a new subtitle on an unchanged 720p slide
moves no 4x4 block of them by more than 5 of 255. On a picture 320 px wide one digit of 20 px text
moves a 2x2 block by 18 or more and an encoded still rarely one by 12 (measured on rendered
decks, x264 crf 23).
"""

import numpy as np
from numpy.typing import NDArray

from longtake.index.lanes import U8

GATE_PX = 320
"""Longer side of the pictures that the gate compares."""


class TextGate:
    """Compares small pictures with the last one that was read, so that slow drift adds up to a
    change.

    Args:
        max_block: largest mean difference (0..255, strongest channel) of any 2x2 block that is no
        change. max_held: unchanged frames in a row; the next is read whatever it shows.
    """

    def __init__(self, *, max_block: float = 12.0, max_held: int = 30) -> None:
        self.max_block = max_block
        self.max_held = max_held
        self._read: NDArray[np.int16] | None = None
        self._held = 0

    def changed(self, picture: U8) -> bool:
        """True when the frame is to be read; it is then what later frames are compared with.

        Args:
            picture: u8 [H, W, 3], `GATE_PX` on its longer side.
        """
        current = picture.astype(np.int16)
        last = self._read
        if (
            last is not None
            and last.shape == current.shape
            and self._held < self.max_held
            and _largest_block(np.abs(current - last).max(axis=2)) <= self.max_block
        ):
            self._held += 1
            return False
        self._read, self._held = current, 0
        return True


def is_blank(picture: U8, *, least_step: int = 6) -> bool:
    """True when no two neighbouring pixels differ by `least_step` or more: nothing there could be
    read.

    Args:
        picture: u8 [H, W, 3], `GATE_PX` on its longer side.
    """
    values = picture.astype(np.int16)
    across = np.abs(np.diff(values, axis=1)).max(initial=0)
    down = np.abs(np.diff(values, axis=0)).max(initial=0)
    return bool(max(across, down) < least_step)


def _largest_block(difference: NDArray[np.int16]) -> float:
    """Mean of the 2x2 block that differs most; an odd last row or column makes its own."""
    height, width = difference.shape
    padded = np.pad(difference, ((0, height % 2), (0, width % 2)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2)
    return float(blocks.sum(axis=(1, 3)).max()) / 4
