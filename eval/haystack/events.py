"""What truly happened in a world's videos, in seconds, measured after encoding."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from longtake.eval.haystack.acts import Cabinet, Day, Line, Pass, Put, Row, Scene, Timed, World
from longtake.eval.haystack.config import WorldConfig
from longtake.eval.haystack.draw import Painter
from longtake.eval.haystack.film import Film
from longtake.eval.haystack.novelty import ActKey, act_key
from longtake.eval.haystack.screen import Screen
from longtake.eval.haystack.sets import Box
from longtake.timing import Span

Modality = Literal["visual", "speech", "text"]
_T = TypeVar("_T", Put, Pass, Row, Cabinet, Line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An act or a line on its video's clock."""

    video: str
    day: int
    span: Span
    what: Put | Pass | Row | Cabinet | Line
    modality: Modality
    room: str | None = None
    box: Box | None = None
    key: ActKey | None = None
    """None for speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A scene in a room."""

    video: str
    span: Span
    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Everything that can be asked about in one world."""

    world: World
    config: WorldConfig
    events: tuple[Event, ...]
    """By day and time."""
    stays: tuple[Stay, ...]
    durations: dict[str, float]
    """Video -> seconds."""
    asr: Literal["heard", "given"]
    minutes: dict[str, float] | None = None
    """Video -> length in minutes, where videos of one world differ in it."""

    def of(self, kind: type[_T], video: str | None = None) -> list[Event]:
        """Events of one kind, of one video or all."""
        return [
            event
            for event in self.events
            if isinstance(event.what, kind) and video in (None, event.video)
        ]

    def videos(self) -> list[str]:
        """By day."""
        return [day.video for day in self.world.days]

    def length_min(self, videos: Sequence[str]) -> float:
        """Of the longest of them."""
        if self.minutes is None:
            return self.config.seconds / 60
        return max(self.minutes[video] for video in videos)


def gather(
    world: World,
    config: WorldConfig,
    films: Sequence[Film],
    asr: Literal["heard", "given"],
    *,
    screen: Callable[[Day], Screen] | None = None,
    minutes: dict[str, float] | None = None,
) -> Pool:
    """All events of a world whose days have been filmed.

    Args:
        screen: what drew a day, where it is not the picture of `config`.
        minutes: see `Pool`.
    """
    events: list[Event] = []
    stays: list[Stay] = []
    for day, film in zip(world.days, films, strict=True):
        painter = screen(day) if screen else Painter(day, config.width, config.height)
        found = [
            _event(day, film, painter, scene, timed) for scene in day.scenes for timed in scene.acts
        ]
        found += [_said(day, placed.line, placed.start_s, placed.end_s) for placed in film.lines]
        events += sorted(found, key=lambda event: (event.span, event.modality))
        stays += [
            Stay(video=day.video, span=_span(film, scene.first, scene.last), room=scene.room.name)
            for scene in day.scenes
            if scene.room
        ]
    return Pool(
        world=world,
        config=config,
        events=tuple(events),
        stays=tuple(stays),
        durations={d.video: float(f.times_s[-1]) for d, f in zip(world.days, films, strict=True)},
        asr=asr,
        minutes=minutes,
    )


def _span(film: Film, first: int, last: int) -> Span:
    return Span(float(film.times_s[first]), float(film.times_s[last]))


def _event(day: Day, film: Film, painter: Screen, scene: Scene, timed: Timed) -> Event:
    first, last = timed.first, timed.last
    if isinstance(timed.act, Cabinet):  # it stands there as long as it is on screen
        first, last = scene.first, scene.last
    return Event(
        video=day.video,
        day=day.number,
        span=_span(film, first, last),
        what=timed.act,
        modality="text" if isinstance(timed.act, Row) else "visual",
        room=scene.room.name if scene.room else None,
        box=painter.box(timed, scene),
        key=act_key(timed),
    )


def _said(day: Day, line: Line, start: float, end: float) -> Event:
    return Event(
        video=day.video, day=day.number, span=Span(start, end), what=line, modality="speech"
    )
