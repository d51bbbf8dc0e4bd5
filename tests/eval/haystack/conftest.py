"""A tiny suite, made once: three days of half a minute, spoken. And a day to learn from."""

from pathlib import Path

import pytest

from longtake.eval.benchmarks import benchmark
from longtake.eval.haystack.config import Suite, WorldConfig
from longtake.eval.haystack.generate import generate
from longtake.eval.haystack.models.frames import UNSEEN
from longtake.eval.haystack.models.vlm.footage import Reel, shoot
from longtake.eval.haystack.sound import Piper
from longtake.eval.samples import Loaded

TINY = WorldConfig(
    days=3,
    seconds=30,
    items=40,
    width=320,
    height=180,
    fps=6,
    needle_s=(0.5, 2.0),
    needle_shares=(0.25, 0.75),
    text_px=(8, 16),
    rooms=4,
)
SUITE = Suite(name="smoke", worlds=(TINY,))
"""Smaller than the real one of that name, under which the adapter looks for it."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("haystack")
    generate(SUITE, folder, 11, speaker=Piper())
    return folder


@pytest.fixture(scope="session")
def loaded(made: Path) -> Loaded:
    return benchmark("haystack").load(made, "smoke")


@pytest.fixture(scope="session")
def reel() -> Reel:
    """Two minutes of a world that nothing learns from."""
    return shoot(0, first_seed=UNSEEN + 900, seconds=120.0)
