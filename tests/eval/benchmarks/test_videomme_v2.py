"""Video-MME-v2: groups by id, the owners' points with their quirk, words of subtitles."""

from dataclasses import replace
from pathlib import Path

import pytest

from longtake.errors import UsageError
from longtake.eval.benchmarks import benchmark, export
from longtake.eval.benchmarks.videomme_v2 import BENCHMARK, VideoMmeV2
from longtake.eval.benchmarks.videomme_v2_groups import chain_points
from longtake.eval.drawing import drawn
from tests.eval.answers import row, scored
from tests.eval.benchmarks.conftest import Owners

NAME = "video-mme-v2"
SCORE = "group score (mean over groups)"


def test_a_group_is_what_its_ids_say(owners: Owners) -> None:
    """The fixture's rows of group 002 are not in order; the truth is E, F, G, H."""
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    assert [s.sample_id for s in loaded.samples][4:] == ["002-3", "002-2", "002-1", "002-4"]
    assert loaded.samples[0].options[7] == "black"
    replies = {
        **dict(zip(["001-1", "001-2", "001-3", "001-4"], "ABXX", strict=True)),
        **dict(zip(["002-1", "002-2", "002-3", "002-4"], "EFAH", strict=True)),
    }
    replies |= {"001-3": "H", "001-4": "H"}
    rows = adapter.aggregate(scored(adapter, loaded, replies))
    # 001: 2 of 4, (2/4)^2 = 25 points. 002, [1, [2, 3], 4]: 1 and 2 right, 3 wrong: 4/12.
    assert row(rows, SCORE) == (pytest.approx((25 + 100 / 3) / 2),) * 2
    assert row(rows, SCORE, "group_type=relevance") == (25, 25)
    assert row(rows, SCORE, "level=3") == (pytest.approx(100 / 3),) * 2
    assert row(rows, "relevance, linear (mean over groups)") == (50, 50)
    assert row(rows, "accuracy (micro)") == (62.5, 62.5)


def test_a_failed_reply_counts_as_right_in_the_owners_chains_and_not_in_ours(
    owners: Owners,
) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    replies = {
        **dict(zip(["001-1", "001-2", "001-3", "001-4"], ["A", "B", "C", "no"], strict=True)),
        **dict(zip(["002-1", "002-2", "002-3", "002-4"], ["no", "no", "G", "no"], strict=True)),
    }
    rows = adapter.aggregate(scored(adapter, loaded, replies))
    # 001: 3 right - 1 failed = 2: 25 points; ours 3 right: 9/16.
    assert row(rows, SCORE, "group_type=relevance") == (25, 56.25)
    # 002: all four "true": 100; ours: the first is wrong: 0.
    assert row(rows, SCORE, "group_type=logic") == (100, 0)
    # The simple accuracy leaves failed ones out: 4 of 4; ours 4 of 8.
    assert row(rows, "accuracy (micro)") == (100, 50)


@pytest.mark.parametrize(
    ("marks", "structure", "points"),
    [
        ((1, 1, 1, 1), "[1,2,3,4]", 100),
        ((1, 1, 1, 0), "[1,2,3,4]", 900 / 16),
        ((1, 0, 1, 1), "[1, 2, 3, 4]", 100 / 16),
        ((0, 1, 1, 1), "[1, 2, 3, 4]", 0),
        ((1, 0, 1, 1), "[1, [2, 3], 4]", 400 / 12),  # 3 stands in for 2
        ((1, 1, 0, 1), "[1, [2, 3], 4]", 400 / 12),
        ((0, 1, 1, 1), "[1, [2, 3], 4]", 0),
        ((0, 1, 1, 1), "[[1, 2], 3, 4]", 10),  # 2 stands in for 1
        ((1, 1, 0, 1), "[[1, 2], 3, 4]", 20),
        ((1, 1, 1, 0), "[[1, 2], 3, 4]", 50),
    ],
)
def test_chains(marks: tuple[int, ...], structure: str, points: float) -> None:
    assert chain_points(marks, structure) == pytest.approx(points)


def test_structures_that_the_owners_do_not_score() -> None:
    with pytest.raises(UsageError, match="unknown group_structure"):
        chain_points((1, 1, 1, 1), "[4, 3, 2, 1]")
    with pytest.raises(UsageError, match="unknown group_structure"):
        chain_points((1, 1, 1, 1), "None")


def test_a_group_of_three_is_refused(owners: Owners) -> None:
    data = owners(NAME)
    path = data / "test.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[1:]), encoding="utf-8")
    with pytest.raises(UsageError, match="group '001' of Video-MME-v2 has 3 questions"):
        benchmark(NAME).load(data, "test")


def test_a_draw_can_be_scored(owners: Owners) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    some = drawn(loaded.samples, 5, seed=0)
    assert len(some) == 4
    drawn_only = replace(loaded, samples=tuple(some))
    assert adapter.aggregate(scored(adapter, drawn_only, {}))[0].n == 1


def test_words_become_sentences(owners: Owners) -> None:
    adapter: VideoMmeV2 = BENCHMARK
    samples = adapter.load(owners(NAME), "test", subtitles=True).samples
    assert [(c.start, c.end, c.lines[0]) for c in adapter.captions(samples[0])] == [
        (0.0, 1.0, "Raise the flag."),  # a full stop and 0.2 s end a sentence
        (1.2, 2.0, "Now lower"),
        (3.0, 3.2, "it"),  # so does a second of silence
    ]
    assert adapter.subtitle_text(samples[0], []) == "Raise the flag. Now lower it"
    assert adapter.interleaved(samples[0], [0.5, 1.5], 4.0) == [
        ["[Subtitle 0.00s - 1.00s]: Raise the flag.", "[Subtitle 1.20s - 2.00s]: Now lower"],
        ["[Subtitle 1.20s - 2.00s]: Now lower", "[Subtitle 3.00s - 3.20s]: it"],
    ]
    assert adapter.captions(samples[4]) == []  # group 002 has no file


def test_the_table_is_read_back(owners: Owners, tmp_path: Path) -> None:
    adapter = benchmark(NAME)
    loaded = adapter.load(owners(NAME), "test")
    replies = {s.sample_id: f"Because\tof it.\n\nFinal Answer: {s.answer}" for s in loaded.samples}
    path = tmp_path / "out.tsv"
    export(adapter, "table", scored(adapter, loaded, replies), loaded, path)
    assert adapter.exports["table"].read(path) == replies
    assert path.read_text(encoding="utf-8").splitlines()[0].split("\t") == (
        "video_id url group_type group_structure question_id question options answer level "
        "second_head third_head index video prediction".split()
    )
