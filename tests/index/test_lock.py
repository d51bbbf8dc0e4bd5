"""One writer: a second one is told who the first is; a dead one leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from longtake.errors import LibraryError, LibraryLocked
from longtake.index.lock import OWNER_NAME, WriterLock
from longtake.index.store import Store

_HOLD = """
import sys
from pathlib import Path
from longtake.index.store import Store
with Store.open(Path(sys.argv[1]), write=True, create=True):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that writes the library until its input ends."""
    command = [sys.executable, "-c", _HOLD, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == b"held\n"
        yield process
        process.stdin.close()


def test_another_process_is_named(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(LibraryLocked) as caught:
            Store.open(tmp_path, write=True)
        assert re.fullmatch(
            rf"library {str(tmp_path)!r} is being written by process {process.pid} on "
            rf"{re.escape(socket.gethostname())} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d; "
            r"wait until it ends or stop it",
            str(caught.value),
        )
        with Store.open(tmp_path) as reader:  # readers do not care
            assert reader.videos() == []
    Store.open(tmp_path, write=True).close()
    assert not (tmp_path / OWNER_NAME).exists()


def test_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (tmp_path / OWNER_NAME).exists()
        Store.open(tmp_path, write=True).close()


def test_same_process_cannot_write_twice(tmp_path: Path) -> None:
    with (
        Store.open(tmp_path, write=True, create=True),
        pytest.raises(LibraryLocked, match=f"by process {os.getpid()} on"),
    ):
        Store.open(tmp_path, write=True)


def test_unreadable_owner_is_just_another_process(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    lock.acquire()
    (tmp_path / OWNER_NAME).write_text("{}")
    with pytest.raises(LibraryLocked, match="is being written by another process; wait"):
        WriterLock(tmp_path).acquire()
    lock.release()
    lock.release()
    WriterLock(tmp_path).acquire()


def test_failed_opening_gives_the_lock_back(tmp_path: Path) -> None:
    (tmp_path / "library.db").write_bytes(b"nonsense" * 1000)
    for _ in range(2):
        with pytest.raises(LibraryError, match="file is not a database"):
            Store.open(tmp_path, write=True)
