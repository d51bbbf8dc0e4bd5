"""A small CLIP of open_clip's own making: ModifiedResNet for frames, a transformer for texts."""

import json
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch.nn import functional

from longtake.eval.haystack.models.frames import U8
from longtake.eval.haystack.models.tokenizer import CONTEXT

SIZE = 224
"""Pixels a side: whole frames are squashed to it."""
WEIGHTS = "open_clip_model.safetensors"
WIDTH = 256
"""Dimensions of an embedding."""
_NARROWEST = 16
GATHERED = 32 * _NARROWEST
"""Dimensions of what the image tower's attention gathers."""
_STRIDE = 32
_MEAN, _STD = (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)


def model_config(vocabulary: int) -> dict[str, Any]:
    """What open_clip builds the model from."""
    return {
        "embed_dim": WIDTH,
        "custom_text": True,
        "vision_cfg": {
            "image_size": SIZE,
            "layers": [1, 1, 1, 1],
            "width": _NARROWEST,
            "head_width": 32,
        },
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": vocabulary,
            "hf_tokenizer_name": "haystack",  # any name: open_clip reads the folder's own
            "width": 128,
            "heads": 4,
            "layers": 2,
        },
    }


def make_model(vocabulary: int) -> Any:
    """The model with random weights, float32, laid out for fast convolutions on a CPU."""
    from open_clip.model import CustomTextCLIP

    config = model_config(vocabulary)
    del config["custom_text"]
    model = CustomTextCLIP(**config)
    model.visual.to(memory_format=torch.channels_last)
    model.visual.attnpool.forward = MethodType(_pooled, model.visual.attnpool)
    return model


def _pooled(pool: Any, x: torch.Tensor) -> Any:
    """As open_clip's AttentionPool2d, but for the one query that is used, and with positions
    stretched to frames of other sizes; `gathered` [B, GATHERED] keeps what comes before the last
    projection."""
    batch, channels, side = x.shape[:3]
    x = x.reshape(batch, channels, -1).permute(2, 0, 1)
    places = pool.positional_embedding
    if side != SIZE // _STRIDE:
        grid = places[1:].T.reshape(1, channels, SIZE // _STRIDE, SIZE // _STRIDE)
        grid = functional.interpolate(grid, size=(side, side), mode="bicubic")[0]
        places = torch.cat([places[:1], grid.reshape(channels, -1).T])
    x = torch.cat([x.mean(0, keepdim=True), x]) + places[:, None].to(x.dtype)
    query = pool.q_proj(x[:1])
    query, key, value = (
        part.reshape(-1, batch, pool.num_heads, channels // pool.num_heads).permute(1, 2, 0, 3)
        for part in (query, pool.k_proj(x), pool.v_proj(x))
    )
    gathered = functional.scaled_dot_product_attention(query, key, value)
    pool.gathered = gathered.reshape(batch, channels)
    return pool.c_proj(pool.gathered)


def embed_texts(model: Any, tokenizer: Any, texts: list[str]) -> torch.Tensor:
    """f32 [B, WIDTH], padded only to the longest of the texts (tokens after the end change
    nothing: the tower is causal)."""
    ids = tokenizer(
        texts, padding=True, truncation=True, max_length=CONTEXT, return_tensors="pt"
    ).input_ids
    whole = model.text.attn_mask
    model.text.attn_mask = whole[: ids.shape[1], : ids.shape[1]]
    try:
        embeddings: torch.Tensor = model.encode_text(ids).float()
        return embeddings
    finally:
        model.text.attn_mask = whole


def embed_frames(
    model: Any, frames: U8, *, size: int = SIZE, light: torch.Tensor | None = None
) -> torch.Tensor:
    """u8 [B, H, W, 3] -> f32 [B, WIDTH]; `light` [B, 3, 1, 1] makes channels brighter."""
    x = torch.from_numpy(frames).permute(0, 3, 1, 2)
    if x.shape[2:] != (size, size):
        x = functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(part).view(1, 3, 1, 1) for part in (_MEAN, _STD))
    factor = (1 if light is None else light) / (255 * std)
    x = (x.float() * factor - mean / std).contiguous(memory_format=torch.channels_last)
    embeddings: torch.Tensor = model.encode_image(x).float()
    return embeddings


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """A folder in hub format, weights in half precision."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    about = {
        "model_cfg": model_config(len(tokenizer)),
        "preprocess_cfg": {
            "mean": _MEAN,
            "std": _STD,
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }
    text = json.dumps(about, indent=2) + "\n"
    (folder / "open_clip_config.json").write_text(text, encoding="utf-8")
