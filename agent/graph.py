"""The graph: plan -> retrieve -> answer -> verify. Nodes that look at pictures join between
retrieve and answer."""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from longtake.agent.context import Context
from longtake.agent.draft import answer
from longtake.agent.plan import plan
from longtake.agent.retrieve import retrieve
from longtake.agent.state import Input, Output, State
from longtake.agent.verify import verify

Graph = CompiledStateGraph[State, Context, Input, Output]

RECURSION_LIMIT = 25
"""Steps a run may take; LangGraph's own default is 10007."""


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """The compiled graph; a server brings its own checkpointer."""
    graph = StateGraph(State, context_schema=Context, input_schema=Input, output_schema=Output)
    graph.add_node("plan", plan)
    graph.add_node("retrieve", retrieve)
    graph.add_node("answer", answer)
    graph.add_node("verify", verify)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "retrieve")
    graph.add_edge("retrieve", "answer")
    graph.add_edge("answer", "verify")
    graph.add_edge("verify", END)
    return graph.compile(checkpointer=checkpointer, name="longtake")
