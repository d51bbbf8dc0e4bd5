"""Answers of a run for others: in the forms of a benchmark's owners, or of other tools' viewers."""

from pathlib import Path

from longtake.errors import UsageError
from longtake.eval.benchmarks import export
from longtake.eval.exports import inspect_log, lmms_samples
from longtake.eval.results import Result

LMMS, INSPECT = "lmms-eval", "inspect"
"""Forms that every benchmark has."""


def written(result: Result, form: str | None, seed: int, target: Path | None) -> tuple[str, Path]:
    """Write the answers of one seed.

    Args:
        form: None takes the owners' only form.
        target: None takes the name that the form's readers expect, in the current folder.

    Returns:
        The form and the file.

    Raises:
        UsageError: there is no such form or seed, or the form wants answers that are not there.
    """
    if seed not in result.scored:
        raise UsageError(f"the run has seeds 0 to {len(result.seeds) - 1}, not {seed}")
    owners = result.benchmark.exports
    known = [*owners, LMMS, INSPECT]
    if form is None and len(owners) != 1:
        raise UsageError(f"name a form with --form: {', '.join(known)}")
    name = form or next(iter(owners))
    if name not in known:
        raise UsageError(f"no form {name!r}; there are {', '.join(known)}")
    scored = result.scored[seed]
    items = [(item, result.records.get((item.sample.sample_id, seed))) for item in scored]
    if name == LMMS:
        place = target or Path(f"{result.identity.label}_samples.jsonl")
        lmms_samples(items, place)
    elif name == INSPECT:
        place = target or Path(f"{result.identity.label}.json")
        model = result.identity.model
        inspect_log(result.loaded, items, result.rows(), place, model=model)
    else:
        place = target or Path(owners[name].filename)
        export(result.benchmark, name, scored, result.loaded, place)
    return name, place
