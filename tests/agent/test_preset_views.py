"""Presets through the whole loop: what is looked at first is what the preset chose, within the
budget; what it needs and is not there is said."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longtake import Agent, Library, Settings
from longtake.agent.views import on_sheets, shown_of
from longtake.config import VlmSettings
from longtake.errors import UsageError
from longtake.index.lanes import StageName
from longtake.tools.select.presets import PRESETS
from longtake.tools.view import FrameItem
from tests.agent.seeing import Eyes
from tests.data.colours import write_colours

WITHOUT_PICTURES = [
    name
    for name, preset in PRESETS.items()
    if not any("features" in need.split(" or ") for need in preset.needs)
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Green at 40-60 of two minutes, which the subtitles tell."""
    place = tmp_path_factory.mktemp("presets")
    video = write_colours(place / "signal.mp4", [("red", 40.0), ("green", 20.0), ("blue", 60.0)])
    lines = ["1\n00:00:05,000 --> 00:00:09,000\nWe wait for the signal.\n"]
    lines += ["2\n00:00:41,000 --> 00:00:46,000\nNow the light turns green.\n"]
    (place / "signal.srt").write_text("\n".join(lines))
    with Library.open(place / "library", Settings(offline=True), create=True) as opened:
        assert opened.index([video], only={StageName.SHOTS, StageName.SPEECH}).ok
        yield opened


def _first_look(library: Library, run_id: str) -> list[dict[str, Any]]:
    trace = library.store.run(run_id).trace
    first = next(event for event in trace if event["event"] == "selected")
    views: list[dict[str, Any]] = first["views"]
    return views


@pytest.mark.parametrize("preset", WITHOUT_PICTURES)
def test_what_the_preset_chooses_is_looked_at_first(library: Library, preset: str) -> None:
    eyes = Eyes()
    answer = Agent(library, vlm=eyes, preset=preset).ask_sync("When is the light green?")
    (view,) = _first_look(library, answer.run_id)
    assert view["why"] == f"what the preset {preset} chooses of it"
    assert answer.receipt is not None and answer.receipt.spent <= 16_000
    assert answer.evidence[0].start == pytest.approx(40.0, abs=4.0)
    shown = shown_of(view)  # type: ignore[arg-type]
    assert set(shown.times) == set(view["times"])
    if preset == "topk":
        assert {41.0, 42.0, 43.0, 44.0, 45.0} <= set(view["times"])
    if preset == "uniform":
        steps = {
            round(b - a, 3) for a, b in zip(view["times"][:-1], view["times"][1:], strict=True)
        }
        assert max(steps) - min(steps) <= 1.0
    if preset in ("ts_llava", "slow_fast"):
        assert on_sheets(view)  # type: ignore[arg-type]
        widths = {item.width for item in shown.pictures}
        assert len(widths) > 1


def test_frames_at_full_size_are_as_large_as_a_look_shows_them(library: Library) -> None:
    answer = Agent(library, vlm=Eyes(), preset="topk").ask_sync("When is the light green?")
    (view,) = _first_look(library, answer.run_id)
    items = shown_of(view).pictures  # type: ignore[arg-type]
    assert all(isinstance(item, FrameItem) and item.pixels == (320, 180) for item in items)


def test_a_preset_that_needs_pictures_says_so(library: Library) -> None:
    agent = Agent(library, vlm=Eyes(), preset="maxmin")
    with pytest.raises(UsageError, match=r"preset .maxmin. needs features.*index the video"):
        agent.ask_sync("When is the light green?")
    assert asyncio.run(agent.unfinished()) == []


def test_an_unknown_preset_names_the_known_ones(library: Library) -> None:
    with pytest.raises(UsageError, match="no preset 'best'; there are uniform, topk"):
        Agent(library, vlm=Eyes(), preset="best")


def test_a_policy_that_chooses_by_itself_takes_no_preset(library: Library) -> None:
    with pytest.raises(UsageError, match="'spotlight' itself chooses what to show"):
        Agent(library, vlm=Eyes(), preset="topk", policy="spotlight")


def test_a_video_that_lacks_what_the_preset_needs_is_left_out_and_named(
    library: Library, tmp_path: Path
) -> None:
    silent = write_colours(tmp_path / "silent.mp4", [("white", 20.0)], width=160, height=90)
    spoken = write_colours(tmp_path / "spoken.mp4", [("red", 10.0), ("green", 10.0)])
    (tmp_path / "spoken.srt").write_text("1\n00:00:11,000 --> 00:00:14,000\nThe light is green.\n")
    with Library.open(tmp_path / "library", Settings(offline=True), create=True) as both:
        stages = {StageName.SHOTS, StageName.SPEECH, StageName.SENTENCES}
        assert both.index([silent, spoken], only=stages).ok
        answer = Agent(both, vlm=Eyes(), preset="topk").ask_sync("When is the light green?")
        views = _first_look(both, answer.run_id)
        titles = [both.video(view["video_id"]).title for view in views]
    assert titles == ["spoken"]
    assert any(
        note == "'silent' was not looked at first: it has no relevance, which the preset topk needs"
        for note in answer.notes
    ), answer.notes


def test_seconds_are_drawn_into_what_a_preset_shows_where_that_is_set(library: Library) -> None:
    settings = Settings(offline=True).model_copy(update={"vlm": VlmSettings(stamps=True)})
    with Library.open(library.root, settings) as opened:
        answer = Agent(opened, vlm=Eyes(), preset="uniform").ask_sync("When is the light green?")
        (view,) = _first_look(opened, answer.run_id)
    assert view["stamped"]
