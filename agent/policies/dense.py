"""The whole of one or several videos in many small frames, each stamped with its second (LOVE-R1's
fast view).

How small a frame is follows from what the model's provider bills: where pictures are priced by
their size they have the paper's 32 tokens, where a picture has one price they are as large as that
price allows.
"""

import math
from collections.abc import Callable, Sequence

from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.view import Shape, fitted_size, spread_times

PER_SECOND = 2.0
MOST_FRAMES = 768
LEAST_FRAMES = 4
"""Of each video; fewer show no course of events."""
SHORT_S = 60.0
"""Shorter videos have few frames, which may be larger."""
TOKEN_PX = 28 * 28
"""Pixels that Qwen2.5-VL, the paper's model, makes one token of."""
FAST_PX = 32 * TOKEN_PX
SHORT_PX = 64 * TOKEN_PX
SMALLEST_PX = 8 * TOKEN_PX
LARGEST_PX = 256 * TOKEN_PX

Stretch = tuple[VideoRecord, Span]


def dense_shapes(
    stretches: Sequence[Stretch], *, allowance: int, price: Callable[[Sequence[Shape]], int]
) -> list[Shape] | None:
    """Frames of every stretch, equally dense, as many as the allowance holds; None when it does
    not hold `LEAST_FRAMES` of each.

    Args:
        allowance: tokens.
        price: tokens of the request with the frames of these shapes.
    """
    total = sum(span.duration for _, span in stretches)
    area = SHORT_PX if total < SHORT_S else FAST_PX
    least = LEAST_FRAMES * len(stretches)
    while price(_shapes(stretches, least, area)) > allowance:
        area //= 2
        if area < SMALLEST_PX:
            return None
    most = max(least, min(MOST_FRAMES, math.floor(PER_SECOND * total)))
    while least < most:
        count = (least + most + 1) // 2
        if price(_shapes(stretches, count, area)) <= allowance:
            least = count
        else:
            most = count - 1
    return _enlarged(stretches, least, area, price)


def _enlarged(
    stretches: Sequence[Stretch], count: int, area: int, price: Callable[[Sequence[Shape]], int]
) -> list[Shape]:
    """As many frames, larger as long as that costs nothing."""
    shapes = _shapes(stretches, count, area)
    cost = price(shapes)
    while area < LARGEST_PX:
        area = min(LARGEST_PX, area * 2)
        larger = _shapes(stretches, count, area)
        if price(larger) > cost:
            break
        shapes = larger
    return shapes


def _shapes(stretches: Sequence[Stretch], count: int, area: int) -> list[Shape]:
    """`count` frames in all, by the length of the stretches; at least `LEAST_FRAMES` of each, at
    most `PER_SECOND`."""
    total = sum(span.duration for _, span in stretches)
    return [
        _shape(video, span, max(LEAST_FRAMES, round(count * span.duration / total)), area)
        for video, span in stretches
    ]


def _shape(video: VideoRecord, span: Span, count: int, area: int) -> Shape:
    count = min(count, max(1, math.floor(PER_SECOND * span.duration)))
    width, height = fitted_size(*sides(video), longest_side(video, area))
    return Shape(times=spread_times(span, count), width=width, height=height, stamped=True)


def longest_side(video: VideoRecord, area: int) -> int:
    """Pixels of the longer side of a video's frames that have an area."""
    width, height = sides(video)
    return math.floor(math.sqrt(area / (width * height)) * max(width, height))


def sides(video: VideoRecord) -> tuple[int, int]:
    """(width, height) of a video with pictures."""
    assert video.width and video.height
    return video.width, video.height
