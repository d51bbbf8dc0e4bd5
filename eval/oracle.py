"""Systems that are shown what proves the answer: the ceiling of the reader, and what is left of it
where a part of the proof is missing."""

from collections.abc import Iterable, Sequence

from longtake.eval.asking import Asked
from longtake.eval.material import Material
from longtake.eval.reading import Line
from longtake.eval.samples import Evidence, Sample
from longtake.eval.sources import LEAST_S, ORACLE_PER_SECOND, over, spoken, written
from longtake.eval.watched import WatchedLibrary
from longtake.timing import Span

Where = tuple[str, Span]
"""A stretch of a video, by its id in the benchmark."""
Place = tuple[str, Span]
"""A stretch of a video, by its id in the library."""


def has_evidence(sample: Sample) -> bool:
    """Whether it is known what proves the answer."""
    return bool(sample.evidence)


def has_hops(sample: Sample) -> bool:
    """Whether every proof of the answer needs several pieces together."""
    groups = {piece.group for piece in sample.evidence}
    return bool(groups) and all(len(_hops(sample, group)) > 1 for group in groups)


def _hops(sample: Sample, group: str) -> list[Where]:
    """The stretches of one proof that an answer is made from, in order: not what only stands around
    them, nor what shows that there is no answer."""
    return list(
        dict.fromkeys(
            (piece.video, piece.span)
            for piece in sample.evidence
            if piece.group == group and piece.role in ("needle", "bridge")
        )
    )


def oracle(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """The first group of evidence: its frames, and what is said and read on the screen in it."""
    evidence = asked.sample.evidence
    group = [piece for piece in evidence if piece.group == evidence[0].group]
    places = _places(asked, ids, group)
    return _material(library, asked, places, places, ())


def oracle_minus_one(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """The first group of evidence without its last hop.

    What is missing is cut out of the rest as well, where stretches overlap: seen things and other
    proofs of the answer from the frames, said things from what is said, and what is on the screen
    in any of it from what is read there.
    """
    evidence = asked.sample.evidence
    group = evidence[0].group
    last = _hops(asked.sample, group)[-1]
    kept = [p for p in evidence if p.group == group and (p.video, p.span) != last]
    shown = {(piece.video, piece.span) for piece in kept}
    missing = [p for p in evidence if (p.video, p.span) not in shown]
    places = _places(asked, ids, kept)
    said = [piece for piece in missing if piece.modality in ("speech", None)]
    return _material(
        library,
        asked,
        list(less(places, _places(asked, ids, missing))),
        list(less(places, _places(asked, ids, said))),
        _places(asked, ids, missing),
    )


def _material(
    library: WatchedLibrary,
    asked: Asked,
    seen: Sequence[Place],
    heard: Sequence[Place],
    missing: Sequence[Place],
) -> Material:
    """Frames of some stretches and what the index reads in them, but for what is to be missing, and
    what is said in others: all that an agent could find there."""
    spans = asked.spans
    there = {video_id for video_id, _ in (*seen, *heard)}
    videos = tuple(video for video in asked.videos if video.id in there)
    frames = over(videos or asked.videos, spans, seen, ORACLE_PER_SECOND)
    order = {video.id: place for place, video in enumerate(videos)}
    said = [line for line in spoken(library, videos, spans) if _in(line, heard)]
    read = [
        line
        for line in written(library, videos, spans)
        if _in(line, seen) and not _in(line, missing)
    ]
    lines = tuple(sorted((*said, *read), key=lambda line: (order[line.video_id], line.start)))
    return Material(
        videos=frames.videos,
        spans=spans,
        spread=frames.spread if seen else None,
        wanted=frames.wanted,
        lines=lines,
    )


def _in(line: Line, places: Iterable[Place]) -> bool:
    """Whether any of it lies in one of some stretches."""
    own = Span(line.start, line.end)
    return any(video == line.video_id and span.overlap(own) > 0 for video, span in places)


def _places(asked: Asked, ids: dict[str, str], pieces: Iterable[Evidence]) -> list[Place]:
    """Where some evidence lies in the library, each stretch once."""
    spans = asked.spans
    places: list[Place] = []
    for piece in pieces:
        video_id = ids.get(piece.video)
        if video_id in spans:
            place = _widened(piece, spans[video_id])
            if place.duration > 0 and (video_id, place) not in places:
                places.append((video_id, place))
    return places


def _widened(piece: Evidence, allowed: Span) -> Span:
    """The evidence, at least `LEAST_S` long where the video allows, within what may be seen."""
    span = piece.span
    if span.duration < LEAST_S:
        start = max(allowed.start, span.middle - LEAST_S / 2)
        span = Span(start, start + LEAST_S)
    return Span(max(span.start, allowed.start), max(span.start, span.end)).clamp(allowed.end)


def less(places: Iterable[Place], cuts: Sequence[Place]) -> Iterable[Place]:
    """What is left of some stretches without others."""
    for video_id, span in places:
        start = span.start
        for cut in sorted(cut for of, cut in cuts if of == video_id and cut.overlap(span) > 0):
            if cut.start > start:
                yield video_id, Span(start, cut.start)
            start = max(start, cut.end)
        if start < span.end:
            yield video_id, Span(start, span.end)
