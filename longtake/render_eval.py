"""What scores and comparisons look like on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from longtake.console import console, say
from longtake.render import table
from longtake.run_look import counted


def scores(document: Mapping[str, Any], *, parts: bool) -> None:
    """A line a run, then what is odd; with `parts` the benchmark's own table of every run."""
    models = dict.fromkeys(run["identity"]["model"] for run in document["runs"])
    models.pop("none", None)
    for title, stamps in _groups(document["runs"], list(models)).items():
        runs = [run for run in document["runs"] if _title(run, list(models)) == title]
        console().print(Text(title, style="bold"))
        if stamps:
            console().print(Text(stamps, style="bold yellow"))
        _runs(runs)
        if parts:
            for run in runs:
                _table(run)
    for area in document["areas"]:
        budgets = ", ".join(f"{budget:,}" for budget in area["budgets"])
        console().print(
            Text(f"area of {area['name']} over {budgets} tokens: {percent(area['area'])}")
        )
    for area in document["areas_without"]:
        said = f"area of {area['name']} without what is solved: {percent(area['area'])}"
        console().print(Text(said))
    for run in document["runs"]:
        for line in run["alarms"]:
            say(f"{run['label']}: {line}", style="yellow")
    for line in document["alarms"]:
        say(line, style="yellow")


def comparison(document: Mapping[str, Any]) -> None:
    """The first run less the second."""
    for stamp in document["stamps"]:
        console().print(Text(stamp, style="bold yellow"))
    for name, (one, two) in document["differing"].items():
        say(f"{name}: {one} and {two}")
    head = f"{document['first']} less {document['second']}"
    columns = ["", head, "95% interval", "only first", "only second", "p (McNemar)", "detectable"]
    made = table(*columns, right=columns[1:])
    rows = [("all", document["all"], None), ("without solved", document["all_without"], None)]
    rows += [(part["part"], part, part["p_adjusted"]) for part in document["parts"]]
    for name, row, adjusted in rows:
        if row is None:
            continue
        made.add_row(
            name,
            points(row["difference"]["value"]),
            interval(row["difference"], points),
            str(row["only_first"]),
            str(row["only_second"]),
            p_value(row["p"]) if adjusted is None else f"{p_value(adjusted)} (Holm)",
            "" if row["detectable"] is None else f"{100 * row['detectable']:.1f}",
        )
    console().print(made)
    say(f"{document['samples']} samples; points of strict accuracy, drawn by video")


def percent(estimate: Mapping[str, Any] | None) -> str:
    """`61.5 (57.0 to 66.1)`; empty where nothing is known."""
    if estimate is None:
        return ""
    return f"{100 * estimate['value']:.1f}{_bracketed(estimate)}"


def counted_percent(estimate: Mapping[str, Any] | None) -> str:
    """The same with what it is counted over."""
    return "" if estimate is None else f"{percent(estimate)}, n {estimate['n']}"


def p_value(p: float | None) -> str:
    """A p value, or why there is none."""
    return "graded scores" if p is None else f"{p:.3g}"


def points(value: float) -> str:
    """A difference in points, with its sign."""
    return f"{100 * value:+.1f}"


def opened_words(opened: Mapping[str, Any]) -> str:
    """What of the benchmark's files was opened while questions were answered."""
    others = ", ".join(opened["others"]) or "none of its other files"
    return f"{counted(opened['videos'], 'video')}, {others}"


def interval(estimate: Mapping[str, Any], shown: Any) -> str:
    """`-1.2 to +4.0`; empty where one video leaves nothing to draw from."""
    if estimate["low"] is None:
        return ""
    return f"{shown(estimate['low'])} to {shown(estimate['high'])}"


