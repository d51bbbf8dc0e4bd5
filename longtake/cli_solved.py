"""The command that lists which questions are solved without their video."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from longtake.cli_eval_options import DataOption, LogsArgument
from longtake.cli_options import JsonOption
from longtake.console import command_edge, print_json, say
from longtake.errors import LongtakeError


def register(group: typer.Typer) -> None:
    """Add this command to the group `eval`."""
    group.command()(command_edge(solved))


def solved(
    logs: LogsArgument,
    target: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="Where to write the list.")
    ] = Path("solved.json"),
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            metavar="AXIS",
            help="What questions of one kind share, such as family or task; the first axis whose "
            "shares a draw keeps if not given.",
        ),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the questions that are solved without their video, for score and report --without.

    Taken from runs of blind and options_only among those named; others are passed by.
    Solved blind: right by two thirds of the models that were asked blind, and two at least. Solved
    by options: right from the options alone, where those of its kind are right more often than lots
    would be by two standard errors. What is scored together is left out together.
    """
    from longtake.documents_eval import solved as document_of
    from longtake.eval.gather import results_in
    from longtake.eval.solved import solved as found_in

    results = results_in(logs, data, partial=False)
    found = found_in(results, template)
    document = document_of(found)
    try:
        target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise LongtakeError(f"cannot write {str(target)!r}: {exc.strerror}") from exc
    if as_json:
        print_json(document)
        return
    counts = Counter(found.samples.values())
    told = ", ".join(f"{counts[why]} {why}" for why in ("blind", "options", "beside"))
    say(f"{len(found.samples)} of {len(results[0].loaded.samples)} questions ({told}): {target}")
