"""Controls: what a system must beat before its number means that it found something
(benchmarks.md 4.6)."""

from dataclasses import replace

import numpy as np

from longtake.eval.asking import Asked
from longtake.eval.material import Material
from longtake.eval.sources import ranked, uniform, written
from longtake.eval.watched import WatchedLibrary
from longtake.tools.select.items import Array
from longtake.tools.select.scorers import novelty as change
from longtake.tools.select.signals import Gathered, gather


def blind(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """The question and its options."""
    return Material(videos=asked.videos, spans=asked.spans)


def options_only(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """The options, and nothing of question or video (choices-only prompts of Balepur et al., arXiv
    2402.12483). One must be chosen, also where others may abstain: without a question that would
    say nothing."""
    return Material(videos=(), spans={}, withheld=True)


def black(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """Evenly spread frames, all black."""
    return replace(uniform(asked.videos, asked.spans), pixels="black")


def shuffled(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """Evenly spread frames in an order drawn by lot.

    The seconds stay where they are and ascend, so that the request differs in nothing but which
    pixels stand at which second: models that are sent frames as one video derive positions from
    seconds, and true ones would give the order away.
    """
    return replace(uniform(asked.videos, asked.spans), pixels="shuffled")


def ocr(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """What is written on the screen, in the order of videos and time."""
    spans = asked.spans
    lines = tuple(written(library, asked.videos, spans))
    return Material(videos=asked.videos, spans=spans, lines=lines)


def novelty(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
    """The frames that stand out most, whatever is asked: needles that it finds were pasted."""
    spans = asked.spans
    scored: list[tuple[float, int, str, float]] = []
    lots = np.random.default_rng(asked.seed)
    for video in asked.videos:
        found = gather(library, video.id, span=spans[video.id])
        scores = outstanding(found)
        for time, score, lot in zip(
            found.items.times, scores, lots.permutation(len(scores)), strict=True
        ):
            scored.append((-float(score), int(lot), video.id, round(float(time), 3)))
    order = [(score, video_id, time) for score, _, video_id, time in sorted(scored)]
    return ranked(asked.videos, spans, order)


def outstanding(found: Gathered) -> Array:
    """[N] how far each frame is from what its video usually shows: 1 - cosine of its embedding and
    their mean. Without embeddings how much changes at it: 1 at a cut, less where text comes up."""
    features = found.items.features
    if features is None:
        return change(found.items, found.signals)
    rows = features.astype(np.float32)
    middle = rows.mean(axis=0)
    length = float(np.linalg.norm(middle))
    return 1.0 - rows @ middle / length if length else np.ones(len(rows))
