"""Videos into a library: what is new or stale is decoded once and committed stage by stage."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from longtake.config import Settings
from longtake.errors import MediaError, UsageError
from longtake.index.content import content_id
from longtake.index.discover import discover
from longtake.index.lane_consumers import Engines, stage_weights
from longtake.index.lanes import StageName, StageState
from longtake.index.media import MediaInfo, probe
from longtake.index.records import KnownPath, StageRecord, VideoRecord
from longtake.index.reports import Action, IndexReport, ProgressEvent, VideoReport
from longtake.index.stages import sidecar_fingerprint, stage_specs, stale_stages, wanted_stages
from longtake.index.store import Store
from longtake.index.subtitles import sidecar_files, subtitle_files
from longtake.index.video_job import VideoJob


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """What of the work to do."""

    only: frozenset[StageName] | None = None
    """Just these stages, and what is made from them."""
    force: bool = False
    """Redo stages that are up to date."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file turned out to be."""

    action: Action
    record: VideoRecord
    recorded: Mapping[StageName, StageRecord]
    info: MediaInfo | None = None
    replaces: str | None = None
    """Video that was under this path before and is now to go, if it lies nowhere else."""


class Indexer:
    """Indexes files into a store opened for writing."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        progress: Callable[[ProgressEvent], None] = lambda event: None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._engines = Engines(settings)
        self._progress = progress
        self._specs = stage_specs(settings)
        self._subtitle_files: dict[Path, list[Path]] = {}

    def run(self, paths: Sequence[Path], options: IndexOptions) -> IndexReport:
        """Index every file behind `paths`; a file that fails is reported and the rest goes on.

        Raises:
            LibraryError: the library cannot be written; the run cannot go on.
        """
        began = time.monotonic()
        found = list(discover(paths))
        known = self._store.known_paths()
        videos = {video.id: video for video in self._store.videos()}
        recorded: dict[str, dict[StageName, StageRecord]] = {}
        for (video_id, name), stage in self._store.stages().items():
            recorded.setdefault(video_id, {})[name] = stage
        reports = []
        for position, (path, error) in enumerate(found, start=1):
            event = ProgressEvent(kind="video", path=path, position=position, total=len(found))
            file_began = time.monotonic()
            try:
                if error:
                    raise error
                seen = self._identify(path, known, videos, recorded)
                record, report = self._bring_up_to_date(path, seen, options, event)
                videos[record.id] = record
                recorded[record.id] = {
                    **seen.recorded,
                    **{stage.name: stage for stage in report.stages},
                }
            except (MediaError, UsageError) as exc:
                report = VideoReport(path=path, action="failed", title=path.stem, error=str(exc))
            reports.append(replace(report, wall_s=time.monotonic() - file_began))
            self._progress(replace(event, kind="done", message=report.error))
        if any(report.stages for report in reports):
            self._store.refresh_indexes()
        return IndexReport(videos=tuple(reports), wall_s=time.monotonic() - began)

    def _identify(
        self,
        path: Path,
        known: Mapping[str, KnownPath],
        videos: Mapping[str, VideoRecord],
        recorded: Mapping[str, Mapping[StageName, StageRecord]],
    ) -> _Seen:
        status = _stat(path)
        before = known.get(str(path))
        if before and (before.size, before.mtime_ns) == (status.st_size, status.st_mtime_ns):
            record = videos[before.video_id]
            if path == record.path or record.path.exists():
                return _Seen("unchanged", record, recorded.get(record.id, {}))
            return self._rediscovered(path, status, record, recorded, None)
        if status.st_size == 0:
            raise MediaError(f"{path.name!r} is empty (0 bytes)")
        video_id = content_id(path)
        replaces = before.video_id if before and before.video_id != video_id else None
        if video_id in videos:
            return self._rediscovered(path, status, videos[video_id], recorded, replaces)
        info = probe(path)
        record = VideoRecord(
            id=video_id,
            path=path,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            title=path.stem,
            duration=info.duration or 0.0,
            fps=info.fps,
            width=info.width,
            height=info.height,
            video_codec=info.video_codec,
            audio_codec=info.audio_codec,
            added_at=time.time(),
            notes=tuple(info.notes),
        )
        return _Seen("indexed", record, {}, info, replaces)

    def _rediscovered(
        self,
        path: Path,
        status: os.stat_result,
        record: VideoRecord,
        recorded: Mapping[str, Mapping[StageName, StageRecord]],
        replaces: str | None,
    ) -> _Seen:
        """Known content under a path, or at a time, that is new."""
        action: Action = "unchanged"
        if path != record.path:
            action = "duplicate" if record.path.exists() else "moved"
        if action == "moved":
            self._store.forget_path(record.path)
        if action != "duplicate":
            record = replace(
                record,
                path=path,
                size=status.st_size,
                mtime_ns=status.st_mtime_ns,
                title=path.stem,
            )
            self._store.put_video(record)
        self._store.put_path(path, record.id, status.st_size, status.st_mtime_ns)
        self._drop_if_gone(replaces)
        return _Seen(action, record, recorded.get(record.id, {}))

    def _bring_up_to_date(
        self, path: Path, seen: _Seen, options: IndexOptions, event: ProgressEvent
    ) -> tuple[VideoRecord, VideoReport]:
        fingerprint = sidecar_fingerprint(self._sidecars(seen.record.path))
        wanted = wanted_stages(options.only, seen.recorded)
        stale = wanted
        if not options.force:
            stale = stale_stages(
                seen.recorded,
                self._specs,
                wanted=wanted,
                sidecars=fingerprint,
                retry=self._retryable(seen.recorded),
            )
        stages: tuple[StageRecord, ...] = ()
        record = seen.record
        if stale:
            job = VideoJob(
                store=self._store,
                settings=self._settings,
                engines=self._engines,
                specs=self._specs,
                record=record,
                info=seen.info or probe(record.path),
                sidecars=fingerprint,
                progress=self._progress,
                event=replace(event, duration_s=record.duration),
            )
            record, stages = job.run(stale)
        self._drop_if_gone(seen.replaces)
        return record, VideoReport(
            path=path,
            title=record.title,
            action="indexed" if stages and seen.action == "unchanged" else seen.action,
            video_id=record.id,
            duration_s=record.duration,
            stages=stages,
            notes=record.notes,
        )

    def _sidecars(self, path: Path) -> list[Path]:
        """Subtitle files beside a video; each folder is listed once a run."""
        if self._settings.speech.subtitles == "ignore":
            return []
        folder = path.parent
        if folder not in self._subtitle_files:
            self._subtitle_files[folder] = subtitle_files(folder)
        return sidecar_files(path, self._subtitle_files[folder])

    def _retryable(self, recorded: Mapping[StageName, StageRecord]) -> set[StageName]:
        """Skipped stages whose weights are there now; each is looked up once a run."""
        return {
            name
            for name in stage_weights(self._settings)
            if (record := recorded.get(name))
            and record.state is StageState.SKIPPED
            and self._engines.missing(name) is None
        }

    def _drop_if_gone(self, video_id: str | None) -> None:
        if video_id is not None and not self._store.paths(video_id):
            self._store.remove(video_id)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as exc:
        raise MediaError(f"cannot read {str(path)!r}: {exc.strerror}") from exc
