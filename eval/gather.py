"""Results from the places that people name."""

from collections.abc import Sequence
from pathlib import Path

from longtake.errors import UsageError
from longtake.eval.log import read_logs
from longtake.eval.results import Result, loaded_of, result_of


def results_in(places: Sequence[Path], data: Path | None, *, partial: bool) -> list[Result]:
    """The results of every run in some files and folders.

    Args:
        data: the benchmark's folder; None takes that from which each was run.
        partial: also of unfinished runs, which are stamped so.

    Raises:
        UsageError: a place holds no log, a benchmark is not where it was, or a run is unfinished
            and `partial` is false (benchmarks.md, rule 3).
    """
    results = [result_of(log, *loaded_of(log, data)) for log in read_logs(places)]
    unfinished = [result for result in results if not result.complete]
    if unfinished and not partial:
        told = ", ".join(
            f"{r.identity.label} ({r.finished} of {len(r.samples)})" for r in unfinished[:5]
        )
        raise UsageError(
            f"unfinished: {told}; run them again to finish them, or add --partial for numbers "
            "that are labelled so"
        )
    return results


def result_in(place: Path, data: Path | None, *, partial: bool) -> Result:
    """The result of the one run in a place.

    Raises:
        UsageError: as `results_in` does, or there are several runs.
    """
    results = results_in([place], data, partial=partial)
    if len(results) != 1:
        runs = ", ".join(result.identity.label for result in results)
        raise UsageError(f"{str(place)!r} holds {len(results)} runs ({runs}): name one")
    return results[0]
