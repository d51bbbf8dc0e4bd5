"""Stretches of days as models are shown them: frames, and what is said and written around them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtake.agent.requests import Quote
from longtake.eval.haystack.acts import Actor, Line, LineKind, Row, Scene
from longtake.eval.haystack.models.facts import WORDS
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.facts import Facts
from longtake.eval.haystack.models.vlm.footage import Reel, any_reel
from longtake.eval.haystack.models.vlm.labels import CELL, rescaled, whole_cells
from longtake.eval.haystack.script import all_names
from longtake.eval.haystack.vocabulary import ALARMS

U8 = NDArray[np.uint8]
WIDTHS = (168, 224, 280, 336, 448)
"""Pixels of frames in strips."""
COUNTS = (1, 2, 4, 6, 8, 8, 8, 12, 16, 24, 32, 48)
"""Of frames."""
STEPS = (1, 1, 1, 2, 2, 4, 8, 16)
"""Between frames, in frames that are kept of a day."""
KEPT_S = 0.5
"""Seconds between frames that are kept of a day."""
TIME_TOKENS = 12
"""Of a frame's second in words."""
NEAR = 0.4
"""Share of codes that are one place off another of the same lines."""
SPEAKING = 14
"""Characters a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Something said or written, in seconds on the clock of the strip."""

    start: float
    end: float
    text: str
    kind: str
    """`said`, `on screen`, or `seen` for what a look claimed."""
    line: Line | None = None
    """What was said, by its parts; None of all else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Frames of one day in the order of time, with what is said and written around them."""

    times: tuple[float, ...]
    """Seconds, as models are told them."""
    frames: tuple[Facts, ...]
    heard: tuple[Heard, ...] = ()

    @property
    def actors(self) -> list[Actor | None]:
        """Who is in each frame."""
        found = [frame.actor for frame in self.frames]
        return [one.what if one and isinstance(one.what, Actor) else None for one in found]

    @property
    def vehicles(self) -> list[str | None]:
        """What passes in each frame, such as `red car`."""
        return [str(frame.vehicle.what) if frame.vehicle else None for frame in self.frames]

    def tells(self, text: str) -> bool:
        """Whether one of its lines is just this."""
        return any(heard.text == text for heard in self.heard)

    @property
    def rooms(self) -> list[str | None]:
        """The name of each frame's room."""
        return [frame.room.name if frame.room else None for frame in self.frames]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """A strip and its pixels."""

    strip: Strip
    pixels: tuple[U8, ...] = ()
    """[H, W, 3] of each frame; sides are multiples of 28."""
    start: float
    """Seconds, on a clock that starts anywhere."""
    end: float


