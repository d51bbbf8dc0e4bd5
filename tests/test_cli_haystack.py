"""`longtake eval generate`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from longtake.cli import app
from longtake.errors import LongtakeError
from longtake.eval.benchmarks import benchmark
from longtake.eval.haystack import film, generate, suites
from longtake.eval.haystack.acts import Day
from longtake.eval.haystack.config import VERSION, Suite, WorldConfig
from longtake.eval.haystack.film import Film
from tests.index.conftest import write_video

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


def test_an_interrupted_fresh_run_goes_on_with_its_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        suites.SUITES, "smoke", Suite(name="smoke", worlds=(replace(SMALL, days=2),))
    )
    command = ["eval", "generate", "smoke", "--out", str(tmp_path / "made"), "--fresh"]
    command += ["--voice", "none", "--json"]
    drawn: list[Day] = []

    def until_the_disk_is_full(day: Day, *given: Any) -> Film:
        drawn.append(day)
        if len(drawn) == 2:
            raise LongtakeError("no space left on device")
        return film.make_film(day, *given)

    with monkeypatch.context() as patched:
        patched.setattr(generate, "make_film", until_the_disk_is_full)
        stopped = CliRunner().invoke(app, command)
    assert stopped.exit_code == 1 and "no space left" in stopped.stderr
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["commitment"] in stopped.stderr
    assert f"[1/2] {drawn[0].video}.mp4: kept from an interrupted run" in done.stderr
    assert f"[2/2] {drawn[1].video}.mp4" in done.stderr
    again = CliRunner().invoke(app, command)
    assert again.exit_code != 0 and "is not empty" in again.stderr


def test_footage_is_filled_and_measured_on(tmp_path: Path) -> None:
    folder, out = tmp_path / "mine", tmp_path / "made"
    folder.mkdir()
    write_video(folder / "long.mp4", frames=84, fps=2, size=(320, 180))
    write_video(folder / "short.mp4", frames=20, fps=5)
    command = ["eval", "generate", "--footage", str(folder), "--out", str(out), "--items", "9"]
    done = CliRunner().invoke(app, [*command, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["suite"], document["items"], document["videos"]) == ("footage", 9, 1)
    assert document["seconds"] == 42
    assert "left out" in done.stderr and "short.mp4' is shorter than 40 s" in done.stderr
    samples = benchmark("haystack").load(out, "footage").samples
    assert len(samples) == 9 and all(sample.video_path for sample in samples)


def test_wrong_usage_says_what_to_do(tmp_path: Path) -> None:
    out = str(tmp_path / "made")
    unknown = CliRunner().invoke(app, ["eval", "generate", "vast", "--out", out])
    assert unknown.exit_code != 0
    assert "there are: smoke, dev, lengths, standard, stress, varied" in unknown.stderr
    both = CliRunner().invoke(
        app, ["eval", "generate", "smoke", "--out", out, "--fresh", "--seed", "3"]
    )
    assert both.exit_code != 0 and "leave out --seed" in both.stderr
    for given, said in (
        ([], "name a SUITE, or --footage DIR"),
        (["smoke", "--footage", str(tmp_path)], "name a SUITE, or --footage DIR"),
        (["smoke", "--items", "3"], "--speech and --items go with --footage"),
        (["--footage", str(tmp_path), "--speech", "--voice", "none"], "--speech needs a voice"),
        (["--footage", str(tmp_path)], "it holds no videos"),
    ):
        refused = CliRunner().invoke(app, ["eval", "generate", *given, "--out", out])
        assert refused.exit_code != 0 and said in refused.stderr
    assert not (tmp_path / "made").exists()
