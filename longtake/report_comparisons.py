"""Runs held against their baseline, as a table of the report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from longtake import documents_eval
from longtake.errors import UsageError
from longtake.render_eval import interval, p_value, points
from longtake.replay_html import Html
from longtake.report_chart import table

if TYPE_CHECKING:
    from longtake.eval.results import Result

_BASE = ("uniform", "blind")
"""Systems that others are held against, the first that is there."""


def comparisons(results: "Sequence[Result]") -> Html:
    """Every run less the baseline that was asked the same; only a run without a model has those of
    several."""
    from longtake.eval.alarms import asked_of
    from longtake.eval.areas import model_of
    from longtake.eval.compare import compare

    head = ["run", "points (95%)", "only it", "only the other", "p (McNemar)", "detectable"]
    rows = []
    several = len({r.identity.model for r in results} - {"none"}) > 1
    for base_name in _BASE:
        bases = {
            (asked_of(r), r.identity.model): r for r in results if r.identity.system == base_name
        }
        if not bases:
            continue
        pairs = [
            (result, base)
            for result in results
            for (asked, model), base in bases.items()
            if result is not base
            and asked == asked_of(result)
            and result.identity.model in ("none", model)
        ]
        for result, base in pairs:
            try:
                made = compare(result, base, ["system", "model", "options", "settings"])
            except UsageError:
                continue
            if made.all is None:
                continue
            difference = documents_eval.estimate(made.all.difference)
            assert difference is not None
            span = interval(difference, points)
            rows.append(
                [
                    f"{result.identity.label} less {base_name}{model_of(base) if several else ''}",
                    points(difference["value"]) + (f" ({span})" if span else ""),
                    str(made.all.only_first),
                    str(made.all.only_second),
                    p_value(made.all.p),
                    f"{100 * made.all.detectable:.1f}" if made.all.detectable else "",
                ]
            )
        break
    return table(head, rows) if rows else Html("")
