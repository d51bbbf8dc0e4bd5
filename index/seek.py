"""Seeking in a video so that what is decoded at a time is exactly what a full decode gives
there."""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.codec.context import ThreadType

from longtake.errors import MediaError
from longtake.index.clock import Breaks, FrameClock, PacketClock, is_discontinuous
from longtake.index.media import (
    check_frame_size,
    claimed_duration,
    frame_seconds,
    open_media,
    sample_aspect,
    timeline_start,
    video_stream,
)
from longtake.index.sampled import EDGE_S, Picture
from longtake.index.tracks import PacketDecoder

_STEPS_BACK_S = (0.0, 1.0, 5.0, 20.0, 80.0, 320.0, 1280.0, 5120.0)
"""How far before a time to seek, until the decoder starts on a key frame at or before it."""
_READ_ON_S = 0.5
"""Decoding on to a time this near is cheaper than seeking, whatever lies between."""
_SEEK_S = 20.0
"""Beyond this, seek even where the index knows no key frame on the way."""
_EXACT_S = 2.0
"""Frames that no other frame needs are decoded only this long before a wanted time."""
_MAX_LEADING = 300


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A decoded frame and the time [since, until) for which it answers."""

    time: float
    """Its presentation time."""
    since: float
    """The same; minus infinity for the first frame."""
    until: float
    """Presentation time of the next frame; infinity for the last."""
    picture: Picture


class SeekableVideo:
    """An open video and the place in it where decoding stands. Not for use by several threads.

    Where the timeline jumps there is no seeking: everything before a frame is decoded. Formats in
    which that is usual are read through for jumps once; of others `jumps` has to tell.

    Raises:
        MediaError: the file cannot be read or has no video.
    """

    def __init__(self, path: Path, *, jumps: bool = False) -> None:
        self._path = path
        self._stream: Any
        self._current: tuple[float, Any] | None
        self._next: tuple[float, Any] | None
        self._open()
        self._frame_s = frame_seconds(self._stream)
        self.edge_s = min(EDGE_S, self._frame_s / 2)
        """A frame that starts this soon after a time counts as shown at it."""
        self.decoded = 0
        """Frames decoded so far."""
        self._exact_from = -math.inf
        self._linear = jumps or (is_discontinuous(self._container) and self._has_breaks())

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def still_at(self, time: float) -> Still:
        """The frame shown at a time; the nearest one for times outside the video.

        Raises:
            MediaError: no frame can be decoded.
        """
        target = time + self.edge_s
        if not self._linear:
            self._exact_from = target - _EXACT_S
        self._go_to(target)
        if self._current is not None and self._current[0] < self._skipped_to:
            # A picture that stands for long: the one shown may be among those that were skipped.
            self._exact_from = -math.inf
            self._current = None
            self._go_to(target)
        if self._current is None:
            raise MediaError(f"{str(self._path)!r}: no picture can be decoded")
        start, frame = self._current
        return Still(
            start,
            -math.inf if self._is_first else start,
            math.inf if self._next is None else self._next[0],
            Picture(frame, self._aspect),
        )

    def _open(self) -> None:
        self._stack = ExitStack()
        self._container = self._stack.enter_context(open_media(self._path))
        self._stream = video_stream(self._container)
        if self._stream is None:
            self.close()
            raise MediaError(f"{str(self._path)!r} has no video stream")
        check_frame_size(self._path, self._stream)
        self._stream.codec_context.thread_type = ThreadType.AUTO
        self._start = timeline_start(self._container)
        self._end = claimed_duration(self._container) or math.inf
        self._aspect = sample_aspect(self._stream)
        self._fresh = True
        self._current = None
        self._next = None
        self._is_first = False

    def _has_breaks(self) -> bool:
        """Read through the file, without decoding, for jumps of its timeline."""
        breaks = Breaks(self._container)
        clock = PacketClock(float(self._stream.time_base), breaks, leads=True)
        for packet in self._packets():
            clock.repair(packet)
        self._fresh = False
        return breaks.count > 0

    def _go_to(self, target: float) -> None:
        if not self._is_ahead(target):
            self._seek(target)
        while self._next is not None and self._next[0] <= target:
            self._current, self._next = self._next, next(self._frames, None)
            self._is_first = False

    def _is_ahead(self, target: float) -> bool:
        """Whether decoding on from here is the way to the target."""
        if self._current is None or self._current[0] > target:
            return False
        ahead = target - self._current[0]
        if self._linear or self._next is None or ahead <= _READ_ON_S or self._next[0] > target:
            return True
        entries = self._stream.index_entries
        found = entries.search_timestamp(self._ticks(target))
        if found < 0 or found >= len(entries) - 1:
            return ahead <= _SEEK_S
        key_time = entries[found].timestamp * float(self._stream.time_base) - self._start
        return bool(key_time <= self._current[0])

    def _seek(self, target: float) -> None:
        """Start decoding at or before the target, from the file's beginning if all else fails."""
        # Seeking far past the end fails in some formats; decoding goes on to the target anyway.
        near = min(target, self._end)
        for back in _STEPS_BACK_S:
            if self._linear or near - back <= 0:
                break
            self._fresh = False
            try:
                self._container.seek(self._ticks(near - back), stream=self._stream)
            except av.FFmpegError:
                continue
            self._begin(at_start=False)
            if self._current is not None and self._current[0] <= target:
                return
        if not self._fresh:
            self.close()
            self._open()
        self._begin(at_start=True)

    def _begin(self, *, at_start: bool) -> None:
        self._fresh = False
        self._skipped_to = -math.inf
        self._frames = self._decode(at_start)
        self._current = next(self._frames, None)
        self._next = next(self._frames, None)
        self._is_first = at_start

    def _decode(self, at_start: bool) -> Iterator[tuple[float, Any]]:
        decoder = PacketDecoder(self._stream, Breaks(self._container), leads=True)
        clock = FrameClock(self._start, self._frame_s)
        # Pictures that come before the key frame refer to pictures before the place sought.
        leading = 0 if at_start else _MAX_LEADING
        for packet in self._packets():
            self._choose_skip(packet)
            for frame in decoder.decode(packet):
                self.decoded += 1
                if leading and not frame.key_frame:
                    leading -= 1
                    continue
                leading = 0
                yield clock.time(frame), frame

    def _choose_skip(self, packet: Any) -> None:
        time = math.inf
        if packet.pts is not None:
            time = float(packet.pts * packet.time_base) - self._start
        skip = "DEFAULT" if time >= self._exact_from else "NONREF"
        if skip == "NONREF":
            self._skipped_to = max(self._skipped_to, time)
        context = self._stream.codec_context
        if context.skip_frame != skip:
            context.skip_frame = skip

    def _packets(self) -> Iterator[Any]:
        try:
            yield from self._container.demux(self._stream)
        except (av.FFmpegError, IndexError):  # the latter: see DecodePass
            return

    def _ticks(self, time: float) -> int:
        return round((time + self._start) / float(self._stream.time_base))
