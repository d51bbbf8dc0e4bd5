"""Packing stretches into the 30 s windows that Whisper hears, and finding video times again.

Whisper pads every window to 30 s and pays for all of it, so silence is left out and windows are
filled.
"""

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from longtake.index.lanes import F32
from longtake.index.stretches import HOPS_PER_SECOND, OFFSET, WINDOW_HOPS, Kind, Stretch

BATCH_WINDOWS = 8
"""Windows recognised together; more gain nothing on a CPU."""
MAX_ATTEMPTS = 2
"""How often the end of a window is heard again."""

_END_SEARCH_HOPS = int(3 * HOPS_PER_SECOND)
_ENOUGH_PAUSE_S = 0.6
_SURE_SPEECH = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """At most 30 s of audio joined from stretches of one kind."""

    parts: tuple[Stretch, ...]
    _offsets: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        ends = accumulate((part.duration for part in self.parts), initial=0.0)
        object.__setattr__(self, "_offsets", tuple(ends))

    @property
    def kind(self) -> Kind:
        return self.parts[0].kind

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self._offsets[-1]

    @property
    def samples(self) -> F32:
        """[N] at 16 kHz."""
        return np.concatenate([part.samples for part in self.parts])

    @property
    def speech(self) -> F32:
        """[H] probability of speech of every hop."""
        return np.concatenate([part.speech for part in self.parts])

    @property
    def loudness(self) -> F32:
        """[H] dBFS of every hop."""
        return np.concatenate([part.loudness for part in self.parts])

    def video_times(self, start: float, end: float) -> tuple[float, float]:
        """Video times of a word at [start, end) of the window, kept in the part of its middle."""
        index = self._index((start + end) / 2)
        part, offset = self.parts[index], self._offsets[index]
        first = part.start + min(max(start - offset, 0.0), part.duration)
        return first, part.start + min(max(end - offset, first - part.start), part.duration)

    def part_at(self, time: float) -> Stretch:
        """The part that plays at `time` seconds of the window."""
        return self.parts[self._index(time)]

    def _index(self, time: float) -> int:
        return min(max(bisect_right(self._offsets, time) - 1, 0), len(self.parts) - 1)

    def unheard(self, end: float) -> list[Stretch]:
        """What follows `end` seconds, if voice activity hears at least half a second of speech.

        Empty after the second attempt.
        """
        speech = self.speech
        cut = hops_of(end, end, len(speech)).start
        # to the end of the word that is being said at `end`
        limit = min(cut + int(0.5 * HOPS_PER_SECOND), len(speech))
        cut = next((hop for hop in range(cut, limit) if speech[hop] < OFFSET), cut)
        if np.count_nonzero(speech[cut:] >= _SURE_SPEECH) < 0.5 * HOPS_PER_SECOND:
            return []
        return [
            replace(part, attempt=part.attempt + 1)
            for part in self._split(cut)[1]
            if part.attempt < MAX_ATTEMPTS
        ]

    def halves(self) -> "list[Window]":
        """The window cut in two where it is least likely to hold speech, near its middle."""
        speech, loudness = self.speech, self.loudness
        hops = len(speech)
        third = slice(hops // 3, max(hops // 3 + 1, 2 * hops // 3))
        quiet = speech[third] + np.maximum(loudness[third], -100) / 1000
        cut = third.start + int(np.argmin(quiet))
        return [Window(parts=tuple(side)) for side in self._split(cut) if side]

    def _split(self, cut: int) -> tuple[list[Stretch], list[Stretch]]:
        """The parts before and after hop `cut`."""
        left: list[Stretch] = []
        right: list[Stretch] = []
        at = 0
        for part in self.parts:
            here = min(max(cut - at, 0), part.hops)
            left += [part.slice(0, here)] if here else []
            right += [part.slice(here, part.hops)] if here < part.hops else []
            at += part.hops
        return left, right


class WindowPacker:
    """Fills windows with stretches in the order they come.

    A sentence cut in two is heard worse, so the longest pause of its last three seconds ends a
    window.
    """

    def __init__(self) -> None:
        self._parts: list[Stretch] = []

    def push(self, stretch: Stretch) -> list[Window]:
        """Take a stretch; give the windows that are full."""
        full = []
        while self._parts and sum(part.hops for part in self._parts) + stretch.hops > WINDOW_HOPS:
            cut = _best_end([*self._parts, stretch])
            full.append(Window(parts=tuple(self._parts[:cut])))
            self._parts = self._parts[cut:]
        self._parts.append(stretch)
        return full

    def finish(self) -> list[Window]:
        """What has been packed so far."""
        parts, self._parts = tuple(self._parts), []
        return [Window(parts=parts)] if parts else []


def _best_end(parts: list[Stretch]) -> int:
    """How many of the parts, all but the last at most, the window should hold."""
    best, best_pause, hops = len(parts) - 1, -1.0, 0
    for count in range(len(parts) - 1, 0, -1):
        pause = min(_pause(parts[count - 1], parts[count]), _ENOUGH_PAUSE_S)
        if pause > best_pause:
            best, best_pause = count, pause
        hops += parts[count - 1].hops
        if hops > _END_SEARCH_HOPS:
            break
    return best


def _pause(before: Stretch, after: Stretch) -> float:
    """Seconds without speech between two stretches, pads included."""
    silent = _leading(before.speech[::-1] < OFFSET) + _leading(after.speech < OFFSET)
    return abs(after.start - before.start - before.duration) + silent / HOPS_PER_SECOND


def _leading(flags: NDArray[np.bool_]) -> int:
    """How many flags are set before the first that is not."""
    return len(flags) if flags.all() else int(np.argmin(flags))


def hops_of(start: float, end: float, count: int) -> slice:
    """The hops, of `count`, that [start, end) seconds touches; at least one."""
    first = min(max(int(start * HOPS_PER_SECOND), 0), count - 1)
    return slice(first, min(max(int(np.ceil(end * HOPS_PER_SECOND)), first + 1), count))
