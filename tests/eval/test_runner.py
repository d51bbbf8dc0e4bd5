"""Systems end to end on real videos: what each can and cannot know, what it costs, what is kept
when things go wrong."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longtake.config import Settings
from longtake.errors import VlmUnavailable
from longtake.eval import libraries
from longtake.eval.asking import option_order
from longtake.eval.benchmarks import judge
from longtake.eval.identity import Identity
from longtake.eval.libraries import Indexed, index_costs
from longtake.eval.log import Log, Writer, read_logs
from longtake.eval.runner import Run, Runner
from longtake.eval.samples import Sample
from longtake.eval.systems import SYSTEMS, system_named
from longtake.index.store import Store
from longtake.tools.vlm.messages import Reply, Request, Vlm
from tests.agent.seeing import Eyes
from tests.eval.test_log import identity
from tests.eval.world import COLOURS, TWINS, reader


def go(
    folder: Path,
    indexed: Indexed,
    settings: Settings,
    samples: Sequence[Sample],
    system: str,
    vlm: Vlm | None,
    budget: int = 2500,
    **more: Any,
) -> Log:
    """Run one system over some samples and read its log."""
    seeds = more.pop("seeds", 1)
    may_abstain = more.pop("may_abstain", False)
    time_limit_s = more.pop("time_limit_s", None)
    jobs = more.pop("jobs", 1)
    known: Identity = identity(
        system=system,
        budget=budget,
        policy="default" if system == "agent" else "",
        preset="moments" if system == "agent" else "",
        **more,
    )
    run = Run(
        identity=known,
        system=system_named(system),
        samples=samples,
        seeds=seeds,
        settings=settings,
        data=folder,
        may_abstain=may_abstain,
        time_limit_s=time_limit_s,
        jobs=jobs,
    )
    with Writer(folder / known.run_id, known) as writer:
        asyncio.run(Runner(run, indexed, vlm, writer, lambda *told: None).work())
    (log,) = read_logs([folder / known.run_id])
    return log


def accuracy(log: Log, samples: Sequence[Sample]) -> float:
    by_id = {record.sample_id: record for record in log.records}
    scores = [judge(COLOURS, s, by_id.get(s.sample_id)).strict.score or 0 for s in samples]
    return sum(scores) / len(scores)


@pytest.fixture
def samples(world: Path) -> tuple[Sample, ...]:
    return COLOURS.load(world, "test", subtitles=True).samples


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


def test_what_is_finished_is_not_asked_again(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    go(tmp_path, indexed, settings, samples[:2], "uniform", eyes, 2300)
    asked = len(eyes.asked)
    log = go(tmp_path, indexed, settings, samples, "uniform", eyes, 2300)
    assert len(eyes.asked) == asked + 1
    assert set(log.tries.values()) == {1} and len(log.records) == 3


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


def test_seeds_have_replies_of_their_own_and_a_second_run_pays_for_none(
    tmp_path: Path,
    indexed: Indexed,
    samples: tuple[Sample, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caching = Settings(offline=True)
    monkeypatch.setattr(indexed.library, "settings", caching)
    eyes = reader()
    first = go(tmp_path / "a", indexed, caching, samples[:1], "uniform", eyes, 1111, seeds=2)
    assert [request.seed for request in eyes.asked] == [0, 1]
    again = go(tmp_path / "b", indexed, caching, samples[:1], "uniform", eyes, 1111, seeds=2)
    assert len(eyes.asked) == 2
    assert [r.extra["replayed"] for r in again.records] == [1, 1]
    assert [r.spent.total for r in again.records] == [r.spent.total for r in first.records]


class Gone(Eyes):
    """A model whose server is down."""

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        raise VlmUnavailable("nobody answers")


def test_a_run_stops_when_the_model_is_gone_and_goes_on_later(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    gone = Gone()
    with pytest.raises(VlmUnavailable, match="5 samples in a row failed"):
        go(tmp_path, indexed, settings, samples, "uniform", gone, 2200, seeds=4)
    assert len(gone.asked) == 5
    log = go(tmp_path, indexed, settings, samples, "uniform", reader(), 2200, seeds=4)
    assert {record.status for record in log.records} == {"ok"}
    assert sum(record.retries for record in log.records) == 5


def test_an_agent_without_its_model_is_an_error_not_an_answer(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    log = go(tmp_path, indexed, settings, samples[:1], "agent", Gone(), 4000)
    assert log.records[0].status == "error" and log.records[0].spent.total == 0


class Slow(Eyes):
    """A model that takes its time."""

    async def ask(self, request: Request) -> Reply:
        await asyncio.sleep(30)
        return await super().ask(request)


def test_time_is_limited_by_video(
    tmp_path: Path, indexed: Indexed, settings: Settings, world: Path
) -> None:
    pair = TWINS.load(world, "test").samples[:2]
    log = go(tmp_path, indexed, settings, pair, "uniform", Slow(), 2100, time_limit_s=1.0)
    assert [record.status for record in log.records] == ["timeout", "timeout"]
    errors = sorted(record.error or "" for record in log.records)
    assert errors == ["no answer within 1 s left for its video",
                      "the time for this video was used up before"]  # fmt: skip


class Greedy(Eyes):
    """A model that reports more tokens than were planned."""

    async def ask(self, request: Request) -> Reply:
        reply = await super().ask(request)
        assert reply.usage is not None
        return replace(reply, usage=replace(reply.usage, input=50_000))


def test_an_overrun_fails_the_sample(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    log = go(tmp_path, indexed, settings, samples[:1], "uniform", Greedy(), 2600)
    (record,) = log.records
    assert (record.status, record.overrun) == ("budget", True)
    assert judge(COLOURS, samples[0], record).strict.score == 0


@pytest.mark.parametrize("system", ["uniform", "agent"])
def test_a_budget_too_small_for_the_question_is_never_exceeded(
    tmp_path: Path,
    indexed: Indexed,
    settings: Settings,
    samples: tuple[Sample, ...],
    system: str,
) -> None:
    eyes = reader()
    log = go(tmp_path, indexed, settings, samples[:1], system, eyes, 100)
    assert log.records[0].spent.total == 0 and not eyes.asked
    assert log.records[0].status == ("budget" if system == "uniform" else "ok")


def test_a_missing_video_is_told_apart(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    lost = replace(samples[0], video="lost", sample_id="lost", video_path=None)
    known = replace(indexed, faults={"lost": "the video file is missing"})
    eyes = reader()
    log = go(tmp_path, known, settings, [lost], "uniform", eyes)
    assert log.records[0].status == "no_video" and not eyes.asked


def test_twins_are_told_apart_where_abstaining_is_allowed(
    tmp_path: Path, indexed: Indexed, settings: Settings, world: Path
) -> None:
    twins = TWINS.load(world, "test").samples
    log = go(tmp_path, indexed, settings, twins, "uniform", reader(), 2400, may_abstain=True)
    assert {r.sample_id: r.abstained for r in log.records} == {
        s.sample_id: not s.answerable for s in twins
    }
    assert accuracy(log, twins) == 1


def test_videos_side_by_side_have_the_answers_of_one_by_one(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    limits = {"green": 30.0, "blue": 36.0, "yellow": None}
    asked = [replace(s, visible_until_s=limits[s.video]) for s in samples]
    alone = go(tmp_path / "a", indexed, settings, asked, "agent", reader(), 6000)
    beside = go(tmp_path / "b", indexed, settings, asked, "agent", reader(), 6000, jobs=3)
    changing = {"seconds", "finished_at", "agent_run", "extra"}
    assert [r.model_dump(exclude=changing) for r in alone.records] == [
        r.model_dump(exclude=changing) for r in beside.records
    ]
    for record in beside.records:
        until = limits[record.video]
        assert until is None or all(frame.t_s < until for frame in record.frames)


@pytest.mark.parametrize("system", ["uniform", "agent", "oracle"])
@pytest.mark.parametrize("until", [0.3, 12.0, 12.9, 33.3])
def test_nothing_later_than_the_question_is_read(
    tmp_path: Path,
    indexed: Indexed,
    settings: Settings,
    samples: tuple[Sample, ...],
    system: str,
    until: float,
) -> None:
    asked = [replace(sample, visible_until_s=until) for sample in samples]
    log = go(tmp_path, indexed, settings, asked, system, reader(), 4000, split=str(until))
    for record in log.records:
        assert all(frame.t_s < until for frame in record.frames), record.sample_id
        assert record.status == "ok", record.error
    side = tmp_path / log.identity.run_id / "samples.opened.jsonl"
    for line in side.read_text().splitlines():
        opened = json.loads(line)
        assert opened["latest_s"] is None or opened["latest_s"] < until
        assert opened["visible_until_s"] == until


def test_a_whole_library_is_searched_for_the_video(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    anywhere = [replace(s, video="", extra={"library_video": s.video}) for s in samples]
    log = go(tmp_path, indexed, settings, anywhere[2:], "agent", reader(), 9000, library_mode=True)
    assert log.records[0].ranked_videos[0] == "yellow"
    assert log.records[0].option == "D"


def test_files_that_were_read_are_noted(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    log = go(tmp_path, indexed, settings, samples[:1], "uniform", reader(), 2700)
    line = (tmp_path / log.identity.run_id / "samples.opened.jsonl").read_text()
    assert "green_" in line and line.count(".mp4") == 1


def test_what_indexing_took_is_told_by_video(indexed: Indexed) -> None:
    costs = {cost.video: cost for cost in index_costs(indexed)}
    assert set(costs) == {"green", "blue", "yellow"}
    assert "speech" in costs["green"].seconds and "speech" not in costs["blue"].seconds
    assert costs["blue"].duration_s == pytest.approx(60, abs=0.2)
    assert all(cost.size > 0 and cost.seconds["shots"] >= 0 for cost in costs.values())


def test_indexing_waits_for_whoever_is_at_it(
    world: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = COLOURS.load(world, "test").samples[:1]
    held = Store.open(tmp_path / "library", write=True, create=True)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        held.close()

    monkeypatch.setattr(libraries, "sleep", wait)
    made = libraries.index_videos(tmp_path, samples, settings, "off", captions=COLOURS.captions)
    assert waited == [libraries.WAIT_S]
    assert set(made.ids) == {"green"} and not made.faults
    made.library.close()


def test_there_is_a_line_about_every_system() -> None:
    assert all(system.line for system in SYSTEMS.values())
