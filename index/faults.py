"""What disk and database report, as errors of the library that say what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from longtake.errors import LibraryCorrupt, LibraryError, LibraryLocked

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def disk_error(root: Path, exc: OSError) -> LibraryError:
    """A failed write below `root`."""
    if exc.errno in _FULL:
        return _no_space(root)
    return LibraryError(f"cannot write to library {str(root)!r}: {exc.strerror or exc}")


@contextmanager
def writing_files(root: Path) -> Iterator[None]:
    """Turn errors of writing files into the library's."""
    try:
        yield
    except OSError as exc:
        raise disk_error(root, exc) from exc


@contextmanager
def using_database(root: Path) -> Iterator[None]:
    """Turn database errors into the library's."""
    try:
        yield
    except DBAPIError as exc:
        raise database_error(root, exc) from exc


def sqlite_error_name(exc: DBAPIError) -> str:
    """SQLite's name of the error, `SQLITE_FULL` for one; empty for other databases."""
    return str(getattr(exc.orig, "sqlite_errorname", ""))


def database_error(root: Path, exc: DBAPIError) -> LibraryError:
    """A failed statement on the database of the library at `root`."""
    name, detail, where = sqlite_error_name(exc), str(exc.orig).strip(), repr(str(root))
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return LibraryCorrupt(
            f"the database of library {where} is damaged ({detail}); "
            "delete 'library.db' there and index again: everything in it comes from the videos"
        )
    if name in ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"):
        return _no_space(root)
    if name.startswith("SQLITE_BUSY"):
        return LibraryLocked(f"the database of library {where} stays busy; try again later")
    if name.startswith("SQLITE_READONLY"):
        return LibraryError(f"cannot write to library {where}: {detail}")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM")):
        return LibraryError(
            f"cannot open the database of library {where} ({detail}); check its permissions"
        )
    return LibraryError(f"the database of library {where} failed: {detail}")


def _no_space(root: Path) -> LibraryError:
    return LibraryError(
        f"no space left for library {str(root)!r}; free some and index again, "
        "finished stages are kept"
    )
