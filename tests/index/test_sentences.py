import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtake.config import SentencesSettings, Settings
from longtake.errors import WeightsCorrupt, WeightsMissing
from longtake.index.sentences import (
    OpenVinoSentenceEncoder,
    TorchSentenceEncoder,
    build_sentence_encoder,
    load_sentence_encoder,
)
from longtake.models import resolve

TEXTS = [
    "The chef adds two eggs to the flour.",
    "a",
    "",
    "  Surrounded by spaces\n",
    "Überraschung! ¿Qué tal? 你好",
    "A very long line that is cut off somewhere. " * 60,
    "Two eggs go into the flour.",
]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGTAKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def minilm() -> Path:
    return resolve("sentences", "all-MiniLM-L6-v2").path


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a word-piece tokenizer over a few words."""
    folder = tmp_path_factory.mktemp("words")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "chef", "adds", "eggs", "the"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    return folder / "vocab.txt"


def save_tiny(folder: Path, vocabulary: Path, *, pooling: str, dense: bool = False) -> Path:
    """A tiny BERT with random weights, saved by sentence-transformers."""
    import torch
    from sentence_transformers import SentenceTransformer, models
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=10,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
    )
    plain = folder / "plain"
    BertModel(config).save_pretrained(plain)
    BertTokenizerFast(vocab_file=str(vocabulary), model_max_length=20).save_pretrained(plain)
    transformer = models.Transformer(str(plain))
    steps = [transformer, models.Pooling(16, pooling_mode=pooling)]
    if dense:
        steps.append(models.Dense(16, 8))
    SentenceTransformer(modules=steps, device="cpu").save(str(folder / "saved"))
    return folder / "saved"


def reference(folder: Path, texts: list[str]) -> np.ndarray[Any, Any]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return np.asarray(
        model.encode(texts, normalize_embeddings=True, show_progress_bar=False), np.float32
    )


def test_equal_to_sentence_transformers_on_real_weights(minilm: Path) -> None:
    encoder = build_sentence_encoder(Settings())
    assert isinstance(encoder, OpenVinoSentenceEncoder)
    assert encoder.dimension == 384
    assert encoder.identity == "all-MiniLM-L6-v2"
    ours = encoder.embed(TEXTS)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert (ours * reference(minilm, TEXTS)).sum(axis=1).min() > 0.9999
    assert ours[0] @ ours[6] > 0.8 > ours[0] @ ours[3]


def test_order_is_kept_over_several_batches() -> None:
    encoder = build_sentence_encoder(Settings())
    texts = [f"{i} " + "word " * (i * 7 % 40) for i in range(70)]
    together = encoder.embed(texts)
    for i in (0, 1, 33, 69):
        np.testing.assert_allclose(together[i], encoder.embed([texts[i]])[0], atol=1e-4)


def test_no_texts_is_an_empty_array() -> None:
    assert build_sentence_encoder(Settings()).embed([]).shape == (0, 384)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_poolings_are_read_from_the_folder(tmp_path: Path, words: Path, pooling: str) -> None:
    folder = save_tiny(tmp_path, words, pooling=pooling)
    encoder = load_sentence_encoder(folder, identity="tiny")
    assert isinstance(encoder, OpenVinoSentenceEncoder)
    texts = ["the chef adds eggs", "a", "the chef " * 30]
    np.testing.assert_allclose(encoder.embed(texts), reference(folder, texts), atol=1e-4)


def test_unusual_modules_are_run_by_sentence_transformers(tmp_path: Path, words: Path) -> None:
    folder = save_tiny(tmp_path, words, pooling="mean", dense=True)
    encoder = load_sentence_encoder(folder, identity="tiny")
    assert isinstance(encoder, TorchSentenceEncoder)
    assert encoder.dimension == 8
    texts = ["the chef adds eggs", "a"]
    np.testing.assert_allclose(encoder.embed(texts), reference(folder, texts), atol=1e-5)
    assert encoder.embed([]).shape == (0, 8)


def test_max_pooling_is_run_by_sentence_transformers(tmp_path: Path, words: Path) -> None:
    folder = save_tiny(tmp_path, words, pooling="max")
    assert isinstance(load_sentence_encoder(folder, identity="tiny"), TorchSentenceEncoder)


def test_second_start_needs_no_torch(minilm: Path) -> None:
    build_sentence_encoder(Settings())  # exports
    code = (
        "import sys; from longtake.config import Settings;"
        "from longtake.index.sentences import build_sentence_encoder;"
        "build_sentence_encoder(Settings()).embed(['a']);"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers') if m in sys.modules],"
        "sys.modules['openvino_telemetry'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] None"


def test_folder_without_a_model_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(WeightsCorrupt, match=r"no sentence-transformers model in .*modules\.json"):
        build_sentence_encoder(Settings(sentences=SentencesSettings(model=str(tmp_path))))


def test_unknown_model_is_missing() -> None:
    settings = Settings(offline=True, sentences=SentencesSettings(model="no-such-model"))
    with pytest.raises(WeightsMissing, match="no-such-model"):
        build_sentence_encoder(settings)


@pytest.mark.parametrize("damaged", ["model.safetensors", "tokenizer.json", "modules.json"])
def test_damaged_files_are_corrupt(tmp_path: Path, words: Path, damaged: str) -> None:
    folder = save_tiny(tmp_path, words, pooling="mean")
    content = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsCorrupt):
        load_sentence_encoder(folder, identity="tiny")


def test_other_weights_get_another_export_and_identity(tmp_path: Path, words: Path) -> None:
    folder = save_tiny(tmp_path, words, pooling="mean")
    copy = tmp_path / "copy" / "saved"
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    (copy / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 0.5}))
    first, second = (
        build_sentence_encoder(Settings(sentences=SentencesSettings(model=str(f))))
        for f in (folder, copy)
    )
    assert first.identity != second.identity
    assert not np.allclose(first.embed(["chef eggs"]), second.embed(["chef eggs"]), atol=1e-3)
