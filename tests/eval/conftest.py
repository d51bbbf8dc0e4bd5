"""The tiny benchmark's videos, indexed once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from longtake.config import Settings, VlmSettings
from longtake.eval.libraries import Indexed, index_videos
from longtake.eval.samples import Sample
from tests.eval.world import COLOURS, TWINS, write_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the videos of the benchmark."""
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def settings() -> Settings:
    """No hub, and no reply is used twice."""
    return Settings(offline=True, vlm=VlmSettings(cache=False))


@pytest.fixture(scope="session")
def indexed(
    world: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Indexed]:
    """The benchmark's library, with the subtitles that come with it."""
    samples = TWINS.load(world, "test", subtitles=True).samples
    made = index_videos(
        tmp_path_factory.mktemp("indexed"), samples, settings, "given", captions=TWINS.captions
    )
    yield made
    made.library.close()


@pytest.fixture
def samples(world: Path) -> tuple[Sample, ...]:
    """Its three questions."""
    return COLOURS.load(world, "test", subtitles=True).samples
