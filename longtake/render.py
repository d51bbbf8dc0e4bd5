"""What results look like to people: tables and lines on stdout."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from longtake.console import console, file_name, printable, view_command
from longtake.index.lanes import StageName, StageState
from longtake.run_look import counted
from longtake.timing import Span, format_time

if TYPE_CHECKING:
    from longtake.agent.answer import Answer, Evidence
    from longtake.agent.forecast import Forecast
    from longtake.agent.prune import Pruned
    from longtake.index.check import Finding
    from longtake.index.doctor import LaneStatus
    from longtake.index.records import StageRecord, VideoRecord
    from longtake.tools.search import Hit

STATE_STYLES = {
    StageState.DONE: "green",
    StageState.EMPTY: "dim",
    StageState.SKIPPED: "yellow",
    StageState.FAILED: "red",
}


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table without lines; columns named in `right` are aligned right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def busy(stage: "StageRecord") -> float | None:
    """Seconds that a stage worked."""
    seconds: float | None = stage.stats.get("busy_s")
    return seconds


def speed(duration_s: float | None, spent_s: float | None) -> str:
    """Seconds of video a second, such as `5.7x`; empty when unknown."""
    if not duration_s or not spent_s:
        return ""
    times = duration_s / spent_s
    return f"{times:.1f}x" if times < 100 else f"{times:.0f}x"


def videos(
    records: Iterable["VideoRecord"],
    stages: Mapping[str, Mapping[StageName, "StageRecord"]],
) -> None:
    """The library's videos, one a line, with the stages that are not done."""
    made = table("id", "length", "size", "video", "stages", right=["length", "size"])
    for record in records:
        own = stages[record.id]
        waiting = [
            Text(f"{name} {own[name].state}", style=STATE_STYLES[own[name].state])
            if name in own
            else Text(f"{name} to do", style="yellow")
            for name in StageName
            if name not in own or own[name].state is not StageState.DONE
        ]
        made.add_row(
            record.id[:8],
            format_time(record.duration),
            _bytes(record.size),
            file_name(record.path),
            Text(", ").join(waiting) if waiting else Text("all done", style="green"),
        )
    console().print(made)


def video_summary(record: "VideoRecord", stages: Mapping[StageName, "StageRecord"]) -> None:
    """One video: what it is and how its stages ended."""
    out = console()
    size = f"{record.width}x{record.height}" if record.width else "no picture"
    fps = f"{record.fps:.6g} fps" if record.fps else None
    parts = [
        format_time(record.duration),
        _bytes(record.size),
        size,
        fps,
        record.video_codec,
        record.audio_codec or "no sound",
    ]
    out.print(Text.assemble(file_name(record.path), f"  {record.id}"), style="bold")
    out.print(printable(str(record.path.parent)), style="dim")
    out.print(", ".join(part for part in parts if part))
    for note in record.notes:
        out.print(f"note: {printable(note)}", style="yellow")
    made = table("stage", "state", "engine", "model", "speed", "details", right=["speed"])
    for name, stage in stages.items():
        made.add_row(
            str(name),
            Text(str(stage.state), style=STATE_STYLES[stage.state]),
            stage.engine,
            printable(stage.model),
            speed(record.duration, busy(stage)),
            printable(stage.reason or _stats(stage)),
        )
    out.print(made)


def _stats(stage: "StageRecord") -> str:
    return ", ".join(
        f"{value:.6g} {name}" if isinstance(value, float) else f"{value} {name}"
        for name, value in stage.stats.items()
        if isinstance(value, int | float) and name != "busy_s"
    )


def lines(items: Iterable[tuple[Span, str]]) -> None:
    """Times and texts: a transcript, cues, clips or shots."""
    out = console()
    for span, text in items:
        out.print(Text.assemble((f"{span!s:<19}", "cyan"), printable(text)), soft_wrap=True)


def hits(found: Iterable["Hit"]) -> None:
    """Moments, best first."""
    for hit in found:
        _moment(hit)


def answer(given: "Answer") -> None:
    """An answer with its moments and how to watch them."""
    out = console()
    for line in given.text.splitlines():
        out.print(printable(line), style="" if given.abstained else "bold", soft_wrap=True)
    if given.option is not None:
        out.print(f"option: {printable(given.option)}", soft_wrap=True)
    if not given.abstained:
        out.print(f"confidence {given.confidence:.2f}", style="dim")
    for piece in given.evidence:
        _moment(piece)
    if given.leads:
        out.print("worth a look:")
        for piece in given.leads:
            _moment(piece)


