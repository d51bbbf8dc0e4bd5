"""One library for all videos of a benchmark: made once, reused by every run; what it cost is kept
apart."""

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from longtake.config import Settings
from longtake.errors import LibraryLocked, LongtakeError
from longtake.eval.benchmarks.subtitles import write_srt
from longtake.eval.identity import Subtitles, digest
from longtake.eval.samples import Sample
from longtake.eval.watched import WatchedLibrary
from longtake.index.captions import Caption
from longtake.index.commits import KINDS, OWNED
from longtake.index.lanes import StageName
from longtake.index.records import StageRecord
from longtake.index.reports import ProgressEvent
from longtake.index.stages import stage_specs, with_sources

T = TypeVar("T")

WAIT_S = 2.0
"""Between two looks whether another process has finished indexing."""

ALL_STAGES = frozenset(StageName)


class IndexCost(BaseModel):
    """What indexing one video took, once for all of its questions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    video: str
    """Id in the benchmark."""
    video_id: str
    """Id in the library."""
    duration_s: float
    size: int
    """Bytes of vectors and thumbnails."""
    seconds: dict[str, float]
    """That each stage worked; stages run side by side, so that less was waited than their sum."""
    engines: dict[str, str]
    stats: dict[str, dict[str, Any]]
    """By stage, as indexing recorded them: frames, tokens, dropped, ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """The videos of some samples, ready to be asked about."""

    library: WatchedLibrary
    ids: dict[str, str]
    """Video of the benchmark -> id in the library."""
    faults: dict[str, str]
    """Video of the benchmark -> why it cannot be asked about."""

    def asked_of(self, sample: Sample) -> tuple[str, ...]:
        """Ids in the library of the videos in which a sample's answer may lie: its own, or those of
        the library that it is asked of, as far as they are here."""
        names = (sample.video,) if sample.video else sample.extra.get("library_videos", self.ids)
        return tuple(dict.fromkeys(self.ids[name] for name in names if name in self.ids))

    def video_of(self, video_id: str) -> str:
        """The benchmark's name of a video of the library."""
        return next((name for name, known in self.ids.items() if known == video_id), video_id)


def index_settings(settings: Settings, subtitles: Subtitles) -> Settings:
    """The settings under which videos are indexed for a subtitle mode."""
    wanted = "ignore" if subtitles == "asr" else "prefer"
    speech = settings.speech.model_copy(update={"subtitles": wanted})
    return settings.model_copy(update={"speech": speech})


def index_hash(settings: Settings, subtitles: Subtitles) -> str:
    """Hash of everything that indexing depends on beside the videos."""
    specs = stage_specs(index_settings(settings, subtitles))
    left_out = {StageName.SPEECH} if subtitles == "off" else set()
    parts = {
        str(name): [spec.engine, spec.model, spec.version, spec.parameters]
        for name, spec in specs.items()
        if name not in left_out
    }
    return digest([subtitles, parts])[:16]


def index_videos(
    folder: Path,
    samples: Sequence[Sample],
    settings: Settings,
    subtitles: Subtitles,
    *,
    captions: Callable[[Sample], Sequence[Caption]],
    stages: frozenset[StageName] = ALL_STAGES,
    progress: Callable[[ProgressEvent], None] | None = None,
) -> Indexed:
    """A library in `folder` that holds the videos of these samples; what is up to date stays.

    Videos stand in it under links of one folder, with their subtitles beside them, whatever the
    benchmark calls either. Without subtitles (`off`) nothing is recognised; in mode `given` only
    videos that come with subtitles have speech.

    Args:
        captions: the subtitles that come with a sample's video.
        stages: what the systems that are to be asked work from; the rest is left as it is.

    Raises:
        LibraryError: the library cannot be written.
        MediaError: subtitles cannot be read.
    """
    chosen = index_settings(settings, subtitles)
    media = folder / "media"
    media.mkdir(parents=True, exist_ok=True)
    links: dict[str, Path] = {}
    spoken: set[str] = set()
    faults: dict[str, str] = {}
    for sample in samples:
        if not sample.video or sample.video in links or sample.video in faults:
            continue
        if sample.video_path is None or not sample.video_path.is_file():
            faults[sample.video] = "the video file is missing"
            continue
        given = captions(sample) if subtitles == "given" else ()
        links[sample.video] = _linked(media, sample.video, sample.video_path, given)
        if subtitles == "asr" or given:
            spoken.add(sample.video)
    library = _waited(lambda: WatchedLibrary.open(folder / "library", chosen, create=True))
    ids: dict[str, str] = {}
    for names, only in (
        ([name for name in links if name in spoken], stages),
        ([name for name in links if name not in spoken], stages - {StageName.SPEECH}),
    ):
        if not names:
            continue
        paths = [links[name] for name in names]
        report = _waited(partial(library.index, paths, only=only, progress=progress))
        found = {video.path: video for video in report.videos}
        for name in names:
            video = found[links[name].absolute()]
            if video.video_id is None:
                faults[name] = video.error or "it cannot be indexed"
            else:
                ids[name] = video.video_id
    return Indexed(library=library, ids=ids, faults=faults)


