"""Closer looks: more frames of a stretch, or a part of the picture at native resolution; and the
one check of what models ask for.

What a model writes is untrusted: times outside the video, boxes without an area, ten thousand
frames. A request is either brought into bounds, with notes of what was changed, or refused with a
reason that the model can read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from longtake.errors import MediaError
from longtake.index.lanes import F32, U8, Box, ImageTextEncoder
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.query import coverage, terms
from longtake.tools.view import Shape, View, box_of, fitted_size, spread_times

LEAST_S = 0.5
"""Shorter stretches are widened to this."""
LEAST_SHARE = 0.1
"""Narrower or lower boxes are widened to this share of the picture."""
WHOLE = 0.9
"""A box of more than this share of the picture is the picture."""
MOST_FRAMES = 64
"""Frames that one request may ask for."""
MARGIN = 0.1
"""Context around a region, as a share of its sides, on each side."""
LEAST_PX = 56
"""The shorter side of a crop is enlarged to this: some processors refuse less (Qwen's takes no
side below a patch and enlarges pictures below 56x56 itself); nothing else is ever enlarged."""
REGION_SHARE = 0.6
"""Of the picture that the region of a text keeps. Free Video-LLM keeps 0.6 to 0.8 of it."""
TEXT_NEAR = 0.5
"""Share of the words of a text that a cue must have to be meant by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request that cannot be met."""

    reason: str
    """For the model, one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zoom:
    """A request that can be met."""

    span: Span
    crop: Box | None = None
    """None is all of the picture."""
    frames: int | None = None
    """None leaves it to the allowance."""
    notes: tuple[str, ...] = ()
    """What was changed, for the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model asks to see, as it wrote it."""

    start: float | None = None
    """None is the start of what it may see."""
    end: float | None = None
    box: Sequence[float] | None = None
    """x0, y0, x1, y1 as shares of the picture."""
    frames: float | None = None


def checked(request: Request, allowed: Span, *, least_s: float = LEAST_S) -> Zoom | Refused:
    """The request within bounds, or why it cannot be met.

    Args:
        allowed: the stretch of the video that may be seen.
        least_s: shorter stretches are widened to this, as far as `allowed` goes.
    """
    notes: list[str] = []
    span = checked_span(request.start, request.end, allowed, least_s=least_s, notes=notes)
    if isinstance(span, Refused):
        return span
    crop = None
    if request.box is not None:
        box = checked_box(request.box, notes=notes)
        if isinstance(box, Refused):
            return box
        crop = box
    frames = None
    if request.frames is not None:
        if not math.isfinite(request.frames) or request.frames < 1:
            return Refused(reason=f"{request.frames:g} frames cannot be shown; ask for 1 or more.")
        frames = min(MOST_FRAMES, int(request.frames))
        if frames < int(request.frames):
            notes.append(f"{MOST_FRAMES} frames, the most at a time")
    return Zoom(span=span, crop=crop, frames=frames, notes=tuple(notes))


def checked_span(
    start: float | None,
    end: float | None,
    allowed: Span,
    *,
    least_s: float = 0.0,
    notes: list[str] | None = None,
) -> Span | Refused:
    """The part of [start, end] inside `allowed`, at least `least_s` long where there is room;
    ends in the wrong order are exchanged."""
    told = notes if notes is not None else []
    low = allowed.start if start is None else start
    high = allowed.end if end is None else end
    if not (math.isfinite(low) and math.isfinite(high)):
        return Refused(reason="Times must be seconds, such as 12.5.")
    if low > high:
        low, high = high, low
        told.append("the times were in the wrong order")
    if high < allowed.start or low > allowed.end:
        return Refused(
            reason=f"{_told(low)}-{_told(high)} s lies outside "
            f"{allowed.start:.1f}-{allowed.end:.1f} s."
        )
    if low < allowed.start or high > allowed.end:
        low, high = max(low, allowed.start), min(high, allowed.end)
        told.append(f"cut to {low:.1f}-{high:.1f} s")
    if high - low < least_s:
        middle = (low + high) / 2
        low = max(allowed.start, min(middle - least_s / 2, allowed.end - least_s))
        high = min(allowed.end, low + least_s)
        told.append(f"widened to {low:.1f}-{high:.1f} s")
    return Span(low, high)


def _told(seconds: float) -> str:
    """A time as a model wrote it, in few characters however absurd."""
    return f"{seconds:.1f}" if abs(seconds) < 1e7 else f"{seconds:.1e}"


def checked_box(box: Sequence[float], *, notes: list[str] | None = None) -> Box | Refused | None:
    """The box inside the picture and at least `LEAST_SHARE` wide and high; None where it is nearly
    all of the picture. Corners in the wrong order are exchanged."""
    told = notes if notes is not None else []
    if len(box) != 4 or not all(math.isfinite(side) for side in box):
        return Refused(reason="A box is four numbers from 0 to 1: left, top, right, bottom.")
    x0, x1 = sorted((box[0], box[2]))
    y0, y1 = sorted((box[1], box[3]))
    if x1 <= 0 or y1 <= 0 or x0 >= 1 or y0 >= 1:
        return Refused(reason="The box lies outside the picture, which is 0 to 1 both ways.")
    left, right = _side(x0, x1)
    top, bottom = _side(y0, y1)
    if (left, top, right, bottom) != tuple(box):
        told.append(f"the box was made [{left:.2f}, {top:.2f}, {right:.2f}, {bottom:.2f}]")
    if (right - left) * (bottom - top) > WHOLE:
        told.append("the box is nearly the whole picture")
        return None
    return Box(left, top, right, bottom)


