"""The command about presets: how frames can be chosen, from what, at what cost."""

from typing import TYPE_CHECKING, Any

import typer

from longtake.cli_options import JsonOption
from longtake.console import command_edge, print_json

if TYPE_CHECKING:
    from longtake.tools.select.composition import Preset


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(command_edge(presets))


def presets(as_json: JsonOption = False) -> None:
    """List the presets that choose what to show: source, what they need and what they cost.

    Needs are signals of frames. `relevance` is any lane's: what was said, read or seen.
    """
    from longtake.tools.select.presets import PRESETS

    rows = [row(preset) for preset in PRESETS.values()]
    if as_json:
        from longtake.documents import document

        print_json(document("presets", presets=rows))
    else:
        show(rows)


def row(preset: "Preset") -> dict[str, Any]:
    """A preset as a row of the JSON document."""
    return {
        "name": preset.name,
        "line": preset.line,
        "source": preset.source,
        "needs": list(preset.needs),
        "uses": list(preset.uses),
        "scored": preset.scored,
        "calls": preset.calls,
    }


def show(rows: list[dict[str, Any]]) -> None:
    """The table, on stdout."""
    from longtake.console import console
    from longtake.render import table

    made = table("preset", "what it chooses", "source", "needs", "frames scored", "model calls")
    for item in rows:
        needs = "; ".join(item["needs"]) or "nothing"
        made.add_row(
            item["name"], item["line"], item["source"], needs, item["scored"], item["calls"]
        )
    console().print(made)
