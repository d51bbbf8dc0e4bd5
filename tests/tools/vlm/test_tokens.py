"""Counts of pictures against the real processors, built offline, and the vendors' own examples."""

import json
from pathlib import Path

import numpy as np
import pytest
from transformers import (
    GotOcr2ImageProcessor,
    Idefics3ImageProcessor,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
)
from transformers.models.gemma4.image_processing_gemma4 import get_aspect_ratio_preserving_size
from transformers.video_utils import VideoMetadata

from longtake.errors import UsageError
from longtake.tools.vlm.families import (
    family_named,
    family_names,
    family_of,
    family_of_processor,
    unknown_family,
)
from longtake.tools.vlm.pricing import Pricer
from longtake.tools.vlm.tokens import STAMP_TOKENS
from longtake.tools.vlm.tokens_open import Idefics3
from longtake.tools.vlm.tokens_qwen import Qwen3
from tests.tools.vlm.processors import qwen, tokenizer

COMMON = [(1920, 1080), (1280, 720), (640, 360), (1080, 1920), (320, 240), (448, 448)]


def sizes(count: int, least: int, most: int, seed: int = 7) -> list[tuple[int, int]]:
    """Common sizes and random ones, (width, height)."""
    made = np.random.default_rng(seed).integers(least, most, (count, 2)).tolist()
    return COMMON + [(w, h) for w, h in made if max(w, h) / min(w, h) < 150]


@pytest.mark.parametrize("kind", ["qwen2.5-vl", "qwen3-vl"])
def test_qwen_images_cost_what_the_processor_counts(kind: str) -> None:
    processor, family = qwen(kind), family_named(kind)
    every = sizes(3000, 20, 5000)
    counted = processor._get_num_multimodal_tokens(image_sizes=[(h, w) for w, h in every])
    wrong = [
        (size, tokens)
        for size, tokens in zip(every, counted["num_image_tokens"], strict=True)
        if family.image_tokens(*size) != tokens + 2
    ]
    assert wrong == []
    for width, height in sizes(20, 30, 900):
        pixels = np.zeros((height, width, 3), np.uint8)
        text = "<|vision_start|><|image_pad|><|vision_end|>"
        ids = processor(text=[text], images=[pixels])["input_ids"][0]
        assert len(ids) == family.image_tokens(width, height)


@pytest.mark.parametrize("kind", ["qwen2.5-vl", "qwen3-vl"])
def test_qwen_videos_cost_what_the_processor_counts(kind: str) -> None:
    processor, family = qwen(kind), family_named(kind)
    rng = np.random.default_rng(3)
    for width, height in sizes(14, 60, 500)[3:]:
        count = int(rng.integers(2, 16))
        pixels = np.zeros((count, height, width, 3), np.uint8)
        metadata = VideoMetadata(
            total_num_frames=count,
            fps=1.0,
            duration=float(count),
            frames_indices=list(range(count)),
            height=height,
            width=width,
        )
        inner = "<|video_pad|>"
        text = inner if kind == "qwen3-vl" else f"<|vision_start|>{inner}<|vision_end|>"
        ids = processor(
            text=[text],
            videos=[pixels],
            video_metadata=[metadata],
            do_sample_frames=False,
            cap_pixels_per_frame=False,
        )["input_ids"][0]
        tokens = family.video_tokens(count, width, height)
        if kind == "qwen3-vl":
            steps = -(-count // 2)
            stamps = sum(
                len(f"<{(2 * i + min(2 * i + 1, count - 1)) / 2:.1f} seconds>")
                for i in range(steps)
            )
            # this tokenizer spends a token a byte on times; the family's bound is for the real one
            tokens += stamps - STAMP_TOKENS * steps
        assert len(ids) == tokens


def test_idefics3_splits_pictures_as_the_processor_does() -> None:
    images = Idefics3ImageProcessor()
    family = family_named("idefics3")
    assert isinstance(family, Idefics3)
    for width, height in sizes(20, 40, 2500):
        pixels = np.zeros((height, width, 3), np.uint8)
        made = images([[pixels]], return_row_col_info=True)
        rows, columns = int(made["rows"][0][0]), int(made["cols"][0][0])
        tiles = rows * columns
        expected = (tiles + 1) * 169 + 2 * tiles + rows + 3 if tiles else 169 + 3
        assert family.image_tokens(width, height) == expected


def test_internvl_tiles_as_the_processor_does() -> None:
    images = GotOcr2ImageProcessor(
        size={"height": 448, "width": 448}, crop_to_patches=True, min_patches=1, max_patches=12
    )
    family = family_named("internvl")
    for width, height in sizes(2000, 40, 4000):
        tiles = images.get_number_of_image_patches(height, width, {"crop_to_patches": True})
        assert family.image_tokens(width, height) == tiles * 256 + 2


def test_llava_onevision_counts_as_the_processor_does() -> None:
    processor = LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(),
        tokenizer=tokenizer("<image>", "<video>"),
        video_processor=LlavaOnevisionVideoProcessor(),
        num_image_tokens=729,
        vision_feature_select_strategy="full",
    )
    family = family_named("llava-onevision")
    every = sizes(2000, 40, 3000)
    counted = processor._get_num_multimodal_tokens(image_sizes=[(h, w) for w, h in every])
    assert [family.image_tokens(*size) for size in every] == counted["num_image_tokens"]


