"""`longtake eval generate`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from longtake.cli import app
from longtake.eval.benchmarks import benchmark
from longtake.eval.haystack import suites
from longtake.eval.haystack.config import VERSION, Suite, WorldConfig

SMALL = WorldConfig(
    days=1, seconds=20, items=6, width=160, height=90, fps=5, text_px=(8,), rooms=4,
    needle_s=(0.5, 2.0), needle_shares=(0.5, 0.5),
)  # fmt: skip


def test_a_fresh_seed_uses_held_out_words_and_is_committed_to_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(suites.SUITES, "smoke", Suite(name="smoke", worlds=(SMALL,)))
    out = tmp_path / "made"
    done = CliRunner().invoke(
        app,
        ["eval", "generate", "smoke", "--out", str(out), "--fresh", "--voice", "none", "--json"],
    )
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["items"] == 6 and document["videos"] == 1 and document["seconds"] == 20
    manifest = json.loads((out / "videos" / "manifest.json").read_text())
    assert manifest["held_out"] is True and manifest["gen_version"] == VERSION
    assert manifest["seed_commitment"] == document["commitment"]
    assert document["commitment"] in done.stderr
    assert len(benchmark("haystack").load(out, "smoke").samples) == 6


def test_wrong_usage_says_what_to_do(tmp_path: Path) -> None:
    out = str(tmp_path / "made")
    unknown = CliRunner().invoke(app, ["eval", "generate", "vast", "--out", out])
    assert unknown.exit_code != 0
    assert "there are: smoke, dev, lengths, standard, stress, varied" in unknown.stderr
    both = CliRunner().invoke(
        app, ["eval", "generate", "smoke", "--out", out, "--fresh", "--seed", "3"]
    )
    assert both.exit_code != 0 and "leave out --seed" in both.stderr
    assert not (tmp_path / "made").exists()
