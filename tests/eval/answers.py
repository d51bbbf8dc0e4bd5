"""Responses and scored samples for tests of adapters."""

from collections.abc import Mapping, Sequence
from typing import Any

from longtake.eval.benchmarks.contract import Benchmark
from longtake.eval.judgement import Response, Row, Scored
from longtake.eval.samples import Loaded


def scored(
    benchmark: Benchmark, loaded: Loaded, replies: Mapping[str, str | Response]
) -> list[Scored]:
    """Every sample of a split judged; those without a reply have none."""
    out = []
    for sample in loaded.samples:
        reply = replies.get(sample.sample_id)
        response = Response(text=reply) if isinstance(reply, str) else reply
        out.append(
            Scored(
                sample=sample,
                response=response,
                official=benchmark.official(sample, response),
                strict=benchmark.strict(sample, response),
            )
        )
    return out


def row(rows: Sequence[Row], metric: str, part: str = "all") -> tuple[Any, Any]:
    """Official and strict number of the one row of that metric and part."""
    [found] = [r for r in rows if r.metric == metric and r.part == part]
    return found.official, found.strict


def counts(rows: Sequence[Row], metric: str, part: str = "all") -> tuple[int, int]:
    """Official and strict denominator of the one row of that metric and part."""
    [found] = [r for r in rows if r.metric == metric and r.part == part]
    return found.official_n, found.n
