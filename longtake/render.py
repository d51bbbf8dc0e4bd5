"""What results look like to people: tables and lines on stdout."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from longtake.console import console, file_name, printable, view_command
from longtake.index.lanes import StageName, StageState
from longtake.index.stages import DEPENDS_ON
from longtake.timing import Span, format_time

if TYPE_CHECKING:
    from longtake.agent.answer import Answer, Evidence
    from longtake.index.check import Finding
    from longtake.index.doctor import LaneStatus
    from longtake.index.records import StageRecord, VideoRecord
    from longtake.index.reports import IndexReport, VideoReport
    from longtake.tools.search import Hit

_STATE_STYLES = {
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


def index_report(report: "IndexReport") -> None:
    """What was indexed, how fast per stage, and what failed and why."""
    counts = dict.fromkeys(("indexed", "moved", "duplicate", "unchanged", "failed"), 0)
    made = table("video", "length", "result", "speed", "stages (x realtime)", right=["length"])
    for item in report.videos:
        counts[item.action] += 1
        if item.action != "unchanged" and item.action != "failed":
            made.add_row(
                file_name(item.path),
                _length(item.duration_s),
                item.action,
                _speed(item.duration_s, item.wall_s if item.stages else None),
                _stage_speeds(item),
            )
    out = console()
    if made.row_count:
        out.print(made)
    for item in report.videos:
        for reason in _problems(item):
            out.print(Text.assemble(file_name(item.path), ": ", (printable(reason), "red")))
    for reason, names in _skipped(report).items():
        out.print(Text(f"skipped {', '.join(names)}: {printable(reason)}", style="yellow"))
    summary = ", ".join(f"{count} {action}" for action, count in counts.items() if count)
    out.print(f"{summary or 'no videos found'} in {report.wall_s:.1f} s")


def _problems(item: "VideoReport") -> list[str]:
    problems = [f"failed: {item.error}"] if item.error else []
    problems += [
        f"{stage.name} failed: {stage.reason}"
        for stage in item.stages
        if stage.state is StageState.FAILED
    ]
    return problems


def _skipped(report: "IndexReport") -> dict[str, list[str]]:
    """Reason -> names of the stages that were skipped for it, those made from them left out."""
    skipped: dict[str, list[str]] = {}
    for item in report.videos:
        own = {stage.name for stage in item.stages if stage.state is StageState.SKIPPED}
        for stage in item.stages:
            if stage.name in own and own.isdisjoint(DEPENDS_ON[stage.name]):
                names = skipped.setdefault(stage.reason or "no reason recorded", [])
                if str(stage.name) not in names:
                    names.append(str(stage.name))
    return skipped


def _stage_speeds(item: "VideoReport") -> Text:
    parts = []
    for stage in item.stages:
        speed = _speed(item.duration_s, _busy(stage))
        said = speed if stage.state is StageState.DONE and speed else str(stage.state)
        parts.append(Text(f"{stage.name} {said}", style=_STATE_STYLES[stage.state]))
    return Text("  ").join(parts)


def _busy(stage: "StageRecord") -> float | None:
    busy: float | None = stage.stats.get("busy_s")
    return busy


def _speed(duration_s: float | None, spent_s: float | None) -> str:
    return f"{duration_s / spent_s:.1f}x" if duration_s and spent_s else ""


def _length(seconds: float | None) -> str:
    return "" if seconds is None else format_time(seconds)


def videos(
    records: Iterable["VideoRecord"],
    stages: Mapping[str, Mapping[StageName, "StageRecord"]],
) -> None:
    """The library's videos, one a line, with the stages that are not done."""
    made = table("id", "length", "size", "video", "stages", right=["length", "size"])
    for record in records:
        own = stages[record.id]
        waiting = [
            Text(f"{name} {own[name].state}", style=_STATE_STYLES[own[name].state])
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
            Text(str(stage.state), style=_STATE_STYLES[stage.state]),
            stage.engine,
            printable(stage.model),
            _speed(record.duration, _busy(stage)),
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
        out.print(printable(line), style="bold", soft_wrap=True)
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


def _moment(moment: "Hit | Evidence") -> None:
    path = Path(moment.video_path)
    out = console()
    seen = "" if moment.quote is None else f'  "{printable(moment.quote)}"'
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
    if finding.repairable:
        return "can be repaired: longtake check --repair", "yellow"
    return "cannot be repaired", "red"


def removed(records: Sequence["VideoRecord"]) -> None:
    """Videos that were taken out."""
    out = console()
    for record in records:
        out.print(Text.assemble("removed ", file_name(record.path), f"  {record.id[:8]}"))
    if not records:
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
