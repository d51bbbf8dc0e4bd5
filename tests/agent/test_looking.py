"""The whole loop with a model that sees: what it finds, what it costs, what it does when the model
is weak, wrong, gone or lying, and how a killed run goes on."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from longtake import Agent, Library
from longtake.agent.answer import Answer
from longtake.agent.replies import AnswerReply, LookReply, PlanReply, ReflectReply
from longtake.tools.vlm.messages import Reply, Request
from tests.agent.seeing import Eyes
from tests.data.colours import GREEN
from tests.tools.vlm.fault_server import Handler, says, serving


@pytest.fixture
def library(colours_library: Path) -> Iterator[Library]:
    for name in ("calls.db", "checkpoints.db"):
        for file in colours_library.glob(f"{name}*"):
            file.unlink()
    with Library.open(colours_library) as opened:
        yield opened


def ask(library: Library, question: str, eyes: Eyes, **more: Any) -> Answer:
    options = more.pop("options", None)
    return Agent(library, vlm=eyes, **more).ask_sync(question, options)


def test_a_moment_is_found_and_bounded(library: Library) -> None:
    answer = ask(library, "When is the screen green?", Eyes())
    (piece,) = answer.evidence
    assert piece.video_title == "signal"
    assert abs(piece.start - GREEN[0]) < 0.5 and abs(piece.end - GREEN[1]) < 0.5
    assert piece.claim == "The screen is green."
    assert answer.mode == "looked" and answer.supported and not answer.abstained
    assert answer.text.startswith("The screen is green from 107.")


def test_the_other_video_answers_when_it_shows_it(library: Library) -> None:
    answer = ask(library, "When is the screen yellow?", Eyes())
    assert answer.evidence[0].video_title == "other"
    assert abs(answer.evidence[0].start - 40.0) < 0.5


def test_what_is_not_there_is_not_found(library: Library) -> None:
    answer = ask(library, "Is the screen ever purple?", Eyes())
    assert answer.abstained and not answer.evidence
    assert "Looked at" in answer.text
    assert answer.searched.looked


def test_an_option_is_chosen(library: Library) -> None:
    question = "Which of these colours is shown: is it green?"
    answer = ask(library, question, Eyes(), options=["white", "green", "black"])
    assert answer.option == "green"


@pytest.mark.parametrize("budget", [1, 200, 700, 1200, 2000, 4000, 9000])
def test_no_budget_is_exceeded(library: Library, budget: int) -> None:
    eyes = Eyes()
    answer = ask(library, "When is the screen green?", eyes, budget=budget)
    assert answer.receipt is not None
    assert answer.receipt.spent <= budget
    assert sum(line.charged for line in answer.receipt.lines) == answer.receipt.spent
    assert len(answer.receipt.lines) == len(eyes.asked)
    assert answer.text


def test_more_tokens_see_more(library: Library) -> None:
    errors = []
    for budget in (6000, 16_000):
        (piece,) = ask(library, "When is the screen green?", Eyes(), budget=budget).evidence
        errors.append(abs(piece.start - GREEN[0]) + abs(piece.end - GREEN[1]))
    assert errors[1] < errors[0]


def test_a_model_that_talks_garbage_ends_in_evidence_mode(library: Library) -> None:
    kinds = (LookReply, AnswerReply, PlanReply, ReflectReply)
    eyes = Eyes({kind: lambda request: "lorem ipsum" for kind in kinds})
    answer = ask(library, "When is the screen green?", eyes)
    assert answer.abstained and answer.receipt is not None
    assert answer.receipt.spent <= 16_000
    assert {line.purpose for line in answer.receipt.lines} >= {"plan", "plan, again"}


def test_a_model_that_cannot_write_answers_is_answered_for(library: Library) -> None:
    answer = ask(library, "When is the screen green?", Eyes({AnswerReply: lambda r: "dunno"}))
    assert answer.evidence[0].claim == "The screen is green."
    assert abs(answer.evidence[0].start - GREEN[0]) < 0.5
    assert any("made by rule" in note for note in answer.notes)


def test_false_citations_are_asked_about_once_then_marked(library: Library) -> None:
    lie = '{"answer": "At 99:59.", "confidence": 1, "evidence": [{"label": "E99"}]}'
    eyes = Eyes({AnswerReply: lambda request: lie})
    answer = ask(library, "When is the screen green?", eyes)
    asked = [r for r in eyes.asked if r.schema is AnswerReply]
    assert len(asked) == 2
    assert "E99" in str(asked[1].messages[-1])
    assert not answer.supported and not answer.evidence
    assert answer.confidence <= 0.3
    assert "no evidence supports this" in answer.text


def test_times_outside_their_evidence_are_refused(library: Library) -> None:
    def late(request: Request) -> str:
        cited = [{"label": "E1", "from": 900.0, "to": 950.0}]
        return json.dumps({"answer": "Late.", "confidence": 1, "evidence": cited})

    answer = ask(library, "When is the screen green?", Eyes({AnswerReply: late}))
    assert not answer.supported
    assert any("lies outside" in note for note in answer.notes)


@pytest.mark.parametrize(
    "closer",
    [
        {"from": -1e9, "to": 1e12},
        {"from": 5000, "to": 6000},
        {"from": 12, "to": 3},
        {"from": 1, "to": 1},
        {"box": [0.9, 0.9, 0.1, 0.1]},
        {"box": [-5, -5, 9, 9]},
        {"box": [0, 0, 1e-9, 1e-9]},
        {"from": 2, "to": 6, "box": [0.2, 0.2, 0.6, 0.7]},
    ],
)
def test_wishes_of_a_model_stay_inside_the_video(library: Library, closer: dict[str, Any]) -> None:
    def wishing(request: Request) -> str:
        reply = {"relevant": True, "claim": "Something.", "confidence": 0.6, "closer": closer}
        return json.dumps(reply)

    eyes = Eyes({LookReply: wishing})
    agent = Agent(library, vlm=eyes, budget=9000)
    answer = agent.ask_sync("What is on the screen?")
    durations = {video.id: video.duration for video in library.videos()}
    trace = library.store.run(answer.run_id).trace
    views = [view for event in trace if event["event"] == "selected" for view in event["views"]]
    assert views
    for view in views:
        assert 0 <= view["start"] < view["end"] <= durations[view["video_id"]]
        if view["crop"] is not None:
            x0, y0, x1, y1 = view["crop"]
            assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1


@pytest.mark.parametrize("action", ["look", "zoom", "search", "read", "answer"])
def test_decisions_of_a_model_end(library: Library, action: str) -> None:
    def decide(request: Request) -> str:
        return json.dumps(
            {"action": action, "video": "V2", "from": 1, "to": 9, "query": "q", "why": "w"}
        )

    no = '{"relevant": false, "claim": "nothing", "confidence": 0.1}'
    eyes = Eyes({ReflectReply: decide, LookReply: lambda request: no})
    answer = ask(library, "When is the screen green?", eyes, budget=12_000)
    assert answer.receipt is not None and answer.receipt.spent <= 12_000


def test_the_same_question_costs_the_same_from_the_cache(library: Library) -> None:
    eyes = Eyes()
    first = ask(library, "When is the screen green?", eyes)
    asked = len(eyes.asked)
    second = ask(library, "When is the screen green?", eyes)
    assert len(eyes.asked) == asked
    assert first.receipt is not None and second.receipt is not None
    assert second.receipt.spent == first.receipt.spent
    assert all(line.replayed for line in second.receipt.lines)
    assert second.evidence == first.evidence


def test_a_cancelled_question_leaves_nothing_behind(library: Library) -> None:
    begun = asyncio.Event()

    class Slow(Eyes):
        async def ask(self, request: Request) -> Reply:
            if request.schema is LookReply:
                begun.set()
                await asyncio.Event().wait()
            return await super().ask(request)

    async def go() -> None:
        task = asyncio.create_task(Agent(library, vlm=Slow()).ask("When is the screen green?"))
        await asyncio.wait_for(begun.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    answer = ask(library, "When is the screen green?", Eyes())
    assert answer.supported


def test_a_forecast_spends_nothing(library: Library) -> None:
    eyes = Eyes()
    made = asyncio.run(Agent(library, vlm=eyes).forecast("When is the screen green?"))
    assert eyes.asked == []
    answer = ask(library, "When is the screen green?", eyes)
    assert answer.receipt is not None
    looked = [line for line in answer.receipt.lines if line.node == "look"]
    prices = [price for _, price in made.views]
    assert [line.planned_visual + line.planned_text + line.planned_output for line in looked][
        : len(prices)
    ] == prices
    assert made.limit == 16_000 and made.left > 0


def test_it_is_a_subgraph_of_another_graph(library: Library) -> None:
    from langgraph.graph import END, START, StateGraph

    from longtake.agent.context import Context, register, register_vlm
    from longtake.agent.graph import build_graph
    from longtake.agent.state import Input, Output

    class Outer(Input, Output, total=False):
        pass

    graph = StateGraph(Outer, context_schema=Context)
    graph.add_node("watch", build_graph())
    graph.add_edge(START, "watch")
    graph.add_edge("watch", END)
    context = Context(library=register(library), vlm=register_vlm(Eyes()))
    question: Any = {"question": "When is the screen green?"}
    done = asyncio.run(graph.compile().ainvoke(question, context=context))
    assert Answer.from_dict(done["answer"]).evidence[0].claim == "The screen is green."


def test_a_threads_second_question_starts_anew(library: Library) -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    from longtake.agent.context import Context, register, register_vlm
    from longtake.agent.graph import build_graph
    from longtake.agent.state import Input, State, blank_state

    written = {"run_id", "planned_run", "plan", "draft", "answer", "steps_left"}
    assert set(State.__annotations__) - set(Input.__annotations__) - written == set(blank_state())
    context = Context(library=register(library), vlm=register_vlm(Eyes()))
    green: Input = {"question": "Which colour is shown?", "options": ["black", "green"]}
    yellow: Input = {"question": "When is the screen yellow?"}

    async def states(*asked: Input) -> list[dict[str, Any]]:
        graph = build_graph(InMemorySaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        made = []
        for question in asked:
            await graph.ainvoke(question, config, context=context)
            made.append((await graph.aget_state(config)).values)
        return made

    first, second = asyncio.run(states(green, yellow))
    (alone,) = asyncio.run(states(yellow))
    assert first["run_id"] != second["run_id"]
    assert Answer.from_dict(first["answer"]).question == green["question"]
    for key in ("rows", "views", "observations", "notes", "searched", "round", "options"):
        assert second[key] == alone[key], key
    events = [[event["event"] for event in state["trace"]] for state in (second, alone)]
    assert events[0] == events[1]
    answers = [Answer.from_dict(state["answer"]) for state in (second, alone)]
    assert answers[0].text == answers[1].text and answers[0].evidence == answers[1].evidence
    spent = [answer.receipt.spent for answer in answers if answer.receipt is not None]
    assert spent[0] == spent[1] > 0


CHILD = """
import sys
from longtake import Agent, Library
with Library.open(sys.argv[1]) as library:
    print(Agent(library, vlm=sys.argv[2]).ask_sync("When is the screen green?").run_id)
