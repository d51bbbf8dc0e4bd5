"""The speech lane: audio blocks in, sentences with word times out.

Audio is cut into stretches (`stretches`), packed into 30 s windows (`windows`), recognised eight
windows at a time (`whisper_engines`), freed of invented text (`hallucinations`) and cut into
sentences (`sentence_split`). Memory does not grow with the length of the audio, only with its text.
"""

import logging
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from longtake.config import Settings
from longtake.index.hallucinations import RULES, Rule, is_loop, judge, plain, repeated
from longtake.index.lanes import (
    SAMPLE_RATE,
    Recognised,
    Segment,
    SpeechEngine,
    StageResult,
    StageState,
    Word,
)
from longtake.index.sentence_split import Spoken, phrases, split_sentences
from longtake.index.stretches import HOPS_PER_SECOND, OFFSET, Kind, Stretch, StretchFinder
from longtake.index.windows import BATCH_WINDOWS, Window, WindowPacker

if TYPE_CHECKING:
    from longtake.index.audio import AudioBlock

_MAX_JUMP_S = 0.1
_ECHO_S = 0.3
_LANGUAGE_WINDOWS = 3
_LANGUAGE_SURE = 0.9

_log = logging.getLogger(__name__)


def build_engine(settings: Settings) -> SpeechEngine:
    """The recogniser that the settings ask for, loaded.

    Raises:
        WeightsMissing: its weights are nowhere to be had.
        WeightsCorrupt: they are damaged or of another kind.
        UsageError: a GPU is asked for where there is none.
    """
    from longtake import models
    from longtake.index.whisper_engines import FasterWhisper, OpenaiWhisper

    speech = settings.speech
    faster = speech.engine == "faster-whisper"
    kind: models.Kind = "whisper-ct2" if faster else "whisper-openai"
    weights = models.resolve(kind, speech.model, offline=settings.offline)
    engine = FasterWhisper if faster else OpenaiWhisper
    return engine(
        weights.path,
        identity=f"{speech.engine}/{models.fingerprint(speech.model)}",
        device=settings.device,
        threads=settings.threads,
        beam_size=speech.beam_size,
    )


