"""The report page: what it shows, that nothing in it can run but its own script, that a real
browser opens it."""

import html.parser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from longtake.documents_eval import run as run_document
from longtake.errors import UsageError
from longtake.eval.areas import curves_of
from longtake.report_chart import HEIGHT, WIDTH, chart
from longtake.report_comparisons import losses
from longtake.report_page import page
from longtake.report_risk import risk_chart
from tests.eval.test_results import record, result, sample

EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)>\x1b[31m'


class Parsed(html.parser.HTMLParser):
    """Elements with their attributes, and words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def named(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [
            found
            for name, found in self.elements
            if name == tag and wanted.items() <= found.items()
        ]


@pytest.fixture(scope="module")
def written() -> str:
    """Two systems at two budgets over four samples; three of four videos tell them apart."""
    samples = [
        sample(name, question=f"Question {name}? {EVIL}", options=("one", EVIL, "three", "four"))
        for name in ("a1", "b1", "c1", "d1")
    ]
    runs = []
    for system, budget, right in (
        ("uniform", 1000, "a"),
        ("uniform", 2000, "ab"),
        ("agent", 1000, "ab"),
        ("agent", 2000, "abc"),
    ):
        records = [
            record(s.sample_id, "A" if s.sample_id[0] in right else "B",
                   raw_response=f'{{"option": "{"A" if s.sample_id[0] in right else "B"}"}}',
                   answer_text=EVIL, error=EVIL, evidence=())
            for s in samples
        ]  # fmt: skip
        runs.append(result(samples, records, system=system, budget=budget))
    return page(runs, samples=10, pictures=10)


def test_curves_have_the_heights_of_their_accuracies() -> None:
    samples = [sample(name) for name in ("a1", "b1", "c1", "d1")]
    runs = []
    for budget, right in ((1000, "a"), (2000, "abcd")):
        records = [record(s.sample_id, "A" if s.sample_id[0] in right else "B") for s in samples]
        runs.append(result(samples, records, budget=budget))
    drawn = Parsed(chart(curves_of(runs)))
    (line,) = drawn.named("polyline")
    points = [tuple(map(float, p.split(","))) for p in (line["points"] or "").split()]
    assert points[0][0] < points[1][0] <= WIDTH and points[1][1] < points[0][1] <= HEIGHT
    assert len(drawn.named("circle")) == 2
    assert "25.0% (0.0 to 75.0)" in drawn.words
    assert len(drawn.named("polygon")) == 1


def test_risk_is_drawn_over_coverage() -> None:
    """The surest answer is right, the next wrong, the last right: risk 0, 1/2, 1/3."""
    samples = [sample(name) for name in ("a1", "b1", "c1")]
    answers = (("a1", "A", 0.9), ("b1", "B", 0.6), ("c1", "A", 0.3))
    records = [record(name, option, confidence=sure) for name, option, sure in answers]
    unsure = [record(name, option, confidence=None) for name, option, _ in answers]
    runs = [result(samples, records), result(samples, unsure, system="random")]
    documents = [run_document(made) for made in runs]
    assert documents[0]["risk_coverage"] == {
        "coverage": pytest.approx([1 / 3, 2 / 3, 1]),
        "risk": pytest.approx([0, 1 / 2, 1 / 3]),
    }
    assert documents[1]["risk_coverage"] is None
    drawn = Parsed(risk_chart(documents, "risk"))
    (line,) = drawn.named("polyline", **{"data-curve": "risk-0"})
    points = [tuple(map(float, p.split(","))) for p in (line["points"] or "").split()]
    across, down = zip(*points, strict=True)
    assert across == pytest.approx([265.3, 484.7, 704.0], abs=0.1)
    assert down == pytest.approx([336, 336 - 322 / 2, 336 - 322 / 3], abs=0.1)
    assert len(drawn.named("button", **{"data-curve": "risk-0"})) == 1
    assert "area 0.278" in drawn.words and "33.3% wrong" in drawn.words
    assert risk_chart(documents[1:], "risk") == ""


def test_it_holds_every_sample_and_every_run(written: str) -> None:
    parsed = Parsed(written)
    found = parsed.named("details", class_="sample")
    kinds = {str(attributes["id"]): attributes["data-kinds"] for attributes in found}
    assert kinds == {
        "sample-a1": "right",
        "sample-b1": "differ",
        "sample-c1": "differ",
        "sample-d1": "wrong",
    }
    ids = list(kinds)
    assert set(ids[:2]) == {"sample-b1", "sample-c1"}
    for label in ("uniform-1000", "uniform-2000", "agent-1000", "agent-2000"):
        assert label in parsed.words
    assert "agent-1000 less uniform" in parsed.words
    assert "colours: accuracy at budget" in parsed.words


def test_what_models_and_benchmarks_wrote_cannot_run(written: str) -> None:
    parsed = Parsed(written)
    assert len(parsed.named("script")) == 1
    assert all("onerror" not in found for _, found in parsed.elements)
    assert not parsed.named("img", src="x")
    assert "\x1b" not in written
    (policy,) = [found["content"] for found in parsed.named("meta") if "http-equiv" in found]
    assert policy is not None and "default-src 'none'" in policy and "unsafe" not in policy


def test_runs_of_several_benchmarks_are_no_report() -> None:
    one = result([sample("a1")], [record("a1", "A")])
    other = result([sample("a1")], [record("a1", "A")], subtitles="asr")
    with pytest.raises(UsageError, match="one benchmark, split and subtitle mode"):
        page([one, other], samples=1, pictures=1)


def test_runs_are_held_against_the_baseline_of_their_own_model() -> None:
    samples = [sample("a1"), sample("b1")]
    right = [record(s.sample_id, "A") for s in samples]
    runs = [result(samples, right, system="uniform", model=model) for model in ("m1", "m2")]
    runs.append(result(samples, right, system="agent", model="m2"))
    runs.append(result(samples, right, system="random", model="none", model_identity="none"))
    words = Parsed(page(runs, samples=0, pictures=0)).words
    found = sorted(re.findall(r"(agent|random)-\d+ less uniform \((m\d)\)", words))
    assert found == [("agent", "m2"), ("random", "m1"), ("random", "m2")]


def test_what_is_lost_to_search_and_to_reading() -> None:
    """The oracle has three of four right, the agent two, and lots one; of e1 no evidence is
    known."""
    samples = [sample(name) for name in ("a1", "b1", "c1", "d1", "e1")]
    proven = [s for s in samples if s.sample_id != "e1"]
    runs = []
    for system, right, asked in (
        ("oracle", "abc", proven),
        ("agent", "abe", samples),
        ("random", "ae", samples),
    ):
        records = [record(s.sample_id, "A" if s.sample_id[0] in right else "B") for s in asked]
        model = "none" if system == "random" else "eyes"
        runs.append(result(asked, records, system=system, model=model))
    other = result(samples, [record(s.sample_id, "A") for s in samples], system="agent", model="m2")
    rows = re.findall("<tr>" + 4 * "<td>(.*?)</td>", losses([*runs, other]))
    assert [(row[0], row[1].split(" ")[0], *row[2:]) for row in rows] == [
        ("agent-2000", "+25.0", "+25.0", "4"),
        ("random-2000", "+50.0", "+25.0", "4"),
    ]
    assert losses(runs[1:]) == ""


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_browser_opens_it_and_the_link_to_a_sample(written: str, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text(written, encoding="utf-8")
    done = subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom",
            f"{target.as_uri()}#sample-d1",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    assert re.search(r'<details class="sample" id="sample-d1"[^>]* open', done.stdout)
    assert not re.search(r'<details class="sample" id="sample-a1"[^>]* open', done.stdout)
