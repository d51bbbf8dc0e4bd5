"""The graph in LangGraph's API server, as `langgraph.json` opens it: what Studio draws, and runs
over a real library from plain JSON, without a model and with the tiny one."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from longtake.agent.answer import Answer

pytestmark = pytest.mark.peer

GREEN = {"question": "When is the screen green?"}
YELLOW = {"question": "When is the screen yellow?"}


def run(url: str, steps: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Take steps with a client of the server."""

    async def taken() -> None:
        async with get_client(url=url) as client:
            await steps(client)

    asyncio.run(taken())


async def assistant_of(client: Any) -> str:
    (assistant,) = await client.assistants.search(metadata={"created_by": "system"})
    return str(assistant["assistant_id"])


async def streamed(client: Any, thread: str, assistant: str, **more: Any) -> tuple[Any, list[str]]:
    """(the answer, kinds of all events) of a run."""
    answer, events = None, []
    modes = ["custom", "values"]
    async for part in client.runs.stream(thread, assistant, stream_mode=modes, **more):
        assert part.event != "error", part.data
        if part.event == "custom":
            events.append(part.data["event"])
        elif part.event == "values":
            answer = part.data.get("answer") or answer
    return Answer.from_dict(answer) if answer is not None else None, events


def test_it_is_drawn_and_has_forms(studio: str) -> None:
    async def steps(client: Any) -> None:
        assistant = await assistant_of(client)
        schemas = await client.assistants.get_schemas(assistant)
        fields = {
            name: set(schemas[name]["properties"])
            for name in ("input_schema", "output_schema", "context_schema")
        }
        assert fields["input_schema"] == {"question", "options", "videos", "between", "run_id"}
        assert fields["output_schema"] == {"answer"}
        assert fields["context_schema"] >= {"library", "vlm", "budget", "policy", "preset"}
        drawn = await client.assistants.get_graph(assistant)
        nodes = {node["id"] for node in drawn["nodes"]}
        assert nodes >= {"plan", "retrieve", "select", "look", "reflect", "answer", "verify"}
        edges = {(e["source"], e["target"], bool(e.get("conditional"))) for e in drawn["edges"]}
        assert ("plan", "retrieve", False) in edges
        assert edges >= {("select", "look", True), ("reflect", "select", True)}
        assert ("verify", "__end__", True) in edges

    run(studio, steps)


def test_without_a_model_it_says_what_it_searched(studio: str, colours: Path) -> None:
    async def steps(client: Any) -> None:
        thread = (await client.threads.create())["thread_id"]
        context = {"library": str(colours), "vlm": "none"}
        answer, events = await streamed(
            client, thread, await assistant_of(client), input=GREEN, context=context
        )
        assert answer is not None
        assert answer.mode == "evidence" and answer.abstained and answer.receipt is None
        assert events == ["planned", "retrieved", "drafted", "verified"]

    run(studio, steps)


def test_an_assistant_looks_and_a_thread_forgets(
    studio: str, colours: Path, tiny_vlm: Path
) -> None:
    async def steps(client: Any) -> None:
        context = {
            "library": str(colours),
            "vlm": str(tiny_vlm),
            "budget": 4000,
            "policy": "default",
            "preset": "moments",
        }
        made = await client.assistants.create("longtake", context=context, name="tiny")
        assistant = made["assistant_id"]
        thread = (await client.threads.create())["thread_id"]
        first, events = await streamed(
            client, thread, assistant, input={**GREEN, "options": ["green", "black"]}
        )
        assert first is not None and first.receipt is not None
        assert first.mode == "looked" and first.receipt.limit == 4000
        assert all(line.exact for line in first.receipt.lines)
        assert events[0] == "planned" and events[-1] == "verified"
        assert events.count("looking") == events.count("observed") > 0
        second, events = await streamed(client, thread, assistant, input=YELLOW)
        state = (await client.threads.get_state(thread))["values"]
        fresh = (await client.threads.create())["thread_id"]
        alone, alone_events = await streamed(client, fresh, assistant, input=YELLOW)
        fresh_state = (await client.threads.get_state(fresh))["values"]
        assert second is not None and alone is not None
        assert (second.text, second.option, second.evidence) == (alone.text, None, alone.evidence)
        assert events == alone_events
        for key in ("rows", "views", "observations", "notes", "round", "options", "plan"):
            assert state[key] == fresh_state[key], key
        assert len(state["trace"]) == len(events)

    run(studio, steps)


def test_a_cancelled_run_leaves_its_thread_usable(
    studio: str, colours: Path, tiny_vlm: Path
) -> None:
    async def steps(client: Any) -> None:
        assistant = await assistant_of(client)
        context = {"library": str(colours), "vlm": str(tiny_vlm), "budget": 6000}
        thread = (await client.threads.create())["thread_id"]
        other = {"question": "Which colours are shown, and when is it white?"}
        async for part in client.runs.stream(
            thread, assistant, input=other, context=context, stream_mode="custom"
        ):
            if part.event == "metadata":
                cancelled = part.data["run_id"]
            elif part.event == "custom" and part.data["event"] == "looking":
                await client.runs.cancel(thread, cancelled, wait=True)
                break
        assert (await client.runs.get(thread, cancelled))["status"] == "interrupted"
        answer, _ = await streamed(client, thread, assistant, input=GREEN, context=context)
        assert answer is not None and answer.question == GREEN["question"]
        assert answer.receipt is not None and answer.receipt.spent <= 6000

    run(studio, steps)
