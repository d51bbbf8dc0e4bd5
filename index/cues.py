"""On-screen text over time: lines of single frames in, cues with [start, end) out.

A cue is one line of text for as long as it stands. It starts at the first sampled frame that shows
it and ends at the first that does not (or at the end of the video), so both are late by at most one
sampling step and the text is really there at `start`. Lines that only differ by OCR noise are one
cue, lines that move (credits, signs in a pan) are tracked, tickers and typed text grow into one cue
of bounded length. Wrapped lines of one sentence that come and go together are joined.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from longtake.index.boxes import distance, hull, inside, near, same_place
from longtake.index.cue_layout import drop_doubles, join_wrapped
from longtake.index.lanes import Box, Cue, Line
from longtake.index.readings import Readings, Run, fold, likeness, roll, same_key, same_numbers

MAX_GAP_S = 2.0
"""Text that is missing no longer than this (a missed frame, an occlusion) still stands."""

_LIKE = 0.75
_LIKE_MOVED = 0.85
_ROLL_WITHIN_S = 3.0
_MAX_ROLLED_CHARS = 200
_MIN_MOVED_CHARS = 4
_TINY_CHARS = 3
_SURE_WHEN_TINY = 0.8
_SURE_WHEN_FLEETING = 0.7


@dataclass(slots=True)
class _Track:
    """One line of text while it is on screen."""

    readings: Readings
    boxes: list[Box]
    seen: float
    changed: float
    """When its text was last another one."""
    missing: float | None = None
    """First frame without it since it was last seen."""

    @property
    def box(self) -> Box:
        return self.boxes[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    score: float
    track: _Track
    line: Line
    joined: str | None = None


@dataclass(slots=True)
class CueBuilder:
    """Builds the cues of one video from the lines of its frames, in order of time.

    Args:
        min_confidence: cues whose text was read with less are dropped.
    """

    min_confidence: float = 0.5
    _tracks: list[_Track] = field(default_factory=list)
    _cues: list[Cue] = field(default_factory=list)
    _ended: list[tuple[_Track, float]] = field(default_factory=list)

    def push(self, time: float, lines: Iterable[Line]) -> None:
        """The lines of the frame at `time` (later than all before)."""
        self._expire(time)
        lines = [line for line in lines if fold(line.text)]
        matches = [
            m for track in self._tracks for line in lines if (m := _match(track, line, time))
        ]
        matched: set[int] = set()
        taken: set[int] = set()
        for match in sorted(matches, key=lambda m: -m.score):
            if id(match.track) in matched or id(match.line) in taken:
                continue
            matched.add(id(match.track))
            taken.add(id(match.line))
            self._see(match, time)
        seen = [track for track in self._tracks if id(track) in matched or track.seen == time]
        lost = [track for track in self._tracks if track.seen != time]
        for track in lost:
            track.missing = time if track.missing is None else track.missing
        for line in lines:
            if id(line) not in taken and not any(_holds(track, line) for track in seen):
                self._begin(line, time)
                for track in lost:
                    if same_place(track.box, line.box) and line.confidence >= 0.8:
                        track.missing = min(time, track.missing or time)
                        self._close(track, track.missing)

    def hold(self, time: float) -> None:
        """The frame at `time` shows what the last one showed."""
        self._expire(time)
        for track in self._tracks:
            if track.missing is None:
                track.seen = time
                track.readings.hold(time)

    def finish(self, duration: float) -> list[Cue]:
        """The cues, by start time and then reading order, all inside [0, duration)."""
        for track in list(self._tracks):
            self._close(track, duration if track.missing is None else track.missing)
        cues = [
            cue
            for track, end in self._ended
            for cue in _cues(track, min(end, duration), self.min_confidence)
        ]
        cues = join_wrapped(drop_doubles(cues))
        return sorted(cues, key=lambda cue: (cue.start, cue.box.y0, cue.box.x0, cue.end, cue.text))

    def _expire(self, time: float) -> None:
        for track in list(self._tracks):
            if track.missing is not None and time - track.missing > MAX_GAP_S + 1e-6:
                self._close(track, track.missing)

    def _close(self, track: _Track, end: float) -> None:
        if any(track is other for other in self._tracks):
            self._tracks = [other for other in self._tracks if other is not track]
            self._ended.append((track, end))

    def _begin(self, line: Line, time: float) -> None:
        readings = Readings()
        readings.add(time, line.text, line.confidence)
        self._tracks.append(_Track(readings, [line.box], time, time))

    def _see(self, match: _Match, time: float) -> None:
        track, line = match.track, match.line
        if match.joined is not None and len(match.joined) > _MAX_ROLLED_CHARS:
            self._close(track, time)
            self._begin(line, time)
            return
        if match.joined is not None:
            track.readings.roll_on(time, match.joined, line.text, line.confidence)
            track.changed = time
        else:
            if same_key(track.readings.text) != same_key(line.text):
                track.changed = time
            track.readings.add(time, line.text, line.confidence)
        track.boxes.append(line.box)
        track.seen, track.missing = time, None


def _match(track: _Track, line: Line, time: float) -> _Match | None:
    """How well `line` continues `track`; None when it does not."""
    closeness = 1 / (1 + distance(track.box, line.box))
    old, new = track.readings.folded, fold(line.text)
    if same_place(track.box, line.box):
        if same_key(old) == same_key(new):
            return _Match(score=4 + closeness, track=track, line=line)
        if time - track.changed <= _ROLL_WITHIN_S and (
            joined := _rolled(track.readings, line.text)
        ):
            return _Match(score=3 + closeness, track=track, line=line, joined=joined)
        like = likeness(old, new)
        if like >= _LIKE:
            return _Match(score=2 + like * closeness, track=track, line=line)
        return None
    if same_key(old) == same_key(new):
        close = len(new) >= _MIN_MOVED_CHARS or near(track.box, line.box)
        return _Match(score=1 + closeness, track=track, line=line) if close else None
    if min(len(old), len(new)) < _MIN_MOVED_CHARS or not same_numbers(old, new):
        return None
    like = likeness(old, new)
    return _Match(score=like * closeness, track=track, line=line) if like >= _LIKE_MOVED else None


def _rolled(readings: Readings, text: str) -> str | None:
    """All text of a ticker so far, when `text` is how it goes on."""
    step = roll(readings.text, text)
    if step is None:
        return None
    whole = next(iter(readings.runs[-1].texts))
    if whole == readings.text:
        return step
    return roll(whole, text) or whole


def _holds(track: _Track, line: Line) -> bool:
    """Is `line` a piece of the line that `track` follows, cut off by the detector?"""
    piece = fold(line.text)
    place = hull(track.boxes[-2:])
    return piece in fold(_whole(track.readings)) and inside(line.box, place) >= 0.8


def _whole(readings: Readings) -> str:
    return max(readings.runs[-1].texts, key=len)


def _extent(boxes: list[Box]) -> Box:
    """Where a line stood: the median box; the hull of all when it moved by over its height."""
    middle = Box(*(median(side) for side in zip(*boxes, strict=True)))
    whole = hull(boxes)
    moved = max(abs(side - edge) for side, edge in zip(middle, whole, strict=True))
    return whole if moved > middle.y1 - middle.y0 else middle


def _cues(track: _Track, end: float, min_confidence: float) -> list[Cue]:
    """The texts a track showed, one after the other."""
    runs = track.readings.settle()
    ends = [min(run.start, end) for run in runs[1:]] + [end]
    box = _extent(track.boxes)
    return [
        Cue(start=run.start, end=stop, text=run.best(), box=box, confidence=run.confidence)
        for run, stop in zip(runs, ends, strict=True)
        if run.start < stop and run.confidence >= max(min_confidence, _doubt(run))
    ]


def _doubt(run: Run) -> float:
    """Confidence below which text is likely to be texture: it is tiny or was there only once.

    A lone Latin letter always is: edges and corners are read as I, L and M with full confidence.
    """
    folded = fold(run.best())
    if len(folded) < _TINY_CHARS:
        lone_letter = len(folded) == 1 and folded.isascii() and folded.isalpha()
        return math.inf if lone_letter else _SURE_WHEN_TINY
    return 0.0 if run.lasts else _SURE_WHEN_FLEETING
