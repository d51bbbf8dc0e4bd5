"""Systems end to end on real videos: what each can and cannot know, and what it costs."""

from dataclasses import replace
from pathlib import Path

import pytest

from longtake.config import Settings
from longtake.eval.asking import option_order
from longtake.eval.benchmarks import judge
from longtake.eval.libraries import Indexed
from longtake.eval.samples import Sample
from longtake.eval.systems import SYSTEMS, system_named
from longtake.tools.vlm.messages import Frames, Picture
from tests.eval.going import accuracy, go
from tests.eval.world import COLOURS, TWINS, reader


@pytest.mark.parametrize(
    ("system", "budget", "expected"),
    [
        ("oracle", 1000, 1.0),
        ("uniform", 2500, 1.0),
        ("agent", 8000, 1.0),
        ("blind", 2500, 1 / 3),
        ("black", 2500, 1 / 3),
        ("transcript", 2500, 1 / 3),
        ("uniform_transcript", 2500, 1.0),
        ("video_rag", 2500, 1.0),
        ("select-uniform", 2500, 1.0),
    ],
)
def test_systems_know_what_they_are_shown(
    tmp_path: Path,
    indexed: Indexed,
    settings: Settings,
    samples: tuple[Sample, ...],
    system: str,
    budget: int,
    expected: float,
) -> None:
    """The reader guesses A where it sees nothing, which is right in one of three."""
    log = go(tmp_path, indexed, settings, samples, system, reader(), budget)
    assert [record.status for record in log.records] == ["ok"] * 3
    assert accuracy(log, samples) == pytest.approx(expected)
    for record in log.records:
        assert record.spent.total <= budget and not record.overrun
        assert record.spent.visual + record.spent.text_in + record.spent.out == record.spent.total
        sees = system not in ("blind", "transcript")
        assert bool(record.frames) == bool(record.spent.visual) == sees