def _bracketed(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None:
        return ""
    return f" ({100 * estimate['low']:.1f} to {100 * estimate['high']:.1f})"


def _title(run: Mapping[str, Any], models: Sequence[str]) -> str:
    """What runs of one table share; one without a model goes with the only model there is."""
    identity = run["identity"]
    model = identity["model"]
    if model == "none" and len(models) == 1:
        model = models[0]
    mode = ", library mode" if identity["library_mode"] else ""
    where = f"{identity['benchmark']} {identity['split']}"
    return f"{where}, subtitles {identity['subtitles']}{mode}, {model}"


def _groups(runs: list[Mapping[str, Any]], models: Sequence[str]) -> dict[str, str]:
    """Titles, with the labels that any of their runs carries."""
    groups: dict[str, dict[str, None]] = {}
    for run in runs:
        groups.setdefault(_title(run, models), {}).update(dict.fromkeys(run["stamps"]))
    return {title: "  ".join(stamps) for title, stamps in groups.items()}


def _runs(runs: list[Mapping[str, Any]]) -> None:
    columns = ["run", "strict % (95%)", "official %", "unread %", "n", "tokens", "frames", "calls"]
    extra = ["s", "cited IoU", "index s/h"]
    without = any(run["strict_without"] is not None for run in runs)
    extra += ["without solved % (95%)"] if without else []
    made = table(*columns, *extra, right=[*columns[1:], *extra])
    for run in runs:
        head = run["table"][0] if run["table"] else None
        costs, index = run["costs"], run["index"]
        iou = run["grounding"].get("iou")
        label = run["label"] + ("" if not run["stamps"] else f" [{', '.join(run['stamps'])}]")
        made.add_row(
            label,
            percent(run["strict"]),
            "" if head is None or head["official"] is None else _official(head),
            "" if run["parse_fail"] is None else f"{100 * run['parse_fail']:.1f}",
            f"{run['finished']}/{run['samples']}",
            "" if costs is None else f"{costs['total']:,.0f}",
            "" if costs is None else f"{costs['frames_sent']:.1f}",
            "" if costs is None else f"{costs['calls']:.1f}",
            "" if costs is None else f"{costs['seconds']:.1f}",
            "" if iou is None else f"{iou['value']:.2f}",
            ""
            if index is None or index["seconds_an_hour"] is None
            else f"{index['seconds_an_hour']:,.0f}",
            *([counted_percent(run["strict_without"])] if without else []),
        )
    console().print(made)


def _official(row: Mapping[str, Any]) -> str:
    return f"{row['official']:.1f} (n {row['official_n']})"


def _table(run: Mapping[str, Any]) -> None:
    """The benchmark's own table."""
    console().print(Text(f"{run['label']} {' '.join(run['stamps'])}".rstrip(), style="bold"))
    columns = ["metric", "part", "official", "n official", "strict", "n"]
    made = table(*columns, right=columns[2:])
    for row in run["table"]:
        made.add_row(
            row["metric"],
            row["part"],
            "" if row["official"] is None else f"{row['official']:.1f}",
            str(row["official_n"]),
            "" if row["strict"] is None else f"{row['strict']:.1f}",
            str(row["n"]),
        )
    console().print(made)
    for name, value in _facts(run).items():
        say(f"{name}: {value}")


def _facts(run: Mapping[str, Any]) -> dict[str, str]:
    """What else is known of a run, in words."""
    found = {
        "endings": ", ".join(f"{count} {status}" for status, count in run["statuses"].items()),
        "twins both right": percent(run["twin_consistent"]),
    }
    shown = {
        "abstention": run["abstention"],
        "calibration": run["calibration"],
    }
    for name, values in shown.items():
        known = [f"{key} {value:.3f}" for key, value in values.items() if value is not None]
        found[name] = ", ".join(known)
    for name, value in run["grounding"].items():
        found[f"evidence {name}"] = percent(value)
    found["evidence"] = ", ".join(f"{count} {name}" for name, count in run["luck"].items())
    if run["seed_spread"] is not None:
        spread = run["seed_spread"]
        found["seeds"] = (
            f"sd {100 * spread['sd']:.1f} points, answers differ in {100 * spread['flips']:.1f}%"
        )
    if run["opened"] is not None:
        found["opened while answering"] = opened_words(run["opened"])
    if run["strict_not_retried"] is not None:
        found["without what was retried"] = percent(run["strict_not_retried"])
    return {name: value for name, value in found.items() if value}