class Transcriber:
    """Streaming transcription of one video's audio. The result does not depend on block sizes."""

    def __init__(self, engine: SpeechEngine, settings: Settings) -> None:
        self._engine = engine
        self._language = settings.speech.language
        self._language_heard = (self._language, 1.0) if self._language else None
        self._finder: StretchFinder | None = None
        self._next_start = 0.0
        self._packers: dict[Kind, WindowPacker] = {
            "speech": WindowPacker(),
            "sound": WindowPacker(),
        }
        self._waiting: dict[Kind, list[Window]] = {"speech": [], "sound": []}
        self._spoken: list[Spoken] = []
        self._dropped: Counter[Rule] = Counter()
        self._samples = 0
        self._peak = 0.0
        self._loud_hops = 0
        self._speech_hops = 0
        self._windows = 0

    def push(self, block: "AudioBlock") -> None:
        """Take the next block; recognises when enough audio has come together.

        Raises:
            EngineError: the recogniser failed.
        """
        before_zero = round(max(0.0, -block.start) * SAMPLE_RATE)
        samples = np.nan_to_num(block.samples[before_zero:], nan=0.0, posinf=0.0, neginf=0.0)
        if not len(samples):
            return
        start = max(0.0, block.start)
        if self._finder is None or abs(start - self._next_start) > _MAX_JUMP_S:
            self._end_run()
            self._finder = StretchFinder(start)
            self._next_start = start
        self._next_start += len(samples) / SAMPLE_RATE
        self._samples += len(samples)
        self._peak = max(self._peak, float(np.max(np.abs(samples))))
        for stretch in self._finder.push(samples):
            self._pack(stretch)

    def finish(self) -> tuple[list[Segment], StageResult]:
        """All segments in order of time, and how it went.

        Raises:
            EngineError: the recogniser failed.
        """
        self._end_run()
        for kind, packer in self._packers.items():
            while rest := self._waiting[kind] + packer.finish():
                self._waiting[kind] = rest
                self._recognise(kind)
        self._spoken.sort(key=lambda spoken: spoken.word.start)
        self._spoken = _without_echoes(self._spoken)
        segments = split_sentences(self._spoken)
        return segments, self._result(segments)

    def _end_run(self) -> None:
        """The audio ends or jumps: nothing may be joined across it."""
        if self._finder is not None:
            for stretch in self._finder.finish():
                self._pack(stretch)
            self._loud_hops += self._finder.loud_hops
            self._finder = None

    def _pack(self, stretch: Stretch) -> None:
        if stretch.kind == "speech":
            self._speech_hops += int(np.count_nonzero(stretch.speech >= OFFSET))
        self._waiting[stretch.kind] += self._packers[stretch.kind].push(stretch)
        if len(self._waiting[stretch.kind]) >= BATCH_WINDOWS:
            self._recognise(stretch.kind)

    def _recognise(self, kind: Kind) -> None:
        language = self._language or self._detect_language(kind)
        windows, self._waiting[kind] = self._waiting[kind], []
        for window, heard in self._heard(windows, language):
            for phrase in self._filtered(window, heard):
                self._keep(window, phrase)
            # speech at its end that the decoder left for later waits for the next windows
            for stretch in window.unheard(heard[-1].end) if heard else ():
                self._waiting[kind] += self._packers[kind].push(stretch)

    def _detect_language(self, kind: Kind) -> str:
        """Language by the most speechy windows at hand; once found in speech it stands."""
        windows = self._waiting["speech"] or self._waiting[kind]
        ranked = sorted(windows, key=lambda window: -float(np.sum(window.speech)))
        totals: Counter[str] = Counter()
        for count, window in enumerate(ranked[:_LANGUAGE_WINDOWS], start=1):
            totals.update(self._engine.detect_language(window.samples))
            language, total = min(totals.items(), key=lambda item: (-item[1], item[0]))
            probability = total / count
            if probability >= _LANGUAGE_SURE:
                break
        self._language_heard = (language, probability)
        if windows is self._waiting["speech"]:
            self._language = language
        return language

    def _heard(self, windows: list[Window], language: str) -> list[tuple[Window, list[Recognised]]]:
        """Windows with their passages; those where the decoder got stuck are tried in halves."""
        results: list[tuple[Window, list[Recognised]]] = []
        halves: list[Window] = []
        for window, heard in self._decode(windows, language):
            if any(map(_is_stuck, heard)):
                halves += window.halves()
            else:
                results.append((window, heard))
        return results + self._decode(halves, language)

    def _decode(
        self, windows: list[Window], language: str
    ) -> list[tuple[Window, list[Recognised]]]:
        """Windows with what was heard, at times from the start of the window."""
        if not windows:
            return []
        self._windows += len(windows)
        audio = [window.samples for window in windows]
        cuts = list(accumulate((len(samples) for samples in audio), initial=0))
        heard: list[list[Recognised]] = [[] for _ in windows]
        for passage in self._engine.transcribe(
            np.concatenate(audio), cuts=cuts[1:-1], language=language
        ):
            heard[passage.window].append(_shifted(passage, -cuts[passage.window] / SAMPLE_RATE))
        return list(zip(windows, heard, strict=True))

    def _filtered(self, window: Window, heard: list[Recognised]) -> Iterator[Recognised]:
        """The phrases that are not invented."""
        for passage in heard:
            if is_loop(passage.text):
                self._dropped["loop"] += 1
                continue
            parts = [_cut_out(passage, words) for words in phrases(passage.words)]
            again = repeated([part.text for part in parts])
            for number, part in enumerate(parts):
                if rule := judge(part, window, repeated=number in again):
                    self._dropped[rule] += 1
                    _log.debug("dropped by %s: %r", rule, part.text)
                else:
                    yield part

    def _keep(self, window: Window, phrase: Recognised) -> None:
        for word in phrase.words:
            start, end = window.video_times(word.start, word.end)
            self._spoken.append(
                Spoken(
                    word=replace(word, start=start, end=end),
                    language=phrase.language,
                    again=window.part_at((word.start + word.end) / 2).attempt > 0,
                )
            )

    def _result(self, segments: list[Segment]) -> StageResult:
        seconds = self._samples / SAMPLE_RATE
        sound_s = self._loud_hops / HOPS_PER_SECOND
        peak_dbfs = 20 * math.log10(max(self._peak, 1e-6))
        stats: dict[str, float | int | str] = {
            "audio_s": round(seconds, 1),
            "sound_s": round(sound_s, 1),
            "speech_s": round(self._speech_hops / HOPS_PER_SECOND, 1),
            "peak_dbfs": round(peak_dbfs, 1),
            "windows": self._windows,
            "segments": len(segments),
            "words": len(self._spoken),
        }
        stats |= {f"dropped_{rule}": self._dropped[rule] for rule in RULES if self._dropped[rule]}
        if segments and self._language_heard:
            stats["language"], probability = self._language_heard
            stats["language_probability"] = round(probability, 3)
        if segments:
            return StageResult(state=StageState.DONE, stats=stats)
        if not self._samples:
            reason = "the audio stream holds no audio"
        elif sound_s < 1:
            reason = f"silence (peak {peak_dbfs:.0f} dBFS)"
        else:
            reason = f"{sound_s:.0f} s of sound, no words found: music or noise"
        return StageResult(state=StageState.EMPTY, reason=reason, stats=stats)


def _without_echoes(spoken: list[Spoken]) -> list[Spoken]:
    """Words without the ends of words that a second attempt began within: `nobody` `body`."""
    kept: list[Spoken] = []
    for one in spoken:
        last = kept[-1] if kept else None
        if (
            last
            and one.again
            and not last.again
            and one.word.start - last.word.end < _ECHO_S
            and plain(last.word.text).endswith(plain(one.word.text))
        ):
            continue
        kept.append(one)
    return kept


def _is_stuck(passage: Recognised) -> bool:
    """The decoder went in circles, and not because there was nothing to hear."""
    return passage.no_speech_probability < 0.9 and is_loop(passage.text)


def _cut_out(passage: Recognised, words: tuple[Word, ...]) -> Recognised:
    """The part of a passage that holds these of its words."""
    return replace(
        passage,
        start=words[0].start,
        end=words[-1].end,
        text="".join(word.text for word in words).strip(),
        confidence=fmean(word.probability for word in words),
        words=words,
    )


def _shifted(passage: Recognised, by: float) -> Recognised:
    words = tuple(
        replace(word, start=max(0.0, word.start + by), end=max(0.0, word.end + by))
        for word in passage.words
    )
    return replace(passage, start=words[0].start, end=words[-1].end, words=words)