def shot(rng: np.random.Generator, days: Sequence[Reel], most_tokens: int) -> Shot:
    """A stretch of one of the days, at a size and pace of its own, on a clock that starts anywhere.

    Args:
        most_tokens: of all its frames together.
    """
    reel = any_reel(rng, days)
    width = int(rng.choice(WIDTHS))
    count = min(frames_within(most_tokens, width), int(rng.choice(COUNTS)))
    step = int(rng.choice(STEPS))
    step = max(1, min(step, (len(reel.stills) - 1) // max(1, count)))
    for _ in range(3):
        first = int(rng.integers(0, len(reel.stills) - step * (count - 1)))
        stills = [reel.stills[first + i * step] for i in range(count)]
        if any(still.facts.carried or still.facts.vehicle for still in stills):
            break
    offset = round(float(rng.choice((0.0, rng.uniform(0, 60), rng.uniform(0, 3600)))), 1)
    began = stills[0].number / reel.fps
    gap = step * KEPT_S
    times = [round(offset + gap / 2 + still.number / reel.fps - began, 1) for still in stills]
    shown = [rescaled(still, width) for still in stills]
    heard: list[Heard] = []
    if rng.random() < 0.5:
        heard = heard_in(rng, reel, [(began, began + gap * count)], offset - began)
    strip = Strip(times=tuple(times), frames=tuple(facts for _, facts in shown), heard=tuple(heard))
    pixels = tuple(pixels for pixels, _ in shown)
    return Shot(strip=strip, pixels=pixels, start=offset, end=offset + gap * count)


def frames_within(tokens: int, width: int) -> int:
    """How many frames of so many pixels across these tokens pay for; one at least."""
    columns, rows = (side // CELL for side in whole_cells(width))
    return max(1, tokens // (columns * rows + TIME_TOKENS))


def heard_in(
    rng: np.random.Generator, reel: Reel, stretches: Sequence[tuple[float, float]], moved: float
) -> list[Heard]:
    """What is said and written in stretches of a day, as longtake's index has it: small rows and
    some lines are missing.

    Args:
        stretches: seconds of the day.
        moved: by how much the clock of the strip is ahead of the day's.
    """
    found = list[Heard]()
    for start, end in stretches:
        for line in reel.day.lines:
            until = line.at_s + len(line.text) / SPEAKING
            if start <= until and line.at_s <= end:
                heard = Heard(start=line.at_s, end=until, text=line.text, kind="said", line=line)
                found.append(heard)
        for scene in reel.day.scenes:
            if scene.last / reel.fps >= start and scene.first / reel.fps <= end:
                found += _written_in(rng, scene, reel.fps, start, end)
    found = list({(h.start, h.text): h for h in found}.values())
    if rng.random() < 0.5:
        number = int(rng.integers(1, 41))
        found.append(Heard(start=0.0, end=600.0, text=f"DAY {number}", kind="on screen"))
    found.sort(key=lambda h: (h.start, h.end))
    most = int(rng.choice((6, 12, 24)))
    if len(found) > most:
        at = int(rng.integers(0, len(found) - most))
        found = found[at : at + most]
    return [replace(h, start=max(0.0, h.start + moved), end=max(0.1, h.end + moved)) for h in found]


def _written_in(
    rng: np.random.Generator, scene: Scene, fps: int, start: float, end: float
) -> list[Heard]:
    """On walls and boards of a scene."""
    a, b = scene.first / fps, scene.last / fps
    found = []
    if scene.room:
        found.append(Heard(start=a, end=b, text=scene.room.name, kind="on screen"))
    if scene.place in ("board", "gate"):
        words = "NOTICES" if scene.place == "board" else "GATE"
        found.append(Heard(start=a, end=b, text=words, kind="on screen"))
    for timed in scene.acts:
        if isinstance(timed.act, Row) and timed.act.px >= int(rng.choice((6, 6, 12))):
            first, last = timed.first / fps, timed.last / fps
            if first <= end and last >= start:
                text = timed.act.text
                found.append(Heard(start=first, end=last, text=text, kind="on screen"))
    return found


def invented(rng: np.random.Generator, count: int) -> list[Heard]:
    """Lines of many videos at random, in the order of time; of any kinds, or all of one or two, as
    a search finds them."""
    found, at = list[Heard](), float(rng.uniform(0, 600))
    people = all_names(rng)[:count]
    codes: dict[str, list[str]] = {}
    kinds = _KINDS if rng.random() < 0.5 else [names.pick(rng, _KINDS) for _ in range(2)]
    for person in people:
        text, line = _invented_line(rng, names.pick(rng, kinds), person, codes)
        length = float(rng.uniform(0.5, 5))
        kind = "said" if line else "on screen"
        start, end = round(at, 1), round(at + length, 1)
        found.append(Heard(start=start, end=end, text=text, kind=kind, line=line))
        at += length + float(rng.exponential(5))
    return found


_KINDS = ("flight", "moved", "code", "alarm", "row", "row", "room", "day")
"""Of lines, as often as they are made up."""


def _invented_line(
    rng: np.random.Generator, kind: str, person: str, codes: dict[str, list[str]]
) -> tuple[str, Line | None]:
    """What is said or written, and the parts of what is said.

    Args:
        codes: those made before, by pattern; the new one is added.
    """
    match kind:
        case "flight":
            own, value = _own_code(rng, codes, "AA999"), names.gate_number(rng)
            return _said("flight", f"Flight {own} boards at gate number {value}.", own, value)
        case "moved":
            value = names.room_name(rng)
            return _said("moved", f"{person} has moved to room {value}.", person, value)
        case "code":
            value = _own_code(rng, codes)
            return _said("code", f"{person} works under code {value}.", person, value)
        case "alarm":
            alarm = names.pick(rng, ALARMS)
            return _said("alarm", f"Attention. The {alarm} has gone off.", alarm, "")
        case "row":
            word = names.pick(rng, (*WORDS.numbers, "ROOM"))
            value = names.room_name(rng) if word == "ROOM" else names.board_number(rng)
            return f"{_own_code(rng, codes)} {word} {value}", None
        case "room":
            return names.room_name(rng), None
        case _:
            return names.day_name(rng).upper(), None


def _own_code(rng: np.random.Generator, codes: dict[str, list[str]], pattern: str = "AAA99") -> str:
    """A code that no other line has; often one place off one that another has."""
    before = codes.setdefault(pattern, [])
    while True:
        near = bool(before) and rng.random() < NEAR
        made = names.one_off(rng, names.pick(rng, before)) if near else names.code(rng, pattern)
        if made not in before:
            before.append(made)
            return made


def _said(kind: LineKind, text: str, subject: str, value: str) -> tuple[str, Line]:
    line = Line(
        kind=kind, text=text, spoken=text, subject=subject, value=value, at_s=0.0, speed=1.0,
        snr_db=30.0,
    )  # fmt: skip
    return text, line


def quotes(heard: Sequence[Heard], video: str = "") -> list[Quote]:
    """As requests cite them; `video` is its label where several are shown."""
    head = f"{video}, " if video else ""
    return [(f"{head}{h.start:.1f}-{h.end:.1f} s, {h.kind}", h.text) for h in heard]
