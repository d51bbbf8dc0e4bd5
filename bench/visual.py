"""Frame embedding against the bare engine and torch: `python -m bench.visual [--quick]`.

ViT-B-32 with random weights: speed is that of the real model. Cosines say nothing about real
weights and are not measured. One thread, CPU seconds, sides alternate.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.decode import cpu_seconds, encode
from longtake.index.decode import DecodePass, DecodePlan, SampledFrame
from longtake.index.encoders import OpenVinoEncoder, TorchEncoder
from longtake.index.gate import ChangeGate
from longtake.index.visual import BATCH, FrameEmbedder
from longtake.models import Weights


def main() -> None:
    """Print the rows of the bench table."""
    parser = argparse.ArgumentParser(description="Frame embedding against the bare engine.")
    parser.add_argument("--quick", action="store_true", help="16 frames, two rounds")
    quick = parser.parse_args().quick
    count, rounds = (16, 2) if quick else (48, 4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LONGTAKE_CACHE"] = str(Path(folder) / "cache")
        weights = random_vit(Path(folder) / "vit-b-32")
        path = Path(folder) / "input.mp4"
        encode(path, count)
        measure(path, weights, rounds)


def measure(path: Path, weights: Weights, rounds: int) -> None:
    """Stage, bare engine and torch over the same frames, in turn."""
    import torch

    torch.set_num_threads(1)
    fast = OpenVinoEncoder("open_clip", weights, threads=1)
    exact = TorchEncoder("open_clip", weights)
    plan = DecodePlan(small=False, audio=None)
    frames = [item for item in DecodePass(path, plan) if isinstance(item, SampledFrame)]
    pictures = [frame.rgb(*fast.input_size) for frame in frames]
    batches = [np.stack(pictures[i : i + BATCH]) for i in range(0, len(pictures), BATCH)]
    for encoder in (fast, exact):
        encoder.images(batches[0])

    def stage() -> None:
        embedder = FrameEmbedder(fast, ChangeGate(max_held=0))  # every frame, gate included
        for frame in frames:
            embedder.push(frame)
        embedder.finish()

    sides: dict[str, Callable[[], object]] = {
        "stage": stage,
        "engine": lambda: [fast.images(batch) for batch in batches],
        "torch": lambda: [exact.images(batch) for batch in batches],
    }
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            began = cpu_seconds()
            run()
            spent[name].append(cpu_seconds() - began)
    for name, seconds in spent.items():
        say(f"{name:8} {1000 * statistics.median(seconds) / len(frames):6.1f} ms CPU a frame")
    stage_ratio = median_ratio(spent["stage"], spent["engine"])
    row("embedding stage with scaling and gate / bare engine", stage_ratio, 1.15, "lower")
    torch_ratio = median_ratio(spent["torch"], spent["engine"])
    row("torch float32 / engine, CPU a frame", torch_ratio, 2.0, "higher")


def random_vit(folder: Path) -> Weights:
    """ViT-B-32 in hub format with random weights."""
    import open_clip
    from safetensors.torch import save_file

    folder.mkdir()
    model = open_clip.get_model_config("ViT-B-32")
    preprocess = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28], "resize_mode": "squash"}
    config = {"model_cfg": model, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    state = open_clip.CLIP(**model).state_dict()
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / "open_clip_model.safetensors")
    return Weights(kind="open_clip", name=str(folder), path=folder, source="path")


def median_ratio(above: list[float], below: list[float]) -> float:
    """Median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def row(name: str, measured: float, limit: float, better: str) -> None:
    values: dict[str, Any] = {"target": "5", "name": name, "measured": round(measured, 3)}
    values |= {"limit": limit, "better": better, "unit": "ratio", "note": "ViT-B-32, 1 thread"}
    print(json.dumps(values), flush=True)


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
