"""Calls as the journal keeps them: values, and the text that its rows hold of them."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from longtake.tools.vlm.messages import Price, Reply, Usage

State = Literal["sent", "replied", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is about to be asked, and for whom."""

    run_id: str
    key: str
    """`Request.key` of the request."""
    node: str
    purpose: str
    backend: str
    answer: bool
    """The call writes the final answer."""
    planned: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A call as the journal has it."""

    id: int
    call: Call
    sent_at: float
    """Unix seconds."""
    state: State
    reply: Reply | None
    """Its `parsed` is None: the text is there to be parsed again."""
    charge: dict[str, Any] | None
    """What the ledger charged for it, as the ledger wrote it."""
    reason: str | None
    """Why it failed."""


def reply_json(reply: Reply) -> str:
    """A reply as the journal keeps it."""
    fields = {
        "text": reply.text,
        "outcome": reply.outcome,
        "usage": None if reply.usage is None else asdict(reply.usage),
        "seconds": reply.seconds,
        "attempts": reply.attempts,
    }
    return json.dumps(fields)


def reply_of(text: str) -> Reply:
    """The reply that `reply_json` wrote; its `parsed` is None."""
    fields = json.loads(text)
    usage = fields.pop("usage")
    return Reply(**fields, parsed=None, usage=None if usage is None else Usage(**usage))


def kept(row: tuple[Any, ...]) -> Kept:
    """A row of the table of calls."""
    call_id, run_id, key, node, purpose, backend, answer, planned, *rest = row
    sent_at, state, reply, charge, reason = rest
    call = Call(
        run_id=run_id,
        key=key,
        node=node,
        purpose=purpose,
        backend=backend,
        answer=bool(answer),
        planned=Price(**json.loads(planned)),
    )
    return Kept(
        id=call_id,
        call=call,
        sent_at=sent_at,
        state=state,
        reply=None if reply is None else reply_of(reply),
        charge=None if charge is None else json.loads(charge),
        reason=reason,
    )
