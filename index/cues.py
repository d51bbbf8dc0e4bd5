"""On-screen text over time: lines of single frames in, cues with [start, end) out.

A cue is one line of text for as long as it stands. It starts at the first sampled frame that shows
it and ends at the first that does not (or at the end of the video), so both are late by at most one
sampling step and the text is really there at `start`. Lines that only differ by OCR noise are one
cue, lines that move (credits, signs in a pan) are tracked, tickers and typed text grow into one cue
of bounded length. Wrapped lines of one sentence that come and go together are joined.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from .lanes import Box, Cue, Line
from .readings import Readings, Run, fold, likeness, roll, same_key, same_numbers

MAX_GAP_S = 2.0
"""Text that is missing no longer than this (a missed frame, an occlusion) still stands."""

_LIKE = 0.75
_LIKE_MOVED = 0.9
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
                    if _same_place(track.box, line.box) and line.confidence >= 0.8:
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
    closeness = 1 / (1 + _distance(track.box, line.box))
    old, new = track.readings.folded, fold(line.text)
    if _same_place(track.box, line.box):
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
        near = len(new) >= _MIN_MOVED_CHARS or _near(track.box, line.box)
        return _Match(score=1 + closeness, track=track, line=line) if near else None
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


def _same_place(first: Box, second: Box) -> bool:
    """Lines of like height on one row, one over the other."""
    heights = sorted((first.y1 - first.y0, second.y1 - second.y0))
    widths = min(first.x1 - first.x0, second.x1 - second.x0)
    across = min(first.x1, second.x1) - max(first.x0, second.x0)
    down = min(first.y1, second.y1) - max(first.y0, second.y0)
    return heights[1] <= 1.7 * heights[0] and down >= 0.5 * heights[0] and across >= 0.3 * widths


def _near(first: Box, second: Box) -> bool:
    """Not further apart than twice their size, either way."""
    across = abs(first.x0 + first.x1 - second.x0 - second.x1) / 2
    down = abs(first.y0 + first.y1 - second.y0 - second.y1) / 2
    return across <= 2 * (first.x1 - first.x0) and down <= 2 * (first.y1 - first.y0)


def _distance(first: Box, second: Box) -> float:
    """Between centres, in the unit of the frame's sides."""
    across = (first.x0 + first.x1 - second.x0 - second.x1) / 2
    down = (first.y0 + first.y1 - second.y0 - second.y1) / 2
    return abs(across) + abs(down)


def _inside(inner: Box, outer: Box) -> float:
    """Share of `inner` that `outer` covers."""
    across = min(inner.x1, outer.x1) - max(inner.x0, outer.x0)
    down = min(inner.y1, outer.y1) - max(inner.y0, outer.y0)
    area = (inner.x1 - inner.x0) * (inner.y1 - inner.y0)
    return max(0.0, across) * max(0.0, down) / area if area > 0 else 0.0


def _holds(track: _Track, line: Line) -> bool:
    """Is `line` a piece of the line that `track` follows, cut off by the detector?"""
    piece = fold(line.text)
    place = _hull(track.boxes[-2:])
    return piece in fold(_whole(track.readings)) and _inside(line.box, place) >= 0.8


def _whole(readings: Readings) -> str:
    return max(readings.runs[-1].texts, key=len)


def _hull(boxes: list[Box]) -> Box:
    return Box(
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )


def _extent(boxes: list[Box]) -> Box:
    """Where a line stood: the median box; the hull of all when it moved by over its height."""
    middle = Box(*(median(side) for side in zip(*boxes, strict=True)))
    hull = _hull(boxes)
    height = middle.y1 - middle.y0
    moved = max(middle.y0 - hull.y0, hull.y1 - middle.y1, middle.x0 - hull.x0, hull.x1 - middle.x1)
    return hull if moved > height else middle


def _cues(track: _Track, end: float, min_confidence: float) -> list[Cue]:
    """The texts a track showed, one after the other."""
    runs = track.readings.settle()
    ends = [run.start for run in runs[1:]] + [end]
    box = _extent(track.boxes)
    return [
        Cue(start=run.start, end=stop, text=run.best(), box=box, confidence=run.confidence)
        for run, stop in zip(runs, ends, strict=True)
        if run.start < stop and run.confidence >= max(min_confidence, _doubt(run))
    ]


def _doubt(run: Run) -> float:
    """The confidence below which a text is likely to be texture: it is tiny or was there only once."""
    if len(fold(run.best())) < _TINY_CHARS:
        return _SURE_WHEN_TINY
    return 0.0 if run.lasts else _SURE_WHEN_FLEETING


def drop_doubles(cues: list[Cue]) -> list[Cue]:
    """Without cues that another one holds whole: in time, in place and in text."""
    ordered = sorted(cues, key=lambda cue: (cue.start, -cue.end, -len(cue.text)))
    kept: list[Cue] = []
    for cue in ordered:
        standing = [other for other in kept[-200:] if other.end >= cue.end]
        folded = fold(cue.text)
        if not any(
            folded in fold(other.text) and _inside(cue.box, other.box) >= 0.8 for other in standing
        ):
            kept.append(cue)
    return kept


def join_wrapped(cues: list[Cue]) -> list[Cue]:
    """Cues of lines that are one wrapped sentence become one cue.

    Both come and go together, have the same height and left edge or middle, are less than a line
    apart, and the lower goes on in lower case where the upper ended no sentence.
    """
    groups: dict[tuple[float, float], list[Cue]] = {}
    for cue in cues:
        groups.setdefault((cue.start, cue.end), []).append(cue)
    result: list[Cue] = []
    for group in groups.values():
        group.sort(key=lambda cue: (cue.box.y0, cue.box.x0))
        joined: list[tuple[Cue, Box]] = []
        for cue in group:
            above = next(
                (i for i, (upper, last) in enumerate(joined) if _wraps(upper, last, cue)), None
            )
            if above is None:
                joined.append((cue, cue.box))
            else:
                joined[above] = (_join(joined[above][0], cue), cue.box)
        result += [cue for cue, _ in joined]
    return result


def _wraps(upper: Cue, last: Box, lower: Cue) -> bool:
    height = last.y1 - last.y0
    aligned = (
        abs(last.x0 - lower.box.x0) <= 0.5 * height
        or abs(last.x0 + last.x1 - lower.box.x0 - lower.box.x1) <= height
    )
    return (
        lower.text[:1].islower()
        and upper.text[-1:] not in ".!?:;"
        and aligned
        and -0.3 * height <= lower.box.y0 - last.y1 <= 0.8 * height
        and 0.75 <= (lower.box.y1 - lower.box.y0) / height <= 1.33
    )


def _join(upper: Cue, lower: Cue) -> Cue:
    glue = "" if upper.text.endswith("-") else " "
    return Cue(
        start=upper.start,
        end=upper.end,
        text=f"{upper.text}{glue}{lower.text}",
        box=_hull([upper.box, lower.box]),
        confidence=min(upper.confidence, lower.confidence),
    )
