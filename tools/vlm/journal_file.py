"""The file of a journal of calls: opened, brought into shape, its errors told in the library's."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from longtake.errors import LibraryCorrupt, LibraryError, LibraryLocked, LibraryTooNew

VERSION = 1
_BUSY_S = 20.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY,
    processes INTEGER NOT NULL,
    answer_kept INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    key TEXT NOT NULL,
    node TEXT NOT NULL,
    purpose TEXT NOT NULL,
    backend TEXT NOT NULL,
    answer INTEGER NOT NULL,
    planned TEXT NOT NULL,
    sent_at REAL NOT NULL,
    state TEXT NOT NULL,
    replied_at REAL,
    outcome TEXT,
    reply TEXT,
    charge TEXT,
    reason TEXT
);
CREATE INDEX IF NOT EXISTS calls_of_run ON calls (run_id, key);
CREATE INDEX IF NOT EXISTS calls_by_key ON calls (key, state, outcome);
"""


def open_file(path: Path | None, name: str) -> sqlite3.Connection:
    """A connection to the file, made when it is absent; None keeps it in memory.

    Args:
        name: what messages call it.

    Raises:
        LibraryError: the file cannot be opened or written; it may be damaged, or be of a newer
            longtake.
    """
    with translated(name):
        db = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _prepare(db, name)
        except (sqlite3.Error, LibraryError):
            db.close()
            raise
    return db


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn errors of SQLite into the library's."""
    try:
        yield
    except sqlite3.Error as exc:
        raise _error(name, exc) from exc


def _error(name: str, exc: sqlite3.Error) -> LibraryError:
    code = str(getattr(exc, "sqlite_errorname", ""))
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return LibraryCorrupt(
            f"the journal of calls {name} is damaged ({exc}); delete it: only replies that could "
            "be used again and runs that could be resumed are lost"
        )
    if code.startswith("SQLITE_BUSY"):
        return LibraryLocked(f"the journal of calls {name} stays busy; try again later")
    if code == "SQLITE_FULL":
        return LibraryError(f"no space left for the journal of calls {name}; free some")
    return LibraryError(
        f"cannot use the journal of calls {name} ({exc}); check that it and its folder are writable"
    )


def _prepare(db: sqlite3.Connection, name: str) -> None:
    """Bring a new file into shape; a present one only has its version checked."""
    db.execute("PRAGMA synchronous = FULL")
    if _version(db, name) == VERSION:
        return
    _to_wal(db)
    db.execute("BEGIN IMMEDIATE")
    with db:
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")


def _version(db: sqlite3.Connection, name: str) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise LibraryTooNew(
            f"the journal of calls {name} is of version {version}, this longtake knows {VERSION}; "
            "upgrade longtake"
        )
    return version


def _to_wal(db: sqlite3.Connection) -> None:
    """Write-ahead logging. SQLite does not wait here when another process is switching too."""
    end = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return
