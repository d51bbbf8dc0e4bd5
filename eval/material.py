"""What each comparator shows of its material: as many frames and words as the budget holds. Frames
of every comparator have the same sizes to choose from and fill the same budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from longtake.eval.reading import Line, Question, Shown, read_request
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.view import Shape, blank_frames, fitted_size
from longtake.tools.vlm.messages import Request

SIDES = (448, 336, 224, 168)
"""Pixels of the longer side that may be sent, best first."""
ENOUGH = 16
"""Frames that come before pixels; beyond them pixels come first."""
MOST = 256
"""Frames of one request."""
WITHHELD = "(not shown)"
TEXT_SHARE = 0.5
"""Most of the room that words may take beside frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Frames of one video that have one size."""

    video_id: str
    times: tuple[float, ...]
    """Seconds, ascending."""
    scale: float = 1.0
    """Of each side, relative to the size that is tried."""


Spread = Callable[[int], list[Part]]
"""Frames that cost as much as so many of full size, or as many as there are; the parts of a video
in the order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What could be shown for one question, in the order in which it is worth its tokens."""

    videos: tuple[VideoRecord, ...]
    spans: dict[str, Span]
    """Video id -> what of it may be seen."""
    spread: Spread | None = None
    """None shows no frames."""
    wanted: int = 0
    """Frames beyond which more show nothing new."""
    lines: tuple[Line, ...] = ()
    """In the order of time, thinned evenly where they do not fit."""
    nearness: tuple[float, ...] = ()
    """Of each line to the question: the nearest stay where not all fit; absent thins evenly."""
    pixels: Literal["own", "black", "shuffled"] = "own"
    """What is in the frames that are sent: what was filmed at their seconds, nothing, or what was
    filmed at the seconds of the same video's other frames, drawn by lot."""
    withheld: bool = False
    """The options are shown without their question, and one must be chosen."""

    def asks(self, question: Question) -> Question:
        """The question as it is shown with this material."""
        if not self.withheld:
            return question
        return replace(question, text=WITHHELD, may_abstain=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is shown."""

    shapes: tuple[tuple[str, Shape], ...] = ()
    """Video id, and times and size of frames of it."""
    lines: tuple[Line, ...] = ()

    @property
    def frames(self) -> int:
        """How many frames."""
        return sum(len(shape.times) for _, shape in self.shapes)


def fitted(
    material: Material,
    question: Question,
    labels: dict[str, str],
    *,
    room: int,
    price: Callable[[Request], int],
) -> Chosen | None:
    """As much of the material as fits into `room` tokens; None where not even the question does.

    Words come first, up to `TEXT_SHARE` of the room where there are frames too, then frames:
    as many as fit at the largest size that shows `ENOUGH` of them.
    """

    def cost(chosen: Chosen) -> int:
        videos = shown(material, chosen, labels)
        return price(read_request(question, videos, chosen.lines))

    bare = cost(Chosen())
    if bare > room:
        return None
    for_words = room if material.spread is None else bare + int((room - bare) * TEXT_SHARE)
    count = _most(
        len(material.lines),
        lambda n: cost(Chosen(lines=_words(material, n))) <= for_words,
    )
    chosen = Chosen(lines=_words(material, count))
    wanted = min(MOST, material.wanted)
    if material.spread is None or not wanted:
        return chosen
    best = chosen
    for side in SIDES:
        made = _filled(material, chosen, side, wanted, lambda c: cost(c) <= room)
        best = made if made.frames else best
        if made.frames >= min(wanted, ENOUGH):
            break
    return best


def _filled(
    material: Material, words: Chosen, side: int, wanted: int, fits: Callable[[Chosen], bool]
) -> Chosen:
    """Words with as many frames of a size as fit."""
    assert material.spread is not None
    spread = material.spread

    def at(number: int) -> Chosen:
        shapes = _shapes(material, spread(number), side) if number else ()
        return replace(words, shapes=shapes)

    return at(_most(wanted, lambda number: fits(at(number))))


def shown(material: Material, chosen: Chosen, labels: dict[str, str]) -> list[Shown]:
    """The videos as a request shows them, frames without pixels."""
    return [
        Shown(
            video_id=video.id,
            label=labels[video.id],
            duration=material.spans[video.id].end,
            frames=tuple(blank_frames(shape) for of, shape in chosen.shapes if of == video.id),
        )
        for video in material.videos
    ]


def thinned(lines: Sequence[Line], count: int) -> tuple[Line, ...]:
    """`count` of the lines, evenly: the middles of equal parts of their list."""
    if count >= len(lines):
        return tuple(lines)
    return tuple(lines[int((i + 0.5) * len(lines) / count)] for i in range(count))


def _words(material: Material, count: int) -> tuple[Line, ...]:
    """`count` of its lines, in their order."""
    if not material.nearness:
        return thinned(material.lines, count)
    order = sorted(range(len(material.lines)), key=lambda i: -material.nearness[i])
    return tuple(material.lines[i] for i in sorted(order[:count]))


def _shapes(material: Material, parts: Sequence[Part], side: int) -> tuple[tuple[str, Shape], ...]:
    sizes = {v.id: (v.width, v.height) for v in material.videos if v.width and v.height}
    shapes = []
    for part in parts:
        width, height = sizes.get(part.video_id, (None, None))
        if part.times and width and height:
            fitted_to = fitted_size(width, height, max(1, round(side * part.scale)))
            shape = Shape(times=part.times, width=fitted_to[0], height=fitted_to[1])
            shapes.append((part.video_id, shape))
    return tuple(shapes)


def _most(highest: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `highest` that fits, where more never costs less."""
    low, high = 0, highest
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
