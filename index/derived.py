"""Stages made from rows that are in the library already; nothing is decoded for them."""

import numpy as np

from longtake.index.lane_consumers import Engines
from longtake.index.lanes import Cue, Segment, StageName, StageResult, StageState
from longtake.index.records import LANE_CODES, ClipVectors, SentenceVectors
from longtake.index.store import Store
from longtake.index.visual import pool_clips


def clip_vectors(store: Store, video_id: str) -> tuple[ClipVectors | None, StageResult]:
    """Clip embeddings pooled over the frame embeddings of a video."""
    frames = store.frame_vectors(video_id)
    clips = [clip.span for clip in store.clips(video_id)]
    if frames is None or not clips:
        return None, _upstream_problem(store, video_id, StageName.VISUAL, StageName.SHOTS)
    vectors = ClipVectors(
        vectors=pool_clips(frames, clips),
        starts=np.array([clip.start for clip in clips]),
        ends=np.array([clip.end for clip in clips]),
    )
    return vectors, StageResult(state=StageState.DONE, stats={"clips": len(clips)})


def sentence_vectors(
    store: Store, video_id: str, engines: Engines
) -> tuple[SentenceVectors | None, StageResult]:
    """Sentence embeddings of a video's speech segments and on-screen text cues.

    Raises:
        WeightsCorrupt: the encoder's weights are unusable.
        EngineError: the encoder failed.
    """
    speech = [row.segment for row in store.segments(video_id)]
    text = [row.cue for row in store.cues(video_id)]
    units: list[Segment | Cue] = [*speech, *text]
    if not units:
        reason = "no speech and no on-screen text to embed"
        return None, StageResult(state=StageState.EMPTY, reason=reason)
    if missing := engines.missing(StageName.SENTENCES):
        return None, StageResult(state=StageState.SKIPPED, reason=missing)
    encoder = engines.get(StageName.SENTENCES)
    codes = [LANE_CODES["speech"]] * len(speech) + [LANE_CODES["text"]] * len(text)
    vectors = SentenceVectors(
        vectors=encoder.embed([unit.text for unit in units]).astype(np.float16),
        lanes=np.array(codes, np.uint8),
        positions=np.array([*range(len(speech)), *range(len(text))], np.int32),
        starts=np.array([unit.start for unit in units]),
        ends=np.array([unit.end for unit in units]),
    )
    return vectors, StageResult(state=StageState.DONE, stats={"sentences": len(units)})


def _upstream_problem(store: Store, video_id: str, *upstream: StageName) -> StageResult:
    recorded = store.stages(video_id)
    for name in upstream:
        record = recorded.get((video_id, name))
        if record is None:
            return StageResult(state=StageState.SKIPPED, reason=f"{name} is not indexed")
        if record.state is not StageState.DONE:
            return StageResult(state=record.state, reason=f"{name} is {record.state}")
    return StageResult(state=StageState.EMPTY, reason="there are no clips")
