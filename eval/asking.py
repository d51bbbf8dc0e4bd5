"""How one question is put to one system, and what came of it, whatever the system."""

import hashlib
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from longtake.agent.calls import Calls
from longtake.agent.desk import JOURNAL
from longtake.agent.receipt import Receipt
from longtake.agent.requests import letter
from longtake.eval.reading import Question
from longtake.eval.records import Cited, FrameSent, Spent, Status
from longtake.eval.samples import Sample, told_apart
from longtake.eval.watched import WatchedLibrary
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.messages import Price, Reply, Request, Vlm

NOTHING = Spent(visual=0, text_in=0, out=0, cached=0, total=0, calls=0, usd=0.0)
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


@contextmanager
def calls_of(
    library: WatchedLibrary, vlm: Vlm, asked: Asked, *, use_cache: bool
) -> Iterator[Calls]:
    """A question's calls outside of the agent, on its budget, while the journal is open."""
    journal = Journal.open(library.root / JOURNAL)
    try:
        yield Calls.restore(
            vlm,
            journal,
            asked.run_id,
            limit=asked.budget,
            use_cache=use_cache,
            on_call=lambda event: None,
        )
    finally:
        journal.close()


def receipt_so_far(library: WatchedLibrary, vlm: Vlm, asked: Asked) -> Receipt:
    """What the calls of a question have cost that was not answered, from the journal. One that was
    sent and has no reply is charged as planned: it may be billed."""
    with calls_of(library, vlm, asked, use_cache=False) as calls:
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
