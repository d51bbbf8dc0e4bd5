"""Runs held against their baseline and against the oracle, as tables of the report."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from longtake.errors import UsageError
from longtake.render_eval import interval, p_value, points
from longtake.replay_html import Html
from longtake.report_chart import table

if TYPE_CHECKING:
    from longtake.eval.results import Result
    from longtake.eval.statistics import Estimate, Paired

_BASE = ("uniform", "blind")
"""Systems that others are held against, the first that is there."""
_ORACLE = "oracle"


def comparisons(results: "Sequence[Result]") -> Html:
    """Every run less the baseline that was asked the same."""
    from longtake.eval.areas import model_of

    head = ["run", "points (95%)", "only it", "only the other", "p (McNemar)", "detectable"]
    several = len({r.identity.model for r in results} - {"none"}) > 1
    made: list[list[str]] = []
    for base_name in _BASE:
        for result, base in _pairs(results, base_name):
            paired = _paired(result, base)
            if paired is None:
                continue
            made.append(
                [
                    f"{result.identity.label} less {base_name}{model_of(base) if several else ''}",
                    _points(paired.difference),
                    str(paired.only_first),
                    str(paired.only_second),
                    p_value(paired.p),
                    f"{100 * paired.detectable:.1f}" if paired.detectable else "",
                ]
            )
        if any(result.identity.system == base_name for result in results):
            break
    return table(head, made) if made else Html("")


def losses(results: "Sequence[Result]") -> Html:
    """What every run loses to search, which is what the reader has over it where it is shown the
    evidence, and what the reader loses even then (benchmarks.md 4.6)."""
    head = ["run", "lost to search, points (95%)", "lost to reading, points", "questions"]
    rows: list[list[str]] = []
    for result, oracle in _pairs(results, _ORACLE):
        paired, seen = _paired(oracle, result), oracle.accuracy()
        if paired is not None and seen is not None:
            found = [_points(paired.difference), points(1 - seen.value)]
            rows.append([result.identity.label, *found, str(paired.difference.n)])
    return table(head, rows) if rows else Html("")


def _pairs(results: "Sequence[Result]", base_name: str) -> "list[tuple[Result, Result]]":
    """Every run with those of a system that were asked the same of the same model; a run without a
    model with those of every model."""
    from longtake.eval.alarms import asked_of

    bases = {(asked_of(r), r.identity.model): r for r in results if r.identity.system == base_name}
    return [
        (result, base)
        for result in results
        for (asked, model), base in bases.items()
        if result is not base
        and asked == asked_of(result)
        and result.identity.model in ("none", model)
    ]


def _paired(first: "Result", second: "Result") -> "Paired | None":
    """None where they are not comparable, or have no question in common."""
    from longtake.eval.compare import compare

    try:
        return compare(first, second, ["system", "model", "options", "settings"]).all
    except UsageError:
        return None


def _points(difference: "Estimate") -> str:
    span = interval(asdict(difference), points)
    return points(difference.value) + (f" ({span})" if span else "")
