"""The change gate: which sampled frames differ enough from the last kept one for a model call.

The largest block decides, not the mean: a small object moving over a still background changes one
block a lot and the mean hardly at all.
"""

import numpy as np
from numpy.typing import NDArray

from longtake.index.lanes import U8

_SIDE = 32
_BLOCK = 4


class ChangeGate:
    """Compares 32x32 luma thumbnails with the last KEPT one, so that slow drift adds up.

    Args:
        max_block: largest mean absolute luma difference (0..255) of any 4x4 block that still counts
            as unchanged.
        max_held: frames in a row that may be called unchanged; the next is kept whatever it shows,
            which bounds how long changes too fine for the thumbnail go unseen.
    """

    def __init__(self, *, max_block: float = 16.0, max_held: int = 30) -> None:
        self.max_block = max_block
        self.max_held = max_held
        self._kept: NDArray[np.int16] | None = None
        self._held = 0

    def changed(self, thumb: U8) -> bool:
        """True when the frame is to be kept; it is then what later frames are compared with.

        Args:
            thumb: u8 [32, 32] luma.
        """
        if thumb.shape != (_SIDE, _SIDE):
            raise ValueError(f"a thumbnail is {_SIDE}x{_SIDE} luma, got shape {thumb.shape!r}")
        current = thumb.astype(np.int16)
        if (
            self._kept is not None
            and self._held < self.max_held
            and largest_block_difference(self._kept, current) <= self.max_block
        ):
            self._held += 1
            return False
        self._kept, self._held = current, 0
        return True


def largest_block_difference(first: NDArray[np.int16], second: NDArray[np.int16]) -> float:
    """Mean absolute difference of the 4x4 block that differs most, 0..255."""
    blocks = _SIDE // _BLOCK
    difference = np.abs(first - second).reshape(blocks, _BLOCK, blocks, _BLOCK)
    return float(difference.sum(axis=(1, 3)).max()) / _BLOCK**2
