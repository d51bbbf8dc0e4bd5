"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def lecture() -> Path:
    """The narrated example lecture; its known truth lies beside it in `lecture.json`."""
    return ROOT / "examples" / "lecture.mp4"
