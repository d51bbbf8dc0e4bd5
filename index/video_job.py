"""The stages of one video: planned, fed by one decode pass, committed one by one."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from longtake.config import Settings
from longtake.errors import LibraryError, LongtakeError, MediaError
from longtake.index.decode import DecodePlan
from longtake.index.derived import clip_vectors, sentence_vectors
from longtake.index.journal import Journal
from longtake.index.lane_consumers import (
    Engines,
    ShotConsumer,
    SpeechConsumer,
    TextConsumer,
    ThumbnailConsumer,
    VisualConsumer,
    stage_weights,
)
from longtake.index.lanes import Segment, StageName, StageResult, StageState
from longtake.index.media import MediaInfo
from longtake.index.pipeline import WANTS, Consumer, LaneOutcome, PassResult, run_pass
from longtake.index.records import (
    StageRecord,
    VideoRecord,
)
from longtake.index.reports import ProgressEvent
from longtake.index.shots import split_clips
from longtake.index.stages import DEPENDS_ON, StageSpec
from longtake.index.store import Store
from longtake.index.subtitles import SubtitleSource, choose, find_subtitles, read_subtitles
from longtake.timing import Span

_JOURNALED = frozenset({StageName.VISUAL, StageName.TEXT, StageName.SPEECH})
"""Stages whose engines are slow enough to write their answers down."""


@dataclass(slots=True, kw_only=True)
class VideoJob:
    """Brings one video's stages up to date."""

    store: Store
    settings: Settings
    engines: Engines
    specs: Mapping[StageName, StageSpec]
    record: VideoRecord
    info: MediaInfo
    sidecars: str
    """Fingerprint of the subtitle files beside the video."""
    progress: Callable[[ProgressEvent], None]
    event: ProgressEvent
    """Template of the events this job sends."""
    _done: list[StageRecord] = field(default_factory=list)
    _journals: dict[StageName, Journal] = field(default_factory=dict)

    def run(self, stale: Collection[StageName]) -> tuple[VideoRecord, tuple[StageRecord, ...]]:
        """Do these stages; returns the video's record and what was recorded of the stages.

        Raises:
            MediaError: the file cannot be decoded or changed meanwhile; nothing was committed.
            LibraryError: the library cannot be written.
        """
        self.progress(self.event)
        subtitles = self._subtitles() if StageName.SPEECH in stale else None
        ready = self._without_decoding(stale, subtitles)
        decoding = [name for name in stale if name in WANTS and name not in ready]
        outcomes = dict(ready)
        try:
            if decoding:
                result = self._decode(decoding)
                outcomes.update(result.outcomes)
                self._measured(result, complete=self._complete(decoding))
            self._still_the_same()
            self._commit_all(stale, outcomes)
        finally:
            for journal in self._journals.values():
                journal.close()
        return self.record, tuple(self._done)

    def _commit_all(
        self, stale: Collection[StageName], outcomes: Mapping[StageName, LaneOutcome]
    ) -> None:
        self.store.put_video(self.record)
        self.store.put_path(
            self.record.path, self.record.id, self.record.size, self.record.mtime_ns
        )
        for name in DEPENDS_ON:
            if name in stale:
                self._commit(name, outcomes.get(name))

    def _subtitles(self) -> SubtitleSource | None:
        if self.settings.speech.subtitles == "ignore":
            return None
        sources = find_subtitles(self.record.path, self.info)
        return choose(sources, self.settings.speech.language)

    def _without_decoding(
        self, stale: Collection[StageName], subtitles: SubtitleSource | None
    ) -> dict[StageName, LaneOutcome]:
        """Stages whose outcome is known before anything is decoded."""
        ready: dict[StageName, LaneOutcome] = {}
        for name in stale:
            if name not in WANTS:
                continue
            now = time.time()
            outcome = LaneOutcome(started_at=now, finished_at=now)
            if name is StageName.SPEECH and subtitles is not None:
                self._read_subtitles(outcome, subtitles)
            elif name is StageName.SPEECH and not self.info.audio_streams:
                outcome.problem = StageResult(state=StageState.EMPTY, reason="no audio stream")
            elif name is not StageName.SPEECH and self.info.width is None:
                outcome.problem = StageResult(state=StageState.EMPTY, reason="no video stream")
            elif reason := self.engines.missing(name):
                outcome.problem = StageResult(state=StageState.SKIPPED, reason=reason)
            else:
                continue
            ready[name] = outcome
        return ready

    def _read_subtitles(self, outcome: LaneOutcome, source: SubtitleSource) -> None:
        try:
            segments = read_subtitles(source)
        except MediaError as exc:
            outcome.problem = StageResult(state=StageState.FAILED, reason=str(exc))
            return
        state = StageState.DONE if segments else StageState.EMPTY
        reason = None if segments else "the subtitles have no text"
        stats: dict[str, float | int | str] = {"subtitles": source.title}
        outcome.output = (segments, StageResult(state=state, reason=reason, stats=stats))
        outcome.finished_at = time.time()

    def _decode(self, stages: Collection[StageName]) -> PassResult:
        wants = {WANTS[name] for name in stages}
        journals = self._journals
        for name in _JOURNALED.intersection(stages):
            parameters = self.specs[name].parameters
            journals[name] = Journal(self.store.root / "work", self.record.id, name, parameters)
        consumers: dict[StageName, Callable[[], Consumer]] = {
            StageName.SHOTS: lambda: ShotConsumer(self.settings),
            StageName.THUMBNAILS: lambda: ThumbnailConsumer(
                self.store.root / "thumbs" / self.record.id
            ),
            StageName.VISUAL: lambda: VisualConsumer(self.engines, journals[StageName.VISUAL]),
            StageName.TEXT: lambda: TextConsumer(self.engines, journals[StageName.TEXT]),
            StageName.SPEECH: lambda: SpeechConsumer(self.engines, journals[StageName.SPEECH]),
        }
        plan = DecodePlan(
            fps=self.settings.fps,
            small=WANTS[StageName.SHOTS] in wants,
            frames=WANTS[StageName.VISUAL] in wants,
            audio=self.settings.speech.audio if WANTS[StageName.SPEECH] in wants else None,
            mode=self.settings.decode,
        )
        return run_pass(
            self.record.path,
            plan,
            {name: consumers[name] for name in DEPENDS_ON if name in stages},
            frame_bytes=2 * (self.info.width or 0) * (self.info.height or 0),
            progress=lambda done_s: self.progress(
                replace(self.event, kind="progress", done_s=done_s)
            ),
        )

    def _complete(self, stages: Collection[StageName]) -> bool:
        """Whether a pass for these stages read every stream there is."""
        pictures = any(name is not StageName.SPEECH for name in stages)
        audio = StageName.SPEECH in stages
        return (pictures or self.info.width is None) and (audio or not self.info.audio_streams)

    def _measured(self, result: PassResult, *, complete: bool) -> None:
        """Take over the measured duration; a pass over some of the streams can only extend it."""
        duration = result.duration
        if not complete:
            duration = max(duration, self.record.duration)
        notes = tuple(dict.fromkeys([*self.record.notes, *result.notes]))
        self.record = replace(self.record, duration=duration, notes=notes)

    def _still_the_same(self) -> None:
        path = self.record.path
        try:
            status = os.stat(path)
        except OSError as exc:
            raise MediaError(f"{str(path)!r} vanished while it was indexed") from exc
        if (status.st_size, status.st_mtime_ns) != (self.record.size, self.record.mtime_ns):
            raise MediaError(
                f"{str(path)!r} changed while it was indexed; index it again when it is complete"
            )

    def _commit(self, name: StageName, outcome: LaneOutcome | None) -> None:
        started_at = time.time()
        if name in (StageName.CLIPS, StageName.SENTENCES, StageName.THUMBNAILS) or not outcome:
            outcome = self._derive(name, outcome, started_at)
        else:
            started_at = outcome.started_at
        result, rows = self._rows(name, outcome)
        spec = self.specs[name]
        stats = {**result.stats, "busy_s": round(outcome.busy_s, 3)}
        if name is StageName.SPEECH:
            stats["sidecars"] = self.sidecars
        if weights := stage_weights(self.settings).get(name):
            stats["weights"] = weights[1]
        stage = StageRecord(
            video_id=self.record.id,
            name=name,
            state=result.state,
            reason=result.reason,
            engine=spec.engine,
            model=self._model(name, result),
            version=spec.version,
            parameters=spec.parameters,
            started_at=started_at,
            finished_at=time.time(),
            stats=stats,
        )
        self.store.commit(stage, **rows)
        self._done.append(stage)
        if journal := self._journals.get(name):
            journal.discard()
        self.progress(
            replace(self.event, kind="stage", stage=name, state=stage.state, message=stage.reason)
        )

    def _model(self, name: StageName, result: StageResult) -> str:
        """Identity of the model the stage's rows were made with; it names vectors in the store."""
        if result.state is StageState.DONE:
            if name is StageName.CLIPS and (visual := self._recorded(StageName.VISUAL)):
                return visual.model
            if (engine := self.engines.made(name)) is not None:
                return str(engine.identity)
        return self.specs[name].model

    def _recorded(self, name: StageName) -> StageRecord | None:
        return self.store.stages(self.record.id).get((self.record.id, name))

    def _rows(self, name: StageName, outcome: LaneOutcome) -> tuple[StageResult, dict[str, Any]]:
        """The stage's result and the keyword arguments that commit its rows."""
        if outcome.problem is not None:
            return outcome.problem, {}
        if name is StageName.SHOTS:
            shots: list[Span] = outcome.output
            clips = split_clips(shots, self.settings.shots.max_clip_s)
            stats: dict[str, float | int | str] = {"shots": len(shots), "clips": len(clips)}
            return StageResult(state=StageState.DONE, stats=stats), {"shots": shots, "clips": clips}
        data, result = outcome.output
        keywords = {
            StageName.VISUAL: "frames",
            StageName.CLIPS: "clip_vectors",
            StageName.SPEECH: "segments",
            StageName.TEXT: "cues",
            StageName.SENTENCES: "sentence_vectors",
        }
        if name not in keywords or result.state is not StageState.DONE:
            return result, {}
        if name is StageName.SPEECH:
            data, result = self._inside(data, result)
        return result, {keywords[name]: data}

    def _inside(
        self, segments: list[Segment], result: StageResult
    ) -> tuple[list[Segment], StageResult]:
        """Segments clamped to the video; subtitles may run past its end."""
        duration = self.record.duration
        kept = [
            replace(segment, end=min(segment.end, duration))
            for segment in segments
            if segment.start < duration
        ]
        if dropped := len(segments) - len(kept):
            result = replace(result, stats={**result.stats, "past_the_end": dropped})
        return kept, result

    def _derive(
        self, name: StageName, outcome: LaneOutcome | None, started_at: float
    ) -> LaneOutcome:
        """Run a stage that is made from other stages' rows."""
        derived = LaneOutcome(started_at=started_at, finished_at=started_at)
        if outcome is not None:
            derived.busy_s = outcome.busy_s
            derived.problem = outcome.problem
        began = time.perf_counter()
        if derived.problem is None:
            try:
                derived.output = self._derived_output(name, outcome)
            except LibraryError:
                raise
            except LongtakeError as exc:
                derived.problem = StageResult(state=StageState.FAILED, reason=str(exc))
        derived.busy_s += time.perf_counter() - began
        return derived

    def _derived_output(self, name: StageName, outcome: LaneOutcome | None) -> Any:
        video_id = self.record.id
        if name is StageName.CLIPS:
            return clip_vectors(self.store, video_id)
        if name is StageName.SENTENCES:
            return sentence_vectors(self.store, video_id, self.engines)
        assert outcome is not None  # thumbnails: the writer that was fed by the decode pass
        clips = [clip.span for clip in self.store.clips(video_id)]
        return None, outcome.output.finish(clips)
