"""Every preset through the one entry point."""

import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.errors import UsageError
from longtake.tools.select.choose import WHERE_FROM, choose, missing
from longtake.tools.select.items import Items, Signals
from longtake.tools.select.presets import PRESETS

Rows = Any
NAMES = sorted(PRESETS)
LISTED = (
    "uniform topk aks mdp3 focus maxmin mmr f2c quota dcode ts_llava free_video_llm slow_fast "
    "density global_local bolt"
).split()
FREE = {"uniform", "ts_llava", "maxmin", "dcode", "density"}
"""Presets that do not look at the question."""
COVERING = {"bolt", "facility", "focus", "global_local"}
"""Presets that look at it, but promise no frame to a moment that is short beside the video."""


def made(total: int, seed: int = 0) -> tuple[Items, Signals]:
    """Frames of random shots and every signal there is."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(total // 7 + 1, 16)).repeat(7, axis=0)[:total]
    rows = rows + 0.2 * rng.normal(size=rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query = rng.normal(size=16)
    query /= np.linalg.norm(query)
    scores = rng.random(total)
    signals = Signals(
        frame_text=rows @ query,
        clip_text=rng.random(total),
        speech=np.where(rng.random(total) < 0.1, rng.random(total), 0.0),
        text=np.zeros(total),
        probability=np.where(rng.random(total) < 0.5, rng.random(total), np.nan),
        change=rng.random(total),
        density=rng.random(total),
        query=query,
        probe=lambda wanted: scores[wanted],
    )
    return Items.of(np.arange(total) * 0.5, rows), signals


def test_the_presets_of_the_issue_are_there_and_described() -> None:
    assert set(LISTED) <= set(PRESETS)
    for name, preset in PRESETS.items():
        assert preset.name == name and preset.line.endswith(".") and preset.source
        assert bool(preset.parts) != bool(preset.plan)
        for need in preset.needs:
            assert set(need.split(" or ")) <= set(WHERE_FROM)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 120), st.integers(1, 40), st.integers(0, 500))
def test_what_is_chosen_costs_no_more_than_the_budget(
    name: str, total: int, budget: int, seed: int
) -> None:
    items, signals = made(total, seed)
    found = choose(name, items, signals, budget)
    assert found.cost <= budget
    assert sum(pick.scale**2 for pick in found.picks) <= budget
    times = found.times
    assert list(times) == sorted(set(times)) and set(times) <= set(items.times.tolist())
    assert found.picks
    for pick in found.picks:
        assert 0 < pick.scale <= 1 and math.isfinite(pick.score)
        assert pick.reason and pick.part and pick.frames >= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_budget_is_used(name: str) -> None:
    """All but what rounding of scales leaves, and what `topmass` saves."""
    items, signals = made(400)
    assert choose(name, items, signals, 12).cost > (0 if name == "topmass" else 11.8)


@pytest.mark.parametrize("name", NAMES)
def test_a_choice_comes_again(name: str) -> None:
    items, signals = made(300)
    assert choose(name, items, signals, 9) == choose(name, items, signals, 9)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FREE])
def test_a_planted_event_is_found(name: str) -> None:
    """Six seconds of an hour with 8 frames; presets that sample or cover: 40 s with 16."""
    rng = np.random.default_rng(5)
    length, budget = (40, 16) if name in COVERING else (6, 8)
    rows = rng.normal(size=(180, 32)).repeat(20, axis=0) + 0.3 * rng.normal(size=(3600, 32))
    query = rng.normal(size=32)
    rows[2222 : 2222 + length] += 4 * query
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query /= np.linalg.norm(query)
    signals = Signals(frame_text=rows @ query, query=query)
    found = choose(name, Items.of(np.arange(3600), rows), signals, budget)
    assert any(2222 <= time < 2222 + length for time in found.times)


@pytest.mark.parametrize("name", ["maxmin", "dcode"])
def test_a_picture_unlike_all_others_is_found_without_a_question(name: str) -> None:
    rng = np.random.default_rng(5)
    common = rng.normal(size=32)
    rows = common + 0.2 * rng.normal(size=(3600, 32))
    rows[2222:2228] = -common
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = choose(name, Items.of(np.arange(3600), rows), Signals(), 8)
    assert any(2222 <= time < 2228 for time in found.times)


def test_density_goes_where_most_is_said() -> None:
    density = np.zeros(600)
    density[200:210], density[400:410] = 3.0, 1.0
    found = choose("density", Items.of(np.arange(600)), Signals(density=density), 2)
    assert [pick.clip for pick in found.picks] == [20, 40]


def test_ts_llava_is_a_sheet_of_six_and_a_tenth_of_many_more() -> None:
    found = choose("ts_llava", Items.of(np.arange(1000)), Signals(), 6)
    sheet = [pick for pick in found.picks if pick.part == "sheet"]
    rest = [pick for pick in found.picks if pick.part == "overview"]
    assert len(sheet) == 6 and sum(pick.cost for pick in sheet) == pytest.approx(1.0, abs=1e-2)
    assert len(rest) == 50 and rest[0].cost == pytest.approx(0.1, abs=1e-3)


def test_free_video_llm_of_the_sources_size_is_the_sources_choice() -> None:
    """2,648 tokens of 576 a frame: 3 relevant, 5 spread, 50 tiny. Five frames buy a little more."""
    items, signals = made(3000)
    found = choose("free_video_llm", items, signals, 5)
    large = [pick for pick in found.picks if pick.part == "frames"]
    assert [pick.reason for pick in large].count("among the most relevant") == 3
    assert [pick.reason for pick in large].count("evenly spread") == 5
    assert 50 <= len(found.picks) - len(large) <= 65


def test_slow_fast_sees_one_moment_closely_and_all_of_it_small() -> None:
    relevance = np.zeros(2000)
    relevance[700:710] = 1.0
    found = choose("slow_fast", Items.of(np.arange(2000)), Signals(speech=relevance), 16)
    close = [pick.time for pick in found.picks if pick.scale == 1.0]
    assert len(close) == 4 and close[0] >= 700 and close[-1] == close[0] + 3 < 710
    small = [pick for pick in found.picks if pick.scale < 1.0]
    assert len(small) == 96 and small[0].scale == math.floor(math.sqrt(1 / 8) * 4096) / 4096


def test_frames_that_are_forced_or_on_the_grid_come_first() -> None:
    items, signals = made(400)
    for name in NAMES:
        found = choose(name, items, signals, 8, forced=[10.2, 10.3, 55.0], grid=2)
        parts = {pick.time: pick.part for pick in found.picks}
        assert parts[10.0] == parts[10.5] == parts[55.0] == "forced"
        assert parts[50.0] == parts[150.0] == "grid"
        assert found.cost <= 8 and list(found.times) == sorted(set(found.times))
    with pytest.raises(UsageError, match="3 frames are forced or on the grid, the budget is 2"):
        choose("topk", items, signals, 2, forced=[1.0, 2.0], grid=1)
    with pytest.raises(UsageError, match="must be seconds"):
        choose("topk", items, signals, 2, forced=[math.nan])


def test_a_missing_signal_is_named_with_what_would_do() -> None:
    with pytest.raises(UsageError) as caught:
        choose("mdp3", Items.of(np.arange(50)), Signals(speech=np.ones(50)), 4)
    assert str(caught.value) == (
        "preset 'mdp3' needs features, query, not there for these frames (features: frame "
        "embeddings: index the video with the visual lane); presets that do without: uniform, "
        "topk, topmass, aks, bolt, focus, f2c, quota, ts_llava, free_video_llm, slow_fast, "
        "global_local"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_runs_on_no_more_than_it_says_it_needs(name: str) -> None:
    items, signals = made(200)
    needs = {need.split(" or ")[0] for need in PRESETS[name].needs}
    given: dict[str, Any] = {
        field: getattr(signals, field)
        for field in ("query", "probability", "probe", "density")
        if field in needs
    }
    if "relevance" in needs:
        given["speech"] = signals.speech
    bare = Items.of(items.times, items.features if "features" in needs else None)
    assert choose(name, bare, Signals(**given), 5).picks
    for need in needs:
        less = Signals(**{key: value for key, value in given.items() if key != need})
        if need in given:
            assert missing(PRESETS[name], bare, less)


@pytest.mark.parametrize("name", NAMES)
def test_no_frames_give_an_empty_choice(name: str) -> None:
    items, signals = made(1)
    none = np.empty(0, np.intp)
    assert choose(name, items.take(none), signals.take(none), 5).picks == ()


def test_what_cannot_be_met_is_refused() -> None:
    items, signals = made(20)
    with pytest.raises(UsageError, match="no preset 'best'; there are uniform, topk"):
        choose("best", items, signals, 3)
    with pytest.raises(UsageError, match="a budget of 0 frames"):
        choose("uniform", items, signals, 0)
    with pytest.raises(UsageError, match=r"'speech' has shape \(3,\) for 20 frames"):
        choose("topk", items, Signals(speech=np.ones(3)), 3)
    with pytest.raises(UsageError, match="'speech' is nan for frame 4"):
        choose("topk", items, Signals(speech=np.where(np.arange(20) == 4, np.nan, 1.0)), 3)
    with pytest.raises(ValueError, match="ascending"):
        Items.of([1.0, 0.0])
    with pytest.raises(ValueError, match="2 rows of features for 3 frames"):
        Items.of([0.0, 1, 2], np.eye(2))


def test_a_selection_cannot_be_changed() -> None:
    items, signals = made(20)
    found = choose("topk", items, signals, 3)
    with pytest.raises(FrozenInstanceError):
        found.picks = ()  # type: ignore[misc] # what the test is about
    assert isinstance(found.picks, tuple)
