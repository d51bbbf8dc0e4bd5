"""From a model's name to verified files."""

import hashlib
import shutil
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from longtake import models
from longtake.errors import WeightsCorrupt, WeightsMissing

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own."""
    monkeypatch.setenv("LONGTAKE_CACHE", str(tmp_path / "cache"))
    models.packaged.cache_clear()
    return tmp_path / "cache"


def test_a_path_comes_before_everything(tmp_path: Path) -> None:
    found = models.resolve("whisper-ct2", str(tmp_path), offline=True)
    assert (found.path, found.source, found.verified) == (tmp_path, "path", False)


def test_packaged_weights_are_found_and_verified() -> None:
    found = models.resolve("whisper-ct2", "tiny.en", offline=True)
    assert (found.source, found.verified) == ("package", True)
    assert (found.path / "model.bin").stat().st_size == 75_537_502


def test_a_model_split_over_two_packages_is_joined(cache: Path) -> None:
    found = models.resolve("whisper-ct2", "base", offline=True)
    assert found.path == cache / "whisper-ct2" / "base"
    content = (found.path / "model.bin").read_bytes()
    assert hashlib.sha256(content).hexdigest() == (
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
    )
    assert (found.path / "tokenizer.json").exists()


def test_damaged_weights_are_refused(cache: Path) -> None:
    joined = models.resolve("whisper-ct2", "base", offline=True).path / "model.bin"
    with joined.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    models.packaged.cache_clear()
    with pytest.raises(WeightsCorrupt, match=r"model\.bin' are damaged \(SHA-256 [0-9a-f]{12}"):
        models.resolve("whisper-ct2", "base", offline=True)


def test_missing_weights_say_what_to_do() -> None:
    with pytest.raises(WeightsMissing) as caught:
        models.resolve("open_clip", "ViT-B-32-SigLIP2-256/webli", offline=True)
    assert str(caught.value) == (
        "no weights for open_clip model 'ViT-B-32-SigLIP2-256/webli': run once with access to the "
        "model hub, or give a folder with the weights"
    )


def test_a_mistyped_path_is_told_as_such() -> None:
    with pytest.raises(WeightsMissing, match=r"no such file or folder with weights: '\./nowhere'"):
        models.resolve("sentences", "./nowhere")


def test_a_fingerprint_follows_the_content_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(bytes(200_000))
    before = models.fingerprint(str(folder))
    copy = tmp_path / "elsewhere" / "model"
    shutil.copytree(folder, copy)
    assert models.fingerprint(str(copy)) == before
    (copy / "README.md").write_text("What it gets right")
    assert models.fingerprint(str(copy)) == before
    (copy / "weights.bin").write_bytes(bytes(199_999) + b"\1")
    assert models.fingerprint(str(copy)) != before
    assert models.fingerprint("base") == "base"


def test_the_offline_extra_pins_what_is_verified() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(line.split("==") for line in project["optional-dependencies"]["offline"])
    assert pins["rapidocr"] == models.RAPIDOCR_VERSION
    assert {name: version(name) for name in pins} == pins
