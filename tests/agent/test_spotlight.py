"""`spotlight`: frames by their numbers, the guard of its conversations, what they cost, and whole
runs with a model that sees."""

import asyncio
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtake import Agent, Library, Settings
from longtake.agent.answer import Answer
from longtake.agent.policies.numbering import Numbers, between
from longtake.agent.policies.replies import SpotlightAnswer, SpotlightReply
from longtake.agent.policies.trace import Action, Choose, LookUp, Say, Turn, broken_rules
from longtake.agent.replies import AnswerReply, LookReply, PlanReply
from longtake.index.store import Store
from longtake.tools.vlm.messages import Frames, Request, words_of
from longtake.tools.vlm.parsing import parse_reply
from longtake.tools.vlm.pricing import Pricer
from tests.agent.conftest import Fill
from tests.agent.seeing import Eyes
from tests.agent.talking import Priced, Talk, desk_for, talk

GREEN = (107.5, 113.5)
QUESTION = "When is the screen green?"
TURNS, ATTEMPTS = 5, 3


# Frames by their numbers


@given(st.integers(0, 10**6), st.sampled_from([23.976, 24.0, 25.0, 29.97, 30.0, 59.94, 120.0, 8.0]))
def test_a_frame_is_found_by_its_time_and_back(frame: int, fps: float) -> None:
    numbers = Numbers(fps=fps, first=0, last=10**6)
    assert numbers.at(numbers.seconds(frame)) == frame
    assert numbers.at(frame / fps) == frame  # floor(frame / fps * fps) is often one less
    exact = Fraction(frame) / Fraction(fps)
    assert exact <= Fraction(numbers.seconds(frame)) <= exact + 1 / Fraction(fps)


@given(st.integers(0, 10**6), st.integers(2, 10**6), st.integers(2, 12))
def test_frames_between_two_are_those_of_linspace(start: int, length: int, count: int) -> None:
    end = start + length
    if length <= count:
        with pytest.raises(ValueError, match="fewer than"):
            between(start, end, count)
        return
    found = between(start, end, count)
    assert len(set(found)) == count and found == sorted(found)
    assert (found[0], found[-1]) == (start + 1, end - 1)
    expected = [Fraction(start + 1) + Fraction(length - 2, count - 1) * i for i in range(count)]
    assert found == [math.floor(value) for value in expected]
    assert np.abs(np.array(found) - np.linspace(start + 1, end - 1, count)).max() < 1


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 12))
def test_spread_frames_are_the_middles_of_equal_parts(first: int, more: int, count: int) -> None:
    found = Numbers(fps=25.0, first=first, last=first + more).spread(count)
    assert len(found) == len(set(found)) == min(count, more + 1)
    assert first <= found[0] and found[-1] <= first + more
    gaps = np.diff(found)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


# The guard


def turn(action: Action | None, thought: str = "hm", *, tagged: bool = False) -> Turn:
    return Turn(thought=thought, action=action, tagged=tagged)


def choose(start: int, end: int, video: str = "V1") -> Choose:
    return Choose(video=video, start=start, end=end)


TEN, SAY = LookUp(video="V1", frame=250), Say()


@pytest.mark.parametrize(
    ("trace", "rule"),
    [
        ([turn(choose(10, 50), ""), turn(SAY)], "turn 1 has no thought"),
        ([turn(None), turn(SAY)], "turn 1 has no action"),
        ([turn(choose(10, 50)), turn(choose(60, 90))], "the last action must be an answer"),
        (
            [turn(choose(10, 50)), turn(choose(90, 150)), turn(choose(11, 49)), turn(SAY)],
            "turn 3 asks for frames 11-49 of V1 again",
        ),
        (
            [turn(TEN), turn(choose(200, 300)), turn(TEN), turn(choose(240, 260)), turn(SAY)],
            "turn 3 asks for the time of frame 250 again",
        ),
        ([turn(TEN), turn(SAY)], "turn 2 must choose frames around 250, which was looked up"),
        (
            [turn(TEN), turn(choose(10, 50)), turn(SAY)],
            "turn 2 must choose frames around 250, which was looked up",
        ),
        (
            [turn(choose(10, 50), "from 20 to 60", tagged=True), turn(SAY)],
            "turn 1 chooses frames 10-50, which its thought does not name",
        ),
        ([turn(SAY), turn(choose(10, 50)), turn(SAY)], "nothing may follow an answer"),
        ([], "the last action must be an answer"),
    ],
)
def test_bad_traces_are_rejected_with_the_rule(trace: list[Turn], rule: str) -> None:
    assert broken_rules(trace, finished=True) == [rule]


