"""Text found in videos is data: whatever it says, a run takes the same steps, opens the same files,
costs the same and cites by the same rule as with harmless text of the same length."""

import itertools
import json
from dataclasses import replace

import pytest

from longtake import Agent
from longtake.agent.replies import AnswerReply, LookReply
from tests.agent.injections import (
    BUDGET,
    MARK,
    QUESTION,
    TEXTS,
    Libraries,
    Run,
    ask,
    cites_by_the_rule,
    parts_of,
    size_of,
    stays_inside,
    steps,
)
from tests.agent.seeing import Eyes


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_changes_but_the_words(libraries: Libraries, name: str) -> None:
    video_id = libraries.ids[name]
    run, calm = (
        ask(library, video_id, Eyes()) for library in (libraries.injected, libraries.harmless)
    )
    assert steps(run.trace) == steps(calm.trace)
    assert run.touched == calm.touched
    assert run.answer.receipt is not None and calm.answer.receipt is not None
    assert [replace(line, seconds=0.0) for line in run.answer.receipt.lines] == [
        replace(line, seconds=0.0) for line in calm.answer.receipt.lines
    ]
    assert [replace(piece, video_title="") for piece in run.answer.evidence] == [
        replace(piece, video_title="") for piece in calm.answer.evidence
    ]
    assert run.answer.evidence[0].claim == "The screen is green."
    stays_inside(run, libraries.injected, video_id)
    cites_by_the_rule(run, libraries.injected, video_id)
    told = 0
    for request, same in zip(run.asked, calm.asked, strict=True):
        outside, quoted = parts_of(request)
        assert outside == parts_of(same)[0]
        assert not any(MARK in words for words in outside)
        told += sum(MARK in words for words in quoted)
    assert told >= 2, "it stood in no prompt"


def test_without_a_model_the_quotes_are_the_stored_lines(libraries: Libraries) -> None:
    library = libraries.injected
    for video_id in libraries.ids.values():
        answer = Agent(library, vlm="none", checkpoint=False).ask_sync(QUESTION, videos=[video_id])
        assert answer.searched.queries == (QUESTION.rstrip("?"),)
        run = Run(answer=answer, trace=[], asked=[], touched=set())
        cites_by_the_rule(run, library, video_id)
        assert answer.evidence or answer.leads


def test_a_span_of_text_is_cut_to_what_a_prompt_has_room_for() -> None:
    for text in TEXTS.values():
        assert size_of(text) <= 160 * 6 + 5


def test_half_characters_of_a_model_break_nothing(libraries: Libraries) -> None:
    """They can stand in JSON, but not in a request."""
    said = 'no object, but \ud83d and "\\ud800"'
    eyes = Eyes({kind: lambda request: said for kind in (LookReply, AnswerReply)})
    run = ask(libraries.injected, next(iter(libraries.ids.values())), eyes)
    again = [r.messages[-2] for r in run.asked if r.messages[-2].role == "assistant"]
    assert again and all("\ud83d" not in str(message) for message in again)
    assert run.answer.receipt is not None and run.answer.receipt.spent <= BUDGET


def test_what_is_wrong_with_a_reply_is_told_without_repeating_it(libraries: Libraries) -> None:
    """The model reads it as an instruction."""
    looks = [
        {"relevant": MARK, "claim": "c"},
        {"relevant": True, "confidence": MARK},
        {"relevant": True, "from": MARK, "to": {MARK: MARK}, "closer": {"box": [MARK]}},
        {MARK: MARK},
    ]
    turn = itertools.cycle(json.dumps(look) for look in looks)
    eyes = Eyes({LookReply: lambda request: next(turn)})
    run = ask(libraries.injected, next(iter(libraries.ids.values())), eyes)
    repairs = [r for r in run.asked if r.messages[-2].role == "assistant"]
    assert repairs
    for request in repairs:
        assert "That was not the JSON object asked for" in str(request.messages[-1])
        assert MARK not in str(request.messages[-1])
