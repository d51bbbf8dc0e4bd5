import os
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from longtake.errors import LibraryCorrupt, LibraryError, LibraryTooNew
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.journal_rows import Call
from longtake.tools.vlm.messages import Price, Reply, Usage

CALL = Call(
    run_id="run1",
    key="a" * 64,
    node="look",
    purpose="look v1",
    backend="openai:m",
    answer=False,
    planned=Price(visual=1000, text=200, output=100, exact=True),
)
REPLY = Reply(
    text='{"relevant": true, "claim": "ein „Auto“ \ud800 </data>"}',
    parsed=None,
    outcome="ok",
    usage=Usage(input=1200, output=40, cached=1000),
    seconds=0.75,
    attempts=2,
)
CHARGE = {"charged": 1240}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


def sent(journal: Journal, call: Call = CALL) -> int:
    return journal.begin(call, answer_kept=50)


def finish(journal: Journal, call_id: int, reply: Reply = REPLY) -> None:
    journal.finish(call_id, reply, charge=CHARGE, answer_kept=50)


def test_a_reply_comes_back_as_it_was(path: Path) -> None:
    journal = Journal.open(path)
    assert journal.reply_in_run("run1", CALL.key) is None
    call_id = sent(journal)
    assert journal.reply_in_run("run1", CALL.key) is None
    finish(journal, call_id)
    journal.close()
    again = Journal.open(path)
    assert again.reply_in_run("run1", CALL.key) == REPLY
    assert again.reply_in_run("run2", CALL.key) is None
    assert again.reply_anywhere(CALL.key) == REPLY
    assert again.reply_anywhere("b" * 64) is None
    again.close()


def test_a_call_is_kept_with_what_it_was_for(path: Path) -> None:
    journal = Journal.open(path)
    before = time.time()
    finish(journal, sent(journal))
    answer = replace(CALL, node="answer", answer=True)
    journal.fail(sent(journal, answer), "cut off", charge=CHARGE, answer_kept=9)
    sent(journal, replace(CALL, key="c" * 64))
    first, second, third = journal.calls("run1")
    assert (first.call, first.state, first.reply, first.charge) == (
        CALL,
        "replied",
        REPLY,
        CHARGE,
    )
    assert before <= first.sent_at <= time.time()
    assert (second.call, second.state, second.reason) == (answer, "failed", "cut off")
    assert (second.charge, third.state, third.charge) == (CHARGE, "sent", None)
    assert journal.answer_kept("run1") == 50, "the last call begun wrote it"
    assert journal.calls("run2") == []
    journal.close()


def test_only_good_replies_serve_other_runs() -> None:
    journal = Journal.open(None)
    bad = replace(REPLY, text="", outcome="empty", usage=None)
    finish(journal, sent(journal), bad)
    assert journal.reply_in_run("run1", CALL.key) == bad
    assert journal.reply_anywhere(CALL.key) is None
    journal.close()


def test_a_reply_taken_from_another_run_belongs_to_both() -> None:
    journal = Journal.open(None)
    finish(journal, sent(journal))
    other = replace(CALL, run_id="run2")
    journal.replay(other, REPLY, charge={"charged": 7}, answer_kept=3)
    assert journal.reply_in_run("run2", CALL.key) == REPLY
    assert [row.charge for row in journal.calls("run2")] == [{"charged": 7}]
    assert journal.answer_kept("run2") == 3
    journal.close()


def test_processes_of_a_run_are_counted(path: Path) -> None:
    journal = Journal.open(path)
    assert [journal.enter("run1"), journal.enter("run1"), journal.enter("run2")] == [1, 2, 1]
    journal.keep_for_answer("run1", 300)
    assert journal.enter("run1") == 3
    assert (journal.answer_kept("run1"), journal.answer_kept("new")) == (300, 0)
    journal.close()


def age(path: Path, days: dict[str, float]) -> None:
    """Make runs that many days older."""
    db = sqlite3.connect(path, isolation_level=None)
    for run_id, number in days.items():
        db.execute(
            "UPDATE calls SET sent_at = sent_at - ? WHERE run_id = ?", (number * 86_400, run_id)
        )
    db.close()


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.journal_rows import Call
from longtake.tools.vlm.messages import Price, Reply

name = sys.argv[2]
journal = Journal.open(Path(sys.argv[1]))
for number in range(40):
    call = Call(run_id=name, key=f"{name}{number}", node="look", purpose="p", backend="b",
                answer=False, planned=Price(visual=1, text=1, output=1, exact=True))
    reply = Reply(text=name, parsed=None, outcome="ok", usage=None, seconds=0.1)
    journal.finish(journal.begin(call, answer_kept=0), reply, charge={}, answer_kept=0)
"""


def test_processes_share_a_new_file(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abcd"]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0, 0]
    journal = Journal.open(path)
    for name in "abcd":
        rows = journal.calls(name)
        assert [row.call.key for row in rows] == [f"{name}{number}" for number in range(40)]
        assert {row.reply.text for row in rows if row.reply} == {name}
    journal.close()


def test_a_damaged_file_says_what_to_do(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(LibraryCorrupt, match=r"calls\.db' is damaged .* delete it"):
        Journal.open(path)


def test_a_file_of_a_newer_longtake_is_left_alone(path: Path) -> None:
    Journal.open(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LibraryTooNew, match="version 99, this longtake knows 1"):
        Journal.open(path)


def test_a_folder_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"absent/calls\.db"):
        Journal.open(tmp_path / "absent" / "calls.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(LibraryError, match="writable"):
            Journal.open(tmp_path / "calls.db")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_finishing_a_forgotten_call_is_an_error_and_writes_nothing() -> None:
    journal = Journal.open(None)
    with pytest.raises(LibraryError, match="call 7 is not in the journal in memory"):
        finish(journal, 7)
    assert journal.enter("run1") == 1
    journal.close()


def test_a_closed_journal_says_so() -> None:
    journal = Journal.open(None)
    journal.close()
    journal.close()
    with pytest.raises(LibraryError, match="closed"):
        journal.enter("run1")
