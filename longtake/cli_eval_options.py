"""Arguments and options that several commands of `longtake eval` share."""

from pathlib import Path
from typing import Annotated

import typer

LogsArgument = Annotated[
    list[Path], typer.Argument(metavar="LOG", help="Folders or files that a run wrote.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="The benchmark's folder, if not where it was run from."
    ),
]
PartialOption = Annotated[
    bool, typer.Option("--partial", help="Also of unfinished runs; numbers are labelled.")
]
WithoutOption = Annotated[
    Path | None,
    typer.Option(
        "--without",
        metavar="FILE",
        help="Also give accuracy without these questions (longtake eval solved).",
    ),
]
