"""The log: nothing finished is lost, nothing half written is believed, shards can be merged."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from longtake.errors import LongtakeError, UsageError
from longtake.eval.identity import Identity, digest, prompts_hash
from longtake.eval.log import SUFFIX, Writer, read_log, read_logs, shard_of
from longtake.eval.records import Record, Spent

NOTHING = Spent(visual=0, text_in=0, out=0, cached=0, total=0, calls=0)


def identity(**changes: Any) -> Identity:
    values: dict[str, Any] = {
        "benchmark": "colours",
        "split": "test",
        "revision": "r1",
        "expected": 4,
        "subtitles": "off",
        "system": "uniform",
        "budget": 2000,
        "model": "eyes",
        "model_identity": "eyes/1",
        "index": "i",
        "settings": "s",
        "prompts": "p",
        "code": "1",
    }
    return Identity(**(values | changes))


def record(sample: str, seed: int = 0, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "run_id": identity().run_id,
        "sample_id": sample,
        "video": "v",
        "seed": seed,
        "status": "ok",
        "raw_response": 'a "quoted"\nreply \u2028 \U0001f600',
        "answered_by": "model",
        "spent": NOTHING,
        "budget": 2000,
        "finished_at": time.time(),
    }
    return Record(**(values | changes))


def test_every_field_of_the_identity_makes_another_run() -> None:
    base = identity()
    changed: dict[str, Any] = {
        "expected": 5,
        "limit": 2,
        "limit_seed": 3,
        "budget": 4000,
        "subtitles": "asr",
        "option_seed": 1,
        "options_searched": True,
        "library_mode": True,
    }
    runs = {base.run_id}
    for name in Identity.model_fields:
        other = base.model_copy(update={name: changed.get(name, "other")})
        assert list(base.differences(other)) == [name]
        runs.add(other.run_id)
    assert len(runs) == len(Identity.model_fields) + 1


def test_hashes_do_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
    assert len(prompts_hash()) == 16


def test_what_is_written_is_read(tmp_path: Path) -> None:
    lines = [record("b", 1), record("a", 0), record("a", 1)]
    with Writer(tmp_path, identity()) as writer:
        for line in lines:
            writer.append(line, {"files": ["x"]})
    (log,) = read_logs([tmp_path])
    assert log.identity == identity()
    assert log.records == (lines[1], lines[2], lines[0])
    opened = (tmp_path / "samples.opened.jsonl").read_text().splitlines()
    assert json.loads(opened[0]) == {"sample_id": "b", "seed": 1, "files": ["x"]}


def test_a_torn_line_is_dropped_and_written_over(tmp_path: Path) -> None:
    with Writer(tmp_path, identity()) as writer:
        writer.append(record("a"), {})
        writer.append(record("b"), {})
    path = tmp_path / f"samples{SUFFIX}"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    torn = read_log(path)
    assert [r.sample_id for r in torn.records] == ["a"] and torn.torn == 1
    with Writer(tmp_path, identity()) as writer:
        assert writer.finished == {("a", 0)}
        writer.append(record("b"), {})
    assert [r.sample_id for r in read_log(path).records] == ["a", "b"]
    assert read_log(path).torn == 0


def test_damage_elsewhere_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    with Writer(tmp_path, identity()) as writer:
        writer.append(record("a"), {})
    path = tmp_path / f"samples{SUFFIX}"
    head, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(head + b"\n{broken\n" + rest)
    with pytest.raises(LongtakeError, match="line 2 is damaged"):
        read_log(path)
    path.write_text("hello\n")
    with pytest.raises(UsageError, match="does not begin like a log"):
        read_log(path)
    with pytest.raises(UsageError, match="no log of an evaluation"):
        read_logs([_empty(tmp_path)])
    with pytest.raises(UsageError, match="no such file or folder"):
        read_logs([tmp_path / "nowhere"])


def _empty(folder: Path) -> Path:
    place = folder / "empty"
    place.mkdir()
    return place


def test_shards_are_read_together_whatever_their_number(tmp_path: Path) -> None:
    with Writer(tmp_path, identity(), shard="1of2") as writer:
        writer.append(record("a"), {})
    with Writer(tmp_path, identity(), shard="2of2") as writer:
        assert writer.finished == {("a", 0)}
        writer.append(record("b"), {})
    with Writer(tmp_path, identity(), shard="1of3") as writer:
        assert writer.finished == {("a", 0), ("b", 0)}
        writer.append(record("c"), {})
    with Writer(tmp_path, identity()) as writer:
        assert writer.finished == {(name, 0) for name in "abc"}
    (log,) = read_logs([tmp_path])
    assert [r.sample_id for r in log.records] == ["a", "b", "c"]


def test_shards_share_videos_out_evenly_and_for_ever() -> None:
    assert [shard_of(f"video{i}", 4) for i in range(6)] == [
        0,
        1,
        2,
        2,
        2,
        1,
    ]  # sha256sum, 16th digit
    sizes = Counter(shard_of(f"v{i}", 5) for i in range(5000))
    assert set(sizes) == set(range(5)) and max(sizes.values()) < 1.1 * 1000


def test_failures_are_tried_again_and_counted(tmp_path: Path) -> None:
    with Writer(tmp_path, identity()) as writer:
        writer.append(record("a", status="error", error="server gone"), {})
        writer.append(record("b", status="parse_fail"), {})
    with Writer(tmp_path, identity(), shard="1of2") as writer:
        assert writer.finished == {("b", 0)}
        assert writer.tries["a", 0] == 1
        writer.append(record("a", retries=1), {})
    (log,) = read_logs([tmp_path])
    assert [(r.sample_id, r.status) for r in log.records] == [("a", "ok"), ("b", "parse_fail")]
    assert log.tries == {("a", 0): 2, ("b", 0): 1}


def test_an_answer_is_not_replaced_by_a_later_failure(tmp_path: Path) -> None:
    with Writer(tmp_path, identity()) as writer:
        writer.append(record("a", finished_at=1.0), {})
    with Writer(tmp_path, identity(), shard="late") as writer:
        writer.append(record("a", finished_at=2.0, status="timeout"), {})
    assert read_logs([tmp_path])[0].records[0].status == "ok"


def test_another_run_and_another_process_are_kept_out(tmp_path: Path) -> None:
    with Writer(tmp_path, identity()) as writer:
        writer.append(record("a"), {})
        with pytest.raises(UsageError, match="another process writes"):
            Writer(tmp_path, identity())
    with pytest.raises(UsageError, match="another run; it differs in budget"):
        Writer(tmp_path, identity(budget=4000))
    Writer(tmp_path, identity()).close()


CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.eval.test_log import identity, record
from longtake.eval.log import Writer
with Writer(Path({folder!r}), identity()) as writer:
    for number in range(100_000):
        name = f"s{{number:06d}}"
        if (name, 0) in writer.finished:
            continue
        writer.append(record(name), {{"files": []}})
        print(name, flush=True)
"""


def test_whatever_was_reported_survives_a_kill(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    rng = random.Random(4)
    code = CHILD.format(tests=str(root), folder=str(tmp_path / "run"))
    reported: list[str] = []
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(rng.randrange(5, 60)):
            reported.append(child.stdout.readline().strip())
        os.kill(child.pid, signal.SIGKILL)
        reported += child.stdout.read().split()
        assert child.wait(60) == -signal.SIGKILL
        child.stdout.close()
        (log,) = read_logs([tmp_path / "run"])
        names = [r.sample_id for r in log.records]
        assert set(reported) <= set(names)
        assert len(names) <= len(reported) + 3
        assert set(log.tries.values()) == {1}
