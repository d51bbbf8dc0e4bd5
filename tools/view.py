"""Views: what is about to be shown to a model, and what it costs.

A view is planned without decoding: its price follows from the number and size of its pictures and
the words between them. `Viewer` makes its pictures.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from longtake.errors import UsageError
from longtake.index.lanes import Box
from longtake.prompts import render
from longtake.timing import Span
from longtake.tools.read import TextItem, text_line
from longtake.tools.sheets import Grid
from longtake.tools.vlm.messages import Frames, Message, Part, Picture, Price, Prices, Request, Text

EDGE_S = 0.04
"""The last frame of a stretch is taken this much before its end, which lies in the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameItem:
    """A frame, or a part of it."""

    video_id: str
    time: float
    """Seconds."""
    width: int
    """Pixels as sent."""
    height: int
    crop: Box | None = None
    """What is shown of the picture; None is all of it."""
    stamped: bool = False
    """The second is drawn into the picture, bottom right."""

    @property
    def times(self) -> tuple[float, ...]:
        """Its second."""
        return (self.time,)

    @property
    def pixels(self) -> tuple[int, int]:
        """(width, height) as sent."""
        return self.width, self.height

    @property
    def key(self) -> str:
        """Names what it shows; equal keys have equal pixels."""
        return _key(self.video_id, self.times, self.pixels, self.crop, stamped=self.stamped)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetItem:
    """A contact sheet: frames in rows, sent as one image, each with its second drawn in."""

    video_id: str
    times: tuple[float, ...]
    """Seconds, ascending, in reading order."""
    width: int
    """Pixels of each frame in it."""
    height: int
    columns: int

    @property
    def grid(self) -> Grid:
        """Where its frames lie."""
        return Grid(
            count=len(self.times), columns=self.columns, width=self.width, height=self.height
        )

    @property
    def pixels(self) -> tuple[int, int]:
        """(width, height) of the sheet as sent."""
        return self.grid.size

    @property
    def key(self) -> str:
        """Names what it shows; equal keys have equal pixels."""
        cell = (self.width, self.height)
        return f"{_key(self.video_id, self.times, cell, None, stamped=True)}:{self.columns}"


PictureItem = FrameItem | SheetItem
Item = PictureItem | TextItem


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Pictures and words in the order in which they are shown."""

    items: tuple[Item, ...]
    why: str = ""
    """Why it was chosen, for people."""

    @property
    def pictures(self) -> tuple[PictureItem, ...]:
        """Its frames and contact sheets."""
        return tuple(item for item in self.items if not isinstance(item, TextItem))

    @property
    def lines(self) -> tuple[TextItem, ...]:
        """What was said or written that it shows."""
        return tuple(item for item in self.items if isinstance(item, TextItem))

    @property
    def times(self) -> tuple[float, ...]:
        """Seconds of all its frames, those on contact sheets included."""
        return tuple(time for item in self.pictures for time in item.times)

    def price(self, model: Prices) -> Price:
        """What a message that holds the view and nothing else costs to read; decodes nothing."""
        message = Message(role="user", parts=blank_parts(self))
        return model.price(Request(messages=(message,), max_tokens=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Frames of one size."""

    times: tuple[float, ...]
    """Seconds, ascending."""
    width: int
    height: int
    stamped: bool = False
    """Every frame has its second drawn into it, bottom right."""

    def items(self, video_id: str, crop: Box | None = None) -> tuple[FrameItem, ...]:
        """The frames of a video."""
        return tuple(
            FrameItem(
                video_id=video_id,
                time=time,
                width=self.width,
                height=self.height,
                crop=crop,
                stamped=self.stamped,
            )
            for time in self.times
        )


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


def blank_frames(shape: Shape) -> Frames:
    """Frames without pixels, for pricing."""
    return Frames(pictures=tuple(_blank(item) for item in shape.items("")))


def blank_parts(view: View) -> tuple[Part, ...]:
    """The view as parts of a message, its pictures without pixels, for pricing."""
    return tuple(parts_of(view, _blank))


def _blank(item: PictureItem) -> Picture:
    return picture_of(item, b"")


def picture_of(item: PictureItem, jpeg: bytes) -> Picture:
    """A picture of a view as it is sent; without a JPEG for pricing."""
    width, height = item.pixels
    return Picture(
        jpeg=jpeg,
        width=width,
        height=height,
        time=item.times[0],
        key=item.key if jpeg else "",
        stamped=isinstance(item, SheetItem) or item.stamped,
    )


def parts_of(view: View, picture: Callable[[PictureItem], Picture]) -> Iterator[Part]:
    """The view as parts of a message. Frames of one kind that follow one another go together; what
    the drawn seconds mean is told once before them."""
    for kind, run in groupby(view.items, _kind):
        items = list(run)
        if isinstance(kind, tuple):
            if kind[-1]:
                yield Text(text=render("stamped_frames"))
            yield Frames(pictures=tuple(picture(i) for i in items if not isinstance(i, TextItem)))
        elif kind is SheetItem:
            yield Text(text=render("contact_sheet"))
            yield from (picture(i) for i in items if not isinstance(i, TextItem))
        else:
            yield Text(text="\n".join(text_line(i) for i in items if isinstance(i, TextItem)))


def _kind(item: Item) -> object:
    """Equal for items that go together."""
    if isinstance(item, FrameItem):
        return item.video_id, item.width, item.height, item.crop, item.stamped
    return type(item)


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


def _key(
    video_id: str,
    times: Sequence[float],
    size: tuple[int, int],
    crop: Box | None,
    *,
    stamped: bool,
) -> str:
    part = "" if crop is None else ",".join(f"{side:.4f}" for side in crop)
    when = ",".join(f"{time:.3f}" for time in times)
    return f"{video_id}:{when}:{size[0]}x{size[1]}:{part}{':stamped' if stamped else ''}"
