"""What a library knows about the frames of a video, for a question.

Works with whatever was indexed: without frame embeddings the frames are a grid over the video at
the settings' rate, and speech and on-screen text alone say what is relevant.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from longtake.errors import UsageError
from longtake.index.lanes import F32, FrameVectors, ImageTextEncoder
from longtake.index.records import TextLane
from longtake.prompts import render
from longtake.timing import Span
from longtake.tools.hits import Hit
from longtake.tools.library import Library
from longtake.tools.query import content_words, statement, stem
from longtake.tools.search import SearchOptions, search_rows
from longtake.tools.select.items import F64, Array, IntArray, Items, Probe, Signals
from longtake.tools.select.scorers import novelty

_LIMIT = 200
"""Rows of speech and text that may lend relevance to frames, a text asked for."""
_CUE_CHANGE = 0.5
"""Change where text comes up, beside 1 at a cut; only without embeddings."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """Frames of one video and their signals."""

    video_id: str
    items: Items
    signals: Signals


def gather(
    library: Library, video_id: str, texts: Sequence[str] = (), *, span: Span | None = None
) -> Gathered:
    """Frames of a video, or of a stretch of it, with everything known about them.

    Args:
        video_id: an id, not another key.
        texts: the question or its parts; a frame is as relevant as its best one. None of them
            leaves relevance out.
        span: only frames in it.

    Raises:
        UsageError: there is no such video, or no frame in the span.
    """
    video = library.video(video_id)
    texts = [text for text in texts if text.strip()]
    encoder = library.image_encoder
    vectors = library.store.frame_vectors(video.id, encoder.identity if encoder else None)
    times = _grid(video.duration, library.settings.fps) if vectors is None else vectors.times
    inside = np.arange(len(times))
    if span is not None:
        inside = np.flatnonzero((times >= span.start) & (times < span.end))
    if not len(inside):
        where = f" in {span}" if span is not None else ""
        raise UsageError(f"no frames of {video.title!r}{where}; the video has {video.duration:g} s")
    times = times[inside]
    rows = None if vectors is None else vectors.vectors[vectors.rows[inside]]
    items = Items.of(times, rows, clips=_clip_numbers(library, video.id, times))
    query = _query(encoder, texts)
    found = _pictures(library, video.id, vectors, inside, query, times) if query is not None else {}
    found |= _rows(library, video.id, times, texts, span) if texts else {}
    if vectors is None and query is not None and encoder is not None and video.width:
        found_probe = _probe(library, video.id, times, encoder, query)
    elif "frame_text" in found:
        found_probe = found["frame_text"].__getitem__
    else:
        found_probe = None
    signals = Signals(
        **found,
        change=_change(library, video.id, items),
        density=_density(library, video.id, items),
        query=query.mean(axis=0) / np.linalg.norm(query.mean(axis=0))
        if query is not None
        else None,
        probe=found_probe,
    )
    return Gathered(video_id=video.id, items=items, signals=signals)


def spread_spans(times: F64, spans: Sequence[Span], values: Sequence[float]) -> Array:
    """[N] the highest value of the spans that hold each frame (`frames_in`), 0 where none does."""
    lent = np.zeros(len(times))
    for (first, last), value in zip(frames_in(times, spans), values, strict=True):
        lent[first:last] = np.maximum(lent[first:last], value)
    return lent


def frames_in(times: F64, spans: Sequence[Span]) -> IntArray:
    """[S, 2] first frame of each span and the one after its last; equal where there is none.

    A span between two frames has the nearest, so that no short word is lost, unless that is
    farther off than frames usually are from each other.
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else np.inf
    starts = np.array([span.start for span in spans])
    ends = np.array([span.end for span in spans])
    held = np.stack([np.searchsorted(times, starts), np.searchsorted(times, ends)], axis=1)
    middles = (starts + ends) / 2
    after = np.clip(np.searchsorted(times, middles), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(middles - times[before] <= times[after] - middles, before, after)
    lost = (held[:, 0] == held[:, 1]) & (np.abs(times[nearest] - middles) <= step)
    held[lost, 0], held[lost, 1] = nearest[lost], nearest[lost] + 1
    return held.astype(np.intp)


def _grid(duration: float, fps: float) -> F64:
    return np.arange(0.0, max(duration, 1e-6), 1.0 / fps)


def _clip_numbers(library: Library, video_id: str, times: F64) -> IntArray | None:
    starts = np.array([clip.start for clip in library.clips(video_id)])
    if not len(starts):
        return None
    return np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)


