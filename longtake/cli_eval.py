"""Commands that measure: run benchmarks, score logs, compare runs, write reports and exports."""

from pathlib import Path
from typing import Annotated

import typer

from longtake import cli_haystack, cli_solved
from longtake.cli_eval_options import DataOption, LogsArgument, PartialOption, WithoutOption
from longtake.cli_options import JsonOption, SetOption
from longtake.console import command_edge, print_json, say, working
from longtake.errors import LongtakeError, UsageError
from longtake.flags import settings_with

OUT = Path("longtake-eval")


def register(app: typer.Typer) -> None:
    """Add the group of commands to the program."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Measure on benchmarks: the agent against what anybody could do with its tokens.",
    )
    for command in (run, score, compare, report, export):
        group.command()(command_edge(command))
    cli_solved.register(group)
    cli_haystack.register(group)
    app.add_typer(group, name="eval")


def run(  # one parameter a flag: typer reads them from the signature
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="Benchmark, such as lvbench or video-mme.")
    ],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder with its owners' files.")
    ],
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="NAME", help="Its split; the first if not given."),
    ] = None,
    vlm: Annotated[
        str | None,
        typer.Option("--vlm", metavar="MODEL", help="The model that sees, as longtake ask has it."),
    ] = None,
    systems: Annotated[
        str,
        typer.Option(
            "--system",
            metavar="NAMES",
            help="What answers, comma-separated: agent, uniform, topk, transcript, "
            "uniform_transcript, video_rag, ocr, blind, options_only, black, shuffled, novelty, "
            "oracle, oracle_minus_one, random, random_abstain; select-PRESET shows what a preset "
            "selects (longtake presets).",
        ),
    ] = "agent",
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="NAME", help="The agent's policy.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="The agent's preset.")
    ] = None,
    budget: Annotated[
        str,
        typer.Option(
            "--budget", metavar="TOKENS", help="Most tokens a question costs; several as 2k,4k,8k."
        ),
    ] = "16k",
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="How often every question is asked.")
    ] = 1,
    subtitles: Annotated[
        str,
        typer.Option(
            "--subtitles",
            metavar="MODE",
            help="What is known of speech: off, given (the benchmark's) or asr (recognised).",
        ),
    ] = "off",
    option_seed: Annotated[
        int | None,
        typer.Option("--option-seed", help="Show options in an order drawn with it."),
    ] = None,
    library_mode: Annotated[
        bool,
        typer.Option("--library-mode", help="Ask of all videos at once, without naming one."),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, help="Draw so many questions, spread over all strata; groups whole."
        ),
    ] = None,
    limit_seed: Annotated[int, typer.Option("--limit-seed", help="Seed of that draw.")] = 0,
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only this share of the videos.")
    ] = "1/1",
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="Videos that are worked on at a time.")
    ] = 1,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit", metavar="SECONDS", help="Most time for one video's questions."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for logs and libraries.")
    ] = OUT,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run systems on a benchmark. A run that was interrupted goes on where it was.

    Videos are indexed once; every finished sample is a line of the run's log.
    """
    from longtake.eval.batch import (
        Batch,
        parse_budgets,
        parse_shard,
        parse_subtitles,
        parse_systems,
        run_batch,
    )
    from longtake.eval.benchmarks import benchmark
    from longtake.live_eval import Live

    if (policy or preset) and "agent" not in [part.strip() for part in systems.split(",")]:
        raise UsageError("--policy and --preset are the agent's: add agent to --system")
    if any(given.partition("=")[0].strip() == "agent.budget" for given in settings or ()):
        raise UsageError("agent.budget has no effect here: write --budget")
    named = {"vlm.model": vlm, "agent.policy": policy, "agent.preset": preset}
    chosen = settings_with(settings or (), named)
    adapter = benchmark(suite)
    batch = Batch(
        benchmark=adapter,
        data=data.expanduser(),
        split=split or next(iter(adapter.splits)),
        settings=chosen,
        systems=parse_systems(systems),
        budgets=parse_budgets(budget),
        out=out.expanduser(),
        seeds=seeds,
        shard=parse_shard(shard),
        limit=limit,
        limit_seed=limit_seed,
        subtitles=parse_subtitles(subtitles),
        option_seed=option_seed,
        library_mode=library_mode,
        time_limit_s=time_limit,
        jobs=jobs,
    )
    with Live() as live:
        folders = run_batch(batch, live)
    if as_json:
        from longtake.documents import document

        print_json(document("eval-run", runs=[str(folder) for folder in folders]))
    else:
        say(f"score them with: longtake eval score {batch.home}")


