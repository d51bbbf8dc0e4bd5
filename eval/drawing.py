"""Which samples of a benchmark are asked: all, a stratified draw of them, a shard."""

import hashlib
from collections.abc import Sequence

from longtake.eval.log import shard_of
from longtake.eval.samples import Sample

STRATA = ("duration", "task")
"""Axes whose shares a draw keeps."""


def cluster_of(sample: Sample) -> str:
    """The video that a sample is about, also when it is asked of a whole library: samples of one
    video are not independent of each other."""
    if sample.video:
        return sample.video
    named = sample.extra.get("library_video")
    if named:
        return str(named)
    return sample.evidence[0].video if sample.evidence else sample.sample_id


def drawn(samples: Sequence[Sample], limit: int, seed: int) -> list[Sample]:
    """`limit` samples in the order of the benchmark, every stratum with its share of them (largest
    remainders), drawn by the hash of seed and sample: the same whatever else is there."""
    if limit >= len(samples):
        return list(samples)
    strata: dict[tuple[str, ...], list[Sample]] = {}
    for sample in samples:
        key = tuple(sample.axes.get(axis, "") for axis in STRATA)
        strata.setdefault(key, []).append(sample)
    names = sorted(strata)
    shares = [len(strata[name]) * limit / len(samples) for name in names]
    counts = [int(share) for share in shares]
    by_rest = sorted(range(len(names)), key=lambda i: (counts[i] - shares[i], names[i]))
    for index in by_rest[: limit - sum(counts)]:
        counts[index] += 1
    kept: set[str] = set()
    for name, count in zip(names, counts, strict=True):
        ordered = sorted(strata[name], key=lambda s: _lot(seed, s.sample_id))
        kept |= {sample.sample_id for sample in ordered[:count]}
    return [sample for sample in samples if sample.sample_id in kept]


def _lot(seed: int, sample_id: str) -> bytes:
    return hashlib.sha256(f"{seed}/{sample_id}".encode()).digest()


def of_shard(samples: Sequence[Sample], number: int, shards: int) -> list[Sample]:
    """The samples of shard `number` of `shards`, counted from 1: whole videos."""
    return [sample for sample in samples if shard_of(cluster_of(sample), shards) == number - 1]
