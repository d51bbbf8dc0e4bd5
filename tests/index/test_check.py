"""Each finding is provoked on a real library by breaking it that way; repair mends it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from longtake.errors import LibraryMissing
from longtake.index.check import Finding, check, repair
from longtake.index.lanes import StageName
from longtake.index.store import Store

V0, V1 = f"{0:032x}", f"{1:032x}"
STAGES = 6


@pytest.fixture
def root(tmp_path: Path, fill_library: Callable[..., None]) -> Path:
    fill_library(tmp_path / "library")
    with Store.open(tmp_path / "library") as store:
        store.refresh_indexes()
    return tmp_path / "library"


def sql(root: Path, *statements: str) -> None:
    connection = sqlite3.connect(root / "library.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def vector_file(root: Path, kind: str = "frames", video: str = V0) -> Path:
    (path,) = root.glob(f"vectors/*/{video}.{kind}.*.npz")
    return path


def only(root: Path) -> Finding:
    (finding,) = check(root)
    return finding


def mended(root: Path, dropped: StageName | None = None) -> None:
    """Repair leaves nothing to find; at most one stage of video 0 is gone for it."""
    assert repair(root) == []
    with Store.open(root) as store:
        stages = store.stages()
        assert len(stages) == 2 * STAGES - (dropped is not None)
        assert dropped is None or (V0, dropped) not in stages


def test_a_sound_library_has_no_findings(root: Path) -> None:
    assert check(root) == []
    assert repair(root) == []


def test_no_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing):
        check(tmp_path)


@pytest.mark.parametrize(
    ("statement", "kind", "what", "stage"),
    [
        (
            "DELETE FROM cues WHERE video_id='{v}'",
            "stage",
            "'video 0': stage text is done, but there are no cues",
            StageName.TEXT,
        ),
        (
            "DELETE FROM vector_files WHERE video_id='{v}' AND kind='sentences'",
            "stage",
            "'video 0': stage sentences is done, but there are no sentence_vectors",
            StageName.SENTENCES,
        ),
        (
            "UPDATE stages SET state='failed', reason='x' WHERE video_id='{v}' AND name='speech'",
            "stage",
            "'video 0': stage speech is failed, but there are segments",
            StageName.SPEECH,
        ),
        (
            "DELETE FROM stages WHERE video_id='{v}' AND name='shots'",
            "stage",
            "'video 0': clips, shots without a record of the stage shots",
            StageName.SHOTS,
        ),
        (
            "UPDATE segments SET \"end\"=20.5 WHERE video_id='{v}' AND start=13",
            "times",
            "'video 0': segments at 13.00-20.50 s of a video of 20.0 s",
            StageName.SPEECH,
        ),
        (
            "UPDATE cues SET start=-1 WHERE video_id='{v}'",
            "times",
            "'video 0': cues at -1.00-9.00 s of a video of 20.0 s",
            StageName.TEXT,
        ),
        (
            "UPDATE shots SET start=12.5 WHERE video_id='{v}' AND position=1",
            "shots",
            "'video 0': shots leave or overlap 12.00-12.50 s",
            StageName.SHOTS,
        ),
        (
            "UPDATE clips SET shot=0 WHERE video_id='{v}' AND position=1",
            "clips",
            "'video 0': clip 1 is not inside shot 0",
            StageName.SHOTS,
        ),
    ],
)
def test_rows_that_disagree(
    root: Path, statement: str, kind: str, what: str, stage: StageName
) -> None:
    sql(root, statement.format(v=V0))
    expected = (kind, what, V0, stage)
    found = [(f.kind, f.what, f.video_id, f.stage) for f in check(root)]
    assert found[0] == expected
    # a vector file that no row names any more is an orphan, too, and still in the search cache
    follows = {"sentences": {"orphan", "index"}, "shots": {"clips"}}.get(stage, set())
    assert {kind for kind, *_ in found[1:]} <= follows
    mended(root, stage)


def test_rows_of_no_video(root: Path) -> None:
    sql(root, f"UPDATE shots SET video_id='nobody' WHERE video_id='{V0}'")
    kinds = {(finding.kind, finding.what) for finding in check(root)}
    assert ("database", "rows in shots belong to no video") in kinds
    mended(root, StageName.SHOTS)


@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_vector_file_damaged(root: Path, damage: str) -> None:
    path = vector_file(root)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
        problem = "is missing"
    else:
        path.write_bytes(content[:-10] if damage == "truncated" else content[:-1] + b"x")
        problem = "was altered or truncated"
    found = only(root)
    assert (found.kind, found.video_id, found.stage) == ("vectors", V0, StageName.VISUAL)
    assert found.what == f"vector file {str(path)!r} {problem}"
    mended(root, StageName.VISUAL)
    assert not path.exists()


def test_vectors_of_other_shape_or_time(root: Path) -> None:
    sql(root, f"UPDATE vector_files SET dimension=9 WHERE video_id='{V0}' AND kind='clips'")
    found = [finding for finding in check(root) if finding.kind == "vectors"]
    assert found[0].what.endswith("holds 2 x 8 values, not 2 x 9")
    mended(root, StageName.CLIPS)
    sql(root, f"UPDATE videos SET duration=4 WHERE id='{V1}'")
    assert any(
        finding.kind == "vectors" and finding.what.endswith("has times outside its video")
        for finding in check(root)
    )


def test_full_text_that_misses_a_row(root: Path) -> None:
    sql(
        root,
        "INSERT INTO segments_fts(segments_fts, rowid, text) "
        "SELECT 'delete', id, text FROM segments WHERE id=1",
    )
    found = only(root)
    assert found.kind == "fulltext"
    assert found.what == "full text of speech does not hold what its rows say"
    mended(root)
    with Store.open(root) as store:
        assert [hit.id for hit in store.search_text("wolves", lanes=["speech"], limit=9)] == [1, 3]


@pytest.mark.parametrize("damage", ["truncated", "altered", "manifest", "outdated"])
def test_search_cache(root: Path, damage: str) -> None:
    (index,) = root.glob("vectors/*/frames.faiss")
    content = index.read_bytes()
    manifest = index.with_suffix(".json")
    problem = "is damaged"
    if damage == "truncated":
        index.write_bytes(content[:-1])
    elif damage == "altered":
        index.write_bytes(content[:-1] + b"x")
        problem = "was altered"
    elif damage == "manifest":
        manifest.write_text("{")
    else:
        sql(root, f"UPDATE vector_files SET first_id=100 WHERE video_id='{V1}'")
        problem = "does not hold the vectors that the database names"
    found = check(root)
    assert Finding(kind="index", what=f"search cache {str(index)!r} {problem}") in found
    assert {finding.kind for finding in found} == {"index"}
    mended(root)


def test_orphan_files(root: Path) -> None:
    stray = vector_file(root).with_name("stray.npz.tmp")
    stray.write_bytes(b"half a file")
    other = root / "vectors" / "old-model" / "x.npz"
    other.parent.mkdir()
    other.write_bytes(b"")
    assert [(finding.kind, finding.what) for finding in check(root)] == [
        ("orphan", f"nothing names {str(other)!r}"),
        ("orphan", f"nothing names {str(stray)!r}"),
    ]
    mended(root)
    assert not stray.exists() and not other.parent.exists()


def test_orphans_are_not_reported_while_someone_writes(root: Path) -> None:
    with Store.open(root, write=True):
        vector_file(root).with_name("new.npz").write_bytes(b"")
        assert check(root) == []


def test_files_that_are_gone_are_told_and_kept(root: Path) -> None:
    path = root.parent / "video 0.mp4"
    path.unlink()
    what = f"{str(path)!r} is not there any more; index it where it is now, or prune"
    expected = Finding(kind="gone", what=what, video_id=V0, repairable=False)
    assert check(root) == [expected]
    assert repair(root) == [expected]


def test_damaged_database(root: Path) -> None:
    path = root / "library.db"
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 12] = b"\xff" * (4096 * 10)
    path.write_bytes(content)
    found = check(root)
    assert found and all(f.kind == "database" and not f.repairable for f in found)
    assert repair(root) == found


def test_not_a_database(root: Path) -> None:
    (root / "library.db").write_bytes(b"not a database, but long enough to look at" * 100)
    (found,) = check(root)
    assert found.what == (
        f"the database of library {str(root)!r} is damaged (file is not a database); "
        "delete 'library.db' there and index again: everything in it comes from the videos"
    )
