"""The ledger: every token that a question may cost, is about to cost and has cost.

One limit covers the visual, text and output tokens of all calls of a question: planning, looking,
reflecting, answering and second tries. A call is reserved at its price before it is sent and
settled with what its provider reports; one that nobody bills is released. The final answer's share
is set aside first, so that exploring cannot use it up.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from longtake.errors import BudgetExceeded, UsageError
from longtake.tools.vlm.messages import Price, Usage

log = logging.getLogger(__name__)

PROCESS_ENDED = "process ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A call that was charged."""

    reservation: str
    node: str
    purpose: str
    backend: str
    answer: bool
    """The call wrote the final answer."""
    planned: Price
    usage: Usage | None
    """As reported; None where nothing usable was, then the planned price is charged."""
    charged: int
    """Tokens, part of `Ledger.spent`."""
    from_answer: int
    """Of `charged`, tokens taken from the answer's reserve."""
    disputed: int
    """Tokens reported beyond all that the limit allows; not charged."""
    seconds: float
    replayed: bool
    """The reply came from another run; its tokens count, nothing was sent."""

    @property
    def estimated(self) -> bool:
        """Whether the planned price stands in for a report."""
        return self.usage is None

    @property
    def mismatch(self) -> int:
        """Tokens reported above the price, those in and those out each; 0 when it held."""
        if self.usage is None:
            return 0
        over_in = max(0, self.usage.input - self.planned.input)
        return over_in + max(0, self.usage.output - self.planned.output)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Entry":
        """The entry that `to_dict` wrote."""
        usage = data["usage"]
        made = {"planned": Price(**data["planned"]), "usage": Usage(**usage) if usage else None}
        return cls(**{**data, **made})


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A reservation that was given back without a charge."""

    reservation: str
    node: str
    purpose: str
    tokens: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """An open reservation."""

    reservation: str
    node: str
    purpose: str
    backend: str
    answer: bool
    planned: Price
    from_answer: int


class Ledger:
    """The budget of one question. Belongs to one event loop: no method awaits and none locks.

    At every moment `spent + reserved + answer_reserve <= limit`, whatever providers report.

    Attributes:
        limit: tokens the question may cost.
    """

    def __init__(self, limit: int, *, series: str = "r") -> None:
        """
        Args:
            series: start of every reservation's name, `r1`, `r2`, ...; two ledgers of one question
                need two, so that a name left over from a killed process means nothing here.
        """
        if limit < 1:
            raise ValueError(f"a budget is 1 token or more, got {limit}")
        self.limit = limit
        self._answer_reserve = 0
        self._series = series
        self._count = 0
        self._spent = 0
        self._disputed = 0
        self._reserved = 0
        self._open: dict[str, _Held] = {}
        self._entries: list[Entry] = []
        self._released: list[Released] = []

    @property
    def spent(self) -> int:
        """Tokens charged; never above `limit`."""
        return self._spent

    @property
    def reserved(self) -> int:
        """Tokens that open reservations hold."""
        return self._reserved

    @property
    def answer_reserve(self) -> int:
        """Tokens that only the final answer may use, without what its open calls hold."""
        return self._answer_reserve

    @property
    def left(self) -> int:
        """Tokens that a call other than the answer may still reserve; 0 once overdrawn."""
        return 0 if self.overdrawn else self._free

    @property
    def disputed(self) -> int:
        """Tokens that providers reported beyond what the limit allows."""
        return self._disputed

    @property
    def overdrawn(self) -> bool:
        """Whether a provider reported more than the limit: no further call is authorised."""
        return self._disputed > 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Charged calls in the order in which they ended."""
        return tuple(self._entries)

    @property
    def released(self) -> tuple[Released, ...]:
        """Reservations that were given back."""
        return tuple(self._released)

    @property
    def open(self) -> tuple[str, ...]:
        """Names of open reservations in the order in which they were made."""
        return tuple(self._open)

    @property
    def answer_kept(self) -> int:
        """The answer's reserve with what the answer's open calls hold of it."""
        return self._answer_reserve + sum(held.from_answer for held in self._open.values())

    def available(self, *, answer: bool = False) -> int:
        """Tokens that one more call may reserve."""
        if self.overdrawn:
            return 0
        return self._free + (self._answer_reserve if answer else 0)

    def set_aside(self, tokens: int) -> None:
        """Make the answer's reserve that large; a smaller one frees the rest, 0 ends it.

        Raises:
            BudgetExceeded: it does not fit in what is left beside the present reserve.
        """
        if tokens < 0:
            raise ValueError(f"cannot set aside {tokens} tokens")
        if tokens > self._answer_reserve + self.left:
            left = self._answer_reserve + self.left
            raise BudgetExceeded(needed=tokens, left=left, limit=self.limit)
        self._answer_reserve = tokens

    def reserve(
        self, price: Price, *, node: str, purpose: str, backend: str, answer: bool = False
    ) -> str:
        """Set the price of a call apart before it is sent.

        Args:
            answer: the call writes the final answer: it draws on the answer's reserve first, then
                on what is left.

        Returns:
            The reservation's name.

        Raises:
            BudgetExceeded: it does not fit, or the ledger is overdrawn.
        """
        self._require(price.total, answer=answer)
        name = self._next_name()
        self._hold(name, price, node=node, purpose=purpose, backend=backend, answer=answer)
        return name

    def reprice(self, reservation: str, price: Price) -> None:
        """Change what an open reservation holds, up or down.

        Raises:
            BudgetExceeded: the new price does not fit; the reservation stays as it was.
        """
        old = self._held(reservation)
        own = self.available(answer=old.answer)
        if price.total > old.planned.total and price.total - old.planned.total > own:
            left = own + old.planned.total
            raise BudgetExceeded(needed=price.total, left=left, limit=self.limit)
        self._drop(old)
        self._hold(
            reservation,
            price,
            node=old.node,
            purpose=old.purpose,
            backend=old.backend,
            answer=old.answer,
        )

    def is_open(self, reservation: str) -> bool:
        """Whether the reservation is one of this ledger's and neither settled nor released."""
        return reservation in self._open

    def settle(
        self, reservation: str, usage: Usage | None, *, seconds: float, replayed: bool = False
    ) -> Entry:
        """Charge a call that was billed, or may have been.

        Less than reserved gives the rest back, the answer's part to the answer's reserve (it may
        need a second try; `set_aside(0)` frees it). More than reserved is charged from what is
        left, then from the answer's reserve; what even these do not cover is disputed: the ledger
        is overdrawn and authorises no further call. A report that cannot be, such as negative
        tokens, counts as none.

        Args:
            usage: as the provider reported; None charges the planned price.
            seconds: the call took.
            replayed: the reply came from another run.

        Raises:
            ValueError: the reservation is not open.
        """
        held = self._held(reservation)
        self._drop(held)
        return self._charge(held, usage, seconds=seconds, replayed=replayed)

    def charge_lost(
        self, price: Price, *, node: str, purpose: str, backend: str, answer: bool = False
    ) -> Entry:
        """Charge a call of a killed process whose reply never came: its planned price."""
        held = _Held(
            reservation=self._next_name(),
            node=node,
            purpose=purpose,
            backend=backend,
            answer=answer,
            planned=price,
            from_answer=min(price.total, self._answer_reserve) if answer else 0,
        )
        return self._charge(held, None, seconds=0.0, replayed=False)

    def release(self, reservation: str, reason: str) -> None:
        """Give back the tokens of a call that nobody billed.

        A reservation that is not open, such as one of a killed process, is left alone.
        """
        held = self._open.get(reservation)
        if held is None:
            return
        self._drop(held)
        self._released.append(
            Released(
                reservation=reservation,
                node=held.node,
                purpose=held.purpose,
                tokens=held.planned.total,
                reason=reason,
            )
        )

    def release_all(self, reason: str) -> None:
        """Give back every open reservation: the run was cancelled, ended or crashed."""
        for reservation in self.open:
            self.release(reservation, reason)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; `from_dict` makes the same ledger of it, open reservations released."""
        return {
            "limit": self.limit,
            "series": self._series,
            "count": self._count,
            "answer_reserve": self._answer_reserve,
            "entries": [entry.to_dict() for entry in self._entries],
            "released": [asdict(released) for released in self._released],
            "open": [asdict(held) for held in self._open.values()],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Ledger":
        """The ledger that `to_dict` wrote; what was open is released."""
        ledger = cls(data["limit"], series=data["series"])
        ledger._count = data["count"]
        ledger._take_over(Entry.from_dict(entry) for entry in data["entries"])
        ledger._released = [Released(**released) for released in data["released"]]
        ledger._answer_reserve = data["answer_reserve"]
        for fields in data["open"]:
            held = _Held(**{**fields, "planned": Price(**fields["planned"])})
            ledger._open[held.reservation] = held
            ledger._reserved += held.planned.total
        ledger.release_all(PROCESS_ENDED)
        return ledger

    @classmethod
    def resumed(
        cls, limit: int, entries: Iterable[Entry], *, answer_reserve: int, series: str
    ) -> "Ledger":
        """The ledger of a run whose process ended.

        Args:
            entries: what was charged so far.
            answer_reserve: tokens kept for the answer; cut to what is left.

        Raises:
            UsageError: more was charged than the limit.
        """
        ledger = cls(limit, series=series)
        ledger._take_over(entries)
        if ledger.spent > limit:
            raise UsageError(
                f"the run has spent {ledger.spent} tokens, more than a budget of {limit}; "
                f"resume it with a budget of {ledger.spent} or more"
            )
        ledger._answer_reserve = min(answer_reserve, ledger.left)
        return ledger

    @property
    def _free(self) -> int:
        return self.limit - self._spent - self._reserved - self._answer_reserve

    def _next_name(self) -> str:
        self._count += 1
        return f"{self._series}{self._count}"

    def _require(self, needed: int, *, answer: bool) -> None:
        left = self.available(answer=answer)
        if needed > left or self.overdrawn:
            raise BudgetExceeded(needed=needed, left=left, limit=self.limit)

    def _held(self, reservation: str) -> _Held:
        held = self._open.get(reservation)
        if held is None:
            raise ValueError(f"reservation {reservation!r} is not open")
        return held

    def _hold(
        self, name: str, price: Price, *, node: str, purpose: str, backend: str, answer: bool
    ) -> None:
        from_answer = min(price.total, self._answer_reserve) if answer else 0
        self._answer_reserve -= from_answer
        self._reserved += price.total
        self._open[name] = _Held(
            reservation=name,
            node=node,
            purpose=purpose,
            backend=backend,
            answer=answer,
            planned=price,
            from_answer=from_answer,
        )

    def _drop(self, held: _Held) -> None:
        del self._open[held.reservation]
        self._reserved -= held.planned.total
        self._answer_reserve += held.from_answer

    def _charge(self, held: _Held, usage: Usage | None, *, seconds: float, replayed: bool) -> Entry:
        """Charge a reservation that holds nothing any more."""
        usage = _believable(usage, held)
        wanted = held.planned.total if usage is None else usage.total
        first = min(wanted, held.from_answer, self._answer_reserve)
        rest = min(wanted - first, self._free)
        last = min(wanted - first - rest, self._answer_reserve - first)
        entry = Entry(
            reservation=held.reservation,
            node=held.node,
            purpose=held.purpose,
            backend=held.backend,
            answer=held.answer,
            planned=held.planned,
            usage=usage,
            charged=first + rest + last,
            from_answer=first + last,
            disputed=wanted - first - rest - last,
            seconds=seconds,
            replayed=replayed,
        )
        self._answer_reserve -= entry.from_answer
        self._take_over([entry])
        _log_mismatch(entry)
        return entry

    def _take_over(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entries.append(entry)
            self._spent += entry.charged
            self._disputed += entry.disputed


def _believable(usage: Usage | None, held: _Held) -> Usage | None:
    """The report, or None when a count in it is negative."""
    if usage is None or min(usage.input, usage.output, usage.cached) >= 0:
        return usage
    log.error("%s reported %s for %s: charged as planned", held.backend, usage, held.purpose)
    return None


def _log_mismatch(entry: Entry) -> None:
    if entry.usage is None or not entry.mismatch:
        return
    log.error(
        "%s reported %d tokens in and %d out for %s, above the price of %d and %d (%d disputed)",
        entry.backend,
        entry.usage.input,
        entry.usage.output,
        entry.purpose,
        entry.planned.input,
        entry.planned.output,
        entry.disputed,
    )