def _waited(action: Callable[[], T]) -> T:
    """Do it after whoever else is writing the same library."""
    while True:
        try:
            return action()
        except LibraryLocked:
            sleep(WAIT_S)


def _linked(media: Path, video: str, path: Path, given: Sequence[Caption]) -> Path:
    """A link to the video under a name of its own, its subtitles beside it."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", video)[:60]
    name = f"{plain}_{hashlib.sha256(video.encode()).hexdigest()[:8]}"
    link = media / f"{name}{path.suffix.lower()}"
    _point(link, path)
    words = media / f"{name}.srt"
    for old in media.glob(f"{name}.*"):
        if old not in (link, words):
            old.unlink()
    if not given:
        words.unlink(missing_ok=True)
        return link
    new = media / f"{name}.srt.new"
    write_srt(given, new)
    if words.is_file() and words.read_bytes() == new.read_bytes():
        new.unlink()  # an untouched file is not indexed again
    else:
        new.replace(words)
    return link


def _point(link: Path, target: Path) -> None:
    """Make `link` lead to `target`."""
    wanted = target.absolute()
    try:
        if link.is_symlink() and link.readlink() == wanted:
            return
        link.unlink(missing_ok=True)
        link.symlink_to(wanted)
    except OSError as exc:
        raise LongtakeError(f"cannot link {str(link)!r} to the video: {exc.strerror}") from exc


def index_costs(indexed: Indexed, stages: frozenset[StageName] = ALL_STAGES) -> list[IndexCost]:
    """What indexing each video took, from the stages that the library recorded.

    Args:
        stages: what a system works from; it is charged for these and what they are made from.
    """
    library = indexed.library
    records = library.store.stages()
    needed = with_sources(stages)
    costs = []
    for name, video_id in indexed.ids.items():
        done = [r for (video, _), r in records.items() if video == video_id and r.name in needed]
        costs.append(
            IndexCost(
                video=name,
                video_id=video_id,
                duration_s=library.video(video_id).duration,
                size=_size(library.root, video_id, needed),
                seconds={str(stage.name): _busy(stage) for stage in done},
                engines={str(s.name): f"{s.engine} ({s.state})" for s in done},
                stats={str(s.name): dict(s.stats) for s in done},
            )
        )
    return costs


def read_costs(folders: Sequence[Path]) -> dict[str, IndexCost]:
    """Index costs that runs left beside their logs, by video."""
    costs: dict[str, IndexCost] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.index.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                cost = IndexCost.model_validate_json(line)
                costs[cost.video] = cost
    return costs


def _busy(stage: StageRecord) -> float:
    return round(float(stage.stats.get("busy_s", stage.finished_at - stage.started_at)), 3)


def _size(root: Path, video_id: str, stages: Collection[StageName]) -> int:
    """Bytes of the files that belong to one video alone and were written by these stages."""
    kinds = {KINDS[field] for stage in stages for field in OWNED[stage] if field in KINDS}
    files = [f for kind in kinds for f in (root / "vectors").rglob(f"{video_id}.{kind}.*")]
    if StageName.THUMBNAILS in stages:
        files += [path for path in (root / "thumbs" / video_id).rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)
