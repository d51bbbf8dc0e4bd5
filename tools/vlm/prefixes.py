"""Prompts that begin like one that a local model has read: what it made of the shared beginning is
kept and not computed again.

That is the attention's keys and values of the first tokens, which depend on nothing after them.
They are used for a prompt that begins with the same tokens and the same pictures, when the shared
part holds all of its pictures: asked again, repaired, or asked something else about the same
frames.
"""

import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from longtake.tools.vlm.messages import Picture, Request, Text, laid_out

REUSABLE = frozenset({"qwen2_5_vl"})
"""`model_type`s whose replies were shown to be the same with and without."""
MOST_BYTES = 512 * 2**20
"""Keys and values that are kept, all prompts together."""
WORTH = 0.5
"""Share of a prompt that must be known for it to be read by itself instead of in a batch."""
_END = "\x00"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A batch that is about to be read."""

    inputs: Mapping[str, Any]
    """Arguments of the model's `generate`."""
    known: int
    """Tokens of the only prompt that are not read again."""
    spelled: Sequence[str]
    prompts: Sequence[list[int]]
    """Tokens of each prompt, without padding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kept:
    ids: list[int]
    """Tokens of the prompt."""
    layers: list[tuple[Any, Any]]
    """(keys, values) a layer, each [1, heads, len(ids), size]."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(int(part.nbytes) for layer in self.layers for part in layer)


class Prefixes:
    """The prompts of one model that were read last. Not for several threads.

    Args:
        most_bytes: of keys and values; a prompt that is larger alone is not kept.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(kept.size for kept in self._kept.values())

    def knows(self, spelled: str) -> bool:
        """Whether most of a prompt, and all of its pictures, was read.

        Args:
            spelled: the request as `spell` writes it.
        """
        beginning = spelled[: max(_pictures_end(spelled), int(WORTH * len(spelled)))]
        return any(known.startswith(beginning) for known in self._kept)

    def begin(self, model: Any, batch: Mapping[str, Any], spelled: Sequence[str]) -> Reading:
        """What to hand to `generate`: of a single prompt only what is not known.

        Args:
            batch: the processor's tensors, padded on the left, on the model's device.
            spelled: each request as `spell` writes it.
        """
        marks = batch["attention_mask"].bool()
        prompts = [ids[mark].tolist() for ids, mark in zip(batch["input_ids"], marks, strict=True)]
        inputs = dict(batch)
        known = 0
        if reusable(model):
            from transformers import DynamicCache

            found = self._find(model, spelled[0], prompts[0]) if len(prompts) == 1 else None
            inputs["cache"] = DynamicCache()
            if found is not None:
                known, inputs["cache"] = found
                inputs = {name: one for name, one in inputs.items() if "pixel" not in name}
            model.model.rope_deltas = None  # else positions go on from the prompt read before
        return Reading(inputs=inputs, known=known, spelled=spelled, prompts=prompts)

    def end(self, reading: Reading) -> None:
        """Remember what was read, once the model has replied; what was used longest ago goes."""
        cache = reading.inputs.get("cache")
        if cache is None:
            return
        longest = reading.inputs["input_ids"].shape[1]
        for row, (spelled, ids) in enumerate(zip(reading.spelled, reading.prompts, strict=True)):
            layers = [
                (
                    layer.keys[row : row + 1, :, longest - len(ids) : longest].clone(),
                    layer.values[row : row + 1, :, longest - len(ids) : longest].clone(),
                )
                for layer in cache.layers
            ]
            kept = _Kept(ids=ids, layers=layers)
            if kept.size > self._most:
                continue
            self._kept[spelled] = kept
            self._kept.move_to_end(spelled)
            while self.size > self._most:
                self._kept.popitem(last=False)

    def _find(self, model: Any, spelled: str, ids: Sequence[int]) -> tuple[int, Any] | None:
        """The longest known beginning of a prompt that holds all of its pictures: how many tokens,
        and a cache with them. At least one token is left to be read."""
        best, found = 0, ""
        for known, kept in self._kept.items():
            if not known.startswith(spelled[: _pictures_end(spelled)]):
                continue  # the same tokens may stand for other pictures
            length = _shared(kept.ids, ids[:-1])
            if length > best:
                best, found = length, known
        pictures = (model.config.image_token_id, model.config.video_token_id)
        if not best or any(token in pictures for token in ids[best:]):
            return None
        self._kept.move_to_end(found)
        return best, _cache(self._kept[found].layers, best)


def reusable(model: Any) -> bool:
    """Whether a model's prompts can be continued with the same replies as if read anew."""
    # the argument has this name since transformers 5.24; earlier releases are not tested
    return model.config.model_type in REUSABLE and "cache" in (
        inspect.signature(model.forward).parameters
    )


def spell(request: Request, *, as_video: bool) -> str:
    """A request as one text in which pictures are written as what tells them apart, so that equal
    beginnings of two such texts stand for equal beginnings of prompts."""
    written = []
    for message in request.messages:
        written.append(f"{message.role}:")
        for part in laid_out(message.parts, as_video=as_video):
            if isinstance(part, Text):
                written.append(part.text)
                continue
            pictures = (part,) if isinstance(part, Picture) else part.pictures
            marks = [f"{picture.time} {picture.digest}" for picture in pictures]
            written.append(f"<{' '.join(marks)}>{_END}")
    return "\n".join(written)


def _pictures_end(spelled: str) -> int:
    return spelled.rfind(_END) + 1


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first tokens are the same."""
    least = min(len(one), len(other))
    return next((i for i in range(least) if one[i] != other[i]), least)


def _cache(layers: Sequence[tuple[Any, Any]], length: int) -> Any:
    from transformers import DynamicCache

    cache = DynamicCache()
    for index, (keys, values) in enumerate(layers):
        cache.update(keys[:, :, :length], values[:, :, :length], index)
    return cache
