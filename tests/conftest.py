"""Fixtures shared by all tests."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("longtake", deadline=None)
settings.load_profile("longtake")  # how long an example takes depends on what else the machine does

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def lecture() -> Path:
    """The narrated example lecture; its known truth lies beside it in `lecture.json`."""
    return ROOT / "examples" / "lecture.mp4"


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small open_clip model with random weights (seed 0), a folder in hub format."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    vision = {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    model_config = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    torch.manual_seed(0)
    weights = open_clip.CLIP(**model_config).state_dict()
    folder = tmp_path_factory.mktemp("clip")
    save_file(
        {name: value.contiguous() for name, value in weights.items()},
        folder / "open_clip_model.safetensors",
    )
    preprocess = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28], "resize_mode": "squash"}
    config = {"model_cfg": model_config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def lecture_library(tmp_path_factory: pytest.TempPathFactory, lecture: Path) -> Path:
    """A library that holds the example lecture: default engines, weights from packages."""
    from longtake import Library, Settings

    folder = tmp_path_factory.mktemp("lecture") / "library"
    with Library.open(folder, Settings(offline=True), create=True) as library:
        assert library.index([lecture]).ok
    return folder


@pytest.fixture(scope="session")
def tiny_vlm() -> Path:
    """A tiny Qwen2.5-VL, trained by `make_tiny_vlm.py` beside it."""
    return ROOT / "tests" / "data" / "tiny_vlm"


@pytest.fixture(scope="session")
def served_vlm(tiny_vlm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real server, `transformers serve`, with the tiny model: what `--vlm` takes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    command = Path(sys.executable).with_name("transformers")
    options = f"--device cpu --dtype float32 --host 127.0.0.1 --port {port} --default-seed 0"
    with log.open("w") as output:
        server = subprocess.Popen(
            [str(command), "serve", str(tiny_vlm), *options.split()],
            stdout=output,
            stderr=output,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
    try:
        for _ in range(600):
            if server.poll() is not None:
                raise RuntimeError(log.read_text(encoding="utf-8"))
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1#{tiny_vlm}"
    finally:
        server.terminate()
        server.wait()
