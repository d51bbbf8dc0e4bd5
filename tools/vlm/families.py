"""Which family of arithmetic a model belongs to: by its name, by the user's setting, or by the
configuration in its folder."""

import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longtake.errors import UsageError
from longtake.tools.vlm.tokens import Family, Largest
from longtake.tools.vlm.tokens_open import Constant, Gemma4, Idefics3, InternVL, LlavaOneVision
from longtake.tools.vlm.tokens_qwen import Qwen2, Qwen3
from longtake.tools.vlm.tokens_vendors import Claude, Gemini2, OpenAiPatches, OpenAiTiles

_ALL: tuple[Family, ...] = (
    Qwen2(name="qwen2-vl"),
    Qwen2(name="qwen2.5-vl"),
    Qwen3(name="qwen3-vl"),
    Idefics3(name="smolvlm2-500m"),
    Idefics3(name="smolvlm2-2.2b", tile=384, per_tile=81, longest=1536),
    Idefics3(name="idefics3", tile=364, per_tile=169, longest=1456),
    InternVL(name="internvl"),
    LlavaOneVision(name="llava-onevision"),
    Constant(name="gemma3"),
    Gemma4(name="gemma4"),
    OpenAiPatches(name="openai-patch"),
    OpenAiPatches(name="gpt-5.2", most_patches=6144),
    OpenAiPatches(name="gpt-4.1-mini", most_patches=6144, factor=1.62),
    OpenAiPatches(name="gpt-4.1-nano", most_patches=1536, factor=2.46),
    OpenAiPatches(name="gpt-5-nano", most_patches=1536, factor=2.46),
    OpenAiPatches(name="gpt-5-mini", most_patches=1536, factor=1.62),
    OpenAiPatches(name="o4-mini", most_patches=1536, factor=1.72),
    OpenAiTiles(name="gpt-4o", base=85, per_tile=170),
    OpenAiTiles(name="gpt-4o-mini", base=2833, per_tile=5667),
    OpenAiTiles(name="gpt-5", base=70, per_tile=140),
    OpenAiTiles(name="o-series", base=75, per_tile=150),
    Claude(name="claude"),
    Claude(name="claude-hires", longest=2576, most_patches=4784),
    Gemini2(name="gemini-2"),
    Constant(name="gemini-3", per_image=1120, delimiters=0),
)
_FAMILIES: Mapping[str, Family] = {family.name: family for family in _ALL}

_PATTERNS: tuple[tuple[str, str], ...] = tuple(
    (re.sub(r"\s+", "", pattern), family)
    for pattern, family in (
        (r"qwen-?2[._]5-?(vl|omni)", "qwen2.5-vl"),
        (r"qwen-?2-?vl", "qwen2-vl"),
        (r"qwen-?3([._]\d)?-?vl|qwen-?3[._]5", "qwen3-vl"),
        (r"smolvlm.*(2[._]2b|instruct-2b)|smolvlm-(instruct|base)$", "smolvlm2-2.2b"),
        (r"smolvlm", "smolvlm2-500m"),
        (r"idefics3", "idefics3"),
        (r"internvl", "internvl"),
        (r"llava-?onevision|llava-?ov", "llava-onevision"),
        (r"gemma-?3", "gemma3"),
        (r"gemma-?4", "gemma4"),
        (r"gpt-4o-mini", "gpt-4o-mini"),
        (r"gpt-4o|gpt-4[._]1$|gpt-4[._]1-20|gpt-4[._]5", "gpt-4o"),
        (r"gpt-4[._]1-mini", "gpt-4.1-mini"),
        (r"gpt-4[._]1-nano", "gpt-4.1-nano"),
        (r"gpt-5(\.\d)?-nano", "gpt-5-nano"),
        (r"gpt-5(\.\d)?-mini", "gpt-5-mini"),
        (r"gpt-5\.2", "gpt-5.2"),
        (r"gpt-5\.[4-9]", "openai-patch"),
        (r"gpt-5", "gpt-5"),
        (r"o4-mini", "o4-mini"),
        (r"(^|/)o[13](-|$)", "o-series"),
        (r"claude-[a-z]+-([5-9]|4[-.][7-9])(?!\d)", "claude-hires"),
        (r"claude", "claude"),
        (r"gemini-[12]", "gemini-2"),
        (r"gemini", "gemini-3"),
    )
)


def family_names() -> list[str]:
    """Every name that `vlm.family` takes."""
    return sorted(_FAMILIES)


