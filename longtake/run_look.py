"""A look of a stored run as people follow it: what was shown, how, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from longtake.agent.outcomes import UNSENT
from longtake.timing import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look yielded."""

    span: Span
    claim: str
    relevant: bool
    confidence: float
    outcome: str
    """`ok`, or why there is no usable reply."""

    @property
    def replied(self) -> bool:
        """Whether a reply came, of use or not: the model was shown the view."""
        return self.outcome not in UNSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Frames that follow one another, shown at one size."""

    times: tuple[float, ...]
    """Seconds."""
    size: tuple[int, int]
    """Pixels of each frame."""
    columns: int = 0
    """0 is single frames, more one contact sheet with so many in a row."""

    @property
    def pictures(self) -> int:
        """Images that the model was sent."""
        return 1 if self.columns else len(self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A view that was chosen, and what came of it."""

    id: str
    video_id: str
    span: Span
    shown: tuple[Shown, ...] = ()
    """Its frames in the order in which they were sent."""
    crop: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom, 0..1 of the picture; None is all of it."""
    stamped: bool = False
    """Single frames have their seconds drawn in, as contact sheets always have."""
    lost: str = ""
    """What the view had to give up for its price."""
    kind: str = "look"
    why: str = ""
    begun: bool = False
    seen: Seen | None = None

    @property
    def frames(self) -> int:
        """Frames in all, those on contact sheets included."""
        return sum(len(group.times) for group in self.shown)

    @property
    def shape(self) -> str:
        """Such as `8 frames, 448x252`, or `16 frames on 1 contact sheet, 224x126; 4 frames with
        their seconds, 448x252`."""
        if not self.shown:
            return ""
        part = ", part of the picture" if self.crop else ""
        lost = f" (for its price: {self.lost})" if self.lost else ""
        return f"{'; '.join(self._shapes())}{part}{lost}"

    def _shapes(self) -> list[str]:
        alike: dict[tuple[tuple[int, int], bool], list[Shown]] = {}
        for group in self.shown:
            alike.setdefault((group.size, group.columns > 0), []).append(group)
        shapes = []
        for (size, on_sheets), groups in alike.items():
            frames = counted(sum(len(group.times) for group in groups), "frame")
            how = " with seconds drawn in" if self.stamped else ""
            if on_sheets:
                how = f" on {counted(len(groups), 'contact sheet')}"
            shapes.append(f"{frames}{how}, {size[0]}x{size[1]}")
        return shapes


def look_of(view: Mapping[str, Any]) -> Look:
    """The look at a stored view, before anything came of it."""
    crop = view["crop"]
    whole = {**view, "columns": 0}
    return Look(
        id=view["id"],
        video_id=view["video_id"],
        span=span_of(view),
        shown=tuple(
            Shown(
                times=tuple(group["times"]),
                size=(group["width"], group["height"]),
                columns=group["columns"],
            )
            for group in view.get("pictures") or [whole]
        ),
        crop=(crop[0], crop[1], crop[2], crop[3]) if crop else None,
        stamped=view.get("stamped", False),
        lost=view.get("lost", ""),
        kind=view["kind"],
        why=view["why"],
    )


def span_of(data: Mapping[str, Any]) -> Span:
    """The stretch of a stored view or observation."""
    return Span(max(0.0, data["start"]), max(0.0, data["start"], data["end"]))


def counted(number: int, noun: str) -> str:
    """`1 frame`, `8,120 tokens`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
