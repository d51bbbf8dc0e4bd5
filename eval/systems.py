"""The systems that are compared: the agent, and what anybody could do with the same model and the
same number of tokens."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from longtake.errors import UsageError
from longtake.eval.agents import ask_agent
from longtake.eval.asking import Asked, Outcome, guess
from longtake.eval.controls import black, blind, novelty, ocr, options_only, shuffled
from longtake.eval.libraries import ALL_STAGES
from longtake.eval.material import Material
from longtake.eval.oracle import has_evidence, has_hops, oracle, oracle_minus_one
from longtake.eval.reader import read_once
from longtake.eval.samples import Sample
from longtake.eval.sources import most_similar, near_to_question, selected, spoken, uniform
from longtake.eval.watched import WatchedLibrary
from longtake.index.lanes import StageName
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
    draw: Callable[[Asked], Outcome] | None = None
    """Answers without a model; None for those that have one."""
    takes: Callable[[Sample], bool] = lambda sample: True
    """Whether a sample can be put to it."""
    without: str = ""
    """What a benchmark lacks of which it takes no sample."""
    needs_speech: bool = False
    stages: frozenset[StageName] = ALL_STAGES
    """Of indexing, that it works from."""


def _uniform(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    return uniform(asked.videos, asked.spans)


def _topk(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    made = most_similar(library, asked.videos, asked.spans, asked.sample.question)
    if made is None:
        raise UsageError(
            "topk needs frame embeddings: index with an image-text model (longtake doctor)"
        )
    return made


def _transcript(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    spans = asked.spans
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
    made = near_to_question(library, asked.videos, asked.spans, asked.sample.question)
    if made is None:
        raise UsageError(
            "video_rag needs sentence embeddings of speech or on-screen text: index with their "
            "weights (longtake doctor)"
        )
    return made


_DECODED = frozenset({StageName.SHOTS})
"""One pass of decoding tells how long a video really is."""
_SAID = _DECODED | {StageName.SPEECH}
_WRITTEN = _DECODED | {StageName.TEXT}
_ALL = (
    System(name=AGENT, line="longtake's agent under a policy and a preset"),
    System(name="uniform", line="evenly spread frames, one call", gather=_uniform, stages=_DECODED),
    System(
        name="topk",
        line="the frames most similar to the question, one call",
        gather=_topk,
        stages=_DECODED | {StageName.VISUAL},
    ),
    System(
        name="transcript",
        line="what is said, evenly thinned, one call",
        gather=_transcript,
        needs_speech=True,
        stages=_SAID,
    ),
    System(
        name="uniform_transcript",
        line="evenly spread frames and evenly thinned speech, one call",
        gather=_both,
        needs_speech=True,
        stages=_SAID,
    ),
    System(
        name="video_rag",
        line="evenly spread frames, and speech and on-screen text near to the question, one call",
        gather=_video_rag,
        stages=_SAID | _WRITTEN | {StageName.SENTENCES},
    ),
    System(
        name="ocr",
        line="what is written on the screen, evenly thinned, one call",
        gather=ocr,
        stages=_WRITTEN,
    ),
    System(
        name="blind", line="question and options alone, one call", gather=blind, stages=_DECODED
    ),
    System(
        name="options_only",
        line="the options without their question, one call",
        gather=options_only,
        stages=_DECODED,
        takes=lambda sample: sample.kind == "option" and len(sample.options) > 1,
        without="has no questions with options",
    ),
    System(name="black", line="as uniform, every frame black", gather=black, stages=_DECODED),
    System(
        name="shuffled",
        line="as uniform, each video's frames in an order drawn by lot, one call",
        gather=shuffled,
        stages=_DECODED,
    ),
    System(
        name="novelty",
        line="the frames that stand out most, whatever is asked, one call",
        gather=novelty,
        stages=_WRITTEN | {StageName.VISUAL},
    ),
    System(
        name="oracle",
        line="frames, speech and on-screen text of the evidence, one call: the reader's ceiling",
        gather=oracle,
        stages=_SAID | _WRITTEN,
        takes=has_evidence,
        without="does not say what proves its answers",
    ),
    System(
        name="oracle_minus_one",
        line="as oracle, without the last piece of a proof that needs several",
        gather=oracle_minus_one,
        stages=_SAID | _WRITTEN,
        takes=has_hops,
        without="has no answers that several stretches prove together",
    ),
    System(name=RANDOM, line="an option by lot, no call", draw=guess, stages=_DECODED),
    System(
        name="random_abstain",
        line="an option or none by lot, no call",
        draw=partial(guess, abstains=True),
        stages=_DECODED,
    ),
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
            takes=lambda sample: bool(sample.video),
            without="asks of several videos at once only",
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
    if system.draw is not None:
        return system.draw(asked)
    assert vlm is not None, "systems that do not draw have a model"
    if system.gather is None:
        return await ask_agent(library, vlm, asked, policy=policy, preset=preset)
    material = await asyncio.to_thread(system.gather, library, asked, ids)
    use_cache = library.settings.vlm.cache
    return await read_once(library, vlm, asked, material, use_cache=use_cache)
