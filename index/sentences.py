"""Sentence embeddings: any sentence-transformers model, run by OpenVINO where its form is common.

A query waits for this encoder, so the usual form (a transformer, mean or CLS pooling, normalised)
is exported once and then needs neither torch nor sentence-transformers to start. Other forms are
run by sentence-transformers itself.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from longtake.config import Settings
from longtake.errors import EngineError, WeightsCorrupt
from longtake.index.lanes import F32, SentenceEncoder
from longtake.index.openvino_export import (
    Compiled,
    exported,
    quiet_transformers,
    write_module,
)
from longtake.models import fingerprint, resolve

I64 = NDArray[np.int64]

_XML = "model.xml"
_BATCH = 32
_LENGTH_STEP = 8
"""Texts are padded to a multiple, so that few input shapes occur."""


def build_sentence_encoder(settings: Settings) -> SentenceEncoder:
    """The encoder that `settings.sentences` names.

    Raises:
        WeightsMissing, WeightsCorrupt: no usable weights.
    """
    name = settings.sentences.model
    folder = resolve("sentences", name, offline=settings.offline).path
    return load_sentence_encoder(
        folder, identity=fingerprint(name), threads=settings.threads, device=settings.device
    )


def load_sentence_encoder(
    folder: Path, *, identity: str, threads: int = 1, device: Literal["auto", "cpu", "cuda"] = "cpu"
) -> SentenceEncoder:
    """The encoder in a sentence-transformers folder; torch runs it only on `cuda`.

    Raises:
        WeightsCorrupt: the folder holds no sentence-transformers model, or a damaged one.
    """
    recipe = _Recipe.read(folder)
    if recipe is None or device == "cuda":
        return TorchSentenceEncoder(folder, identity=identity, device=device)
    return OpenVinoSentenceEncoder(folder, recipe, identity=identity, threads=threads)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """What a common sentence-transformers model does beside its transformer."""

    pooling: Literal["mean", "cls"]
    max_tokens: int
    lower: bool
    pad_id: int

    @classmethod
    def read(cls, folder: Path) -> "_Recipe | None":
        """The recipe in a model's folder, None when the model needs more than this."""
        try:
            modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
            kinds = [module["type"].rpartition(".")[2] for module in modules]
            if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
                return None
            if modules[0]["path"] or not (folder / "tokenizer.json").exists():
                return None
            if _optional(folder / "config_sentence_transformers.json").get("default_prompt_name"):
                return None
            pooling = _pooling(_optional(folder / modules[1]["path"] / "config.json"))
            transformer = _optional(folder / "sentence_bert_config.json")
            return pooling and cls(
                pooling=pooling,
                max_tokens=_max_tokens(folder, transformer),
                lower=bool(transformer.get("do_lower_case", False)),
                pad_id=_optional(folder / "config.json").get("pad_token_id") or 0,
            )
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise WeightsCorrupt(
                f"no sentence-transformers model in {str(folder)!r}: {exc!r}; give a folder with "
                "modules.json, as SentenceTransformer.save writes it"
            ) from exc


