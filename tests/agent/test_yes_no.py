"""What a preset asks the model about single frames, and what it makes of the answers; a video of
colours of which nothing is written or said, and one whose subtitles tell."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtake import Agent, Answer, Library, Settings
from longtake.agent.plan import make_plan
from longtake.agent.receipt import Line
from longtake.agent.replies import YesReply
from longtake.agent.views import shown_of
from longtake.agent.yes_no import LONGEST_PX, SHARE, objects_of
from longtake.errors import UsageError
from longtake.index.lanes import StageName
from longtake.tools.vlm.messages import Picture, Price, Request, words_of
from longtake.tools.vlm.parsing import parse_reply
from tests.agent.seeing import Eyes, say_yes
from tests.data.colours import GREEN, write_colours

QUESTION = "When is the screen green?"


class Dear(Eyes):
    """Counts so many more tokens a picture."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self._more = more
        self.identity = f"dear/{more}"  # no reply at another price is used again

    def price(self, request: Request) -> Price:
        price = super().price(request)
        return replace(price, visual=price.visual + self._more * len(_pictures(request)))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Green at 40-60 of two minutes, which the subtitles tell."""
    place = tmp_path_factory.mktemp("told")
    video = write_colours(place / "signal.mp4", [("red", 40.0), ("green", 20.0), ("blue", 60.0)])
    line = "1\n00:00:41,000 --> 00:00:46,000\nNow the light turns green.\n"
    (place / "signal.srt").write_text(line)
    with Library.open(place / "library", Settings(offline=True), create=True) as opened:
        assert opened.index([video], only={StageName.SHOTS, StageName.SPEECH}).ok
        yield opened


def _pictures(request: Request) -> list[Picture]:
    return [part for part in request.messages[-1].parts if isinstance(part, Picture)]


def _asked(eyes: Eyes) -> list[Request]:
    return [request for request in eyes.asked if request.schema is YesReply]


def _lines(answer: Answer) -> list[Line]:
    assert answer.receipt is not None
    return [line for line in answer.receipt.lines if line.node == "select"]


def _first(library: Library, answer: Answer) -> Any:
    trace = library.store.run(answer.run_id).trace
    (view,) = next(event for event in trace if event["event"] == "selected")["views"]
    return shown_of(view)


def _ask(library: Library, eyes: Eyes, budget: int = 16_000) -> Answer:
    (video,) = [video.id for video in library.videos() if video.title == "signal"]
    agent = Agent(library, vlm=eyes, preset="quota", budget=budget)
    return agent.ask_sync(QUESTION, videos=[video])


def test_frames_are_sized_by_the_models_yes_where_nothing_is_written(colours: Library) -> None:
    answer = _ask(colours, Eyes(), 40_000)
    pictures = _first(colours, answer).pictures
    widest = max(picture.width for picture in pictures)
    largest = [picture.time for picture in pictures if picture.width == widest]
    # one of 99 frames falls into every 1.76 s
    assert len(largest) >= 3 and all(GREEN[0] <= time < GREEN[1] for time in largest)
    assert len(largest) < len(pictures)
    assert answer.evidence[0].start == pytest.approx(GREEN[0], abs=2.0)
    assert answer.notes == ()


def test_what_is_asked(colours: Library) -> None:
    eyes = Eyes()
    answer = _ask(colours, eyes, 40_000)
    shown = [picture for request in _asked(eyes) for picture in _pictures(request)]
    # 96, and 64 an hour of not quite three minutes
    assert len(shown) == len({picture.time for picture in shown}) == 99
    assert {len(_pictures(request)) for request in _asked(eyes)} == {8, 3}
    assert {(p.width, p.height) for p in shown} == {(LONGEST_PX, 126)}
    words = words_of(_asked(eyes)[0].messages)
    assert f"Question about a video: {QUESTION}\n" in words
    assert "does the picture contain any object of green?" in words
    assert {line.purpose for line in _lines(answer)} == {"quota L1"}
    assert len(_lines(answer)) == 13
    trace = colours.store.run(answer.run_id).trace
    asked = next(event for event in trace if event["event"] == "selected")["asked"]
    assert [time for call in asked for time in call["times"]] == sorted(p.time for p in shown)
    assert {(call["width"], call["height"]) for call in asked} == {(LONGEST_PX, 126)}


def test_fewer_frames_are_asked_about_where_the_share_is_too_small(told: Library) -> None:
    eyes = Dear(100)
    answer = _ask(told, eyes, 8_000)
    times = sorted(p.time for request in _asked(eyes) for p in _pictures(request))
    assert 4 <= len(times) < 20
    # of equal windows the most relevant frame: a subtitle is said from 41 to 46
    assert any(41.0 <= time < 46.0 for time in times)
    assert max(b - a for a, b in pairwise(times)) <= 2 * 120 / len(times)
    assert sum(line.charged for line in _lines(answer)) <= SHARE * 8_000


@pytest.mark.parametrize("said", ["I cannot tell.", '{"yes": [1]}', '{"yes": []}'])
def test_a_model_that_cannot_answer_is_asked_once(told: Library, said: str) -> None:
    eyes = Eyes({YesReply: lambda _: said})
    eyes.identity = said  # no reply of another model's is used again
    answer = _ask(told, eyes)
    assert len(_asked(eyes)) == 1
    assert "the model's yes or no could not be used: relevance stands for it" in answer.notes
    pictures = _first(told, answer).pictures
    widest = max(picture.width for picture in pictures)
    largest = [picture.time for picture in pictures if picture.width == widest]
    assert largest and all(41.0 <= time < 46.0 for time in largest)


def test_without_answers_and_words_there_is_nothing_to_choose_by(colours: Library) -> None:
    with pytest.raises(UsageError, match="preset 'quota' needs probability or relevance"):
        _ask(colours, Eyes({YesReply: lambda _: "no idea"}))


def test_a_run_that_broke_off_while_it_asked_asks_the_rest(told: Library) -> None:
    def breaks(request: Request) -> str:
        if len(_asked(first)) == 4:
            raise RuntimeError("the process ends")
        return say_yes(request)

    first, second = Eyes({YesReply: breaks}), Eyes()
    first.identity = second.identity = "breaks"
    with pytest.raises(RuntimeError, match="the process ends"):
        _ask(told, first)
    agent = Agent(told, vlm=second, preset="quota")
    (left,) = asyncio.run(agent.unfinished())
    answer = asyncio.run(agent.resume(left.run_id))
    before = {p.time for r in _asked(first)[:3] for p in _pictures(r)}
    after = {p.time for r in _asked(second) for p in _pictures(r)}
    assert len(before) == 24 and after and not before & after
    assert _first(told, answer).pictures
    assert answer.receipt is not None and answer.receipt.spent <= answer.receipt.limit


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(budget=st.integers(1_200, 12_000), more=st.integers(0, 400))
def test_no_more_than_the_share_and_never_above_the_budget(
    told: Library, budget: int, more: int
) -> None:
    answer = _ask(told, Dear(more), budget)
    assert answer.receipt is not None and answer.receipt.spent <= budget
    assert sum(line.charged for line in _lines(answer)) <= SHARE * budget


def test_a_forecast_asks_nothing_and_bounds_the_calls(colours: Library) -> None:
    eyes = Eyes()
    agent = Agent(colours, vlm=eyes, preset="quota")
    made = asyncio.run(agent.forecast(QUESTION))
    assert eyes.asked == []
    answer = agent.ask_sync(QUESTION)
    assert 0 < sum(line.charged for line in _lines(answer)) <= made.asking
    assert made.to_dict()["asking"] == made.asking
    assert made.asking + made.first_round + made.answer + (made.planning or 0) <= made.limit


@pytest.mark.parametrize(
    ("question", "objects"),
    [
        ("What does the man in the red hat drink?", ("man", "red hat drink")),
        ("How many boats are near Fair Isle?", ("boats", "near Fair Isle")),
        ("Why does the mortar glow?", ()),
    ],
)
def test_objects_are_the_phrases_of_the_question(question: str, objects: tuple[str, ...]) -> None:
    assert objects_of({"question": question, "plan": make_plan(question)}) == objects


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ('{"yes": [1, 0]}', [1.0, 0.0]),
        ('{"yes": [true, "no", "Yes."]}', [1.0, 0.0, 1.0]),
        ('```json\n{"yes": ["80%", 0.25]}\n```', [0.8, 0.25]),
        ("Yes.", [1.0]),
        ("no", [0.0]),
    ],
)
def test_ways_to_say_yes(said: str, numbers: list[float]) -> None:
    parsed, _ = parse_reply(said, YesReply)
    assert isinstance(parsed, YesReply) and parsed.yes == numbers


@pytest.mark.parametrize("said", [json.dumps({"yes": [-1]}), '{"yes": ["maybe"]}', '{"yes": 1}'])
def test_what_is_neither_yes_nor_no_is_refused(said: str) -> None:
    assert parse_reply(said, YesReply)[0] is None
