"""What is kept when things go wrong, what is asked again, and what may be read."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from longtake.agent.replies import AnswerReply
from longtake.config import Settings
from longtake.errors import ReplyLost, VlmUnavailable
from longtake.eval import libraries
from longtake.eval.benchmarks import judge
from longtake.eval.libraries import Indexed, index_costs
from longtake.eval.samples import Sample
from longtake.index.store import Store
from longtake.tools.vlm.messages import Reply, Request
from tests.agent.seeing import Eyes
from tests.eval.going import go
from tests.eval.world import COLOURS, TWINS, reader


def test_what_is_finished_is_not_asked_again(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    go(tmp_path, indexed, settings, samples[:2], "uniform", eyes, 2300)
    asked = len(eyes.asked)
    log = go(tmp_path, indexed, settings, samples, "uniform", eyes, 2300)
    assert len(eyes.asked) == asked + 1
    assert set(log.tries.values()) == {1} and len(log.records) == 3


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


class Stalled(Eyes):
    """A model that says what it sees and never comes to an answer."""

    async def ask(self, request: Request) -> Reply:
        if request.schema is AnswerReply:
            self.asked.append(request)
            await asyncio.sleep(300)
        return await super().ask(request)


@pytest.mark.parametrize(("system", "limit_s"), [("uniform", 6.0), ("agent", 12.0)])
def test_what_was_spent_before_the_time_was_up_is_kept(
    tmp_path: Path,
    indexed: Indexed,
    settings: Settings,
    samples: tuple[Sample, ...],
    system: str,
    limit_s: float,
) -> None:
    """The reply that never came may be billed: it counts as planned."""
    eyes = Stalled()
    log = go(tmp_path, indexed, settings, samples[:1], system, eyes, 4000, time_limit_s=limit_s)
    (record,) = log.records
    assert record.status == "timeout" and record.retries == 0
    replies = eyes.asked[:-1]
    assert eyes.asked[-1].schema is AnswerReply and bool(replies) is (system == "agent")
    assert record.spent.calls == len(eyes.asked)
    last = eyes.price(eyes.asked[-1])
    least = sum(eyes.price(request).input for request in replies) + last.total
    assert least <= record.spent.total <= sum(eyes.price(r).total for r in eyes.asked)
    assert record.spent.visual == sum(eyes.price(request).visual for request in eyes.asked)
    assert record.spent.visual + record.spent.text_in + record.spent.out == record.spent.total


class Lost(Eyes):
    """A model whose replies are cut off on their way."""

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        raise ReplyLost("the connection ended")


def test_a_lost_reply_is_charged(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = Lost()
    log = go(tmp_path, indexed, settings, samples[:1], "uniform", eyes, 1500)
    (record,) = log.records
    assert record.status == "error"
    assert record.spent.total == eyes.price(eyes.asked[0]).total > 1000


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
        if "sample_id" not in opened:
            continue
        assert opened["latest_s"] is None or opened["latest_s"] < until
        assert opened["visible_until_s"] == until


@pytest.mark.parametrize("system", ["agent", "video_rag"])
@pytest.mark.parametrize(("until", "told"), [(6.5, False), (8.5, True)])
def test_a_line_that_is_not_said_whole_yet_is_found_by_nobody(
    tmp_path: Path,
    indexed: Indexed,
    settings: Settings,
    samples: tuple[Sample, ...],
    system: str,
    until: float,
    told: bool,
) -> None:
    """It is said from 5 s to 8 s."""
    question = "Who said that the morning is good?"
    asked = replace(samples[0], question=question, visible_until_s=until)
    eyes = reader()
    log = go(tmp_path, indexed, settings, [asked], system, eyes, 6000, split=str(until))
    assert log.records[0].status == "ok", log.records[0].error
    shown = " ".join(str(message) for request in eyes.asked for message in request.messages)
    assert ("Good morning." in shown) is told


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
