"""LVBench: options inline, evidence from clocks, a denominator that shrinks."""

from pathlib import Path

import pytest

from longtake.eval.benchmarks import benchmark, export
from longtake.timing import Span
from tests.eval.answers import counts, row, scored
from tests.eval.benchmarks.conftest import Owners

NAME = "lvbench"


def test_questions_options_and_evidence(owners: Owners) -> None:
    loaded = benchmark(NAME).load(owners(NAME), "test")
    first, second, third = loaded.samples
    assert first.question == "Which ship docks first?"
    assert first.options == ("Anna", "Berta", "Clara", "Dora")
    assert first.duration_s == 3900
    assert [piece.span for piece in first.evidence] == [Span(725, 790)]
    assert [piece.span for piece in second.evidence] == [Span(3725, 3780)]
    assert third.evidence == ()
    assert "a readable time_reference of 1 of 3 questions" in loaded.missing
    assert "12:05" not in first.question


def test_missing_answers_leave_the_owners_denominator(owners: Owners) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    rows = adapter.aggregate(scored(adapter, loaded, {"11": "(B) Berta", "12": "A person does"}))
    assert row(rows, "accuracy (micro)") == (100, pytest.approx(100 / 3))
    assert counts(rows, "accuracy (micro)") == (2, 3)
    assert row(rows, "accuracy (micro)", "type=temporal grounding") == (100, 100)
    assert row(rows, "accuracy (micro)", "type=reasoning") == (100, 0)
    assert row(rows, "accuracy (micro)", "type=summarization") == (None, 0)
    assert row(rows, "accuracy (micro)", "video_type=live") == (100, 50)


def test_both_files_are_read_back(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    found = scored(adapter, loaded, {"11": "(B) Berta", "12": "A person does", "20": "C"})
    for name in ("answers", "submission"):
        export(adapter, name, found, loaded, tmp_path / f"{name}.json")
    assert adapter.exports["answers"].read(tmp_path / "answers.json") == {
        "11": "B",
        "12": "A",  # as the owners read it: strict reads nothing
        "20": "C",
    }
    assert adapter.exports["submission"].read(tmp_path / "submission.json") == {
        "Overall": pytest.approx(2 / 3),
        "ER": 1,
        "TG": 1,
        "Rea": 1,
        "Sum": 0,
    }
