"""Both Whisper engines on the same tensors, and what they do with bad weights."""

import struct
import warnings
from pathlib import Path

import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from longtake import models
from longtake.config import Settings, SpeechSettings
from longtake.errors import UsageError, WeightsCorrupt
from longtake.index.audio import AudioBlock
from longtake.index.ct2_weights import convert, dense, read_variables
from longtake.index.decode import DecodePass, DecodePlan
from longtake.index.lanes import F32, SAMPLE_RATE
from longtake.index.speech import build_engine
from longtake.index.whisper_engines import (
    FasterWhisper,
    OpenaiWhisper,
    most_probable,
    window_bounds,
)


@pytest.fixture(scope="module")
def packaged() -> Path:
    return models.resolve("whisper-ct2", "tiny.en", offline=True).path


@pytest.fixture(scope="module")
def checkpoint(packaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("weights") / "tiny.en.pt"
    convert(packaged, target)
    return target


@pytest.fixture(scope="module")
def openai(checkpoint: Path) -> OpenaiWhisper:
    return OpenaiWhisper(checkpoint, identity="o", device="cpu", threads=1, beam_size=5)


@pytest.fixture(scope="module")
def faster(packaged: Path) -> FasterWhisper:
    return FasterWhisper(packaged, identity="f", device="cpu", threads=1, beam_size=5)


@pytest.fixture(scope="module")
def audio(lecture: Path) -> F32:
    """One sentence of the lecture."""
    blocks = DecodePass(lecture, DecodePlan(small=False, frames=False))
    pool = np.concatenate([item.samples for item in blocks if isinstance(item, AudioBlock)])
    return pool[int(8.4 * SAMPLE_RATE) : 13 * SAMPLE_RATE]


def test_both_engines_hear_the_same(
    openai: OpenaiWhisper, faster: FasterWhisper, audio: F32
) -> None:
    from whisper.normalizers import EnglishTextNormalizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves files open
        normal = EnglishTextNormalizer()
        one = list(openai.transcribe(audio, language="en"))
    other = list(faster.transcribe(audio, language="en"))
    texts = [normal(" ".join(segment.text for segment in heard)) for heard in (one, other)]
    assert texts[0].endswith("to a machine that nobody tends")
    assert jiwer.wer(*texts) < 0.05
    for heard in (one, other):
        for segment in heard:
            assert segment.window == 0
            assert segment.end <= len(audio) / SAMPLE_RATE
            assert segment.text == "".join(word.text for word in segment.words).strip()
            assert segment.log_probability == pytest.approx(-0.2, abs=0.2)
            assert segment.no_speech_probability < 0.2
    words = [[word for segment in heard for word in segment.words] for heard in (one, other)]
    starts = [{word.text.strip(): word.start for word in heard} for heard in words]
    for word in ("lecture", "machine", "tends."):
        assert starts[0][word] == pytest.approx(starts[1][word], abs=0.25)


def test_windows_are_heard_apart(faster: FasterWhisper, audio: F32) -> None:
    cut = int(2.5 * SAMPLE_RATE)
    heard = list(faster.transcribe(audio, cuts=[cut], language="en"))
    assert {segment.window for segment in heard} == {0, 1}
    for segment in heard:
        assert (segment.start >= 2.5) == (segment.window == 1)
        assert segment.end <= (2.5, len(audio) / SAMPLE_RATE)[segment.window]


def test_the_encoders_agree_number_by_number(
    packaged: Path, openai: OpenaiWhisper, audio: F32
) -> None:
    import ctranslate2
    import torch
    import whisper

    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(audio))[None]
    exact = ctranslate2.models.Whisper(str(packaged), device="cpu", compute_type="float32")
    expected = np.array(exact.encode(ctranslate2.StorageView.from_array(mel.numpy()), to_cpu=True))
    with torch.no_grad():
        found = openai._model.encoder(mel).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_english_models_know_one_language(
    openai: OpenaiWhisper, faster: FasterWhisper, audio: F32
) -> None:
    for engine in (openai, faster):
        assert engine.detect_language(audio) == {"en": 1.0}
        with pytest.raises(UsageError, match="does not know language 'xx'"):
            next(engine.transcribe(audio, language="xx"))


def test_no_audio_gives_no_segments(openai: OpenaiWhisper, faster: FasterWhisper) -> None:
    for engine in (openai, faster):
        assert list(engine.transcribe(np.empty(0, np.float32))) == []


