"""The sound's side of a day: announcements over the pictures, and alarms inside scenes."""

from bisect import bisect_right

import numpy as np

from longtake.eval.haystack.acts import Line, LineKind, Row, Scene
from longtake.eval.haystack.cast import Mixture, pick
from longtake.eval.haystack.config import WorldConfig
from longtake.eval.haystack.vocabulary import ALARMS, FIRST, LAST, Codes

PAUSE_S = (0.5, 1.6)
ALARM_S = 3.2
"""Longer than an alarm with its sentence."""
SECONDS_PER_LETTER = 0.075
BEEP_S = 0.5
_KINDS: tuple[LineKind, ...] = ("flight", "moved", "code")
_SHARES = (0.5, 0.25, 0.25)
ALARMING = 0.45
"""Share of the places fit for an alarm that have one."""


def length_estimated(spoken: str, speed: float) -> float:
    """About how long a sentence takes; exact only once it is spoken."""
    return 0.3 + SECONDS_PER_LETTER * len(spoken) * speed


def spelled(code: str) -> str:
    """`K 4 7` for K47, so that every voice says each sign."""
    return " ".join(code)


class Script:
    """Writes one day's lines."""

    def __init__(
        self,
        rng: np.random.Generator,
        config: WorldConfig,
        *,
        rooms: tuple[str, ...],
        codes: Codes,
        names: list[str],
        scenes: tuple[Scene, ...],
        alarms: Mixture[str] | None,
        pause_s: tuple[float, float] = PAUSE_S,
    ) -> None:
        self._rng, self._config, self._rooms = rng, config, rooms
        self._codes, self._names, self._scenes = codes, names, scenes
        self._alarms, self._pause_s = alarms, pause_s
        self._starts = [scene.first / config.fps for scene in scenes]
        rows = [timed.act for scene in scenes for timed in scene.acts]
        self._known = [row for row in rows if isinstance(row, Row) and row.word == "ROOM"]

    def lines(self) -> tuple[Line, ...]:
        """In order of time, a pause between them, until the day is nearly over."""
        made: list[Line] = []
        at = float(self._rng.uniform(0.4, 1.2))
        while True:
            speed = float(pick(self._rng, self._config.speeds))
            kind = str(self._rng.choice(_KINDS, p=_SHARES))
            if self._alarms and self._inside_a_room(at) and self._rng.random() < ALARMING:
                kind = "alarm"
            text, spoken, subject, value = self._words_of(kind, at)
            length = length_estimated(spoken, speed) + BEEP_S
            if at + length > self._config.seconds - 0.5:
                return tuple(made)
            made.append(
                Line(
                    kind="alarm" if subject in ALARMS else _kind_of(text),
                    text=text,
                    spoken=spoken,
                    subject=subject,
                    value=value,
                    at_s=at,
                    speed=speed,
                    snr_db=float(pick(self._rng, self._config.snr_db)),
                )
            )
            at += length + float(self._rng.uniform(*self._pause_s))

    def _words_of(self, kind: str, at: float) -> tuple[str, str, str, str]:
        """Text, spoken text, subject and value; of a flight where the kind is out of stock."""
        if kind == "alarm" and self._alarms:
            alarm = self._alarms.draw()
            text = f"Attention. The {alarm} has gone off."
            return text, text, alarm, ""
        if kind == "moved" and self._names:
            name, room = self._names.pop(), str(self._rng.choice(self._rooms))
            return (
                f"{name} has moved to room {room}.",
                f"{name} has moved to room {spelled(room)}.",
                name,
                room,
            )
        if kind == "code" and self._names and self._known:
            name = self._names.pop()
            row = self._known.pop(int(self._rng.integers(len(self._known))))
            return (
                f"{name} works under code {row.code}.",
                f"{name} works under code {spelled(row.code)}.",
                name,
                row.code,
            )
        flight = self._codes.draw("AA999")
        gate = str(int(self._rng.integers(2, 60)))
        return (
            f"Flight {flight} boards at gate number {gate}.",
            f"Flight {spelled(flight)} boards at gate number {gate}.",
            flight,
            gate,
        )

    def _inside_a_room(self, at: float) -> bool:
        """Whether a room is on screen, and will be until an alarm has been said."""
        scene = self._scenes[bisect_right(self._starts, at) - 1]
        return scene.room is not None and at + ALARM_S < scene.last / self._config.fps


def _kind_of(text: str) -> LineKind:
    if text.startswith("Flight "):
        return "flight"
    return "moved" if " has moved to room " in text else "code"


def all_names(rng: np.random.Generator) -> list[str]:
    """Every name there can be, in random order; each is given to one person."""
    every = [f"{first} {last}" for first in FIRST for last in LAST]
    return [every[i] for i in rng.permutation(len(every))]
