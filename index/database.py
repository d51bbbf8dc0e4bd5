"""Connections to the library's database, and its errors in our words.

SQLite is opened in WAL mode: readers see whole transactions and never wait for the writer. The
driver's own transaction handling is switched off, because it begins transactions too late for that;
every transaction begins explicitly here.
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from longtake.errors import LibraryError
from longtake.index.faults import database_error, sqlite_error_name, using_database

DATABASE_NAME = "library.db"
BUSY_TIMEOUT_S = 30.0

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Database:
    """A library's database: `reading()` and `writing()` give connections inside one transaction."""

    def __init__(self, root: Path, engine: Engine, copy: Path | None = None) -> None:
        self._root = root
        self._engine = engine
        self._copy = copy

    @classmethod
    def open_sqlite(cls, root: Path, *, write: bool) -> "Database":
        """Open `root`'s SQLite file; `write` creates it when there is none.

        A reader that may not create SQLite's shared-memory file (read-only disk or folder) reads
        the file as it is, or, when a killed writer left a log beside it, a temporary copy of both.
        """
        path = root / DATABASE_NAME
        if write:
            return cls(root, _sqlite_engine(path, "mode=rwc", writable=True))
        engine = _sqlite_engine(path, "mode=ro", writable=False)
        try:
            _probe(engine)
            return cls(root, engine)
        except DBAPIError as exc:
            engine.dispose()
            if not sqlite_error_name(exc).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
                raise database_error(root, exc) from exc
        return cls._open_read_only_folder(root, path)

    @classmethod
    def _open_read_only_folder(cls, root: Path, path: Path) -> "Database":
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > 0:
            return cls.open_copy(root)
        return cls(root, _sqlite_engine(path, "immutable=1", writable=False))

    @classmethod
    def open_copy(cls, root: Path) -> "Database":
        """Open a temporary copy of `root`'s SQLite file and its log, deleted by `close`."""
        path = root / DATABASE_NAME
        log = path.with_name(path.name + "-wal")
        copy = Path(tempfile.mkdtemp(prefix="longtake-"))
        try:
            shutil.copyfile(path, copy / path.name)
            if log.exists():
                shutil.copyfile(log, copy / log.name)
        except OSError as exc:
            shutil.rmtree(copy, ignore_errors=True)
            raise LibraryError(f"cannot read library {str(root)!r}: {exc.strerror or exc}") from exc
        return cls(root, _sqlite_engine(copy / path.name, "mode=rw", writable=False), copy)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose statements all see the same state."""
        with using_database(self._root), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on any error."""
        with using_database(self._root), self._engine.connect() as connection:
            connection = connection.execution_options(longtake_write=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        self._engine.dispose()
        if self._copy:
            shutil.rmtree(self._copy, ignore_errors=True)


def _sqlite_engine(path: Path, query: str, *, writable: bool) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=_sqlite_connector(path, query, writable=writable),
        poolclass=QueuePool,
        json_serializer=_to_json,
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a writer takes SQLite's write lock first: upgrading a read transaction could fail half way
        write = connection.get_execution_options().get("longtake_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _sqlite_connector(
    path: Path, query: str, *, writable: bool
) -> Callable[[], sqlite3.Connection]:
    uri = f"file:{quote(str(path.absolute()))}?{query}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA temp_store=MEMORY")
            if writable:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return connect


def _probe(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
