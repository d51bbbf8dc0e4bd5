"""docs/evaluation.md says of every benchmark what its adapter says."""

from pathlib import Path

import pytest

from longtake.eval.benchmarks import NAMES, benchmark

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_splits_and_licence_are_on_the_page(name: str) -> None:
    found = benchmark(name)
    first, second = (line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    cells = [cell.strip() for cell in first.strip("|").split("|")]
    assert cells[1] == ", ".join(
        split if count is None else f"{split} ({count:,})" for split, count in found.splits.items()
    )
    assert cells[-1] == found.licence
    assert len(second.strip("|").split("|")) == 3