@pytest.mark.parametrize(
    "trace",
    [
        [turn(SAY)],
        [turn(choose(10, 50)), turn(SAY)],
        [turn(choose(10, 50)), turn(choose(12, 50)), turn(choose(10, 50, "V2")), turn(SAY)],
        [turn(TEN), turn(choose(200, 300)), turn(SAY)],
        [turn(TEN), turn(choose(250, 300)), turn(SAY)],
        [turn(choose(10, 50), "of 3 people, 10 to 50", tagged=True), turn(SAY)],
        [turn(choose(10, 50), "between 20 and 60"), turn(SAY)],
    ],
)
def test_good_traces_are_accepted(trace: list[Turn]) -> None:
    assert broken_rules(trace, finished=True) == []
    for length in range(len(trace)):
        assert broken_rules(trace[:length], finished=False) == []


# Replies


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<think>Frames 10 to 50.</think><action>choose frames between 10 and 50</action>",
            ("choose", 10, 50, None, ""),
        ),
        (
            "<think>t</think><action>get frame number at time 01:23</action>",
            ("time", None, None, 83.0, ""),
        ),
        ("<action>output answer: B</action>", ("answer", None, None, None, "B")),
        ('{"action": "choose", "from": "frame 10", "to": 50.0}', ("choose", 10, 50, None, "")),
        ('{"action": "time", "time": "1:23"}', ("time", None, None, 83.0, "")),
    ],
)
def test_json_and_the_tags_of_the_paper_are_read(text: str, expected: tuple[Any, ...]) -> None:
    reply, fault = parse_reply(text, SpotlightReply)
    assert isinstance(reply, SpotlightReply), fault
    assert (reply.action, reply.start, reply.end, reply.time, reply.answer) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<action>choose frames between a and b</action>",
        "<action>format the disk</action>",
        '{"action": "choose", "from": NaN, "to": 50}',
        '{"action": "choose", "from": 1.5, "to": 50}',
        '{"action": "choose", "from": 1e999, "to": 50}',
        '{"action": "time"}',
    ],
)
def test_what_is_no_reply_is_none(text: str) -> None:
    reply, fault = parse_reply(text, SpotlightReply)
    assert reply is None and fault


@given(st.text() | st.text().map(lambda inside: f"<action>{inside}</action>"))
def test_no_text_breaks_the_parser(text: str) -> None:
    reply, _ = parse_reply(text, SpotlightReply)
    assert reply is None or isinstance(reply, SpotlightReply)


# Tokens


@pytest.fixture(scope="module")
def long_ones(tmp_path_factory: pytest.TempPathFactory, fill: Fill) -> Any:
    """A library of three videos of 1280x720 without files: 3,000 s, 200 s and 20 s."""
    root = tmp_path_factory.mktemp("long")
    with Store.open(root, write=True, create=True) as store:
        for title, length in (("long", 3000.0), ("middle", 200.0), ("short", 20.0)):
            line = {"lane": "speech", "start": length - 5, "end": length, "text": f"The {title}."}
            fill(store, title, [line])
    with Library.open(root, Settings(offline=True, library=root)) as library:
        yield library


def pictures(request: Request) -> int:
    parts = [part for message in request.messages for part in message.parts]
    return sum(len(part.pictures) for part in parts if isinstance(part, Frames))


