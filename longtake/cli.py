"""The `longtake` command: index videos, find moments, ask questions."""

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from longtake import (
    __version__,
    cli_ask,
    cli_eval,
    cli_library,
    cli_presets,
    cli_runs,
    cli_weights,
)
from longtake.cli_options import (
    BetweenOption,
    JsonOption,
    Lane,
    LibraryOption,
    SetOption,
    Stage,
    VideosOption,
    folder_of,
    open_library,
    parse_between,
    video_ids,
)
from longtake.console import (
    EXIT_PROBLEM,
    command_edge,
    print_json,
    printable,
    say,
    working,
)
from longtake.flags import settings_with

if TYPE_CHECKING:
    import logging

app = typer.Typer(
    name="longtake",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Answers questions about long videos, with moments you can check.",
    epilog="Results go to stdout, all else to stderr. Exit codes: 0 fine, 1 something failed, "
    "2 wrong usage, 130 interrupted.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"longtake {__version__}")
        raise typer.Exit


def _log_handler() -> "logging.Handler":
    """Writes the log to stderr; names of files in it cannot command the terminal."""
    import logging

    class Safe(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return "\n".join(printable(line) for line in super().format(record).split("\n"))

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Safe("%(name)s: %(message)s"))
    return handler


@app.callback()
def root(
    ctx: typer.Context,
    library: LibraryOption = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the log on stderr.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    ctx.obj = library
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, handlers=[_log_handler()])


@app.command()
@command_edge
def index(  # one parameter a flag: typer reads them from the signature
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Videos, or folders.")],
    only: Annotated[
        list[Stage] | None,
        typer.Option(
            "--only",
            metavar="STAGE",
            help="Do just this stage and what is made from it: "
            f"{', '.join(Stage)}. May be repeated.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Redo what is up to date already.")
    ] = False,
    fps: Annotated[
        float | None, typer.Option("--fps", help="Frames looked at per second of video.")
    ] = None,
    speech_model: Annotated[
        str | None,
        typer.Option("--speech-model", metavar="NAME", help="Whisper size, or weights on disk."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="CODE", help="Spoken language, such as en."),
    ] = None,
    visual_model: Annotated[
        str | None,
        typer.Option(
            "--visual-model", metavar="NAME", help="Image-text model, or weights on disk."
        ),
    ] = None,
    shots_engine: Annotated[
        str | None,
        typer.Option(
            "--shots-engine",
            metavar="NAME",
            help="Shot detector: content, transnetv2, pyscenedetect.",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="auto, cpu or cuda.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never ask the model hub for weights.")
    ] = False,
    settings: SetOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Index videos: new and changed ones are done, the rest is left alone.

    Can be interrupted and run again. Videos that fail are named at the end; the others are done.
    """
    from longtake import documents
    from longtake.index.lanes import StageName
    from longtake.progress import index_progress
    from longtake.render_index import index_report
    from longtake.tools.library import Library

    named = {
        "fps": fps,
        "speech.model": speech_model,
        "speech.language": language,
        "visual.model": visual_model,
        "shots.engine": shots_engine,
        "device": device,
        "offline": offline or None,
    }
    chosen = settings_with(settings or (), named)
    with Library.open(folder_of(ctx, library, chosen), chosen, create=True) as opened:
        with index_progress() as progress:
            report = opened.index(
                paths,
                only={StageName(stage) for stage in only} if only else None,
                force=force,
                progress=progress,
            )
        if as_json:
            print_json(documents.index_report(opened.root, report))
        else:
            index_report(report)
    if not report.ok:
        raise typer.Exit(EXIT_PROBLEM)


@app.command()
@command_edge
def search(
    ctx: typer.Context,
    text: Annotated[list[str], typer.Argument(metavar="TEXT", help="Words or a description.")],
    lanes: Annotated[
        list[Lane] | None,
        typer.Option(
            "--lane", metavar="LANE", help=f"Search only here: {', '.join(Lane)}. May be repeated."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most moments shown.")] = 10,
    videos: VideosOption = None,
    between: BetweenOption = None,
    settings: SetOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find moments by what is said, written on screen or seen."""
    from longtake import documents, render

    query = " ".join(text)
    span = parse_between(between)
    with open_library(ctx, library, settings) as opened, working("searching"):
        result = opened.search_full(
            query,
            lanes=[lane.value for lane in lanes] if lanes else None,
            videos=video_ids(opened, videos),
            between=span,
            limit=limit,
        )
    if as_json:
        print_json(documents.search_result(query, result))
        return
    render.hits(result.hits)
    for lane, how in result.searched.items():
        if how != "searched":
            say(f"{lane}: {how}", style="yellow")
    if not result.hits:
        say("nothing found", style="yellow")


cli_ask.register(app)
cli_runs.register(app)
cli_library.register(app)
cli_presets.register(app)
cli_weights.register(app)
cli_eval.register(app)


def main() -> None:
    """Entry point of the `longtake` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # any file name, whatever the terminal
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # other libraries' warnings say nothing to a user
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    app(prog_name="longtake")
