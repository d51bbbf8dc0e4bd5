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
from dataclasses import asdict
from pathlib import Path
from typing import Any

from longtake.errors import LibraryError
from longtake.tools.vlm.journal_file import open_file, translated
from longtake.tools.vlm.journal_rows import Call, Kept, State, kept, reply_json, reply_of
from longtake.tools.vlm.messages import Reply


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
        return cls(open_file(path, name), name)

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
        with translated(self._name):
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
                (time.time(), reply.outcome, reply_json(reply), json.dumps(charge), call_id),
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
                (reply.outcome, reply_json(reply), json.dumps(charge), call_id),
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
        with translated(self._name):
            rows = self._db.execute(
                "SELECT id, run_id, key, node, purpose, backend, answer, planned, sent_at, state,"
                " reply, charge, reason FROM calls WHERE run_id = ? ORDER BY id",
                (run_id,),
            ).fetchall()
        return [kept(row) for row in rows]

    def last_active(self) -> dict[str, float]:
        """Run id -> Unix second of its last call, for every run that has calls."""
        with translated(self._name):
            query = (
                "SELECT run_id, MAX(MAX(sent_at, COALESCE(replied_at, 0))) FROM calls GROUP BY 1"
            )
            return {str(row[0]): float(row[1]) for row in self._db.execute(query)}

    def size(self, run_id: str) -> int:
        """Bytes that the calls of a run hold, what the file has around them not counted."""
        with translated(self._name):
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
            with translated(self._name):
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
        with translated(self._name):
            row = self._db.execute(query, values).fetchone()
        return None if row is None else reply_of(row[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; any error undoes it."""
        with translated(self._name):
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield
