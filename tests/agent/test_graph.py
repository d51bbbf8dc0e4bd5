"""The graph's nodes and what it guarantees about citations."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from longtake.agent.answer import Answer
from longtake.agent.citations import row_citation
from longtake.agent.context import Context, register
from longtake.agent.graph import build_graph
from longtake.agent.plan import make_plan
from longtake.agent.retrieve import retrieve_rows
from longtake.agent.state import Citation, Input, State
from longtake.agent.verify import verified_answer
from longtake.tools.library import Library

ROOT = Path(__file__).resolve().parents[2]


def run(library: Library, question: str, **more: Any) -> Answer:
    context = Context(library=register(library))
    request: Input = {"question": question}
    request.update(more)  # type: ignore[typeddict-item]  # filters by name
    output = asyncio.run(build_graph().ainvoke(request, context=context))
    return Answer.from_dict(output["answer"])


def test_shape() -> None:
    edges = {(e.source, e.target) for e in build_graph().get_graph().edges}
    assert edges == {
        ("__start__", "plan"),
        ("plan", "retrieve"),
        ("retrieve", "select"),
        ("retrieve", "show"),
        ("retrieve", "answer"),
        ("show", "ask"),
        ("show", "answer"),
        ("ask", "show"),
        ("ask", "answer"),
        ("ask", "verify"),
        ("select", "look"),
        ("select", "answer"),
        ("look", "reflect"),
        ("reflect", "select"),
        ("reflect", "retrieve"),
        ("reflect", "answer"),
        ("answer", "verify"),
        ("verify", "answer"),
        ("verify", "__end__"),
    }


def test_state_is_json(library: Library) -> None:
    context = Context(library=register(library))
    question = "How many hives does Ingrid look after?"

    async def states() -> list[dict[str, Any]]:
        stream = build_graph().astream(
            {"question": question}, context=context, stream_mode="values"
        )
        return [state async for state in stream]

    for state in asyncio.run(states()):
        assert json.loads(json.dumps(state)) == state


def test_studio_entry_needs_no_library_to_load() -> None:
    config = json.loads((ROOT / "langgraph.json").read_text())
    path = config["graphs"]["longtake"].split(":")[0]
    code = f"import runpy; g = runpy.run_path({path!r})['graph']; print(g.checkpointer, g.name)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["None", "longtake"]


def test_context_opens_the_library_it_names(library: Library) -> None:
    output = asyncio.run(
        build_graph().ainvoke(
            {"question": "Who paints the lids of the hives?"},
            context=Context(**json.loads(json.dumps({"library": str(library.root)}))),
        )
    )
    assert "Bengt" in output["answer"]["text"]


def test_answer_quotes_with_video_and_time(library: Library) -> None:
    answer = run(library, "How many hives does Ingrid look after?")
    assert answer.text == (
        '"My name is Ingrid, and I look after fourteen hives at the edge of the forest." '
        '(said at 0:02.0 in "A year with bees"). '
        "Quoted from what is indexed; nothing looked at the pictures."
    )
    assert not answer.abstained
    assert answer.confidence > 0.9
    assert answer.evidence[0].start == 2.0
    assert answer.searched.lanes["visual"] == "no pictures indexed: skipped (weights missing)"


def test_both_parts_of_a_question_are_answered(library: Library) -> None:
    answer = run(
        library, "Who paints the lids of the hives and how many jars were filled this year?"
    )
    quotes = [piece.quote or "" for piece in answer.evidence]
    assert any("Bengt" in quote for quote in quotes)
    assert any("ninety" in quote for quote in quotes), quotes


def test_a_part_without_an_answer_is_said(library: Library) -> None:
    answer = run(library, "Who paints the lids of the hives and who discovered Pluto?")
    assert len(answer.evidence) == 1
    assert answer.reason == "no line answers 'who discovered Pluto'"
    assert "Pluto" in answer.text


def test_time_questions_answer_with_the_time(library: Library) -> None:
    answer = run(library, "When does she mention the varroa mite?")
    assert answer.text.startswith('At 0:41.2 in "A year with bees"') or "varroa mite" in answer.text
    assert answer.evidence[0].start == pytest.approx(
        next(
            s.segment.start
            for v in library.videos()
            if v.title == "A year with bees"
            for s in library.segments(v.id)
            if "varroa" in s.segment.text
        )
    )


def test_what_is_said_after_something(library: Library) -> None:
    answer = run(library, "What is said after the swarm settled in the pear tree?")
    assert answer.evidence[0].quote == "We caught it in a cardboard box before sunset."


def test_what_is_said_before_something(library: Library) -> None:
    answer = run(library, "What is said before the swarm settled in the pear tree?")
    assert answer.evidence[-1].quote is not None
    assert answer.evidence[-1].quote.startswith("I wear a white jacket")


def test_which_video(library: Library) -> None:
    answer = run(library, "In which video does a fox steal a sandwich?")
    assert answer.text.startswith('In "Building a backyard telescope": "A fox stole my sandwich')
    assert len({e.video_id for e in answer.evidence}) == len(answer.evidence)


def test_mentions(library: Library) -> None:
    assert run(library, "Does anyone mention raccoons?").text.startswith("Yes. ")
    assert run(library, "Does anyone mention Madagascar?").abstained


def test_abstention_says_what_was_looked_for(library: Library) -> None:
    answer = run(library, "Who is the king of Norway?")
    assert answer.abstained
    assert answer.evidence == ()
    assert answer.reason == "no line answers 'Who is the king of Norway'"
    assert answer.text.startswith("Not found: no line answers 'Who is the king of Norway'.")
    assert "pictures (no pictures indexed: skipped (weights missing))" in answer.text


def test_options(library: Library) -> None:
    options = ["nine", "fourteen", "three hundred", "two thousand"]
    answer = run(library, "How many hives does Ingrid look after?", options=options)
    assert answer.option == "fourteen"
    assert answer.text.startswith('fourteen. "My name is Ingrid')
    assert sum(answer.option_scores.values()) == pytest.approx(1.0)


def test_filters(library: Library) -> None:
    bees = library.video("A year with bees").id
    other = library.video("Sunday bread with Amara").id
    question = "How many hives does Ingrid look after?"
    assert run(library, question, videos=[other]).abstained
    assert not run(library, question, videos=[bees], between=[0.0, 10.0]).abstained
    late = run(library, question, videos=[bees], between=[30.0, 60.0])
    assert all("fourteen" not in (e.quote or "") for e in late.evidence)


@pytest.fixture
def state(library: Library) -> State:
    """A run up to a draft of one good citation."""
    question = "Who paints the lids of the hives?"
    made: State = {"question": question, "plan": make_plan(question)}
    made.update(retrieve_rows(library, made, Context()))
    row = next(r for r in made["rows"] if "Bengt" in (r["text"] or ""))
    made["draft"] = {
        "citations": [
            {**row_citation(row), "score": 0.9, "query": 0},
        ],
        "leads": [],
        "option": None,
        "option_scores": {},
        "confidence": 0.9,
        "abstained": False,
        "reason": None,
    }
    return made


def test_a_good_citation_holds(library: Library, state: State) -> None:
    answer = verified_answer(state, library.store)
    assert (answer.abstained, len(answer.evidence), answer.notes) == (False, 1, ())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"video_id": "nowhere"}, "is not in the library"),
        ({"rows": [999_999]}, "was not retrieved"),
        ({"rows": []}, "was not retrieved"),
        ({"start": 5999.0, "end": 6000.0}, "beyond the end"),
        ({"start": 0.0}, "not those of the lines"),
        ({"quote": "Bengt is a spy."}, "not what is stored"),
    ],
)
def test_a_bad_citation_is_dropped(
    library: Library, state: State, change: dict[str, Any], fault: str
) -> None:
    good = state["draft"]["citations"][0]
    bad: Citation = {**good, **change}  # type: ignore[typeddict-item]  # wrong on purpose
    state["draft"]["citations"] = [bad]
    answer = verified_answer(state, library.store)
    assert answer.abstained
    assert answer.evidence == ()
    assert answer.reason == "no citation held when it was checked"
    assert len(answer.notes) == 1
    assert fault in answer.notes[0]


def test_end_is_clamped_to_the_video(library: Library, state: State) -> None:
    row = next(r for r in state["rows"] if "Bengt" in (r["text"] or ""))
    duration = library.video(row["video_id"]).duration
    row["end"] = state["draft"]["citations"][0]["end"] = duration + 0.3
    assert verified_answer(state, library.store).evidence[0].end == duration
