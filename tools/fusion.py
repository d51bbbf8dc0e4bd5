"""From several rankings to one list of moments: fuse, merge neighbours, drop repeats, spread over
videos.

Pure functions over plain values; `search.py` feeds them.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from longtake.tools.hits import Hit
from longtake.tools.query import stem, words

K = TypeVar("K", bound=Hashable)

RRF_K = 60
"""Rank offset of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)."""
MERGE_GAP_S = 1.0
"""Hits of one lane this close in time are neighbours."""
MERGE_SCORE = 0.8
"""A neighbour must be at least this near in score: a good moment is not stretched by weak ones."""
MERGE_MAX_S = 30.0
"""No merged hit is longer than this, unless one of its parts already is."""
MERGE_MAX_CHARS = 320
"""No merged quote is longer than this, unless one of its parts already is."""
SAME_WORDS = 0.9
"""Quotes sharing this part of their words (Jaccard) are repeats."""
VIDEO_DECAY = 0.9
"""Every hit already taken from a video makes its next one count this much less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking(Generic[K]):
    """One ranker's list, best first."""

    keys: Sequence[K]
    weight: float = 1.0
    trust: Sequence[float] | None = None
    """How far to believe each entry, 0..1, beside its rank; None believes all of them."""


def fuse(rankings: Iterable[Ranking[K]], *, k: int = RRF_K) -> dict[K, float]:
    """Weighted reciprocal rank fusion: key -> sum of weight * trust / (k + rank), scaled to 0..1,
    best first.

    The order of the rankings does not matter; ties go by first appearance in the heavier ranking.
    Source: Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet", SIGIR
    2009; the weights
    and the trust factor are ours, because equal weights let a word match that means little
    outrank meaning.
    """
    lists = list(rankings)
    parts: dict[K, list[float]] = defaultdict(list)
    best = sum(sorted(r.weight for r in lists if r.keys)) / (k + 1)
    for ranking in lists:
        trust = ranking.trust if ranking.trust is not None else [1.0] * len(ranking.keys)
        for rank, (key, belief) in enumerate(zip(ranking.keys, trust, strict=True), start=1):
            parts[key].append(ranking.weight * belief / (k + rank))
    scores = {key: sum(sorted(p)) / best for key, p in parts.items()}
    return dict(sorted(scores.items(), key=lambda item: (-item[1], repr(item[0]))))


def merge_neighbours(hits: Iterable[Hit]) -> list[Hit]:
    """Neighbouring hits become one.

    Neighbours have the same video, lane and sources, similar scores, lie at most `MERGE_GAP_S`
    apart and stay within the caps together.

    Nothing is lost: every input lies inside exactly one result, whose quote joins theirs in the
    order of time.
    Best first.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], list[Hit]] = defaultdict(list)
    for hit in hits:
        groups[hit.video_id, hit.lane, hit.sources].append(hit)
    merged: list[Hit] = []
    for group in groups.values():
        group.sort(key=lambda h: (h.start, h.end, h.rows))
        run = group[0]
        for hit in group[1:]:
            if _fits(run, hit):
                run = _join(run, hit)
            else:
                merged.append(run)
                run = hit
        merged.append(run)
    return sorted(merged, key=lambda h: (-h.score, h.video_id, h.start, h.lane))


def _fits(run: Hit, hit: Hit) -> bool:
    if run.span.gap(hit.span) > MERGE_GAP_S or run.span.union(hit.span).duration > MERGE_MAX_S:
        return False
    if min(run.score, hit.score) < MERGE_SCORE * max(run.score, hit.score):
        return False
    return len(run.quote or "") + len(hit.quote or "") < MERGE_MAX_CHARS


def _join(first: Hit, second: Hit) -> Hit:
    best = max(first, second, key=lambda h: h.score)
    quotes = dict.fromkeys(h.quote for h in (first, second) if h.quote)
    return replace(
        best,
        start=min(first.start, second.start),
        end=max(first.end, second.end),
        quote=" ".join(quotes) or None,
        rows=first.rows + second.rows,
    )


def drop_repeats(hits: Iterable[Hit]) -> list[Hit]:
    """Hits without those that repeat a better one of the same video.

    A repeat says nearly the same words in the same lane, or at the same time in the other
    (burned-in subtitles).
    """
    kept: list[tuple[Hit, frozenset[str]]] = []
    for hit in sorted(hits, key=lambda h: -h.score):
        bag = frozenset(stem(w) for w in words(hit.quote or ""))
        if not any(_repeats(hit, bag, other, others) for other, others in kept):
            kept.append((hit, bag))
    return [hit for hit, _ in kept]


def _repeats(hit: Hit, bag: frozenset[str], other: Hit, others: frozenset[str]) -> bool:
    if hit.video_id != other.video_id or not bag or not others:
        return False
    if hit.lane != other.lane and hit.span.overlap(other.span) <= 0:
        return False
    return len(bag & others) / len(bag | others) >= SAME_WORDS


def spread(hits: Iterable[Hit], limit: int) -> list[Hit]:
    """At most `limit` hits, best first, over several videos.

    Greedy: each pick is the hit with the highest score * VIDEO_DECAY ** (hits already picked from
    its video), so a
    video holds the whole list only where it is clearly ahead.
    """
    queues: dict[str, list[Hit]] = defaultdict(list)
    for hit in sorted(hits, key=lambda h: (h.score, -h.start)):
        queues[hit.video_id].append(hit)
    picked: list[Hit] = []
    taken: dict[str, int] = defaultdict(int)
    while queues and len(picked) < limit:
        video = max(queues, key=lambda v: (queues[v][-1].score * VIDEO_DECAY ** taken[v], v))
        picked.append(queues[video].pop())
        taken[video] += 1
        if not queues[video]:
            del queues[video]
    return picked
