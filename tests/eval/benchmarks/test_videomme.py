"""Video-MME: reading, the owners' numbers, subtitles at frames, the way there and back."""

from pathlib import Path

import pytest

from longtake.errors import UsageError
from longtake.eval.benchmarks import benchmark, export
from longtake.eval.benchmarks.subtitles import write_srt
from longtake.index.captions import file_captions
from tests.eval.answers import counts, row, scored
from tests.eval.benchmarks.conftest import Owners

NAME = "video-mme"
REPLIES = {
    "001-1": "A",  # right
    "001-2": "There are 4 boats.",  # T, h: no letter of A to D
    "001-3": "Based on the lamp, it is C.",  # B, which is right, and says C
    "301-1": "The best answer is: D",
}


def test_questions_as_they_are_asked(owners: Owners) -> None:
    loaded = benchmark(NAME).load(owners(NAME, "data/lighthouse01.mp4"), "test")
    first = loaded.samples[0]
    assert (first.sample_id, first.video) == ("001-1", "lighthouse01")
    assert first.options == ("A gull.", "A crow.", "A heron.", "A duck.")
    assert first.answer == "A"
    assert first.axes == {
        "duration": "short",
        "domain": "Knowledge",
        "sub_category": "Geography",
        "task": "Object Recognition",
    }
    assert first.video_path is not None
    assert first.subtitles is None  # not asked for
    assert loaded.samples[3].video_path is None


def test_what_has_no_letter_leaves_the_owners_denominator_but_not_ours(owners: Owners) -> None:
    adapter = benchmark(NAME)
    rows = adapter.aggregate(scored(adapter, adapter.load(owners(NAME), "test"), REPLIES))
    # Owners: 001-1, 001-3 and 301-1 right of three with a letter. Strict: 001-1 and 301-1 of four.
    assert row(rows, "accuracy (micro)") == (100, 50)
    assert counts(rows, "accuracy (micro)") == (3, 4)
    assert row(rows, "accuracy (micro)", "duration=short") == (100, pytest.approx(100 / 3))
    assert row(rows, "accuracy (micro)", "task=Counting Problem") == (None, 0)
    assert rows[0].metric == "accuracy (micro)"


def test_only_subtitles_that_stand_at_a_frame_are_given(owners: Owners) -> None:
    adapter = benchmark(NAME)
    sample = adapter.load(owners(NAME), "test", subtitles=True).samples[0]
    assert adapter.subtitle_text(sample, [1.0, 2.2, 3.0]) == "The lamp was built\nin a hard winter."
    assert adapter.subtitle_text(sample, [2.0, 5.0]) == ""  # an end is not in it
    assert adapter.subtitle_text(sample, [8.9]) == "Three boats came by."
    assert "font" not in adapter.subtitle_text(sample, [1.0])


def test_captions_go_into_an_index_as_subrip(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark(NAME)
    captions = adapter.captions(adapter.load(owners(NAME), "test", subtitles=True).samples[0])
    write_srt(captions, tmp_path / "out.srt")
    assert list(file_captions(tmp_path / "out.srt", "srt")) == captions


def test_the_submission_is_read_back(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    path = tmp_path / "results.json"
    export(adapter, "submission", scored(adapter, loaded, REPLIES), loaded, path)
    assert adapter.exports["submission"].read(path) == REPLIES
    from longtake.eval.benchmarks.submissions import read_json

    first, second = read_json(path)
    assert list(first) == ["video_id", "duration", "domain", "sub_category", "questions"]
    assert (first["video_id"], second["video_id"]) == ("001", "301")
    assert list(first["questions"][0]) == (
        "question_id task_type question options answer response".split()
    )
    assert first["questions"][1]["options"][2] == "C. 4."


def test_a_submission_wants_all_answers_and_no_others(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    some = {key: reply for key, reply in REPLIES.items() if key != "001-2"}
    with pytest.raises(UsageError, match="all 4 questions; 1 have none, such as 001-2"):
        export(adapter, "submission", scored(adapter, loaded, some), loaded, tmp_path / "x")
    with pytest.raises(UsageError, match="has no export 'csv'; it has: submission"):
        export(adapter, "csv", [], loaded, tmp_path / "x")
    every = scored(adapter, loaded, REPLIES)
    from dataclasses import replace

    with pytest.raises(UsageError, match="1 answers are to no question"):
        fewer = replace(loaded, samples=loaded.samples[1:])
        export(adapter, "submission", every, fewer, tmp_path / "x")
