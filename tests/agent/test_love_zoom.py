"""`love_zoom`: which stretch is shown for an interval, what each step costs, and whole runs with a
model that sees."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtake import Agent, Library, Settings
from longtake.agent.answer import Answer
from longtake.agent.policies.intervals import intersection_over_union, widened, zoom_span
from longtake.agent.policies.replies import ZoomAnswer, ZoomReply
from longtake.agent.replies import AnswerReply, LookReply, PlanReply
from longtake.index.store import Store
from longtake.timing import Span
from longtake.tools.vlm.messages import Request, words_of
from longtake.tools.vlm.parsing import parse_reply
from longtake.tools.vlm.pricing import Pricer
from longtake.tools.vlm.text_tokens import BoundCounter
from longtake.tools.vlm.tokens_qwen import Qwen2
from tests.agent.conftest import Fill
from tests.agent.seeing import Eyes
from tests.agent.talking import Priced, desk_for, talk

WHITE = (163.5, 166.5)
QUESTION = "When is the screen white?"


# Intervals


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ((100, 104), (87, 117)),  # padded to 95-109, widened to 30 s around 102
        ((104, 100), (87, 117)),
        ((100, 140), (95, 145)),
        ((0, 2), (0, 30)),  # widened around 3.5 would begin before the video
        ((-1e12, 2), (0, 30)),
        ((390, 1e12), (370, 400)),
        ((402, 404), (370, 400)),  # its pad reaches into the video
        ((-1e300, 1e300), (0, 400)),
    ],
)
def test_an_interval_becomes_the_stretch_that_is_shown(
    asked: tuple[float, float], shown: tuple[float, float]
) -> None:
    assert zoom_span(*asked, Span(0, 400), ()) == Span(*shown)


def test_what_cannot_be_shown_is_refused_in_words() -> None:
    within = Span(0, 400)
    nan = zoom_span(float("nan"), 3, within, ())
    outside = zoom_span(500, 600, within, ())
    again = zoom_span(100, 104, within, (Span(90, 120),))
    assert nan == "the times of a zoom must be numbers"
    assert outside == "500-600 s lies outside of what can be shown, 0-400 s"
    assert again == "100-104 s was shown already, as 90-120 s"
    assert zoom_span(-4, -3, within, ()) == "-4--3 s lies outside of what can be shown, 0-400 s"


seconds = st.integers(-50, 500)
cells = st.tuples(st.integers(0, 400), st.integers(0, 400)).map(lambda ends: Span(*sorted(ends)))


@given(cells, cells)
def test_intersection_over_union_counts_seconds(one: Span, other: Span) -> None:
    first = set(range(int(one.start), int(one.end)))
    second = set(range(int(other.start), int(other.end)))
    expected = len(first & second) / len(first | second) if first | second else 0.0
    assert intersection_over_union(one, other) == pytest.approx(expected)


@given(seconds, seconds, st.integers(0, 100), st.integers(1, 400), st.lists(cells, max_size=3))
def test_a_stretch_holds_what_was_asked_for_and_shows_something_new(
    start: int, end: int, first: int, length: int, shown: list[Span]
) -> None:
    within = Span(first, first + length)
    span = zoom_span(start, end, within, shown)
    inside = {s for s in range(min(start, end) - 5, max(start, end) + 5)}
    inside &= set(range(first, first + length))
    if isinstance(span, str):
        wide = widened(Span(min(inside), max(inside) + 1), within) if inside else None
        known = wide is not None and any(intersection_over_union(wide, s) > 0.3 for s in shown)
        assert len(inside) < 3 or known
        return
    assert len(inside) >= 3
    assert within.start <= span.start and span.end <= within.end
    assert span.start <= min(inside) and max(inside) + 1 <= span.end
    assert span.duration >= min(30, length / 8) - 1e-9
    assert span.duration == pytest.approx(max(len(inside), min(30, length / 8)))
    touches = span.start == within.start or span.end == within.end
    assert touches or span.middle == pytest.approx((min(inside) + max(inside) + 1) / 2)
    assert all(intersection_over_union(span, earlier) <= 0.3 for earlier in shown)


# Replies


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It may be late. \\boxed{[12.5, 30]}", ("zoom", 12.5, 30.0, "")),
        ("\\boxed{A} no, \\boxed{[0:50, 1:10]}", ("zoom", 50.0, 70.0, "")),
        ("\\boxed{[1, 2]} I get the answer. \\boxed{B}", ("answer", None, None, "B")),
        ('{"action": "zoom", "from": "1:00", "to": 70}', ("zoom", 60.0, 70.0, "")),
        (
            '```json\n{"thought": "\\\\boxed{x}", "action": "answer", "answer": "a cat"}\n```',
            ("answer", None, None, "a cat"),
        ),
    ],
)
def test_json_and_the_words_of_the_paper_are_read(text: str, expected: tuple[Any, ...]) -> None:
    reply, fault = parse_reply(text, ZoomReply)
    assert isinstance(reply, ZoomReply), fault
    assert (reply.action, reply.start, reply.end, reply.answer) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{[12.5]}",
        "\\boxed{[1, 2, 3]}",
        "\\boxed{[nan, 5]}",
        '{"action": "zoom", "from": 3}',
        '{"action": "zoom", "from": NaN, "to": 4}',
        '{"action": "zoom", "from": 1e999, "to": 4}',
        '{"action": "rm -rf /"}',
        "lorem ipsum",
    ],
)
def test_what_is_no_reply_is_none(text: str) -> None:
    reply, fault = parse_reply(text, ZoomReply)
    assert reply is None and fault


@given(st.text() | st.text().map(lambda inside: f"so \\boxed{{[{inside}]}}"))
def test_no_text_breaks_the_parser(text: str) -> None:
    reply, _ = parse_reply(text, ZoomReply)
    assert reply is None or isinstance(reply, ZoomReply)


# Tokens


@pytest.fixture(scope="module")
def long_ones(tmp_path_factory: pytest.TempPathFactory, fill: Fill) -> Any:
    """A library of three videos of 1280x720 without files: 3,000 s, 500 s and 20 s."""
    root = tmp_path_factory.mktemp("long")
    with Store.open(root, write=True, create=True) as store:
        for title, length in (("long", 3000.0), ("middle", 500.0), ("short", 20.0)):
            line = {"lane": "speech", "start": length - 5, "end": length, "text": f"The {title}."}
            fill(store, title, [line])
    with Library.open(root, Settings(offline=True, library=root)) as library:
        yield library


def zooming(at: list[float]) -> Callable[[Request], str]:
    """Asks for a zoom at each of these seconds, then answers."""
    left = list(at)

    def say(request: Request) -> str:
        if request.schema is ZoomAnswer or not left:
            return '{"thought": "t", "action": "answer", "answer": "yes", "from": 3, "to": 4}'
        second = left.pop(0)
        asked = {"thought": "t", "action": "zoom", "from": second, "to": second + 1}
        return json.dumps(asked)

    return say


def test_a_long_video_costs_what_it_does_in_the_paper(long_ones: Library) -> None:
    """768 frames of 32 tokens and zooms of 32 frames of 252, two frames of a video sharing theirs,
    as the paper's processor counts them; two tokens more for the marks around every video."""
    family = Qwen2(name="paper", video_least=4 * 28 * 28)
    pricer = Pricer(family, BoundCounter(), as_video=True, exact=False)
    video = long_ones.video("long").id
    with desk_for(long_ones, Priced(pricer.price), "love_zoom", 200_000) as desk:
        made = talk(desk, QUESTION, zooming([100, 900]), videos=[video])
    dense, zoom = 768 // 2 * 32 + 2, 32 // 2 * 21 * 12 + 2
    assert [price.visual for price in made.prices] == [dense + n * zoom for n in (0, 1, 2)]
    assert (dense - 2, zoom - 2) == (12_288, 4032)
    assert made.answered


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    budget=st.integers(1, 60_000),
    family=st.sampled_from(["qwen2.5-vl", "qwen3-vl", "gpt-4o", "gemma3", "claude"]),
    as_video=st.booleans(),
    one=st.booleans(),
    script=st.lists(
        st.sampled_from(["garbage", "zoom", "same", "outside", "answer", "nowhere"]), max_size=6
    ),
)
def test_steps_keep_to_their_shares_of_any_budget(
    long_ones: Library, budget: int, family: str, as_video: bool, one: bool, script: list[str]
) -> None:
    pricer = Pricer.for_model(family, family=family, as_video=as_video and "qwen" in family)
    left = list(script)
    at = iter(range(100, 3000, 250))

    def say(request: Request) -> str:
        kind = left.pop(0) if left else "zoom"
        if kind == "garbage":
            return "lorem"
        if kind == "answer" or request.schema is ZoomAnswer:
            return '{"action": "answer", "answer": "yes"}'
        second = {"zoom": next(at), "same": 100, "outside": 1e9, "nowhere": 3}[kind]
        video = "V99" if kind == "nowhere" else None
        return json.dumps({"action": "zoom", "video": video, "from": second, "to": second + 9})

    videos = [long_ones.video("long").id] if one else []
    with desk_for(long_ones, Priced(pricer.price), "love_zoom", budget) as desk:
        made = talk(desk, QUESTION, say, videos=videos)
        assert desk.ledger.spent <= budget and desk.ledger.disputed == 0
    if not made.steps:
        return
    plan = made.state["talk"][0]
    assert made.answered or "garbage" in script
    assert made.steps[-1].answering or made.answered
    zooms = [view for view in made.state["views"] if view["kind"] == "zoom"]
    assert len(zooms) <= max(1, plan["zooms"])
    frames = sum(len(v["times"]) for v in made.state["views"] if v["kind"] == "overview")
    assert frames <= 768 + 4 * 3
    # a zoom costs no more than its share, words included
    dense = made.prices[0]
    for step, price in zip(
        made.steps[1:], made.prices[len(made.prices) - len(made.steps) + 1 :], strict=False
    ):
        shown = sum(1 for v in zooms if v["round"] <= made.steps.index(step) + 1)
        assert price.visual <= dense.visual + shown * max(plan["share"], 0)