def _query(encoder: ImageTextEncoder | None, texts: Sequence[str]) -> F32 | None:
    """[Q, D] of the texts, worded as search words them."""
    if encoder is None or not texts:
        return None
    return encoder.texts([render("visual_query", description=statement(text)) for text in texts])


def _pictures(
    library: Library,
    video_id: str,
    vectors: FrameVectors | None,
    inside: IntArray,
    query: F32,
    times: F64,
) -> dict[str, Array]:
    """Cosines of frames and clips with the best of the texts."""
    if vectors is None:
        return {}
    cosines = (vectors.vectors.astype(np.float32) @ query.T).max(axis=1)
    found: dict[str, Array] = {"frame_text": cosines[vectors.rows[inside]].astype(np.float64)}
    clips = library.store.clip_vectors(video_id)
    if clips is not None and len(clips.starts) and clips.vectors.shape[1] == query.shape[1]:
        best = (clips.vectors.astype(np.float32) @ query.T).max(axis=1)
        place = np.maximum(np.searchsorted(clips.starts, times, side="right") - 1, 0)
        found["clip_text"] = best[place].astype(np.float64)
    return found


def _rows(
    library: Library, video_id: str, times: F64, texts: Sequence[str], span: Span | None
) -> dict[str, Array]:
    """What is said and read, by its fused score, over the frames during which it is."""
    lanes: tuple[TextLane, ...] = ("speech", "text")
    options = SearchOptions(lanes=lanes, videos=(video_id,), between=span, limit=_LIMIT)
    hits: list[Hit] = []
    for text in texts:
        sentences = library.sentence_encoder
        result = search_rows(library.store, text, options=options, sentences=sentences, images=None)
        hits += [hit for hit in result.hits if library.may_quote(hit.lane, hit.span)]
    there = {
        "speech": bool(library.segments(video_id)),
        "text": bool(library.cues(video_id)),
    }
    found: dict[str, Array] = {}
    for lane in lanes:
        own = [hit for hit in hits if hit.lane == lane]
        if there[lane]:
            scores = [min(1.0, max(0.0, hit.score)) for hit in own]
            found[lane] = spread_spans(times, [hit.span for hit in own], scores)
    return found


def _probe(
    library: Library, video_id: str, times: F64, encoder: ImageTextEncoder, query: F32
) -> Probe:
    """Decodes and embeds the frames it is asked about."""

    def score(wanted: IntArray) -> Array:
        frames = library.frames_at(
            video_id, [float(time) for time in times[wanted]], size=encoder.input_size
        )
        pictures = np.stack([frame.rgb for frame in frames])
        return np.asarray((encoder.images(pictures) @ query.T).max(axis=1), np.float64)

    return score


def _change(library: Library, video_id: str, items: Items) -> Array:
    """Difference from the frame before: of embeddings; else 1 at a cut, less where text comes."""
    if items.features is not None:
        return novelty(items, Signals())
    change = np.zeros(len(items))
    cues = [cue.cue.start for cue in library.cues(video_id)]
    shots = [shot.start for shot in library.shots(video_id)]
    for starts, value in ((cues, _CUE_CHANGE), (shots, 1.0)):
        first = np.searchsorted(items.times, np.asarray(starts, np.float64), side="left")
        change[first[first < len(items)]] = value
    return change


def _density(library: Library, video_id: str, items: Items) -> Array | None:
    """Distinct words of each clip, shared among its frames; None when there are no words."""
    texts = [(s.segment.span, s.segment.text) for s in library.segments(video_id)]
    texts += [(c.cue.span, c.cue.text) for c in library.cues(video_id)]
    if not texts:
        return None
    words: dict[int, set[str]] = {}
    spans = [span for span, _ in texts]
    for (first, last), (_, text) in zip(frames_in(items.times, spans), texts, strict=True):
        stems = {stem(word) for word in content_words(text)}
        for clip in np.unique(items.clips[first:last]):
            words.setdefault(int(clip), set()).update(stems)
    numbers, inverse, sizes = np.unique(items.clips, return_inverse=True, return_counts=True)
    counts = np.array([len(words.get(int(number), ())) for number in numbers], np.float64)
    return (counts / sizes)[inverse]
