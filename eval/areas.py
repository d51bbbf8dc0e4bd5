"""Accuracy at several budgets as one number: the mean height of the curve over log2(tokens)."""

from collections.abc import Sequence
from dataclasses import dataclass

from longtake.eval import statistics as stats
from longtake.eval.curves import log2_weights
from longtake.eval.drawing import cluster_of
from longtake.eval.results import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One system over budgets; its runs share everything else."""

    name: str
    budgets: tuple[int, ...]
    points: tuple[stats.Estimate | None, ...]
    """Strict accuracy at each budget."""
    tokens: tuple[float, ...]
    """Mean tokens that a question whose video was there really cost."""
    area: stats.Estimate | None
    """Over the samples that every run answered and scored; None with one budget."""
    run_ids: tuple[str, ...]


def curves_of(results: Sequence[Result]) -> list[Curve]:
    """The curves that runs make up, in the order of their first run."""
    several = len({r.identity.model for r in results} - {"none"}) > 1
    groups: dict[str, list[Result]] = {}
    for result in results:
        rest = result.identity.model_copy(update={"budget": 1})
        groups.setdefault(rest.run_id, []).append(result)
    return [
        _curve(sorted(runs, key=lambda r: r.identity.budget), with_model=several)
        for runs in groups.values()
    ]


def areas(results: Sequence[Result]) -> list[Curve]:
    """Those curves that have more than one budget."""
    return [curve for curve in curves_of(results) if len(curve.budgets) > 1]


def name_of(result: Result, *, with_model: bool = False) -> str:
    """The system with policy and preset, and with its model where runs have several."""
    identity = result.identity
    name = "-".join(part for part in (identity.system, identity.policy, identity.preset) if part)
    return f"{name}{model_of(result)}" if with_model else name


def model_of(result: Result) -> str:
    """` (MODEL)`, to stand behind a name; empty for a run without one."""
    model = result.identity.model
    return "" if model == "none" else f" ({model})"


def _curve(runs: Sequence[Result], *, with_model: bool) -> Curve:
    budgets = tuple(run.identity.budget for run in runs)
    spent = [[r.spent.total for r in run.asked] for run in runs]
    area = None
    if len(runs) > 1:
        weights = log2_weights(budgets)
        scores = [run.scores() for run in runs]
        both = [run.answered.intersection(known) for run, known in zip(runs, scores, strict=True)]
        common = [s for s in runs[0].samples if all(s.sample_id in names for names in both)]
        heights = [
            sum(w * known[s.sample_id] for w, known in zip(weights, scores, strict=True))
            for s in common
        ]
        area = stats.mean(heights, [cluster_of(s) for s in common])
    return Curve(
        name=name_of(runs[0], with_model=with_model),
        budgets=budgets,
        points=tuple(run.accuracy() for run in runs),
        tokens=tuple(sum(s) / len(s) if s else 0.0 for s in spent),
        area=area,
        run_ids=tuple(run.identity.run_id for run in runs),
    )
