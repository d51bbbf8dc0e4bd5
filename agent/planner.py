"""Question -> plan: by rules, and by the model where that is cheap beside the budget. The model's
plan only adds to that of the rules; one that cannot be used changes nothing."""

import asyncio
import uuid
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from longtake.agent.context import Context
from longtake.agent.desk import Desk, desk_of, has_model
from longtake.agent.events import emit
from longtake.agent.evidence import set_aside_answer
from longtake.agent.plan import make_plan, sub_query
from longtake.agent.replies import PlanReply, RelationReply
from longtake.agent.requests import plan_request, repair_request
from longtake.agent.state import (
    LaneName,
    Ordinal,
    Plan,
    Relation,
    State,
    SubQuery,
    TimeRelation,
    blank_state,
)
from longtake.errors import BudgetExceeded, VlmError

PLAN_SHARE = 0.1
"""Of the budget that planning by the model may cost."""
MOST_QUERIES = 5
MOST_CHARACTERS = 200


async def plan(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """Graph node: the question's plan, and nothing of what the thread's last question left. With a
    model, the answer's tokens are set aside first."""
    run_id = state.get("run_id")
    if not run_id or run_id == state.get("planned_run"):
        run_id = uuid.uuid4().hex
    made = await asyncio.to_thread(make_plan, state["question"])
    asked: State = {
        "question": state["question"],
        "options": state.get("options") or [],
        "run_id": run_id,
        "plan": made,
    }
    update = {**blank_state(), "run_id": run_id, "planned_run": run_id}
    trace = []
    by = "rules"
    if has_model(runtime):
        desk = await desk_of(asked, runtime)
        set_aside_answer(desk, asked)
        reply, usable = await _planned(desk, state["question"])
        update["reflecting"] = usable
        if reply is not None:
            made, by = merged(made, reply), "model"
        trace = desk.take_events()
    trace += emit(
        runtime,
        "planned",
        queries=[query["text"] for query in made["sub_queries"]],
        by=by,
        whole=made["whole"],
    )
    return {**update, "plan": made, "trace": Overwrite(trace)}


async def _planned(desk: Desk, question: str) -> tuple[PlanReply | None, bool]:
    """The model's plan if it has one, and whether its decisions can be used at all."""
    if plan_price(desk, question) is None:
        return None, True
    request = plan_request(question)
    try:
        reply = await desk.calls.structured(
            request, node="plan", purpose="plan", repair=repair_request
        )
    except (BudgetExceeded, VlmError):
        return None, True
    if isinstance(reply.parsed, PlanReply):
        return reply.parsed, True
    return None, False


def plan_price(desk: Desk, question: str) -> int | None:
    """Tokens that planning by the model costs at most; None when that is left to the rules."""
    price = desk.calls.price(plan_request(question)).total
    return price if price <= PLAN_SHARE * desk.ledger.limit else None


def merged(rules: Plan, reply: PlanReply) -> Plan:
    """The rules' plan with what the model adds to it: further sub-queries, a relation in time that
    the rules did not see, names, and whether all of a video matters."""
    queries = list(rules["sub_queries"])
    order = rules if rules["order"] is not None else _order(reply.relation)
    known = {_plain(query["text"]) for query in queries}
    for asked in reply.sub_queries:
        text = " ".join(asked.text.split())[:MOST_CHARACTERS]
        if text and _plain(text) not in known and len(queries) < MOST_QUERIES:
            known.add(_plain(text))
            queries.append(_with_lanes(sub_query(text), asked.lanes))
    return {
        **rules,
        "sub_queries": queries,
        "relation": rules["relation"] or _relation(rules, reply.relation),
        "order": order["order"],
        "nth": order["nth"],
        "entities": list(dict.fromkeys([*rules["entities"], *reply.entities])),
        "whole": rules["whole"] or reply.whole,
    }


def _plain(text: str) -> str:
    return text.lower().rstrip("?!. ")


def _with_lanes(query: SubQuery, lanes: list[LaneName]) -> SubQuery:
    return {**query, "lanes": list(dict.fromkeys(lanes)) or query["lanes"]}


def _relation(rules: Plan, reply: RelationReply | None) -> TimeRelation | None:
    kinds: dict[str, Relation] = {"before": "before", "after": "after", "during": "during"}
    if reply is None or reply.kind not in kinds or not reply.anchor.strip():
        return None
    return {
        "kind": kinds[reply.kind],
        "anchor": sub_query(" ".join(reply.anchor.split())[:MOST_CHARACTERS]),
        "target": rules["sub_queries"][0],
        "open": False,
        "order": None,
        "nth": None,
    }


def _order(reply: RelationReply | None) -> Ordinal:
    if reply is None or reply.kind not in ("first", "last", "nth"):
        return {"order": None, "nth": None}
    if reply.kind != "nth":
        return {"order": reply.kind, "nth": None}
    usable = reply.nth is not None and reply.nth > 1
    return {"order": "nth" if usable else None, "nth": reply.nth if usable else None}
