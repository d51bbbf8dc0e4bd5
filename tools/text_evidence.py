"""Video-RAG's text evidence: speech and on-screen text that are near to what is asked.

As published (arXiv 2411.13093) with Contriever over 30 s pieces of speech; ours goes over the
library's sentences and cues with its own sentence encoder, gives every line its times, and has a
cap of tokens, which theirs has not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from longtake.index.lanes import F32, SentenceEncoder
from longtake.index.records import LANE_CODES
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.read import Count, Reading, TextItem, byte_count, capped, in_time, plain

THRESHOLD = 0.3
"""Theirs: evidence must be this near to its query (inner product of unit vectors)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What Video-RAG looks for: the question, and what a model would search the lists for."""

    question: str
    speech: Sequence[str] = ()
    """Sentences that may be said."""
    text: Sequence[str] = ()
    """Things that may be written or seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Lines that are near to what is asked."""

    items: tuple[TextItem, ...]
    """In the order of time."""
    nearness: tuple[float, ...]
    """Of each, above the threshold."""

    def under(self, most_tokens: int, *, count: Count = byte_count) -> Reading:
        """The nearest of them that fit under a cap, in the order of time."""
        return capped(self.items, most_tokens, count=count, scores=self.nearness)


def text_evidence(
    library: Library,
    video_id: str,
    asked: Asked,
    *,
    span: Span | None = None,
    threshold: float = THRESHOLD,
) -> Evidence | None:
    """Video-RAG's text evidence: of each list what is nearer to its query than the threshold. The
    query of a list is the mean of the question's vector and those of what was asked of it. Theirs
    has no cap; ours is `Evidence.under`.

    Args:
        span: only what is said or stands in it.

    Returns:
        None where the library has no sentence vectors or their encoder is missing.
    """
    encoder = library.sentence_encoder
    vectors = library.store.sentence_vectors(video_id) if encoder is not None else None
    if encoder is None or vectors is None:
        return None
    segments, cues = library.store.segments(video_id), library.store.cues(video_id)
    inside = np.ones(len(vectors.starts), bool)
    if span is not None:
        inside = (vectors.starts < span.end) & (vectors.ends > span.start)
    found: list[tuple[TextItem, float]] = []
    for lane, wanted in (("speech", asked.speech), ("text", asked.text)):
        nearness = vectors.vectors.astype(np.float32) @ _query(encoder, [asked.question, *wanted])
        code = LANE_CODES["speech" if lane == "speech" else "text"]
        for row in np.flatnonzero(inside & (vectors.lanes == code) & (nearness > threshold)):
            position = int(vectors.positions[row])
            score = float(nearness[row])
            if lane == "speech":
                segment = segments[position].segment
                item = TextItem(text=segment.text, span=segment.span, lane="speech")
            else:
                cue = cues[position].cue
                item = TextItem(text=cue.text, span=cue.span, lane="text")
            if library.may_quote(item.lane, item.span):
                found.append((item, score))
    found = _once(sorted(found, key=lambda pair: in_time(pair[0])))
    return Evidence(
        items=tuple(item for item, _ in found), nearness=tuple(score for _, score in found)
    )


def _query(encoder: SentenceEncoder, texts: list[str]) -> F32:
    """[D] unit length."""
    mean = encoder.embed(texts).mean(0)
    unit: F32 = mean / max(1e-12, float(np.linalg.norm(mean)))
    return unit


def _once(found: Sequence[tuple[TextItem, float]]) -> list[tuple[TextItem, float]]:
    """The same words of a lane once, at their first time."""
    seen: dict[tuple[str, str], tuple[TextItem, float]] = {}
    for item, score in found:
        seen.setdefault((item.lane, plain(item.text)), (item, score))
    return list(seen.values())