def test_settings_choose_engine_and_weights(checkpoint: Path) -> None:
    speech = SpeechSettings(engine="openai-whisper", model=str(checkpoint))
    engine = build_engine(Settings(offline=True, device="cpu", speech=speech))
    assert isinstance(engine, OpenaiWhisper)
    assert engine.identity.startswith("openai-whisper/tiny.en.pt@")


def test_a_gpu_that_is_not_there_is_a_usage_error(packaged: Path, checkpoint: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    for engine, path in ((FasterWhisper, packaged), (OpenaiWhisper, checkpoint)):
        with pytest.raises(UsageError, match="'cuda'"):
            engine(path, identity="x", device="cuda", threads=1, beam_size=5)


def test_damaged_weights_are_named(packaged: Path, checkpoint: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_bytes((packaged / name).read_bytes())
    (tmp_path / "model.bin").write_bytes((packaged / "model.bin").read_bytes()[:100_000])
    with pytest.raises(WeightsCorrupt, match="cannot load Whisper weights"):
        FasterWhisper(tmp_path, identity="x", device="cpu", threads=1, beam_size=5)
    with pytest.raises(WeightsCorrupt, match="is not a CTranslate2 Whisper model"):
        convert(tmp_path, tmp_path / "out.pt")
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(WeightsCorrupt, match=r"no tokenizer\.json"):
        FasterWhisper(tmp_path, identity="x", device="cpu", threads=1, beam_size=5)
    for damaged in (b"", b"no checkpoint", checkpoint.read_bytes()[:100_000]):
        (tmp_path / "bad.pt").write_bytes(damaged)
        with pytest.raises(WeightsCorrupt, match="cannot load Whisper checkpoint"):
            OpenaiWhisper(tmp_path / "bad.pt", identity="x", device="cpu", threads=1, beam_size=5)
    assert not list(tmp_path.glob("*.part")) and not (tmp_path / "out.pt").exists()


@given(st.integers(0, 3_000_000), st.lists(st.integers(-10, 3_000_000), max_size=6).map(sorted))
def test_windows_cover_everything_and_begin_at_cuts(length: int, cuts: list[int]) -> None:
    windows = window_bounds(length, cuts)
    assert [stop for _, stop in windows[:-1]] == [start for start, _ in windows[1:]]
    assert sum(stop - start for start, stop in windows) == length
    assert all(0 < stop - start <= 480_000 for start, stop in windows)
    starts = {start for start, _ in windows}
    assert {cut for cut in cuts if 0 < cut < length} <= starts


def test_the_most_probable_language_is_the_first_of_equals() -> None:
    assert most_probable({"fr": 0.4, "de": 0.4, "en": 0.2}) == "de"


def write_model(path: Path, variables: dict[str, NDArray[np.generic]], alias: str) -> None:
    """A file in CTranslate2's format 6, by hand."""

    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    types = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
    data = struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, value in variables.items():
        data += string(name) + struct.pack("<B", value.ndim)
        data += struct.pack(f"<{value.ndim}I", *value.shape)
        data += struct.pack("<BI", types[str(value.dtype)], value.nbytes) + value.tobytes()
    data += struct.pack("<I", 1) + string(alias) + string(next(iter(variables)))
    path.write_bytes(data)


def test_variables_of_every_type_and_aliases(tmp_path: Path) -> None:
    variables: dict[str, NDArray[np.generic]] = {
        "half": np.array([[1.5, -2]], np.float16),
        "scalar": np.array(-7, np.int8),
        "count": np.array([3, 4], np.int32),
        "empty": np.zeros((0, 2), np.float32),
    }
    write_model(tmp_path / "model.bin", variables, "other")
    found = read_variables(tmp_path / "model.bin")
    assert list(found) == [*variables, "other"]
    for name, value in variables.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype
    assert found["other"] is found["half"]


def test_eight_bit_weights_come_back_within_their_rounding(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((6, 4, 3), dtype=np.float32)
    scale = 127 / np.abs(weight).max(axis=(1, 2))
    rounded = np.rint(weight * scale[:, None, None]).astype(np.int8)
    write_model(tmp_path / "model.bin", {"w": rounded, "w_scale": scale}, "alias")
    found = dense(read_variables(tmp_path / "model.bin"), "w")
    assert found.dtype == np.float32
    assert np.all(np.abs(found - weight) <= 0.501 / scale[:, None, None])
    assert not np.array_equal(found, weight)