@pytest.mark.parametrize(
    ("title", "count", "size"), [("long", 12, (448, 252)), ("middle", 8, (640, 360))]
)
def test_frames_are_as_many_and_as_large_as_in_the_source(
    long_ones: Library, title: str, count: int, size: tuple[int, int]
) -> None:
    pricer = Pricer.for_model("qwen2.5-vl")
    video = long_ones.video(title).id
    at = iter(range(100, 5000, 400))

    def say(request: Request) -> str:
        if request.schema is SpotlightAnswer:
            return '{"thought": "t", "action": "answer", "answer": "yes", "from": 1, "to": 2}'
        start = next(at)
        return json.dumps({"thought": "t", "action": "choose", "from": start, "to": start + 300})

    with desk_for(long_ones, Priced(pricer.price), "spotlight", 200_000) as desk:
        made = talk(desk, QUESTION, say, videos=[video])
    assert [pictures(request) for request in made.requests] == [
        count * turns for turns in range(1, TURNS + 1)
    ]
    assert {(view["width"], view["height"]) for view in made.state["views"]} == {size}
    assert made.answered and made.requests[-1].schema is SpotlightAnswer


SCRIPT = ("garbage", "choose", "same", "near", "outside", "time", "answer", "nowhere", "silent")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    budget=st.integers(1, 80_000),
    family=st.sampled_from(["qwen2.5-vl", "qwen3-vl", "gpt-4o", "gemma3", "claude"]),
    as_video=st.booleans(),
    one=st.booleans(),
    script=st.lists(st.sampled_from(SCRIPT), max_size=12),
)
def test_turns_and_frames_and_tokens_are_bounded(
    long_ones: Library, budget: int, family: str, as_video: bool, one: bool, script: list[str]
) -> None:
    pricer = Pricer.for_model(family, family=family, as_video=as_video and "qwen" in family)
    left = list(script)
    at = iter(range(100, 60_000, 400))

    def say(request: Request) -> str:
        kind = left.pop(0) if left else "choose"
        if kind == "garbage":
            return "lorem"
        if kind == "answer" or request.schema is SpotlightAnswer:
            return '{"thought": "t", "action": "answer", "answer": "yes"}'
        if kind == "time":
            return '{"thought": "t", "action": "time", "time": 5}'
        start = {"same": 0, "near": 3, "outside": 10**8}.get(kind, next(at))
        end = start + (2 if kind == "near" else 300)
        thought = "" if kind == "silent" else "t"
        video = "V99" if kind == "nowhere" else None
        said = {"thought": thought, "action": "choose", "video": video, "from": end, "to": start}
        return json.dumps(said)

    videos = [long_ones.video("long").id] if one else []
    with desk_for(long_ones, Priced(pricer.price), "spotlight", budget) as desk:
        made = talk(desk, QUESTION, say, videos=videos)
        assert desk.ledger.spent <= budget and desk.ledger.disputed == 0
    check_bounds(made)
    if made.steps:
        assert made.answered or "garbage" in script


def check_bounds(made: Talk) -> None:
    steps = [entry for entry in made.state.get("talk", []) if "reply" not in entry]
    for step, request in zip(steps, made.requests, strict=True):
        assert step["attempt"] <= ATTEMPTS and step["turn"] <= TURNS
        assert pictures(request) <= steps[0]["frames"] * step["turn"]
        assert (request.schema is SpotlightAnswer) == step["only_answer"]
        assert step["turn"] < TURNS or step["only_answer"]
        assert step["attempt"] < ATTEMPTS or step["only_answer"]


# Whole runs


def ask(library: Library, question: str, eyes: Any, **more: Any) -> Answer:
    options = more.pop("options", None)
    return Agent(library, vlm=eyes, policy="spotlight", **more).ask_sync(question, options)


def shown_in(library: Library, answer: Answer) -> list[dict[str, Any]]:
    events = library.store.run(answer.run_id).trace
    return [view for event in events if event["event"] == "selected" for view in event["views"]]


def decisions(library: Library, answer: Answer) -> list[str]:
    events = library.store.run(answer.run_id).trace
    return [event["action"] for event in events if event["event"] == "reflected"]


