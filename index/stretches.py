"""Cutting an audio stream into stretches worth recognising.

Voice activity decides where there is speech. It is blind to singing and to speech under loud noise
(a pop song scores below 0.12 throughout), so long stretches with sound but without speech are
handed on too, marked `sound`: they are recognised under stricter rules (see `hallucinations`).
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from longtake.index.lanes import F32, SAMPLE_RATE
from longtake.index.vad import HOP, VoiceActivity

HOPS_PER_SECOND = SAMPLE_RATE / HOP
WINDOW_HOPS = int(30 * HOPS_PER_SECOND)
"""Whisper hears 30 s at a time; no stretch is longer."""

ONSET, OFFSET = 0.3, 0.15
"""Probability at which speech begins, and below which it pauses (Silero's defaults: 0.5, 0.35)."""
QUIET_DBFS = -60.0
"""Below this level nothing is heard: room tone and codec residue lie here, whispering does not."""

_ONSET_HOPS = 3
_PAUSE_HOPS = int(0.2 * HOPS_PER_SECOND)
_PAD_HOPS = int(0.4 * HOPS_PER_SECOND)
_CUT_SEARCH_HOPS = int(8 * HOPS_PER_SECOND)
_MIN_SOUND_HOPS = 10 * HOPS_PER_SECOND
_MIN_LOUD_SHARE = 0.2

Kind = Literal["speech", "sound"]


class _Region(NamedTuple):
    start: int
    stop: int
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretch:
    """At most 30 s of unbroken audio. Arrays run over H hops of 32 ms."""

    start: float
    """Seconds from the start of the video."""
    kind: Kind
    samples: F32
    """[H * HOP] at 16 kHz."""
    speech: F32
    """[H] probability of speech."""
    loudness: F32
    """[H] dBFS."""
    attempt: int = 0
    """How often it has been heard before without result."""

    @property
    def hops(self) -> int:
        return len(self.speech)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE

    def slice(self, first: int, last: int) -> "Stretch":
        """Hops [first, last)."""
        return replace(
            self,
            start=self.start + first * HOP / SAMPLE_RATE,
            samples=self.samples[first * HOP : last * HOP],
            speech=self.speech[first:last],
            loudness=self.loudness[first:last],
        )


class StretchFinder:
    """Streaming cutter of one unbroken run of audio that begins at `origin` seconds."""

    def __init__(self, origin: float) -> None:
        self.loud_hops = 0
        """Hops above QUIET_DBFS so far."""
        self._origin = origin
        self._activity = VoiceActivity()
        self._base = 0  # hop at which the kept arrays begin
        self._samples = np.empty(0, np.float32)
        self._speech = np.empty(0, np.float32)
        self._loudness = np.empty(0, np.float32)
        self._hop = 0  # hops looked at
        self._talking = False
        self._start = 0  # of the speech or the gap now open
        self._run = 0  # hops in a row that ask for a change of state
        self._ended: _Region | None = None  # speech that still lacks the pad after it
        self._continued = False  # the open gap goes on from a sound stretch already given
        self._regions: list[_Region] = []

    def push(self, samples: F32) -> list[Stretch]:
        """Take f32 [N] at 16 kHz; give the stretches that are complete, in order."""
        return [s for chunk in self._activity.push(samples) for s in self._take(*chunk)]

    def finish(self) -> list[Stretch]:
        """The stretches still open when the audio ends."""
        found = [s for chunk in self._activity.finish() for s in self._take(*chunk)]
        if self._talking:
            self._end_speech()
        if self._ended:
            self._pad_ended(min(_PAD_HOPS, self._hop - self._start))
        self._give_gap(self._hop)
        return found + self._cut_regions()

    def _take(self, samples: F32, speech: F32, loudness: F32) -> list[Stretch]:
        self.loud_hops += int(np.count_nonzero(loudness > QUIET_DBFS))
        self._samples = np.concatenate([self._samples, samples])
        self._speech = np.concatenate([self._speech, speech])
        self._loudness = np.concatenate([self._loudness, loudness])
        for probability in speech.tolist():
            self._hop += 1
            if self._talking:
                self._step_speech(probability)
            else:
                self._step_gap(probability)
        stretches = self._cut_regions()
        self._forget()
        return stretches

    def _step_speech(self, probability: float) -> None:
        self._run = self._run + 1 if probability < OFFSET else 0
        if self._run >= _PAUSE_HOPS:
            self._end_speech()
        elif self._hop - self._start >= WINDOW_HOPS - _PAD_HOPS:
            cut = self._hop - _least(self._recent(self._speech))
            self._regions.append(_Region(self._start, cut, "speech"))
            self._start = cut

    def _step_gap(self, probability: float) -> None:
        self._run = self._run + 1 if probability >= ONSET else 0
        gap = self._hop - self._run - self._start
        if self._run >= _ONSET_HOPS:
            self._begin_speech(gap)
        elif self._ended and gap >= 2 * _PAD_HOPS:
            self._pad_ended(_PAD_HOPS)
        elif gap >= WINDOW_HOPS:
            self._give_gap(self._hop - _least(self._recent(self._loudness)))

    def _begin_speech(self, gap: int) -> None:
        """Speech after `gap` hops since the last speech or sound; it needs its pad before."""
        if self._ended:
            self._pad_ended(gap // 2)
        else:
            self._give_gap(self._start + max(0, gap - _PAD_HOPS))
        self._talking, self._run, self._continued = True, 0, False

    def _end_speech(self) -> None:
        stop = self._hop - self._run
        self._ended = _Region(self._start, stop, "speech")
        self._talking, self._start, self._run = False, stop, 0

    def _pad_ended(self, hops: int) -> None:
        assert self._ended
        start = self._ended.stop + hops
        self._regions.append(self._ended._replace(stop=start))
        self._ended, self._start = None, start

    def _give_gap(self, stop: int) -> None:
        """The gap up to `stop` is sound worth a look, or it is dropped."""
        loudness = self._loudness[self._start - self._base : stop - self._base]
        enough = HOPS_PER_SECOND if self._continued else _MIN_SOUND_HOPS
        self._continued = len(loudness) >= enough and bool(
            np.mean(loudness > QUIET_DBFS) >= _MIN_LOUD_SHARE
        )
        if self._continued:
            self._regions.append(_Region(self._start, stop, "sound"))
        self._start = stop

    def _recent(self, array: F32) -> F32:
        stop = self._hop - self._base
        return array[stop - _CUT_SEARCH_HOPS : stop]

    def _cut_regions(self) -> list[Stretch]:
        stretches = [self._stretch(region) for region in self._regions]
        self._regions = []
        return stretches

    def _stretch(self, region: _Region) -> Stretch:
        start, stop = region.start - self._base, region.stop - self._base
        return Stretch(
            start=self._origin + region.start * HOP / SAMPLE_RATE,
            kind=region.kind,
            samples=self._samples[start * HOP : stop * HOP].copy(),
            speech=self._speech[start:stop].copy(),
            loudness=self._loudness[start:stop].copy(),
        )

    def _forget(self) -> None:
        """Let go of what lies before every open region."""
        keep = (self._ended.start if self._ended else self._start) - self._base
        self._samples = self._samples[keep * HOP :]
        self._speech = self._speech[keep:]
        self._loudness = self._loudness[keep:]
        self._base += keep


def _least(values: F32) -> int:
    """How many hops from the end the smoothed values are least: the best place for a forced cut."""
    smooth = np.convolve(values, np.ones(5) / 5, "valid")
    return len(values) - (int(np.argmin(smooth)) + 2)
