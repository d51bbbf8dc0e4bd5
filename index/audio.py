"""Decoded audio frames to one 16 kHz mono signal whose sample index is its time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.audio.resampler import AudioResampler

from longtake.index.clock import LEAP_S
from longtake.index.lanes import F32, SAMPLE_RATE

BLOCK_SAMPLES = 30 * SAMPLE_RATE
_TOLERANCE_S = 0.05
"""Timestamps may disagree with the count of samples by this much before the signal is cut or
padded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AudioBlock:
    """A piece of the audio track; blocks follow each other without gap or overlap, from time 0."""

    start: float
    """Seconds; `start * 16000` is a whole number."""
    samples: F32
    """[N] mono at 16 kHz in -1..1, N <= 480000 (30 s)."""


class AudioTrack:
    """Resamples, fills gaps with silence and trims overlaps; holds at most one block."""

    def __init__(self) -> None:
        self._resampler: Any | None = None
        self._shape: tuple[Any, ...] = ()
        self._next = 0.0  # time at which the next input frame should start
        self._drop = 0  # output samples still to be thrown away: they lie before `_position`
        self._block_start = 0
        self._block: F32 = np.empty(BLOCK_SAMPLES, np.float32)
        self._filled = 0
        self.frames = 0
        self.gaps_s = 0.0
        """Silence put in after the first frame, in seconds."""

    @property
    def _position(self) -> int:
        return self._block_start + self._filled

    @property
    def end(self) -> float:
        """Seconds of signal so far."""
        return self._position / SAMPLE_RATE

    def push(self, frame: Any, time: float | None) -> Iterator[AudioBlock]:
        """Take the next decoded frame, which starts at `time` (None: right after the last)."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if time is not None and time - self._next > LEAP_S:
            time = None
        jump = time is not None and abs(time - self._next) > _TOLERANCE_S
        if jump or shape != self._shape or not self.frames:
            yield from self._flush()
            self._shape = shape
            self._next = self._next if time is None else time
            yield from self._move_to(round(self._next * SAMPLE_RATE))
            self._resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        self.frames += 1
        self._next += frame.samples / frame.sample_rate
        assert self._resampler is not None
        for out in self._resampler.resample(frame):
            yield from self._append(out.to_ndarray()[0])

    def finish(self) -> Iterator[AudioBlock]:
        """The rest of the signal."""
        yield from self._flush()
        if self._filled:
            yield self._take()

    def _flush(self) -> Iterator[AudioBlock]:
        if self._resampler is not None:
            for out in self._resampler.resample(None):
                yield from self._append(out.to_ndarray()[0])
        self._resampler = None

    def _move_to(self, target: int) -> Iterator[AudioBlock]:
        """Continue at sample `target`: silence up to it, or drop what comes before the present
        end."""
        self._drop = max(0, self._position - target)
        silence = max(0, target - self._position)
        if self.frames:
            self.gaps_s += silence / SAMPLE_RATE
        while silence:
            count = min(silence, BLOCK_SAMPLES)
            yield from self._append(np.zeros(count, np.float32))
            silence -= count

    def _append(self, samples: F32) -> Iterator[AudioBlock]:
        if self._drop:
            dropped = min(self._drop, len(samples))
            self._drop -= dropped
            samples = samples[dropped:]
        while len(samples):
            count = min(len(samples), BLOCK_SAMPLES - self._filled)
            self._block[self._filled : self._filled + count] = samples[:count]
            self._filled += count
            samples = samples[count:]
            if self._filled == BLOCK_SAMPLES:
                yield self._take()

    def _take(self) -> AudioBlock:
        samples = self._block[: self._filled].copy()
        # Float codecs may hold anything; engines may not see it.
        np.nan_to_num(samples, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
        np.clip(samples, -1.0, 1.0, out=samples)
        block = AudioBlock(start=self._block_start / SAMPLE_RATE, samples=samples)
        self._block_start = self._position
        self._filled = 0
        return block
