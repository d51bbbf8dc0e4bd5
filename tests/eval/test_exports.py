"""Logs for other tools' viewers hold what was asked, said, judged and spent."""

import json
from pathlib import Path
from typing import Any

import pytest

from longtake.eval.benchmarks import benchmark, judge
from longtake.eval.exports import Item, inspect_log, lmms_samples
from longtake.eval.records import Cited, Record, Spent
from longtake.eval.samples import Loaded

DATA = Path(__file__).resolve().parent / "data"


@pytest.fixture
def loaded() -> Loaded:
    return benchmark("lvbench").load(DATA / "lvbench", "test")


@pytest.fixture
def items(loaded: Loaded) -> list[Item]:
    """Question 11 answered with two seeds, 12 failed, 20 missing."""

    def left(sample_id: str, seed: int, **fields: Any) -> Record:
        given = {
            "run_id": "run-1",
            "sample_id": sample_id,
            "video": "harbour-cam",
            "seed": seed,
            "status": "ok",
            "answered_by": "model",
            "raw_response": "",
            "spent": Spent(visual=60, text_in=30, out=5, cached=10, total=95, calls=2),
            "budget": 1000,
            "seconds": {"ask": 1.5},
            "finished_at": 1_700_000_000.0,
        }
        return Record(**{**given, **fields})

    first, second, third = loaded.samples
    cited = (Cited(video="harbour-cam", start_s=730, end_s=740, lane="visual"),)
    adapter = benchmark("lvbench")
    records = [
        (first, left("11", 0, raw_response="(B) Berta", evidence=cited)),
        (first, left("11", 1, raw_response="(C)")),
        (second, left("12", 0, status="error", error="no reply")),
        (third, None),
    ]
    return [(judge(adapter, sample, record), record) for sample, record in records]


def test_samples_as_lmms_eval_logs_them(items: list[Item], tmp_path: Path) -> None:
    lmms_samples(items, tmp_path / "samples.jsonl")
    text = (tmp_path / "samples.jsonl").read_text(encoding="utf-8")
    first, _, failed, missing = (json.loads(line) for line in text.splitlines())
    assert list(first)[:7] == ("doc_id doc target arguments resps filtered_resps doc_hash".split())
    assert (first["target"], first["resps"], first["filtered_resps"]) == (
        *("B", [["(B) Berta"]], ["B"]),
    )
    assert first["arguments"] == ["Which ship docks first?\nA. Anna\nB. Berta\nC. Clara\nD. Dora"]
    assert first["strict"] == {"score": 1.0, "counted": True, "parsed": "B"}
    assert (failed["status"], failed["strict"]["score"]) == ("error", 0)
    assert (missing["status"], missing["official"]["counted"]) == ("missing", False)


def test_a_log_for_inspect(loaded: Loaded, items: list[Item], tmp_path: Path) -> None:
    """Fields only: inspect_ai, which reads it, is not among the packages here."""
    rows = benchmark("lvbench").aggregate([scored for scored, _ in items])
    inspect_log(loaded, items, rows, tmp_path / "log.json", model="tiny")
    log = json.loads((tmp_path / "log.json").read_text(encoding="utf-8"))
    assert log["eval"]["task"] == "lvbench/test"
    assert log["eval"]["created"] == "2023-11-14T22:13:20+00:00"
    assert log["eval"]["config"] == {"epochs": 2}
    official, strict = log["results"]["scores"]
    assert official["metrics"]["accuracy (micro)"]["value"] == pytest.approx(100 / 3)
    assert strict["metrics"]["accuracy (micro)"]["value"] == 25
    first, again, failed, missing = log["samples"]
    assert [(s["id"], s["epoch"]) for s in log["samples"]] == [
        *(("11", 1), ("11", 2), ("12", 1), ("20", 1))
    ]
    assert first["scores"]["strict"] == {"value": 1.0, "answer": "B"}
    assert again["scores"]["official"] == {"value": 0.0, "answer": "C"}
    assert first["model_usage"]["tiny"]["input_tokens"] == 90
    assert first["metadata"]["evidence"][0]["start_s"] == 730
    assert failed["error"]["message"] == "no reply"
    assert "official" not in missing["scores"]  # the owners do not count it
    assert missing["scores"]["strict"]["value"] == 0
