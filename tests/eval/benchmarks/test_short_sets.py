"""RTV-Bench, EgoSchema, NExT-QA and MSR-VTT."""

from pathlib import Path

import pytest

from longtake.errors import UsageError
from longtake.eval.benchmarks import benchmark, export
from longtake.eval.judgement import Response, videos_of
from tests.eval.answers import counts, row, scored
from tests.eval.benchmarks.conftest import Owners

GATED = "score (gated by basic questions)"


def test_rtv_counts_advanced_questions_behind_basic_ones(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("rtv-bench")
    loaded = adapter.load(owners("rtv-bench", "ego/walk.mp4"), "test")
    replies = {
        "q-group-g1-0": "A",
        "q-group-g1-1": "B",
        "q-group-g1-2-option1": "A",
        "q-group-g1-2-option2": "A",  # wrong
        "q-group-g2-2-option1": "E",  # its basic question has no answer
        "q-group-g3-1": "A",  # a group without advanced questions
    }
    rows = adapter.aggregate(scored(adapter, loaded, replies))
    assert row(rows, GATED) == (pytest.approx(200 / 3), pytest.approx(100 / 3))
    assert row(rows, GATED, "dimension=Perception") == (50, 50)
    assert row(rows, GATED, "dimension=Reasoning") == (100, 0)
    assert row(rows, "accuracy (micro)") == (pytest.approx(500 / 6), pytest.approx(500 / 7))
    assert counts(rows, "accuracy (micro)") == (6, 7)
    assert row(rows, "accuracy (macro over level)") == (
        pytest.approx(100 * (1 + 1 + 2 / 3) / 3),
        pytest.approx(100 * (1 / 2 + 1 + 2 / 3) / 3),
    )
    assert row(rows, "accuracy of always the most frequent letter")[1] == pytest.approx(400 / 7)
    failed = {**replies, "q-group-g1-1": "D", "q-group-g2-0": "A"}
    found = scored(adapter, loaded, failed)
    assert row(adapter.aggregate(found), GATED) == (pytest.approx(100 / 3),) * 2
    path = tmp_path / "results.json"
    export(adapter, "results", found, loaded, path)
    assert adapter.exports["results"].read(path) == failed
    from longtake.eval.benchmarks.submissions import read_json

    assert [entry["correct"] for entry in read_json(path)] == [
        *(True, False, True, False, True, True, True)
    ]


def test_rtv_is_seen_only_up_to_its_time(owners: Owners) -> None:
    loaded = benchmark("rtv-bench").load(owners("rtv-bench", "ego/walk.mp4"), "test")
    assert [s.visible_until_s for s in loaded.samples] == [10, 20, 30, 40.5, 10, 15, 5]
    assert all(s.video_path is not None for s in loaded.samples)
    assert [len(s.options) for s in loaded.samples[-2:]] == [5, 1]


def test_rtv_says_which_questions_cannot_be_scored(owners: Owners) -> None:
    data = owners("rtv-bench")
    path = data / "QA.json"
    text = path.read_text(encoding="utf-8")
    text = text.replace('"q-group-g3-1"', '"odd"', 1).replace('"answer": "E"', '"answer": "F"')
    path.write_text(text, encoding="utf-8")
    loaded = benchmark("rtv-bench").load(data, "test")
    assert "a right option of 1 questions" in loaded.missing
    assert "a readable questionID of 1 questions, which no group scores" in loaded.missing


def test_egoschema_scores_the_answers_that_are_known(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("egoschema")
    data = owners("egoschema", "videos/uid-a.mp4")
    subset, full = adapter.load(data, "subset"), adapter.load(data, "full")
    assert [s.sample_id for s in subset.samples] == ["uid-a", "uid-c"]
    assert [s.answer for s in full.samples] == ["B", None, "E"]
    replies = {"uid-a": "B. C mends a net.", "uid-b": "A", "uid-c": "e"}
    found = scored(adapter, full, replies)
    rows = adapter.aggregate(found)
    assert row(rows, "accuracy (micro)") == (50, 100)  # a small letter is none for lmms-eval
    assert counts(rows, "accuracy (micro)") == (2, 2)
    export(adapter, "submission", found, full, tmp_path / "x.json")
    assert adapter.exports["submission"].read(tmp_path / "x.json") == {
        "uid-a": 1,
        "uid-b": 0,
        "uid-c": 4,
    }
    none = scored(adapter, full, {**replies, "uid-b": "hard to say"})
    export(adapter, "submission", none, full, tmp_path / "x.json")
    assert adapter.exports["submission"].read(tmp_path / "x.json")["uid-b"] == -1


def test_egoschema_without_its_answers(owners: Owners) -> None:
    data = owners("egoschema")
    (data / "subset_answers.json").unlink()
    assert "subset_answers.json" in benchmark("egoschema").load(data, "full").missing
    with pytest.raises(UsageError, match="it names the subset"):
        benchmark("egoschema").load(data, "subset")


def test_next_qa(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("next-qa")
    loaded = adapter.load(owners("next-qa", "NExTVideo/0001/1001.mp4"), "val")
    assert [s.video_path is not None for s in loaded.samples] == [True, True, True, False]
    replies = {
        "1001_0": "C",
        "1001_1": "none",  # drawn by lmms-eval: one in five
        "1001_2": "It is standing or sitting there now",  # the last text named is B
    }
    rows = adapter.aggregate(scored(adapter, loaded, replies))
    assert row(rows, "accuracy (micro)") == (pytest.approx(220 / 3), 25)
    assert counts(rows, "accuracy (micro)") == (3, 4)
    assert row(rows, "accuracy (micro)", "Acc_C") == (100, 100)
    assert row(rows, "accuracy (micro)", "Acc_T") == (pytest.approx(60), 0)
    assert row(rows, "accuracy (micro)", "Acc_D") == (None, 0)
    assert row(rows, "accuracy (micro)", "type=TN") == (pytest.approx(20), 0)
    found = scored(adapter, loaded, {**replies, "1002_3": "E"})
    export(adapter, "results", found, loaded, tmp_path / "val-res.json")
    assert adapter.exports["results"].read(tmp_path / "val-res.json") == {
        "1001_0": 2,
        "1001_1": -1,
        "1001_2": 1,
        "1002_3": 4,
    }


def test_open_ended_next_qa_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="WordNet"):
        benchmark("next-qa").load(tmp_path, "val-open")


def test_msrvtt_ranks(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("msrvtt-1ka")
    loaded = adapter.load(owners("msrvtt-1ka", "videos/all/video7021.mp4"), "test")
    assert loaded.samples[2].question == "a cook, in white, stirs a pot"
    assert [s.video for s in loaded.samples] == ["", "", ""]
    assert list(videos_of(loaded.samples)) == ["video7020", "video7021", "video7022"]
    assert "2 of 3 videos: ranks among fewer are no result" in loaded.missing
    every = ("video7020", "video7021", "video7022")
    replies = {
        "ret0": Response(text="", ranking=every),  # 1
        "ret1": Response(text="", ranking=every),  # 2
        "ret2": Response(text="", ranking=every[::-1]),  # 1
    }
    found = scored(adapter, loaded, replies)
    rows = adapter.aggregate(found)
    assert row(rows, "R@1") == (pytest.approx(200 / 3),) * 2
    assert row(rows, "R@5") == (100, 100)
    assert row(rows, "MdR") == (1, 1)
    assert row(rows, "MnR") == (pytest.approx(4 / 3),) * 2
    export(adapter, "rankings", found, loaded, tmp_path / "x.jsonl")
    read = adapter.exports["rankings"].read(tmp_path / "x.jsonl")
    assert read == {key: list(response.ranking) for key, response in replies.items()}


def test_msrvtt_rankings_that_end_too_soon(owners: Owners) -> None:
    adapter = benchmark("msrvtt-1ka")
    loaded = adapter.load(owners("msrvtt-1ka"), "test")
    replies = {
        "ret0": Response(text="", ranking=("video7020",)),
        "ret1": Response(text="", ranking=("video7020",)),
    }
    rows = adapter.aggregate(scored(adapter, loaded, replies))
    assert row(rows, "R@1") == (None, pytest.approx(100 / 3))
    assert row(rows, "R@10") == (None, pytest.approx(100 / 3))  # not found is not found
    assert row(rows, "MnR") == (None, pytest.approx((1 + 3 + 3) / 3))
