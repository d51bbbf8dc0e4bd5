"""The JSON documents of `longtake eval`; tables and pages are drawn from them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from longtake.documents import Document, document

if TYPE_CHECKING:
    from longtake.eval.compare import Comparison
    from longtake.eval.results import Result
    from longtake.eval.solved import Solved
    from longtake.eval.statistics import Estimate, Paired

RISK_POINTS = 100
"""Of a curve of risk over coverage."""


def scores(
    results: Sequence["Result"], odd: Sequence[str], left_out: "Solved | None" = None
) -> Document:
    """Every run in numbers, the areas under their curves, and what is odd over all of them.

    Args:
        left_out: questions without which accuracy and areas are given as well.
    """
    from longtake.eval.areas import areas, name_of
    from longtake.eval.solved import without

    ordered = sorted(results, key=lambda r: (name_of(r), r.identity.budget, r.identity.run_id))
    return document(
        "eval-scores",
        runs=[run(result, left_out) for result in ordered],
        areas=[asdict(area) for area in areas(results)],
        areas_without=[]
        if left_out is None
        else [asdict(area) for area in areas([without(result, left_out) for result in results])],
        alarms=list(odd),
    )


def run(result: "Result", left_out: "Solved | None" = None) -> Document:
    """One run in numbers; shares are 0..1, those of the benchmark's own table in its own unit."""
    from longtake.eval.alarms import alarms
    from longtake.eval.solved import without
    from longtake.eval.summary import summary

    made = summary(result)
    risk = None if made.risk_coverage is None else made.risk_coverage.thinned(RISK_POINTS)
    return {
        "run_id": result.identity.run_id,
        "label": result.identity.label,
        "identity": result.identity.model_dump(),
        "stamps": list(result.stamps),
        "missing": list(result.loaded.missing),
        "samples": len(result.samples),
        "finished": result.finished,
        "seeds": len(result.seeds),
        "strict": estimate(made.accuracy),
        "strict_not_retried": estimate(made.not_retried),
        "strict_without": None
        if left_out is None
        else estimate(without(result, left_out).accuracy()),
        "table": [asdict(row) for row in result.rows()],
        "parse_fail": made.parse_fail,
        "statuses": dict(made.statuses),
        "abstention": asdict(made.abstention),
        "calibration": {"ece": made.ece, "brier": made.brier, "risk_area": risk and risk.area},
        "risk_coverage": risk and {"coverage": list(risk.coverage), "risk": list(risk.risk)},
        "seed_spread": None if made.seeds is None else asdict(made.seeds),
        "grounding": _estimates(made.grounding),
        "luck": dict(made.luck),
        "twin_consistent": estimate(made.twins),
        "parts": _estimates(made.by_part),
        "costs": None if made.costs is None else asdict(made.costs),
        "index": None
        if made.index is None
        else {**asdict(made.index), "seconds_an_hour": made.index.seconds_an_hour},
        "opened": None if made.opened is None else asdict(made.opened),
        "alarms": alarms(result),
    }


def solved(made: "Solved") -> Document:
    """Questions that are solved without their video; the list that `--without` takes."""
    return document("eval-solved", **asdict(made))


def comparison(made: "Comparison", less: "Comparison | None" = None) -> Document:
    """Two runs held against each other.

    Args:
        less: the same without questions that are solved without their video.
    """
    return document(
        "eval-comparison",
        first=made.first.identity.label,
        second=made.second.identity.label,
        stamps=list(made.stamps),
        differing={name: list(pair) for name, pair in made.differing.items()},
        samples=made.samples,
        all=None if made.all is None else _paired(made.all),
        all_without=None if less is None or less.all is None else _paired(less.all),
        parts=[
            {"part": name, **_paired(part), "p_adjusted": p}
            for name, (part, p) in made.parts.items()
        ],
    )


def estimate(made: "Estimate | None") -> dict[str, Any] | None:
    """An estimate as plain values."""
    return None if made is None else asdict(made)


def _estimates(made: "Mapping[str, Estimate | None]") -> dict[str, Any]:
    return {name: estimate(value) for name, value in made.items()}


def _paired(made: "Paired") -> dict[str, Any]:
    return {
        "difference": estimate(made.difference),
        "only_first": made.only_first,
        "only_second": made.only_second,
        "p": made.p,
        "detectable": made.detectable,
    }