def test_few_frames_find_what_they_happen_to_show(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    log = go(tmp_path, indexed, settings, samples, "uniform", reader(), 650)
    truth = {sample.sample_id: sample for sample in samples}
    shown = {}
    for record in log.records:
        span = truth[record.sample_id].evidence[0].span
        shown[record.sample_id] = any(span.start <= f.t_s < span.end for f in record.frames)
        seen = shown[record.sample_id] or truth[record.sample_id].answer == "A"
        assert (record.option == truth[record.sample_id].answer) is seen
    assert sum(shown.values()) < 3


def test_frames_fill_the_budget_and_no_more(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    log = go(tmp_path, indexed, settings, samples[:1], "uniform", eyes, 1500)
    (record,) = log.records
    planned = eyes.price(eyes.asked[-1])
    per_frame = planned.visual / len(record.frames) + 4
    assert 1500 - per_frame < planned.total <= 1500
    times = [frame.t_s for frame in record.frames]
    step = 60 / len(times)
    assert times == pytest.approx([step * (i + 0.5) for i in range(len(times))], abs=0.05)


def test_subtitles_are_shown_where_there_are_any(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    log = go(tmp_path, indexed, settings, samples, "transcript", eyes)
    lines = {record.sample_id: record.extra["lines"] for record in log.records}
    assert lines == {"green-when": 1, "blue-when": 0, "yellow-when": 0}
    shown = [str(request.messages[1]) for request in eyes.asked]
    assert sum("Good morning." in words for words in shown) == 1


def test_black_frames_are_black_and_cost_the_same(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    black = go(tmp_path, indexed, settings, samples, "black", reader())
    seen = go(tmp_path, indexed, settings, samples, "uniform", reader())
    for dark, light in zip(black.records, seen.records, strict=True):
        assert dark.spent.visual == light.spent.visual
        assert dark.frames == light.frames
        assert dark.extra["frames_read"] == 0 and light.extra["frames_read"] > 0


def test_lots_are_drawn_the_same_way_again_and_cost_nothing(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    first = go(tmp_path / "a", indexed, settings, samples, "random", None, seeds=40)
    again = go(tmp_path / "b", indexed, settings, samples, "random", None, seeds=40)
    picked = [record.option for record in first.records]
    assert picked == [record.option for record in again.records]
    assert all(picked.count(letter) > 15 for letter in "ABCD")
    assert {record.spent.total for record in first.records} == {0}


def test_options_change_places_and_answers_do_not(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    log = go(tmp_path, indexed, settings, samples, "uniform", reader(), option_seed=3, seeds=3)
    orders = {record.options_order for record in log.records}
    assert len(orders) > 1 and all(sorted(order) == [0, 1, 2, 3] for order in orders)
    truth = {sample.sample_id: sample for sample in samples}
    for record in log.records:
        assert record.option == truth[record.sample_id].answer
        assert judge(COLOURS, truth[record.sample_id], record).strict.score == 1
        assert record.options_order == option_order(truth[record.sample_id], 3, record.seed)


def test_a_preset_shows_its_frames_in_its_sizes(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    for preset in ("select-density", "select-aks"):
        log = go(tmp_path, indexed, settings, samples[:1], preset, eyes, 1200)
        (record,) = log.records
        assert record.status == "ok", record.error
        assert record.frames and record.spent.total <= 1200
        times = [frame.t_s for frame in record.frames]
        assert times == sorted(set(times))


def test_presets_are_not_asked_about_several_videos(samples: tuple[Sample, ...]) -> None:
    """They choose among the frames of one; such questions are left out, not failed."""
    takes = system_named("select-aks").takes
    assert takes(samples[0])
    assert not takes(replace(samples[0], video="", video_path=None))


def test_frames_that_are_asked_about_before_the_first_look_are_sent_too(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    log = go(tmp_path, indexed, settings, samples[:1], "agent", eyes, 16_000, preset="quota")
    (record,) = log.records
    assert record.status == "ok", record.error
    parts = [part for request in eyes.asked for part in request.messages[-1].parts]
    frames = [p for part in parts if isinstance(part, Frames) for p in part.pictures]
    alone = [part for part in parts if isinstance(part, Picture)]
    assert alone and len(record.frames) == len(alone) + len(frames)
    assert sum(f.width == alone[0].width for f in record.frames) >= len(alone)


def test_twins_are_told_apart_where_abstaining_is_allowed(
    tmp_path: Path, indexed: Indexed, settings: Settings, world: Path
) -> None:
    twins = TWINS.load(world, "test").samples
    log = go(tmp_path, indexed, settings, twins, "uniform", reader(), 2400, may_abstain=True)
    assert {r.sample_id: r.abstained for r in log.records} == {
        s.sample_id: not s.answerable for s in twins
    }
    assert accuracy(log, twins) == 1


def test_a_whole_library_is_searched_for_the_video(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    anywhere = [replace(s, video="", extra={"library_video": s.video}) for s in samples]
    log = go(tmp_path, indexed, settings, anywhere[2:], "agent", reader(), 9000, library_mode=True)
    assert log.records[0].ranked_videos[0] == "yellow"
    assert log.records[0].option == "D"


def test_only_the_videos_asked_about_are_searched(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    """The library also holds what other runs indexed, and other libraries' videos."""
    whole = replace(samples[2], video="", extra={"library_video": "yellow"})
    two = {name: (None, None) for name in ("green", "blue")}
    apart = replace(whole, sample_id="apart", extra={**whole.extra, "library_videos": two})
    left = replace(indexed, ids={name: indexed.ids[name] for name in two})
    for sample, known in ((whole, left), (apart, indexed)):
        for system in ("agent", "uniform"):
            folder = tmp_path / sample.sample_id
            log = go(folder, known, settings, [sample], system, reader(), 9000)
            (record,) = log.records
            assert record.ranked_videos and set(record.ranked_videos) <= set(two)
            assert record.frames and {frame.video for frame in record.frames} <= set(two)


def test_there_is_a_line_about_every_system() -> None:
    assert all(system.line for system in SYSTEMS.values())