def test_a_moment_is_found_in_a_few_turns(colours: Library) -> None:
    eyes = Eyes()
    answer = ask(colours, QUESTION, eyes)
    (piece,) = answer.evidence
    assert piece.video_title == "signal" and piece.claim == "The screen is green."
    assert piece.start >= GREEN[0] - 0.2 and piece.end <= GREEN[1] + 0.2
    assert answer.supported and answer.mode == "looked"
    turns = [r for r in eyes.asked if r.schema in (SpotlightReply, SpotlightAnswer)]
    assert len(turns) <= TURNS
    assert all(pictures(request) <= 8 * (n + 1) for n, request in enumerate(turns))
    assert decisions(colours, answer)[-1] == "answer"
    assert piece.view in {view["id"] for view in shown_in(colours, answer)}
    assert answer.receipt is not None and answer.receipt.spent <= 16_000


def test_the_other_video_answers_when_it_shows_it(colours: Library) -> None:
    answer = ask(colours, "When is the screen yellow?", Eyes())
    assert answer.evidence[0].video_title == "other"
    assert 39.9 <= answer.evidence[0].start < answer.evidence[0].end <= 60


def test_an_option_is_chosen(colours: Library) -> None:
    said = (
        '{"thought": "t", "action": "answer", "option": "B", "video": "V2", "from": 870, "to": 880}'
    )
    options = ["white", "green", "black"]
    eyes = Eyes({SpotlightReply: lambda r: said})
    answer = ask(colours, QUESTION, eyes, options=options, budget=16_000)
    assert answer.option == "green" and answer.supported
    assert answer.evidence[0].start == 870 / 8


@pytest.mark.parametrize("budget", [1, 300, 700, 1500, 4000, 9000])
def test_no_budget_is_exceeded(colours: Library, budget: int) -> None:
    eyes = Eyes()
    answer = ask(colours, QUESTION, eyes, budget=budget)
    assert answer.receipt is not None and answer.receipt.spent <= budget
    assert len(answer.receipt.lines) == len(eyes.asked)
    assert answer.text


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"action": "choose", "from": 5000, "to": 9000}, "are not there: V2 has frames 0-1471"),
        ({"action": "choose", "from": 30, "to": 25}, "are too near"),
        (
            {"action": "choose", "from": 0, "to": 99, "video": "V9"},
            "there is no video of that name; there are V1, V2",
        ),
        ({"action": "choose", "from": 900, "to": -5}, "These lie between frames 0 and 900."),
        (
            {"action": "choose", "from": 0, "to": 10**9, "count": 10_000},
            "between frames 0 and 1471",
        ),
        ({"action": "time", "time": 1e9}, "Frame 1471 of V2 is shown at 183.9 s"),
        ({"action": "time", "time": -3.0}, "Frame 0 of V2 is shown at 0.1 s"),
        ({"action": "time", "time": -1e308}, "Frame 0 of V2 is shown at 0.1 s"),
    ],
)
def test_requests_of_a_model_are_brought_inside_or_refused(
    colours: Library, asked: dict[str, Any], told: str
) -> None:
    eyes = Eyes({SpotlightReply: lambda r: json.dumps({"thought": "hm", "video": "V2", **asked})})
    answer = ask(colours, QUESTION, eyes)
    second = [r for r in eyes.asked if r.schema in (SpotlightReply, SpotlightAnswer)][1]
    assert told in words_of(second.messages[-1:])
    durations = {video.id: video.duration for video in colours.videos()}
    for view in shown_in(colours, answer):
        assert 0 <= view["start"] < view["end"] <= durations[view["video_id"]]
        assert len(view["times"]) <= 8


