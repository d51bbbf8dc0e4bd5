"""How one question is put to one system, and what came of it, whatever the system."""

import asyncio
import hashlib
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from longtake.agent.calls import Calls
from longtake.agent.desk import JOURNAL
from longtake.agent.receipt import Receipt
from longtake.agent.replies import AnswerReply
from longtake.agent.requests import letter, repair_request
from longtake.errors import BudgetExceeded
from longtake.eval.material import Chosen, Material, fitted, shown
from longtake.eval.reading import Question, Shown, read_request, understood
from longtake.eval.records import Cited, FrameSent, Spent, Status
from longtake.eval.samples import Sample, told_apart
from longtake.eval.watched import WatchedLibrary
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.view import Shape
from longtake.tools.viewer import Viewer, encode
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.messages import Frames, Price, Reply, Request, Vlm

NOTHING = Spent(visual=0, text_in=0, out=0, cached=0, total=0, calls=0, usd=0.0)
WITHHELD = "refused"
UNREACHED = frozenset({"unavailable", "lost", "rejected", "failed"})
"""Outcomes of calls that say nothing of the model's ability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question to one system."""

    sample: Sample
    videos: tuple[VideoRecord, ...]
    """Where the answer may lie."""
    order: tuple[int, ...]
    """Place in the benchmark of each option as shown."""
    budget: int
    seed: int
    may_abstain: bool
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Under which its calls are in the library's journal."""

    @property
    def question(self) -> Question:
        """As it is shown. Equal options are told apart."""
        options = told_apart([self.sample.options[place] for place in self.order])
        return Question(text=self.sample.question, options=options, may_abstain=self.may_abstain)

    @property
    def between(self) -> Span | None:
        """What of each video may be seen; None is all of it."""
        until = self.sample.visible_until_s
        return None if until is None else Span(0.0, max(0.0, until))

    def span(self, video: VideoRecord) -> Span:
        """What of one video may be seen."""
        whole = Span(0.0, video.duration)
        return whole if self.between is None else self.between.clamp(video.duration)

    @property
    def spans(self) -> dict[str, Span]:
        """Video id -> what of it may be seen."""
        return {video.id: self.span(video) for video in self.videos}

    @property
    def labels(self) -> dict[str, str]:
        """What models call the videos."""
        return {video.id: f"V{number}" for number, video in enumerate(self.videos, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it; ids of videos are those of the library."""

    status: Status
    answered_by: Literal["model", "rules", "none"] = "none"
    raw: str = ""
    text: str = ""
    place: int | None = None
    """Index of the chosen option as shown."""
    abstained: bool = False
    confidence: float | None = None
    cited: tuple[Cited, ...] = ()
    frames: tuple[FrameSent, ...] = ()
    spent: Spent = NOTHING
    overrun: bool = False
    vlm_s: float = 0.0
    error: str | None = None
    agent_run: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class Seeded:
    """A model whose requests all carry a seed. Seeds have caches of their own."""

    def __init__(self, vlm: Vlm, seed: int) -> None:
        self._vlm = vlm
        self._seed = seed
        self.name = vlm.name
        self.identity = vlm.identity if not seed else f"{vlm.identity}/seed{seed}"

    def price(self, request: Request) -> Price:
        """That of the model."""
        return self._vlm.price(request)

    async def ask(self, request: Request) -> Reply:
        """The model's reply to the request with the seed."""
        return await self._vlm.ask(replace(request, seed=self._seed))

    async def close(self) -> None:
        """Nothing: the model is its owner's to close."""


def option_order(sample: Sample, option_seed: int | None, seed: int) -> tuple[int, ...]:
    """The order in which options are shown: the benchmark's without an option seed, else drawn
    from it, the sample's name and the run's seed, the same in every process."""
    order = list(range(len(sample.options)))
    if option_seed is not None:
        random.Random(_number(f"{option_seed}/{sample.sample_id}/{seed}")).shuffle(order)
    return tuple(order)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def by_lot(what: str, asked: Asked) -> random.Random:
    """Lots for one question, the same whenever it is asked again with its seed."""
    return random.Random(_number(f"{what}/{asked.sample.sample_id}/{asked.seed}"))


def guess(asked: Asked, *, abstains: bool = False) -> Outcome:
    """An option at random, or none, as likely as any of them, where it `abstains`; no option
    abstains."""
    options = len(asked.order)
    count = options + abstains
    place = by_lot("guess", asked).randrange(count) if count else 0
    if place >= options:
        return Outcome(status="ok", answered_by="rules", abstained=True)
    return Outcome(
        status="ok",
        answered_by="rules",
        raw=letter(asked.order[place]),
        text=asked.question.options[place],
        place=place,
        confidence=1 / count,
    )


async def read_once(
    library: WatchedLibrary, vlm: Vlm, asked: Asked, material: Material, *, use_cache: bool
) -> Outcome:
    """Show as much of some material as the budget holds and ask once.

    Raises:
        VlmError: the model cannot be reached or its reply was lost.
        MediaError: frames cannot be read.
    """
    question = material.asks(asked.question)
    journal = Journal.open(library.root / JOURNAL)
    events: list[dict[str, Any]] = []
    try:
        calls = Calls.restore(
            vlm,
            journal,
            asked.run_id,
            limit=asked.budget,
            use_cache=use_cache,
            on_call=events.append,
        )
        chosen = await asyncio.to_thread(
            fitted,
            material,
            question,
            asked.labels,
            room=calls.ledger.available(),
            price=lambda request: calls.price(request).total,
        )
        if chosen is None:
            return Outcome(status="budget", error="the question alone does not fit the budget")
        videos = await asyncio.to_thread(_with_frames, library, material, chosen, asked)
        request = read_request(question, videos, chosen.lines)
        try:
            reply = await calls.structured(
                request, node="answer", purpose="answer", repair=repair_request, answer=True
            )
        except BudgetExceeded as exc:
            return Outcome(status="budget", error=str(exc))
        receipt = Receipt.of(calls.ledger, library.settings.vlm)
    finally:
        journal.close()
    sent = tuple(
        FrameSent(video=video, t_s=shape.times[place], width=shape.width, height=shape.height)
        for video, shape in chosen.shapes
        for place in _places(material, asked, video, shape)
    )
    return _outcome(asked, reply, receipt, chosen, videos, sent)


def _with_frames(
    library: WatchedLibrary, material: Material, chosen: Chosen, asked: Asked
) -> list[Shown]:
    """What is shown, with its pixels."""
    viewer = Viewer(library)
    videos = []
    for video in shown(material, chosen, asked.labels):
        if material.pixels == "black":
            frames = tuple(map(_blackened, video.frames))
        else:
            frames = tuple(
                _rearranged(viewer.frames(of, shape), _places(material, asked, of, shape))
                for of, shape in chosen.shapes
                if of == video.video_id
            )
        videos.append(replace(video, frames=frames))
    return videos


def _places(material: Material, asked: Asked, video_id: str, shape: Shape) -> list[int]:
    """Which frame of a shape is sent first, second, ...: drawn by lot where they are shuffled."""
    places = list(range(len(shape.times)))
    if material.pixels == "shuffled":
        by_lot(f"shuffle/{video_id}", asked).shuffle(places)
    return places


def _rearranged(frames: Frames, places: Sequence[int]) -> Frames:
    """The frames in another order, under the same ascending seconds."""
    pictures = tuple(
        replace(frames.pictures[place], time=picture.time)
        for place, picture in zip(places, frames.pictures, strict=True)
    )
    return Frames(pictures=pictures)


def _blackened(frames: Frames) -> Frames:
    """The same frames, all black."""
    import numpy as np

    first = frames.pictures[0]
    jpeg = encode(np.zeros((first.height, first.width, 3), np.uint8))
    pictures = (
        replace(picture, jpeg=jpeg, key=f"black:{picture.time:.3f}:{first.width}x{first.height}")
        for picture in frames.pictures
    )
    return Frames(pictures=tuple(pictures))


def _outcome(
    asked: Asked,
    reply: Reply,
    receipt: Receipt,
    chosen: Chosen,
    videos: Sequence[Shown],
    sent: tuple[FrameSent, ...],
) -> Outcome:
    base = Outcome(
        status="ok",
        answered_by="model",
        raw=reply.text,
        frames=sent,
        spent=spent_of(receipt),
        overrun=overran(receipt),
        vlm_s=receipt.total.seconds,
        extra={"lines": len(chosen.lines), **call_facts(receipt)},
    )
    if reply.outcome == WITHHELD:
        return replace(base, status="refused")
    if not isinstance(reply.parsed, AnswerReply):
        return replace(base, status="parse_fail", error=f"the reply was {reply.outcome}")
    said = understood(reply.parsed, asked.question, videos)
    lost = asked.question.options and said.place is None and not said.abstained
    return replace(
        base,
        status="parse_fail" if lost else "ok",
        error="the reply names none of the options" if lost else None,
        text=said.text,
        place=said.place,
        abstained=said.abstained,
        confidence=said.confidence,
        cited=said.cited,
    )


def receipt_so_far(library: WatchedLibrary, vlm: Vlm, asked: Asked) -> Receipt:
    """What the calls of a question have cost that was not answered, from the journal. One that was
    sent and has no reply is charged as planned: it may be billed."""
    journal = Journal.open(library.root / JOURNAL)
    try:
        calls = Calls.restore(
            vlm,
            journal,
            asked.run_id,
            limit=asked.budget,
            use_cache=False,
            on_call=lambda event: None,
        )
    finally:
        journal.close()
    return Receipt.of(calls.ledger, library.settings.vlm)


def spent_of(receipt: Receipt) -> Spent:
    """Tokens of a receipt; what a provider did not report is as planned."""
    lines = receipt.lines
    visual = sum(line.planned_visual for line in lines)
    into = sum(
        line.planned_visual + line.planned_text if line.input is None else line.input
        for line in lines
    )
    return Spent(
        visual=visual,
        text_in=max(0, into - visual),
        out=sum(line.planned_output if line.output is None else line.output for line in lines),
        cached=receipt.total.cached,
        total=receipt.spent,
        calls=len(lines),
        usd=receipt.total.usd,
    )


def overran(receipt: Receipt) -> bool:
    """Whether more was reported than the budget allows."""
    return receipt.spent > receipt.limit or any(line.disputed for line in receipt.lines)


def call_facts(receipt: Receipt) -> dict[str, Any]:
    """What else is worth keeping of the calls."""
    total = receipt.total
    return {
        "replayed": total.replayed,
        "estimated": total.estimated,
        "mismatch": total.mismatch,
        "exact": all(line.exact for line in receipt.lines),
    }
