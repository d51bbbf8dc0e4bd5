"""ExtremeWhenBench, CG-Bench, NExT-GQA and QVHighlights: answers that are stretches of video."""

from pathlib import Path

import pytest

from longtake.errors import UsageError
from longtake.eval.benchmarks import benchmark, export
from longtake.eval.benchmarks.cgbench import clue_recovery
from longtake.eval.judgement import Response
from longtake.timing import Span
from tests.eval.answers import counts, row, scored
from tests.eval.benchmarks.conftest import Owners


def test_extremewhenbench(owners: Owners) -> None:
    adapter = benchmark("extremewhenbench")
    data = owners("extremewhenbench", "LVBench/harbour-cam.mp4", "MLVU/other.mp4", "movie_1.mkv")
    loaded = adapter.load(data, "test")
    assert [s.video for s in loaded.samples] == ["LVBench/harbour-cam", "MLVU/movie_1"]
    assert [s.video_path is not None for s in loaded.samples] == [True, True]
    replies = {
        "e1": "It happens in the 3700 - 3780 seconds.",  # 55 of 80 seconds; a sentence to us
        "e2": "10 - 15",  # 5 of 10
    }
    rows = adapter.aggregate(scored(adapter, loaded, replies))
    assert row(rows, "mIoU") == (pytest.approx((55 / 80 + 0.5) / 2), 0.25)
    assert row(rows, "R@0.5") == (1, 0.5)
    assert row(rows, "R@0.7") == (0, 0)
    assert row(rows, "parse failures") == (0, 50)
    assert row(rows, "mIoU", "corpus=MLVU") == (0.5, 0.5)
    alone = adapter.aggregate(scored(adapter, loaded, {"e2": "10 - 15"}))
    assert (row(alone, "mIoU"), counts(alone, "mIoU")) == ((0.5, 0.25), (1, 2))


@pytest.mark.parametrize(
    ("reply", "span"),
    [
        ("20.5 to 10", Span(10, 20.5)),  # swapped
        ("1 - 2, then 3 ~ 4", Span(3, 4)),  # the last
        ("1:02 to 1:10", Span(1, 2)),  # no clocks
        ("at 12", None),
    ],
)
def test_extremewhenbench_reads_as_its_owners_do(
    owners: Owners, reply: str, span: Span | None
) -> None:
    adapter = benchmark("extremewhenbench")
    sample = adapter.load(owners("extremewhenbench"), "test").samples[0]
    judged = adapter.official(sample, Response(text=reply))
    assert judged.parsed == (None if span is None else (span,))
    assert judged.counted