def test_gemma4_fits_as_the_processor_does() -> None:
    family = family_named("gemma4")
    for width, height in sizes(2000, 100, 4000):
        high, wide = get_aspect_ratio_preserving_size(height, width, 16, 280 * 9, 3)
        assert family.image_tokens(width, height) == (high // 16) * (wide // 16) // 9 + 2


@pytest.mark.parametrize(
    ("family", "width", "height", "tokens"),
    [
        ("claude", 1075, 1520, 33 * 47),
        ("claude", 1920, 1080, 1560),
        ("claude-hires", 1920, 1080, 2691),
        ("claude-hires", 3840, 2160, 4784),
        ("openai-patch", 1024, 1024, 1229),
        ("openai-patch", 2048, 2048, 3000),
        ("gpt-4o", 1024, 1024, 765),
        ("gpt-4o", 2048, 4096, 1105),
        ("gemini-2", 384, 384, 258),
        ("gemma3", 1920, 1080, 258),
    ],
)
def test_vendors_own_examples(family: str, width: int, height: int, tokens: int) -> None:
    assert family_named(family).image_tokens(width, height) == tokens


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2.5-vl"),
        ("qwen2.5vl:7b", "qwen2.5-vl"),
        ("Qwen/Qwen2-VL-2B-Instruct", "qwen2-vl"),
        ("Qwen/Qwen3-VL-8B-Instruct", "qwen3-vl"),
        ("HuggingFaceTB/SmolVLM2-500M-Video-Instruct", "smolvlm2-500m"),
        ("HuggingFaceTB/SmolVLM2-2.2B-Instruct", "smolvlm2-2.2b"),
        ("OpenGVLab/InternVL3-8B-hf", "internvl"),
        ("llava-hf/llava-onevision-qwen2-7b-ov-hf", "llava-onevision"),
        ("gemma3:4b", "gemma3"),
        ("google/gemma-4-E4B-it", "gemma4"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-2024-11-20", "gpt-4o"),
        ("gpt-4.1-mini", "gpt-4.1-mini"),
        ("gpt-5.1", "gpt-5"),
        ("gpt-5.5", "openai-patch"),
        ("o4-mini", "o4-mini"),
        ("anthropic:claude-sonnet-4-5", "claude"),
        ("gemini-2.5-flash", "gemini-2"),
        ("gemini-3-pro-preview", "gemini-3"),
        ("mistral-small", None),
    ],
)
def test_families_go_by_the_names_that_models_have(model: str, family: str | None) -> None:
    found = family_of(model)
    assert (found.name if found is not None else None) == family


def test_an_unknown_model_costs_what_the_dearest_family_does() -> None:
    bound = unknown_family()
    for size in sizes(50, 40, 3000):
        every = [family_named(name).image_tokens(*size) for name in family_names()]
        assert bound.image_tokens(*size) == max(every)


def test_a_family_that_does_not_exist_is_told() -> None:
    with pytest.raises(UsageError, match=r"no family 'qwen2-5-vl'; there are .*qwen2\.5-vl"):
        family_named("qwen2-5-vl")


@pytest.mark.parametrize("kind", ["qwen2.5-vl", "qwen3-vl"])
def test_a_folder_counts_by_its_own_limits(kind: str, tmp_path: Path) -> None:
    processor = qwen(kind)
    processor.image_processor.size = {"shortest_edge": 3136, "longest_edge": 100_352}
    processor.save_pretrained(tmp_path)
    model_type = {"qwen2.5-vl": "qwen2_5_vl", "qwen3-vl": "qwen3_vl"}[kind]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    family = family_of_processor(tmp_path)
    if kind == "qwen3-vl":
        assert isinstance(family, Qwen3)
    every = sizes(300, 40, 2500)
    counted = processor._get_num_multimodal_tokens(image_sizes=[(h, w) for w, h in every])
    assert [family.image_tokens(*s) - 2 for s in every] == counted["num_image_tokens"]


def test_a_folder_of_an_unknown_kind_asks_for_a_family(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "paligemma"}')
    with pytest.raises(UsageError, match=r"kind 'paligemma'.*vlm\.family="):
        family_of_processor(tmp_path)


@pytest.mark.parametrize(
    ("kind", "video_exact"),
    [("qwen2_5_vl", True), ("qwen3_vl", True), ("smolvlm", True), ("internvl", False)],
)
def test_prices_of_videos_are_exact_only_where_that_was_shown(
    tmp_path: Path, kind: str, video_exact: bool
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    for as_video in (False, True):
        pricer = Pricer.for_model("a-model", processor=tmp_path, as_video=as_video)
        assert pricer.exact is (video_exact or not as_video)
