"""Old databases are brought up to date with their content; newer and foreign ones are refused."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from longtake.errors import LibraryCorrupt, LibraryMissing, LibraryTooNew
from longtake.index import migrations
from longtake.index.database import Database
from longtake.index.schema import Base
from longtake.index.store import Store


def rate_videos(connection: Connection) -> None:
    """What a later version 2 could look like."""
    connection.exec_driver_sql("ALTER TABLE videos ADD COLUMN rating INTEGER NOT NULL DEFAULT 3")


def query(root: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(root / "library.db")
    rows = connection.execute(statement).fetchall()
    connection.commit()
    connection.close()
    return rows


@pytest.fixture
def version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", (migrations.create_tables, rate_videos))


@pytest.fixture
def old(tmp_path: Path, fill_library: Callable[..., None]) -> Path:
    fill_library(tmp_path / "library")
    assert query(tmp_path / "library", "SELECT version FROM schema_version") == [(1,)]
    return tmp_path / "library"


def test_a_writer_migrates_and_keeps_everything(old: Path, request: pytest.FixtureRequest) -> None:
    before = query(old, "SELECT * FROM segments")
    request.getfixturevalue("version_2")
    with Store.open(old, write=True) as store:
        assert [video.title for video in store.videos()] == ["video 0", "video 1"]
        assert len(store.search_text("wolves", lanes=["speech"], limit=9)) == 2
    assert query(old, "SELECT version FROM schema_version ORDER BY version") == [(1,), (2,)]
    assert query(old, "SELECT rating FROM videos") == [(3,), (3,)]
    assert query(old, "SELECT * FROM segments") == before
    Store.open(old, write=True).close()  # and never again
    assert query(old, "SELECT count(*) FROM schema_version") == [(2,)]


def test_a_reader_of_an_old_library_has_it_migrated(
    old: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("version_2")
    with Store.open(old) as store:
        assert len(store.videos()) == 2
    assert query(old, "SELECT max(version) FROM schema_version") == [(2,)]


def test_a_failed_migration_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: Connection) -> None:
        rate_videos(connection)
        raise RuntimeError("half way")

    monkeypatch.setattr(migrations, "MIGRATIONS", (migrations.create_tables, broken))
    with pytest.raises(RuntimeError, match="half way"):
        Store.open(old, write=True)
    assert query(old, "SELECT max(version) FROM schema_version") == [(1,)]
    assert "rating" not in str(query(old, "SELECT sql FROM sqlite_master WHERE name='videos'"))


def test_newer_library_is_refused(old: Path) -> None:
    query(old, "INSERT INTO schema_version VALUES (7, 0.0)")
    for write in (False, True):
        with pytest.raises(LibraryTooNew) as caught:
            Store.open(old, write=write)
        assert str(caught.value) == (
            f"library {str(old)!r} was written by a newer longtake "
            "(schema 7, this one knows 1); upgrade longtake"
        )


def test_foreign_database_is_left_alone(tmp_path: Path) -> None:
    query(tmp_path, "CREATE TABLE recipes (name TEXT)")
    for write in (False, True):
        with pytest.raises(LibraryCorrupt) as caught:
            Store.open(tmp_path, write=write)
        assert str(caught.value) == "the database is not a longtake library: it holds recipes"
    assert query(tmp_path, "SELECT name FROM sqlite_master") == [("recipes",)]


def test_empty_database_of_a_run_killed_at_once(tmp_path: Path) -> None:
    (tmp_path / "library.db").touch()
    with pytest.raises(LibraryMissing) as caught:
        Store.open(tmp_path)
    assert str(caught.value) == f"the library in {str(tmp_path)!r} is empty; index a video first"
    Store.open(tmp_path, write=True).close()
    assert Store.open(tmp_path).videos() == []


def test_migrate_tells_what_it_did(tmp_path: Path) -> None:
    database = Database.open_sqlite(tmp_path, write=True)
    with database.writing() as connection:
        assert migrations.version(connection) == 0
        assert migrations.migrate(connection, tmp_path) == [1]
        assert migrations.migrate(connection, tmp_path) == []
    database.close()


def test_tables_can_be_made_on_postgresql_too() -> None:
    statements = [
        str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        for table in Base.metadata.sorted_tables
    ]
    assert len(statements) == 10
    (segments,) = [text for text in statements if "CREATE TABLE segments" in text]
    assert "id BIGSERIAL NOT NULL" in segments
    assert "FOREIGN KEY(video_id) REFERENCES videos (id) ON DELETE CASCADE" in segments
