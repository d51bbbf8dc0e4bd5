"""LongVideoBench: options of both layouts, no answer by chance, subtitles between frames."""

from pathlib import Path

import pytest

from longtake.eval.benchmarks import benchmark, export
from longtake.eval.benchmarks.longvideobench import FRAME, frame_times, interleaved
from tests.eval.answers import row, scored
from tests.eval.benchmarks.conftest import Owners

NAME = "longvideobench"


def test_a_reply_without_a_letter_counts_as_chance_for_the_owners(owners: Owners) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "val")
    replies = {
        "vid_a_0": "no idea",  # of four options: 1/4
        "vid_a_1": "The answer is E.",
        "vid_b_0": "Cook comes first",  # C, though there are two options
    }
    rows = adapter.aggregate(scored(adapter, loaded, replies))
    assert row(rows, "accuracy (micro)") == (pytest.approx(125 / 3), pytest.approx(100 / 3))
    assert row(rows, "accuracy (micro)", "duration_group=15") == (62.5, 50)
    assert row(rows, "accuracy (micro)", "category=S2O") == (100, 100)


def test_options_that_are_not_there_are_not_options(owners: Owners) -> None:
    loaded = benchmark(NAME).load(owners(NAME, "videos/vid_a.mp4"), "test")
    [sample] = loaded.samples
    assert sample.options == ("north", "south")
    assert sample.answer is None
    assert sample.video_path is not None
    assert loaded.expected == 5341


def test_subtitles_stand_between_the_frames_they_belong_to(owners: Owners) -> None:
    adapter = benchmark(NAME)
    data = owners(NAME)
    first, _, other = adapter.load(data, "val", subtitles=True).samples
    # On the video's timeline: [1, 3), [3.1, 3.3) widened to [2.7, 3.7), [6, 7.5).
    assert interleaved(first, frame_times(8.0, 4)) == [FRAME, FRAME, "a hard winter", FRAME, FRAME]
    assert interleaved(first, [0.0, 3.0, 6.5]) == [FRAME, FRAME, "and then", FRAME, "the thaw"]
    assert adapter.subtitle_text(first, [0.0, 3.0, 6.5]) == "and then\nthe thaw"
    assert interleaved(other, [899.5]) == [FRAME, "the end"]
    captions = [(c.start, c.end) for c in adapter.captions(other)]
    assert captions == [(1.0, 2.5), (899.0, 900.5)]  # an end that is none is the video's


def test_frame_times() -> None:
    assert frame_times(8.0, 4) == [0, 2, 4, 6]
    assert frame_times(3.7, 10) == [0, 1, 2]


def test_without_subtitles_there_are_none(owners: Owners) -> None:
    adapter = benchmark(NAME)
    sample = adapter.load(owners(NAME), "val").samples[0]
    assert (sample.subtitles, adapter.captions(sample)) == (None, [])
    assert adapter.subtitle_text(sample, [2.0]) == ""


def test_the_submission_is_read_back(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    path = tmp_path / "out.json"
    export(adapter, "submission", scored(adapter, loaded, {"vid_a_t": "(B) south"}), loaded, path)
    assert adapter.exports["submission"].read(path) == {"vid_a_t": "B"}
