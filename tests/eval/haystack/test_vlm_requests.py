"""Lessons in the form of whole requests, easy ones of flash cards, and how replies are judged."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from longtake.agent.replies import AnswerReply, LookReply, YesReply
from longtake.eval.haystack.acts import Actor
from longtake.eval.haystack.models.vlm import easy_lessons, lessons
from longtake.eval.haystack.models.vlm.footage import Reel
from longtake.eval.haystack.models.vlm.lessons import Sample
from longtake.eval.haystack.models.vlm.request_exam import sendable, table, told
from longtake.eval.haystack.wording import who
from longtake.tools.vlm.messages import Frames, Picture, Text


def words(sample: Sample, turn: int = 0) -> str:
    """Of the last message of a turn."""
    parts = sample.turns[turn][0].messages[-1].parts
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def carried(sample: Sample, asked: str) -> set[str]:
    """What the actor carries who is asked for."""
    return {
        str(frame.carried.what) if frame.carried else ""
        for frame in sample.facts
        if frame.actor and isinstance(frame.actor.what, Actor) and who(frame.actor.what) in asked
    }


def test_cards_in_a_row_tell_who_put_what() -> None:
    rng = np.random.default_rng(1)
    found = set()
    for _ in range(40):
        sample = easy_lessons.album(rng)
        assert len(sample.turns) == easy_lessons.BARE
        for turn, (_, said) in enumerate(sample.turns):
            asked = words(sample, turn)
            if "put on the shelf" not in asked or "actor" not in asked:
                continue  # "put something on the shelf" asks when
            found.add(said)
            own = carried(sample, asked)
            assert said in own if own else said == "not visible"
    assert "not visible" in found and len(found) > 10


def test_looks_and_readings_of_cards_are_the_products_own() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        look, read = easy_lessons.album_look(rng), easy_lessons.album_read(rng)
        reply = LookReply.model_validate_json(look.turns[0][1])
        start, end = map(float, re.findall(r"from ([\d.]+) to ([\d.]+) s\.", words(look))[0])
        if reply.relevant:
            assert reply.start is not None and reply.end is not None
            assert start <= reply.start <= reply.end <= end
        for _, said in read.turns:
            AnswerReply.model_validate_json(said)


def test_frames_with_the_question_are_cited_by_the_label_before_them(reel: Reel) -> None:
    rng = np.random.default_rng(3)
    cited = 0
    for _ in range(60):
        sample = lessons.glance(rng, [reel], 300)
        ((request, said),) = sample.turns
        shown: dict[str, list[float]] = {}
        label = ""
        for part in request.messages[-1].parts:
            if isinstance(part, Text) and (found := re.match(r"\[(E\d+), .* shown\]", part.text)):
                label = found[1]
            if isinstance(part, Frames):
                shown[label] = [picture.time for picture in part.pictures]
        assert sum(map(len, shown.values())) == len(sample.pictures)
        reply = AnswerReply.model_validate_json(said)
        for one in reply.evidence:
            lines = re.findall(
                rf"^\[{one.label}, V\d, ([\d.]+)-([\d.]+) s, (.*)\]", words(sample), re.M
            )
            ((start, end, kind),) = lines
            assert (kind == "shown") == (one.label in shown)
            if one.label in shown:
                assert all(float(start) <= time <= float(end) for time in shown[one.label])
                cited += 1
    assert cited > 10


def test_frames_are_judged_by_who_is_there(reel: Reel) -> None:
    rng = np.random.default_rng(4)
    judged = set()
    for _ in range(30):
        sample = lessons.judge(rng, [reel], 400)
        ((request, said),) = sample.turns
        assert request.schema is YesReply
        marks = YesReply.model_validate_json(said).yes
        looks = [frame.actor.what if frame.actor else None for frame in sample.facts]
        there = [isinstance(one, Actor) and who(one) in words(sample) for one in looks]
        assert len(marks) == len(there) == len(sample.pictures)
        # the first visit, from the first frame to the last
        assert all(seen for mark, seen in zip(marks, there, strict=True) if mark)
        assert any(marks) == any(there)
        judged |= {*marks}
    assert judged == {0.0, 1.0}


def test_requests_are_sent_with_the_pixels_they_were_made_of(reel: Reel) -> None:
    sample = lessons.look(np.random.default_rng(5), [reel], 300)
    (frames,) = (p for p in sendable(sample).messages[-1].parts if isinstance(p, Frames))
    assert len({picture.key for picture in frames.pictures}) == len(sample.pictures)
    for picture, pixels in zip(frames.pictures, sample.pictures, strict=True):
        assert isinstance(picture, Picture)
        sent = np.asarray(Image.open(io.BytesIO(picture.jpeg)), np.int16)
        assert sent.shape == pixels.shape
        assert np.abs(sent - pixels).mean() < 6


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (LookReply(relevant=True, claim="The thing is a red cup."), "The thing is a red cup."),
        (LookReply(relevant=False, claim="It is not shown."), None),
        (AnswerReply(answer="red cup", confidence=0.9), "red cup"),
        (AnswerReply(answer="", confidence=0.1), None),
        (None, None),
    ],
)
def test_replies_answer_or_say_that_there_is_nothing(
    reply: LookReply | AnswerReply | None, answer: str | None
) -> None:
    assert told(reply) == answer


def test_figures_have_a_row_for_each_kind_of_request() -> None:
    lines = table({("look", True): (4, 3, 1), ("answer", False): (2, 2, 2)}).splitlines()
    assert lines[2:] == [
        "| answer, none | 2 | 1.00 | 1.00 |",
        "| look, an answer | 4 | 0.75 | 0.25 |",
    ]
