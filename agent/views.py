"""A run's views are plain JSON in its state; tools price and render views of their own. Here one
becomes the other, nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass

from longtake.agent.state import Part, Pictures, View, Wish
from longtake.tools.fit import Fitted
from longtake.tools.view import FrameItem, Shape, SheetItem, box_of
from longtake.tools.view import View as Shown


def shown_of(view: View) -> Shown:
    """What a view of the state shows."""
    crop = box_of(view["crop"]) if view["crop"] is not None else None
    items: list[FrameItem | SheetItem] = []
    for group in view.get("pictures") or [_single(view)]:
        times, width, height = tuple(group["times"]), group["width"], group["height"]
        if group["columns"]:
            items.append(
                SheetItem(
                    video_id=view["video_id"],
                    times=times,
                    width=width,
                    height=height,
                    columns=group["columns"],
                )
            )
        else:
            drawn = view.get("stamped", False)
            shape = Shape(times=times, width=width, height=height, stamped=drawn)
            items += shape.items(view["video_id"], crop)
    return Shown(items=tuple(items), why=view["why"])


def shape_of(view: View) -> Shape:
    """Times, size and stamp of the frames of a view that has single frames of one size."""
    return Shape(
        times=tuple(view["times"]),
        width=view["width"],
        height=view["height"],
        stamped=view.get("stamped", False),
    )


def on_sheets(view: View) -> bool:
    """Whether any of its frames lie on a contact sheet."""
    return any(group["columns"] for group in view.get("pictures") or [])


def _single(view: View) -> Pictures:
    return {
        "times": view["times"],
        "width": view["width"],
        "height": view["height"],
        "columns": 0,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in its run a view stands."""

    number: int
    """Of all views of the run, from 1."""
    round: int
    part: Part
    """What it is looked at for."""


def view_of(shown: Shown, wish: Wish, place: Place) -> View:
    """The state's view of what a wish is shown as: pictures of one video, frames of one crop."""
    frames = [item for item in shown.pictures if isinstance(item, FrameItem)]
    crop = frames[0].crop if frames else None
    largest = max(shown.pictures, key=lambda item: item.width)
    view: View = {
        "id": f"L{place.number}",
        "video_id": wish["video_id"],
        "start": wish["start"],
        "end": wish["end"],
        "times": sorted(shown.times),
        "width": largest.width,
        "height": largest.height,
        "crop": list(crop) if crop is not None else None,
        "kind": wish["kind"],
        "why": wish["why"],
        "round": place.round,
        "part": place.part,
    }
    if any(item.stamped for item in frames):
        view["stamped"] = True
    groups = _grouped(shown.pictures)
    if len(groups) > 1 or groups[0]["columns"]:
        view["pictures"] = groups
    return view


def _grouped(items: Sequence[FrameItem | SheetItem]) -> list[Pictures]:
    groups: list[Pictures] = []
    for item in items:
        columns = item.columns if isinstance(item, SheetItem) else 0
        last = groups[-1] if groups else None
        same = (
            last is not None
            and not columns
            and not last["columns"]
            and (last["width"], last["height"]) == (item.width, item.height)
        )
        if last is not None and same:
            last["times"] = [*last["times"], *item.times]
        else:
            groups.append(
                {
                    "times": list(item.times),
                    "width": item.width,
                    "height": item.height,
                    "columns": columns,
                }
            )
    return groups


def fitted_view(fitted: Fitted, wish: Wish, place: Place) -> View:
    """The same of a view that was made to fit, with what it lost."""
    view = view_of(fitted.view, wish, place)
    if fitted.lost:
        view["lost"] = str(fitted.lost)
    return view
