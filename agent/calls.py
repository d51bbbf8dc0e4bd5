"""The one way in which a run reaches its model: priced, reserved, journalled, settled."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from longtake.agent.budget import Entry, Ledger
from longtake.errors import BudgetExceeded, ReplyLost, RequestRefused, VlmError, VlmUnavailable
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.journal_rows import Call, Kept
from longtake.tools.vlm.messages import Price, Reply, Request, Usage, Vlm
from longtake.tools.vlm.parsing import parse_reply

log = logging.getLogger(__name__)

Repair = Callable[[Request, str, str], Request]
"""Makes the request that asks once more, from: request, what was said, what is wrong with it."""

LOST = "the process ended before the reply came"


class Calls:
    """Calls of one run. Belongs to one event loop, as its ledger does.

    Attributes:
        vlm: the model.
        ledger: what the run has cost and may cost.
    """

    def __init__(
        self,
        vlm: Vlm,
        ledger: Ledger,
        journal: Journal,
        run_id: str,
        *,
        use_cache: bool,
        on_call: Callable[[dict[str, Any]], None],
    ) -> None:
        """
        Args:
            use_cache: answer a request that another run made from what came back then; its tokens
                count as they did, so that a run costs the same with and without.
            on_call: gets an event (see `events`) for every call when it has ended.
        """
        self.vlm = vlm
        self.ledger = ledger
        self._journal = journal
        self._run_id = run_id
        self._use_cache = use_cache
        self._on_call = on_call

    @classmethod
    def restore(
        cls,
        vlm: Vlm,
        journal: Journal,
        run_id: str,
        *,
        limit: int,
        use_cache: bool,
        on_call: Callable[[dict[str, Any]], None],
    ) -> "Calls":
        """Calls of a new run, or of one whose process ended.

        What was charged stays charged. A call that had been sent without a reply is charged as
        planned, once: it may have been billed. Reservations of the ended process are gone.

        Raises:
            UsageError: more was charged already than the limit.
        """
        series = f"p{journal.enter(run_id)}r"
        kept = journal.calls(run_id)
        entries = [Entry.from_dict(row.charge) for row in kept if row.charge is not None]
        reserve = journal.answer_kept(run_id)
        ledger = Ledger.resumed(limit, entries, answer_reserve=reserve, series=series)
        for row in kept:
            if row.state == "sent":
                _charge_lost(ledger, journal, row)
        return cls(vlm, ledger, journal, run_id, use_cache=use_cache, on_call=on_call)

    def price(self, request: Request) -> Price:
        """What a request may cost at most."""
        return self.vlm.price(request)

    def fits(self, request: Request, *, answer: bool = False) -> bool:
        """Whether a request can be made with what is left, or costs nothing more.

        Args:
            answer: it writes the final answer and may draw on the answer's reserve.
        """
        room = 0 if self.ledger.overdrawn else self.ledger.available(answer=answer)
        return self.price(request).total <= room or self.is_replied(request)

    def is_replied(self, request: Request) -> bool:
        """Whether this run has a reply to a request, as after its process was killed."""
        key = request.key(self.vlm.identity)
        return self._journal.reply_in_run(self._run_id, key) is not None

    def set_aside(self, tokens: int) -> None:
        """Make the answer's reserve that large, also for when the run is resumed.

        Raises:
            BudgetExceeded: it does not fit in what is left beside the present reserve.
        """
        self.ledger.set_aside(tokens)
        self._journal.keep_for_answer(self._run_id, self.ledger.answer_kept)

    async def ask(
        self,
        request: Request,
        *,
        node: str,
        purpose: str,
        reservation: str | None = None,
        answer: bool = False,
    ) -> Reply:
        """Ask the model, or find what it replied.

        A request that this run has a reply to is not made again and costs nothing more.

        Args:
            reservation: made for this call before; it is brought to the request's price. One that
                is not open, such as that of a killed process, counts as none.
            answer: the call writes the final answer and may draw on the answer's reserve.

        Raises:
            BudgetExceeded: the call does not fit in what is left; nothing was sent.
            ReplyLost: the reply was cut off; the call is charged as planned.
            VlmUnavailable: the server cannot be reached; nothing is charged.
            RequestRefused: the server refuses the request; nothing is charged.
        """
        try:
            return await self._ask(request, node, purpose, reservation, answer)
        finally:
            if reservation is not None:
                self.ledger.release(reservation, "not sent")

    async def structured(
        self,
        request: Request,
        *,
        node: str,
        purpose: str,
        repair: Repair,
        reservation: str | None = None,
        answer: bool = False,
    ) -> Reply:
        """Ask for a reply that fits the request's schema; once more when it does not.

        The second try costs tokens of its own. It is left out when they do not fit, or when the
        model withheld its reply.

        Returns:
            The last reply that came; the caller falls back to its rules when it is not `ok`.

        Raises:
            As `ask` does, for the first try.
        """
        reply = await self.ask(
            request, node=node, purpose=purpose, reservation=reservation, answer=answer
        )
        fault = _fault(request, reply)
        if fault is None:
            return reply
        again = repair(request, reply.text, fault)
        if reply.outcome == "truncated":
            longer = replace(again, max_tokens=2 * again.max_tokens)
            again = longer if self.fits(longer, answer=answer) else again
        try:
            return await self.ask(again, node=node, purpose=f"{purpose}, again", answer=answer)
        except (BudgetExceeded, VlmError) as exc:
            log.info("no second try of %s: %s", purpose, exc)
            return reply

    async def _ask(
        self, request: Request, node: str, purpose: str, reservation: str | None, answer: bool
    ) -> Reply:
        call = Call(
            run_id=self._run_id,
            key=request.key(self.vlm.identity),
            node=node,
            purpose=purpose,
            backend=self.vlm.name,
            answer=answer,
            planned=self.price(request),
        )
        own = self._journal.reply_in_run(self._run_id, call.key)
        if own is not None:
            self._tell(call, own.outcome, own.usage, seconds=0.0, replayed=True)
            return _parsed(request, own)
        held = self._reserve(call, reservation)
        try:
            known = self._journal.reply_anywhere(call.key) if self._use_cache else None
            reply = None if known is None else _parsed(request, known)
            if reply is not None and reply.outcome == "ok":
                return self._replay(call, held, reply)
            return await self._send(request, call, held)
        finally:
            self.ledger.release(held, "not sent")

    def _reserve(self, call: Call, reservation: str | None) -> str:
        if reservation is not None and self.ledger.is_open(reservation):
            self.ledger.reprice(reservation, call.planned)
            return reservation
        return self.ledger.reserve(
            call.planned,
            node=call.node,
            purpose=call.purpose,
            backend=call.backend,
            answer=call.answer,
        )

    def _replay(self, call: Call, held: str, reply: Reply) -> Reply:
        entry = self.ledger.settle(held, reply.usage, seconds=0.0, replayed=True)
        charge, kept = entry.to_dict(), self.ledger.answer_kept
        self._journal.replay(call, reply, charge=charge, answer_kept=kept)
        self._tell(call, reply.outcome, entry.usage, seconds=0.0, replayed=True)
        return reply

    async def _send(self, request: Request, call: Call, held: str) -> Reply:
        call_id = self._journal.begin(call, answer_kept=self.ledger.answer_kept)
        started = time.monotonic()
        try:
            reply = await self.vlm.ask(request)
        except BaseException as exc:
            self._failed(call, call_id, held, exc, seconds=time.monotonic() - started)
            raise
        entry = self.ledger.settle(held, reply.usage, seconds=reply.seconds)
        charge, kept = entry.to_dict(), self.ledger.answer_kept
        self._journal.finish(call_id, reply, charge=charge, answer_kept=kept)
        self._tell(call, reply.outcome, entry.usage, seconds=reply.seconds)
        return reply

    def _failed(
        self, call: Call, call_id: int, held: str, exc: BaseException, *, seconds: float
    ) -> None:
        """Release what nobody bills; charge what may have been billed: a lost reply, a call that
        was cancelled or cut off by the end of the process."""
        reason = str(exc) or type(exc).__name__
        if isinstance(exc, Exception) and not isinstance(exc, ReplyLost):
            self.ledger.release(held, reason)
            self._journal.fail(call_id, reason)
        else:
            entry = self.ledger.settle(held, None, seconds=seconds)
            charge, kept = entry.to_dict(), self.ledger.answer_kept
            self._journal.fail(call_id, reason, charge=charge, answer_kept=kept)
        self._tell(call, _failure(exc), None, seconds=seconds)

    def _tell(
        self,
        call: Call,
        outcome: str,
        usage: Usage | None,
        *,
        seconds: float,
        replayed: bool = False,
    ) -> None:
        planned = call.planned
        self._on_call(
            {
                "event": "called",
                "node": call.node,
                "purpose": call.purpose,
                "backend": call.backend,
                "planned": {
                    "visual": planned.visual,
                    "text": planned.text,
                    "output": planned.output,
                },
                "actual": None if usage is None else asdict(usage),
                "spent": self.ledger.spent,
                "left": self.ledger.left,
                "limit": self.ledger.limit,
                "seconds": round(seconds, 3),
                "replayed": replayed,
                "outcome": outcome,
            }
        )


def _charge_lost(ledger: Ledger, journal: Journal, row: Kept) -> None:
    """Charge a call of a killed process that had been sent; the journal then has it as failed."""
    call = row.call
    entry = ledger.charge_lost(
        call.planned,
        node=call.node,
        purpose=call.purpose,
        backend=call.backend,
        answer=call.answer,
    )
    journal.fail(row.id, LOST, charge=entry.to_dict(), answer_kept=ledger.answer_kept)


def _failure(exc: BaseException) -> str:
    """What an event calls a call that got no reply."""
    names = {ReplyLost: "lost", VlmUnavailable: "unavailable", RequestRefused: "rejected"}
    found = (name for kind, name in names.items() if isinstance(exc, kind))
    return next(found, "failed" if isinstance(exc, Exception) else "cancelled")


def _fault(request: Request, reply: Reply) -> str | None:
    """What is wrong with a reply, for the model to read; None when asking again cannot help."""
    if request.schema is None or reply.outcome in ("ok", "refused"):
        return None
    if reply.outcome == "empty":
        return "it was empty"
    if reply.outcome == "truncated":
        return f"it was cut off after {request.max_tokens} tokens"
    return parse_reply(reply.text, request.schema)[1]


def _parsed(request: Request, reply: Reply) -> Reply:
    """A reply of the journal with its value."""
    if request.schema is None or reply.outcome != "ok":
        return reply
    value, _ = parse_reply(reply.text, request.schema)
    return replace(reply, parsed=value, outcome="unparsed" if value is None else "ok")
