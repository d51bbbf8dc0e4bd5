"""Drops calls that are kept in a library for longer than they are of use: replies that could answer
the same request again, of runs that have ended."""

import time
from dataclasses import dataclass

from longtake.agent.agent import Agent
from longtake.agent.desk import JOURNAL
from longtake.tools.library import Library
from longtake.tools.vlm.journal import Journal

GOING_ON_S = 3600.0
"""A run that called a model this recently may still be going on, with or without a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was dropped."""

    runs: int
    calls: int
    size: int
    """Bytes of these calls."""


async def prune_calls(library: Library, *, older_than_s: float, most_bytes: int) -> Pruned:
    """Drop the calls of ended runs: of those that last called a model longer ago than
    `older_than_s`, then of the oldest until the rest holds at most `most_bytes`.

    Runs that can be resumed keep theirs, as do those of the last hour. Answers, receipts and
    replays are not touched: they stand in the library's database.

    Raises:
        LibraryLocked: other processes keep the journal busy.
    """
    path = library.root / JOURNAL
    if not path.is_file():
        return Pruned(runs=0, calls=0, size=0)
    unfinished = {run.run_id for run in await Agent(library).unfinished()}
    journal = Journal.open(path)
    try:
        now, active = time.time(), journal.last_active()
        sizes = {run_id: journal.size(run_id) for run_id in active}
        total = sum(sizes.values())
        ended = [
            run_id
            for run_id in sorted(active, key=lambda run_id: active[run_id])
            if run_id not in unfinished and now - active[run_id] > GOING_ON_S
        ]
        dropped: list[str] = []
        for run_id in ended:  # oldest first
            if now - active[run_id] > older_than_s or total > most_bytes:
                dropped.append(run_id)
                total -= sizes[run_id]
        calls = journal.forget(dropped)
    finally:
        journal.close()
    return Pruned(runs=len(dropped), calls=calls, size=sum(sizes[run_id] for run_id in dropped))
