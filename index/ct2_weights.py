"""CTranslate2 Whisper weights back to an openai-whisper checkpoint: same tensors, other names.

The layout of `model.bin` is that of CTranslate2's binary format version 6 (little endian): version,
specification name and revision, then every variable (name, shape, type, bytes), then the aliases.
"""

import json
import os
import struct
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from longtake.errors import WeightsCorrupt
from longtake.index.lanes import F32

Variables = dict[str, NDArray[np.generic]]

_DTYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)


def convert(folder: Path, target: Path) -> None:
    """Write the CTranslate2 Whisper model in `folder` as an openai-whisper checkpoint (float32).

    Weights quantised to 8 bits come back as the rounded values they are; alignment heads go along.
    `target` appears whole or not at all.

    Raises:
        WeightsCorrupt: `folder` does not hold such a model.
    """
    import torch

    try:
        variables = read_variables(folder / "model.bin")
        state = _state(variables)
        heads = json.loads((folder / "config.json").read_text(encoding="utf-8"))["alignment_heads"]
        dims = _dimensions(variables)
    except (OSError, KeyError, IndexError, ValueError, struct.error) as exc:
        raise WeightsCorrupt(
            f"{str(folder)!r} is not a CTranslate2 Whisper model: {exc!r}"
        ) from exc
    checkpoint = {
        "dims": dims,
        "model_state_dict": {name: torch.from_numpy(value) for name, value in state.items()},
        "alignment_heads": heads,
    }
    handle, work = tempfile.mkstemp(dir=target.parent, suffix=".part")
    os.close(handle)
    try:
        torch.save(checkpoint, work)
        os.replace(work, target)
    except BaseException:
        os.unlink(work)
        raise


def read_variables(path: Path) -> Variables:
    """Every variable of a CTranslate2 `model.bin`, aliases resolved.

    Raises:
        OSError: the file cannot be read.
        ValueError, struct.error: it is not in that format, or cut short.
    """
    with path.open("rb") as stream:
        version = _number(stream, "I")
        name = _string(stream)
        if version != 6 or name != "WhisperSpec":
            raise ValueError(f"format {version} of {name!r}, expected 6 of 'WhisperSpec'")
        _number(stream, "I")  # revision of the specification
        variables = dict(_variable(stream) for _ in range(_number(stream, "I")))
        for _ in range(_number(stream, "I")):
            alias = _string(stream)
            variables[alias] = variables[_string(stream)]
    return variables


def _variable(stream: BinaryIO) -> tuple[str, NDArray[np.generic]]:
    name = _string(stream)
    shape = [_number(stream, "I") for _ in range(_number(stream, "B"))]
    dtype = np.dtype(_DTYPES[_number(stream, "B")]).newbyteorder("<")
    size = _number(stream, "I")
    data = stream.read(size)
    if len(data) != size:
        raise ValueError(f"{name} is cut short")
    return name, np.frombuffer(data, dtype).reshape(shape)


def _number(stream: BinaryIO, code: str) -> int:
    value: int = struct.unpack("<" + code, stream.read(struct.calcsize(code)))[0]
    return value


def _string(stream: BinaryIO) -> str:
    return stream.read(_number(stream, "H"))[:-1].decode()


def dense(variables: Variables, name: str) -> F32:
    """A variable as float32; 8 bit rows are divided by their scales."""
    value = variables[name]
    if value.dtype.kind != "i":
        return value.astype(np.float32)
    scale = variables[f"{name}_scale"].astype(np.float32)
    return value.astype(np.float32) / scale.reshape(-1, *[1] * (value.ndim - 1))


def _dimensions(variables: Variables) -> dict[str, int]:
    """openai-whisper's `ModelDimensions`."""
    vocabulary, text_state = variables["decoder/embeddings/weight"].shape
    audio_context, audio_state = variables["encoder/position_encodings/encodings"].shape
    return {
        "n_mels": variables["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": audio_context,
        "n_audio_state": audio_state,
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": _layers(variables, "encoder"),
        "n_vocab": vocabulary,
        "n_text_ctx": variables["decoder/position_encodings/encodings"].shape[0],
        "n_text_state": text_state,
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": _layers(variables, "decoder"),
    }


def _layers(variables: Variables, side: str) -> int:
    count = 0
    while f"{side}/layer_{count}/self_attention/linear_0/weight" in variables:
        count += 1
    return count


def _state(variables: Variables) -> dict[str, F32]:
    state: dict[str, F32] = {}
    for kind in ("weight", "bias"):
        for conv in ("conv1", "conv2"):
            state[f"encoder.{conv}.{kind}"] = dense(variables, f"encoder/{conv}/{kind}")
    state["decoder.token_embedding.weight"] = dense(variables, "decoder/embeddings/weight")
    for side, final in (("encoder", "ln_post"), ("decoder", "ln")):
        positions = dense(variables, f"{side}/position_encodings/encodings")
        state[f"{side}.positional_embedding"] = positions
        state |= _norm(variables, f"{side}/layer_norm", f"{side}.{final}")
        for layer in range(_layers(variables, side)):
            state |= _layer(variables, f"{side}/layer_{layer}", f"{side}.blocks.{layer}")
    return state


def _layer(variables: Variables, source: str, target: str) -> dict[str, F32]:
    state = _self_attention(variables, f"{source}/self_attention", f"{target}.attn")
    state |= _norm(variables, f"{source}/self_attention/layer_norm", f"{target}.attn_ln")
    if f"{source}/attention/linear_0/weight" in variables:
        state |= _cross_attention(variables, f"{source}/attention", f"{target}.cross_attn")
        state |= _norm(variables, f"{source}/attention/layer_norm", f"{target}.cross_attn_ln")
    state |= _norm(variables, f"{source}/ffn/layer_norm", f"{target}.mlp_ln")
    state |= _linear(variables, f"{source}/ffn/linear_0", [f"{target}.mlp.0"])
    return state | _linear(variables, f"{source}/ffn/linear_1", [f"{target}.mlp.2"])


def _self_attention(variables: Variables, source: str, target: str) -> dict[str, F32]:
    fused = [f"{target}.{part}" for part in ("query", "key", "value")]
    state = _linear(variables, f"{source}/linear_0", fused)
    del state[f"{target}.key.bias"]  # Whisper's keys have none; CTranslate2 fills in zeros
    return state | _linear(variables, f"{source}/linear_1", [f"{target}.out"])


def _cross_attention(variables: Variables, source: str, target: str) -> dict[str, F32]:
    state = _linear(variables, f"{source}/linear_0", [f"{target}.query"])
    state |= _linear(variables, f"{source}/linear_1", [f"{target}.key", f"{target}.value"])
    del state[f"{target}.key.bias"]
    return state | _linear(variables, f"{source}/linear_2", [f"{target}.out"])


def _linear(variables: Variables, source: str, targets: list[str]) -> dict[str, F32]:
    """Linear layers that CTranslate2 keeps as one, stacked by output."""
    state: dict[str, F32] = {}
    for kind in ("weight", "bias"):
        parts = np.split(dense(variables, f"{source}/{kind}"), len(targets))
        for target, part in zip(targets, parts, strict=True):
            state[f"{target}.{kind}"] = np.ascontiguousarray(part)
    return state


def _norm(variables: Variables, source: str, target: str) -> dict[str, F32]:
    return {
        f"{target}.weight": dense(variables, f"{source}/gamma"),
        f"{target}.bias": dense(variables, f"{source}/beta"),
    }
