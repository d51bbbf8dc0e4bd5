import json
import shutil
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.config import Settings, VisualSettings
from longtake.errors import UsageError, WeightsCorrupt, WeightsMissing
from longtake.index.encoders import OpenVinoEncoder, TorchEncoder, build_image_encoder
from longtake.models import resolve

TEXTS = ["a red car at night", "", "people dancing, and " * 20, "Überraschung"]


@pytest.fixture(scope="module", autouse=True)
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of this module's own, so that exports are made and not found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGTAKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def transformers_clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CLIPModel with tokenizer and image processor, as save_pretrained writes them."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

    torch.manual_seed(8)
    folder = tmp_path_factory.mktemp("transformers") / "tiny-clip"
    folder.mkdir()
    letters = list(string.ascii_lowercase)
    tokens = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    tower = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    end = vocabulary["<|endoftext|>"]
    text = {"vocab_size": len(tokens), "max_position_embeddings": 16, "eos_token_id": end}
    config = CLIPConfig(
        text_config={**tower, **text, "bos_token_id": end - 1, "pad_token_id": end},
        vision_config={**tower, "image_size": 48, "patch_size": 16},
        projection_dim=24,
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(
        folder
    )
    sizes = {"size": {"shortest_edge": 48}, "crop_size": {"height": 48, "width": 48}}
    CLIPImageProcessor(**sizes).save_pretrained(folder)
    return folder


def pictures(count: int, side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def settings(folder: Path | str, runtime: str = "auto", engine: str = "open_clip") -> Settings:
    visual = VisualSettings.model_validate(
        {"engine": engine, "model": str(folder), "runtime": runtime}
    )
    return Settings(visual=visual, device="cpu", offline=True, threads=1)


@pytest.fixture(scope="module")
def open_clip_truth(clip_folder: Path) -> tuple[Any, Any]:
    """Images and texts as open_clip itself embeds them."""
    import open_clip
    import torch
    from PIL import Image

    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{clip_folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{clip_folder}")
    model.eval()
    batch = torch.stack([preprocess(Image.fromarray(p)) for p in pictures(5, 64)])
    with torch.no_grad():
        images = model.encode_image(batch, normalize=True).numpy()
        texts = model.encode_text(tokenizer(TEXTS), normalize=True).numpy()
    return images, texts


@pytest.fixture(scope="module")
def transformers_truth(transformers_clip_folder: Path) -> tuple[Any, Any]:
    """Images and texts as transformers itself embeds them."""
    import torch
    from PIL import Image
    from transformers import CLIPModel, CLIPProcessor

    model = CLIPModel.from_pretrained(transformers_clip_folder).eval()
    processor = CLIPProcessor.from_pretrained(transformers_clip_folder)
    inputs = processor(
        text=TEXTS,
        images=[Image.fromarray(p) for p in pictures(5, 48)],
        return_tensors="pt",
        padding="max_length",
        max_length=16,
        truncation=True,
    )
    with torch.no_grad():
        output = model(**inputs)
    return output.image_embeds.numpy(), output.text_embeds.numpy()


def test_torch_equals_open_clip(clip_folder: Path, open_clip_truth: tuple[Any, Any]) -> None:
    encoder = build_image_encoder(settings(clip_folder, "torch"))
    assert isinstance(encoder, TorchEncoder)
    assert (encoder.dimension, encoder.input_size) == (32, (64, 64))
    images, texts = open_clip_truth
    np.testing.assert_allclose(encoder.images(pictures(5, 64)), images, atol=1e-5)
    np.testing.assert_allclose(encoder.texts(TEXTS), texts, atol=1e-5)


def test_openvino_f32_equals_open_clip(clip_folder: Path, open_clip_truth: tuple[Any, Any]) -> None:
    weights = resolve("open_clip", str(clip_folder))
    encoder = OpenVinoEncoder("open_clip", weights, threads=1, precision="f32")
    assert (encoder.dimension, encoder.input_size) == (32, (64, 64))
    images, texts = open_clip_truth
    np.testing.assert_allclose(encoder.images(pictures(5, 64)), images, atol=1e-4)
    np.testing.assert_allclose(encoder.texts(TEXTS), texts, atol=1e-4)


def test_default_on_a_cpu_is_openvino_close_to_open_clip(
    clip_folder: Path, open_clip_truth: tuple[Any, Any]
) -> None:
    encoder = build_image_encoder(settings(clip_folder))
    assert isinstance(encoder, OpenVinoEncoder)
    images = encoder.images(pictures(5, 64))
    assert images.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1, atol=1e-6)
    assert (images * open_clip_truth[0]).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_transformers_models(
    transformers_clip_folder: Path, transformers_truth: tuple[Any, Any], runtime: str
) -> None:
    encoder = build_image_encoder(settings(transformers_clip_folder, runtime, "transformers"))
    assert (encoder.dimension, encoder.input_size) == (24, (48, 48))
    images, texts = transformers_truth
    close = 1e-5 if runtime == "torch" else 1e-4
    np.testing.assert_allclose(encoder.texts(TEXTS), texts, atol=close)
    assert (encoder.images(pictures(5, 48)) * images).sum(axis=1).min() > 0.99
    if runtime == "torch":
        np.testing.assert_allclose(encoder.images(pictures(5, 48)), images, atol=1e-5)


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_no_texts_is_an_empty_array(clip_folder: Path, runtime: str) -> None:
    assert build_image_encoder(settings(clip_folder, runtime)).texts([]).shape == (0, 32)


def test_more_texts_than_a_batch_keep_their_order(clip_folder: Path) -> None:
    encoder = build_image_encoder(settings(clip_folder))
    texts = [f"number {i}" for i in range(20)]
    np.testing.assert_allclose(
        encoder.texts(texts)[[2, 18]], encoder.texts([texts[2], texts[18]]), atol=1e-5
    )


def test_frames_of_another_size_are_refused(clip_folder: Path) -> None:
    encoder = build_image_encoder(settings(clip_folder))
    with pytest.raises(ValueError, match=r"must be \[B, 64, 64, 3\], got \(1, 32, 32, 3\)"):
        encoder.images(pictures(1, 32))


def test_identity_follows_the_weights(clip_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / clip_folder.name
    shutil.copytree(clip_folder, other)
    weights = other / "open_clip_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-4:] = b"\0\0\0\0"
    weights.write_bytes(content)
    first = build_image_encoder(settings(clip_folder))
    again = build_image_encoder(settings(clip_folder, "torch"))
    changed = build_image_encoder(settings(other, "torch"))
    assert first.identity == again.identity != changed.identity


def test_openvino_on_a_gpu_is_a_usage_error(clip_folder: Path) -> None:
    wrong = settings(clip_folder, "openvino").model_copy(update={"device": "cuda"})
    with pytest.raises(UsageError, match="runs on the CPU"):
        build_image_encoder(wrong)


def test_unreachable_weights_are_missing() -> None:
    with pytest.raises(WeightsMissing, match="ViT-B-32-SigLIP2-256/webli"):
        build_image_encoder(settings("ViT-B-32-SigLIP2-256/webli"))


@pytest.mark.parametrize("damage", ["half the weights", "no weights", "no config", "bad config"])
@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_damaged_folder_is_corrupt(
    clip_folder: Path, tmp_path: Path, damage: str, runtime: str
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(clip_folder, folder)
    weights, config = folder / "open_clip_model.safetensors", folder / "open_clip_config.json"
    if damage == "half the weights":
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    elif damage == "no weights":
        weights.unlink()
    elif damage == "no config":
        config.unlink()
    else:
        config.write_text("{}", encoding="utf-8")
    with pytest.raises(WeightsCorrupt, match="open_clip cannot load"):
        build_image_encoder(settings(folder, runtime))


def test_another_dimension_than_configured_is_corrupt(clip_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "wrong"
    shutil.copytree(clip_folder, folder)
    config = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))
    config["model_cfg"]["embed_dim"] = 48
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(WeightsCorrupt, match="size mismatch"):
        build_image_encoder(settings(folder))


def test_transformers_folder_without_a_model_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(WeightsCorrupt, match="transformers cannot load"):
        build_image_encoder(settings(tmp_path, "torch", "transformers"))