def family_named(name: str) -> Family:
    """The family of that name.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    if name not in _FAMILIES:
        near = difflib.get_close_matches(name, _FAMILIES, n=3) or family_names()
        raise UsageError(f"vlm.family: no family {name!r}; there are {', '.join(near)}")
    return _FAMILIES[name]


def family_of(model: str) -> Family | None:
    """The family of a model by its name, as hubs, servers and vendors write it; None when none is
    known."""
    name = model.lower()
    for pattern, family in _PATTERNS:
        if re.search(pattern, name):
            return _FAMILIES[family]
    return None


def unknown_family() -> Family:
    """A bound for models of which nothing is known."""
    return Largest(_ALL)


def family_of_processor(folder: Path) -> Family:
    """The arithmetic of a model folder in hub format, by its own configuration.

    Raises:
        UsageError: there is no configuration, or of a kind whose arithmetic is not known.
    """
    kind = str(_read(folder, "config.json").get("model_type", ""))
    images = _section(folder, "image_processor", "preprocessor_config.json")
    videos = _section(folder, "video_processor", "video_preprocessor_config.json")
    name = folder.name
    if kind in ("qwen2_vl", "qwen2_5_vl"):
        return _qwen2(name, images, videos)
    if kind.startswith("qwen3"):
        return _qwen3(name, images, videos)
    if kind in ("smolvlm", "idefics3"):
        return _idefics3(name, folder, images)
    if kind == "internvl":
        tiles = int(images.get("max_patches", 12)) if images.get("crop_to_patches", True) else 1
        return InternVL(name=name, most_tiles=tiles)
    known = {"llava_onevision": "llava-onevision", "gemma3": "gemma3", "gemma4": "gemma4"}
    if kind in known:
        return _FAMILIES[known[kind]]
    raise UsageError(
        f"{str(folder)!r} holds a model of kind {kind!r}, whose pictures cannot be priced; name "
        f"the family that it counts like: --set vlm.family=NAME ({', '.join(family_names())})"
    )


def _read(folder: Path, name: str) -> dict[str, Any]:
    file = folder / name
    if not file.is_file():
        return {}
    made: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return made


def _section(folder: Path, key: str, file: str) -> dict[str, Any]:
    """A processor's part: of `processor_config.json` as transformers 5 writes it, else its own
    file."""
    whole = _read(folder, "processor_config.json").get(key)
    return whole if isinstance(whole, dict) else _read(folder, file)


def _limits(config: Mapping[str, Any], least: int, most: int) -> tuple[int, int]:
    """(least, most) pixels under whichever names the file has them."""
    size = config.get("size") or {}
    low = config.get("min_pixels") or size.get("shortest_edge") or size.get("min_pixels") or least
    high = config.get("max_pixels") or size.get("longest_edge") or size.get("max_pixels") or most
    return int(low), int(high)


def _factor(config: Mapping[str, Any], patch: int) -> int:
    return int(config.get("patch_size") or patch) * int(config.get("merge_size") or 2)


def _qwen2(name: str, images: Mapping[str, Any], videos: Mapping[str, Any]) -> Family:
    least, most = _limits(images, 56 * 56, 28 * 28 * 1280)
    video_least, video_most = _limits(videos, 128 * 28 * 28, 28 * 28 * 768)
    return Qwen2(
        name=name,
        factor=_factor(images, 14),
        least=least,
        most=most,
        video_least=video_least,
        video_most=video_most,
        temporal=int(videos.get("temporal_patch_size") or 2),
    )


def _qwen3(name: str, images: Mapping[str, Any], videos: Mapping[str, Any]) -> Family:
    least, most = _limits(images, 65_536, 16_777_216)
    video_least, video_most = _limits(videos, 4096, 25_165_824)
    capped = videos.get("cap_pixels_per_frame")
    return Qwen3(
        name=name,
        factor=_factor(images, 16),
        least=least,
        most=most,
        video_least=video_least,
        video_most=video_most,
        temporal=int(videos.get("temporal_patch_size") or 2),
        frame_cap=768 if capped else 0,
    )


def _idefics3(name: str, folder: Path, images: Mapping[str, Any]) -> Family:
    tile = int((images.get("max_image_size") or {}).get("longest_edge", 364))
    longest = int((images.get("size") or {}).get("longest_edge", 4 * tile))
    config = _read(folder, "config.json")
    patch = int((config.get("vision_config") or {}).get("patch_size", 14))
    scale = int(config.get("scale_factor", 2))
    return Idefics3(name=name, tile=tile, per_tile=(tile // patch // scale) ** 2, longest=longest)
