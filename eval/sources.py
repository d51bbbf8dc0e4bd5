"""Where what comparators show comes from: frames spread evenly, most like the question, or chosen
by a preset; what is said, and what is near to the question."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from longtake.eval.material import Material, Part
from longtake.eval.reading import Line
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.query import statement
from longtake.tools.select.choose import choose
from longtake.tools.select.signals import gather
from longtake.tools.text_evidence import Asked, text_evidence

EDGE_S = 0.04
"""The last frame of a stretch is taken this much before its end."""
PER_SECOND = 1.0
ORACLE_PER_SECOND = 2.0
LEAST_S = 1.0
"""Stretch around a moment of evidence that is shorter."""


def spread_evenly(spans: Sequence[tuple[str, Span]], count: int) -> list[Part]:
    """`count` frames over stretches laid end to end: the middles of equal parts (`midpoint`)."""
    total = sum(span.duration for _, span in spans)
    times: dict[str, list[float]] = {}
    for index in range(count):
        place = total * (index + 0.5) / count
        for number, (video_id, span) in enumerate(spans):
            if place <= span.duration or number == len(spans) - 1:
                last = max(span.start, span.end - EDGE_S)
                times.setdefault(video_id, []).append(round(min(last, span.start + place), 3))
                break
            place -= span.duration
    return _parts(times)


def _parts(times: dict[str, list[float]]) -> list[Part]:
    """Full-size frames by video, each second once."""
    return [Part(video_id=v, times=tuple(sorted(set(found)))) for v, found in times.items()]


def uniform(videos: Sequence[VideoRecord], spans: dict[str, Span]) -> Material:
    """Evenly spread frames."""
    places = [(video.id, spans[video.id]) for video in videos]
    return over(videos, spans, places, PER_SECOND)


def over(
    videos: Sequence[VideoRecord],
    spans: dict[str, Span],
    places: Sequence[tuple[str, Span]],
    per_second: float,
) -> Material:
    """Frames spread evenly over some stretches, at most so many a second."""
    total = sum(span.duration for _, span in places)
    return Material(
        videos=tuple(videos),
        spans=spans,
        spread=lambda count: spread_evenly(places, count),
        wanted=max(1, math.ceil(total * per_second)) if places else 0,
    )


def most_similar(
    library: Library, videos: Sequence[VideoRecord], spans: dict[str, Span], question: str
) -> Material | None:
    """The frames whose embeddings are nearest to the question's; None where frames have none."""
    from longtake.prompts import render

    encoder = library.image_encoder
    if encoder is None:
        return None
    query = encoder.texts([render("visual_query", description=statement(question))])[0]
    scored: list[tuple[float, str, float]] = []
    for video in videos:
        vectors = library.store.frame_vectors(video.id, encoder.identity)
        if vectors is None:
            continue
        scores = vectors.vectors.astype(np.float32) @ query
        allowed = spans[video.id]
        scored += [
            (-float(scores[row]), video.id, round(float(time), 3))
            for time, row in zip(vectors.times, vectors.rows, strict=True)
            if allowed.start <= time < allowed.end
        ]
    return ranked(videos, spans, sorted(scored)) if scored else None


def ranked(
    videos: Sequence[VideoRecord],
    spans: dict[str, Span],
    order: Sequence[tuple[float, str, float]],
) -> Material:
    """The first frames of an order, each with its rank, its video's id and its second."""

    def best(count: int) -> list[Part]:
        times: dict[str, list[float]] = {}
        for _, video_id, time in order[:count]:
            times.setdefault(video_id, []).append(time)
        return _parts(times)

    return Material(videos=tuple(videos), spans=spans, spread=best, wanted=len(order))


def selected(
    library: Library, video: VideoRecord, span: Span, question: str, preset: str, *, seed: int
) -> Material:
    """The frames that a preset of `longtake.tools.select` chooses, in the sizes it gives them.

    Raises:
        UsageError: there is no such preset, or what it needs is not indexed.
    """
    found = gather(library, video.id, [question], span=span)

    def chosen(count: int) -> list[Part]:
        picks = choose(preset, found.items, found.signals, count, seed=seed).picks
        runs = groupby(picks, key=lambda pick: pick.scale)
        return [
            Part(video_id=video.id, times=tuple(round(p.time, 3) for p in run), scale=scale)
            for scale, run in runs
        ]

    return Material(videos=(video,), spans={video.id: span}, spread=chosen, wanted=len(found.items))


def spoken(library: Library, videos: Sequence[VideoRecord], spans: dict[str, Span]) -> list[Line]:
    """Everything that is said in the stretches, in the order of videos and time."""
    return [
        Line(video_id=video.id, start=s.start, end=s.end, text=s.text)
        for video in videos
        for s in (row.segment for row in library.segments(video.id, spans[video.id]))
    ]


def written(library: Library, videos: Sequence[VideoRecord], spans: dict[str, Span]) -> list[Line]:
    """Everything that is read on the screen in the stretches, in the order of videos and time."""
    return [
        Line(
            video_id=video.id,
            start=cue.start,
            end=min(cue.end, spans[video.id].end),
            text=cue.text,
            lane="text",
        )
        for video in videos
        for cue in (row.cue for row in library.cues(video.id, spans[video.id]))
    ]


def near_to_question(
    library: Library, videos: Sequence[VideoRecord], spans: dict[str, Span], question: str
) -> Material | None:
    """Evenly spread frames, and what is said and written near to the question (Video-RAG); None
    where words of a video have no vectors."""
    lines: list[Line] = []
    nearness: list[float] = []
    for video in videos:
        asked = Asked(question=question)
        found = text_evidence(library, video.id, asked, span=spans[video.id])
        if found is None:
            if library.segments(video.id) or library.cues(video.id):
                return None
            continue
        nearness += found.nearness
        lines += [
            Line(
                video_id=video.id,
                start=item.span.start,
                end=item.span.end,
                text=item.text,
                lane=item.lane,
            )
            for item in found.items
        ]
    frames = uniform(videos, spans)
    return replace(frames, lines=tuple(lines), nearness=tuple(nearness))
