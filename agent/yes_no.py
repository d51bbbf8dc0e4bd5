"""Yes or no about single frames, asked of the model for presets that size frames by it (QuoTA).

The model sees small frames, several a call where that is cheaper a frame, and its numbers become
the signal `probability`. All calls of a run cost at most `SHARE` of what the run may spend beside
its answer; where that is too little for every frame, the most relevant of equal windows are asked
about. Where a reply cannot be used nothing more is asked, and relevance stands for the answers.

Where we depart from QuoTA (arXiv 2503.08689): it takes the probability of the letter A from a
second, small model, which few servers give; here the run's own model writes a number. Objects are
the plan's entities and the phrases of the question instead of a call's list.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from longtake.agent.desk import Desk
from longtake.agent.replies import YesReply
from longtake.agent.requests import frames_request
from longtake.agent.seeking import asked_of, part_of
from longtake.agent.state import State
from longtake.errors import BudgetExceeded, MediaError, VlmError
from longtake.index.records import VideoRecord
from longtake.tools.query import META_WORDS, STOP_WORDS, statement, words
from longtake.tools.select.choose import preset_named
from longtake.tools.select.items import IntArray
from longtake.tools.select.prefilter import best_of_windows
from longtake.tools.select.quota import asked
from longtake.tools.select.scorers import any_lane
from longtake.tools.select.signals import Gathered
from longtake.tools.view import Shape, blank_frames, fitted_size
from longtake.tools.vlm.messages import Frames, Request

SHARE = 0.25
"""Of the tokens that a run may spend beside its answer, the most that its frames are asked for."""
LONGEST_PX = 224
"""Longer side of the frames that are asked about."""
A_CALL = (1, 2, 4, 8)
"""Frames a call to choose from, by the price a frame."""
LEAST_USABLE = 0.5
"""Share of the frames that must have an answer for the answers to count."""
NODE = "select"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Frames of one video to ask the model about, some a call."""

    video: VideoRecord
    frames: IntArray
    """Indices among the frames that were gathered, ascending."""
    times: tuple[float, ...]
    """Their seconds."""
    a_call: int
    question: str
    objects: tuple[str, ...]

    def batches(self) -> list[slice]:
        """The frames of each call."""
        return [slice(i, i + self.a_call) for i in range(0, len(self.frames), self.a_call)]

    def shape(self, batch: slice) -> Shape:
        """The pictures of a call."""
        return _shape(self.video, self.times[batch])

    def request(self, pictures: Frames) -> Request:
        """The call that shows these pictures."""
        return frames_request(pictures.pictures, question=self.question, objects=self.objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of asking about the frames of one video."""

    gathered: Gathered
    """With the answers as `probability` where they could be used."""
    shown: tuple[Shape, ...] = ()
    """The frames of every call that was replied to."""
    note: str | None = None
    """Why there are no answers."""


def asks(preset: str) -> bool:
    """Whether a preset takes the answers of a model."""
    needs = preset_named(preset).needs
    return any("probability" in need.split(" or ") for need in needs)


async def with_answers(
    desk: Desk, state: State, video: VideoRecord, gathered: Gathered, *, tokens: int, label: str
) -> Answered:
    """Ask the model about the frames that were gathered.

    Args:
        tokens: the most that the calls may cost together.
        label: of the view that the answers are for, such as `L1`; names the calls.
    """
    ask = planned(desk, state, video, gathered, tokens=tokens)
    if ask is None:
        note = "too few tokens to ask about frames: relevance stands for the answers"
        return Answered(gathered=gathered, note=note)
    purpose = f"{desk.preset} {label}"
    reservations = _reserved(desk, ask, purpose)
    answers = np.full(len(gathered.items), np.nan)
    shown: list[Shape] = []
    batches = list(zip(ask.batches(), reservations, strict=False))
    # the first alone: a model that cannot answer is not asked again
    groups = (batches[:1], batches[1:])
    for group in groups:
        found = await asyncio.gather(*(_answers(desk, ask, b, r, purpose) for b, r in group))
        for (batch, _), (replied, values) in zip(group, found, strict=True):
            shown += [ask.shape(batch)] if replied else []
            if values is not None:
                answers[ask.frames[batch]] = values
        if np.isnan(answers).all():
            break
    for reservation in reservations:
        desk.release(reservation, "not sent")
    if np.count_nonzero(~np.isnan(answers)) < LEAST_USABLE * len(ask.frames):
        note = "the model's yes or no could not be used: relevance stands for it"
        return Answered(gathered=gathered, shown=tuple(shown), note=note)
    signals = replace(gathered.signals, probability=answers)
    return Answered(gathered=replace(gathered, signals=signals), shown=tuple(shown))


def expected(
    desk: Desk, state: State, video: VideoRecord, gathered: Gathered, *, tokens: int
) -> tuple[Gathered, int]:
    """What was gathered as a forecast takes it, without a call, and the tokens that the calls cost
    at most, which stay reserved. Where nothing says what is relevant every answer is yes."""
    ask = planned(desk, state, video, gathered, tokens=tokens)
    if ask is None:
        return gathered, 0
    before = desk.ledger.left
    _reserved(desk, ask, "a forecast")
    cost = before - desk.ledger.left
    if "relevance" in gathered.signals.known(gathered.items):
        return gathered, cost
    answers = np.full(len(gathered.items), np.nan)
    answers[ask.frames] = 1.0
    return replace(gathered, signals=replace(gathered.signals, probability=answers)), cost


def planned(
    desk: Desk, state: State, video: VideoRecord, gathered: Gathered, *, tokens: int
) -> Ask | None:
    """Which frames to ask about, and how many a call; None where not one call fits."""
    part = part_of(state)
    ask = Ask(
        video=video,
        frames=np.empty(0, np.intp),
        times=(),
        a_call=1,
        question=asked_of(state, part)["question"],
        objects=objects_of(state),
    )
    prices = {count: _price(desk, ask, count) for count in A_CALL}
    a_call = min(A_CALL, key=lambda count: (prices[count] / count, count))
    wanted = asked(gathered.items)
    count = min(len(wanted), tokens // prices[a_call] * a_call)
    rest = tokens - count // a_call * prices[a_call]
    if count < len(wanted):
        most = min(a_call - 1, len(wanted) - count)
        count += next((n for n in range(most, 0, -1) if _price(desk, ask, n) <= rest), 0)
    if not count:
        return None
    frames = wanted if count == len(wanted) else _fewer(gathered, count)
    times = tuple(float(time) for time in gathered.items.times[frames])
    return replace(ask, frames=frames, times=times, a_call=a_call)


def objects_of(state: State) -> tuple[str, ...]:
    """What to look for in a picture: the plan's entities and the phrases of what is asked, that is
    its runs of informative words; none where reasons or meanings are asked for."""
    plan = state["plan"]
    if part_of(state) == "anchor" and plan["relation"] is not None:
        queries = [plan["relation"]["anchor"]]
    else:
        queries = plan["sub_queries"]
    if {query["answer_type"] for query in queries} & {"reason", "definition"}:
        return ()
    phrases = [phrase for query in queries for phrase in _phrases(query["statement"])]
    inside = " ".join(phrases).lower()
    names = [name for name in plan["entities"] if name.lower() not in inside]
    return tuple(dict.fromkeys([*names, *phrases]))


def _phrases(text: str) -> list[str]:
    """Runs of informative words: `the man in the red hat` -> `man`, `red hat`."""
    found: list[list[str]] = [[]]
    for word in words(statement(text)):
        if word.lower() in STOP_WORDS | META_WORDS:
            found.append([])
        else:
            found[-1].append(word)
    return [" ".join(run) for run in found if run]


def tokens_for_questions(desk: Desk) -> int:
    """The most that all questions about frames may cost. What they cost already counts as left, so
    that a run that was killed while it asked asks the same again and finds its replies; not so
    where a server's first reports corrected the prices that its frames were chosen by."""
    spent = sum(entry.charged for entry in desk.ledger.entries if entry.node == NODE)
    return int((desk.ledger.left + spent) * SHARE)


def _price(desk: Desk, ask: Ask, count: int) -> int:
    """Tokens that a call about so many frames costs at most."""
    shape = _shape(ask.video, (0.0,) * count)
    return desk.calls.price(ask.request(blank_frames(shape))).total


def _shape(video: VideoRecord, times: Sequence[float]) -> Shape:
    assert video.width and video.height
    width, height = fitted_size(video.width, video.height, LONGEST_PX)
    return Shape(times=tuple(times), width=width, height=height)


def _fewer(gathered: Gathered, count: int) -> IntArray:
    """So many frames: the most relevant of equal windows, evenly spread ones where nothing says
    what is relevant."""
    known = gathered.signals.known(gathered.items)
    total = len(gathered.items)
    scores = any_lane(gathered.items, gathered.signals) if "relevance" in known else None
    return best_of_windows(np.zeros(total) if scores is None else scores, count)


def _reserved(desk: Desk, ask: Ask, purpose: str) -> list[str]:
    """A reservation a call, as many as fit."""
    made: list[str] = []
    for batch in ask.batches():
        request = ask.request(blank_frames(ask.shape(batch)))
        try:
            made.append(desk.reserve(request, node=NODE, purpose=purpose))
        except BudgetExceeded:
            break
    return made


async def _answers(
    desk: Desk, ask: Ask, batch: slice, reservation: str, purpose: str
) -> tuple[bool, list[float] | None]:
    """Whether a reply came to a call, and its number for each frame; None where it has none that
    can be used."""
    try:
        pictures = await asyncio.to_thread(desk.viewer.frames, ask.video.id, ask.shape(batch))
        reply = await desk.calls.ask(
            ask.request(pictures), node=NODE, purpose=purpose, reservation=reservation
        )
    except (BudgetExceeded, MediaError, VlmError):
        return False, None
    if not isinstance(reply.parsed, YesReply) or len(reply.parsed.yes) != len(pictures.pictures):
        return True, None
    return True, list(reply.parsed.yes)
