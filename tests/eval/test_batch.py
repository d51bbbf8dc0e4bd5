"""From the owners' files to scores and comparisons, through the commands and the real Video-MME
adapter."""

import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from longtake.cli import app
from longtake.config import Settings
from longtake.errors import UsageError
from longtake.eval.batch import (
    Batch,
    Told,
    identity_of,
    parse_budgets,
    parse_shard,
    parse_systems,
    run_batch,
)
from longtake.eval.benchmarks import benchmark
from longtake.eval.identity import answering
from longtake.eval.libraries import IndexCost, read_costs
from longtake.eval.log import read_logs
from longtake.eval.samples import Loaded
from longtake.index.lanes import StageName
from longtake.index.store import Store
from tests.agent.seeing import Eyes
from tests.eval.world import LETTERS, NEEDLES, STRETCHES, Colours, reader

BUDGETS = (700, 1400)


@pytest.fixture(scope="module")
def mme(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The colours as owners of Video-MME would distribute them: 3 of 2,700 questions."""
    folder = tmp_path_factory.mktemp("mme")
    (folder / "data").mkdir()
    rows = []
    for number, (colour, _) in enumerate(NEEDLES):
        shutil.copy(world / f"{colour}.mp4", folder / "data" / f"{colour}.mp4")
        rows.append(
            {
                "video_id": f"{number:03d}",
                "duration": "short",
                "domain": "Colours",
                "sub_category": "Screens",
                "url": "",
                "videoID": colour,
                "question_id": f"{number:03d}-1",
                "task_type": "Temporal Perception",
                "question": f"When is the screen {colour}?",
                "options": [f"{'ABCD'[i]}. {text}" for i, text in enumerate(STRETCHES)],
                "answer": LETTERS[colour],
            }
        )
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "videomme.jsonl").write_text(lines)
    return folder


def batch(mme: Path, out: Path, settings: Settings, systems: str, **more: Any) -> Batch:
    values: dict[str, Any] = {
        "benchmark": benchmark("video-mme"),
        "data": mme,
        "split": "test",
        "settings": settings,
        "systems": parse_systems(systems),
        "budgets": BUDGETS,
        "out": out,
    }
    return Batch(**(values | more))


@pytest.fixture(scope="module")
def runs(mme: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished runs of three systems at two budgets."""
    out = tmp_path_factory.mktemp("runs")
    run_batch(batch(mme, out, settings, "uniform,blind,random"), Told(), reader())
    return out


def place(runs: Path, label: str) -> Path:
    (found,) = (runs / "video-mme-test-off").glob(f"{label}-*")
    return found


def call(*arguments: str | Path) -> Any:
    done = CliRunner().invoke(app, ["eval", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def refused(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, ["eval", *map(str, arguments)])
    assert done.exit_code == 2, done.stdout
    return done.stderr


def test_scores_have_both_rules_and_full_denominators(runs: Path) -> None:
    scores = call("score", runs)
    by_label = {run["label"]: run for run in scores["runs"]}
    assert set(by_label) == {f"{s}-{b}" for s in ("uniform", "blind", "random") for b in BUDGETS}
    seen = by_label["uniform-1400"]
    assert seen["strict"]["value"] == 1 and seen["strict"]["clusters"] == 3
    assert seen["stamps"] == ["SUBSET 3/2700"]
    assert (seen["samples"], seen["finished"], seen["parse_fail"]) == (3, 3, 0)
    assert seen["table"][0]["strict"] == 100 and seen["table"][0]["n"] == 3
    assert seen["costs"]["most"] <= 1400 and seen["costs"]["overruns"] == 0
    assert seen["index"]["videos"] == 3
    assert seen["index"]["hours"] == pytest.approx(3 / 60, rel=0.02)
    assert by_label["blind-1400"]["strict"]["value"] == pytest.approx(1 / 3)
    areas = {area["name"]: area["area"]["value"] for area in scores["areas"]}
    middle = (by_label["uniform-700"]["strict"]["value"] + 1) / 2
    assert areas["uniform"] == pytest.approx(middle)
    assert areas["blind"] == pytest.approx(1 / 3)


def test_scoring_again_gives_the_same(runs: Path) -> None:
    logs = {path: path.read_bytes() for path in runs.rglob("*.jsonl")}
    assert call("score", runs) == call("score", runs)
    assert logs == {path: path.read_bytes() for path in runs.rglob("*.jsonl")}


def test_half_a_run_has_no_number_unless_labelled(runs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "uniform"
    shutil.copytree(place(runs, "uniform-1400"), copy)
    log = copy / "samples.log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:-1]))
    assert "unfinished: uniform-1400 (2 of 3)" in refused("score", copy)
    (run,) = call("score", copy, "--partial")["runs"]
    assert run["stamps"] == ["PARTIAL 2/3", "SUBSET 3/2700"]
    assert run["strict"]["value"] == pytest.approx(2 / 3) and run["strict"]["n"] == 3
    assert run["statuses"] == {"ok": 2, "missing": 1}
    shown = CliRunner().invoke(app, ["eval", "score", str(copy), "--partial"])
    assert "PARTIAL 2/3" in shown.stdout


def test_runs_are_compared_sample_by_sample(runs: Path) -> None:
    made = call("compare", place(runs, "uniform-1400"), place(runs, "blind-1400"))
    assert made["all"]["difference"]["value"] == pytest.approx(2 / 3)
    assert (made["all"]["only_first"], made["all"]["only_second"]) == (2, 0)
    assert made["all"]["p"] == pytest.approx(0.5)
    assert list(made["differing"]) == ["system"]


def test_runs_that_differ_elsewhere_are_not_compared(runs: Path) -> None:
    pair = place(runs, "uniform-1400"), place(runs, "uniform-700")
    said = refused("compare", *pair)
    assert "budget: 1400 and 700" in said and "--factor budget" in said
    assert call("compare", *pair, "--factor", "budget")["samples"] == 3
    assert "holds 6 runs" in refused("compare", runs, pair[0])


def test_answers_are_exported_as_the_owners_take_them(runs: Path, tmp_path: Path) -> None:
    target = tmp_path / "answers.json"
    made = call("export", place(runs, "uniform-1400"), "--to", target)
    assert made["file"] == str(target)
    read = benchmark("video-mme").exports[made["form"]].read(target)
    answers = [LETTERS[colour] for colour, _ in NEEDLES]
    assert list(read.values()) == answers
    lines = tmp_path / "samples.jsonl"
    call("export", place(runs, "uniform-1400"), "--form", "lmms-eval", "--to", lines)
    assert [json.loads(line)["target"] for line in lines.read_text().splitlines()] == answers
    log = tmp_path / "log.json"
    call("export", place(runs, "uniform-1400"), "--form", "inspect", "--to", log)
    assert len(json.loads(log.read_text())["samples"]) == 3
    assert "no form 'csv'" in refused("export", place(runs, "uniform-1400"), "--form", "csv")
    assert "not 1" in refused("export", place(runs, "uniform-1400"), "--seed", "1")


def test_what_is_solved_blind_is_left_out_beside_the_other_numbers(
    runs: Path, mme: Path, settings: Settings, tmp_path: Path
) -> None:
    """Both models guess A without a video, which is right of green."""
    other = reader()
    other.name, other.identity = "others", "others/1"
    run_batch(batch(mme, tmp_path, settings, "blind", budgets=(700,)), Told(), other)
    target = tmp_path / "solved.json"
    assert "run with one model" in refused("solved", runs, "--to", target)
    made = call("solved", runs, tmp_path, "--to", target)
    assert made["samples"] == {"000-1": "blind"} and json.loads(target.read_text()) == made
    scores = call("score", runs, "--without", target)
    with_it = {run["label"]: run["strict"]["value"] for run in scores["runs"]}
    less = {run["label"]: run["strict_without"] for run in scores["runs"]}
    assert with_it["blind-700"] == pytest.approx(1 / 3) and less["blind-700"]["value"] == 0
    assert less["uniform-1400"]["value"] == 1 and less["uniform-1400"]["n"] == 2
    areas = {area["name"]: area["area"]["value"] for area in scores["areas_without"]}
    assert areas["blind"] == 0
    shown = CliRunner().invoke(app, ["eval", "score", str(runs), "--without", str(target)])
    assert "without solved" in shown.stdout
    page = tmp_path / "page.html"
    pair = place(runs, "uniform-1400"), place(runs, "blind-1400")
    compared = call("compare", *pair, "--without", target)
    assert (compared["all"]["difference"]["n"], compared["all_without"]["difference"]["n"]) == (
        3,
        2,
    )
    assert compared["all_without"]["difference"]["value"] == 1  # blind had only what is left out
    assert call("compare", *pair)["all_without"] is None
    call("report", runs, "--without", target, "--html", page, "--pictures", "0")
    text = page.read_text()
    assert "The same without 1 questions that are solved without video" in text
    assert 'data-curve="without-0"' in text and 'data-curve="curve-0"' in text
    target.write_text("[]")
    assert "not what longtake eval solved writes" in refused("score", runs, "--without", target)


def test_the_report_is_one_page_with_curves_and_samples(runs: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    call("report", runs, "--html", target)
    page = target.read_text()
    lines = re.findall(r'<polyline[^>]* data-curve="curve-', page)
    assert len(lines) == 3 and page.count('class="sample"') == 3
    assert "SUBSET 3/2700" in page
    assert page.count("data:image/jpeg") > 10
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_second_start_asks_nothing(runs: Path, mme: Path, settings: Settings) -> None:
    class Never(Eyes):
        def price(self, request: object) -> Any:
            raise AssertionError("nothing is left to ask")

    run_batch(batch(mme, runs, settings, "uniform,blind"), Told(), Never())


def test_only_what_a_system_works_from_is_indexed_and_charged(
    mme: Path, settings: Settings, tmp_path: Path
) -> None:
    def costs(system: str) -> list[IndexCost]:
        run_batch(batch(mme, tmp_path, settings, system, budgets=(1400,)), Told(), reader())
        return list(read_costs([place(tmp_path, f"{system}-1400")]).values())

    def recorded() -> set[StageName]:
        with Store.open(tmp_path / "video-mme-test-off" / "library") as store:
            return {stage for _, stage in store.stages()}

    assert [(set(cost.seconds), cost.size) for cost in costs("uniform")] == [({"shots"}, 0)] * 3
    assert StageName.TEXT not in recorded()
    assert [set(cost.seconds) for cost in costs("ocr")] == [{"shots", "text"}] * 3
    assert StageName.TEXT in recorded() and StageName.VISUAL not in recorded()
    assert [set(cost.seconds) for cost in costs("uniform")] == [{"shots"}] * 3


def test_shards_make_up_the_run(runs: Path, mme: Path, settings: Settings, tmp_path: Path) -> None:
    for number in (2, 1):
        made = batch(mme, tmp_path, settings, "uniform", shard=(number, 2), budgets=(1400,))
        run_batch(made, Told(), reader())
    (whole,) = read_logs([place(runs, "uniform-1400")])
    (merged,) = read_logs([tmp_path])
    assert merged.identity == whole.identity
    assert [r.option for r in merged.records] == [r.option for r in whole.records]
    assert len(list(tmp_path.rglob("*of2.log.jsonl"))) == 2
    assert call("score", tmp_path)["runs"][0]["strict"]["value"] == 1


def test_a_limit_is_stamped_on_every_number(mme: Path, settings: Settings, tmp_path: Path) -> None:
    made = batch(mme, tmp_path, settings, "random", limit=2, limit_seed=5, budgets=(1400,))
    run_batch(made, Told())
    (run,) = call("score", tmp_path)["runs"]
    assert "LIMIT 2, seed 5" in run["stamps"] and run["samples"] == 2


def test_questions_to_a_library_have_all_of_it_whatever_is_drawn(
    world: Path, settings: Settings, tmp_path: Path
) -> None:
    """MSR-VTT's are answered by ranks, so that no model is needed."""
    data = tmp_path / "data"
    shutil.copytree(world, data / "videos")
    names = [colour for colour, _ in NEEDLES]
    rows = [f"ret{i},msr{i},{name},the screen is {name}" for i, name in enumerate(names)]
    lines = ["key,vid_key,video_id,sentence", *rows]
    (data / "MSRVTT_JSFUSION_test.csv").write_text("".join(f"{line}\n" for line in lines))
    out = tmp_path / "out"
    for number in (1, 2):
        made = batch(
            data, out, settings, "uniform", benchmark=benchmark("msrvtt-1ka"), limit=1,
            budgets=(1400,), shard=(number, 2),
        )  # fmt: skip
        run_batch(made, Told())
    (log,) = read_logs([out])
    (record,) = log.records
    assert log.identity.model == "none"
    assert record.status == "ok", record.error
    assert sorted(read_costs(log.folders)) == sorted(names)


def test_what_decides_answers_is_in_the_identity(
    mme: Path, settings: Settings, tmp_path: Path
) -> None:
    stamped = settings.model_copy(update={"vlm": settings.vlm.model_copy(update={"stamps": True})})
    loaded = benchmark("video-mme").load(mme, "test")
    (uniform,) = parse_systems("uniform")
    one, other = (
        identity_of(batch(mme, tmp_path, s, "uniform"), loaded, reader(), uniform, 700, 3)
        for s in (settings, stamped)
    )
    assert list(one.differences(other)) == ["settings"]
    files = {f"{path.parent.name}/{path.name}" for path in answering()}
    for name in ("sources", "watched", "runner", "samples"):
        assert f"eval/{name}.py" in files
    assert {"benchmarks/videomme.py", "longtake/timing.py", "select/choose.py"} <= files
    assert not {"eval/statistics.py", "eval/summary.py"} & files


def test_what_cannot_be_run_is_told_before_indexing(
    mme: Path, settings: Settings, tmp_path: Path
) -> None:
    for systems, said in (("transcript", "--subtitles"), ("oracle", "what proves"),
                          ("uniform", "--vlm")):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            run_batch(batch(mme, tmp_path, settings, systems), Told())
    for policy, preset, said in (("default", "tpyo", "tpyo"), ("love_zoom", "aks", "itself")):
        agent = settings.agent.model_copy(update={"policy": policy, "preset": preset})
        chosen = settings.model_copy(update={"agent": agent})
        with pytest.raises(UsageError, match=said):
            run_batch(batch(mme, tmp_path, chosen, "agent"), Told(), reader())
    assert not list(tmp_path.iterdir())


def test_a_trained_model_is_run_by_the_command(mme: Path, tiny_vlm: Path, tmp_path: Path) -> None:
    made = call(
        "run", "video-mme", "--data", mme, "--vlm", tiny_vlm, "--system", "uniform",
        "--budget", "1k", "--limit", "1", "--out", tmp_path, "--set", "offline=true",
    )  # fmt: skip
    (folder,) = made["runs"]
    (log,) = read_logs([Path(folder)])
    (record,) = log.records
    assert record.status in ("ok", "parse_fail") and record.raw_response
    assert 0 < record.spent.total <= 1000 and record.frames
    assert record.extra["exact"] and record.extra["mismatch"] == 0


def test_streams_are_refused_as_a_library_before_indexing(
    world: Path, settings: Settings, tmp_path: Path
) -> None:
    @dataclass(frozen=True, slots=True)
    class Streams(Colours):
        def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
            loaded = Colours.load(self, data, split, subtitles=subtitles)
            last = replace(loaded.samples[-1], visible_until_s=50.0)
            return replace(loaded, samples=(*loaded.samples[:-1], last))

    streams = Streams("colours", {"test": 3}, "CC0")
    made = batch(world, tmp_path, settings, "uniform", benchmark=streams, library_mode=True)
    with pytest.raises(UsageError, match="cannot be asked of a library"):
        run_batch(made, Told(), reader())
    assert not list(tmp_path.iterdir())


def test_options_that_would_do_nothing_are_refused(mme: Path, tmp_path: Path) -> None:
    common = "run", "video-mme", "--data", mme, "--out", tmp_path, "--vlm", "none"
    assert "add agent" in refused(*common, "--system", "uniform", "--preset", "aks")
    assert "write --budget" in refused(*common, "--set", "agent.budget=2000")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "budgets"),
    [("2k,4k", (2000, 4000)), ("8000", (8000,)), ("4k,2k,2000", (2000, 4000)), ("1.5k", (1500,))],
)
def test_budgets_are_read(text: str, budgets: tuple[int, ...]) -> None:
    assert parse_budgets(text) == budgets


@pytest.mark.parametrize("text", ["", "k", "0", "-2k", "2kk", "1.5", "2k,,4k"])
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write tokens"):
        parse_budgets(text)


def test_shards_and_systems_are_read() -> None:
    assert parse_shard("2/4") == (2, 4)
    for text in ("0/4", "5/4", "1", "1/0", "a/b"):
        with pytest.raises(UsageError, match="which of how many"):
            parse_shard(text)
    assert [s.name for s in parse_systems("blind, uniform,blind")] == ["blind", "uniform"]
    with pytest.raises(UsageError, match="no system 'nobody'"):
        parse_systems("nobody")
