"""What a question costs beside its model calls, and where its tokens go:

    python -m bench.agent [--quick] [--rounds 3]

Two libraries (colours, whose truth is known; the example lecture), two models (the tiny VLM in this
process; a program that sees at once and costs no time), with and without checkpoints. The first
question of a process loads models and is told apart. Overhead is wall time during which no model
call was open; a node's share is what of it fell into that node, and parts (pricing, decoding,
journal, ...) lie inside nodes.
"""

import argparse
import asyncio
import functools
import inspect
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from longtake import Agent, Library, Settings
from longtake.agent import desk, reflect, select
from longtake.agent import graph as graph_module
from longtake.agent.answer import Answer
from longtake.index.store import Store
from longtake.tools.viewer import Viewer
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.local import LocalVlm
from longtake.tools.vlm.messages import Vlm
from tests.agent.seeing import Eyes
from tests.data.colours import write_colour_videos

ROOT = Path(__file__).resolve().parent.parent
TINY = ROOT / "tests" / "data" / "tiny_vlm"
LECTURE = ROOT / "examples" / "lecture.mp4"
COLOURS = ("When is the screen green?", "When is the screen yellow?", "Is the screen ever purple?")
SPOKEN = (
    "On what liquid did the heavy lens float?",
    "What colour is the screen?",
    "In which room is the next lecture?",
)
NODES = ("plan", "retrieve", "select", "look", "reflect", "answer", "verify")
MODEL, GRAPH = "model", "graph and stream"
BUDGET = 16_000

Interval = tuple[float, float]


