"""Two runs held against each other, if they differ in nothing but what is compared."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from longtake.errors import UsageError
from longtake.eval import statistics as stats
from longtake.eval.drawing import cluster_of
from longtake.eval.results import Result
from longtake.eval.samples import Sample
from longtake.eval.summary import parts

FACTORS: Mapping[str, tuple[str, ...]] = {
    "system": ("system", "policy", "preset"),
    "policy": ("policy",),
    "preset": ("preset",),
    "budget": ("budget",),
    "model": ("model", "model_identity"),
    "subtitles": ("subtitles", "index"),
    "index": ("index",),
    "options": ("option_seed", "options_searched"),
    "prompts": ("prompts", "code"),
    "code": ("code", "prompts", "settings"),
    "settings": ("settings",),
}
"""What may be compared -> the fields of the identity that it changes."""
DERIVED = frozenset({"expected"})
"""Follows from the others; samples that only one run has are left out."""
FEW = 5
"""Samples of a part below which it is not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The first run less the second."""

    first: Result
    second: Result
    differing: Mapping[str, tuple[object, object]]
    samples: int
    """That both have a score, and every record, for."""
    all: stats.Paired | None
    parts: Mapping[str, tuple[stats.Paired, float | None]]
    """`axis=value` -> comparison and its p, adjusted over all parts that have one (Holm)."""

    @property
    def stamps(self) -> tuple[str, ...]:
        """Labels of either run."""
        return tuple(dict.fromkeys((*self.first.stamps, *self.second.stamps)))


def compare(first: Result, second: Result, factors: Collection[str]) -> Comparison:
    """Compare two runs sample by sample, by strict scores.

    Args:
        factors: what the runs may differ in, keys of `FACTORS`.

    Raises:
        UsageError: they differ in anything else, or there is no such factor.
    """
    unknown = [factor for factor in factors if factor not in FACTORS]
    if unknown:
        raise UsageError(f"no factor {unknown[0]!r}; there are {', '.join(FACTORS)}")
    differing = first.identity.differences(second.identity)
    allowed = {field for factor in factors for field in FACTORS[factor]} | DERIVED
    outside = {name: pair for name, pair in differing.items() if name not in allowed}
    if outside:
        told = "; ".join(
            f"{name}: {json.dumps(one)} and {json.dumps(two)}"
            for name, (one, two) in outside.items()
        )
        named = [factor for factor, fields in FACTORS.items() if set(fields) & set(outside)]
        advice = f"; --factor {named[0]} compares that" if named else ""
        raise UsageError(f"these runs cannot be compared, they differ in {told}{advice}")
    scores, others = first.scores(), second.scores()
    both = scores.keys() & others.keys() & first.answered & second.answered
    common = [sample for sample in first.samples if sample.sample_id in both]
    found: dict[str, stats.Paired] = {}
    for name, samples in parts(common).items():
        if FEW <= len(samples) < len(common):
            made = _paired(first, second, samples)
            if made is not None:
                found[name] = made
    ps = {name: made.p for name, made in found.items() if made.p is not None}
    adjusted = dict(zip(ps, stats.holm(list(ps.values())), strict=True))
    return Comparison(
        first=first,
        second=second,
        differing=differing,
        samples=len(common),
        all=_paired(first, second, common),
        parts={name: (made, adjusted.get(name)) for name, made in found.items()},
    )


def _paired(first: Result, second: Result, samples: Sequence[Sample]) -> stats.Paired | None:
    """By the means over seeds."""
    names = [sample.sample_id for sample in samples]
    one, two = first.scores(), second.scores()
    return stats.paired(
        [one[name] for name in names],
        [two[name] for name in names],
        [cluster_of(sample) for sample in samples],
        graded=_graded(first, names) or _graded(second, names),
    )


def _graded(result: Result, names: Sequence[str]) -> bool:
    """Whether any of these samples is neither right nor wrong at some seed."""
    asked = set(names)
    return any(
        item.strict.score not in (0, 1, None)
        for scored in result.scored.values()
        for item in scored
        if item.sample.sample_id in asked
    )
