"""Where unfinished runs are kept: a file in the library's folder."""

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

CHECKPOINTS = "checkpoints.db"
"""File in the library folder that keeps unfinished runs."""
_BUSY_S = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run that was interrupted and can be resumed."""

    run_id: str
    question: str


async def unfinished(root: Path) -> list[Unfinished]:
    """Runs of a library's folder that were interrupted, newest first."""
    if not (root / CHECKPOINTS).is_file():
        return []
    runs: dict[str, str] = {}
    async with checkpointer(root) as saver:
        if saver is None:
            return []
        async for item in saver.alist(None):
            run_id = str(item.config["configurable"]["thread_id"])
            question = item.checkpoint["channel_values"].get("question")
            if question is not None:
                runs.setdefault(run_id, question)
    return [Unfinished(run_id=run_id, question=question) for run_id, question in runs.items()]


@asynccontextmanager
async def checkpointer(root: Path | None) -> AsyncIterator["AsyncSqliteSaver | None"]:
    """The checkpointer of a library's folder; None without one, or where it cannot be written."""
    if root is None:
        yield None
        return
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    try:
        connection = await aiosqlite.connect(root / CHECKPOINTS, timeout=_BUSY_S)
    except sqlite3.Error as exc:
        _log.info("no checkpoints: %s", exc)
        yield None
        return
    try:
        saver = AsyncSqliteSaver(connection)
        try:
            await saver.setup()
            # a killed process loses nothing by it; after a power cut the last steps run again,
            # and the journal, which is always synced, has their replies
            await connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as exc:
            _log.info("no checkpoints: %s", exc)
            yield None
        else:
            yield saver
    finally:
        await connection.close()
