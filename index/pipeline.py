"""One video, one decode pass, every stage that wants it.

The decoder runs in the calling thread and feeds one worker thread a lane through bounded queues,
so memory does not grow with the length of the video and the slowest lane sets the pace. A lane
that fails or lacks its weights ends on its own; the others go on.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from longtake.errors import LongtakeError, WeightsMissing
from longtake.index.decode import AudioBlock, DecodePass, DecodePlan, SampledFrame, SmallFrames
from longtake.index.lanes import SAMPLE_RATE, StageName, StageResult, StageState

_log = logging.getLogger(__name__)

_QUEUE_BYTES = 64 * 2**20
"""Decoded pictures that may wait for one lane."""


class Consumer(Protocol):
    """A lane's end of the decode pass."""

    def push(self, item: Any) -> None:
        """Take the next item: SmallFrames, SampledFrame or AudioBlock, by lane."""

    def finish(self, duration: float) -> Any:
        """What the lane made of it, once `duration` (seconds, measured) is known."""


@dataclass(slots=True, kw_only=True)
class LaneOutcome:
    """What a lane delivered, or why it did not."""

    started_at: float
    finished_at: float
    output: Any = None
    """What the consumer's `finish` returned; None when `problem` is set."""
    problem: StageResult | None = None
    busy_s: float = 0.0
    """Wall seconds spent working, waiting for input left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """Everything one decode pass gave."""

    duration: float
    """Measured, seconds."""
    notes: tuple[str, ...]
    outcomes: Mapping[StageName, LaneOutcome]
    opens: int
    """How often the file was opened for decoding."""


_STOP = object()


@dataclass(slots=True)
class _Worker:
    """A thread that feeds one consumer; built inside the thread, so weights load in parallel."""

    name: StageName
    build: Callable[[], Consumer]
    capacity: int
    stop: threading.Event
    position_s: float = 0.0
    outcome: LaneOutcome = field(init=False)
    thread: threading.Thread = field(init=False)
    items: "queue.Queue[Any]" = field(init=False)
    dead: bool = False

    def __post_init__(self) -> None:
        self.outcome = LaneOutcome(started_at=time.time(), finished_at=0.0)
        self.items = queue.Queue(self.capacity)
        self.thread = threading.Thread(target=self._run, name=f"longtake-{self.name}", daemon=True)
        self.thread.start()

    def put(self, item: Any) -> None:
        while not self.dead and not self.stop.is_set():
            try:
                self.items.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def _run(self) -> None:
        try:
            with self._busy():
                consumer = self.build()
            while (item := self._next()) is not _STOP:
                with self._busy():
                    if isinstance(item, _End):
                        self.outcome.output = consumer.finish(item.duration)
                        return
                    consumer.push(item)
                self.position_s = _end_of(item)
        except WeightsMissing as exc:
            self.outcome.problem = StageResult(state=StageState.SKIPPED, reason=str(exc))
        except LongtakeError as exc:
            self.outcome.problem = StageResult(state=StageState.FAILED, reason=str(exc))
        except Exception as exc:  # noqa: BLE001 - the edge of a lane: others go on without it
            _log.debug("%s lane failed", self.name, exc_info=True)
            reason = f"{type(exc).__name__}: {exc}"
            self.outcome.problem = StageResult(state=StageState.FAILED, reason=reason)
        finally:
            self.dead = True
            self.outcome.finished_at = time.time()

    @contextmanager
    def _busy(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.outcome.busy_s += time.perf_counter() - began

    def _next(self) -> Any:
        while not self.stop.is_set():
            try:
                return self.items.get(timeout=0.1)
            except queue.Empty:
                continue
        return _STOP


@dataclass(frozen=True, slots=True)
class _End:
    duration: float


def _end_of(item: Any) -> float:
    if isinstance(item, AudioBlock):
        return item.start + len(item.samples) / SAMPLE_RATE
    if isinstance(item, SmallFrames):
        return float(item.times[-1])
    return float(item.time)


WANTS: dict[StageName, type] = {
    StageName.SHOTS: SmallFrames,
    StageName.THUMBNAILS: SampledFrame,
    StageName.VISUAL: SampledFrame,
    StageName.TEXT: SampledFrame,
    StageName.SPEECH: AudioBlock,
}
"""What each stage that needs decoding is fed with."""


def run_pass(
    path: Path,
    plan: DecodePlan,
    consumers: Mapping[StageName, Callable[[], Consumer]],
    *,
    frame_bytes: int,
    progress: Callable[[float], None],
) -> PassResult:
    """Decode `path` once and run every consumer to its end.

    Args:
        consumers: stage -> factory of its consumer, called in the stage's own thread.
        frame_bytes: size of one decoded picture, to bound the queues in bytes.
        progress: called now and then with the seconds of video that every lane has finished.

    Raises:
        MediaError: the file cannot be decoded at all.
    """
    stop = threading.Event()
    capacity = max(2, min(32, _QUEUE_BYTES // max(1, frame_bytes)))
    workers = [_Worker(name, build, capacity, stop) for name, build in consumers.items()]
    try:
        decoding = DecodePass(path, plan)
        _feed(decoding, workers, progress)
        for worker in workers:
            worker.put(_End(decoding.duration))
        _drain(workers, progress)
    finally:
        stop.set()
        for worker in workers:
            worker.thread.join()
    return PassResult(
        duration=decoding.duration,
        notes=tuple(decoding.notes),
        outcomes={worker.name: worker.outcome for worker in workers},
        opens=decoding.opens,
    )


def _feed(
    decoding: DecodePass, workers: Collection[_Worker], progress: Callable[[float], None]
) -> None:
    by_type: dict[type, list[_Worker]] = {}
    for worker in workers:
        by_type.setdefault(WANTS[worker.name], []).append(worker)
    told = time.monotonic()
    for item in decoding:
        for worker in by_type.get(type(item), ()):
            worker.put(item)
        if time.monotonic() - told > 0.2:
            told = time.monotonic()
            progress(_position(workers))


def _drain(workers: Collection[_Worker], progress: Callable[[float], None]) -> None:
    for worker in workers:
        while worker.thread.is_alive():
            worker.thread.join(timeout=0.2)
            progress(_position(workers))


def _position(workers: Collection[_Worker]) -> float:
    return min((worker.position_s for worker in workers if not worker.dead), default=0.0)
