"""Question -> answer with evidence: a LangGraph graph over the tools."""
