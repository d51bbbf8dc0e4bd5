"""The lanes' ends of the decode pass, and the engines behind them, built once a run."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from longtake import models
from longtake.config import Settings
from longtake.errors import WeightsError, WeightsMissing
from longtake.index.journal import Journal, JournaledEncoder, JournaledReader, JournaledSpeech
from longtake.index.lanes import Cue, FrameVectors, Segment, StageName, StageResult
from longtake.timing import Span


class Engines:
    """Builds each engine when it is first wanted and keeps it for the next video.

    Missing weights are remembered, so that a thousand videos do not look for them a thousand
    times. Safe to use from several threads.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._made: dict[StageName, Any] = {}
        self._missing: dict[StageName, str | None] = {}
        self._locks = {name: threading.Lock() for name in StageName}

    def get(self, stage: StageName) -> Any:
        """The stage's engine.

        Raises:
            WeightsMissing: no weights; the stage is to be skipped.
            WeightsCorrupt: unusable weights; the stage fails.
        """
        with self._locks[stage]:
            if stage not in self._made:
                try:
                    self._made[stage] = _BUILDERS[stage](self.settings)
                except WeightsMissing as exc:
                    self._made[stage] = exc
            made = self._made[stage]
        if isinstance(made, WeightsMissing):
            raise WeightsMissing(str(made))
        return made

    def made(self, stage: StageName) -> Any | None:
        """The stage's engine if it was built in this run."""
        made = self._made.get(stage)
        return None if isinstance(made, WeightsMissing) else made

    def missing(self, stage: StageName) -> str | None:
        """Why the stage has to be skipped: its weights are nowhere; None when they are there.

        Looks at files only; nothing is loaded.
        """
        weights = stage_weights(self.settings).get(stage)
        if weights is None:
            return None
        with self._locks[stage]:
            if stage not in self._missing:
                try:
                    models.resolve(*weights, offline=self.settings.offline)
                    self._missing[stage] = None
                except WeightsMissing as exc:
                    self._missing[stage] = str(exc)
                except WeightsError:
                    self._missing[stage] = None  # there, but unusable: loading them will say why
            return self._missing[stage]


def stage_weights(settings: Settings) -> dict[StageName, tuple[models.Kind, str]]:
    """What each stage loads."""
    wanted: dict[StageName, tuple[models.Kind, str]] = {
        StageName.VISUAL: (
            "open_clip" if settings.visual.engine == "open_clip" else "clip-transformers",
            settings.visual.model,
        ),
        StageName.SPEECH: (
            "whisper-ct2" if settings.speech.engine == "faster-whisper" else "whisper-openai",
            settings.speech.model,
        ),
        StageName.TEXT: (settings.text.engine, settings.text.engine),
        StageName.SENTENCES: ("sentences", settings.sentences.model),
    }
    if settings.shots.engine == "transnetv2":
        wanted[StageName.SHOTS] = ("transnetv2", "transnetv2")
    return wanted


def _image_encoder(settings: Settings) -> Any:
    from longtake.index.encoders import build_image_encoder

    return build_image_encoder(settings)


def _speech_engine(settings: Settings) -> Any:
    from longtake.index.speech import build_engine

    return build_engine(settings)


def _text_reader(settings: Settings) -> Any:
    from longtake.index.text import build_reader

    return build_reader(settings)


def _sentence_encoder(settings: Settings) -> Any:
    from longtake.index.sentences import build_sentence_encoder

    return build_sentence_encoder(settings)


_BUILDERS: dict[StageName, Callable[[Settings], Any]] = {
    StageName.VISUAL: _image_encoder,
    StageName.SPEECH: _speech_engine,
    StageName.TEXT: _text_reader,
    StageName.SENTENCES: _sentence_encoder,
}


class ShotConsumer:
    """Shots from the small frames."""

    def __init__(self, settings: Settings) -> None:
        from longtake.index.shots import build_detector

        self._detector = build_detector(settings)

    def push(self, item: Any) -> None:
        self._detector.push(item.times, item.frames)

    def finish(self, duration: float) -> list[Span]:
        return self._detector.finish(duration)


class VisualConsumer:
    """Frame embeddings."""

    def __init__(self, engines: Engines, journal: Journal) -> None:
        from longtake.index.visual import FrameEmbedder

        self._embedder = FrameEmbedder(JournaledEncoder(engines.get(StageName.VISUAL), journal))
        self.push = self._embedder.push

    def finish(self, duration: float) -> tuple[FrameVectors, StageResult]:
        vectors, result = self._embedder.finish()
        return vectors, result


class TextConsumer:
    """On-screen text cues."""

    def __init__(self, engines: Engines, journal: Journal) -> None:
        from longtake.index.text import CueReader

        self._reader = CueReader(
            JournaledReader(engines.get(StageName.TEXT), journal), engines.settings
        )
        self.push = self._reader.push

    def finish(self, duration: float) -> tuple[list[Cue], StageResult]:
        return self._reader.finish(duration)


class SpeechConsumer:
    """Speech segments."""

    def __init__(self, engines: Engines, journal: Journal) -> None:
        from longtake.index.speech import Transcriber

        self._transcriber = Transcriber(
            JournaledSpeech(engines.get(StageName.SPEECH), journal), engines.settings
        )
        self.push = self._transcriber.push

    def finish(self, duration: float) -> tuple[list[Segment], StageResult]:
        return self._transcriber.finish()


class ThumbnailConsumer:
    """Spools small pictures; which of them become thumbnails is known when the shots are."""

    def __init__(self, folder: Path) -> None:
        from longtake.index.thumbnails import ThumbnailWriter

        self._writer = ThumbnailWriter(folder)
        self.push = self._writer.push

    def finish(self, duration: float) -> Any:
        return self._writer
