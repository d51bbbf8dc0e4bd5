"""Everything that is worth saying of one run, from its judged samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtake.eval import curves, grounding
from longtake.eval import statistics as stats
from longtake.eval.drawing import cluster_of
from longtake.eval.libraries import read_costs
from longtake.eval.opened import Files, read_opened
from longtake.eval.records import Record
from longtake.eval.results import Result
from longtake.eval.samples import Sample

Measured = Mapping[str, stats.Estimate | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Means over the samples whose video was there, in tokens unless they say otherwise."""

    visual: float
    text_in: float
    out: float
    total: float
    most: int
    """Of any sample."""
    calls: float
    frames_sent: float
    frames_read: float
    seconds: float
    usd: float | None
    """None as soon as one is unknown."""
    overruns: int
    retried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTotal:
    """What indexing the run's videos took, once for all questions."""

    videos: int
    hours: float
    """Of video."""
    seconds: Mapping[str, float]
    """By stage."""
    size: int
    """Bytes."""

    @property
    def seconds_an_hour(self) -> float | None:
        """Sum of all stages for an hour of video."""
        return sum(self.seconds.values()) / self.hours if self.hours else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One run in numbers."""

    accuracy: stats.Estimate | None
    """Strict, full denominator, clustered by video; None where the truth is kept."""
    not_retried: stats.Estimate | None
    """The same over samples that were answered at the first try; None where all were."""
    parse_fail: float | None
    statuses: Mapping[str, int]
    abstention: curves.Abstention
    ece: float | None
    brier: float | None
    risk_coverage: curves.RiskCoverage | None
    seeds: stats.Seeds | None
    grounding: Measured
    """`recall`, `complete`, `precision`, `iou`, `iop`, `grounded accuracy`, of samples with
    evidence of an answer."""
    luck: Mapping[str, int]
    """`hit and right`, `hit but wrong`, `miss but right`, `miss and wrong`."""
    twins: stats.Estimate | None
    """Pairs of which both are right."""
    by_part: Mapping[str, stats.Estimate | None]
    """`axis=value` -> strict accuracy."""
    costs: Costs | None
    index: IndexTotal | None
    opened: Files | None
    """Of the benchmark's folder, while questions were answered; None where it was not noted."""


def summary(result: Result) -> Summary:
    """Sum a run up."""
    records = result.asked
    return Summary(
        accuracy=result.accuracy(),
        not_retried=_not_retried(result),
        parse_fail=result.unparsed(),
        statuses=result.statuses(),
        abstention=_abstention(result),
        **_calibration(result),
        seeds=_seeds(result),
        grounding=_grounding(result),
        luck=_luck(result),
        twins=_twins(result),
        by_part=by_part(result),
        costs=_costs(records) if records else None,
        index=_index(result.log.folders),
        opened=read_opened(result.log.folders),
    )


def _not_retried(result: Result) -> stats.Estimate | None:
    again = {name for (name, _), record in result.records.items() if record.retries}
    if not again:
        return None
    return result.accuracy([s for s in result.samples if s.sample_id not in again])


def _abstention(result: Result) -> curves.Abstention:
    samples = {sample.sample_id: sample for sample in result.samples}
    replied = [r for r in result.records.values() if r.status in ("ok", "parse_fail")]
    return curves.abstention(
        [r.abstained for r in replied], [samples[r.sample_id].answerable for r in replied]
    )


def _calibration(result: Result) -> dict[str, Any]:
    """Of answers that are given and say how sure they are."""
    sure: list[float] = []
    right: list[float] = []
    for seed, scored in result.scored.items():
        for item in scored:
            record = result.records.get((item.sample.sample_id, seed))
            if record is None or record.confidence is None or item.strict.score is None:
                continue
            if record.status == "ok" and not record.abstained:
                sure.append(record.confidence)
                right.append(float(item.strict.score == 1))
    return {
        "ece": curves.ece(sure, right),
        "brier": curves.brier(sure, right),
        "risk_coverage": curves.risk_coverage(sure, right),
    }


def _seeds(result: Result) -> stats.Seeds | None:
    """Over samples that every seed answered."""
    if len(result.seeds) < 2:
        return None
    names = [
        s.sample_id
        for s in result.samples
        if all((s.sample_id, seed) in result.records for seed in result.seeds)
    ]
    scores, answers = [], []
    for seed in result.seeds:
        by_name = {item.sample.sample_id: item for item in result.scored[seed]}
        scores.append([by_name[name].strict.score or 0.0 for name in names])
        answers.append([str(by_name[name].strict.parsed) for name in names])
    return stats.seeds(scores, answers)


