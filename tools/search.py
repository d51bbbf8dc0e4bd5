"""Library and query -> moments, with a report of what could be searched and what could not."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from longtake.errors import UsageError
from longtake.index.lanes import ImageTextEncoder, SentenceEncoder, StageName, StageState
from longtake.index.records import StageRecord, TextLane
from longtake.index.store import Store
from longtake.timing import Span
from longtake.tools.fusion import Ranking, drop_repeats, fuse, merge_neighbours, spread
from longtake.tools.hits import LANES, Hit, Lane, SearchResult
from longtake.tools.rankers import Key, Pool, Scope, by_meaning, by_pictures, by_words

__all__ = ["LANES", "Hit", "Lane", "SearchOptions", "SearchResult", "search", "search_rows"]

SEARCHED = "searched"
"""Report of a lane that was searched completely."""

_STAGES: Mapping[Lane, StageName] = {
    "speech": StageName.SPEECH,
    "text": StageName.TEXT,
    "visual": StageName.VISUAL,
}
_NAMES: Mapping[Lane, str] = {"speech": "speech", "text": "on-screen text", "visual": "pictures"}

Stages = Mapping[tuple[str, StageName], StageRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What to search in."""

    lanes: tuple[Lane, ...] | None = None
    """None is all of them."""
    videos: tuple[str, ...] | None = None
    """Video ids; None is the whole library."""
    between: Span | None = None
    """Only moments that overlap this stretch of their video."""
    limit: int = 10

    def __post_init__(self) -> None:
        unknown = [lane for lane in self.lanes or () if lane not in LANES]
        if unknown:
            raise UsageError(f"no lane {unknown[0]!r}; there are {', '.join(LANES)}")
        if self.limit < 1:
            raise UsageError(f"limit is {self.limit!r}; it must be at least 1")


def search(
    store: Store,
    text: str,
    *,
    options: SearchOptions | None = None,
    sentences: SentenceEncoder | None = None,
    images: ImageTextEncoder | None = None,
) -> SearchResult:
    """Moments that fit a text: rankings fused, neighbours merged, repeats dropped, spread over
    videos.

    Args:
        text: keywords, a phrase or a question; nothing in it is an operator.
        sentences: encoder of the library's sentence vectors; None searches speech and text by
        words only.
        images: encoder of the library's frame vectors; None leaves the visual lane out.

    Raises:
        UsageError: for an unknown lane or video, or a limit below 1.
    """
    options = options or SearchOptions()
    result = search_rows(store, text, options=options, sentences=sentences, images=images)
    hits = spread(drop_repeats(merge_neighbours(result.hits)), options.limit)
    return SearchResult(hits=hits, searched=result.searched)


def search_rows(
    store: Store,
    text: str,
    *,
    options: SearchOptions,
    sentences: SentenceEncoder | None,
    images: ImageTextEncoder | None,
) -> SearchResult:
    """Like `search`, but each hit is one stored segment, cue or clip, and there are about `5 *
    limit` a ranking."""
    videos = {video.id: video for video in store.videos()}
    unknown = [key for key in options.videos or () if key not in videos]
    if unknown:
        raise UsageError(f"no video {unknown[0]!r} in this library")
    lanes = options.lanes or LANES
    scope = Scope(
        store=store,
        videos=videos,
        chosen=options.videos,
        between=options.between,
        depth=max(50, 5 * options.limit),
    )
    stages = store.stages()
    chosen = options.videos if options.videos is not None else tuple(videos)
    searched: dict[Lane, str] = {
        lane: _report(lane, chosen, stages, images if lane == "visual" else sentences)
        for lane in lanes
    }
    pool = Pool()
    rankings = _rankings(scope, pool, text, lanes, sentences, images) if chosen else []
    hits = [replace(pool.hits[key], score=score) for key, score in fuse(rankings).items()]
    return SearchResult(hits=hits, searched=searched)


def _rankings(
    scope: Scope,
    pool: Pool,
    text: str,
    lanes: tuple[Lane, ...],
    sentences: SentenceEncoder | None,
    images: ImageTextEncoder | None,
) -> list[Ranking[Key]]:
    if not text.strip():
        return []
    text_lanes: list[TextLane] = [lane for lane in lanes if lane != "visual"]
    rankings: list[Ranking[Key]] = []
    if text_lanes:
        rankings += by_words(scope, pool, text, text_lanes)
        if sentences is not None:
            rankings.append(by_meaning(scope, pool, text, text_lanes, sentences))
    if "visual" in lanes and images is not None:
        rankings += by_pictures(scope, pool, text, images)
    return rankings


def _report(
    lane: Lane,
    videos: tuple[str, ...],
    stages: Stages,
    encoder: SentenceEncoder | ImageTextEncoder | None,
) -> str:
    """What of a lane could be searched in these videos."""
    if not videos:
        return "nothing to search: no videos"
    gaps = Counter(_gap(stages.get((video, _STAGES[lane]))) for video in videos)
    done = gaps.pop(None, 0)
    missing = _gaps_text(gaps, len(videos))
    if not done:
        return f"no {_NAMES[lane]} indexed: {missing}"
    indexed = [v for v in videos if _gap(stages.get((v, _STAGES[lane]))) is None]
    vector_stage = StageName.VISUAL if lane == "visual" else StageName.SENTENCES
    blind = _blind(indexed, stages, vector_stage, encoder)
    if lane == "visual" and encoder is None:
        return f"not searched: {blind}"
    parts = [f"not in {missing}"] if missing else []
    parts += [blind if lane == "visual" else f"by words only: {blind}"] if blind else []
    return "; ".join([SEARCHED, *parts])


def _gap(stage: StageRecord | None) -> str | None:
    if stage is None:
        return "not indexed"
    if stage.state is StageState.DONE:
        return None
    reason = stage.reason or "no reason recorded"
    if stage.state is StageState.SKIPPED:
        reason = reason.partition(": ")[0]  # what to do about it is what `longtake doctor` says
    return f"{stage.state.value} ({reason})"


def _gaps_text(gaps: Mapping[str | None, int], total: int) -> str:
    if list(gaps.values()) == [total]:
        return str(next(iter(gaps)))
    return ", ".join(f"{count} of {total} videos: {gap}" for gap, count in gaps.items())


def _blind(
    videos: list[str],
    stages: Stages,
    name: StageName,
    encoder: SentenceEncoder | ImageTextEncoder | None,
) -> str | None:
    """Why vectors of some of these videos cannot be compared with the query; None when all can."""
    if encoder is None:
        return "no encoder (weights missing or no vectors in the library)"
    records = [stages.get((video, name)) for video in videos]
    usable = sum(
        r is not None and r.state is StageState.DONE and r.model == encoder.identity
        for r in records
    )
    if usable == len(videos):
        return None
    return f"{len(videos) - usable} of {len(videos)} videos have no vectors of {encoder.identity}"
