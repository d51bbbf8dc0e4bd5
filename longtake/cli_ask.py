"""The command that answers questions."""

from typing import TYPE_CHECKING, Annotated

import typer

from longtake.cli_options import (
    BetweenOption,
    JsonOption,
    LibraryOption,
    SetOption,
    VideosOption,
    open_library,
    parse_between,
    video_ids,
)
from longtake.console import command_edge, print_json, say
from longtake.errors import UsageError

if TYPE_CHECKING:
    from longtake.agent.agent import Agent
    from longtake.agent.answer import Answer
    from longtake.timing import Span


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(command_edge(ask))


def ask(  # one parameter a flag: typer reads them from the signature
    ctx: typer.Context,
    question: Annotated[
        list[str] | None, typer.Argument(metavar="QUESTION", help="In plain words.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="TEXT", help="An answer to choose from. Repeat it."),
    ] = None,
    vlm: Annotated[
        str | None,
        typer.Option(
            "--vlm",
            metavar="MODEL",
            help="The model that looks: openai:NAME, anthropic:NAME, google_genai:NAME, "
            "http://HOST/v1#NAME, hf:OWNER/NAME, a folder; none quotes speech and text alone.",
        ),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option("--budget", metavar="TOKENS", min=1, help="Most tokens it may cost."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="NAME",
            help="How the next thing to look at is chosen: default, love_zoom or spotlight.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            help="What is looked at first: moments (default), or one of longtake presets.",
        ),
    ] = None,
    show_budget: Annotated[
        bool, typer.Option("--show-budget", help="Also show what every call cost.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it may cost; ask no model.")
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="RUN", help="Finish an interrupted run instead."),
    ] = None,
    videos: VideosOption = None,
    between: BetweenOption = None,
    settings: SetOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a question about the videos of the library.

    The answer comes with the moments it rests on. When nothing fits, it says so. With a model
    (--vlm) the frames of a few moments are looked at, for at most --budget tokens in all.
    """
    from longtake.agent.agent import Agent
    from longtake.live import ask_live

    words = " ".join(question or ())
    if bool(words.strip()) == (resume is not None):
        raise UsageError("give a question, or --resume RUN to finish an interrupted one")
    if resume is not None and (options or videos or between or dry_run):
        raise UsageError("--resume goes on with the question as it was asked")
    span = parse_between(between)
    named = {
        "vlm.model": vlm,
        "agent.budget": budget,
        "agent.policy": policy,
        "agent.preset": preset,
    }
    with open_library(ctx, library, settings, named) as opened:
        agent = Agent(opened)
        names = {video.id: video.title for video in opened.videos()}
        if resume is not None:
            given = ask_live(agent.stream_resumed(resume), names)
        elif dry_run:
            _forecast(agent, words, options, video_ids(opened, videos), span, as_json=as_json)
            return
        else:
            events = agent.stream(
                words, options or None, videos=video_ids(opened, videos), between=span
            )
            given = ask_live(events, names)
        _show(given, show_budget=show_budget, as_json=as_json)


def _forecast(
    agent: "Agent",
    question: str,
    options: list[str] | None,
    videos: list[str] | None,
    between: "Span | None",
    *,
    as_json: bool,
) -> None:
    import asyncio

    from longtake import documents, render

    made = asyncio.run(agent.forecast(question, options or None, videos=videos, between=between))
    if as_json:
        print_json(documents.forecast(question, made))
    else:
        render.forecast(made)


def _show(given: "Answer", *, show_budget: bool, as_json: bool) -> None:
    from longtake import documents, render, render_run

    if as_json:
        print_json(documents.answer(given))
        return
    render.answer(given)
    left_out = [
        lane for lane, how in given.searched.lanes.items() if not how.startswith("searched")
    ]
    if left_out:
        say(f"not searched: {', '.join(left_out)}; longtake videos and doctor say why")
    for note in given.notes:
        say(note, style="yellow")
    if given.receipt is not None:
        if show_budget:
            render_run.receipt(given.receipt)
        else:
            say(f"{given.receipt.spent} of {given.receipt.limit} tokens; run {given.run_id[:8]}")
    elif show_budget:
        say("no model was asked: 0 tokens")