def _optional(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content


def _pooling(config: dict[str, Any]) -> Literal["mean", "cls"] | None:
    """The one pooling of a config in the old form (flags) or the new (a name)."""
    modes = [config["pooling_mode"]] if "pooling_mode" in config else []
    modes += [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
    known: dict[str, Literal["mean", "cls"]] = {
        "mean": "mean",
        "pooling_mode_mean_tokens": "mean",
        "cls": "cls",
        "pooling_mode_cls_token": "cls",
    }
    return known.get(modes[0]) if len(modes) == 1 else None


def _max_tokens(folder: Path, transformer: dict[str, Any]) -> int:
    """Tokens a text is cut to, as sentence-transformers decides it."""
    if stated := transformer.get("max_seq_length"):
        return int(stated)
    tokenizer = _optional(folder / "tokenizer_config.json").get("model_max_length", 512)
    positions = _optional(folder / "config.json").get("max_position_embeddings", 512)
    return int(min(tokenizer, positions))


class OpenVinoSentenceEncoder:
    """Transformer, pooling and normalisation in one exported graph, with the `tokenizers` library.

    Numerically equal to sentence-transformers in float32.
    """

    def __init__(self, folder: Path, recipe: _Recipe, *, identity: str, threads: int) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as exc:  # tokenizers raises no narrower class
            raise WeightsCorrupt(f"damaged tokenizer in {str(folder)!r}: {exc}") from exc
        self._tokenizer.enable_truncation(recipe.max_tokens)
        self._tokenizer.no_padding()
        self._recipe = recipe
        self._identity = identity
        key = f"sentences {fingerprint(str(folder))} {recipe.pooling}"
        export = exported(folder.name, key, lambda work: _export(folder, recipe.pooling, work))
        self._model = Compiled(export / _XML, threads=threads)

    @property
    def dimension(self) -> int:
        return self._model.output_dimension

    @property
    def identity(self) -> str:
        return self._identity

    def embed(self, texts: list[str]) -> F32:
        """-> f32 [B, D], unit length."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        if self._recipe.lower:
            texts = [text.lower() for text in texts]
        encodings = self._tokenizer.encode_batch([text.strip() for text in texts])
        tokens: list[list[int]] = [encoding.ids for encoding in encodings]
        by_length = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        for start in range(0, len(by_length), _BATCH):
            batch = by_length[start : start + _BATCH]
            vectors[batch] = self._model(*self._padded([tokens[i] for i in batch]))
        return vectors

    def _padded(self, tokens: list[list[int]]) -> tuple[I64, I64]:
        """Token ids and attention mask, i64 [B, T]."""
        longest = max(map(len, tokens))
        width = min(-(-longest // _LENGTH_STEP) * _LENGTH_STEP, self._recipe.max_tokens)
        ids = np.full((len(tokens), width), self._recipe.pad_id, np.int64)
        mask = np.zeros((len(tokens), width), np.int64)
        for row, line in enumerate(tokens):
            ids[row, : len(line)] = line
            mask[row, : len(line)] = 1
        return ids, mask


def _export(folder: Path, pooling: Literal["mean", "cls"], target: Path) -> None:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel

    class Sentence(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = AutoModel.from_pretrained(str(folder), dtype=torch.float32)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
            if pooling == "cls":
                return torch.nn.functional.normalize(states[:, 0], dim=1)
            weights = mask.unsqueeze(2).to(states.dtype)
            mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    try:
        with quiet_transformers():
            module = Sentence().eval()
    except (OSError, ValueError, RuntimeError, SafetensorError) as exc:
        raise WeightsCorrupt(f"cannot load the model in {str(folder)!r}: {exc}") from exc
    ids = torch.tensor([[2, 3, 4, 0], [2, 3, 3, 4]])  # tokens that every vocabulary has
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])
    write_module(module, target / _XML, (ids, mask))


class TorchSentenceEncoder:
    """Any model, run by sentence-transformers itself."""

    def __init__(
        self, folder: Path, *, identity: str, device: Literal["auto", "cpu", "cuda"]
    ) -> None:
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer

        try:
            with quiet_transformers():
                self._model = SentenceTransformer(
                    str(folder), device=None if device == "auto" else device
                )
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as exc:
            raise WeightsCorrupt(f"cannot load the model in {str(folder)!r}: {exc}") from exc
        self._identity = identity
        self._dimension = len(self._encode([""])[0])

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def identity(self) -> str:
        return self._identity

    def embed(self, texts: list[str]) -> F32:
        """-> f32 [B, D], unit length."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return self._encode(texts)

    def _encode(self, texts: list[str]) -> F32:
        try:
            vectors = self._model.encode(
                texts, normalize_embeddings=True, show_progress_bar=False, batch_size=_BATCH
            )
        except RuntimeError as exc:
            raise EngineError(f"sentence-transformers failed: {exc}") from exc
        return np.asarray(vectors, np.float32)