def score(
    logs: LogsArgument,
    data: DataOption = None,
    partial: PartialOption = False,
    without: WithoutOption = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="Also by task, duration and every other axis.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Score logs: the owners' rules and ours side by side, with intervals clustered by video.

    Asks nothing and changes nothing; the same log gives the same numbers.
    """
    from longtake import documents_eval, render_eval
    from longtake.eval.alarms import across
    from longtake.eval.gather import results_in
    from longtake.eval.solved import read_solved

    left_out = None if without is None else read_solved(without)
    results = results_in(logs, data, partial=partial)
    with working("drawing again"):
        document = documents_eval.scores(results, across(results), left_out)
    if as_json:
        print_json(document)
    else:
        render_eval.scores(document, parts=parts)


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Folder or log of a run.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The run it is held against.")],
    factor: Annotated[
        list[str] | None,
        typer.Option(
            "--factor",
            metavar="NAME",
            help="What they may differ in: system (default), policy, preset, budget, model, "
            "subtitles, index, options, prompts, code, settings. Repeat it.",
        ),
    ] = None,
    data: DataOption = None,
    partial: PartialOption = False,
    without: WithoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs sample by sample; refuses when they differ in anything undeclared."""
    from longtake import documents_eval, render_eval
    from longtake.eval.compare import compare as held
    from longtake.eval.gather import result_in
    from longtake.eval.solved import read_solved
    from longtake.eval.solved import without as less

    left_out = None if without is None else read_solved(without)
    one, other = (result_in(place, data, partial=partial) for place in (first, second))
    factors = factor or ["system"]
    document = documents_eval.comparison(
        held(one, other, factors),
        None if left_out is None else held(less(one, left_out), less(other, left_out), factors),
    )
    if as_json:
        print_json(document)
    else:
        render_eval.comparison(document)


def report(
    logs: LogsArgument,
    page: Annotated[
        Path, typer.Option("--html", "-o", metavar="FILE", help="Where to write the page.")
    ] = Path("report.html"),
    data: DataOption = None,
    partial: PartialOption = False,
    without: WithoutOption = None,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="Most samples shown one by one.")
    ] = 40,
    pictures: Annotated[
        int, typer.Option("--pictures", min=0, help="Most frames in the page.")
    ] = 240,
    as_json: JsonOption = False,
) -> None:
    """Write one page that needs nothing else: curves, tables, and samples with their frames."""
    from longtake import report_page
    from longtake.documents import document
    from longtake.eval.gather import results_in
    from longtake.eval.solved import read_solved

    left_out = None if without is None else read_solved(without)
    results = results_in(logs, data, partial=partial)
    with working("reading frames"):
        written = report_page.page(results, samples=samples, pictures=pictures, left_out=left_out)
    try:
        page.write_text(written, encoding="utf-8")
    except OSError as exc:
        raise LongtakeError(f"cannot write {str(page)!r}: {exc.strerror}") from exc
    if as_json:
        print_json(document("eval-report", page=str(page)))
    else:
        say(f"page written to {page}")


def export(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Folder or log of a run.")],
    target: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Where to write; the owners' name if not given."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--form",
            metavar="NAME",
            help="One of the owners' (the only one if not given), lmms-eval or inspect.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Answers of this seed.")] = 0,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run's answers in the form in which the benchmark's owners take them."""
    from longtake.documents import document
    from longtake.eval.gather import result_in
    from longtake.eval.handing_on import written

    result = result_in(log, data, partial=True)
    name, place = written(result, form, seed, target)
    if as_json:
        print_json(document("eval-export", form=name, file=str(place)))
    else:
        say(f"written to {place}")
