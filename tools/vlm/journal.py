"""Every call of a model and its reply, kept on disk: what was paid for is not paid for again.

A call is written down before it is sent and once more when its reply is there, each synced to the
disk. A run whose process died finds the replies it had and the calls that had been sent; a later
run finds replies to requests it would make anew. Requests are kept as their hash: neither pictures
nor secrets are stored.
"""

import json
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from longtake.errors import LibraryCorrupt, LibraryError, LibraryLocked, LibraryTooNew
from longtake.tools.vlm.messages import Price, Reply, Usage

State = Literal["sent", "replied", "failed"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is about to be asked, and for whom."""

    run_id: str
    key: str
    """`Request.key` of the request."""
    node: str
    purpose: str
    backend: str
    answer: bool
    """The call writes the final answer."""
    planned: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A call as the journal has it."""

    id: int
    call: Call
    sent_at: float
    """Unix seconds."""
    state: State
    reply: Reply | None
    """Its `parsed` is None: the text is there to be parsed again."""
    charge: dict[str, Any] | None
    """What the ledger charged for it, as the ledger wrote it."""
    reason: str | None
    """Why it failed."""


class Journal:
    """A SQLite file of calls. Any number of processes may use one file; an object may be opened
    in one thread and used in another, but not by two at a time."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._db = connection
        self._name = name

    @classmethod
    def open(cls, path: Path | None) -> "Journal":
        """Open the file, made when it is absent; None keeps the journal in memory.

        Raises:
            LibraryError: the file cannot be opened or written; it may be damaged, or be of a
                newer longtake.
        """
        name = "in memory" if path is None else repr(str(path))
        with _translated(name):
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
        return cls(db, name)

    def close(self) -> None:
        """Let go of the file; safe to call again."""
        self._db.close()

    def enter(self, run_id: str) -> int:
        """Count a process that works on a run.

        Returns:
            How many have, this one included: 1 for a new run.
        """
        with self._writing():
            self._db.execute(
                "INSERT INTO runs VALUES (?, 1, 0)"
                " ON CONFLICT (run_id) DO UPDATE SET processes = processes + 1",
                (run_id,),
            )
            row = self._db.execute("SELECT processes FROM runs WHERE run_id = ?", (run_id,))
            return int(row.fetchone()[0])

    def keep_for_answer(self, run_id: str, tokens: int) -> None:
        """Write down how many tokens a run keeps for its answer."""
        with self._writing():
            self._set_answer_kept(run_id, tokens)

    def answer_kept(self, run_id: str) -> int:
        """Tokens the run keeps for its answer; 0 for a run that is not known."""
        with _translated(self._name):
            query = "SELECT answer_kept FROM runs WHERE run_id = ?"
            row = self._db.execute(query, (run_id,)).fetchone()
        return int(row[0]) if row is not None else 0

    def begin(self, call: Call, *, answer_kept: int) -> int:
        """Write down a call that is about to be sent.

        Args:
            answer_kept: tokens that its run keeps for the answer.

        Returns:
            Its id.
        """
        with self._writing():
            self._set_answer_kept(call.run_id, answer_kept)
            return self._insert(call, state="sent")

    def finish(
        self, call_id: int, reply: Reply, *, charge: Mapping[str, Any], answer_kept: int
    ) -> None:
        """Write down a reply and what was charged for it."""
        with self._writing():
            self._db.execute(
                "UPDATE calls SET state = 'replied', replied_at = ?, outcome = ?, reply = ?,"
                " charge = ? WHERE id = ?",
                (time.time(), reply.outcome, _reply_json(reply), json.dumps(charge), call_id),
            )
            self._set_answer_kept(self._run_of(call_id), answer_kept)

    def fail(
        self,
        call_id: int,
        reason: str,
        *,
        charge: Mapping[str, Any] | None = None,
        answer_kept: int | None = None,
    ) -> None:
        """Write down that a call got no reply, and what was charged for it if anything."""
        with self._writing():
            self._db.execute(
                "UPDATE calls SET state = 'failed', replied_at = ?, reason = ?, charge = ?"
                " WHERE id = ?",
                (time.time(), reason, None if charge is None else json.dumps(charge), call_id),
            )
            if answer_kept is not None:
                self._set_answer_kept(self._run_of(call_id), answer_kept)

    def replay(
        self, call: Call, reply: Reply, *, charge: Mapping[str, Any], answer_kept: int
    ) -> None:
        """Write down a call that another run's reply answered."""
        with self._writing():
            call_id = self._insert(call, state="replied")
            self._db.execute(
                "UPDATE calls SET replied_at = sent_at, outcome = ?, reply = ?, charge = ?"
                " WHERE id = ?",
                (reply.outcome, _reply_json(reply), json.dumps(charge), call_id),
            )
            self._set_answer_kept(call.run_id, answer_kept)

    def reply_in_run(self, run_id: str, key: str) -> Reply | None:
        """The run's last reply to a request, whatever its outcome."""
        return self._reply(
            "SELECT reply FROM calls WHERE run_id = ? AND key = ? AND state = 'replied'"
            " ORDER BY id DESC LIMIT 1",
            (run_id, key),
        )

    def reply_anywhere(self, key: str) -> Reply | None:
        """Any run's last good reply to a request."""
        return self._reply(
            "SELECT reply FROM calls WHERE key = ? AND state = 'replied' AND outcome = 'ok'"
            " ORDER BY id DESC LIMIT 1",
            (key,),
        )

    def calls(self, run_id: str) -> list[Kept]:
        """All calls of a run in the order in which they were begun."""
        with _translated(self._name):
            rows = self._db.execute(
                "SELECT id, run_id, key, node, purpose, backend, answer, planned, sent_at, state,"
                " reply, charge, reason FROM calls WHERE run_id = ? ORDER BY id",
                (run_id,),
            ).fetchall()
        return [_kept(row) for row in rows]

    def last_active(self) -> dict[str, float]:
        """Run id -> Unix second of its last call, for every run that has calls."""
        with _translated(self._name):
            query = (
                "SELECT run_id, MAX(MAX(sent_at, COALESCE(replied_at, 0))) FROM calls GROUP BY 1"
            )
            return {str(row[0]): float(row[1]) for row in self._db.execute(query)}

    def size(self, run_id: str) -> int:
        """Bytes that the calls of a run hold, what the file has around them not counted."""
        with _translated(self._name):
            fields = ("key", "node", "purpose", "backend", "planned", "reply", "charge", "reason")
            length = " + ".join(f"COALESCE(LENGTH(CAST({field} AS BLOB)), 0)" for field in fields)
            query = f"SELECT COALESCE(SUM({length}), 0) FROM calls WHERE run_id = ?"
            return int(self._db.execute(query, (run_id,)).fetchone()[0])

    def forget(self, run_ids: Collection[str]) -> int:
        """Drop the calls of runs and give their room back to the disk.

        Returns:
            How many calls were dropped.
        """
        with self._writing():
            dropped = 0
            for run_id in run_ids:
                done = self._db.execute("DELETE FROM calls WHERE run_id = ?", (run_id,))
                dropped += done.rowcount
                self._db.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))
        if dropped:
            with _translated(self._name):
                self._db.execute("VACUUM")
        return dropped

    def _insert(self, call: Call, *, state: State) -> int:
        cursor = self._db.execute(
            "INSERT INTO calls (run_id, key, node, purpose, backend, answer, planned, sent_at,"
            " state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                call.run_id,
                call.key,
                call.node,
                call.purpose,
                call.backend,
                call.answer,
                json.dumps(asdict(call.planned)),
                time.time(),
                state,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _set_answer_kept(self, run_id: str, tokens: int) -> None:
        self._db.execute(
            "INSERT INTO runs VALUES (?, 1, ?)"
            " ON CONFLICT (run_id) DO UPDATE SET answer_kept = excluded.answer_kept",
            (run_id, tokens),
        )

    def _run_of(self, call_id: int) -> str:
        row = self._db.execute("SELECT run_id FROM calls WHERE id = ?", (call_id,)).fetchone()
        if row is None:
            raise LibraryError(f"call {call_id} is not in the journal {self._name} any more")
        return str(row[0])

    def _reply(self, query: str, values: tuple[str, ...]) -> Reply | None:
        with _translated(self._name):
            row = self._db.execute(query, values).fetchone()
        return None if row is None else _reply_of(row[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; any error undoes it."""
        with _translated(self._name):
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield


@contextmanager
def _translated(name: str) -> Iterator[None]:
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


def _reply_json(reply: Reply) -> str:
    fields = {
        "text": reply.text,
        "outcome": reply.outcome,
        "usage": None if reply.usage is None else asdict(reply.usage),
        "seconds": reply.seconds,
        "attempts": reply.attempts,
    }
    return json.dumps(fields)


def _reply_of(text: str) -> Reply:
    fields = json.loads(text)
    usage = fields.pop("usage")
    return Reply(**fields, parsed=None, usage=None if usage is None else Usage(**usage))


def _kept(row: tuple[Any, ...]) -> Kept:
    call_id, run_id, key, node, purpose, backend, answer, planned, *rest = row
    sent_at, state, reply, charge, reason = rest
    call = Call(
        run_id=run_id,
        key=key,
        node=node,
        purpose=purpose,
        backend=backend,
        answer=bool(answer),
        planned=Price(**json.loads(planned)),
    )
    return Kept(
        id=call_id,
        call=call,
        sent_at=sent_at,
        state=state,
        reply=None if reply is None else _reply_of(reply),
        charge=None if charge is None else json.loads(charge),
        reason=reason,
    )