def _side(low: float, high: float) -> tuple[float, float]:
    """Within 0..1 and at least `LEAST_SHARE` long."""
    low, high = max(0.0, low), min(1.0, high)
    if high - low >= LEAST_SHARE:
        return low, high
    low = min(max(0.0, (low + high - LEAST_SHARE) / 2), 1 - LEAST_SHARE)
    return low, min(1.0, low + LEAST_SHARE)


def with_margin(box: Box, margin: float = MARGIN) -> Box:
    """The box with context around it, inside the picture."""
    across, down = margin * (box.x1 - box.x0), margin * (box.y1 - box.y0)
    return Box(
        max(0.0, box.x0 - across),
        max(0.0, box.y0 - down),
        min(1.0, box.x1 + across),
        min(1.0, box.y1 + down),
    )


def inside_of(shown: Box | None, part: Box) -> Box:
    """The box in the whole picture of a part of what was shown of it."""
    if shown is None:
        return part
    wide, high = shown.x1 - shown.x0, shown.y1 - shown.y0
    return Box(
        shown.x0 + part.x0 * wide,
        shown.y0 + part.y0 * high,
        shown.x0 + part.x1 * wide,
        shown.y0 + part.y1 * high,
    )


def native_size(video: VideoRecord, crop: Box | None, longest: int) -> tuple[int, int]:
    """(width, height) in pixels at which to send a crop: as the video has it, its longer side at
    most `longest`, its shorter at least `LEAST_PX`."""
    assert video.width and video.height, "videos without pictures cannot be zoomed into"
    width, height = fitted_size(video.width, video.height, longest, crop)
    if min(width, height) >= LEAST_PX:
        return width, height
    scale = LEAST_PX / min(width, height)
    return (
        min(longest, 2 * math.ceil(width * scale / 2)),
        min(longest, 2 * math.ceil(height * scale / 2)),
    )


def zoomed(
    video: VideoRecord,
    zoom: Zoom,
    *,
    per_second: float,
    most_frames: int,
    longest: int,
    why: str = "",
    stamped: bool = False,
) -> View:
    """The view of a zoom: frames from the video itself, no more than it has, evenly spread; a crop
    at native resolution."""
    rate = min(per_second, video.fps or per_second)
    count = max(1, math.ceil(round(zoom.span.duration * rate, 6)))
    count = min(count, most_frames, zoom.frames or most_frames)
    width, height = native_size(video, zoom.crop, longest)
    times = spread_times(zoom.span, count)
    shape = Shape(times=times, width=width, height=height, stamped=stamped)
    return View(items=shape.items(video.id, zoom.crop), why=why)


@runtime_checkable
class PatchEncoder(Protocol):
    """An image encoder that also tells what is where in a picture."""

    def patches(self, frames: U8) -> F32:
        """u8 [B, H, W, 3] RGB -> f32 [B, h, w, D], unit length, in the space of its texts."""


def region_of_text(library: Library, video_id: str, span: Span, words: str) -> Box | Refused:
    """Where in the picture the words point, with context: the on-screen text that has most of them,
    else the region whose patches are most like them."""
    cue = cue_region(library, video_id, span, words)
    if cue is not None:
        return cue
    encoder: ImageTextEncoder | None = library.image_encoder
    if encoder is None:
        return Refused(reason="No text on the screen has these words; name a box instead.")
    if not isinstance(encoder, PatchEncoder):
        return Refused(
            reason="No text on the screen has these words, and this library's image model does "
            "not tell where things are; name a box instead."
        )
    try:
        frame = library.frames_at(video_id, [span.middle], size=encoder.input_size)[0]
    except MediaError as exc:
        return Refused(reason=f"The video cannot be shown: {exc}")
    relevance = encoder.patches(frame.rgb[None])[0] @ encoder.texts([words])[0]
    return with_margin(relevant_region(relevance))


def cue_region(library: Library, video_id: str, span: Span, words: str) -> Box | None:
    """The box, with context, of the on-screen text in a span that has most of the words; None when
    none has `TEXT_NEAR` of them."""
    wanted = terms(words)
    if not wanted:
        return None
    shares = [
        (coverage(wanted, record.cue.text), record.cue.box)
        for record in library.cues(video_id, span)
    ]
    best, box = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    if box is None or best < TEXT_NEAR:
        return None
    made = checked_box(with_margin(box, 0.5))
    return made if isinstance(made, Box) else None


def relevant_region(relevance: NDArray[np.floating], share: float = REGION_SHARE) -> Box:
    """Free Video-LLM's region: a box of the given share of the picture around the mean position of
    the most relevant patches, moved inside.

    Theirs reads a 24x12 layout as 12x24 after pooling rows; ours takes the real (h, w).

    Args:
        relevance: [h, w], higher is more like the text.
        share: of the patches that are relevant, and of the picture that the box covers.
    """
    rows, columns = relevance.shape
    count = max(1, int(rows * columns * share))
    best = np.argsort(-relevance, axis=None, kind="stable")[:count]
    row, column = int(np.mean(best // columns)), int(np.mean(best % columns))
    high = max(1, round(rows * math.sqrt(share)))
    wide = max(1, round(columns * math.sqrt(share)))
    top = min(max(0, row - high // 2), rows - high)
    left = min(max(0, column - wide // 2), columns - wide)
    return box_of([left / columns, top / rows, (left + wide) / columns, (top + high) / rows])
