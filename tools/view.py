"""Views: frames of a stretch of video at chosen times, size and crop, and what they cost.

A view is planned without decoding: its price follows from the number and size of its frames. Only
what is really sent is decoded, through `Library.frames_at`, and encoded once: the same frame at the
same size has the same bytes every time, so that prompt and image caches hit.
"""

import io
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from longtake.errors import UsageError
from longtake.index.lanes import U8, Box
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.stamps import stamped
from longtake.tools.vlm.messages import Frames, Picture

JPEG_QUALITY = 85
_KEPT = 512
"""Encoded frames kept in memory."""
EDGE_S = 0.04
"""The last frame of a stretch is taken this much before its end, which lies in the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Frames and their size."""

    times: tuple[float, ...]
    """Seconds, ascending."""
    width: int
    height: int
    stamped: bool = False
    """Every frame has its second drawn into it, bottom right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How finely a stretch may be looked at."""

    most_frames: int
    least_frames: int
    longest_sides: tuple[int, ...]
    """Sizes to try, pixels of the longer side, best first."""
    per_second: float
    """Frames a second that are enough."""


OVERVIEW = Detail(
    most_frames=32, least_frames=4, longest_sides=(336, 280, 224, 168), per_second=1.0
)
LOOK = Detail(most_frames=8, least_frames=1, longest_sides=(448, 336, 224, 168), per_second=1.0)
ZOOM = Detail(most_frames=8, least_frames=1, longest_sides=(896, 672, 448, 336), per_second=8.0)


def spread_times(span: Span, count: int) -> tuple[float, ...]:
    """`count` seconds spread over a span: the middles of equal parts."""
    step = span.duration / count
    last = max(span.start, span.end - EDGE_S)
    return tuple(round(min(last, span.start + step * (i + 0.5)), 3) for i in range(count))


def fitted_size(width: int, height: int, longest: int, crop: Box | None = None) -> tuple[int, int]:
    """(width, height) in pixels of the picture or its crop with its longer side at most `longest`;
    never enlarged, both even."""
    if crop is not None:
        width = max(1, round((crop.x1 - crop.x0) * width))
        height = max(1, round((crop.y1 - crop.y0) * height))
    scale = min(1.0, longest / max(width, height))
    return _even(width * scale), _even(height * scale)


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)


def shape_for(
    span: Span,
    size: tuple[int, int],
    detail: Detail,
    *,
    allowance: int,
    price: Callable[[Shape], int],
    crop: Box | None = None,
    stamped: bool = False,
) -> Shape | None:
    """The finest shape whose price is within the allowance, or None when none is.

    Frames come before pixels down to half of the frames wanted; then pixels give way, then frames.

    Args:
        span: stretch of the video to spread frames over.
        size: (width, height) of the upright picture.
        allowance: tokens.
        price: tokens that a request with frames of a shape costs.
        stamped: draw the second into every frame.
    """
    wanted = max(detail.least_frames, math.ceil(span.duration * detail.per_second))
    wanted = min(detail.most_frames, wanted)
    half = max(detail.least_frames, math.ceil(wanted / 2))
    counts = [wanted, half, *(n for n in (half // 2, half // 4) if n >= detail.least_frames)]
    if detail.least_frames not in counts:
        counts.append(detail.least_frames)
    best = detail.longest_sides[: len(detail.longest_sides) // 2]
    rest = detail.longest_sides[len(best) :]
    for sides, tried in ((best, counts[:2]), (rest, counts[:2]), (detail.longest_sides, counts)):
        for count in dict.fromkeys(tried):
            for side in sides:
                width, height = fitted_size(*size, side, crop)
                shape = Shape(
                    times=spread_times(span, count), width=width, height=height, stamped=stamped
                )
                if price(shape) <= allowance:
                    return shape
    return None


def blank_frames(shape: Shape) -> Frames:
    """Frames without pixels, for pricing."""
    return Frames(
        pictures=tuple(
            Picture(
                jpeg=b"",
                width=shape.width,
                height=shape.height,
                time=time,
                key="",
                stamped=shape.stamped,
            )
            for time in shape.times
        )
    )


class Viewer:
    """Makes the frames of views, each encoded once. Threads take turns."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._encoded: OrderedDict[str, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def frames(self, video_id: str, shape: Shape, crop: Sequence[float] | None = None) -> Frames:
        """The frames of a shape, decoded and encoded.

        Raises:
            MediaError: the file is gone or cannot be decoded.
            UsageError: a time is not finite or the crop is empty.
        """
        with self._lock:
            return self._frames(video_id, shape, crop)

    def _frames(self, video_id: str, shape: Shape, crop: Sequence[float] | None) -> Frames:
        keys = [_key(video_id, time, shape, crop) for time in shape.times]
        missing = [
            (key, time)
            for key, time in zip(keys, shape.times, strict=True)
            if key not in self._encoded
        ]
        if missing:
            box = box_of(crop) if crop is not None else None
            found = self._library.frames_at(
                video_id, [time for _, time in missing], size=(shape.width, shape.height), crop=box
            )
            for (key, time), frame in zip(missing, found, strict=True):
                self._encoded[key] = Picture(
                    jpeg=encode(stamped(frame.rgb, time) if shape.stamped else frame.rgb),
                    width=shape.width,
                    height=shape.height,
                    time=time,
                    key=key,
                    stamped=shape.stamped,
                )
        pictures = tuple(self._encoded[key] for key in keys)
        for key in keys:
            self._encoded.move_to_end(key)
        while len(self._encoded) > max(_KEPT, len(keys)):
            self._encoded.popitem(last=False)
        return Frames(pictures=pictures)


def encode(image: U8) -> bytes:
    """JPEG of u8 [H, W, 3] RGB."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def box_of(crop: Sequence[float]) -> Box:
    """The box of four numbers, x0, y0, x1, y1 as shares of the picture.

    Raises:
        UsageError: they are no box inside the picture with an area.
    """
    if len(crop) != 4 or not all(math.isfinite(side) for side in crop):
        raise UsageError(f"a box is four finite numbers, got {list(crop)}")
    x0, y0, x1, y1 = (min(1.0, max(0.0, side)) for side in crop)
    if x1 - x0 <= 0 or y1 - y0 <= 0:
        raise UsageError(f"box {list(crop)} has no area inside the picture")
    return Box(x0, y0, x1, y1)


def _key(video_id: str, time: float, shape: Shape, crop: Sequence[float] | None) -> str:
    part = "" if crop is None else ",".join(f"{side:.4f}" for side in crop)
    stamp = ":stamped" if shape.stamped else ""
    return f"{video_id}:{time:.3f}:{shape.width}x{shape.height}:{part}{stamp}"