"""


def _purposes(journal: Path) -> dict[str, list[str]]:
    """State -> purposes of the calls in it."""
    found: dict[str, list[str]] = {"sent": [], "replied": []}
    with closing(sqlite3.connect(journal)) as db:
        for state, purpose in db.execute("SELECT state, purpose FROM calls"):
            found[state].append(purpose)
    return found


def test_a_killed_run_goes_on_without_paying_twice(library: Library) -> None:
    calls: list[str] = []

    def seeing(kill_at: int | None) -> Callable[[Handler, dict[str, Any]], None]:
        def behave(handler: Handler, body: dict[str, Any]) -> None:
            calls.append(json.dumps(body, sort_keys=True))
            if kill_at is not None and len(calls) == kill_at:
                os.kill(child.pid, signal.SIGKILL)
                time.sleep(0.2)
            words = json.dumps(body["messages"][-1]["content"])
            if "Frames of video" in words:
                text = '{"relevant": false, "claim": "no", "confidence": 0.1}'
            else:
                text = '{"answer": "", "confidence": 0, "missing": "green"}'
            says(text, usage=(200, 20))(handler, body)

        return behave

    with serving(seeing(4)) as server:
        address = f"{server.url}#Qwen2.5-VL-3B"
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(library.root), address])
        assert child.wait(300) == -signal.SIGKILL
        at_death = _purposes(library.root / "calls.db")
        server.behaviours = [seeing(None)]
        agent = Agent(library, vlm=address)
        (left,) = asyncio.run(agent.unfinished())
        answer = asyncio.run(agent.resume(left.run_id))
    assert answer.receipt is not None
    lines = answer.receipt.lines
    purposes = Counter(line.purpose for line in lines)
    # replies that had come are not asked for again; calls lost with the process are charged once
    # as planned and made again
    assert at_death["sent"] and at_death["replied"]
    assert all(purposes[purpose] == 1 for purpose in at_death["replied"])
    assert all(purposes[purpose] == 2 for purpose in at_death["sent"])
    assert [line.estimated for line in lines].count(True) == len(at_death["sent"])
    assert len(calls) <= len(lines), purposes
    assert answer.receipt.spent <= answer.receipt.limit
    events = [event["event"] for event in library.store.run(answer.run_id).trace]
    assert events[0] == "planned" and events[-1] == "verified"
