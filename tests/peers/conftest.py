"""Real peers, each in an environment of its own that `make test-peers` makes: a vLLM with the tiny
model, and LangGraph's API server, which is what Studio talks to."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from longtake import Library, Settings
from tests.conftest import ROOT
from tests.data.colours import write_colours

VLLM_MODEL = "tiny-qwen2.5-vl"
"""Name under which the tiny model is served: tells the family, as names of real models do."""
MOST_IMAGES = 64
CONTEXT = 8192
_START_S = 480.0


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of two videos of colours; `signal` is green from 35.5 s to 41.5 s."""
    place = tmp_path_factory.mktemp("colours")
    signal = [("red", 20.0), ("blue", 15.5), ("green", 6.0), ("white", 18.5)]
    write_colours(place / "signal.mp4", signal)
    write_colours(place / "other.mp4", [("black", 20.0), ("yellow", 10.0)])
    with Library.open(place / "library", Settings(offline=True), create=True) as library:
        assert library.index([place / "signal.mp4", place / "other.mp4"]).ok
    return place / "library"


@pytest.fixture(scope="session")
def vllm(tiny_vlm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a vLLM with the tiny model: what `--vlm` takes."""
    options = (
        f"--model {tiny_vlm} --served-model-name {VLLM_MODEL} --dtype float32 --enforce-eager "
        f"--max-model-len {CONTEXT} --enable-prompt-tokens-details --host 127.0.0.1"
    )
    limits = f'{{"image":{MOST_IMAGES},"video":1}}'
    # the `vllm` command of the wheel does not start: it looks for a package of its old name
    command = [str(_python("vllm")), "-m", "vllm.entrypoints.openai.api_server"]
    with _server(
        [*command, *options.split(), "--limit-mm-per-prompt", limits],
        tmp_path_factory.mktemp("vllm"),
        ready="/health",
        VLLM_CPU_KVCACHE_SPACE="1",
        HF_HUB_OFFLINE="1",
        DO_NOT_TRACK="1",
    ) as url:
        yield f"{url}/v1"


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `langgraph dev` on this checkout's `langgraph.json`."""
    command = str(_python("studio").with_name("langgraph"))
    with _server(
        [command, "dev", "--allow-blocking", "--no-browser", "--no-reload", "--host", "127.0.0.1"],
        tmp_path_factory.mktemp("studio"),
        ready="/ok",
        PYTHONPATH=str(ROOT),
        LANGSMITH_TRACING="false",
        LONGTAKE_OFFLINE="true",
    ) as url:
        yield url


def _python(environment: str) -> Path:
    python = ROOT / ".venv-peers" / environment / "bin" / "python"
    if not python.exists():
        pytest.fail("the peers are not installed: run `make test-peers`", pytrace=False)
    return python


@contextmanager
def _server(command: list[str], folder: Path, *, ready: str, **env: str) -> Iterator[str]:
    """A server on a free port while it runs, once `ready` answers; its output is in the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = folder / "log"
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env={**os.environ, **env},
        )
    try:
        end = time.monotonic() + _START_S
        while not _answers(url + ready):
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text(encoding="utf-8")[-5000:])
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True
