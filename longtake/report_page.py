"""An evaluation as one HTML page that needs nothing else: curves, tables, samples.

Everything that comes from benchmarks, videos and models is escaped; a content security policy with
the hashes of the page's own style and script keeps all else from running.
"""

from collections.abc import Mapping, Sequence
from string import Template
from typing import TYPE_CHECKING, Any

from longtake import __version__, documents_eval
from longtake.errors import UsageError
from longtake.render_eval import counted_percent, percent
from longtake.replay import page_part, page_policy
from longtake.replay_html import Html, element, escaped, joined
from longtake.report_chart import chart, table, tokens
from longtake.report_comparisons import comparisons, losses
from longtake.report_risk import risk_chart
from longtake.report_samples import Samples

if TYPE_CHECKING:
    from longtake.eval.results import Result
    from longtake.eval.solved import Solved


def page(
    results: "Sequence[Result]", *, samples: int, pictures: int, left_out: "Solved | None" = None
) -> str:
    """The report of some runs on one benchmark.

    Args:
        samples: most samples shown one by one; those on which runs disagree come first.
        pictures: most frames in the page.
        left_out: questions without which accuracy is given as well.

    Raises:
        UsageError: the runs are of several benchmarks, splits or subtitle modes.
    """
    from longtake.eval.alarms import across
    from longtake.eval.areas import curves_of, name_of

    kinds = {(r.identity.benchmark, r.identity.split, r.identity.subtitles) for r in results}
    if len(kinds) != 1:
        told = "; ".join(" ".join(kind) for kind in sorted(kinds))
        raise UsageError(f"a report is of one benchmark, split and subtitle mode, not of {told}")
    results = sorted(results, key=lambda r: (name_of(r), r.identity.budget))
    document = documents_eval.scores(results, across(results), left_out)
    drawn = Samples(results, most=samples, pictures=pictures)
    shown = drawn.drawn()
    sections = [
        _section("Accuracy at budget", chart(curves_of(results)), _areas(document["areas"])),
        Html("") if left_out is None else _without(results, document, left_out),
        _alarms(document),
        _section("Runs", _runs(document["runs"])),
        _section("Against each other", comparisons(results)),
        _section("What is lost, of questions whose evidence is known", losses(results)),
        _section("By part", _parts(document["runs"])),
        _section("Evidence and calibration", _evidence(document["runs"]), _risk(document["runs"])),
        _section("The benchmark's own table", _tables(document["runs"])),
        _section("Indexing, once for all questions", _index(document["runs"])),
        _section("The benchmark's files, while questions were answered", _opened(document["runs"])),
        _section("Samples", shown, card=False),
    ]
    remarks = ["Intervals are 95 %, drawn again by video; strict counts every question."]
    if drawn.left_out:
        remarks.append(f"{drawn.left_out} frames are left out to keep this page small.")
    return _written(document, sections, remarks)


def _written(document: Mapping[str, Any], sections: Sequence[Html], remarks: Sequence[str]) -> str:
    first = document["runs"][0]["identity"]
    stamps = dict.fromkeys(stamp for run in document["runs"] for stamp in run["stamps"])
    missing = dict.fromkeys(line for run in document["runs"] for line in run["missing"])
    models = dict.fromkeys(run["identity"]["model"] for run in document["runs"])
    models.pop("none", None)
    facts = [
        f"split {first['split']}",
        f"subtitles {first['subtitles']}",
        f"revision {first['revision'][:12]}",
        *models,
        f"longtake {first['code']}",
    ]
    style = page_part("style.css") + page_part("report.css")
    script = page_part("report.js")
    return Template(page_part("report.html")).substitute(
        policy=page_policy(style, script),
        style=style,
        script=script,
        title=escaped(f"{first['benchmark']}: accuracy at budget"),
        facts=joined(element("li", fact) for fact in facts),
        stamps=joined(
            [
                *(element("p", stamp, class_="stamp") for stamp in stamps),
                *(element("p", f"missing: {line}", class_="note") for line in missing),
            ]
        ),
        sections=joined(sections),
        remarks=joined(element("p", remark) for remark in remarks),
        version=escaped(__version__),
    )


def _section(title: str, *body: Html, card: bool = True) -> Html:
    if not any(body):
        return Html("")
    head = element("header", element("h2", title))
    return element("section", head, *body, class_="card" if card else None)


def _without(results: "Sequence[Result]", document: Mapping[str, Any], left_out: "Solved") -> Html:
    from longtake.eval.areas import curves_of
    from longtake.eval.solved import without

    return _section(
        f"The same without {len(left_out.samples)} questions that are solved without video",
        chart(curves_of([without(result, left_out) for result in results]), "without"),
        _areas(document["areas_without"]),
    )


def _areas(areas: Sequence[Mapping[str, Any]]) -> Html:
    rows = [
        [area["name"], ", ".join(map(tokens, area["budgets"])), percent(area["area"])]
        for area in areas
    ]
    head = ["system", "budgets", "mean over log2(tokens), %"]
    return table(head, rows) if rows else Html("")


def _alarms(document: Mapping[str, Any]) -> Html:
    said = [f"{run['label']}: {line}" for run in document["runs"] for line in run["alarms"]]
    said += document["alarms"]
    if not said:
        return Html("")
    return _section("Alarms", joined(element("p", line, class_="note") for line in said))


