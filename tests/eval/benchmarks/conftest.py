"""Owners' files: real field names, invented content."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[1] / "data"

Owners = Callable[..., Path]


@pytest.fixture
def owners(tmp_path: Path) -> Owners:
    """`owners("mlvu", "video/a.mp4")`: the fixture's files in a folder of their own, with empty
    files where only existence matters."""

    def lay_out(name: str, *touched: str) -> Path:
        folder = tmp_path / name
        shutil.copytree(DATA / name, folder)
        for inside in touched:
            path = folder / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return folder

    return lay_out