def forecast(made: "Forecast") -> None:
    """What a question may cost."""
    rows = table("call", "what", "tokens", right=["tokens"])
    if made.planning is not None:
        rows.add_row("plan", "the model takes the question apart", f"{made.planning:,}")
    if made.asking:
        rows.add_row("select", "the model says yes or no about frames", f"{made.asking:,}")
    for view, price in made.views:
        frames = "1 frame" if len(view["times"]) == 1 else f"{len(view['times'])} frames"
        what = f"{view['kind']} {Span(view['start'], view['end'])}, {frames}"
        call = "answer" if view["kind"] == "glance" else "look"
        rows.add_row(call, f"{what} of {view['width']}x{view['height']}", f"{price:,}")
    if any(view["kind"] == "glance" for view, _ in made.views):
        rows.add_row("answer", "its words and the reply", f"{made.answer:,}")
        rows.add_row("", "not used", f"{made.left:,}")
    else:
        rows.add_row("", "zooms and further rounds, at most", f"{made.left:,}")
        rows.add_row("answer", "set aside first", f"{made.answer:,}")
    rows.add_row("", Text("at most", style="bold"), Text(f"{made.limit:,}", style="bold"))
    out = console()
    out.print(rows)
    out.print(f"by {printable(made.backend)}; nothing was spent", style="dim")


def _moment(moment: "Hit | Evidence") -> None:
    path = Path(moment.video_path)
    out = console()
    claim = getattr(moment, "claim", None)
    seen = "" if moment.quote is None else f'  "{printable(moment.quote)}"'
    if claim is not None:
        seen = f"  {printable(claim)}"
    line = Text.assemble(
        file_name(path),
        " ",
        (str(Span(moment.start, moment.end)), "cyan"),
        f"  {moment.lane}",
        seen,
    )
    out.print(line, soft_wrap=True)
    out.print(Text(f"    {view_command(path, moment.start)}", style="dim"), soft_wrap=True)


def findings(found: Sequence["Finding"], left: Sequence["Finding"], *, repaired: bool) -> None:
    """What a check found, and what of it a repair could not mend."""
    out = console()
    for finding in found:
        state, style = ("repaired", "green") if repaired and finding not in left else _fate(finding)
        out.print(
            Text.assemble(f"{finding.kind}: {printable(finding.what)}  ", (state, style)),
            soft_wrap=True,
        )
    if not found:
        out.print("all is well", style="green")


def _fate(finding: "Finding") -> tuple[str, str]:
    if finding.kind == "gone":
        return "longtake prune takes it out", "yellow"
    if finding.repairable:
        return "can be repaired: longtake check --repair", "yellow"
    return "cannot be repaired", "red"


def removed(records: Sequence["VideoRecord"], dropped: "Pruned | None" = None) -> None:
    """Videos and calls that were taken out."""
    out = console()
    for record in records:
        out.print(Text.assemble("removed ", file_name(record.path), f"  {record.id[:8]}"))
    if dropped is not None and dropped.calls:
        out.print(
            f"dropped {counted(dropped.calls, 'call')} of {counted(dropped.runs, 'ended run')}, "
            f"{_bytes(dropped.size)}"
        )
    elif not records:
        out.print("nothing to remove")


def lanes(statuses: Iterable["LaneStatus"]) -> None:
    """Engine, weights and device of every lane."""
    made = table("lane", "engine", "model", "weights", "device", "problem")
    problems = []
    for status in statuses:
        weights = status.source or ("missing" if status.problem else "none needed")
        made.add_row(
            str(status.lane),
            f"{status.engine} {status.version}",
            printable(status.model),
            f"{weights}, verified" if status.verified else weights,
            status.device,
            Text(printable(status.problem or ""), style="yellow"),
        )
        if status.fix:
            problems.append(f"{status.lane}: {status.fix}")
    out = console()
    out.print(made)
    for line in problems:
        out.print(printable(line), soft_wrap=True)


def weights(rows: Iterable[Mapping[str, Any]]) -> None:
    """Models and where their weights are."""
    made = table("kind", "name", "used by", "source", "size", "path", right=["size"])
    for row in rows:
        source = row["source"] or "missing"
        made.add_row(
            row["kind"],
            printable(row["name"]),
            row["lane"] or "",
            Text(
                f"{source}, verified" if row["verified"] else source,
                style="green" if row["source"] else "yellow",
            ),
            "" if row["size_bytes"] is None else _bytes(row["size_bytes"]),
            printable(row["path"] or row["problem"] or ""),
        )
    console().print(made)


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