def test_a_repeated_request_costs_an_attempt_and_is_told(colours: Library) -> None:
    said = '{"thought": "hm", "action": "choose", "from": 100, "to": 900, "video": "V2"}'
    eyes = Eyes({SpotlightReply: lambda r: said})
    answer = ask(colours, QUESTION, eyes, budget=40_000)
    assert decisions(colours, answer) == ["choose", "retry", "choose", "retry", "answer"]
    turns = [r for r in eyes.asked if r.schema in (SpotlightReply, SpotlightAnswer)]
    assert [request.temperature for request in turns] == [0.0, 0.0, 0.6, 0.6, 0.6]
    assert [request.seed for request in turns] == [0, 0, 2, 2, 3]
    again = "rejected: turn 2 asks for frames 100-900 of V2 again"
    assert again in words_of(turns[2].messages)
    assert turns[-1].schema is SpotlightAnswer
    rejected = [note for note in answer.notes if "was rejected" in note]
    assert [note[:16] for note in rejected] == ["attempt 1 of 3 w", "attempt 2 of 3 w"]
    assert answer.receipt is not None
    assert len([line for line in answer.receipt.lines if line.node == "spotlight"]) == 5


def test_a_bad_format_is_repaired_then_retried_then_answered(colours: Library) -> None:
    eyes = Eyes({SpotlightReply: lambda r: "Let me look between 3 and 9."})
    answer = ask(colours, "When is the screen red?", eyes)
    schemas = [r.schema for r in eyes.asked if r.schema in (SpotlightReply, SpotlightAnswer)]
    assert schemas == [SpotlightReply] * 4 + [SpotlightAnswer]
    assert answer.supported and answer.evidence[0].video_title == "signal"


def test_a_model_without_thoughts_is_answered_by_but_doubted(colours: Library) -> None:
    said = '{"action": "answer", "answer": "Red.", "video": "V2", "from": 9, "to": 99}'
    kinds = (SpotlightReply, SpotlightAnswer)
    answer = ask(colours, "What is shown?", Eyes({kind: lambda r: said for kind in kinds}))
    assert answer.text.startswith("Red") and answer.confidence <= 0.5
    assert any("broke a rule: turn 1 has no thought" in note for note in answer.notes)


@pytest.mark.parametrize("moment", [{}, {"from": 9, "to": 99}])
def test_a_video_that_is_not_there_is_not_cited_in_another(
    colours: Library, moment: dict[str, int]
) -> None:
    said = json.dumps(
        {"thought": "t", "action": "answer", "answer": "Yes.", "video": "V7", **moment}
    )
    eyes = Eyes({SpotlightReply: lambda request: said})
    answer = ask(colours, QUESTION, eyes)
    assert not answer.supported and not answer.evidence
    with desk_for(colours, eyes, "spotlight", 16_000) as desk:
        draft = talk(desk, QUESTION, lambda request: said).taken[-1].draft
    assert draft is not None and draft["faults"] == ["'V7', which is no video"]


def test_a_model_that_talks_garbage_ends_honestly(colours: Library) -> None:
    kinds = (SpotlightReply, SpotlightAnswer, AnswerReply, LookReply, PlanReply)
    eyes = Eyes({kind: lambda request: "lorem ipsum" for kind in kinds})
    answer = ask(colours, QUESTION, eyes)
    assert answer.abstained and not answer.evidence
    assert answer.receipt is not None and answer.receipt.spent <= 16_000


def test_a_forecast_is_the_price_of_the_first_call(colours: Library) -> None:
    eyes = Eyes()
    agent = Agent(colours, vlm=eyes, policy="spotlight", budget=60_000)
    made = asyncio.run(agent.forecast(QUESTION))
    assert eyes.asked == []
    answer = agent.ask_sync(QUESTION)
    assert answer.receipt is not None
    first = next(line for line in answer.receipt.lines if line.node == "spotlight")
    assert made.first_round == first.planned_visual + first.planned_text + first.planned_output
    assert made.answer > made.first_round  # the last attempt, with room for what is told


def test_a_trained_model_stays_in_its_budget_with_an_exact_receipt(
    colours: Library, tiny_vlm: Path
) -> None:
    agent = Agent(colours, vlm=str(tiny_vlm), policy="spotlight", budget=6000)
    answer = agent.ask_sync(QUESTION)
    assert answer.receipt is not None and answer.receipt.spent <= 6000
    assert "spotlight" in {line.node for line in answer.receipt.lines}
    for line in answer.receipt.lines:
        assert line.exact
        assert line.input == line.planned_visual + line.planned_text
    assert answer.text
