"""Frames of a video at given times, exactly: what a player that stops there would show."""

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

from longtake.errors import UsageError
from longtake.index.lanes import U8, Box
from longtake.index.picture import MAX_SIDE_PX, crop_pixels
from longtake.index.sampled import Picture
from longtake.index.seek import SeekableVideo, Still

Size = int | tuple[int, int]

_CACHE_BYTES = 256 * 2**20
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """A picture and when it is shown."""

    time: float
    """Presentation time of the frame that is shown at the time asked for."""
    rgb: U8
    """[H, W, 3], upright, square pixels, read-only."""


def frames_at(
    path: str | os.PathLike[str],
    times: Sequence[float],
    *,
    size: Size | None = None,
    crop: Box | None = None,
    jumps: bool = False,
) -> list[Frame]:
    """The frame shown at each time, in the order of `times`. See `FrameReader`."""
    with FrameReader(path, jumps=jumps) as reader:
        return reader.at(times, size=size, crop=crop)


class FrameReader:
    """Keeps a video open for many looks. Frames it has shown before cost nothing again.

    Safe to share between threads, which then take turns.

    Args:
        cache_bytes: memory for frames, decoded and converted.
        jumps: a decode pass noted jumps of the timestamps, so that seeking would go astray.

    Raises:
        MediaError: the file cannot be read or has no video.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        cache_bytes: int = _CACHE_BYTES,
        jumps: bool = False,
    ) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._video = SeekableVideo(self.path, jumps=jumps)
        self._stills: _Recent[float, Still] = _Recent(cache_bytes // 2)
        self._frames: _Recent[tuple[float, Size | None, Box | None], Frame] = _Recent(
            cache_bytes // 2
        )

    @property
    def decoded(self) -> int:
        """Frames decoded so far."""
        return self._video.decoded

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._video.close()

    def at(
        self, times: Sequence[float], *, size: Size | None = None, crop: Box | None = None
    ) -> list[Frame]:
        """The frame shown at each time (seconds), in the order of `times`.

        Args:
            times: in any order; before the first frame means the first, past the end the last.
            size: None for native resolution; a number for the longer side in pixels, keeping
                the aspect and never enlarging; a pair for exactly (width, height).
            crop: the part of the upright picture to show, in relative coordinates.

        Raises:
            MediaError: the file vanished or no frame can be decoded.
            UsageError: a time is not finite, the size is not positive, the crop is empty.
        """
        _check_request(times, size, crop)
        with self._lock:
            frames = {
                time: self._frame(self._find(time), size, crop) for time in sorted(set(times))
            }
            return [frames[time] for time in times]

    def _find(self, time: float) -> Still:
        moment = time + self._video.edge_s
        for still in self._stills.values():
            if still.since <= moment < still.until:
                return self._stills.use(still.time)
        still = self._video.still_at(time)
        self._stills.keep(still.time, still, still.picture.nbytes)
        return still

    def _frame(self, still: Still, size: Size | None, crop: Box | None) -> Frame:
        key = (still.time, size, crop)
        if key in self._frames:
            return self._frames.use(key)
        pixels = _convert(still.picture, size, crop)
        pixels.flags.writeable = False
        frame = Frame(time=still.time, rgb=pixels)
        self._frames.keep(key, frame, pixels.nbytes)
        return frame


class _Recent(Generic[K, V]):
    """The values used last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._items

    def values(self) -> Iterator[V]:
        return (value for value, _ in self._items.values())

    def use(self, key: K) -> V:
        self._items.move_to_end(key)
        return self._items[key][0]

    def keep(self, key: K, value: V, size: int) -> None:
        if key in self._items:
            self._bytes -= self._items.pop(key)[1]
        self._items[key] = (value, size)
        self._bytes += size
        while self._bytes > self._limit:
            self._bytes -= self._items.popitem(last=False)[1][1]


def _check_request(times: Sequence[float], size: Size | None, crop: Box | None) -> None:
    for time in times:
        if not math.isfinite(time):
            raise UsageError(f"not a time: {time!r} (give seconds from the start of the video)")
    for side in size if isinstance(size, tuple) else (size,):
        if side is not None and not 1 <= side <= MAX_SIDE_PX:
            raise UsageError(f"size {size!r} is not within 1..{MAX_SIDE_PX} px")
    if crop is not None and not (0 <= crop.x0 < crop.x1 <= 1 and 0 <= crop.y0 < crop.y1 <= 1):
        raise UsageError(f"crop {tuple(crop)!r} is not 0 <= x0 < x1 <= 1, 0 <= y0 < y1 <= 1")


def _convert(picture: Picture, size: Size | None, crop: Box | None) -> U8:
    width, height = picture.size
    if crop is not None:
        left, top, right, bottom = crop_pixels(crop, width, height)
        width, height = right - left, bottom - top
    if isinstance(size, tuple):
        width, height = size
    elif size is not None and size < max(width, height):
        ratio = size / max(width, height)
        width, height = max(1, round(width * ratio)), max(1, round(height * ratio))
    if crop is None:
        return picture.rgb(width, height)
    return picture.crop(crop, width, height)
