"""A run's views are plain JSON in its state; tools price and render views of their own. Here one
becomes the other, nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass

from longtake.agent.state import Part, View, Wish
from longtake.tools.fit import Fitted
from longtake.tools.view import FrameItem, Shape, SheetItem, box_of
from longtake.tools.view import View as Shown


def shown_of(view: View) -> Shown:
    """What a view of the state shows."""
    shape = shape_of(view)
    if not view.get("sheets"):
        crop = box_of(view["crop"]) if view["crop"] is not None else None
        return Shown(items=shape.items(view["video_id"], crop), why=view["why"])
    items, start = [], 0
    for count, columns in view["sheets"]:
        times = shape.times[start : start + count]
        start += count
        items.append(
            SheetItem(
                video_id=view["video_id"],
                times=times,
                width=shape.width,
                height=shape.height,
                columns=columns,
            )
        )
    return Shown(items=tuple(items), why=view["why"])


def shape_of(view: View) -> Shape:
    """Times, size and stamp of a view's frames."""
    return Shape(
        times=tuple(view["times"]),
        width=view["width"],
        height=view["height"],
        stamped=view.get("stamped", False),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in its run a view stands."""

    number: int
    """Of all views of the run, from 1."""
    round: int
    part: Part
    """What it is looked at for."""


def view_of(shown: Shown, wish: Wish, place: Place) -> View:
    """The state's view of what a wish is shown as: pictures of one video, size and crop."""
    first = shown.pictures[0]
    view: View = {
        "id": f"L{place.number}",
        "video_id": wish["video_id"],
        "start": wish["start"],
        "end": wish["end"],
        "times": list(shown.times),
        "width": first.width,
        "height": first.height,
        "crop": None,
        "kind": wish["kind"],
        "why": wish["why"],
        "round": place.round,
        "part": place.part,
    }
    if isinstance(first, FrameItem):
        view["crop"] = list(first.crop) if first.crop is not None else None
        if first.stamped:
            view["stamped"] = True
    else:
        view["sheets"] = sheets_of([i for i in shown.pictures if isinstance(i, SheetItem)])
    return view


def fitted_view(fitted: Fitted, wish: Wish, place: Place) -> View:
    """The same of a view that was made to fit, with what it lost."""
    view = view_of(fitted.view, wish, place)
    if fitted.lost:
        view["lost"] = str(fitted.lost)
    return view


def sheets_of(items: Sequence[SheetItem]) -> list[list[int]]:
    """[frames, columns] of each contact sheet."""
    return [[len(item.times), item.columns] for item in items]
