"""What each comparator shows: frames of which stretches, which words, as many as the budget holds.
Frames of every comparator have the same sizes to choose from and fill the same budget."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from longtake.eval.reading import Line, Question, Shown, read_request
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.query import statement
from longtake.tools.select.choose import choose
from longtake.tools.select.signals import gather
from longtake.tools.view import Shape, blank_frames, fitted_size
from longtake.tools.vlm.messages import Request

SIDES = (448, 336, 224, 168)
"""Pixels of the longer side that may be sent, best first."""
ENOUGH = 16
"""Frames that come before pixels; beyond them pixels come first."""
MOST = 256
"""Frames of one request."""
EDGE_S = 0.04
"""The last frame of a stretch is taken this much before its end."""
PER_SECOND = 1.0
ORACLE_PER_SECOND = 2.0
LEAST_S = 1.0
"""Stretch around a moment of evidence that is shorter."""
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
    black: bool = False
    """Every frame is sent black."""


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


def spread_evenly(spans: Sequence[tuple[str, Span]], count: int) -> list[Part]:
    """`count` frames over stretches laid end to end: the middles of equal parts (`midpoint`)."""
    total = sum(span.duration for _, span in spans)
    times: dict[str, list[float]] = {}
    for index in range(count):
        place = total * (index + 0.5) / count
        for number, (video_id, span) in enumerate(spans):
            if place <= span.duration or number == len(spans) - 1:
                last = max(span.start, span.end - EDGE_S)
                times.setdefault(video_id, []).append(round(min(last, span.start + place), 3))
                break
            place -= span.duration
    return _parts(times)


def _parts(times: dict[str, list[float]]) -> list[Part]:
    """Full-size frames by video, each second once."""
    return [Part(video_id=v, times=tuple(sorted(set(found)))) for v, found in times.items()]


def uniform(videos: Sequence[VideoRecord], spans: dict[str, Span]) -> Material:
    """Evenly spread frames."""
    places = [(video.id, spans[video.id]) for video in videos]
    return over(videos, spans, places, PER_SECOND)


def over(
    videos: Sequence[VideoRecord],
    spans: dict[str, Span],
    places: Sequence[tuple[str, Span]],
    per_second: float,
) -> Material:
    """Frames spread evenly over some stretches, at most so many a second."""
    total = sum(span.duration for _, span in places)
    return Material(
        videos=tuple(videos),
        spans=spans,
        spread=lambda count: spread_evenly(places, count),
        wanted=max(1, math.ceil(total * per_second)) if places else 0,
    )


def most_similar(
    library: Library, videos: Sequence[VideoRecord], spans: dict[str, Span], question: str
) -> Material | None:
    """The frames whose embeddings are nearest to the question's; None where frames have none."""
    from longtake.prompts import render

    encoder = library.image_encoder
    if encoder is None:
        return None
    query = encoder.texts([render("visual_query", description=statement(question))])[0]
    scored: list[tuple[float, str, float]] = []
    for video in videos:
        vectors = library.store.frame_vectors(video.id, encoder.identity)
        if vectors is None:
            continue
        scores = vectors.vectors.astype(np.float32) @ query
        allowed = spans[video.id]
        scored += [
            (-float(scores[row]), video.id, round(float(time), 3))
            for time, row in zip(vectors.times, vectors.rows, strict=True)
            if allowed.start <= time < allowed.end
        ]
    if not scored:
        return None
    scored.sort()

    def best(count: int) -> list[Part]:
        times: dict[str, list[float]] = {}
        for _, video_id, time in scored[:count]:
            times.setdefault(video_id, []).append(time)
        return _parts(times)

    return Material(videos=tuple(videos), spans=spans, spread=best, wanted=len(scored))


def selected(
    library: Library, video: VideoRecord, span: Span, question: str, preset: str, *, seed: int
) -> Material:
    """The frames that a preset of `longtake.tools.select` chooses, in the sizes it gives them.

    Raises:
        UsageError: there is no such preset, or what it needs is not indexed.
    """
    found = gather(library, video.id, [question], span=span)

    def chosen(count: int) -> list[Part]:
        picks = choose(preset, found.items, found.signals, count, seed=seed).picks
        runs = groupby(picks, key=lambda pick: pick.scale)
        return [
            Part(video_id=video.id, times=tuple(round(p.time, 3) for p in run), scale=scale)
            for scale, run in runs
        ]

    return Material(videos=(video,), spans={video.id: span}, spread=chosen, wanted=len(found.items))


def spoken(library: Library, videos: Sequence[VideoRecord], spans: dict[str, Span]) -> list[Line]:
    """Everything that is said in the stretches, in the order of videos and time."""
    return [
        Line(video_id=video.id, start=s.start, end=s.end, text=s.text)
        for video in videos
        for s in (row.segment for row in library.segments(video.id, spans[video.id]))
    ]


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
        lambda n: cost(Chosen(lines=thinned(material.lines, n))) <= for_words,
    )
    chosen = Chosen(lines=thinned(material.lines, count))
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
