"""What the model that sees is taught: its replies are the product's own, and true of the strip."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.agent.replies import AnswerReply, LookReply, PlanReply, ReflectReply
from longtake.agent.respond import chosen
from longtake.eval.haystack.acts import Actor, Room, Thing
from longtake.eval.haystack.models.vlm import easy_lessons, lessons, seen_questions, written_lessons
from longtake.eval.haystack.models.vlm.exam import bucket, table
from longtake.eval.haystack.models.vlm.facts import Facts, Seen
from longtake.eval.haystack.models.vlm.footage import Reel
from longtake.eval.haystack.models.vlm.frame_questions import ANY_HEIGHT, short_questions, untold
from longtake.eval.haystack.models.vlm.heard_questions import FROM_LINES, gate
from longtake.eval.haystack.models.vlm.lessons import Sample
from longtake.eval.haystack.models.vlm.questions import Lesson, clocks, runs, stretches
from longtake.eval.haystack.models.vlm.replies import answer_reply, look_reply, options_of
from longtake.eval.haystack.models.vlm.strips import Strip, invented, shot
from longtake.eval.haystack.wording import who, with_article
from longtake.timing import parse_time
from longtake.tools.vlm.messages import Text


@pytest.fixture(scope="module")
def strips(reel: Reel) -> list[Strip]:
    """Thirty, most with frames of somebody or something."""
    rng = np.random.default_rng(1)
    return [shot(rng, [reel], 400).strip for _ in range(30)]


def asked_of(strips: Sequence[Strip], family: str) -> list[tuple[Strip, Lesson]]:
    """Several questions of a family about each strip."""
    rng = np.random.default_rng(2)
    kinds = {**seen_questions.FROM_FRAMES, **FROM_LINES}
    made = [(strip, kinds[family][0](rng, strip)) for strip in strips for _ in range(4)]
    found = [(strip, lesson) for strip, lesson in made if lesson is not None]
    assert {lesson.answer is None for _, lesson in found} >= {False}, family
    return found


def text_of(sample: Sample) -> str:
    return "\n".join(
        part.text
        for message in sample.turns[0][0].messages
        for part in message.parts
        if isinstance(part, Text)
    )


def test_what_was_put_is_what_that_actor_carries(strips: list[Strip]) -> None:
    for strip, lesson in asked_of(strips, "put"):
        carried = {
            who(actor): str(frame.carried.what)
            for actor, frame in zip(strip.actors, strip.frames, strict=True)
            if actor and frame.carried
        }
        there = {who(actor) for actor in strip.actors if actor}
        if lesson.answer is None:
            assert not any(name in lesson.asked for name in there)
        else:
            (own,) = (thing for name, thing in carried.items() if name in lesson.asked)
            assert lesson.answer == own
            assert lesson.claim == f"The thing is a {own}."


def test_visits_are_the_times_of_the_frames_that_show_them(strips: list[Strip]) -> None:
    for strip, lesson in asked_of(strips, "when"):
        seen = [
            time
            for time, actor in zip(strip.times, strip.actors, strict=True)
            if actor and who(actor) in lesson.asked
        ]
        if lesson.answer is None:
            assert not seen
        else:
            ((start, end),) = lesson.spans
            assert start == seen[0] and end in seen
            assert lesson.answer == f"{start:.1f} s to {end:.1f} s"


@pytest.mark.parametrize("family", ["passes", "count"])
def test_passages_are_told_in_full(strips: list[Strip], family: str) -> None:
    for strip, lesson in asked_of(strips, family):
        shown = [bool(v) and with_article(str(v)) in lesson.asked for v in strip.vehicles]
        spans = runs(strip.times, shown)
        assert (lesson.answer is None) == (not spans)
        assert lesson.spans == spans[:4]
        if lesson.answer is not None:
            full = {"passes": stretches(spans), "count": str(len(spans))}
            assert lesson.answer == full[family]


def test_the_latest_thing_is_the_one_carried_last(strips: list[Strip]) -> None:
    for strip, lesson in asked_of(strips, "latest"):
        carried = [str(frame.carried.what) for frame in strip.frames if frame.carried]
        assert lesson.answer == (carried[-1] if carried else None)
        if not carried:
            assert not any(strip.actors)


def test_nobody_is_asked_for_the_latest_thing_where_it_was_put_down_unseen() -> None:
    room = Room(name="F7", wall=(1, 1, 1), floor=(2, 2, 2), picture=("red", "star"), window=False)
    box = (0.0, 0.0, 9.0, 9.0)
    actor = Seen(what=Actor("red", "cap", "star"), box=box)
    cup = Seen(what=Thing("blue", "cup"), box=box, carried=True)
    empty, with_cup, without = (
        Facts(place="room", room=room, seen=seen) for seen in ((), (actor, cup), (actor,))
    )
    ask = partial(seen_questions.latest, np.random.default_rng(0))
    later = Strip(times=(1.0, 2.0, 3.0), frames=(with_cup, empty, without))
    same = Strip(times=(1.0, 2.0, 3.0), frames=(with_cup, without, empty))
    assert ask(later) is None
    found = ask(same)
    assert found is not None and found.answer == "blue cup"


def test_the_room_that_is_shown_longest_is_in_most_frames(strips: list[Strip]) -> None:
    for strip, lesson in asked_of(strips, "longest"):
        rooms = [room for room in strip.rooms if room]
        if lesson.answer is None:
            assert not rooms
        else:
            others = [rooms.count(room) for room in set(rooms) - {lesson.answer}]
            assert rooms.count(lesson.answer) > max(others, default=0)


def test_gates_are_those_of_the_flights_that_are_called() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(60):
        heard = invented(rng, 12)
        lesson = gate(rng, Strip(times=(), frames=(), heard=tuple(heard)))
        called = {h.line.subject: h.line.value for h in heard if h.line and h.line.kind == "flight"}
        if lesson is not None:
            gates = [value for flight, value in called.items() if flight in lesson.asked]
            assert lesson.answer == (gates[0] if gates else None)
            found.append(lesson.answer)
    assert None in found and len(set(found)) > 10


def test_times_lie_among_those_of_the_strip(strips: list[Strip]) -> None:
    for family in seen_questions.FROM_FRAMES:
        if family not in ("gone", "order"):
            for strip, lesson in asked_of(strips, family):
                assert {time for span in lesson.spans for time in span} <= set(strip.times)


def test_a_thing_that_is_gone_was_in_the_first_view_only(reel: Reel) -> None:
    frames = [still.facts for still in reel.stills if still.facts.place == "cabinet"]
    full = max(frames, key=lambda frame: len(frame.things))
    lost = full.things[0]
    less = Facts(
        place="cabinet", room=full.room, seen=tuple(one for one in full.seen if one is not lost)
    )
    strip = Strip(times=(1.0, 2.0, 9.0), frames=(full, full, less))
    lesson = seen_questions.gone(np.random.default_rng(0), strip)
    assert lesson is not None
    assert lesson.answer == str(lost.what)
    assert lesson.spans == ((1.0, 9.0),)
    whole = Strip(times=(1.0, 9.0), frames=(full, full))
    assert seen_questions.gone(np.random.default_rng(0), whole) is None


def test_the_right_option_is_there_exactly_once(strips: list[Strip]) -> None:
    rng = np.random.default_rng(4)
    with_options = 0
    for strip in strips:
        lesson = lessons.ask(rng, strip)
        options = options_of(rng, lesson)
        reply = AnswerReply.model_validate_json(answer_reply(lesson, options, []))
        right = lesson.choice if options and lesson.choice else lesson.answer
        assert reply.answer == (right or "") and reply.option is None
        if not options:
            continue
        with_options += 1
        assert len(options) == 5
        if lesson.answer is None:
            assert chosen(options, reply.option, reply.answer) is None
        else:
            assert right is not None
            assert options.count(right) == len(set(options)) - 4 == 1
            assert chosen(options, reply.option, reply.answer) == right
    assert with_options > 5


@given(st.floats(0, 4000), st.floats(0, 20), st.integers(0, 2**32))
def test_options_of_times_hold_what_was_seen_and_no_other_does(
    start: float, length: float, seed: int
) -> None:
    right = (round(start, 1), round(start + length, 1))
    choice, wrong = clocks(np.random.default_rng(seed), right)
    low, high = (parse_time(time) for time in choice.split(" to "))
    assert right[0] - 1.1 <= low <= right[0] + 0.1 and right[1] - 0.1 <= high <= right[1] + 1.1
    begun = [parse_time(other.split(" to ")[0]) for other in wrong]
    assert len(begun) == 4 and all(abs(other - right[0]) > 3.9 for other in begun)


def test_looks_reply_with_the_truth_in_tenths_of_seconds() -> None:
    spans = ((1.04, 2.0), (5.0, 6.06))
    lesson = Lesson(
        asked="?", family="passes", answer="twice", claim="It passes.", spans=spans, several=True
    )
    reply = LookReply.model_validate_json(look_reply(lesson))
    assert (reply.relevant, reply.claim, reply.confidence) == (True, "It passes.", 0.9)
    assert (reply.start, reply.end, reply.more) == (1.0, 2.0, [(5.0, 6.1)])
    nothing = LookReply.model_validate_json(look_reply(Lesson(asked="?", family="", answer=None)))
    assert (nothing.relevant, nothing.start, nothing.more) == (False, None, [])


def test_replies_about_frames_are_the_products_own(reel: Reel) -> None:
    rng = np.random.default_rng(5)
    for _ in range(6):
        look, read = lessons.look(rng, [reel], 300), lessons.read(rng, [reel], 300)
        assert look.turns[0][0].schema is LookReply
        assert len(look.turns) == len(read.turns) == 1 + lessons.FURTHER
        for _, said in look.turns:
            LookReply.model_validate_json(said)
        for _, said in read.turns:
            for cited in AnswerReply.model_validate_json(said).evidence:
                assert f"Video {cited.label}, " in text_of(read)


def test_answers_cite_evidence_that_says_them() -> None:
    rng = np.random.default_rng(6)
    cited_some = 0
    for _ in range(80):
        sample = written_lessons.answer(rng)
        ((request, said),) = sample.turns
        assert request.schema is AnswerReply
        reply = AnswerReply.model_validate_json(said)
        evidence = [line for line in text_of(sample).splitlines() if line.startswith("[E")]
        cited = [
            line for one in reply.evidence for line in evidence if line.startswith(f"[{one.label},")
        ]
        assert len(cited) == len(reply.evidence)
        if reply.answer and not reply.answer.isdigit() and " to " not in reply.answer:
            proof = reply.answer
            if proof.startswith("Day "):  # its code's row
                asked = text_of(sample).split("Question: ")[1]
                proof = re.findall(r"[Cc]ode (\w+)", asked)[0]
            assert any(proof in line for line in cited)
            cited_some += 1
    assert cited_some > 20


def test_plans_search_for_the_question_itself() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        ((request, said),) = written_lessons.plan(rng).turns
        assert request.schema is PlanReply
        (query,) = PlanReply.model_validate_json(said).sub_queries
        (part,) = request.messages[0].parts
        assert isinstance(part, Text) and query.text in part.text
        assert len(query.lanes) == 1


def test_next_steps_follow_a_chain_as_far_as_it_is_known() -> None:
    rng = np.random.default_rng(8)
    actions = set()
    for _ in range(60):
        sample = written_lessons.reflect(rng)
        ((request, said),) = sample.turns
        assert request.schema is ReflectReply
        reply = ReflectReply.model_validate_json(said)
        assert reply.enough == (reply.action == "answer")
        if reply.action == "search":
            *_, known = reply.query.removesuffix(" ROOM").split()
            assert known in text_of(sample)
        actions.add(reply.action)
    assert actions == {"answer", "look", "search"}


def test_short_questions_have_true_answers(reel: Reel) -> None:
    rng = np.random.default_rng(9)
    subjects = set()
    for still in reel.stills[::5]:
        facts = still.facts
        answers = {one.asked: one.answer for one in short_questions(rng, facts)}
        subjects |= set(answers)
        things = [str(one.what) for one in facts.things]
        if "How many things stand there?" in answers:
            assert answers["How many things stand there?"] == str(len(things))
        if facts.carried:
            assert answers["What does the actor carry?"] == str(facts.carried.what)
            things.append(str(facts.carried.what))
        for asked, answer in answers.items():
            if asked.startswith("Is a") and not facts.vehicle:
                name = asked.removesuffix(" there?").split(maxsplit=2)[2]
                named = things if " " in name else [thing.split()[1] for thing in things]
                assert (answer == "yes") == (name in named)
            if facts.actor and asked.startswith("Is the actor with the "):
                own, badge = facts.actor.what, asked.endswith(" badge there?")
                assert isinstance(own, Actor)
                looks = asked.removeprefix("Is the actor with ").removesuffix(" there?")
                known = (f"the {own.coat} coat", f"the {own.hat}", f"the {own.badge} badge")
                one = known[2] if badge else known[0] if looks.endswith(" coat") else known[1]
                assert (answer == "yes") == (looks == (who(own) if " and " in looks else one))
    assert {"Which hat does the actor wear?", "Which vehicle is it?"} <= subjects


def test_things_are_listed_as_they_stand_row_by_row() -> None:
    places = {"red cup": (60, 40), "blue ball": (20, 90), "green box": (20, 40)}
    seen = tuple(
        Seen(what=Thing(*name.split()), box=(x, y - 30, x + 30, y))
        for name, (x, y) in places.items()
    )
    found = short_questions(np.random.default_rng(0), Facts(place="room", room=None, seen=seen))
    (listed,) = (one.answer for one in found if one.asked == "Which things stand there?")
    assert listed == "green box, red cup, blue ball"


def looks_told(asked: str) -> set[str]:
    """What a question about an actor gives away."""
    if " and the " in asked:
        return {"coat", "hat", "badge"}
    said = {look for look in ("coat", "badge") if look in asked}
    return said or ({"hat"} if "Which hat" in asked or "actor with" in asked else set())


def test_no_answer_of_a_conversation_gives_a_later_one_away(reel: Reel) -> None:
    rng = np.random.default_rng(12)
    yes_or_no, widest = 0, 0
    for still in [s for s in reel.stills if s.facts.actor][::3]:
        every = short_questions(rng, still.facts)
        asked = [one.asked for one in untold(rng, every, 20)]
        assert Counter(look for q in asked for look in looks_told(q)) == {
            "coat": 1, "hat": 1, "badge": 1,
        }  # fmt: skip
        if "Which things stand there?" in asked:
            assert "How many things stand there?" not in asked
        assert len(untold(rng, every, 2)) == 2
        yes_or_no += any(q.startswith("Is the actor") for q in asked)
        widest += " and the " in asked[0] or asked[0].startswith("Which things")
    assert yes_or_no > 10 and widest > 3


def test_heights_have_buckets_and_figures_a_table() -> None:
    heights = (ANY_HEIGHT, 11.9, 12, 39.9, 64, 200)
    assert [bucket(h) for h in heights] == ["-", "<12", "12-20", "28-40", ">=64", ">=64"]
    lines = table({"hat": {"<12": (1, 4), ">=64": (2, 2)}, "coat": {"-": (0, 1)}}).splitlines()
    assert lines[0] == "| subject | - | <12 | 12-20 | 20-28 | 28-40 | 40-64 | >=64 |"
    assert lines[2:] == [
        "| coat | 0.00 (1) |  |  |  |  |  |  |",
        "| hat |  | 0.25 (4) |  |  |  |  | 1.00 (2) |",
        "| all | 0.00 (1) | 0.25 (4) |  |  |  |  | 1.00 (2) |",
    ]


def test_easy_lessons_are_answered_by_their_own_lines() -> None:
    rng = np.random.default_rng(11)
    said, with_options = set(), 0
    for _ in range(20):
        sample = easy_lessons.recall(rng)
        words = text_of(sample)
        for request, reply in sample.turns:
            (part,) = request.messages[0].parts
            assert isinstance(part, Text)
            if "Options: " in part.text:
                with_options += 1
                assert f") {reply}" in part.text
            elif reply != "not visible":
                assert reply.removeprefix("Day ") in words
            said.add(reply)
        card = easy_lessons.about_card(rng)
        assert len(card.pictures) == len(card.facts) == 1
        assert all(reply for _, reply in card.turns)
    assert "not visible" in said and with_options > 5


def test_yes_or_no_is_asked_by_itself_and_shelves_for_all_that_stands_there() -> None:
    rng = np.random.default_rng(4)
    replies = Counter[str]()
    people = 0
    for _ in range(60):
        sample = easy_lessons.whether(rng)
        people += sample.facts[0].actor is not None
        replies.update(reply for _, reply in sample.turns)
        (facts,) = easy_lessons.about_shelf(rng).facts
        assert facts.place in ("room", "cabinet") and facts.actor is None
    assert set(replies) == {"yes", "no"} and people > 30
    assert 0.3 < replies["yes"] / replies.total() < 0.7
    asked = {
        text.text.split(" the ")[0]: reply
        for _ in range(60)
        for request, reply in easy_lessons.about_shelf(rng).turns
        for text in request.messages[-1].parts
        if isinstance(text, Text)
    }
    assert {"How many things stand there?", "Which things stand there?", "What is"} <= set(asked)
