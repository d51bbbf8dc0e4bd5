"""Answers of engines survive a kill and are not asked for again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from longtake.index.journal import (
    Journal,
    JournaledEncoder,
    JournaledReader,
    JournaledSpeech,
)
from longtake.index.lanes import F32, U8, Box, Line, Recognised, StageName, Word


class Counting:
    """An engine of all kinds that counts what it is asked."""

    identity = "counting"
    dimension = 2
    input_size = (4, 4)

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, frame: U8) -> list[Box]:
        self.asked += 1
        return [Box(0.1, 0.2, float(np.float32(0.3)), 1 / 3)]

    def recognise(self, frame: U8, boxes: list[Box]) -> list[Line]:
        self.asked += 1
        return [Line(text=f'"{n}" - ü\n', box=box, confidence=1 / 7) for n, box in enumerate(boxes)]

    def images(self, frames: U8) -> F32:
        self.asked += 1
        return frames[:, 0, 0, :2].astype(np.float32) / np.float32(3)

    def texts(self, texts: list[str]) -> F32:
        raise AssertionError("not used")

    def detect_language(self, audio: F32) -> dict[str, float]:
        self.asked += 1
        return {"en": 0.9, "de": 0.1}

    def transcribe(
        self, audio: F32, *, cuts: Sequence[int] = (), language: str | None = None
    ) -> Iterator[Recognised]:
        self.asked += 1
        yield Recognised(
            start=0.1,
            end=len(audio) / 16_000,
            text="one two",
            confidence=0.5,
            language=language,
            words=(Word(start=0.1, end=0.2, text="one", probability=1 / 3),),
            window=0,
            log_probability=-1 / 3,
            no_speech_probability=0.01,
        )


@pytest.fixture
def frames() -> U8:
    return np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), np.uint8)


def journal(folder: Path, parameters: str = "p") -> Journal:
    return Journal(folder, "video", StageName.TEXT, parameters)


def detect(folder: Path, frames: Sequence[U8], parameters: str = "p") -> int:
    """Look for text in some frames; how often the engine was asked."""
    engine, written = Counting(), journal(folder, parameters)
    for frame in frames:
        JournaledReader(engine, written).detect(frame)
    written.close()
    return engine.asked


def test_answers_come_back_exactly_without_asking_the_engine(tmp_path: Path, frames: U8) -> None:
    sound = np.sin(np.arange(16_000, dtype=np.float32))
    answers = []
    for asked in (6, 0):
        engine, written = Counting(), journal(tmp_path)
        reader = JournaledReader(engine, written)
        speech = JournaledSpeech(engine, written)
        boxes = reader.detect(frames[0])
        answers.append(
            (
                boxes,
                reader.recognise(frames[0], boxes),
                JournaledEncoder(engine, written).images(frames).tolist(),
                speech.detect_language(sound),
                list(speech.transcribe(sound, cuts=[100], language="en")),
                list(speech.transcribe(sound, cuts=[200], language="en")),
            )
        )
        written.close()
        assert engine.asked == asked
    assert answers[0] == answers[1]


def test_another_picture_is_another_question(tmp_path: Path, frames: U8) -> None:
    assert detect(tmp_path, [frames[0], frames[1], frames[0].reshape(2, 8, 3)]) == 3


@pytest.mark.parametrize("lost", [1, 5, 20])
def test_a_line_torn_by_a_kill_is_asked_again(tmp_path: Path, frames: U8, lost: int) -> None:
    assert detect(tmp_path, list(frames)) == 3
    (file,) = tmp_path.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-lost])
    assert detect(tmp_path, list(frames)) == 1
    assert detect(tmp_path, list(frames)) == 0


def test_a_journal_of_other_parameters_is_thrown_away(tmp_path: Path, frames: U8) -> None:
    detect(tmp_path, list(frames), "old")
    assert detect(tmp_path, list(frames), "new") == 3
    assert [file.name for file in tmp_path.iterdir()] == ["video.text.new.jsonl"]


def test_a_committed_stage_leaves_no_journal(tmp_path: Path, frames: U8) -> None:
    written = journal(tmp_path)
    JournaledReader(Counting(), written).detect(frames[0])
    written.discard()
    assert list(tmp_path.iterdir()) == []