def found_of(result: Result) -> dict[tuple[str, int], grounding.Grounding]:
    """How the citations of every record with evidence hold. What proves that there is no answer is
    not to be cited: abstaining is right."""
    samples = {sample.sample_id: sample for sample in result.samples}
    found = {}
    for key, record in result.records.items():
        sample = samples[record.sample_id]
        held = grounding.grounding(record.evidence, sample.evidence)
        if held is not None and sample.answerable:
            found[key] = held
    return found


def _grounding(result: Result) -> Measured:
    """Every answerable sample with evidence counts; one without a record has none of it."""
    proven = [sample for sample in result.samples if sample.evidence and sample.answerable]
    if not proven:
        return {}
    found = found_of(result)
    right = _right(result)
    columns: dict[str, list[float]] = {}
    clusters: list[str] = []
    cited: list[float] = []
    for sample in proven:
        for seed in result.seeds:
            held = found.get((sample.sample_id, seed))
            clusters.append(cluster_of(sample))
            cited.append(float(held is not None and held.precision is not None))
            values = {
                "recall": held.recall if held else 0.0,
                "complete": float(held.complete) if held else 0.0,
                "precision": (held.precision or 0.0) if held else 0.0,
                "iou": held.iou if held else 0.0,
                "iop": held.iop if held else 0.0,
                "grounded accuracy": grounding.grounded(
                    right.get((sample.sample_id, seed), 0.0), held
                ),
            }
            for name, value in values.items():
                columns.setdefault(name, []).append(value)
    return {
        name: stats.ratio(values, cited, clusters)
        if name == "precision"
        else stats.mean(values, clusters)
        for name, values in columns.items()
    }


def _right(result: Result) -> dict[tuple[str, int], float]:
    return {
        (item.sample.sample_id, seed): item.strict.score
        for seed, scored in result.scored.items()
        for item in scored
        if item.strict.score is not None
    }


def _luck(result: Result) -> dict[str, int]:
    right = _right(result)
    counts: dict[str, int] = {}
    for key, held in found_of(result).items():
        met = held.recall > 0
        good = right.get(key) == 1
        name = f"{'hit' if met else 'miss'} {'and' if met is good else 'but'} "
        counts[name + ("right" if good else "wrong")] = (
            counts.get(name + ("right" if good else "wrong"), 0) + 1
        )
    return counts


def _twins(result: Result) -> stats.Estimate | None:
    here = {sample.sample_id for sample in result.samples}
    twins = {s.sample_id: s.twin for s in result.samples if s.twin in here}
    if not twins:
        return None
    videos = {s.sample_id: cluster_of(s) for s in result.samples}
    pairs = grounding.twin_consistent(result.scores(), twins)
    return stats.mean(
        [float(both) for both in pairs.values()], [videos.get(name, name) for name in pairs]
    )


def by_part(result: Result) -> dict[str, stats.Estimate | None]:
    """Strict accuracy by every value of every axis."""
    return {name: result.accuracy(samples) for name, samples in parts(result.samples).items()}


def parts(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """`axis=value` -> samples; axes with more than 40 values are left out."""
    found: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        for axis, value in sample.axes.items():
            for one in value.split("|"):
                if one:
                    found.setdefault(axis, {}).setdefault(one, []).append(sample)
    return {
        f"{axis}={value}": of
        for axis, values in found.items()
        if len(values) <= 40
        for value, of in values.items()
    }


def _costs(records: Sequence[Record]) -> Costs:
    count = len(records)
    prices = [record.spent.usd for record in records]
    known = [price for price in prices if price is not None]
    return Costs(
        visual=sum(r.spent.visual for r in records) / count,
        text_in=sum(r.spent.text_in for r in records) / count,
        out=sum(r.spent.out for r in records) / count,
        total=sum(r.spent.total for r in records) / count,
        most=max(r.spent.total for r in records),
        calls=sum(r.spent.calls for r in records) / count,
        frames_sent=sum(len(r.frames) for r in records) / count,
        frames_read=sum(int(r.extra.get("frames_read", 0)) for r in records) / count,
        seconds=sum(r.seconds.get("ask", 0.0) for r in records) / count,
        usd=sum(known) / count if len(known) == count else None,
        overruns=sum(r.overrun for r in records),
        retried=sum(r.retries > 0 for r in records),
    )


def _index(folders: Sequence[Path]) -> IndexTotal | None:
    costs = read_costs(folders)
    if not costs:
        return None
    seconds: dict[str, float] = {}
    for cost in costs.values():
        for stage, value in cost.seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + value
    return IndexTotal(
        videos=len(costs),
        hours=sum(cost.duration_s for cost in costs.values()) / 3600,
        seconds=seconds,
        size=sum(cost.size for cost in costs.values()),
    )
