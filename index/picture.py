"""Decoded frames to upright RGB with square pixels, scaled by FFmpeg's swscale."""

import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import Interpolation, VideoReformatter

from longtake.index.lanes import U8, Box

MAX_SIDE_PX = 16_384
MAX_FRAME_PX = 2**28
"""Larger frames are refused: decoding one would take gigabytes."""

_KEPT = 16
_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a decoded picture becomes upright: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of(cls, frame: Any) -> "Orientation":
        """Nearest of the eight orientations to the frame's display matrix; upright without one."""
        data = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return cls()
        # ISO 14496-12: x' = a x + c y, y' = b x + d y, with y pointing down.
        a, b, _, c, d, *_ = struct.unpack("9i", bytes(data))
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(mirror_x=a < 0, mirror_y=d < 0)
        return cls(transpose=True, mirror_x=c < 0, mirror_y=b < 0)

    def apply(self, pixels: U8) -> U8:
        """[H, W, ...] as decoded -> upright, contiguous."""
        if self.transpose:
            pixels = pixels.swapaxes(0, 1)
        if self.mirror_x:
            pixels = pixels[:, ::-1]
        if self.mirror_y:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)

    def decoded_size(self, width: int, height: int) -> tuple[int, int]:
        """Size before `apply` of a picture that is width x height after it."""
        return (height, width) if self.transpose else (width, height)


def frame_size_error(width: int, height: int) -> str | None:
    """Why frames of this size are refused; None when they are not."""
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_FRAME_PX:
        return (
            f"frames of {width}x{height} px are too large"
            f" (at most {MAX_SIDE_PX} px a side and {MAX_FRAME_PX} px in all)"
        )
    return None


def display_size(
    width: int, height: int, sample_aspect: float, orientation: Orientation
) -> tuple[int, int]:
    """(width, height) of the upright picture with square pixels; the shorter-sampled axis is
    enlarged."""
    if sample_aspect >= 1:
        width = min(MAX_SIDE_PX, max(1, round(width * sample_aspect)))
    else:
        height = min(MAX_SIDE_PX, max(1, round(height / sample_aspect)))
    return orientation.decoded_size(width, height)


def scale(
    frame: Any, width: int, height: int, pixel_format: str, interpolation: Interpolation
) -> U8:
    """The frame as decoded (not turned), scaled: u8 [height, width(, 3)].

    Calls on different frames may run in several threads; calls on one frame may not, since
    swscale's wrapper edits the frame's colour tags while it works.
    """
    if frame.interlaced_frame:
        # Left alone, swscale would scale the fields apart and weave them again: a comb.
        shrunk = 2 * height <= frame.height
        frame = _first_field(frame) if shrunk else _deinterlaced(frame)
    key = (width, height, pixel_format, frame.width, frame.height, frame.format.name)
    scaler = _kept("scalers", key, VideoReformatter)
    scaled = scaler.reformat(
        frame, width, height, pixel_format, interpolation=interpolation, threads=1
    )
    rows = _rows(scaled)
    return rows.copy() if scaled is frame else rows


def _kept(kind: str, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """This thread's object for a key; swscale contexts and graphs are dear to set up."""
    kept: dict[tuple[Any, ...], Any] = _thread.__dict__.setdefault(kind, {})
    if key not in kept:
        if len(kept) >= _KEPT:
            kept.clear()
        kept[key] = make()
    return kept[key]


def _rows(frame: Any) -> U8:
    """Pixels of a gray8 or rgb24 frame without copying them: [H, W] or [H, W, 3]."""
    plane = frame.planes[0]
    channels = 3 if frame.format.name == "rgb24" else 1
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    rows = rows[: frame.height, : frame.width * channels]
    return rows.reshape(frame.height, frame.width, channels) if channels == 3 else rows


def rgb(frame: Any, orientation: Orientation, width: int, height: int) -> U8:
    """u8 [height, width, 3]: the whole upright picture at exactly this size, bicubic."""
    inner_width, inner_height = orientation.decoded_size(width, height)
    pixels = scale(frame, inner_width, inner_height, "rgb24", Interpolation.BICUBIC)
    return orientation.apply(pixels)


def cropped_rgb(
    frame: Any,
    orientation: Orientation,
    full: tuple[int, int],
    crop: Box,
    size: tuple[int, int],
) -> U8:
    """u8 [H, W, 3]: what `crop` shows of the upright picture of size `full`, scaled to `size`."""
    left, top, right, bottom = crop_pixels(crop, *full)
    pixels = np.ascontiguousarray(rgb(frame, orientation, *full)[top:bottom, left:right])
    if size == (right - left, bottom - top):
        return pixels
    part = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    return np.ascontiguousarray(scale(part, *size, "rgb24", Interpolation.BICUBIC))


def crop_pixels(crop: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the whole pixels that `crop` touches; never empty."""
    left = min(width - 1, int(crop.x0 * width))
    top = min(height - 1, int(crop.y0 * height))
    right = max(left + 1, min(width, -int(-crop.x1 * width // 1)))
    bottom = max(top + 1, min(height, -int(-crop.y1 * height // 1)))
    return left, top, right, bottom


def thumb(frame: Any, orientation: Orientation) -> U8:
    """u8 [32, 32]: luma of the upright picture, squashed to a square."""
    return orientation.apply(scale(frame, 32, 32, "gray", Interpolation.BILINEAR))


def _first_field(frame: Any) -> Any:
    """Every other row, without copying: enough for a picture of half the height or less."""
    key = (frame.width, frame.height, frame.format.name, frame.time_base)
    graph = _kept("fields", key, partial(_graph, frame, "field"))
    graph.vpush(frame)
    return graph.vpull()


def _deinterlaced(frame: Any) -> Any:
    """The frame with its second field replaced by lines interpolated from the first (yadif)."""
    graph = _graph(frame, "yadif")
    graph.vpush(frame)
    graph.vpush(None)
    return graph.vpull()


def _graph(frame: Any, name: str) -> Any:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(source, graph.add(name), graph.add("buffersink")).configure()
    return graph
