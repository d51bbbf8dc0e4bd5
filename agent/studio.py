"""Entry for `langgraph.json`: the graph without a checkpointer, because the server brings its
own."""

from longtake.agent.graph import build_graph

graph = build_graph()
