"""A user's own videos as the haystack: measured, and read frame by frame and block by block.

Both go through longtake's decode pass, so that rotation, pixels that are not square, irregular
frames, jumps of the timestamps and missing sound are what they are everywhere else. Frames are put
on an even grid, sound is 16 kHz mono.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from longtake.errors import MediaError
from longtake.eval.haystack.acts import Day
from longtake.eval.haystack.screen import Screen
from longtake.eval.haystack.sound import Speaker, Track
from longtake.index.content import content_id
from longtake.index.decode import DecodePass, DecodePlan
from longtake.index.lanes import SAMPLE_RATE
from longtake.index.media import probe
from longtake.index.sampled import EDGE_S, SampledFrame, SmallFrames
from longtake.index.shots import ContentDetector

LONGER, SHORTER = 1280, 720
"""Sides that pictures are reduced to; they are never enlarged."""
BEHIND = 0.03
"""What footage is turned down to while a line is said: 30 dB."""

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """A video file, measured by decoding it."""

    path: Path
    content: str
    """BLAKE2b of its bytes, 32 hexadecimal digits."""
    seconds: float
    """Of pictures."""
    width: int
    """In the haystack: even."""
    height: int
    cuts: tuple[float, ...]
    """Seconds."""
    sound: bool


def survey(path: Path) -> Footage:
    """Measure a file, in one pass over its pictures.

    Raises:
        MediaError: it cannot be read, or has no pictures.
    """
    info = probe(path)
    if info.width is None or info.height is None:
        raise MediaError(f"{str(path)!r} has no pictures")
    detector = ContentDetector()
    decoding = DecodePass(path, DecodePlan(frames=False, audio=None))
    for event in decoding:
        if isinstance(event, SmallFrames):
            detector.push(event.times, event.frames)
    shots = detector.finish(decoding.duration)
    width, height = _reduced(info.width, info.height)
    return Footage(
        path=path,
        content=content_id(path),
        seconds=decoding.duration,
        width=width,
        height=height,
        cuts=tuple(shot.start for shot in shots[1:]),
        sound=info.audio_codec is not None,
    )


def _reduced(width: int, height: int) -> tuple[int, int]:
    by = min(1.0, LONGER / max(width, height), SHORTER / min(width, height))
    return max(2, round(width * by / 2) * 2), max(2, round(height * by / 2) * 2)


class Pictures:
    """The pictures of a day: footage, and in its scenes what `screen` draws."""

    def __init__(self, footage: Footage, day: Day, fps: int, screen: Screen) -> None:
        self._size, self._fps, self._screen = (footage.width, footage.height), fps, screen
        self._inside = np.zeros(day.frames, bool)
        for scene in day.scenes:
            self._inside[scene.first : scene.last] = True
        self._decoding = DecodePass(
            footage.path, DecodePlan(fps=fps, small=False, audio=None, mode="all")
        )
        self._coming = self._next()
        self._shown = self._coming

    def frame(self, number: int) -> U8:
        """u8 [H, W, 3]; numbers must ascend."""
        while self._coming is not None and self._coming.time <= number / self._fps + EDGE_S:
            self._shown, self._coming = self._coming, self._next()
        if self._inside[number]:
            return self._screen.frame(number)
        assert self._shown is not None, "a survey decoded this file"
        return self._shown.rgb(*self._size)

    def close(self) -> None:
        """Close the file."""
        self._decoding.close()

    def _next(self) -> SampledFrame | None:
        return next((event for event in self._decoding if isinstance(event, SampledFrame)), None)


class MixedTrack(Track):
    """The sound of footage, turned down while a line is said."""

    def __init__(
        self, footage: Footage, day: Day, speaker: Speaker | None, *, seconds: float
    ) -> None:
        given = _At16k(speaker) if speaker else None
        super().__init__(day.lines, given, seconds=seconds, seed=int(day.video[:8], 16))
        self._blocks = _blocks(footage) if footage.sound else iter(())
        self._held = np.zeros(0, np.float32)

    def _background(self, samples: int) -> F32:
        while len(self._held) < samples:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros(samples, np.float32)
            self._held = np.concatenate([self._held, block])
        taken, self._held = self._held[:samples], self._held[samples:]
        loudness = np.ones(samples, np.float32)
        for start, clip in self._sounding:
            first = max(0, start - self._sent)
            loudness[first : max(0, start + len(clip) - self._sent)] = BEHIND
        mixed: F32 = taken * loudness
        return mixed


def _blocks(footage: Footage) -> Iterator[F32]:
    plan = DecodePlan(small=False, frames=False)
    for event in DecodePass(footage.path, plan):
        if not isinstance(event, SampledFrame | SmallFrames):
            yield event.samples


class _At16k:
    """A speaker whose sentences go with footage."""

    rate = SAMPLE_RATE

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self.licence = speaker.licence
        self.say = lru_cache(maxsize=64)(self._say)

    def _say(self, text: str, speed: float) -> F32:
        spoken = self._speaker.say(text, speed)
        frame = av.AudioFrame.from_ndarray(spoken[None], format="flt", layout="mono")
        frame.sample_rate = self._speaker.rate
        resampler = AudioResampler(format="flt", layout="mono", rate=self.rate)
        pieces = [*resampler.resample(frame), *resampler.resample(None)]
        return np.concatenate([piece.to_ndarray()[0] for piece in pieces])
