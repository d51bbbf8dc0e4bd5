"""A look on a replay page: its pictures as the model was sent them, and what it yielded."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from longtake.render_run import seen_words
from longtake.replay_html import Html, element, moment
from longtake.replay_pictures import Pictures, Thumbnail, shared
from longtake.replay_timeline import crop_box
from longtake.run_look import Look, Shown, counted
from longtake.timing import Span, format_time

if TYPE_CHECKING:
    from longtake.index.records import VideoRecord

_Group = tuple[Html | None, int]
"""Frames on the page, and how many there are."""


def look_article(
    look: Look, pictures: Pictures, *, video: "VideoRecord | None", name: str, most: int
) -> Html:
    """The look with at most so many pictures.

    Args:
        video: None where it is not in the library any more.
        name: of the video.
    """
    shares = shared([group.pictures for group in look.shown], most)
    groups = [
        _group(look, group, pictures, name=name, most=share)
        for group, share in zip(look.shown, shares, strict=True)
    ]
    head = element(
        "p",
        element("b", look.id),
        " ",
        element("span", look.kind, class_=f"kind-{look.kind} tag"),
        " ",
        element("span", name, class_="video"),
        " ",
        moment(None if video is None else video.path, look.span),
        " ",
        element("span", look.shape, class_="quiet"),
        "" if look.crop is None else crop_box(look.crop),
        class_="head",
    )
    shown = _strips(look, groups, pictures.faults.get(look.video_id))
    parts = [head, element("p", look.why, class_="why"), *shown]
    parts.append(element("p", seen_words(look), class_=f"seen {_fate(look)}"))
    return element("article", *parts, id=look.id, class_="look")


def _group(look: Look, group: Shown, pictures: Pictures, *, name: str, most: int) -> _Group:
    caption = f"{look.id}, {name}"
    if group.columns:
        sheet = pictures.sheet(
            look.video_id, group.times, size=group.size, columns=group.columns, most=most
        )
        if sheet is None:
            return None, 0
        span = Span(min(group.times), max(group.times))
        said = f"contact sheet, {counted(len(group.times), 'frame')}, {span}"
        return figure(sheet, f"{caption}, {said}", said), len(group.times)
    frames = pictures.of(
        look.video_id,
        group.times,
        crop=look.crop,
        sent=group.size,
        stamps=look.stamped,
        most=most,
    )
    figures = [figure(frame, f"{caption}, {format_time(frame.time)}") for frame in frames]
    return element("div", *figures, class_="strip") if figures else None, len(figures)


def _strips(look: Look, groups: Sequence[_Group], fault: str | None) -> list[Html]:
    """Sheets that follow one another lie side by side."""
    if fault is not None:
        return [element("p", f"no pictures: {fault}", class_="missing")]
    shown = [(group.columns > 0, made) for group, (made, _) in zip(look.shown, groups, strict=True)]
    strips: list[Html] = []
    for on_sheets, run in groupby(shown, key=lambda pair: pair[0]):
        parts = [made for _, made in run if made is not None]
        strips += [element("div", *parts, class_="sheets")] if on_sheets and parts else parts
    if left_out := look.frames - sum(count for _, count in groups):
        said = f"{counted(left_out, 'frame')} left out to keep this page small"
        strips.append(element("p", said, class_="quiet"))
    return strips


def _fate(look: Look) -> str:
    if look.seen is None or look.seen.outcome != "ok":
        return "failed"
    return "hit" if look.seen.relevant else "miss"


def figure(frame: Thumbnail, caption: str, under: str | None = None) -> Html:
    """A picture with what stands under it, its clock time when None."""
    image = element(
        "img",
        src=frame.source,
        width=frame.width,
        height=frame.height,
        alt=caption,
        decoding="async",
    )
    said = element("figcaption", format_time(frame.time) if under is None else under)
    return element("figure", image, said)
