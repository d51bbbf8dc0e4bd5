"""What a question may cost, before anything is spent."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from longtake.agent.context import Context, library_of, vlm_of
from longtake.agent.desk import Desk, close_desk, open_desk
from longtake.agent.evidence import set_aside_answer
from longtake.agent.glance import price_beside
from longtake.agent.look import look_price
from longtake.agent.plan import make_plan
from longtake.agent.planner import plan_price
from longtake.agent.policies.conversation import Policy
from longtake.agent.policies.nodes import CONVERSATIONS, blank_request
from longtake.agent.preset_views import expected_offers
from longtake.agent.retrieve import retrieve_rows
from longtake.agent.select import by_preset, first_glances, plan_views
from longtake.agent.state import Input, State, View
from longtake.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Prices of the calls that are known before the first one; bounds, in tokens."""

    backend: str
    limit: int
    """The budget: the most that the question can cost."""
    planning: int | None
    """None when the plan is made by rules, which cost nothing."""
    asking: int
    """Of the calls that ask about single frames before the preset chooses; 0 without such."""
    views: tuple[tuple[View, int], ...]
    """What the first round would look at, with the price of each look."""
    answer: int
    """Set aside for the answer."""

    @property
    def first_round(self) -> int:
        """Tokens of the looks of the first round."""
        return sum(price for _, price in self.views)

    @property
    def left(self) -> int:
        """Tokens for zooms and further rounds."""
        before = self.asking + (self.planning or 0)
        return self.limit - self.answer - self.first_round - before

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "backend": self.backend,
            "limit": self.limit,
            "planning": self.planning,
            "asking": self.asking,
            "views": [{**view, "price": price} for view, price in self.views],
            "first_round": self.first_round,
            "answer": self.answer,
            "left": self.left,
        }


async def forecast(request: Input, context: Context) -> Forecast:
    """The forecast of a question: planned by rules, retrieved, its first views priced.

    Raises:
        UsageError: the context has no model.
    """
    return await asyncio.to_thread(_forecast, request, context)


def _forecast(request: Input, context: Context) -> Forecast:
    library, vlm = library_of(context), vlm_of(context)
    if vlm is None:
        raise UsageError("without a model a question costs no tokens; name one with --vlm")
    run_id = f"forecast-{uuid.uuid4().hex}"
    desk = open_desk(run_id, context, library, vlm)
    try:
        state: State = {
            "run_id": run_id,
            "question": request["question"],
            "options": request.get("options") or [],
            "videos": request.get("videos") or [],
            "between": request.get("between") or [],
            "plan": make_plan(request["question"]),
        }
        set_aside_answer(desk, state)
        state.update(retrieve_rows(library, state, context))
        # nothing is looked at where it is known already that nothing answers
        asking, views = _first(desk, state) if state["absence"] is None else (0, [])
        return Forecast(
            backend=vlm.name,
            limit=desk.ledger.limit,
            planning=plan_price(desk, request["question"]),
            asking=asking,
            views=tuple(views),
            answer=desk.ledger.answer_reserve,
        )
    finally:
        close_desk(run_id)


def _first(desk: Desk, state: State) -> tuple[int, list[tuple[View, int]]]:
    """What asking before the first round costs, and the round's views with their prices."""
    policy = CONVERSATIONS.get(desk.policy)
    return (0, _opening(desk, state, policy)) if policy is not None else _round(desk, state)


def _round(desk: Desk, state: State) -> tuple[int, list[tuple[View, int]]]:
    """Tokens of the calls about single frames, and the looks of the first round, each a call."""
    set_aside_answer(desk, state)
    offers, asking = expected_offers(desk, state) if by_preset(desk, state) else ([], 0)
    views = plan_views(desk, state, offers)
    shown = first_glances(desk, state, views)
    if shown:
        return asking, _beside(desk, state, shown)
    return asking, [(view, look_price(desk, state, view)) for view in views]


def _beside(desk: Desk, state: State, shown: Sequence[View]) -> list[tuple[View, int]]:
    """Views in the call that answers, each with what it adds to the price; the rest of the call is
    set aside."""
    prices = [price_beside(desk, state, shown[:n], ()) for n in range(len(shown) + 1)]
    desk.calls.set_aside(prices[0])
    return [(view, b - a) for view, (a, b) in zip(shown, pairwise(prices), strict=True)]


def _opening(desk: Desk, state: State, policy: Policy) -> list[tuple[View, int]]:
    """What the first call of a conversation shows; each view with what it adds to the price, the
    first with the words. A call that is the answer leaves nothing to set aside."""
    step = policy.step(desk, state)
    if step is None:
        return []
    desk.calls.set_aside(0 if step.answering or step.keep is None else step.keep)
    prices = [
        desk.calls.price(blank_request(desk, policy, state, replace(step, views=step.views[:n])))
        for n in range(1, len(step.views) + 1)
    ]
    costs = [0, *(price.total for price in prices)]
    return [
        (view, cost - costs[n])
        for n, (view, cost) in enumerate(zip(step.views, costs[1:], strict=True))
    ]