# Whole runs


def ask(library: Library, question: str, eyes: Any, **more: Any) -> Answer:
    options = more.pop("options", None)
    return Agent(library, vlm=eyes, policy="love_zoom", **more).ask_sync(question, options)


def trace_of(library: Library, answer: Answer) -> list[dict[str, Any]]:
    return library.store.run(answer.run_id).trace


def shown_in(library: Library, answer: Answer) -> list[dict[str, Any]]:
    events = trace_of(library, answer)
    return [view for event in events if event["event"] == "selected" for view in event["views"]]


def test_a_needle_is_zoomed_into_and_answered(colours: Library) -> None:
    eyes = Eyes()
    answer = ask(colours, QUESTION, eyes)
    (piece,) = answer.evidence
    views = shown_in(colours, answer)
    zooms = [view for view in views if view["kind"] == "zoom"]
    assert 1 <= len(zooms) <= 2
    assert piece.view == zooms[-1]["id"] and piece.claim == "The screen is white."
    gap = (zooms[-1]["end"] - zooms[-1]["start"]) / len(zooms[-1]["times"])
    assert abs(piece.start - WHITE[0]) <= gap and abs(piece.end - WHITE[1]) <= gap
    assert answer.supported and answer.mode == "looked"
    assert answer.receipt is not None and answer.receipt.spent <= 16_000
    dense = next(r for r in eyes.asked if r.schema is ZoomReply).messages[1].parts[1]
    assert all(picture.stamped for picture in dense.pictures)  # type: ignore[union-attr]
    kinds = [event["event"] for event in trace_of(colours, answer)]
    assert kinds[-2:] == ["drafted", "verified"]
    assert kinds.count("observed") == len(views)


