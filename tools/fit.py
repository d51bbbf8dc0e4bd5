"""How finely a stretch may be looked at, and making a view fit an allowance of tokens."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from longtake.timing import Span
from longtake.tools.sheets import columns_for
from longtake.tools.view import FrameItem, Item, PictureItem, SheetItem, View, fitted_size

Times = Callable[[int], Sequence[float]]
"""That many ascending seconds to take frames at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How finely a stretch may be looked at."""

    most_frames: int
    least_frames: int
    longest_sides: tuple[int, ...]
    """Sizes to try, pixels of the longer side, best first."""
    per_second: float
    """Frames a second that are enough."""

    def frames(self, span: Span) -> int:
        """Frames wanted of a span."""
        wanted = max(self.least_frames, math.ceil(span.duration * self.per_second))
        return min(self.most_frames, wanted)


OVERVIEW = Detail(
    most_frames=32, least_frames=4, longest_sides=(336, 280, 224, 168), per_second=1.0
)
LOOK = Detail(most_frames=8, least_frames=1, longest_sides=(448, 336, 224, 168), per_second=1.0)
ZOOM = Detail(most_frames=8, least_frames=1, longest_sides=(896, 672, 448, 336), per_second=8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What a view had to give up for its price."""

    frames: tuple[int, int]
    """(kept, wanted)."""
    longest: tuple[int, int]
    """(kept, wanted) pixels of the longer side of the largest frame."""

    def __bool__(self) -> bool:
        return self.frames[0] < self.frames[1] or self.longest[0] < self.longest[1]

    def __str__(self) -> str:
        parts = []
        if self.frames[0] < self.frames[1]:
            parts.append(f"{self.frames[0]} of {self.frames[1]} frames")
        if self.longest[0] < self.longest[1]:
            parts.append(f"{self.longest[0]} px instead of {self.longest[1]} px")
        return ", ".join(parts) or "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A view within its allowance."""

    view: View
    price: int
    """Tokens."""
    lost: Lost


def fit(
    view: View,
    allowance: int,
    *,
    price: Callable[[View], int],
    detail: Detail,
    times: Times | None = None,
) -> Fitted | None:
    """The finest form of a view whose price is within the allowance; None when none is.

    Size gives way before frames, in two rounds: first the larger half of `detail.longest_sides`,
    with all frames and then with half of them; next the smaller sizes, with all and with half of
    them; then ever fewer frames, each number at all sizes from the best on. Words stay.

    Args:
        view: as wished: all its frames, as large as they may be.
        allowance: tokens.
        price: tokens that a request with the view costs.
        times: when to take fewer frames, where all are of one video; None keeps some of the
            view's own, evenly.
    """
    wanted = len(view.times)
    size = _longest(view)
    tried: set[tuple[int, int]] = set()
    for count, side in _steps(wanted, detail):
        step = (count, min(side, size))
        if step in tried:
            continue
        tried.add(step)
        smaller = _sized(_thinned(view, count, times), side)
        cost = price(smaller)
        if cost <= allowance:
            lost = Lost(frames=(count, wanted), longest=(_longest(smaller), size))
            return Fitted(view=smaller, price=cost, lost=lost)
    return None


def _steps(wanted: int, detail: Detail) -> Iterator[tuple[int, int]]:
    """(frames, longest side) in the order in which they are tried."""
    least = min(detail.least_frames, wanted)
    half = max(least, math.ceil(wanted / 2))
    counts = [wanted, half, *(n for n in (half // 2, half // 4) if n >= least), least]
    sides = detail.longest_sides
    better = sides[: len(sides) // 2]
    for some, numbers in (
        (better, counts[:2]),
        (sides[len(better) :], counts[:2]),
        (sides, counts),
    ):
        for count in dict.fromkeys(numbers):
            for side in some:
                yield count, side


def _longest(view: View) -> int:
    return max((max(item.width, item.height) for item in view.pictures), default=0)


def _sized(view: View, side: int) -> View:
    """The view with no frame's longer side above `side`."""
    return replace(view, items=tuple(_smaller(item, side) for item in view.items))


def _smaller(item: Item, side: int) -> Item:
    if not isinstance(item, FrameItem | SheetItem) or max(item.width, item.height) <= side:
        return item
    width, height = fitted_size(item.width, item.height, side)
    return replace(item, width=width, height=height)


def _thinned(view: View, count: int, times: Times | None) -> View:
    """The view with `count` frames."""
    own = view.times
    if count >= len(own):
        return view
    kept = evenly(len(own), count)
    new = [own[index] for index in kept] if times is None else list(times(count))
    if all(isinstance(item, SheetItem) for item in view.items):
        return replace(
            view, items=_fewer_sheets([i for i in view.items if isinstance(i, SheetItem)], new)
        )
    fresh = dict(zip(kept, new, strict=True))
    items: list[Item] = []
    index = 0
    for item in view.items:
        if not isinstance(item, FrameItem | SheetItem):
            items.append(item)
            continue
        left = [fresh[i] for i in range(index, index + len(item.times)) if i in fresh]
        index += len(item.times)
        if left:
            items.append(_retimed(item, left))
    return replace(view, items=tuple(items))


def _fewer_sheets(sheets: Sequence[SheetItem], times: Sequence[float]) -> tuple[SheetItem, ...]:
    """Sheets as full as the fullest of those given, which are of one video."""
    most = max(len(item.times) for item in sheets)
    first = sheets[0]
    return contact_sheets(first.video_id, times, (first.width, first.height), most)


def contact_sheets(
    video_id: str, times: Sequence[float], size: tuple[int, int], most: int
) -> tuple[SheetItem, ...]:
    """Frames on as few sheets of at most `most` as are needed, filled alike."""
    count = -(-len(times) // most)
    edges = [round(i * len(times) / count) for i in range(count + 1)]
    return tuple(
        SheetItem(
            video_id=video_id,
            times=tuple(times[start:end]),
            width=size[0],
            height=size[1],
            columns=columns_for(end - start, *size),
        )
        for start, end in pairwise(edges)
    )


def _retimed(item: PictureItem, times: Sequence[float]) -> PictureItem:
    if isinstance(item, FrameItem):
        return replace(item, time=times[0])
    columns = min(item.columns, columns_for(len(times), item.width, item.height))
    return replace(item, times=tuple(times), columns=columns)


def evenly(total: int, count: int) -> list[int]:
    """`count` of `total` indices: the middles of equal parts."""
    return [(2 * i + 1) * total // (2 * count) for i in range(count)]
