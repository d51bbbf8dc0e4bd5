"""One ranking a ranker: words (BM25), meaning (sentence vectors), pictures (image-text vectors).

Keys are `(lane, row id)`; every key a ranking holds has its `Hit` in the pool.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from longtake.index.lanes import F32, F64, ImageTextEncoder, SentenceEncoder
from longtake.index.records import (
    LANE_CODES,
    ClipRecord,
    TextLane,
    VectorKind,
    VectorMatch,
    VideoRecord,
)
from longtake.index.store import Store
from longtake.prompts import render
from longtake.timing import Span
from longtake.tools.fusion import Ranking
from longtake.tools.hits import Hit, Lane
from longtake.tools.query import coverage, statement, terms

Key = tuple[Lane, int]
Row = tuple[int, float, float, str]
"""id, start, end, text of a segment or cue."""

CERTAIN_COSINE = 0.5
"""Sentences this near mean the same; vectors below it are trusted in proportion."""
WORDS_WEIGHT = 1.0
MEANING_WEIGHT = 1.0
PICTURES_WEIGHT = 0.8
"""Image-text similarities have no absolute meaning, so a picture must not outrank a sentence that
fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a search may look at."""

    store: Store
    videos: dict[str, VideoRecord]
    chosen: tuple[str, ...] | None
    """Ids to stay within; None is every video."""
    between: Span | None
    depth: int
    """Length of each ranking."""
    lists: dict[tuple[str, TextLane], list[Row]] = field(default_factory=dict)
    """Rows read so far."""

    def admits(self, start: float, end: float) -> bool:
        """Whether a moment lies (partly) in the time range asked for."""
        return self.between is None or (end > self.between.start and start < self.between.end)

    def row(self, video_id: str, lane: TextLane, position: int) -> Row:
        """A segment or cue by its place in its video."""
        key = video_id, lane
        if key not in self.lists:
            self.lists[key] = (
                [
                    (s.id, s.segment.start, s.segment.end, s.segment.text)
                    for s in self.store.segments(video_id)
                ]
                if lane == "speech"
                else [(c.id, c.cue.start, c.cue.end, c.cue.text) for c in self.store.cues(video_id)]
            )
        return self.lists[key][position]


@dataclass(frozen=True, slots=True)
class Pool:
    """Hits of all rankings by key."""

    hits: dict[Key, Hit] = field(default_factory=dict)

    def add(self, key: Key, hit: Hit) -> Key:
        known = self.hits.get(key)
        if known is None:
            self.hits[key] = hit
        else:
            sources = tuple(sorted({*known.sources, *hit.sources}))
            self.hits[key] = replace(known, sources=sources)
        return key


def by_words(scope: Scope, pool: Pool, text: str, lanes: Sequence[TextLane]) -> list[Ranking[Key]]:
    """BM25, one ranking a lane; an entry is trusted by the square of its share of the query's
    terms.

    Without that, one common word in one sentence counts as much as the sentence that means what
    was asked.
    """
    wanted = terms(text)
    rankings = []
    for lane in lanes:
        matches = scope.store.search_text(
            text, lanes=[lane], videos=scope.chosen, between=scope.between, limit=scope.depth
        )
        keys: list[Key] = []
        for match in matches:
            video = scope.videos[match.video_id]
            hit = _text_hit(video, lane, match.id, match.start, match.end, match.text, "bm25")
            keys.append(pool.add((lane, match.id), hit))
        trust = [coverage(wanted, match.text) ** 2 for match in matches]
        rankings.append(Ranking(keys=keys, weight=WORDS_WEIGHT, trust=trust))
    return rankings


def by_meaning(
    scope: Scope, pool: Pool, text: str, lanes: Sequence[TextLane], encoder: SentenceEncoder
) -> Ranking[Key]:
    """Sentence vectors of these lanes in one ranking, so that the nearer lane comes first."""
    query = encoder.embed([text])
    codes = {LANE_CODES[lane]: lane for lane in lanes}

    def accept(match: VectorMatch) -> bool:
        rows = scope.store.sentence_vectors(match.video_id)
        return (
            rows is not None
            and int(rows.lanes[match.row]) in codes
            and scope.admits(float(rows.starts[match.row]), float(rows.ends[match.row]))
        )

    keys: list[Key] = []
    trust = []
    for match in _nearest(scope, "sentences", encoder.identity, query, accept):
        rows = scope.store.sentence_vectors(match.video_id)
        if rows is None:
            continue
        lane = codes[int(rows.lanes[match.row])]
        row, start, end, text = scope.row(match.video_id, lane, int(rows.positions[match.row]))
        video = scope.videos[match.video_id]
        keys.append(pool.add((lane, row), _text_hit(video, lane, row, start, end, text, "vectors")))
        trust.append(min(1.0, max(0.0, match.score) / CERTAIN_COSINE))
    return Ranking(keys=keys, weight=MEANING_WEIGHT, trust=trust)


def by_pictures(
    scope: Scope, pool: Pool, text: str, encoder: ImageTextEncoder
) -> list[Ranking[Key]]:
    """Clips by their own vectors and by their best frame, half the weight each."""
    query = encoder.texts([render("visual_query", description=statement(text))])
    clips: dict[str, list[ClipRecord]] = {}

    def clips_of(video: str) -> list[ClipRecord]:
        if video not in clips:
            clips[video] = scope.store.clips(video)
        return clips[video]

    pooled: dict[Key, float] = {}
    accept = _clip_filter(scope, clips_of)
    for match in _nearest(scope, "clips", encoder.identity, query, accept):
        clip = clips_of(match.video_id)[match.row]
        pooled[pool.add(("visual", clip.id), _clip_hit(scope, clip, query[0]))] = match.score

    def frame_clips(match: VectorMatch) -> list[ClipRecord]:
        frames = scope.store.frame_vectors(match.video_id, encoder.identity)
        if frames is None:
            return []
        found = _clips_at(clips_of(match.video_id), frames.times[frames.rows == match.row])
        return [clip for clip in found if scope.admits(clip.start, clip.end)]

    framed: dict[Key, float] = {}
    for match in _nearest(
        scope, "frames", encoder.identity, query, lambda match: bool(frame_clips(match))
    ):
        for clip in frame_clips(match):
            key = pool.add(("visual", clip.id), _clip_hit(scope, clip, query[0]))
            framed.setdefault(key, match.score)
    return [_picture_ranking(pooled), _picture_ranking(framed)]


def _picture_ranking(scores: dict[Key, float]) -> Ranking[Key]:
    """Trust falls from 1 for the best to 1/2 for the last, because only differences mean
    something."""
    best, worst = max(scores.values(), default=0.0), min(scores.values(), default=0.0)
    width = max(best - worst, 1e-6)
    trust = [0.5 + 0.5 * (score - worst) / width for score in scores.values()]
    return Ranking(keys=list(scores), weight=PICTURES_WEIGHT / 2, trust=trust)


def _nearest(
    scope: Scope,
    kind: VectorKind,
    model: str,
    query: F32,
    accept: Callable[[VectorMatch], bool],
) -> list[VectorMatch]:
    """The nearest accepted vectors: asks for twice as many until there are enough or no more."""
    index = scope.store.vector_index(kind, model)
    count = scope.depth
    while True:
        matches = index.search(query, count, videos=scope.chosen)[0]
        accepted = [match for match in matches if accept(match)]
        if len(accepted) >= scope.depth or len(matches) < count:
            return accepted[: scope.depth]
        count *= 2


def _text_hit(
    video: VideoRecord, lane: TextLane, row: int, start: float, end: float, text: str, source: str
) -> Hit:
    return Hit(
        video_id=video.id,
        video_title=video.title,
        video_path=str(video.path),
        start=start,
        end=end,
        lane=lane,
        score=0.0,
        quote=text,
        sources=(source,),
        rows=(row,),
    )


def _clip_filter(
    scope: Scope, clips_of: Callable[[str], list[ClipRecord]]
) -> Callable[[VectorMatch], bool]:
    def accept(match: VectorMatch) -> bool:
        clips = clips_of(match.video_id)
        return match.row < len(clips) and scope.admits(clips[match.row].start, clips[match.row].end)

    return accept


def _clips_at(clips: list[ClipRecord], times: F64) -> list[ClipRecord]:
    starts = np.array([clip.start for clip in clips])
    places = np.unique(np.searchsorted(starts, times, side="right") - 1)
    return [clips[place] for place in places if place >= 0]


def _clip_hit(scope: Scope, clip: ClipRecord, query: F32) -> Hit:
    video = scope.videos[clip.video_id]
    return Hit(
        video_id=video.id,
        video_title=video.title,
        video_path=str(video.path),
        start=clip.start,
        end=clip.end,
        lane="visual",
        score=0.0,
        frame_time=_best_frame(scope.store, clip, query),
        sources=("vectors",),
        rows=(clip.id,),
    )


def _best_frame(store: Store, clip: ClipRecord, query: F32) -> float | None:
    frames = store.frame_vectors(clip.video_id)
    if frames is None:
        return None
    inside = np.flatnonzero((frames.times >= clip.start) & (frames.times < clip.end))
    if not len(inside):
        return None
    scores = frames.vectors[frames.rows[inside]].astype(np.float32) @ query
    return float(frames.times[inside[int(np.argmax(scores))]])
