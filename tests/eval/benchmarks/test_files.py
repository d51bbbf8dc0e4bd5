"""Owners' files: found, checked, counted; what is missing is said."""

import csv
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longtake.errors import UsageError
from longtake.eval.benchmarks import NAMES, benchmark, files
from tests.data.colours import write_colours
from tests.eval.benchmarks.conftest import Owners


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(UsageError, match="video-mme, video-mme-v2, mlvu, longvideobench"):
        benchmark("videomme")


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_says_what_it_is(name: str) -> None:
    found = benchmark(name)
    assert found.name == name
    assert found.licence
    assert found.splits


@pytest.mark.parametrize("name", NAMES)
def test_unknown_splits_list_the_known_ones(name: str, tmp_path: Path) -> None:
    known = ", ".join(benchmark(name).splits)
    with pytest.raises(UsageError, match=f"no split 'train'; it has: {known}"):
        benchmark(name).load(tmp_path, "train")


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder_is_told_what_it_lacks(name: str, tmp_path: Path) -> None:
    for split in benchmark(name).splits:
        with pytest.raises(UsageError, match=r"no .* in "):
            benchmark(name).load(tmp_path, split)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="put the benchmark's files there"):
        benchmark("lvbench").load(tmp_path / "nowhere", "test")


def test_counts_videos_and_subtitles_that_are_missing_are_said(owners: Owners) -> None:
    data = owners("video-mme", "data/lighthouse01.mp4")
    loaded = benchmark("video-mme").load(data, "test", subtitles=True)
    assert (loaded.expected, len(loaded.samples)) == (2700, 4)
    assert loaded.missing == (
        "4 questions where the published split has 2,700: another revision, or a part of it",
        "1 of 2 videos",
        "subtitles of 1 of 2 videos",
    )


def test_videos_are_real_files_wherever_they_lie(owners: Owners, tmp_path: Path) -> None:
    data = owners("lvbench")
    video = write_colours(tmp_path / "made.mp4", [("red", 1.0)], width=64, height=48)
    place = data / "all_videos" / "part1" / "harbour-cam.mp4"
    place.parent.mkdir(parents=True)
    video.rename(place)
    loaded = benchmark("lvbench").load(data, "test")
    assert {s.video: s.video_path for s in loaded.samples} == {
        "harbour-cam": place,
        "cooking-hour": None,
    }


def test_the_revision_is_that_of_the_files(owners: Owners) -> None:
    data = owners("egoschema")
    first = benchmark("egoschema").load(data, "full").revision
    names = ("questions.json", "subset_answers.json")
    sums = {name: hashlib.sha256((data / name).read_bytes()).hexdigest() for name in names}
    lines = "".join(f"{name}\0{sums[name]}\n" for name in names)
    assert first == hashlib.sha256(lines.encode()).hexdigest()
    answers = data / "subset_answers.json"
    answers.write_text(answers.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert benchmark("egoschema").load(data, "full").revision != first


def test_a_pinned_file_that_changed_is_refused(owners: Owners) -> None:
    data = owners("lvbench")
    meta = data / "video_info.meta.jsonl"
    digest = hashlib.sha256(meta.read_bytes()).hexdigest()
    (data / "SHA256SUMS").write_text(f"{digest}  ./{meta.name}\n0000  other\n", encoding="utf-8")
    benchmark("lvbench").load(data, "test")
    meta.write_text(meta.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not the file that SHA256SUMS names"):
        benchmark("lvbench").load(data, "test")


def test_a_row_without_a_field_is_named(owners: Owners) -> None:
    data = owners("rtv-bench")
    path = data / "QA.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    del entries[2]["end_time"]
    path.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(UsageError, match="row 3: end_time: Field required"):
        benchmark("rtv-bench").load(data, "test")


def test_ids_that_come_twice_are_refused(owners: Owners) -> None:
    data = owners("video-mme")
    path = data / "videomme.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[0]]), encoding="utf-8")
    with pytest.raises(UsageError, match="1 ids come twice, such as '001-1'"):
        benchmark("video-mme").load(data, "test")


@pytest.mark.parametrize("content", ["{", "3", '{"a": 1}'])
def test_damaged_files_are_named(owners: Owners, content: str) -> None:
    data = owners("rtv-bench")
    (data / "QA.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"QA\.json' cannot be read"):
        benchmark("rtv-bench").load(data, "test")


@pytest.mark.parametrize("quote", [json.dumps, repr], ids=["json", "python"])
@pytest.mark.parametrize(
    ("name", "lines", "table"),
    [
        ("video-mme", "videomme.jsonl", "videomme.csv"),
        ("extremewhenbench", "test.jsonl", "test.csv"),
        ("video-mme-v2", "test.jsonl", "test.csv"),
    ],
)
def test_a_csv_is_read_like_the_same_rows_in_lines(
    owners: Owners, name: str, lines: str, table: str, quote: Callable[[Any], str]
) -> None:
    data = owners(name)
    plain = benchmark(name).load(data, "test").samples
    rows = files.read_objects(data / lines)
    (data / lines).unlink()
    with (data / table).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {k: quote(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows
        )
    assert benchmark(name).load(data, "test").samples == plain


def test_parquet_is_read_like_the_same_rows_in_lines(owners: Owners) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    data = owners("video-mme")
    plain = benchmark("video-mme").load(data, "test").samples
    lines = data / "videomme.jsonl"
    table = pyarrow.Table.from_pylist(files.read_objects(lines))
    (data / "videomme").mkdir()
    parquet.write_table(table, data / "videomme" / "test-00000-of-00001.parquet")
    lines.unlink()
    assert benchmark("video-mme").load(data, "test").samples == plain
    (data / "videomme" / "test-00000-of-00001.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(UsageError, match="cannot be read"):
        benchmark("video-mme").load(data, "test")


def test_parquet_without_pyarrow_says_what_to_install(
    owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = owners("video-mme")
    (data / "test-0.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'longtake\[eval\]'"):
        benchmark("video-mme").load(data, "test")
