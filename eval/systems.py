"""The systems that are compared: the agent, and what anybody could do with the same model and the
same number of tokens."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from longtake.errors import UsageError
from longtake.eval.agents import ask_agent
from longtake.eval.asking import Asked, Outcome, guess, read_once
from longtake.eval.material import Material
from longtake.eval.samples import Evidence, Sample
from longtake.eval.sources import (
    LEAST_S,
    ORACLE_PER_SECOND,
    most_similar,
    near_to_question,
    over,
    selected,
    spoken,
    uniform,
)
from longtake.eval.watched import WatchedLibrary
from longtake.timing import Span
from longtake.tools.select.choose import preset_named
from longtake.tools.vlm.messages import Vlm

AGENT = "agent"
RANDOM = "random"

Gather = Callable[[WatchedLibrary, Asked, dict[str, str]], Material]
"""What a comparator may show, from: library, question, video of the benchmark -> its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A way to answer."""

    name: str
    line: str
    """What it does, for people."""
    gather: Gather | None = None
    """None for those that do not answer from material."""
    needs_evidence: bool = False
    """Only samples whose proof is known can be asked."""
    needs_speech: bool = False

    def takes(self, sample: Sample) -> bool:
        """Whether a sample can be put to it."""
        return bool(sample.evidence) or not self.needs_evidence


def _spans(asked: Asked) -> dict[str, Span]:
    return {video.id: asked.span(video) for video in asked.videos}


def _uniform(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    return uniform(asked.videos, _spans(asked))


def _topk(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    made = most_similar(library, asked.videos, _spans(asked), asked.sample.question)
    if made is None:
        raise UsageError(
            "topk needs frame embeddings: index with an image-text model (longtake doctor)"
        )
    return made


def _transcript(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    spans = _spans(asked)
    lines = tuple(spoken(library, asked.videos, spans))
    return Material(videos=asked.videos, spans=spans, lines=lines)


def _both(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    frames = _uniform(library, asked, ids)
    lines = _transcript(library, asked, ids).lines
    return Material(
        videos=frames.videos,
        spans=frames.spans,
        spread=frames.spread,
        wanted=frames.wanted,
        lines=lines,
    )


def _video_rag(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    made = near_to_question(library, asked.videos, _spans(asked), asked.sample.question)
    if made is None:
        raise UsageError(
            "video_rag needs sentence embeddings of speech or on-screen text: index with their "
            "weights (longtake doctor)"
        )
    return made


def _blind(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    return Material(videos=asked.videos, spans=_spans(asked))


def _black(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    frames = _uniform(library, asked, ids)
    return Material(
        videos=frames.videos,
        spans=frames.spans,
        spread=frames.spread,
        wanted=frames.wanted,
        black=True,
    )


def _oracle(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """The first group of evidence: its frames, and what is said in it."""
    spans = _spans(asked)
    evidence = asked.sample.evidence
    group = [piece for piece in evidence if piece.group == evidence[0].group]
    places: list[tuple[str, Span]] = []
    for piece in group:
        video_id = ids.get(piece.video)
        if video_id in spans:
            place = _widened(piece, spans[video_id])
            if place.duration > 0 and (video_id, place) not in places:
                places.append((video_id, place))
    videos = tuple(v for v in asked.videos if any(v.id == video for video, _ in places))
    frames = over(videos or asked.videos, spans, places, ORACLE_PER_SECOND)
    lines = tuple(
        line
        for line in spoken(library, videos, spans)
        if any(
            video == line.video_id and span.overlap(Span(line.start, line.end)) > 0
            for video, span in places
        )
    )
    return Material(
        videos=frames.videos,
        spans=spans,
        spread=frames.spread if places else None,
        wanted=frames.wanted,
        lines=lines,
    )


def _widened(piece: Evidence, allowed: Span) -> Span:
    """The evidence, at least `LEAST_S` long where the video allows, within what may be seen."""
    span = piece.span
    if span.duration < LEAST_S:
        start = max(allowed.start, span.middle - LEAST_S / 2)
        span = Span(start, start + LEAST_S)
    return Span(max(span.start, allowed.start), max(span.start, span.end)).clamp(allowed.end)


_ALL = (
    System(name=AGENT, line="longtake's agent under a policy and a preset"),
    System(name="uniform", line="evenly spread frames, one call", gather=_uniform),
    System(name="topk", line="the frames most similar to the question, one call", gather=_topk),
    System(
        name="transcript",
        line="what is said, evenly thinned, one call",
        gather=_transcript,
        needs_speech=True,
    ),
    System(
        name="uniform_transcript",
        line="evenly spread frames and evenly thinned speech, one call",
        gather=_both,
        needs_speech=True,
    ),
    System(
        name="video_rag",
        line="evenly spread frames, and speech and on-screen text near to the question, one call",
        gather=_video_rag,
    ),
    System(name="blind", line="question and options alone, one call", gather=_blind),
    System(name="black", line="as uniform, every frame black", gather=_black),
    System(
        name="oracle",
        line="frames and speech of the evidence, one call: the ceiling of the reader",
        gather=_oracle,
        needs_evidence=True,
    ),
    System(name=RANDOM, line="an option by lot, no call"),
)
SYSTEMS = {system.name: system for system in _ALL}
SELECT = "select-"
"""Begins the names of systems that show what a preset selects, such as `select-aks`."""


_LINES = {f"{SELECT}quota": "Sizes of frames by their relevance, one call"}
"""Where a preset works from less than in the agent, which asks the model about small frames."""


def system_named(name: str) -> System:
    """The system of that name.

    Raises:
        UsageError: there is none.
    """
    if name.startswith(SELECT):
        preset = preset_named(name.removeprefix(SELECT))
        return System(
            name=name,
            line=_LINES.get(name, f"{preset.line.rstrip('.')}, one call"),
            gather=lambda library, asked, ids: _selected(library, asked, preset.name),
        )
    if name not in SYSTEMS:
        known = ", ".join((*SYSTEMS, f"{SELECT}PRESET"))
        raise UsageError(f"no system {name!r}; there are {known}")
    return SYSTEMS[name]


def _selected(library: WatchedLibrary, asked: Asked, preset: str) -> Material:
    if len(asked.videos) != 1:
        raise UsageError("presets select among the frames of one video, not of a library")
    (video,) = asked.videos
    span = asked.span(video)
    return selected(library, video, span, asked.sample.question, preset, seed=asked.seed)


async def put(
    system: System,
    library: WatchedLibrary,
    ids: dict[str, str],
    vlm: Vlm | None,
    asked: Asked,
    *,
    policy: str,
    preset: str,
) -> Outcome:
    """Put a question to a system.

    Raises:
        LongtakeError: it cannot be asked.
    """
    if system.name == RANDOM:
        return guess(asked)
    assert vlm is not None, "systems other than random have a model"
    if system.gather is None:
        return await ask_agent(library, vlm, asked, policy=policy, preset=preset)
    material = await asyncio.to_thread(system.gather, library, asked, ids)
    use_cache = library.settings.vlm.cache
    return await read_once(library, vlm, asked, material, use_cache=use_cache)
