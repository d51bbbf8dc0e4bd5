"""Adapters: the files that owners of benchmarks distribute, read, scored and written."""

from importlib import import_module

from longtake.errors import UsageError
from longtake.eval.benchmarks.contract import (
    Benchmark,
    Export,
    OfficialPrompt,
    export,
    judge,
)

_MODULES = {
    "video-mme": "videomme",
    "video-mme-v2": "videomme_v2",
    "mlvu": "mlvu",
    "longvideobench": "longvideobench",
    "lvbench": "lvbench",
    "extremewhenbench": "extremewhenbench",
    "cg-bench": "cgbench",
    "rtv-bench": "rtvbench",
    "egoschema": "egoschema",
    "next-qa": "nextqa",
    "next-gqa": "nextgqa",
    "qvhighlights": "qvhighlights",
    "msrvtt-1ka": "msrvtt",
    "haystack": "haystack",
}
"""Where each benchmark is; imported when asked for."""

NAMES = tuple(_MODULES)
"""Benchmarks there are."""


def benchmark(name: str) -> Benchmark:
    """The adapter of that name.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    if name not in _MODULES:
        raise UsageError(f"no benchmark {name!r}; there are: {', '.join(NAMES)}")
    found: Benchmark = import_module(f"{__name__}.{_MODULES[name]}").BENCHMARK
    return found


__all__ = ["NAMES", "Benchmark", "Export", "OfficialPrompt", "benchmark", "export", "judge"]
