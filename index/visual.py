"""The visual lane: an embedding for every sampled frame that changed, one for every clip."""

from typing import Protocol

import numpy as np

from longtake.index.gate import ChangeGate
from longtake.index.lanes import (
    F16,
    F32,
    U8,
    FrameVectors,
    ImageTextEncoder,
    StageResult,
    StageState,
)
from longtake.timing import Span

BATCH = 8
"""Frames a model call; more only add latency and memory on a CPU."""


class EmbeddableFrame(Protocol):
    """What the lane needs of a sampled frame."""

    @property
    def time(self) -> float: ...

    def thumb(self) -> U8:
        """u8 [32, 32] luma."""

    def rgb(self, width: int, height: int) -> U8:
        """u8 [height, width, 3]."""


class FrameEmbedder:
    """Embeds the frames of one video in batches; frames that did not change share a vector.

    Holds at most one batch of pictures, and two bytes a dimension for every embedded frame.
    """

    def __init__(self, encoder: ImageTextEncoder, gate: ChangeGate | None = None) -> None:
        self._encoder = encoder
        self._gate = gate or ChangeGate()
        self._times: list[float] = []
        self._rows: list[int] = []
        self._batch: list[U8] = []
        self._vectors: list[F16] = []
        self._kept = 0

    def push(self, frame: EmbeddableFrame) -> None:
        """Take the next frame; times ascend.

        Raises:
            EngineError: the model failed.
        """
        if self._gate.changed(frame.thumb()):
            self._batch.append(frame.rgb(*self._encoder.input_size))
            self._kept += 1
        self._times.append(frame.time)
        self._rows.append(self._kept - 1)
        if len(self._batch) == BATCH:
            self._embed()

    def finish(self) -> tuple[FrameVectors, StageResult]:
        """All frames and how the stage ended."""
        self._embed()
        empty = np.zeros((0, self._encoder.dimension), np.float16)
        vectors = FrameVectors(
            times=np.array(self._times, np.float64),
            rows=np.array(self._rows, np.int32),
            vectors=np.concatenate([empty, *self._vectors]),
        )
        if not self._times:
            return vectors, StageResult(state=StageState.EMPTY, reason="no frames were decoded")
        stats: dict[str, float | int | str] = {"frames": len(self._times), "embedded": self._kept}
        return vectors, StageResult(state=StageState.DONE, stats=stats)

    def _embed(self) -> None:
        if self._batch:
            vectors = self._encoder.images(np.stack(self._batch))
            self._vectors.append(vectors.astype(np.float16))
            self._batch = []


def pool_clips(vectors: FrameVectors, clips: list[Span]) -> F16:
    """One unit-length vector a clip: the mean of the distinct frames in it, [C, D].

    A clip without a sampled frame takes the frame nearest to it.

    Raises:
        ValueError: there are clips but no frames.
    """
    pooled = np.zeros((len(clips), vectors.vectors.shape[1]), np.float16)
    if clips and not len(vectors.times):
        raise ValueError("no frame vectors to pool into clips")
    for position, clip in enumerate(clips):
        first, after = np.searchsorted(vectors.times, [clip.start, clip.end])
        if first == after:
            first = _nearest(vectors, clip, int(first))
            after = first + 1
        rows = np.unique(vectors.rows[first:after])
        pooled[position] = _unit(vectors.vectors[rows].astype(np.float32).mean(axis=0))
    return pooled


def _nearest(vectors: FrameVectors, clip: Span, after: int) -> int:
    """Of the frames around an empty clip, `after` being the first past it, the closer one."""
    if after == 0:
        return 0
    if after == len(vectors.times):
        return after - 1
    gap_before = clip.start - vectors.times[after - 1]
    gap_after = vectors.times[after] - clip.end
    return after - 1 if gap_before <= gap_after else after


def _unit(vector: F32) -> F32:
    unit: F32 = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return unit
