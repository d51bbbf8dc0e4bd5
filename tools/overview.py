"""A whole video, or a long stretch of it, at a glance: as single frames or as contact sheets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from longtake.timing import Span
from longtake.tools.fit import OVERVIEW, Detail, Fitted, contact_sheets, fit
from longtake.tools.library import Library
from longtake.tools.sheets import storyboard_times
from longtake.tools.view import Shape, View, fitted_size

CELLS = (16, 9, 4)
"""Frames on a sheet, the most first."""
LEAST_CELL_TOKENS = 16
"""A frame on a sheet must get this many tokens, about 112x112 pixels of Qwen's; with less, nothing
in it is seen."""
SAVING = 0.25
"""What a frame must cost less on a sheet for sheets to be used: models see single frames better."""
SHEET_FRAMES = 2
"""Frames of an overview on sheets for each of one in single frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What is to be seen at a glance."""

    video_id: str
    span: Span
    size: tuple[int, int]
    """(width, height) of the upright picture."""
    changes: Sequence[float] = ()
    """Seconds at which the picture changes."""
    why: str = ""
    stamped: bool = False
    """Single frames have their seconds drawn in; those on sheets always do."""

    def times(self, count: int) -> tuple[float, ...]:
        """When to take frames."""
        return storyboard_times(self.span, self.changes, count)


def changes_in(library: Library, video_id: str, span: Span) -> list[float]:
    """Seconds of a span at which a shot begins or text appears."""
    cuts = [shot.start for shot in library.shots(video_id)]
    texts = [record.cue.start for record in library.cues(video_id, span)]
    return sorted(time for time in {*cuts, *texts} if span.start < time < span.end)


def overview(
    stretch: Stretch,
    allowance: int,
    *,
    price: Callable[[View], int],
    detail: Detail = OVERVIEW,
) -> Fitted | None:
    """The stretch at a glance within an allowance, or None where that is too little.

    Frames are denser where more changes. They are single pictures unless the backend counts a frame
    on a contact sheet at least a quarter cheaper, as backends do that count every picture alike, or
    in large tiles, or that bill many words between frames. The sheet has as many frames as get
    `LEAST_CELL_TOKENS` each.

    Args:
        price: tokens that a request with the view costs.
    """
    cells = _cells(stretch, price, detail)
    if cells is not None:
        wide = replace(detail, most_frames=SHEET_FRAMES * detail.most_frames)
        wanted = _sheets(stretch, wide.frames(stretch.span), wide.longest_sides[0], cells)
        return fit(wanted, allowance, price=price, detail=wide, times=stretch.times)
    wanted = _singles(stretch, detail.frames(stretch.span), detail.longest_sides[0])
    return fit(wanted, allowance, price=price, detail=detail, times=stretch.times)


def _cells(stretch: Stretch, price: Callable[[View], int], detail: Detail) -> int | None:
    """Frames of a sheet; None where single frames are the better buy."""
    side = detail.longest_sides[0]
    many = price(_singles(stretch, 9, side)) - price(_singles(stretch, 1, side))
    for cells in CELLS:
        two = price(_sheets(stretch, 2 * cells, side, cells))
        cell = (two - price(_sheets(stretch, cells, side, cells))) / cells
        if cell >= LEAST_CELL_TOKENS:
            return cells if cell <= (1 - SAVING) * many / 8 else None
    return None


def _singles(stretch: Stretch, count: int, side: int) -> View:
    width, height = fitted_size(*stretch.size, side)
    shape = Shape(times=stretch.times(count), width=width, height=height, stamped=stretch.stamped)
    return View(items=shape.items(stretch.video_id), why=stretch.why)


def _sheets(stretch: Stretch, count: int, side: int, cells: int) -> View:
    size = fitted_size(*stretch.size, side)
    items = contact_sheets(stretch.video_id, stretch.times(count), size, cells)
    return View(items=items, why=stretch.why)
