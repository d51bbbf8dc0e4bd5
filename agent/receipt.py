"""The receipt of a question: every call with what it was to cost and what it did."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from longtake.agent.budget import Entry, Ledger
from longtake.config import VlmSettings
from longtake.tools.vlm import costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One call. Numbers are tokens unless they say otherwise."""

    reservation: str
    node: str
    purpose: str
    backend: str
    planned_visual: int
    planned_text: int
    planned_output: int
    exact: bool
    """The planned tokens in are what the model's own processor counts, not a bound."""
    input: int | None
    """As reported; None where nothing was."""
    output: int | None
    cached: int | None
    charged: int
    """Counted against the budget."""
    disputed: int
    """Reported beyond what the budget allows, not counted against it."""
    mismatch: int
    """Reported above the planned tokens, in and out each; 0 when the price held."""
    estimated: bool
    """The planned tokens are charged, since nothing was reported."""
    replayed: bool
    """The reply came from another run: its tokens count, but nothing was sent or paid."""
    usd: float | None
    """None where tokens or prices are unknown."""
    seconds: float

    @classmethod
    def of(cls, entry: Entry, settings: VlmSettings) -> "Line":
        """The line of a charged call."""
        usage, planned = entry.usage, entry.planned
        return cls(
            reservation=entry.reservation,
            node=entry.node,
            purpose=entry.purpose,
            backend=entry.backend,
            planned_visual=planned.visual,
            planned_text=planned.text,
            planned_output=planned.output,
            exact=planned.exact,
            input=None if usage is None else usage.input,
            output=None if usage is None else usage.output,
            cached=None if usage is None else usage.cached,
            charged=entry.charged,
            disputed=entry.disputed,
            mismatch=entry.mismatch,
            estimated=entry.estimated,
            replayed=entry.replayed,
            usd=0.0 if entry.replayed else costs.usd(usage, settings),
            seconds=entry.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The sum of some lines."""

    calls: int
    planned_visual: int
    planned_text: int
    planned_output: int
    input: int
    """Of the calls whose tokens were reported, as are `output` and `cached`."""
    output: int
    cached: int
    charged: int
    disputed: int
    mismatch: int
    estimated: int
    """Calls without a report."""
    replayed: int
    """Calls answered from another run."""
    usd: float | None
    """None as soon as one call's price is unknown."""
    usd_known: float
    """Of the calls whose price is known."""
    seconds: float
    """Sum over calls; calls at the same time count each."""

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Total":
        """Their sum."""
        rows = list(lines)
        prices = [line.usd for line in rows]
        known = sum(price for price in prices if price is not None)
        return cls(
            calls=len(rows),
            planned_visual=sum(line.planned_visual for line in rows),
            planned_text=sum(line.planned_text for line in rows),
            planned_output=sum(line.planned_output for line in rows),
            input=sum(line.input or 0 for line in rows),
            output=sum(line.output or 0 for line in rows),
            cached=sum(line.cached or 0 for line in rows),
            charged=sum(line.charged for line in rows),
            disputed=sum(line.disputed for line in rows),
            mismatch=sum(line.mismatch for line in rows),
            estimated=sum(line.estimated for line in rows),
            replayed=sum(line.replayed for line in rows),
            usd=None if None in prices else known,
            usd_known=known,
            seconds=sum(line.seconds for line in rows),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a question has cost so far, in tokens."""

    limit: int
    spent: int
    """Never above `limit`; the sum of what the lines charge."""
    reserved: int
    """Held by calls that have not ended."""
    answer_reserve: int
    left: int
    lines: tuple[Line, ...]
    """In the order in which the calls ended."""

    @classmethod
    def of(cls, ledger: Ledger, settings: VlmSettings) -> "Receipt":
        """The receipt of a ledger, with money at the user's prices."""
        return cls(
            limit=ledger.limit,
            spent=ledger.spent,
            reserved=ledger.reserved,
            answer_reserve=ledger.answer_reserve,
            left=ledger.left,
            lines=tuple(Line.of(entry, settings) for entry in ledger.entries),
        )

    @property
    def total(self) -> Total:
        """Over all calls."""
        return Total.of(self.lines)

    @property
    def by_node(self) -> dict[str, Total]:
        """Per node, in the order of their first call."""
        nodes = dict.fromkeys(line.node for line in self.lines)
        return {node: Total.of(line for line in self.lines if line.node == node) for node in nodes}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, sums included."""
        return {
            **asdict(self),
            "lines": [asdict(line) for line in self.lines],
            "total": asdict(self.total),
            "by_node": {node: asdict(total) for node, total in self.by_node.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Receipt":
        """The receipt that `to_dict` wrote; sums are made anew."""
        own = {key: data[key] for key in ("limit", "spent", "reserved", "answer_reserve", "left")}
        return cls(**own, lines=tuple(Line(**line) for line in data["lines"]))
