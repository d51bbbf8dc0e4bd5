"""Pictures on their way from the decoder to the lanes: small frames in batches, sampled frames
on a grid."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.reformatter import Interpolation

from longtake.index.lanes import F64, SMALL_HEIGHT, SMALL_WIDTH, U8, Box
from longtake.index.picture import Orientation, cropped_rgb, display_size, rgb, scale, thumb

SMALL_BATCH = 64
EDGE_S = 1e-3
"""Containers round times to as much as a millisecond: a frame that starts this soon after a time
is shown at it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmallFrames:
    """Consecutive decoded frames, tiny, for shot detection."""

    times: F64
    """[T] presentation times, ascending."""
    frames: U8
    """[T, 27, 48, 3] RGB of the upright picture."""


class SampledFrame:
    """The frame shown at a point of the sampling grid, converted when asked. Safe to share
    between threads."""

    __slots__ = ("_picture", "height", "time", "width")

    def __init__(self, time: float, picture: "Picture") -> None:
        self.time = time
        """Its presentation time. A frame that stands over several grid points comes again for
        each, with that time."""
        self.width, self.height = picture.size
        """Size of the upright picture with square pixels."""
        self._picture = picture

    def thumb(self) -> U8:
        """u8 [32, 32]: luma of the whole picture squashed to a square; the same read-only array
        every time."""
        return self._picture.thumb()

    def rgb(self, width: int, height: int) -> U8:
        """u8 [height, width, 3]: the whole upright picture scaled to exactly this size."""
        return self._picture.rgb(width, height)

    def __repr__(self) -> str:
        return f"SampledFrame(time={self.time!r}, {self.width}x{self.height})"


class Picture:
    """A decoded frame, held as it left the decoder."""

    __slots__ = ("_frame", "_lock", "_orientation", "_thumb", "size")

    def __init__(self, frame: Any, sample_aspect: float) -> None:
        self._frame = frame
        self._orientation = Orientation.of(frame)
        self.size = display_size(frame.width, frame.height, sample_aspect, self._orientation)
        self._lock = threading.Lock()
        self._thumb: U8 | None = None

    def thumb(self) -> U8:
        with self._lock:
            if self._thumb is None:
                self._thumb = thumb(self._frame, self._orientation)
                self._thumb.flags.writeable = False
            return self._thumb

    def rgb(self, width: int, height: int) -> U8:
        with self._lock:
            return rgb(self._frame, self._orientation, width, height)

    def crop(self, box: Box, width: int, height: int) -> U8:
        """u8 [height, width, 3]: the part of the upright picture in `box`."""
        with self._lock:
            return cropped_rgb(self._frame, self._orientation, self.size, box, (width, height))

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the picture holds."""
        return sum(plane.buffer_size for plane in self._frame.planes)


class Sampler:
    """Picks the frame shown at each multiple of 1/fps. The first frame also stands for the time
    before it."""

    def __init__(self, fps: float, sample_aspect: float) -> None:
        self._fps = fps
        self._aspect = sample_aspect
        self._frame: Any | None = None
        self._time = 0.0
        self._picture: Picture | None = None
        self._point = 0  # next point of the grid

    def push(self, frame: Any, time: float) -> Iterator[SampledFrame]:
        """Take the next decoded frame; give the frame before it as often as it was shown at a
        grid point."""
        if self._frame is None:
            self._point = max(0, int(time * self._fps))
        elif self._point / self._fps < time - EDGE_S:
            yield from self._samples(time)
        self._frame, self._time, self._picture = frame, time, None

    def finish(self, end: float) -> Iterator[SampledFrame]:
        """The last frame, which was shown until `end`."""
        if self._frame is not None:
            yield from self._samples(end)

    def _samples(self, until: float) -> Iterator[SampledFrame]:
        while (point := self._point / self._fps) < until - EDGE_S:
            first = self._picture is None
            if self._picture is None:
                self._picture = Picture(self._frame, self._aspect)
            self._point += 1
            yield SampledFrame(self._time if first else point, self._picture)


class SmallBatch:
    """Scales every decoded frame to 48x27 and collects the results."""

    def __init__(self) -> None:
        self._times: F64 = np.empty(SMALL_BATCH)
        self._frames: U8 = np.empty((SMALL_BATCH, SMALL_HEIGHT, SMALL_WIDTH, 3), np.uint8)
        self._count = 0
        self._orientation: Orientation | None = None

    def push(self, frame: Any, time: float) -> SmallFrames | None:
        """Take the next decoded frame; give a batch when it is full."""
        if self._orientation is None:
            self._orientation = Orientation.of(frame)
        width, height = self._orientation.decoded_size(SMALL_WIDTH, SMALL_HEIGHT)
        pixels = scale(frame, width, height, "rgb24", Interpolation.FAST_BILINEAR)
        self._frames[self._count] = self._orientation.apply(pixels)
        self._times[self._count] = time
        self._count += 1
        return self.take() if self._count == SMALL_BATCH else None

    def take(self) -> SmallFrames | None:
        """What has come since the last batch; None if nothing has."""
        if not self._count:
            return None
        batch = SmallFrames(
            times=self._times[: self._count].copy(), frames=self._frames[: self._count].copy()
        )
        self._count = 0
        return batch
