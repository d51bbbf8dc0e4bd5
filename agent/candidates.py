"""Moments that may be worth a look, with the share of belief each has: what was retrieved, and
stretches that nothing speaks for or against."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from longtake.agent.ends import first_or_last
from longtake.agent.outcomes import shown_views
from longtake.agent.seeking import asked_lanes, beside, decided_after, from_an_end, part_of
from longtake.agent.sightings import gaps_of, part
from longtake.agent.state import Observation, State, View
from longtake.agent.stretches import LONGEST_S, Candidate, by_video, pieces, unseen
from longtake.agent.views import on_sheets
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.library import Library

SHORTEST_S = 4.0
COVERAGE_SHARE = 0.3
"""Belief spread over all stretches when something was retrieved."""
SHARPNESS = 3.0
"""Power of a row's score that belief goes with: fused scores lie close together, and several poor
rows that meet would outdo the best one. Of 148 haystack questions (suite `dev`, on which it was not
chosen) the first candidate holds the answer in 68 with 1, 72 with 2, 74 with 3, 75 with 4 and 6."""
BLIND_SHARE = 0.9
"""The same for questions about looks when nothing is known of the pictures."""
BESIDE_SHARE = 0.7
"""Belief of the stretches beside the moment that a relation in time refers to."""
SEEN = 0.5
"""A stretch is seen when looks cover this share of it."""
NEAR_S = 30.0
"""Belief moves to stretches this near to a telling one."""
NEAR_FACTOR = 3.0
SMALL_PX = 160
"""Frames of fewer pixels on their longer side do not settle what is to be seen."""


def candidates(library: Library, state: State) -> list[Candidate]:
    """Candidates not yet looked at, by video and time; beliefs sum to at most 1."""
    videos = allowed_videos(library, state)
    spans = {video.id: bounds(video, state) for video in videos.values()}
    found = _merged(_from_rows(state, videos))
    seen = partial(_is_seen, seen=_seen(state))
    if from_an_end(state):
        last = state["plan"]["order"] == "last"
        every = first_or_last(spans, found, last=last, is_seen=seen)
    else:
        every = _spread(state, found, spans, _beside(state, videos))
    left = [c for c in every if not seen(c)]
    left = _undecided(_moved(left, state.get("observations") or []), decided_after(state))
    return sorted(left, key=lambda c: (c.video_id, c.span.start))


def _spread(
    state: State,
    found: Sequence[Candidate],
    spans: Mapping[str, Span],
    near: Sequence[Candidate],
) -> list[Candidate]:
    """What was retrieved, by its scores, stretches that nothing speaks for, and those beside a
    moment that the question refers to, which have most of the belief."""
    found = [c for c in found if not _is_seen(c, by_video(near))]
    share = _coverage_share(state, found)
    kept = 1 - BESIDE_SHARE if near else 1.0
    total = sum(c.belief for c in found) or 1.0
    found = [replace(c, belief=c.belief / total * (1 - share * kept) * kept) for c in found]
    return [*near, *found, *unseen(spans, [*near, *found], share * kept)]


def allowed_videos(library: Library, state: State) -> dict[str, VideoRecord]:
    """Videos with pictures that the question may be about."""
    ids = set(state.get("videos") or ())
    return {
        video.id: video
        for video in library.videos()
        if video.width and video.duration > 0 and (not ids or video.id in ids)
    }


def beliefs_by_video(left: Iterable[Candidate], videos: Iterable[str]) -> dict[str, float]:
    """Video id -> belief of all its candidates; 0 where it has none."""
    beliefs = dict.fromkeys(videos, 0.0)
    for candidate in left:
        beliefs[candidate.video_id] += candidate.belief
    return beliefs


def bounds(video: VideoRecord, state: State) -> Span:
    """The stretch of a video that may be looked at."""
    between = state.get("between") or []
    if not between:
        return Span(0.0, video.duration)
    return Span(between[0], between[1]).clamp(video.duration)


def _from_rows(state: State, videos: Mapping[str, VideoRecord]) -> list[Candidate]:
    made = []
    for row in state.get("rows") or []:
        video = videos.get(row["video_id"])
        if video is None or (row["score"] <= 0 and not row["beside"]):
            continue
        allowed = bounds(video, state)
        if row["start"] >= allowed.end or row["end"] <= allowed.start:
            continue
        span = _window(Span(row["start"], row["end"]), row["frame_time"], allowed)
        quote = f'"{row["text"]}"' if row["text"] else "pictures like the question"
        why = f"{row['lane']}: {quote}"
        belief = max(row["score"], 1e-3) ** SHARPNESS * (2.0 if row["beside"] else 1.0)
        made.append(Candidate(video_id=video.id, span=span, belief=belief, why=why))
    return made


def _window(span: Span, peak: float | None, allowed: Span) -> Span:
    """The span, widened to at least `SHORTEST_S`, within what may be looked at: no more than that
    around the frame that fits best, where one is known, else cut to `LONGEST_S` from its start."""
    if span.duration < SHORTEST_S:
        pad = (SHORTEST_S - span.duration) / 2
        span = Span(max(0.0, span.start - pad), span.end + pad)
    start, end = max(span.start, allowed.start), min(span.end, allowed.end)
    if peak is None:
        return Span(start, min(end, start + LONGEST_S))
    start = min(max(start, peak - SHORTEST_S / 2), max(start, end - SHORTEST_S))
    return Span(start, min(end, start + SHORTEST_S))


def _merged(found: Sequence[Candidate]) -> list[Candidate]:
    """Candidates that overlap by half become one; its belief is their sum."""
    kept: list[Candidate] = []
    for candidate in sorted(found, key=lambda c: -c.belief):
        for index, other in enumerate(kept):
            shorter = min(candidate.span.duration, other.span.duration)
            if (
                other.video_id == candidate.video_id
                and candidate.span.overlap(other.span) >= SEEN * shorter
            ):
                kept[index] = replace(other, belief=other.belief + candidate.belief)
                break
        else:
            kept.append(candidate)
    return kept


def _coverage_share(state: State, found: Sequence[Candidate]) -> float:
    if not found:
        return 1.0
    searched = state.get("searched", {}).get("visual", "")
    if asked_lanes(state) == {"visual"} and not searched.startswith("searched"):
        return BLIND_SHARE
    return COVERAGE_SHARE


def _seen(state: State) -> dict[str, list[Span]]:
    """What was shown of each video, for what is looked for now."""
    now = part_of(state)
    spans: dict[str, list[Span]] = {}
    for view in shown_views(state):
        if part(view) == now:
            spans.setdefault(view["video_id"], []).extend(_settled(view))
    return spans


def _settled(view: View) -> list[Span]:
    """Stretches of a view that its frames settle: near enough to each other, and large enough."""
    if on_sheets(view) or max(view["width"], view["height"]) < SMALL_PX:
        return []
    return [
        Span(max(low, view["start"]), min(high, view["end"]))
        for low, high in gaps_of(view)
        if high - low <= LONGEST_S / 2
    ]


def _is_seen(candidate: Candidate, seen: Mapping[str, Sequence[Span]]) -> bool:
    covered = sum(candidate.span.overlap(span) for span in seen.get(candidate.video_id, ()))
    return covered >= SEEN * candidate.span.duration


def _moved(left: Sequence[Candidate], observations: Sequence[Observation]) -> list[Candidate]:
    """Beliefs after what was seen: more near telling moments."""
    telling = [o for o in observations if o["relevant"] and o["confidence"] >= 0.5]
    if not telling:
        return list(left)
    moved = []
    for candidate in left:
        factor = 1.0
        if any(_near(candidate, observation) for observation in telling):
            factor = NEAR_FACTOR
        moved.append(replace(candidate, belief=candidate.belief * factor))
    total = sum(c.belief for c in moved)
    return [replace(c, belief=c.belief / total) if total > 1 else c for c in moved]


def _beside(state: State, videos: Mapping[str, VideoRecord]) -> list[Candidate]:
    """Stretches beside the moment that a relation in time refers to, the nearest believed most."""
    where = beside(state)
    if where is None or where.video_id not in videos:
        return []
    allowed = bounds(videos[where.video_id], state)
    if where.span.overlap(allowed) <= 0:
        return []
    span = Span(max(where.span.start, allowed.start), min(where.span.end, allowed.end))
    parts = pieces(span, LONGEST_S)
    if where.backwards:
        parts.reverse()
    total = sum(0.5**place for place in range(len(parts)))
    return [
        Candidate(
            video_id=where.video_id,
            span=piece,
            belief=BESIDE_SHARE * 0.5**place / total,
            why="beside the moment that the question refers to",
        )
        for place, piece in enumerate(parts)
    ]


def _undecided(left: Sequence[Candidate], decided: Mapping[str, Span]) -> list[Candidate]:
    """Candidates without those that cannot change which moment is the first, last or nth."""
    return [
        c
        for c in left
        if c.video_id not in decided or c.span.overlap(decided[c.video_id]) < c.span.duration
    ]


def _near(candidate: Candidate, observation: Observation) -> bool:
    span = Span(observation["start"], observation["end"])
    return candidate.video_id == observation["video_id"] and candidate.span.gap(span) <= NEAR_S
