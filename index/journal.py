"""Engines' answers, kept until the stage is committed: a killed run does not ask again.

A journal belongs to one stage of one video. It maps a hash of an engine's input (samples, pixels)
to its answer. The next run decodes the video again, which is cheap, and gets what had been
answered from the journal. Engines are deterministic, so the result is that of a run that was never
interrupted. Records are lines of JSON: a line torn by a kill is left out when it is read back.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from longtake.index.lanes import (
    F32,
    U8,
    Box,
    ImageTextEncoder,
    Line,
    Recognised,
    SpeechEngine,
    StageName,
    TextReader,
    Word,
)

_SYNC_S = 2.0
"""Answers younger than this may be lost with the machine's power (not with the process)."""


class Journal:
    """An append-only file of answers: `folder/VIDEO.STAGE.PARAMETERS.jsonl`.

    Journals of the same stage with other parameters are thrown away: nobody will ask them.
    """

    def __init__(self, folder: Path, video_id: str, stage: StageName, parameters: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{video_id}.{stage}.{parameters}.jsonl"
        for other in folder.glob(f"{video_id}.{stage}.*.jsonl"):
            if other != path:
                other.unlink()
        self._path = path
        self._known = dict(_records(path))
        self._file = path.open("ab")
        self._synced = time.monotonic()

    def ask(self, key: str, answer: Callable[[], Any]) -> Any:
        """The JSON value known under `key`, else `answer()`, which is written down."""
        if key in self._known:
            return self._known[key]
        value = answer()
        self._file.write(b"\n" + json.dumps([key, value], default=float).encode())
        self._file.flush()
        if time.monotonic() - self._synced > _SYNC_S:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()
        return value

    def discard(self) -> None:
        """The stage is committed: the answers are not needed any more."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Keep the answers for the next run."""
        self._file.close()


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                key, value = json.loads(line)
            except ValueError:  # torn by a kill
                continue
            yield key, value


def _digest(*parts: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(str(part.shape).encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()


class JournaledReader:
    """A TextReader whose answers are written down."""

    def __init__(self, reader: TextReader, journal: Journal) -> None:
        self._reader = reader
        self._journal = journal

    @property
    def identity(self) -> str:
        return self._reader.identity

    def detect(self, frame: U8) -> list[Box]:
        key = _digest("detect", frame)
        found = self._journal.ask(
            key, lambda: [[float(side) for side in box] for box in self._reader.detect(frame)]
        )
        return [Box(*box) for box in found]

    def recognise(self, frame: U8, boxes: list[Box]) -> list[Line]:
        key = _digest("recognise", frame, [tuple(box) for box in boxes])

        def answer() -> list[Any]:
            lines = self._reader.recognise(frame, boxes)
            return [[line.text, [*map(float, line.box)], float(line.confidence)] for line in lines]

        return [
            Line(text=text, box=Box(*box), confidence=confidence)
            for text, box, confidence in self._journal.ask(key, answer)
        ]


class JournaledSpeech:
    """A SpeechEngine whose answers are written down."""

    def __init__(self, engine: SpeechEngine, journal: Journal) -> None:
        self._engine = engine
        self._journal = journal

    @property
    def identity(self) -> str:
        return self._engine.identity

    def detect_language(self, audio: F32) -> dict[str, float]:
        key = _digest("language", audio)
        heard: dict[str, float] = self._journal.ask(
            key,
            lambda: {
                name: float(share) for name, share in self._engine.detect_language(audio).items()
            },
        )
        return heard

    def transcribe(
        self, audio: F32, *, cuts: Sequence[int] = (), language: str | None = None
    ) -> Iterator[Recognised]:
        key = _digest("transcribe", audio, [int(cut) for cut in cuts], language)
        passages = self._journal.ask(
            key,
            lambda: [
                asdict(passage)
                for passage in self._engine.transcribe(audio, cuts=cuts, language=language)
            ],
        )
        for passage in passages:
            words = tuple(Word(**word) for word in passage["words"])
            yield Recognised(**{**passage, "words": words})


class JournaledEncoder:
    """An ImageTextEncoder whose image embeddings are written down."""

    def __init__(self, encoder: ImageTextEncoder, journal: Journal) -> None:
        self._encoder = encoder
        self._journal = journal

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def identity(self) -> str:
        return self._encoder.identity

    @property
    def input_size(self) -> tuple[int, int]:
        return self._encoder.input_size

    def images(self, frames: U8) -> F32:
        def answer() -> str:
            return base64.b64encode(self._encoder.images(frames).tobytes()).decode()

        packed = base64.b64decode(self._journal.ask(_digest("images", frames), answer))
        return np.frombuffer(packed, np.float32).reshape(len(frames), -1)

    def texts(self, texts: list[str]) -> F32:
        return self._encoder.texts(texts)
