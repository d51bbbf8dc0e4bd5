"""What an index run looks like when it is done."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from longtake.console import console, file_name, printable
from longtake.index.lanes import StageName, StageState
from longtake.index.stages import DEPENDS_ON
from longtake.render import STATE_STYLES, busy, speed, table
from longtake.timing import format_time

if TYPE_CHECKING:
    from longtake.index.records import StageRecord
    from longtake.index.reports import Action, IndexReport, VideoReport


def index_report(report: "IndexReport") -> None:
    """What was indexed, how fast per stage (x realtime), and what failed and why."""
    out = console()
    worked = [item for item in report.videos if item.action not in ("unchanged", "failed")]
    if worked:
        out.print(_worked(worked))
    for item in report.videos:
        for reason in _problems(item):
            out.print(
                Text.assemble(file_name(item.path), ": ", (printable(reason), "red")),
                soft_wrap=True,
            )
    for reason, names in _skipped(report).items():
        line = f"skipped {', '.join(names)}: {printable(reason)}"
        out.print(line, style="yellow", soft_wrap=True)
    counts = Counter(item.action for item in report.videos)
    actions: tuple[Action, ...] = ("indexed", "moved", "duplicate", "unchanged", "failed")
    summary = ", ".join(f"{counts[action]} {action}" for action in actions if counts[action])
    out.print(f"{summary or 'no videos found'} in {report.wall_s:.1f} s")


def _worked(reports: Sequence["VideoReport"]) -> Table:
    """One row a video, one column a stage that any of them ran: its speed, or how it ended."""
    ran = {stage.name for item in reports for stage in item.stages}
    names = [name for name in StageName if name in ran]
    numbers = ["length", "speed", *map(str, names)]
    made = table("video", "result", *numbers, right=numbers)
    for item in reports:
        own = {stage.name: stage for stage in item.stages}
        made.add_row(
            file_name(item.path),
            item.action,
            _length(item.duration_s),
            speed(item.duration_s, item.wall_s) if item.stages else "",
            *(_outcome(item, own[name]) if name in own else "" for name in names),
        )
    return made


def _outcome(item: "VideoReport", stage: "StageRecord") -> Text:
    times = speed(item.duration_s, busy(stage))
    said = times if stage.state is StageState.DONE and times else str(stage.state)
    return Text(said, style=STATE_STYLES[stage.state])


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


def _length(seconds: float | None) -> str:
    return "" if seconds is None else format_time(seconds)
