"""Image and text towers of CLIP-like models, loaded by the libraries they were made with.

Every model is brought to one form: an image module from u8 [B, H, W, 3] RGB, a text module from
token ids (and a mask, where the model has one), both to unit-length f32 [B, D].
"""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from longtake.errors import WeightsCorrupt
from longtake.index.openvino_export import quiet_transformers
from longtake.models import Weights

Engine = Literal["open_clip", "transformers"]
Tokens = tuple[NDArray[np.int64], ...]
Tokenize = Callable[[list[str]], Tokens]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Towers:
    """A model in torch, on the CPU, in eval mode and float32."""

    image: Any
    text: Any
    tokenize: Tokenize
    input_size: tuple[int, int]
    """(width, height)"""
    dimension: int


def load_towers(engine: Engine, weights: Weights) -> Towers:
    """The model in `weights`, through the real loading code of `engine`.

    Raises:
        WeightsCorrupt: the files do not make a model, or not the one their configuration says.
    """
    from safetensors import SafetensorError

    loader = _open_clip if engine == "open_clip" else _transformers
    failures = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError)
    try:
        with quiet_transformers():
            towers = loader(weights)
        _check(towers)
    except (*failures, SafetensorError, pickle.UnpicklingError, json.JSONDecodeError) as exc:
        raise WeightsCorrupt(
            f"{engine} cannot load {weights.name!r} from {str(weights.path)!r}: {exc}"
        ) from exc
    return towers


def load_tokenizer(engine: Engine, weights: Weights) -> Tokenize:
    """Texts to what the text tower takes, without loading the model."""
    return _open_clip_tokenizer(weights) if engine == "open_clip" else _hf_tokenizer(weights)


def _check(towers: Towers) -> None:
    import torch

    width, height = towers.input_size
    with torch.no_grad():
        image = towers.image(torch.zeros(1, height, width, 3, dtype=torch.uint8))
        text = towers.text(*(torch.from_numpy(part) for part in towers.tokenize(["a"])))
    if image.shape != text.shape or image.shape[1] != towers.dimension:
        raise ValueError(
            f"images have {image.shape[1]} dimensions, texts {text.shape[1]}: "
            "this is no model of one image-text space"
        )
    if not (torch.isfinite(image).all() and torch.isfinite(text).all()):
        raise ValueError("the embeddings are not finite numbers")


def _image_module(encode: Callable[[Any], Any], owner: Any, mean: Any, std: Any) -> Any:
    """u8 [B, H, W, 3] -> scaled, normalised, encoded, unit length."""
    import torch

    class Image(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.owner = owner
            # One affine step: (x / 255 - mean) / std
            factor = 1 / (255 * torch.tensor(std, dtype=torch.float32))
            shift = torch.tensor(mean, dtype=torch.float32) / torch.tensor(std)
            self.factor = torch.nn.Buffer(factor.view(1, 3, 1, 1))
            self.shift = torch.nn.Buffer(shift.view(1, 3, 1, 1))

        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            x = frames.permute(0, 3, 1, 2).to(torch.float32) * self.factor - self.shift
            return torch.nn.functional.normalize(_features(encode(x)), dim=-1)

    return Image().eval()


def _text_module(encode: Callable[..., Any], owner: Any) -> Any:
    import torch

    class Text(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.owner = owner

        def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
            output = encode(ids) if mask is None else encode(ids, mask)
            return torch.nn.functional.normalize(_features(output), dim=-1)

    return Text().eval()


def _features(output: Any) -> Any:
    """transformers 5 wraps the projected features in an output object, version 4 does not."""
    return getattr(output, "pooler_output", output)


def _open_clip(weights: Weights) -> Towers:
    import open_clip

    if weights.path.is_dir():
        model = open_clip.create_model_from_pretrained(
            f"local-dir:{weights.path}", return_transform=False
        )
    elif weights.source == "path":
        raise ValueError("a bare file does not say its architecture; give a folder in hub format")
    else:  # `architecture/tag`, downloaded to the library's own cache
        architecture, _, tag = weights.name.partition("/")
        model = open_clip.create_model_from_pretrained(architecture, tag, return_transform=False)
    if hasattr(model.visual, "trunk"):
        # MobileCLIP and its kin train with branches that fold into one convolution.
        from timm.utils.model import reparameterize_model

        model.visual.trunk = reparameterize_model(model.visual.trunk)
    config = model.visual.preprocess_cfg
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else size
    model.eval()
    image = _image_module(model.encode_image, model, config["mean"], config["std"])
    tokenize = _open_clip_tokenizer(weights)
    text = _text_module(model.encode_text, model)
    return Towers(
        image=image,
        text=text,
        tokenize=tokenize,
        input_size=(width, height),
        dimension=_text_dimension(text, tokenize),
    )


def _text_dimension(text: Any, tokenize: Tokenize) -> int:
    import torch

    with torch.no_grad():
        return int(text(*(torch.from_numpy(part) for part in tokenize(["a"]))).shape[1])


def _open_clip_tokenizer(weights: Weights) -> Tokenize:
    import open_clip

    folder = f"local-dir:{weights.path}"
    name = folder if weights.path.is_dir() else weights.name.partition("/")[0]
    tokenizer = open_clip.get_tokenizer(name)
    return lambda texts: (np.asarray(tokenizer(texts), np.int64),)


def _transformers(weights: Weights) -> Towers:
    import torch
    from transformers import AutoImageProcessor, AutoModel

    folder = str(weights.path)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    size = model.config.vision_config.image_size
    image = _image_module(
        model.get_image_features, model, processor.image_mean, processor.image_std
    )
    text = _text_module(
        lambda ids, mask=None: model.get_text_features(input_ids=ids, attention_mask=mask), model
    )
    tokenize = _hf_tokenizer(weights)
    return Towers(
        image=image,
        text=text,
        tokenize=tokenize,
        input_size=(size, size),
        dimension=_text_dimension(text, tokenize),
    )


def _hf_tokenizer(weights: Weights) -> Tokenize:
    from transformers import AutoConfig, AutoTokenizer

    folder = str(weights.path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    length = AutoConfig.from_pretrained(folder).text_config.max_position_embeddings
    # SigLIP was trained on padded texts and without a mask: its tokenizer makes none.
    names = [
        name for name in ("input_ids", "attention_mask") if name in tokenizer.model_input_names
    ]

    def tokenize(texts: list[str]) -> Tokens:
        batch = tokenizer(texts, padding="max_length", max_length=length, truncation=True)
        return tuple(np.asarray(batch[name], np.int64) for name in names)

    return tokenize
