"""Numbered changes of the database's shape.

A new database gets the tables of `schema.py` at once and counts as fully migrated. An older one
gets the migrations it has not had, in order, in one transaction. To change the shape: edit
`schema.py`, write a function that makes the same change to an existing database, and append it to
`MIGRATIONS`.
"""

import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, func, insert, inspect, select

from longtake.errors import LibraryCorrupt, LibraryTooNew
from longtake.index import fulltext
from longtake.index.schema import Base, SchemaVersion

Migration = Callable[[Connection], None]


def create_tables(connection: Connection) -> None:
    """Version 1: every table, and full text over segments and cues."""
    Base.metadata.create_all(connection)
    fulltext.create(connection)


MIGRATIONS: tuple[Migration, ...] = (create_tables,)


def version(connection: Connection) -> int:
    """The last migration this database has had; 0 for an empty one.

    Raises:
        LibraryCorrupt: if the database holds tables but not ours.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if SchemaVersion.__tablename__ not in tables:
        raise LibraryCorrupt(
            f"the database is not a longtake library: it holds {', '.join(sorted(tables)[:3])}"
        )
    return connection.scalar(select(func.max(SchemaVersion.version))) or 0


def require_known(root: Path, found: int) -> None:
    """Refuse a database that a newer longtake has changed.

    Raises:
        LibraryTooNew: with both versions.
    """
    if found > len(MIGRATIONS):
        raise LibraryTooNew(
            f"library {str(root)!r} was written by a newer longtake (schema {found}, this one "
            f"knows {len(MIGRATIONS)}); upgrade longtake"
        )


def migrate(connection: Connection, root: Path) -> list[int]:
    """Bring the database up to date inside the caller's transaction; returns the versions applied.

    Raises:
        LibraryTooNew: if it is ahead of this program.
    """
    found = version(connection)
    require_known(root, found)
    if found == 0:
        create_tables(connection)
    else:
        for migration in MIGRATIONS[found:]:
            migration(connection)
    applied = list(range(found + 1, len(MIGRATIONS) + 1))
    if applied:
        now = time.time()
        connection.execute(
            insert(SchemaVersion), [{"version": number, "applied_at": now} for number in applied]
        )
    return applied
