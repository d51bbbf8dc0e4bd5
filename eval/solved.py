"""Questions that are solved without their video (benchmarks.md 4.6), and numbers without them.

A question is solved blind if at least two models, and two thirds of all that were asked, have it
right from question and options alone. It is solved by its options if a model has it right from them
alone, and has the questions of its kind right more often than lots would by two standard errors.
Lots solve some questions too: what is left out is biased against luck, so that numbers stand with
and without it side by side.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

from longtake.errors import UsageError
from longtake.eval.drawing import strata_of, units_of
from longtake.eval.results import Result
from longtake.eval.samples import Sample

LEAST_MODELS = 2
SHARE = 2 / 3
"""Of the models asked blind that have to have a question right."""
ERRORS = 2.0
"""Standard errors above chance."""
BLIND, OPTIONS = "blind", "options_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """Questions of one split that are to be left out."""

    benchmark: str
    split: str
    revision: str
    """Hash of the annotation files."""
    samples: Mapping[str, str]
    """Name -> `blind`, `options` or `beside`: it is scored together with one that is solved."""


def solved(results: Sequence[Result], template: str | None = None) -> Solved:
    """What the runs of `blind` and `options_only` among some solve; others say nothing.

    Args:
        template: axis of what questions of one kind share; the first that a draw keeps the shares
            of when None.

    Raises:
        UsageError: there are no such runs, runs of several benchmarks, blind ones of one model
            only, or no such axis.
    """
    chosen = [r for r in results if r.identity.system in (BLIND, OPTIONS)]
    if not chosen:
        raise UsageError(f"no run of {BLIND} or {OPTIONS} is among these")
    first = chosen[0]
    if {_split(result) for result in chosen} != {_split(first)}:
        raise UsageError("these runs are of several benchmarks, splits or revisions")
    samples = {sample.sample_id: sample for sample in first.loaded.samples}
    axis = template or (*first.loaded.strata, *strata_of(first.loaded.samples), "")[0]
    if template is not None and not any(template in s.axes for s in samples.values()):
        raise UsageError(f"no question of {first.loaded.benchmark} has an axis {template!r}")
    why: dict[str, str] = {}
    for shares in _by_model(chosen, OPTIONS).values():
        why |= dict.fromkeys(_by_options(shares, samples, axis), "options")
    why |= dict.fromkeys(_blind([*_by_model(chosen, BLIND).values()]), "blind")
    why = {name: reason for name, reason in why.items() if samples[name].answerable}
    for unit in units_of(first.loaded.samples):
        names = [sample.sample_id for sample in unit]
        if any(name in why for name in names):
            why = {**dict.fromkeys(names, "beside"), **why}
    benchmark, split, revision = _split(first)
    return Solved(
        benchmark=benchmark,
        split=split,
        revision=revision,
        samples={name: why[name] for name in samples if name in why},
    )


def _split(result: Result) -> tuple[str, str, str]:
    identity = result.identity
    return identity.benchmark, identity.split, identity.revision


def _by_model(results: Iterable[Result], system: str) -> dict[str, dict[str, float]]:
    """Model -> sample -> how often it has it right, over all budgets and seeds."""
    scores: dict[str, dict[str, list[float]]] = {}
    for result in results:
        if result.identity.system == system:
            own = scores.setdefault(result.identity.model_identity, {})
            for item in (item for scored in result.scored.values() for item in scored):
                if item.strict.score is not None:
                    right = float(item.strict.score == 1)
                    own.setdefault(item.sample.sample_id, []).append(right)
    return {
        model: {name: sum(values) / len(values) for name, values in own.items()}
        for model, own in scores.items()
    }


def _blind(models: Sequence[Mapping[str, float]]) -> list[str]:
    """Samples that enough models have right more often than not."""
    if len(models) == 1:
        raise UsageError(f"{BLIND} was run with one model: what it has right may be luck, run more")
    names = dict.fromkeys(name for shares in models for name in shares)
    found = []
    for name in names:
        asked = [shares[name] for shares in models if name in shares]
        needed = max(LEAST_MODELS, ceil(SHARE * len(asked)))
        if sum(share > 0.5 for share in asked) >= needed:
            found.append(name)
    return found


def _by_options(shares: Mapping[str, float], samples: Mapping[str, Sample], axis: str) -> list[str]:
    """Samples that a model has right, of kinds that it has right too often for lots."""
    kinds: dict[str, list[str]] = {}
    for name in shares:
        if samples[name].answerable:
            kinds.setdefault(samples[name].axes.get(axis, ""), []).append(name)
    found = []
    for names in kinds.values():
        lots = [1 / len(samples[name].options) for name in names]
        chance = sum(lots) / len(lots)
        error = sqrt(sum(lot * (1 - lot) for lot in lots)) / len(lots)
        if sum(shares[name] for name in names) / len(names) > chance + ERRORS * error:
            found += [name for name in names if shares[name] > 0.5]
    return found


def read_solved(path: Path) -> Solved:
    """What `longtake eval solved` wrote.

    Raises:
        UsageError: it cannot be read, or is something else.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Solved(
            **{name: str(told[name]) for name in ("benchmark", "split", "revision")},
            samples={str(name): str(why) for name, why in told["samples"].items()},
        )
    except OSError as exc:
        raise UsageError(f"cannot read {str(path)!r}: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UsageError(f"{str(path)!r} is not what longtake eval solved writes") from exc


def without(result: Result, left_out: Solved) -> Result:
    """A run as if what is solved had not been asked.

    Raises:
        UsageError: the list is of another benchmark, split or revision.
    """
    listed = (left_out.benchmark, left_out.split, left_out.revision)
    if listed != _split(result):
        raise UsageError(
            f"the list of solved questions is of {' '.join(listed[:2])}, revision "
            f"{listed[2][:12]}, the run {result.identity.label} of {' '.join(_split(result)[:2])}, "
            f"revision {_split(result)[2][:12]}"
        )
    return result.only(lambda sample: sample.sample_id not in left_out.samples)