def test_the_other_video_answers_when_it_shows_it(colours: Library) -> None:
    answer = ask(colours, "When is the screen yellow?", Eyes())
    assert answer.evidence[0].video_title == "other"
    assert abs(answer.evidence[0].start - 40.0) < 3


def test_an_option_is_chosen(colours: Library) -> None:
    say = '{"action": "answer", "option": "A", "video": "V2", "from": 163, "to": 166}'
    options = ["white", "green", "black"]
    answer = ask(colours, QUESTION, Eyes({ZoomReply: lambda r: say}), options=options)
    assert answer.option == "white" and answer.supported


def test_what_is_not_there_is_not_found(colours: Library) -> None:
    answer = ask(colours, "Is the screen ever purple?", Eyes())
    assert answer.abstained and not answer.evidence
    assert answer.reason == "no frame shows None"


@pytest.mark.parametrize("budget", [1, 300, 700, 1500, 5000, 9000, 24_000])
def test_no_budget_is_exceeded(colours: Library, budget: int) -> None:
    eyes = Eyes()
    answer = ask(colours, QUESTION, eyes, budget=budget)
    assert answer.receipt is not None and answer.receipt.spent <= budget
    assert len(answer.receipt.lines) == len(eyes.asked)
    assert answer.text
    assert answer.supported or budget < 16_000


@pytest.mark.parametrize(
    "asked",
    [
        {"from": 1e12, "to": 1e15},
        {"from": -50, "to": -20},
        {"from": 30, "to": 10},
        {"from": 5, "to": 5, "video": "V9"},
        {"from": 0, "to": 1e9, "frames": 10_000},
    ],
)
def test_zooms_of_a_model_stay_inside_the_video(colours: Library, asked: dict[str, Any]) -> None:
    said = json.dumps({"thought": "hm", "action": "zoom", **asked})
    eyes = Eyes({ZoomReply: lambda request: said})
    answer = ask(colours, QUESTION, eyes)
    durations = {video.id: video.duration for video in colours.videos()}
    for view in shown_in(colours, answer):
        assert 0 <= view["start"] < view["end"] <= durations[view["video_id"]]
        assert view["kind"] == "overview" or len(view["times"]) <= 32
    last = eyes.asked[-1]
    assert last.schema is ZoomAnswer
    refusals = [e["why"] for e in trace_of(colours, answer) if e.get("action") == "refused"]
    for why in refusals:
        assert why in words_of(last.messages)