def test_cgbench(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("cg-bench")
    loaded = adapter.load(owners("cg-bench"), "mini", subtitles=True)
    clock = loaded.samples[0]
    assert [piece.span for piece in clock.evidence] == [Span(10, 14), Span(20, 22)]
    assert adapter.subtitle_text(clock, [11.0]) == "Lift the cloth."
    replies = {
        # Bare words are quoted by the owners; to us it is no JSON. Cited: [10, 16), of which 4 s
        # are clues, of 8 s in either.
        "101": Response(text='```json\n{"result": A}\n```', spans=(Span(10, 14), Span(12, 16))),
        "102": Response(text="A, B or C"),  # names the truth: right for the owners
    }
    found = scored(adapter, loaded, replies)
    rows = adapter.aggregate(found)
    assert row(rows, "long_acc (micro)") == (100, 0)
    assert row(rows, "mIoU") == (50, 25)
    assert counts(rows, "mIoU") == (1, 2)
    assert row(rows, "rec@IoU") == (100, 50)
    assert row(rows, "acc@IoU") == (100, 0)
    export(adapter, "results", found, loaded, tmp_path / "cg_annotations")
    assert adapter.exports["results"].read(tmp_path / "cg_annotations") == {
        "101": {
            "long_acc_longtake": {"version": 0, "result": 1},
            "miou_longtake": {"version": 0, "result": 0.5},
        },
        "102": {"long_acc_longtake": {"version": 0, "result": 1}},
    }


@pytest.mark.parametrize(
    ("reply", "counted", "score"),
    [
        ('```json\n{"result": "B"}\n```', True, 0),  # the truth is A
        ('```json\n{"result": null}\n```', True, 0),
        ('```json\n{"answer": "A"}\n```', True, 1),  # no `result`, but an A as a word
        ("It is the clock.", False, 0),
        ("a", False, 0),
        ("", False, 0),
        ("B. No, A", True, 1),
    ],
)
def test_cgbench_reads_as_its_owners_do(
    owners: Owners, reply: str, counted: bool, score: float
) -> None:
    adapter = benchmark("cg-bench")
    sample = adapter.load(owners("cg-bench"), "mini").samples[0]
    judged = adapter.official(sample, Response(text=reply))
    assert (judged.counted, judged.score) == (counted, score)


def test_clue_recovery() -> None:
    assert clue_recovery(60, 80) == 0.75
    assert clue_recovery(90, 80) == 1
    assert clue_recovery(5, 0) == 0


def test_next_gqa(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("next-gqa")
    loaded = adapter.load(owners("next-gqa"), "val")
    assert [len(s.evidence) for s in loaded.samples] == [2, 1]
    assert loaded.samples[0].duration_s == 30
    replies = {
        "1001_0": Response(text="C", spans=(Span(6, 10), Span(20, 22))),  # the first counts
        "1001_1": Response(text="A"),  # right, but points nowhere
    }
    found = scored(adapter, loaded, replies)
    rows = adapter.aggregate(found)
    # Against [4, 8]: 2 of 4 seconds given, 2 of 6 in either.
    assert row(rows, "Acc@GQA (micro)") == (100, 50)
    assert counts(rows, "Acc@GQA (micro)") == (1, 2)
    assert row(rows, "Acc@QA (micro)") == (100, 100)
    assert row(rows, "mIoP") == (50, 25)
    assert row(rows, "mIoU") == (pytest.approx(100 / 3), pytest.approx(50 / 3))
    assert row(rows, "TIoP@0.5") == (100, 50)
    assert row(rows, "TIoU@0.3") == (100, 50)
    assert row(rows, "TIoU@0.5") == (0, 0)
    assert row(rows, "Acc@GQA (micro)", "type=TN") == (None, 0)  # TP counts as TN
    with pytest.raises(UsageError, match="1001_1 cites no stretch"):
        export(adapter, "ground", found, loaded, tmp_path / "x")
    replies["1001_1"] = Response(text="A", spans=(Span(1, 2),))
    found = scored(adapter, loaded, replies)
    for name in ("ground", "answers"):
        export(adapter, name, found, loaded, tmp_path / f"{name}.json")
    ground = adapter.exports["ground"].read(tmp_path / "ground.json")
    assert ground == {"1001_0": [6, 10], "1001_1": [1, 2]}
    answers = adapter.exports["answers"].read(tmp_path / "answers.json")
    assert answers == {"1001_0": 2, "1001_1": 0}


def test_next_gqa_takes_a_moment_inside_the_truth_as_precise(owners: Owners) -> None:
    adapter = benchmark("next-gqa")
    sample = adapter.load(owners("next-gqa"), "val").samples[0]
    moment = Response(text="C", spans=(Span(5, 5),))
    official, strict = adapter.official(sample, moment), adapter.strict(sample, moment)
    assert (official.score, official.values["iop"], official.values["iou"]) == (1, 1, 0)
    assert (strict.score, strict.values["iop"]) == (0, 0)
    wrong = adapter.official(sample, Response(text="B", spans=(Span(5, 6),)))
    assert (wrong.score, wrong.values["iop"]) == (0, 1)


def test_qvhighlights(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("qvhighlights")
    loaded = adapter.load(owners("qvhighlights", "videos/abc_0.0_20.0.mp4"), "val")
    assert [s.video_path is not None for s in loaded.samples] == [True, False]
    replies = {
        # IoU 4/6 with [4, 10]: right at 0.5 ... 0.65, four levels of ten.
        "7": Response(
            text="",
            spans=(Span(4, 8), Span(0, 2)),
            saliency=(0, 0, 0.9, 0.1, 0.5, 0, 0, 0, 0, 0),
        ),
        # One of two moments, exactly: AP 1/2 at every level.
        "8": Response(text="[[0, 14]]", saliency=(0.2, 0.8, *[0.0] * 73)),
    }
    found = scored(adapter, loaded, replies)
    rows = adapter.aggregate(found)
    assert row(rows, "MR-R1@0.5") == (100, 100)
    assert row(rows, "MR-R1@0.7") == (50, 50)
    assert row(rows, "MR-mAP@0.5") == (75, 75)
    assert row(rows, "MR-mAP@0.75") == (25, 25)
    assert row(rows, "MR-mAP@avg") == (45, 45)
    assert row(rows, "MR-short-mAP@avg") == (40, 40)
    assert row(rows, "MR-middle-mAP@avg") == (100, 100)  # only [0, 14] is asked for
    assert row(rows, "MR-long-mAP@avg") == (0, 0)
    # Fair. Question 7: annotator 1 has clips 2 and 3, at ranks 1 and 3: (1 + 2/3) / 2; the others
    # have the first ranks: 1. Question 8: 1 for all three.
    assert row(rows, "HL-min-Fair-mAP") == (97.22, 97.22)
    assert row(rows, "HL-min-Fair-Hit1") == (100, 100)
    # Very good. 7: 1, 1 and 1/2. 8: none, none and 1/2; its top clip is no hit.
    assert row(rows, "HL-min-VeryGood-mAP") == (50, 50)
    assert row(rows, "HL-min-VeryGood-Hit1") == (50, 50)
    path = tmp_path / "out.jsonl"
    export(adapter, "submission", found, loaded, path)
    assert adapter.exports["submission"].read(path) == {
        "7": [[4, 8, 1.0], [0, 2, 0.5]],
        "8": [[0, 14, 1.0]],
    }


def test_qvhighlights_of_a_part_is_no_official_number(owners: Owners) -> None:
    adapter = benchmark("qvhighlights")
    loaded = adapter.load(owners("qvhighlights"), "val")
    rows = adapter.aggregate(scored(adapter, loaded, {"7": "4 - 10"}))
    assert row(rows, "MR-R1@0.7") == (None, 50)
    assert row(rows, "MR-mAP@avg") == (None, 50)
    assert not [r for r in rows if r.metric.startswith("HL")]  # nobody gave saliency
    half = scored(adapter, loaded, {"7": Response(text="4 - 10", saliency=(0, 0, 1)), "8": ""})
    assert row(adapter.aggregate(half), "HL-min-Fair-Hit1") == (None, 50)


def test_qvhighlights_test_has_no_truth(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark("qvhighlights")
    loaded = adapter.load(owners("qvhighlights"), "test")
    found = scored(adapter, loaded, {"9": "no moment"})
    assert adapter.aggregate(found) == ()
    export(adapter, "submission", found, loaded, tmp_path / "x.jsonl")
    assert adapter.exports["submission"].read(tmp_path / "x.jsonl") == {"9": [[0, 0, 0]]}
