"""Puts every sample of a benchmark to a system and writes what came of it into the run's log."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from longtake.config import Settings
from longtake.errors import LongtakeError, VlmError, VlmUnavailable
from longtake.eval.asking import (
    Asked,
    Outcome,
    Seeded,
    call_facts,
    option_order,
    receipt_so_far,
    spent_of,
)
from longtake.eval.drawing import cluster_of
from longtake.eval.identity import Identity
from longtake.eval.libraries import Indexed
from longtake.eval.log import Writer
from longtake.eval.opened import Opened, opening
from longtake.eval.records import Record
from longtake.eval.samples import Sample
from longtake.eval.systems import System, put
from longtake.eval.watched import Reading, WatchedLibrary, reading
from longtake.tools.vlm.messages import Vlm

GIVE_UP = 5
"""Samples in a row that fail before a run stops."""

Tell = Callable[[Record, int, int], None]
"""Gets every finished record, how many are finished and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One system at one budget over some samples."""

    identity: Identity
    system: System
    samples: Sequence[Sample]
    """Those of this shard."""
    seeds: int
    settings: Settings
    data: Path
    """The benchmark's folder; what is opened there is noted."""
    may_abstain: bool
    """Whether some questions of the benchmark have no answer."""
    time_limit_s: float | None = None
    """For all questions of one video together."""
    jobs: int = 1
    """Videos that are worked on at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One sample at one seed."""

    sample: Sample
    seed: int


