"""Answers from replies and by rule: which option is meant, what may be answered with."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longtake import Agent, Library, Settings
from longtake.agent.replies import AnswerReply, LookReply
from longtake.agent.respond import chosen
from longtake.index.lanes import StageName
from longtake.tools.vlm.messages import Request
from longtake.tools.vlm.parsing import parse_reply
from tests.agent.seeing import Eyes
from tests.data.colours import write_colours


@pytest.mark.parametrize(
    ("options", "option", "answer", "meant"),
    [
        (["a red car", "a blue car"], None, "A blue car.", "a blue car"),
        (["a red car", "a blue car"], "A blue car", "", "a blue car"),
        (["A dog", "The cat"], "A cat", "", None),
        (["man", "dog"], None, "woman", None),
        (["man", "dog"], None, "It is a man!", "man"),
        (["5", "8"], None, "15", None),
        (["5", "8"], "B", "5", "8"),
        (["red", "blue"], "(B)", "", "blue"),
        (["red", "blue"], "B) blue", "", "blue"),
        (["red", "blue"], "B. because it is", "", "blue"),
        (["red", "blue"], "Option B", "", "blue"),
        (["red", "blue"], "answer: B", "", "blue"),
        (["red", "blue"], None, "The correct answer is (B).", "blue"),
        (["red", "blue"], "C", "", None),
        (["red", "blue"], None, "red or blue", None),
        (["red", "red wine"], None, "red wine", "red wine"),
    ],
)
def test_the_option_that_is_meant(
    options: list[str], option: str | None, answer: str, meant: str | None
) -> None:
    assert chosen(options, option, answer) == meant


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    place = tmp_path_factory.mktemp("answers")
    video = write_colours(place / "red.mp4", [("red", 40.0)], width=160, height=90)
    with Library.open(place / "library", Settings(offline=True), create=True) as opened:
        assert opened.index([video], only={StageName.SHOTS}).ok
        yield opened


@pytest.mark.parametrize("options", [None, ["red", "blue"], ["0:05", "0:30"]])
def test_what_a_look_called_irrelevant_answers_nothing(
    library: Library, options: list[str] | None
) -> None:
    no = {"relevant": False, "claim": "A red wall; no car is to be seen.", "confidence": 1.0}
    eyes = Eyes({LookReply: lambda request: json.dumps(no), AnswerReply: lambda request: "hm"})
    answer = Agent(library, vlm=eyes).ask_sync("What colour is the car?", options)
    assert answer.abstained and not answer.supported and answer.option is None


def test_half_a_character_in_a_claim_is_replaced_and_the_run_kept(library: Library) -> None:
    def half(request: Request) -> str:
        return '{"relevant": true, "claim": "It is \\ud83d red.", "confidence": 0.9}'

    def said(request: Request) -> str:
        cited = '[{"label": "E1"}]'
        return '{"answer": "Red \\udc00.", "confidence": 0.9, "evidence": ' + cited + "}"

    eyes = Eyes({LookReply: half, AnswerReply: said})
    answer = Agent(library, vlm=eyes).ask_sync("What colour is the wall?")
    assert answer.text.startswith("Red ?")
    assert answer.evidence[0].claim == "It is ? red."
    assert library.store.run(answer.run_id).answer["text"] == answer.text


def test_half_characters_are_replaced_wherever_they_are() -> None:
    text = '{"answer": "a\\ud83d", "evidence": [{"label": "E\\udfff1"}], "missing": "\\ud800"}'
    parsed, _ = parse_reply(text, AnswerReply)
    assert isinstance(parsed, AnswerReply)
    assert (parsed.answer, parsed.evidence[0].label, parsed.missing) == ("a?", "E?1", "?")


def test_what_lies_beside_a_moment_stays_within_the_stretch_asked_about(
    tmp_path: Path,
) -> None:
    video = write_colours(
        tmp_path / "turns.mp4", [("red", 6.0), ("green", 4.0), ("blue", 50.0)], width=160, height=90
    )
    (tmp_path / "turns.srt").write_text(
        "1\n00:00:06,000 --> 00:00:09,000\nNow it turns green.\n\n"
        "2\n00:00:14,000 --> 00:00:17,000\nAnd now it turns blue.\n"
    )
    with Library.open(tmp_path / "library", Settings(offline=True), create=True) as opened:
        stages = {StageName.SHOTS, StageName.SPEECH, StageName.SENTENCES}
        assert opened.index([video], only=stages).ok
        from longtake.timing import Span

        answer = Agent(opened, vlm=Eyes()).ask_sync(
            "What colour comes after it turns green?", between=Span(0, 12)
        )
        trace: list[dict[str, Any]] = opened.store.run(answer.run_id).trace
    views = [v for event in trace if event["event"] == "selected" for v in event["views"]]
    assert views and all(view["end"] <= 12.0 for view in views)
    assert not any("blue" in (piece.quote or "") for piece in (*answer.evidence, *answer.leads))
