"""MLVU: tasks, the reply behind its prefill, macro and pooled."""

from pathlib import Path

import pytest

from longtake.errors import UsageError
from longtake.eval.benchmarks import benchmark, export
from longtake.eval.judgement import Response
from tests.eval.answers import row, scored
from tests.eval.benchmarks.conftest import Owners

REPLIES = {
    "1_plotQA-0": "B) A lamp",
    "1_plotQA-1": "The answer is D",  # nothing before a bracket: wrong for the owners
    "4_count-0": "(C)",  # "(C" is not "C"
    "5_order-0": "A)",  # whose truth is none of its candidates
}


def test_the_macro_mean_is_over_tasks_and_the_pooled_one_over_questions(owners: Owners) -> None:
    adapter = benchmark("mlvu")
    loaded = adapter.load(owners("mlvu"), "dev")
    rows = adapter.aggregate(scored(adapter, loaded, REPLIES))
    # Owners: 1 of 2, 0 of 1, 0 of 1. Strict: 2 of 2, 1 of 1, 0 of 1.
    assert row(rows, "M-Avg (macro over tasks)") == (pytest.approx(50 / 3), pytest.approx(200 / 3))
    assert row(rows, "accuracy (micro, pooled)") == (25, 75)
    assert row(rows, "accuracy", "task=plotQA") == (50, 100)


def test_what_is_not_there_is_said(owners: Owners) -> None:
    loaded = benchmark("mlvu").load(owners("mlvu", "video/1_plotQA/movie_1.mp4"), "dev")
    assert [s.video_path is not None for s in loaded.samples] == [True, False, False, False]
    assert loaded.samples[0].video == "1_plotQA/movie_1.mp4"
    assert "json/2_needle.json" in loaded.missing
    assert "json/1_plotQA.json has 2 of 539 questions" in loaded.missing
    assert "4 of 4 videos" not in loaded.missing
    assert "3 of 4 videos" in loaded.missing


def test_the_archives_folder_may_stay(owners: Owners) -> None:
    data = owners("mlvu")
    (data / "MLVU").mkdir()
    (data / "json").rename(data / "MLVU" / "json")
    assert len(benchmark("mlvu").load(data, "dev").samples) == 4


def test_six_options_in_the_test_set(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("mlvu")
    loaded = adapter.load(owners("mlvu", "video/test_AR_1.mp4"), "test")
    assert [(s.sample_id, s.answer) for s in loaded.samples] == [("AR_0", "F"), ("AC_0", "E")]
    found = scored(adapter, loaded, {"AR_0": "F", "AC_0": "E ) five"})
    assert [item.official.score for item in found] == [1, 1]  # its script strips blanks
    path = tmp_path / "test_res.json"
    export(adapter, "submission", found, loaded, path)
    assert adapter.exports["submission"].read(path) == {"AR_0": "F", "AC_0": "E"}


def test_questions_without_answers_have_no_score(owners: Owners) -> None:
    data = owners("mlvu")
    truth = data / "test-ground-truth" / "test_mcq_gt.json"
    text = truth.read_text(encoding="utf-8")
    truth.unlink()
    import json

    bare = [{k: v for k, v in entry.items() if k != "answer"} for entry in json.loads(text)]
    (data / "test_multi_choice_tasks.json").write_text(json.dumps(bare), encoding="utf-8")
    adapter = benchmark("mlvu")
    loaded = adapter.load(data, "test")
    assert "answers (test-ground-truth/test_mcq_gt.json)" in loaded.missing
    sample = loaded.samples[0]
    assert adapter.official(sample, Response(text="F")).score is None
    rows = adapter.aggregate(scored(adapter, loaded, {"AR_0": "F"}))
    assert row(rows, "M-Avg (macro over tasks)") == (None, None)


def test_generation_needs_a_judge(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="judge model"):
        benchmark("mlvu").load(tmp_path, "dev-generation")


def test_dev_questions_are_not_handed_in(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("mlvu")
    loaded = adapter.load(owners("mlvu"), "dev")
    with pytest.raises(UsageError, match="only MLVU's test set"):
        export(adapter, "submission", scored(adapter, loaded, REPLIES), loaded, tmp_path / "x")
