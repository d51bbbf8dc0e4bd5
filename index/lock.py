"""One writer at a time: an operating system lock, and a file that says who holds it.

The operating system drops the lock when its holder dies, however it dies; the owner file only
serves the message.
"""

import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from longtake.errors import LibraryLocked
from longtake.index.faults import disk_error

LOCK_NAME = "library.lock"
OWNER_NAME = "library.owner.json"


class WriterLock:
    """The writer's lock on a library folder, held from `acquire` to `release`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._owner = root / OWNER_NAME
        # thread_local=False: the thread that closes a library need not be the one that opened it
        self._lock = FileLock(root / LOCK_NAME, thread_local=False)

    def acquire(self) -> None:
        """Take the lock at once or fail.

        Raises:
            LibraryLocked: if another process, or another Store of this one, holds it.
            LibraryError: if the folder cannot be written.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout as exc:
            raise LibraryLocked(
                f"library {str(self._root)!r} is being written by {self._describe_owner()}; "
                "wait until it ends or stop it"
            ) from exc
        except OSError as exc:
            raise disk_error(self._root, exc) from exc
        try:
            self._owner.write_text(
                json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()})
            )
        except OSError as exc:
            self._lock.release()
            raise disk_error(self._root, exc) from exc

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._lock.is_locked:
            with suppress(OSError):
                self._owner.unlink(missing_ok=True)
            self._lock.release()

    def _describe_owner(self) -> str:
        try:
            owner = json.loads(self._owner.read_text())
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner["since"]))
            return f"process {owner['pid']} on {owner['host']} since {since}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"  # it has the lock but has not written its name yet
