"""A library of indexed videos: index into it, search it, read what was found."""

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from longtake.config import Settings
from longtake.errors import WeightsMissing
from longtake.index.lanes import ImageTextEncoder, SentenceEncoder, StageName, StageState
from longtake.index.records import (
    ClipRecord,
    CueRecord,
    SegmentRecord,
    ShotRecord,
    StageRecord,
    VideoRecord,
)
from longtake.index.store import Store
from longtake.timing import Span

if TYPE_CHECKING:
    from longtake.index.check import Finding
    from longtake.index.doctor import LaneStatus
    from longtake.index.frames import Frame, FrameReader, Size
    from longtake.index.lanes import Box
    from longtake.index.reports import IndexReport, ProgressEvent
    from longtake.tools.hits import Hit, SearchResult

Lane = Literal["visual", "speech", "text"]

_OPEN_VIDEOS = 4
"""Videos that `frames_at` keeps open."""

_log = logging.getLogger(__name__)


class Library:
    """A folder of indexed videos.

    Reading needs no lock; `index`, `remove`, `prune` and `check(repair=True)` take the writer's
    lock while they run. Use it as a context manager, or call `close`.

        >>> from longtake import Library
        >>> with Library.open("my-library") as library:            # doctest: +SKIP
        ...     for hit in library.search("tide gauge", limit=3):
        ...         print(hit.video_title, hit.span, hit.quote)
    """

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.settings = settings
        self._frame_readers: dict[str, FrameReader] = {}

    @classmethod
    def open(
        cls,
        folder: str | Path | None = None,
        settings: Settings | None = None,
        *,
        create: bool = False,
    ) -> Self:
        """The library in `folder` (default: the settings' library).

        Args:
            create: make an empty library when there is none.

        Raises:
            LibraryMissing: there is none and `create` is false.
            LibraryTooNew: it was written by a newer longtake.
        """
        settings = settings or Settings()
        root = Path(folder) if folder is not None else settings.library
        library = cls(root.expanduser().absolute(), settings)
        if create:
            Store.open(library.root, write=True, create=True).close()
        library.store  # noqa: B018 - opens it, so that a missing library is told here
        return library

    @cached_property
    def store(self) -> Store:
        """The reading end of the database and the vectors."""
        return Store.open(self.root)

    def close(self) -> None:
        """Let go of database and models."""
        for name in ("store", "sentence_encoder", "image_encoder"):
            made = self.__dict__.pop(name, None)
            if isinstance(made, Store):
                made.close()
        while self._frame_readers:
            self._frame_readers.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # Writing

    def index(
        self,
        paths: Sequence[str | Path],
        *,
        only: Collection[StageName] | None = None,
        force: bool = False,
        progress: Callable[["ProgressEvent"], None] | None = None,
    ) -> "IndexReport":
        """Index files and folders; what is up to date is left alone.

        Args:
            paths: files (tried whatever their name) and folders (walked for media files).
            only: just these stages, and what is made from them.
            force: redo stages that are up to date.
            progress: called from this thread while it works.

        Returns:
            One report a file; files and stages that failed are in it, they raise nothing.

        Raises:
            LibraryLocked: another process is writing.
            LibraryError: the library cannot be written (read-only, disk full, ...).
        """
        from longtake.index.indexer import Indexer, IndexOptions

        options = IndexOptions(only=frozenset(only) if only is not None else None, force=force)
        with Store.open(self.root, write=True, create=True) as store:
            indexer = Indexer(store, self.settings, progress=progress or (lambda event: None))
            report = indexer.run([Path(path) for path in paths], options)
        self.close()
        return report

    def remove(self, keys: Sequence[str]) -> list[VideoRecord]:
        """Take videos out of the library; the files stay where they are.

        Args:
            keys: ids, unique beginnings of ids, paths, file names or titles.

        Raises:
            UsageError: a key fits no video or several; nothing is removed then.
        """
        with Store.open(self.root, write=True) as store:
            videos = [store.video(key) for key in keys]
            for video in videos:
                store.remove(video.id)
                shutil.rmtree(self.root / "thumbs" / video.id, ignore_errors=True)
            store.refresh_indexes()
        self.close()
        return videos

    def prune(self) -> list[VideoRecord]:
        """Take out the videos whose files are gone from every path they were seen at."""
        gone = []
        with Store.open(self.root, write=True) as store:
            for video in store.videos():
                paths = store.paths(video.id)
                for path in paths:
                    if not path.exists():
                        store.forget_path(path)
                if not any(path.exists() for path in paths):
                    gone.append(video)
                    store.remove(video.id)
                    shutil.rmtree(self.root / "thumbs" / video.id, ignore_errors=True)
            store.refresh_indexes()
        self.close()
        return gone

    def check(self, *, repair: bool = False) -> "list[Finding]":
        """Verify that database, vectors and files agree; with `repair`, rebuild what can be."""
        from longtake.index import check

        self.close()
        return check.repair(self.root) if repair else check.check(self.root)

    # Reading

    def videos(self) -> list[VideoRecord]:
        """Every video, by path."""
        return self.store.videos()

    def video(self, key: str) -> VideoRecord:
        """The video with that id, beginning of an id, path, file name or title.

        Raises:
            UsageError: none or several fit; the message lists what comes near.
        """
        return self.store.video(key)

    def stages(self, video_id: str) -> dict[StageName, StageRecord]:
        """How each stage of a video ended."""
        return {
            name: record
            for (video, name), record in self.store.stages().items()
            if video == video_id
        }

    def shots(self, video_id: str) -> list[ShotRecord]:
        """Shots in time order."""
        return self.store.shots(video_id)

    def clips(self, video_id: str) -> list[ClipRecord]:
        """Clips in time order."""
        return self.store.clips(video_id)

    def segments(self, video_id: str, between: Span | None = None) -> list[SegmentRecord]:
        """Speech in time order, all or what overlaps `between`."""
        return self.store.segments(video_id, between)

    def cues(self, video_id: str, between: Span | None = None) -> list[CueRecord]:
        """On-screen text in time order, all or what overlaps `between`."""
        return self.store.cues(video_id, between)

    def may_quote(self, lane: Lane, span: Span) -> bool:
        """Whether words found in `lane` that stand at `span` may be used for the question at hand;
        here all may."""
        return True

    def frames_at(
        self,
        video_id: str,
        times: Sequence[float],
        *,
        size: "Size | None" = None,
        crop: "Box | None" = None,
    ) -> "list[Frame]":
        """The frames shown at these times (seconds), exact to half a frame.

        Recent videos stay open and recent frames in memory, so looking again costs nothing.

        Args:
            size: None for native resolution; a number for the longer side in pixels, never
                enlarging; a pair for exactly (width, height).
            crop: the part of the upright picture to show, in relative coordinates.

        Raises:
            MediaError: the file is gone or cannot be decoded.
            UsageError: a time is not finite, the size is not positive, the crop is empty.
        """
        from longtake.index.frames import FrameReader

        readers = self._frame_readers
        reader = readers.pop(video_id, None)
        if reader is None:
            video = self.store.video(video_id)
            jumps = any(note.startswith("jumps of the timestamps") for note in video.notes)
            reader = FrameReader(video.path, jumps=jumps)
        readers[video_id] = reader
        if len(readers) > _OPEN_VIDEOS:
            readers.pop(next(iter(readers))).close()
        return reader.at(times, size=size, crop=crop)

    def search(
        self,
        text: str,
        *,
        lanes: Collection[Lane] | None = None,
        videos: Collection[str] | None = None,
        between: Span | None = None,
        limit: int = 10,
    ) -> "list[Hit]":
        """The moments that fit `text` best, best first.

        Args:
            text: words or a question; never a query language.
            lanes: which evidence to search; all when None.
            videos: keys of the videos to search in; all when None.
            between: only moments that overlap this span.
            limit: most hits to return.

        Raises:
            UsageError: a video key fits no video or several.
        """
        return list(
            self.search_full(text, lanes=lanes, videos=videos, between=between, limit=limit).hits
        )

    def search_full(
        self,
        text: str,
        *,
        lanes: Collection[Lane] | None = None,
        videos: Collection[str] | None = None,
        between: Span | None = None,
        limit: int = 10,
    ) -> "SearchResult":
        """Like `search`, with what each lane did or why it could not be searched."""
        from longtake.tools.search import SearchOptions, search

        ids = None if videos is None else tuple(self.store.video(key).id for key in videos)
        options = SearchOptions(
            lanes=tuple(lanes) if lanes is not None else None,
            videos=ids,
            between=between,
            limit=limit,
        )
        return search(
            self.store,
            text,
            options=options,
            sentences=self.sentence_encoder,
            images=self.image_encoder,
        )

    @cached_property
    def sentence_encoder(self) -> SentenceEncoder | None:
        """Encoder of questions for speech and text, the one that the library was indexed with.

        None when there are no such vectors or its weights are missing.
        """
        recorded = self._indexed_with(StageName.SENTENCES)
        if recorded is None:
            return None
        from longtake.index.sentences import build_sentence_encoder

        section = self.settings.sentences.model_copy(update={"model": recorded[1]})
        try:
            made = build_sentence_encoder(self.settings.model_copy(update={"sentences": section}))
        except WeightsMissing as exc:
            _log.warning("searching without sentence vectors: %s", exc)
            return None
        from longtake.tools.remembered import Remembered

        return Remembered(made)

    @cached_property
    def image_encoder(self) -> ImageTextEncoder | None:
        """Encoder of questions for pictures, the one that the library was indexed with.

        None when there are no such vectors or its weights are missing.
        """
        recorded = self._indexed_with(StageName.VISUAL)
        if recorded is None:
            return None
        from longtake.index.encoders import build_image_encoder

        engine, model = recorded
        section = self.settings.visual.model_copy(update={"engine": engine, "model": model})
        try:
            return build_image_encoder(self.settings.model_copy(update={"visual": section}))
        except WeightsMissing as exc:
            _log.warning("searching without pictures: %s", exc)
            return None

    def _indexed_with(self, stage: StageName) -> tuple[str, str] | None:
        """(engine, weights) that most videos have vectors of; None when none has."""
        used = Counter(
            (record.engine, str(record.stats["weights"]))
            for (_, name), record in self.store.stages().items()
            if name is stage and record.state is StageState.DONE
        )
        return used.most_common(1)[0][0] if used else None

    def doctor(self) -> "list[LaneStatus]":
        """Engine, weights and device of every lane under this library's settings."""
        return doctor(self.settings)


def doctor(settings: Settings) -> "list[LaneStatus]":
    """Engine, weights and device of every lane; needs no library."""
    from longtake.index.doctor import lane_statuses
    from longtake.index.encoders import use_gpu

    return lane_statuses(settings, device="cuda" if use_gpu(settings.device) else "cpu")
