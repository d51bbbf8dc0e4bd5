"""Rank fusion, merging, repeats and spreading, over plain values."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.timing import Span
from longtake.tools.fusion import (
    MERGE_GAP_S,
    MERGE_MAX_S,
    Ranking,
    drop_repeats,
    fuse,
    merge_neighbours,
    spread,
)
from longtake.tools.hits import Hit

rankings = st.lists(
    st.builds(
        lambda keys, weight: Ranking(keys=keys, weight=weight),
        st.lists(st.integers(0, 12), unique=True, max_size=10),
        st.floats(0.1, 2.0),
    ),
    min_size=1,
    max_size=5,
)


def hit(
    start: float,
    end: float,
    quote: str | None = "x",
    *,
    video: str = "v",
    score: float = 0.5,
    row: int = 0,
) -> Hit:
    return Hit(
        video_id=video,
        video_title=video.upper(),
        video_path=f"/{video}.mp4",
        start=start,
        end=end,
        lane="speech",
        score=score,
        quote=quote,
        sources=("bm25",),
        rows=(row,),
    )


hits = st.lists(
    st.builds(
        lambda start, length, video, score, row: hit(
            start, start + length, f"w{row}", video=video, score=score, row=row
        ),
        st.floats(0, 100),
        st.floats(0, 12),
        st.sampled_from("ab"),
        st.floats(0, 1),
        st.integers(0, 10_000),
    ),
    max_size=20,
)


def test_score_is_one_for_what_every_ranking_puts_first() -> None:
    scores = fuse([Ranking(keys=["a", "b"]), Ranking(keys=["a"], weight=3.0)])
    assert scores["a"] == pytest.approx(1.0)
    assert scores["b"] == pytest.approx((1 / 62) / (4 / 61))


def test_two_good_ranks_beat_one_first_rank() -> None:
    assert next(iter(fuse([Ranking(keys=["a", "b"]), Ranking(keys=["c", "b"])]))) == "b"


def test_distrusted_entries_count_less() -> None:
    scores = fuse([Ranking(keys=["a"], trust=[0.1]), Ranking(keys=["b"])])
    assert scores["a"] == pytest.approx(0.1 * scores["b"])


@given(rankings, st.randoms(use_true_random=False))
def test_fusion_does_not_depend_on_the_order_of_rankings(
    lists: list[Ranking[int]], random: Random
) -> None:
    shuffled = list(lists)
    random.shuffle(shuffled)
    assert list(fuse(lists).items()) == list(fuse(shuffled).items())


@given(rankings, st.data())
def test_moving_up_in_a_ranking_never_lowers_a_score(
    lists: list[Ranking[int]], data: st.DataObject
) -> None:
    keys = list(lists[0].keys)
    if len(keys) < 2:
        return
    place = data.draw(st.integers(1, len(keys) - 1))
    better = keys.copy()
    better[place - 1], better[place] = better[place], better[place - 1]
    before = fuse(lists)[keys[place]]
    after = fuse([replace(lists[0], keys=better), *lists[1:]])[keys[place]]
    assert after > before


@given(rankings)
def test_scores_lie_in_0_to_1_and_fall(lists: list[Ranking[int]]) -> None:
    scores = list(fuse(lists).values())
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 + 1e-9 for score in scores)


def test_neighbours_become_one_hit_with_joined_quote() -> None:
    merged = merge_neighbours(
        [hit(5, 8, "second", score=0.8, row=2), hit(1, 4.5, "first", score=0.9, row=1)]
    )
    assert [(m.span, m.quote, m.score, m.rows) for m in merged] == [
        (Span(1, 8), "first second", 0.9, (1, 2))
    ]


@pytest.mark.parametrize(
    "other",
    [
        hit(4 + MERGE_GAP_S + 0.1, 8),
        hit(4, 8, video="w"),
        replace(hit(4, 8), lane="text"),
        replace(hit(4, 8), sources=("vectors",)),
        hit(4, 8, score=0.3),
        hit(4, 1 + MERGE_MAX_S + 0.1),
        hit(4, 8, "long " * 80),
    ],
    ids=["far", "other video", "other lane", "other support", "weak", "too long", "too wordy"],
)
def test_what_is_not_a_neighbour_stays_apart(other: Hit) -> None:
    assert len(merge_neighbours([hit(1, 4), other])) == 2


@given(hits)
def test_merging_loses_no_moment_and_invents_none(items: list[Hit]) -> None:
    merged = merge_neighbours(items)
    assert sorted(row for m in merged for row in m.rows) == sorted(i.rows[0] for i in items)
    for item in items:
        inside = [
            m
            for m in merged
            if m.video_id == item.video_id and m.start <= item.start and item.end <= m.end
        ]
        assert any(item.rows[0] in m.rows and m.score >= item.score for m in inside)
    ends = {(i.video_id, i.start) for i in items} | {(i.video_id, i.end) for i in items}
    assert all({(m.video_id, m.start), (m.video_id, m.end)} <= ends for m in merged)


def test_repeats_of_a_better_hit_are_dropped() -> None:
    best = hit(0, 4, "The bees find their way home.", score=0.9)
    again = hit(50, 54, "the bees find their way home", score=0.5)
    burned_in = replace(hit(1, 4, "The bees find their way home", score=0.4), lane="text")
    elsewhere = hit(0, 4, "The bees find their way home.", video="w", score=0.3)
    other = hit(60, 64, "The wasps lose their way home.", score=0.2)
    assert drop_repeats([other, elsewhere, burned_in, again, best]) == [best, elsewhere, other]


def test_the_same_words_on_screen_at_another_time_are_no_repeat() -> None:
    spoken = hit(0, 4, "Mass balance", score=0.9)
    slide = replace(hit(10, 20, "Mass balance", score=0.5), lane="text")
    assert drop_repeats([spoken, slide]) == [spoken, slide]


def test_hits_are_spread_over_videos() -> None:
    items = [hit(t, t + 1, video="a", score=0.9 - t / 1000) for t in range(8)]
    items += [hit(0, 1, video="b", score=0.8)]
    assert [h.video_id for h in spread(items, 4)] == ["a", "a", "b", "a"]


def test_a_video_clearly_ahead_keeps_the_list() -> None:
    items = [hit(t, t + 1, video="a", score=0.9) for t in range(4)] + [
        hit(0, 1, video="b", score=0.2)
    ]
    assert {h.video_id for h in spread(items, 4)} == {"a"}


@given(hits, st.integers(1, 8))
def test_spreading_keeps_the_best_and_the_count(items: list[Hit], limit: int) -> None:
    picked = spread(items, limit)
    assert len(picked) == min(limit, len(items))
    if items:
        assert picked[0].score == max(i.score for i in items)
