"""Commands about models: which weights are there, and what each lane would run with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from longtake.cli_options import JsonOption, SetOption
from longtake.console import EXIT_PROBLEM, command_edge, print_json
from longtake.flags import settings_with

if TYPE_CHECKING:
    from longtake.config import Settings
    from longtake.models import Kind


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (models, doctor):
        app.command()(command_edge(command))


def models(settings: SetOption = None, as_json: JsonOption = False) -> None:
    """List model weights: what the lanes use, what packages carry, and where the files are.

    Looks only at this machine. Packaged weights are compared with their known SHA-256.
    """
    chosen = settings_with(settings or ())
    from longtake import documents, render

    rows = weights_in_use(chosen)
    if as_json:
        print_json(documents.document("models", models=rows))
    else:
        render.weights(rows)


def doctor(settings: SetOption = None, as_json: JsonOption = False) -> None:
    """Show what each lane would run with: engine, weights, device.

    Exit code 1 when a lane cannot run; the others work without it.
    """
    chosen = settings_with(settings or ())
    from longtake import __version__, documents, render
    from longtake.tools.library import doctor as statuses_of

    statuses = statuses_of(chosen)
    ok = all(status.problem is None for status in statuses)
    if as_json:
        lanes = [documents.lane(status) for status in statuses]
        print_json(documents.document("doctor", ok=ok, version=__version__, lanes=lanes))
    else:
        render.lanes(statuses)
    if not ok:
        raise typer.Exit(EXIT_PROBLEM)


def weights_in_use(settings: "Settings") -> list[dict[str, Any]]:
    """One row a model: those of the lanes first, then what installed packages could carry."""
    from longtake.index.lane_consumers import stage_weights
    from longtake.models import PACKAGED

    wanted = {weights: str(stage) for stage, weights in stage_weights(settings).items()}
    seen = {id(PACKAGED.get(weights)) for weights in wanted}  # one entry may have two names
    for weights, entry in PACKAGED.items():
        if id(entry) not in seen:
            seen.add(id(entry))
            wanted.setdefault(weights, "")
    return [_row(kind, name, lane or None) for (kind, name), lane in wanted.items()]


def _row(kind: "Kind", name: str, lane: str | None) -> dict[str, Any]:
    from longtake.errors import WeightsError
    from longtake.models import resolve

    row = {
        "kind": kind,
        "name": name,
        "lane": lane,
        "source": None,
        "path": None,
        "size_bytes": None,
        "verified": False,
        "problem": None,
    }
    try:
        found = resolve(kind, name, offline=True)
    except WeightsError as exc:
        return {**row, "problem": str(exc)}
    return {
        **row,
        "source": found.source,
        "path": str(found.path),
        "size_bytes": _size(found.path),
        "verified": found.verified,
    }


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
