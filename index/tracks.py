"""The streams of a decode pass: packets in, events out, damage counted instead of raised."""

from collections.abc import Iterator
from typing import Any, Literal, Protocol

import av
from av.codec.context import ThreadType

from longtake.index.audio import AudioBlock, AudioTrack
from longtake.index.clock import Breaks, FrameClock, PacketClock
from longtake.index.media import frame_seconds, sample_aspect
from longtake.index.sampled import SampledFrame, Sampler, SmallBatch, SmallFrames

Event = SmallFrames | SampledFrame | AudioBlock
Mode = Literal["nonref", "all"]

_MAX_BAD_PACKETS = 500
"""Packets in a row that give an error and no frame before a stream is given up."""


class Track(Protocol):
    """One stream of a pass."""

    @property
    def frames(self) -> int:
        """Frames decoded so far."""

    @property
    def end(self) -> float:
        """Seconds to the end of what has been decoded."""

    def push(self, packet: Any) -> Iterator[Event]:
        """Decode the next packet of the stream."""

    def finish(self) -> Iterator[Event]:
        """Drain the decoder and everything that waits for more."""

    def notes(self) -> Iterator[str]:
        """What was odd about the stream."""


class PacketDecoder:
    """Decodes the packets of one stream on a repaired timeline."""

    def __init__(self, stream: Any, breaks: Breaks, *, leads: bool) -> None:
        self._stream = stream
        self._clock = PacketClock(float(stream.time_base), breaks, leads=leads)
        self._bad_run = 0
        self.damaged = 0

    def decode(self, packet: Any) -> list[Any]:
        """Frames that this packet completes."""
        if self._bad_run >= _MAX_BAD_PACKETS:
            return []
        self._clock.repair(packet)
        try:
            frames: list[Any] = packet.decode()
        except (av.FFmpegError, ValueError):
            self.damaged += 1
            self._bad_run += 1
            return []
        if frames:
            self._bad_run = 0
        return frames

    def drain(self) -> list[Any]:
        """Frames that are still in the decoder when packets end without a flush, as after a read
        error."""
        try:
            frames: list[Any] = self._stream.decode(None)
        except av.FFmpegError:
            return []
        for frame in frames:
            if frame.time_base is None:
                frame.time_base = self._stream.time_base
        return frames

    def notes(self, kind: str, frames: int) -> Iterator[str]:
        if not frames:
            yield f"no {kind} can be decoded"
        elif self._bad_run >= _MAX_BAD_PACKETS:
            yield f"{kind} given up after {self.damaged} damaged packets"
        elif self.damaged:
            yield f"damaged {kind} packets skipped: {self.damaged}"


class VideoTrack:
    """Every decoded picture to small frames, sampled pictures to the grid."""

    def __init__(
        self,
        stream: Any,
        start: float,
        breaks: Breaks,
        *,
        mode: Mode,
        small: bool,
        fps: float | None,
    ) -> None:
        context = stream.codec_context
        context.thread_type = ThreadType.AUTO
        if mode == "nonref":
            context.skip_frame = "NONREF"
        self._context = context
        self._decoder = PacketDecoder(stream, breaks, leads=True)
        self._clock = FrameClock(start, frame_seconds(stream))
        self._small = SmallBatch() if small else None
        self._sampler = Sampler(fps, sample_aspect(stream)) if fps is not None else None
        self._last: Any | None = None
        self.frames = 0

    @property
    def end(self) -> float:
        return self._clock.end(self._last) if self._last is not None else 0.0

    def push(self, packet: Any) -> Iterator[Event]:
        if packet.pts is None and self._context.skip_frame == "NONREF" and packet.size:
            # Without timestamps the time of a frame is its number, so every frame counts.
            self._context.skip_frame = "DEFAULT"
        for frame in self._decoder.decode(packet):
            yield from self._take(frame)

    def finish(self) -> Iterator[Event]:
        for frame in self._decoder.drain():
            yield from self._take(frame)
        if self._sampler is not None:
            yield from self._sampler.finish(self.end)
        if self._small is not None and (batch := self._small.take()) is not None:
            yield batch

    def notes(self) -> Iterator[str]:
        yield from self._decoder.notes("picture", self.frames)
        if self._clock.repaired:
            yield f"frames without a usable timestamp: {self._clock.repaired}"

    def _take(self, frame: Any) -> Iterator[Event]:
        time = self._clock.time(frame)
        self._last = frame
        self.frames += 1
        if self._sampler is not None:
            yield from self._sampler.push(frame, time)
        if self._small is not None and (batch := self._small.push(frame, time)) is not None:
            yield batch


class SoundTrack:
    """Decoded audio to blocks of 16 kHz mono."""

    def __init__(self, stream: Any, start: float, breaks: Breaks, *, leads: bool) -> None:
        self._decoder = PacketDecoder(stream, breaks, leads=leads)
        self._start = start
        self._track = AudioTrack()

    @property
    def frames(self) -> int:
        return self._track.frames

    @property
    def end(self) -> float:
        return self._track.end

    def push(self, packet: Any) -> Iterator[Event]:
        for frame in self._decoder.decode(packet):
            yield from self._take(frame)

    def finish(self) -> Iterator[Event]:
        for frame in self._decoder.drain():
            yield from self._take(frame)
        yield from self._track.finish()

    def notes(self) -> Iterator[str]:
        yield from self._decoder.notes("sound", self.frames)
        if self._track.gaps_s >= 1:
            yield f"gaps in the sound, filled with silence: {self._track.gaps_s:.1f} s"

    def _take(self, frame: Any) -> Iterator[Event]:
        time = frame.time
        yield from self._track.push(frame, None if time is None else time - self._start)
