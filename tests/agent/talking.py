"""A conversation without the graph and without pixels: a policy's steps are priced, charged in full
and answered by a script. Fast enough to try hundreds of budgets."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from longtake.agent.context import Context, register, register_vlm
from longtake.agent.desk import Desk, close_desk, open_desk
from longtake.agent.evidence import set_aside_answer
from longtake.agent.plan import make_plan
from longtake.agent.policies.conversation import Step, Taken, after
from longtake.agent.policies.nodes import CONVERSATIONS
from longtake.agent.retrieve import retrieve_rows
from longtake.agent.state import State
from longtake.agent.views import shape_of
from longtake.tools.library import Library
from longtake.tools.view import blank_frames
from longtake.tools.vlm.messages import Outcome, Price, Reply, Request, Usage, Vlm
from longtake.tools.vlm.parsing import parse_reply

Say = Callable[[Request], str]


@dataclass(kw_only=True)
class Talk:
    """What happened."""

    state: State
    steps: list[Step] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    prices: list[Price] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    spent: int = 0

    @property
    def answered(self) -> bool:
        return bool(self.taken) and self.taken[-1].draft is not None


@contextmanager
def desk_for(library: Library, vlm: Vlm, policy: str, budget: int) -> Iterator[Desk]:
    run_id = uuid.uuid4().hex
    context = Context(
        library=register(library), vlm=register_vlm(vlm), budget=budget, policy=policy
    )
    desk = open_desk(run_id, context, library, vlm)
    try:
        yield desk
    finally:
        close_desk(run_id)


def opened(desk: Desk, question: str, **more: object) -> State:
    """A run just before its conversation begins."""
    state: State = {"run_id": "-", "question": question, "plan": make_plan(question)}
    state.update(more)  # type: ignore[typeddict-item]  # filters by name
    set_aside_answer(desk, state)
    state.update(retrieve_rows(desk.library, state, Context()))
    return state


def talk(desk: Desk, question: str, say: Say, *, again: bool = True, **more: object) -> Talk:
    """Talk to the end. Every call is charged its price; a reply that cannot be read costs one more
    call where that fits, as a repair does.

    Args:
        again: make those repairs.
    """
    policy = CONVERSATIONS[desk.policy]
    made = Talk(state=opened(desk, question, **more))
    while not made.answered:
        assert len(made.steps) < 20, "it does not end"
        step = policy.step(desk, made.state)
        if step is None:
            break
        if step.keep is not None:
            desk.calls.set_aside(step.keep)
        made.steps.append(step)
        made.state = after(made.state, step)
        request = policy.request(desk, made.state, lambda view: blank_frames(shape_of(view)))
        made.requests.append(request)
        reply = _charged(desk, request, say, made, answering=step.answering)
        if (
            reply.outcome == "unparsed"
            and again
            and desk.calls.fits(request, answer=step.answering)
        ):
            reply = _charged(desk, request, say, made, answering=step.answering)
        taken = policy.take(desk, made.state, reply)
        made.taken.append(taken)
        made.state = {
            **made.state,
            "talk": [*made.state["talk"], taken.memory],
            "observations": [*made.state.get("observations", []), *taken.observations],
            "round": made.state.get("round", 0) + 1,
        }
    made.spent = desk.ledger.spent
    return made


def _charged(desk: Desk, request: Request, say: Say, made: Talk, *, answering: bool) -> Reply:
    price = desk.calls.price(request)
    name = desk.ledger.reserve(price, node="talk", purpose="", backend="", answer=answering)
    usage = Usage(input=price.input, output=price.output)
    desk.ledger.settle(name, usage, seconds=0.0)
    made.prices.append(price)
    text = say(request)
    assert request.schema is not None
    parsed, _ = parse_reply(text, request.schema)
    outcome: Outcome = "ok" if parsed is not None else "unparsed"
    return Reply(text=text, parsed=parsed, outcome=outcome, usage=usage, seconds=0.0)


class Priced:
    """A model that only has prices."""

    name = "priced"
    identity = "priced/1"

    def __init__(self, price: Callable[[Request], Price]) -> None:
        self.price = price

    async def ask(self, request: Request) -> Reply:
        raise AssertionError("nothing is asked")

    async def close(self) -> None:
        pass