def test_an_unreadable_reply_is_repaired_once_then_the_answer_is_due(colours: Library) -> None:
    eyes = Eyes({ZoomReply: lambda request: '{"action": "zoom", "from": NaN, "to": 4}'})
    answer = ask(colours, QUESTION, eyes)
    schemas = [request.schema for request in eyes.asked if request.schema is not PlanReply]
    assert schemas == [ZoomReply, ZoomReply, ZoomAnswer]
    assert "from: " in str(eyes.asked[2].messages[-1])
    assert answer.supported  # the last call sees green in its zoom of the whole video


def test_a_model_that_talks_garbage_ends_honestly(colours: Library) -> None:
    kinds = (ZoomReply, ZoomAnswer, AnswerReply, LookReply, PlanReply)
    eyes = Eyes({kind: lambda request: "lorem ipsum" for kind in kinds})
    answer = ask(colours, QUESTION, eyes)
    assert answer.abstained and not answer.evidence
    assert answer.receipt is not None and answer.receipt.spent <= 16_000


def test_moments_that_were_not_shown_are_no_evidence(colours: Library) -> None:
    said = '{"action": "answer", "answer": "Late.", "from": 9000, "to": 9100, "confidence": 1}'
    lie = '{"answer": "Late.", "confidence": 1, "evidence": [{"label": "E9"}]}'
    eyes = Eyes({ZoomReply: lambda request: said, AnswerReply: lambda request: lie})
    answer = ask(colours, QUESTION, eyes)
    assert not answer.supported and not answer.evidence and answer.confidence <= 0.3


@pytest.mark.parametrize("name", ["V7", "b.mp4"])
def test_a_video_that_is_not_there_is_not_cited_in_another(colours: Library, name: str) -> None:
    said = json.dumps(
        {"action": "answer", "answer": "Yes.", "video": name, "from": 1, "to": 9, "confidence": 1}
    )
    eyes = Eyes({ZoomReply: lambda request: said})
    answer = ask(colours, QUESTION, eyes)
    assert not answer.supported and not answer.evidence
    with desk_for(colours, eyes, "love_zoom", 16_000) as desk:
        draft = talk(desk, QUESTION, lambda request: said).taken[-1].draft
    assert draft is not None and draft["faults"] == [f"{name!r}, which is no video"]
    alone = Agent(colours, vlm=eyes, policy="love_zoom").ask_sync(QUESTION, videos=["other"])
    assert alone.supported and alone.evidence[0].video_title == "other"


def test_only_what_may_be_looked_at_is_shown(colours: Library) -> None:
    agent = Agent(colours, vlm=Eyes(), policy="love_zoom")
    asked = agent.ask(QUESTION, videos=["signal"], between=Span(150.0, 170.0))
    answer = asyncio.run(asked)
    views = shown_in(colours, answer)
    assert views
    assert all(view["start"] >= 150 and view["end"] <= 170 for view in views)
    assert answer.supported


def test_a_forecast_is_the_price_of_the_first_call(colours: Library) -> None:
    eyes = Eyes()
    agent = Agent(colours, vlm=eyes, policy="love_zoom")
    made = asyncio.run(agent.forecast(QUESTION))
    assert eyes.asked == []
    answer = agent.ask_sync(QUESTION)
    assert answer.receipt is not None
    first = next(line for line in answer.receipt.lines if line.node == "love_zoom")
    planned = first.planned_visual + first.planned_text + first.planned_output
    # planning has cost less than its price by then, so that no less is shown
    assert made.first_round <= planned + 300
    assert made.answer > 0 and made.left > 0
    assert [view["kind"] for view, _ in made.views] == ["overview", "overview"]


def test_a_trained_model_stays_in_its_budget_with_an_exact_receipt(
    colours: Library, tiny_vlm: Path
) -> None:
    agent = Agent(colours, vlm=str(tiny_vlm), policy="love_zoom", budget=2500)
    answer = agent.ask_sync("When is the screen yellow?", videos=["other"])
    assert answer.receipt is not None and answer.receipt.spent <= 2500
    assert "love_zoom" in {line.node for line in answer.receipt.lines}
    for line in answer.receipt.lines:
        assert line.exact
        assert line.input == line.planned_visual + line.planned_text
    assert answer.text
