"""How the tokens of a round are shared out."""

from typing import Literal

import pytest

from longtake import Library
from longtake.agent.candidates import candidates
from longtake.agent.select import plan_views
from longtake.agent.state import Wish
from longtake.agent.wishes import own_wishes
from tests.agent.seeing import Eyes
from tests.agent.talking import desk_for, opened

QUESTION = "What is the first thing on the table?"


def wishes_for(library: Library) -> list[Wish]:
    """Four moments of the first video, the most wanted first."""
    (video, *_) = library.videos()
    return [
        {
            "video_id": video.id, "start": at, "end": at + 4.0, "crop": None, "kind": "look",
            "why": "here",
        }
        for at in (8.0, 0.0, 16.0, 24.0)
    ]  # fmt: skip


@pytest.mark.parametrize(("budget", "moments"), [(3500, 1), (4500, 2), (6000, 3), (9000, 4)])
def test_a_round_has_as_many_moments_as_get_clear_frames(
    colours: Library, budget: int, moments: int
) -> None:
    with desk_for(colours, Eyes(), "default", budget) as desk:
        wishes = wishes_for(colours)
        views = plan_views(desk, opened(desk, QUESTION, wishes=wishes), [])
        assert len(views) == moments
        assert [view["start"] for view in views] == [wish["start"] for wish in wishes[:moments]]
        assert {view["width"] for view in views} == {320}


@pytest.mark.parametrize("order", ["first", "last", None])
def test_an_end_is_begun_with_even_where_all_of_a_video_matters(
    colours: Library, order: Literal["first", "last"] | None
) -> None:
    (video, *_) = colours.videos()
    with desk_for(colours, Eyes(), "default", 9000) as desk:
        state = opened(desk, "What happened?", videos=[video.id])
        state["plan"] = {**state["plan"], "whole": True, "order": order}
        wishes = own_wishes(desk, state, candidates(colours, state))
    if order is None:
        assert [wish["kind"] for wish in wishes] == ["overview"]
        return
    (wish,) = wishes
    assert wish["kind"] == "look"
    if order == "first":
        assert wish["start"] == 0.0
    else:
        assert wish["end"] == pytest.approx(video.duration)