class Runner:
    """Works a run off, longest videos first. Records are written as they come; whoever is killed
    goes on behind the last of them."""

    def __init__(
        self, run: Run, indexed: Indexed, vlm: Vlm | None, writer: Writer, tell: Tell
    ) -> None:
        self._run = run
        self._indexed = indexed
        self._vlms = {} if vlm is None else {k: Seeded(vlm, k) for k in range(run.seeds)}
        self._writer = writer
        self._tell = tell
        self._failed_in_a_row = 0
        self._done = 0
        self._total = 0

    async def work(self) -> None:
        """Ask what is not finished.

        Raises:
            LongtakeError: several samples in a row failed, or the log cannot be written.
        """
        tasks = [Task(sample=s, seed=k) for s in self._run.samples for k in range(self._run.seeds)]
        self._total = len(tasks)
        left = [t for t in tasks if (t.sample.sample_id, t.seed) not in self._writer.finished]
        self._done = len(tasks) - len(left)
        videos: dict[str, list[Task]] = {}
        for task in left:
            videos.setdefault(cluster_of(task.sample), []).append(task)
        queue = sorted(videos.values(), key=lambda group: -(group[0].sample.duration_s or 0.0))
        queue.reverse()

        async def worker() -> None:
            while queue:
                await self._video(queue.pop())

        with self._opening(everywhere=True) as opened:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self._run.jobs, len(queue))):
                        group.create_task(worker())
            except ExceptionGroup as several:
                raise several.exceptions[0] from several
            finally:
                self._writer.note(stage="answer", files=sorted(opened.files))

    def _opening(self, *, everywhere: bool = False) -> AbstractContextManager[Opened]:
        """Notes what is opened of the benchmark's folder, where results may lie too."""
        besides = (self._indexed.library.root.parent, self._writer.folder)
        return opening(self._run.data, besides=besides, everywhere=everywhere)

    async def _video(self, tasks: Sequence[Task]) -> None:
        left = self._run.time_limit_s
        for task in tasks:
            began = time.monotonic()
            record, opened = await self._one(task, left)
            self._writer.append(record, opened)
            self._done += 1
            self._tell(record, self._done, self._total)
            self._watch(record)
            if left is not None:
                left -= time.monotonic() - began

    def _watch(self, record: Record) -> None:
        """Stop what only fails: a server that is gone, a system that lacks what it needs."""
        self._failed_in_a_row = self._failed_in_a_row + 1 if record.status == "error" else 0
        if self._failed_in_a_row >= GIVE_UP:
            kind = VlmUnavailable if record.extra.get("unreached", False) else LongtakeError
            raise kind(
                f"{GIVE_UP} samples in a row failed ({record.error}); what is finished is kept: "
                "start the same command again to go on"
            )

    async def _one(self, task: Task, left: float | None) -> tuple[Record, dict[str, object]]:
        sample = task.sample
        began = time.monotonic()
        order = option_order(sample, self._run.identity.option_seed, task.seed)
        with reading(sample.visible_until_s) as noted, self._opening() as files:
            outcome = await self._outcome(task, order, left)
            ranked = self._ranked(sample, outcome)
        seconds = {
            "ask": round(time.monotonic() - began, 3),
            "vlm": round(outcome.vlm_s, 3),
            "decode": round(noted.seconds, 3),
        }
        record = self._record(task, order, outcome, ranked, seconds, noted)
        opened: dict[str, object] = {
            "files": sorted(files.files),
            "frames": len(noted.frames),
            "latest_s": noted.latest,
            "visible_until_s": sample.visible_until_s,
        }
        return record, opened

    async def _outcome(self, task: Task, order: tuple[int, ...], left: float | None) -> Outcome:
        run, sample = self._run, task.sample
        fault = self._fault(sample)
        if fault is not None:
            return Outcome(status="no_video", error=fault)
        if left is not None and left <= 0:
            return Outcome(status="timeout", error="the time for this video was used up before")
        library = self._indexed.library
        asked = Asked(
            sample=sample,
            videos=tuple(map(library.video, self._indexed.asked_of(sample))),
            order=order,
            budget=run.identity.budget,
            seed=task.seed,
            may_abstain=run.may_abstain,
        )
        if sample.kind == "ranking":
            return Outcome(status="ok", answered_by="rules")
        vlm = self._vlms.get(task.seed)
        try:
            given = await asyncio.wait_for(
                put(
                    run.system,
                    library,
                    self._indexed.ids,
                    vlm,
                    asked,
                    policy=run.identity.policy,
                    preset=run.identity.preset,
                ),
                left,
            )
        except TimeoutError:
            ended = Outcome(
                status="timeout", error=f"no answer within {left or 0:.0f} s left for its video"
            )
        except VlmError as exc:
            ended = Outcome(status="error", error=str(exc), extra={"unreached": True})
        except LongtakeError as exc:
            ended = Outcome(status="error", error=str(exc))
        else:
            return replace(given, status="budget") if given.overrun else given
        return (
            ended if vlm is None else await asyncio.to_thread(_billed, ended, library, vlm, asked)
        )

    def _fault(self, sample: Sample) -> str | None:
        """Why a sample's video cannot be asked about; None when it can."""
        if sample.video:
            return self._indexed.faults.get(sample.video)
        return None if self._indexed.asked_of(sample) else "none of the videos is here"

    def _ranked(self, sample: Sample, outcome: Outcome) -> tuple[str, ...]:
        """Videos by how well they fit, for questions that do not name theirs: those cited, then
        those retrieved."""
        if sample.video or outcome.status not in ("ok", "parse_fail"):
            return ()
        if self._run.system.draw is not None:
            return ()
        names = [self._indexed.video_of(cited.video) for cited in outcome.cited]
        library = self._indexed.library
        videos = self._indexed.asked_of(sample)
        found = library.search(sample.question, videos=videos, limit=max(50, len(videos)))
        names += [self._indexed.video_of(hit.video_id) for hit in found]
        return tuple(dict.fromkeys(names))

    def _record(
        self,
        task: Task,
        order: tuple[int, ...],
        outcome: Outcome,
        ranked: tuple[str, ...],
        seconds: dict[str, float],
        noted: Reading,
    ) -> Record:
        run, sample, name = self._run, task.sample, self._indexed.video_of
        sent = tuple(f.model_copy(update={"video": name(f.video)}) for f in outcome.frames)
        place = None if outcome.place is None else order[outcome.place]
        return Record(
            run_id=run.identity.run_id,
            sample_id=sample.sample_id,
            video=sample.video,
            seed=task.seed,
            status=outcome.status,
            raw_response=outcome.raw,
            answered_by=outcome.answered_by,
            options_order=order,
            answer_text=outcome.text,
            option=None if place is None else chr(ord("A") + place),
            abstained=outcome.abstained,
            confidence=outcome.confidence,
            evidence=tuple(c.model_copy(update={"video": name(c.video)}) for c in outcome.cited),
            ranked_videos=ranked,
            frames=sent,
            spent=outcome.spent,
            budget=run.identity.budget,
            overrun=outcome.overrun,
            seconds=seconds,
            retries=self._writer.tries.get((sample.sample_id, task.seed), 0),
            error=outcome.error,
            agent_run=outcome.agent_run,
            finished_at=time.time(),
            extra={
                "frames_read": len(noted.frames),
                "frames_unique": len({(f.video, f.t_s) for f in sent}),
                "pixels_sent": sum(f.width * f.height for f in sent),
                **outcome.extra,
            },
        )


def _billed(ended: Outcome, library: WatchedLibrary, vlm: Vlm, asked: Asked) -> Outcome:
    """What came of a question without an answer, with what was spent on it until then."""
    receipt = receipt_so_far(library, vlm, asked)
    return replace(
        ended,
        spent=spent_of(receipt),
        vlm_s=receipt.total.seconds,
        extra={**ended.extra, **call_facts(receipt)},
    )
