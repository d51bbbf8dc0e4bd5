"""Which samples of a benchmark are asked: all, a stratified draw of them, a shard."""

import hashlib
from collections.abc import Sequence

from longtake.eval.log import shard_of
from longtake.eval.samples import Sample

FIRST_AXES = 2
"""Axes whose shares a draw keeps where a benchmark names none: the first of its samples."""
MOST_VALUES = 40
"""Axes that have more values than that are not among them."""


def strata_of(samples: Sequence[Sample]) -> tuple[str, ...]:
    """The axes whose shares a draw keeps where a benchmark names none."""
    values: dict[str, set[str]] = {}
    for sample in samples:
        for axis, value in sample.axes.items():
            values.setdefault(axis, set()).add(value)
    few = [axis for axis, found in values.items() if len(found) <= MOST_VALUES]
    return tuple(few[:FIRST_AXES])


def cluster_of(sample: Sample) -> str:
    """The video that a sample is about, also when it is asked of a whole library: samples of one
    video are not independent of each other."""
    if sample.video:
        return sample.video
    named = sample.extra.get("library_video")
    if named:
        return str(named)
    return sample.evidence[0].video if sample.evidence else sample.sample_id


def drawn(
    samples: Sequence[Sample], limit: int, seed: int, strata_axes: Sequence[str] = ()
) -> list[Sample]:
    """`limit` samples in the order of the benchmark, every stratum with its share of them (largest
    remainders), drawn by the hash of seed and sample: the same whatever else is there.

    What is scored together, a group or twins, is drawn whole or not at all; there are fewer samples
    where the next of those would be too many, and never less than one of them.

    Args:
        strata_axes: the axes that make up strata; those of `strata_of` when there are none.
    """
    if limit >= len(samples):
        return list(samples)
    axes = tuple(strata_axes) or strata_of(samples)
    strata: dict[tuple[str, ...], list[list[Sample]]] = {}
    for unit in units_of(samples):
        key = tuple(unit[0].axes.get(axis, "") for axis in axes)
        strata.setdefault(key, []).append(unit)
    names = sorted(strata)
    shares = [sum(map(len, strata[name])) * limit / len(samples) for name in names]
    counts = [int(share) for share in shares]
    by_rest = sorted(
        range(len(names)), key=lambda i: (counts[i] - shares[i], _lot(seed, "/".join(names[i])))
    )
    for index in by_rest[: limit - sum(counts)]:
        counts[index] += 1
    kept: list[list[Sample]] = []
    left: list[list[Sample]] = []
    for name, count in zip(names, counts, strict=True):
        for unit in sorted(strata[name], key=lambda unit: _lot(seed, unit[0].sample_id)):
            fits = len(unit) <= count
            count -= len(unit) if fits else 0
            (kept if fits else left).append(unit)
    room = limit - sum(map(len, kept))
    for unit in sorted(left, key=lambda unit: _lot(seed, unit[0].sample_id)):
        if len(unit) <= room or not kept:
            kept.append(unit)
            room -= len(unit)
    chosen = {sample.sample_id for unit in kept for sample in unit}
    return [sample for sample in samples if sample.sample_id in chosen]


def units_of(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Samples that are scored together, in the order of the first of each."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    for sample in samples:
        own = f"sample {sample.sample_id}"
        if sample.group is not None:
            above[top(own)] = top(f"group {sample.group}")
        if sample.twin is not None:
            above[top(own)] = top(f"sample {sample.twin}")
    units: dict[str, list[Sample]] = {}
    for sample in samples:
        units.setdefault(top(f"sample {sample.sample_id}"), []).append(sample)
    return list(units.values())


def _lot(seed: int, sample_id: str) -> bytes:
    return hashlib.sha256(f"{seed}/{sample_id}".encode()).digest()


def of_shard(samples: Sequence[Sample], number: int, shards: int) -> list[Sample]:
    """The samples of shard `number` of `shards`, counted from 1: whole videos."""
    return [sample for sample in samples if shard_of(cluster_of(sample), shards) == number - 1]