@dataclass
class Watch:
    """Intervals of wall time by what was going on; threads and branches may overlap."""

    spans: dict[str, list[Interval]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def during(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.spans[name].append((began, time.perf_counter()))
                self.calls[name] += 1

    def wrap(self, name: str, made: Callable[..., Any]) -> Callable[..., Any]:
        """The function, watched. Its signature stays, which LangGraph reads."""
        if inspect.iscoroutinefunction(made):

            @functools.wraps(made)
            async def waited(*args: Any, **more: Any) -> Any:
                with self.during(name):
                    return await made(*args, **more)

            return waited

        @functools.wraps(made)
        def called(*args: Any, **more: Any) -> Any:
            with self.during(name):
                return made(*args, **more)

        return called

    def seconds(self, name: str, *, without: Sequence[Interval] = ()) -> float:
        """Wall seconds of a name in which none of the other intervals was open."""
        mine = merged(self.spans[name])
        return length(mine) - length(common(mine, without))


def merged(spans: Sequence[Interval]) -> list[Interval]:
    """The intervals' union, in order."""
    made: list[Interval] = []
    for start, end in sorted(spans):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return made


def common(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """Where two unions overlap."""
    found = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return [(start, end) for start, end in found if start < end]


def length(spans: Sequence[Interval]) -> float:
    """Their seconds."""
    return sum(end - start for start, end in spans)


@contextmanager
def watching(watch: Watch, vlm: type) -> Iterator[None]:
    """Watch nodes, the model and the parts that may cost time."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    from longtake.index.sentences import build_sentence_encoder

    encoder = type(build_sentence_encoder(Settings(offline=True)))
    targets: list[tuple[Any, str, str]] = [
        *((graph_module, node, node) for node in NODES),
        (vlm, "ask", MODEL),
        (vlm, "price", "pricing"),
        (encoder, "embed", "sentence vectors"),
        (Viewer, "frames", "decoding frames"),
        (select, "candidates", "candidates"),
        (desk, "quotes_in", "lines of a stretch"),
        (reflect, "draft_answer", "drafts"),
        (select, "draft_answer", "drafts"),
        (Store, "save_run", "record of the run"),
        *((Journal, name, "journal") for name in ("open", "begin", "finish", "replay")),
        *((Journal, name, "journal") for name in ("reply_in_run", "reply_anywhere", "enter")),
        *(
            (AsyncSqliteSaver, name, "checkpoint")
            for name in ("setup", "aput", "aput_writes", "aget_tuple", "adelete_thread")
        ),
    ]
    before = [(owner, name, inspect.getattr_static(owner, name)) for owner, name, _ in targets]
    for owner, name, label in targets:
        found = inspect.getattr_static(owner, name)
        if isinstance(found, classmethod):
            setattr(owner, name, classmethod(watch.wrap(label, found.__func__)))
        else:
            setattr(owner, name, watch.wrap(label, found))
    try:
        yield
    finally:
        for owner, name, found in before:
            setattr(owner, name, found)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One question."""

    wall: float
    first_event: float
    watch: Watch
    answer: Answer

    @property
    def model(self) -> list[Interval]:
        return merged(self.watch.spans[MODEL])

    @property
    def overhead(self) -> float:
        """Seconds in which no model call was open."""
        return self.wall - length(self.model)


def ask(library: Library, vlm: "str | Vlm", question: str, *, checkpoint: bool) -> Measured:
    """Ask once, watched, nothing remembered from before."""
    watch = Watch()
    kind = LocalVlm if isinstance(vlm, str) else type(vlm)

    async def go() -> tuple[float, Answer]:
        agent = Agent(library, vlm=vlm, budget=BUDGET, checkpoint=checkpoint)
        first = answer = None
        async for event in agent.stream(question):
            first = first or time.perf_counter() - began
            answer = event.answer or answer
        assert first is not None and answer is not None
        return first, answer

    for file in library.root.glob("calls.db*"):
        file.unlink()
    with watching(watch, kind):
        began = time.perf_counter()
        first, answer = asyncio.run(go())
        wall = time.perf_counter() - began
    return Measured(wall=wall, first_event=first, watch=watch, answer=answer)


def libraries(folder: Path, *, quick: bool) -> Iterator[tuple[str, Library, Sequence[str]]]:
    """(name, library, questions)."""
    with Library.open(folder / "colours", Settings(offline=True), create=True) as library:
        assert library.index(write_colour_videos(folder)).ok
        yield "colours", library, COLOURS
    if quick:
        return
    with Library.open(folder / "lecture", Settings(offline=True), create=True) as library:
        assert library.index([LECTURE]).ok
        yield "lecture", library, SPOKEN


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the colours only")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    runs: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory(prefix="longtake-bench-") as folder:
        for name, library, questions in libraries(Path(folder), quick=given.quick):
            for model in ("tiny", "instant"):
                first = [ask(library, vlm_of(model), q, checkpoint=True) for q in questions]
                say(f"{name}, {model}: first question {first[0].wall:.2f} s")
                for _ in range(given.rounds):
                    for question in questions:
                        for checkpoint in (True, False):  # in turn, so that neither warms the other
                            head = f"{name}, {model}, {'with' if checkpoint else 'no'} checkpoints"
                            made = ask(library, vlm_of(model), question, checkpoint=checkpoint)
                            runs.setdefault(head, []).append(made)
    console = Console(width=150)
    for head, measured in runs.items():
        console.print(table(head, measured))


def vlm_of(name: str) -> "str | Vlm":
    """What `Agent` takes: the folder, opened once; or a new program."""
    return str(TINY) if name == "tiny" else Eyes()


def table(head: str, runs: Sequence[Measured]) -> Table:
    """Means of a question: seconds outside model calls and tokens."""
    count = len(runs)
    wall = sum(run.wall for run in runs) / count
    overhead = sum(run.overhead for run in runs) / count
    first = sum(run.first_event for run in runs) / count
    made = Table("what", "ms outside model calls", "of wall", "times", "tokens", title=head)
    made.add_row("a question", _ms(wall), "", "", f"{_tokens(runs):,.0f}")
    made.add_row("outside model calls", _ms(overhead), f"{overhead / wall:.1%}", "", "")
    made.add_row("to the first event", _ms(first), "", "", "")
    made.add_section()
    inside = 0.0
    for node in NODES:
        spent = _mean(runs, node)
        inside += spent
        times = sum(run.watch.calls[node] for run in runs) / count
        made.add_row(node, _ms(spent), f"{spent / wall:.1%}", f"{times:.1f}", _of(runs, node))
    rest = overhead - inside
    made.add_row(GRAPH, _ms(rest), f"{rest / wall:.1%}", "", "")
    made.add_section()
    parts = {name for run in runs for name in run.watch.spans} - {*NODES, MODEL}
    for part in sorted(parts, key=lambda name: -_mean(runs, name)):
        spent = _mean(runs, part)
        times = sum(run.watch.calls[part] for run in runs) / count
        made.add_row(f"  {part}", _ms(spent), f"{spent / wall:.1%}", f"{times:.1f}", "")
    return made


def _mean(runs: Sequence[Measured], name: str) -> float:
    return sum(run.watch.seconds(name, without=run.model) for run in runs) / len(runs)


def _tokens(runs: Sequence[Measured]) -> float:
    return sum(run.answer.receipt.spent for run in runs if run.answer.receipt) / len(runs)


def _of(runs: Sequence[Measured], node: str) -> str:
    """Tokens of a node, a question."""
    spent = [
        run.answer.receipt.by_node[node].charged
        for run in runs
        if run.answer.receipt and node in run.answer.receipt.by_node
    ]
    return f"{sum(spent) / len(runs):,.0f}" if spent else ""


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f}"


def say(line: str) -> None:
    """For people."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