def _runs(runs: Sequence[Mapping[str, Any]]) -> Html:
    head = ["run", "strict % (95%)", "official %", "unread %", "answered", "tokens", "most"]
    head += ["visual", "text", "out", "calls", "frames sent", "frames read", "s", "retried"]
    without = any(run["strict_without"] is not None for run in runs)
    if without:
        head.insert(2, "without solved %")
    rows = []
    for run in runs:
        costs = run["costs"]
        top = run["table"][0] if run["table"] else {"official": None, "official_n": 0}
        means = ("visual", "text_in", "out")
        rows.append(
            [
                f"{run['label']}{''.join(f' [{stamp}]' for stamp in run['stamps'])}",
                percent(run["strict"]),
                *([counted_percent(run["strict_without"])] if without else []),
                "" if top["official"] is None else f"{top['official']:.1f} (n {top['official_n']})",
                "" if run["parse_fail"] is None else f"{100 * run['parse_fail']:.1f}",
                f"{run['finished']}/{run['samples']}",
                *(
                    []
                    if costs is None
                    else [
                        f"{costs['total']:,.0f}",
                        f"{costs['most']:,}",
                        *(f"{costs[name]:,.0f}" for name in means),
                        f"{costs['calls']:.1f}",
                        f"{costs['frames_sent']:.1f}",
                        f"{costs['frames_read']:.1f}",
                        f"{costs['seconds']:.1f}",
                        str(costs["retried"]),
                    ]
                ),
            ]
        )
    return table(head, rows)


def _parts(runs: Sequence[Mapping[str, Any]]) -> Html:
    """A table a budget, the largest one open."""
    budgets = sorted({run["identity"]["budget"] for run in runs}, reverse=True)
    made = []
    for budget in budgets:
        shown = [run for run in runs if run["identity"]["budget"] == budget]
        names = dict.fromkeys(name for run in shown for name in run["parts"])
        rows = []
        for name in names:
            found = [run["parts"].get(name) for run in shown]
            counts = [part["n"] for part in found if part is not None]
            rows.append([name, str(max(counts, default=0)), *(percent(part) for part in found)])
        if rows:
            head = ["part", "n", *(run["label"] for run in shown)]
            summary = element("summary", f"{tokens(budget)} tokens")
            opened = "" if budget == budgets[0] else None
            made.append(element("details", summary, table(head, rows), open=opened))
    return joined(made)


def _evidence(runs: Sequence[Mapping[str, Any]]) -> Html:
    names = dict.fromkeys(name for run in runs for name in run["grounding"])
    lucky = dict.fromkeys(name for run in runs for name in run["luck"])
    head = ["run", *(f"evidence {name} %" for name in names), *lucky, "twins both right %"]
    head += ["ECE", "Brier", "risk area", "abstains: precision", "recall", "F1", "falsely"]
    rows = []
    for run in runs:
        numbers = [*run["calibration"].values(), *run["abstention"].values()]
        rows.append(
            [
                run["label"],
                *(percent(run["grounding"].get(name)) for name in names),
                *(str(run["luck"].get(name, 0)) for name in lucky),
                percent(run["twin_consistent"]),
                *("" if number is None else f"{number:.3f}" for number in numbers),
            ]
        )
    return table(head, rows)


def _risk(runs: Sequence[Mapping[str, Any]]) -> Html:
    """A drawing a budget, the largest one open."""
    budgets = sorted({run["identity"]["budget"] for run in runs}, reverse=True)
    made: list[Html] = []
    for budget in budgets:
        shown = [run for run in runs if run["identity"]["budget"] == budget]
        drawn = risk_chart(shown, f"risk-{budget}")
        if drawn:
            said = f"Risk over coverage at {tokens(budget)} tokens"
            opened = None if made else ""
            made.append(element("details", element("summary", said), drawn, open=opened))
    return joined(made)


def _tables(runs: Sequence[Mapping[str, Any]]) -> Html:
    made = []
    for run in runs:
        rows = [
            [
                f"{row['metric']}, {row['part']}",
                "" if row["official"] is None else f"{row['official']:.2f}",
                str(row["official_n"]),
                "" if row["strict"] is None else f"{row['strict']:.2f}",
                str(row["n"]),
            ]
            for row in run["table"]
        ]
        head = ["metric", "official", "n official", "strict", "n"]
        stamps = "".join(f" [{stamp}]" for stamp in run["stamps"])
        summary = element("summary", f"{run['label']}{stamps}")
        made.append(element("details", summary, table(head, rows)))
    return joined(made)


def _index(runs: Sequence[Mapping[str, Any]]) -> Html:
    known = [run["index"] for run in runs if run["index"] is not None]
    if not known:
        return Html("")
    index = max(known, key=lambda made: made["videos"])
    rows = [[stage, f"{seconds:,.1f}"] for stage, seconds in sorted(index["seconds"].items())]
    said = (
        f"{index['videos']} videos, {index['hours']:.2f} hours, {index['size'] / 2**20:.1f} MiB of "
        f"vectors and thumbnails, {index['seconds_an_hour'] or 0:,.0f} s an hour of video; stages "
        "run side by side"
    )
    return joined([element("p", said, class_="quiet"), table(["stage", "seconds"], rows)])


def _opened(runs: Sequence[Mapping[str, Any]]) -> Html:
    rows = [
        [run["label"], str(run["opened"]["videos"]), ", ".join(run["opened"]["others"]) or "none"]
        for run in runs
        if run["opened"] is not None
    ]
    return table(["run", "videos", "all other files that were opened"], rows) if rows else Html("")
