"""The graph: plan -> retrieve -> select -> look (one branch a view) -> reflect -> ... -> answer ->
verify. Without a model it goes from retrieve to answer. With a policy that talks with the model,
show -> ask -> show ... takes the place of select, look and reflect.
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from longtake.agent.conclude import answer
from longtake.agent.context import Context
from longtake.agent.look import LookTask, look
from longtake.agent.planner import plan
from longtake.agent.policies.nodes import ask, show
from longtake.agent.reflect import reflect
from longtake.agent.retrieve import retrieve
from longtake.agent.select import select
from longtake.agent.state import Input, Output, State
from longtake.agent.verify import verify

Graph = CompiledStateGraph[State, Context, Input, Output]

RECURSION_LIMIT = 200
"""Steps a run may take, a guard behind the budget; LangGraph's own default is 10007."""


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """The compiled graph; a server, or the graph it is part of, brings its own checkpointer."""
    graph = StateGraph(State, context_schema=Context, input_schema=Input, output_schema=Output)
    graph.add_node("plan", plan)
    graph.add_node("retrieve", retrieve)
    graph.add_node("select", select)
    graph.add_node("look", look, input_schema=LookTask)
    graph.add_node("reflect", reflect)
    graph.add_node("show", show)
    graph.add_node("ask", ask)
    graph.add_node("answer", answer)
    graph.add_node("verify", verify)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "retrieve")
    graph.add_edge("look", "reflect")
    graph.add_edge("answer", "verify")
    return graph.compile(checkpointer=checkpointer, name="longtake")
