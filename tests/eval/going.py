"""Runs of one system over some samples of the tiny benchmark."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longtake.config import Settings
from longtake.eval.benchmarks import judge
from longtake.eval.identity import Identity
from longtake.eval.libraries import Indexed
from longtake.eval.log import Log, Writer, read_logs
from longtake.eval.runner import Run, Runner
from longtake.eval.samples import Sample
from longtake.eval.systems import system_named
from longtake.tools.vlm.messages import Vlm
from tests.eval.test_log import identity
from tests.eval.world import COLOURS


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
    preset = more.pop("preset", "moments")
    data = more.pop("data", folder)
    known: Identity = identity(
        system=system,
        budget=budget,
        policy="default" if system == "agent" else "",
        preset=preset if system == "agent" else "",
        **more,
    )
    run = Run(
        identity=known,
        system=system_named(system),
        samples=samples,
        seeds=seeds,
        settings=settings,
        data=data,
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
