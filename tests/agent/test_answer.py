"""Reading and drafting: which stored line answers, and whether it does. Real sentence vectors."""

from pathlib import Path
from typing import Any

import pytest

from longtake.agent.answer import Answer
from longtake.agent.answer_types import holds
from longtake.agent.calibration import CHOICE, MEANING, WORDS
from longtake.agent.choices import FEATURES as CHOICE_FEATURES
from longtake.agent.plan import make_plan
from longtake.agent.reader import FEATURES, confidence, missing_names, probability, read
from longtake.agent.state import AnswerType, LaneName, Row
from longtake.index.lanes import SentenceEncoder


def rows(lines: list[dict[str, Any]]) -> list[Row]:
    counts: dict[LaneName, int] = {"speech": 0, "text": 0}
    made: list[Row] = []
    for line in lines:
        counts[line["lane"]] += 1
        made.append(
            {
                "lane": line["lane"],
                "id": counts[line["lane"]],
                "video_id": "v",
                "start": line["start"],
                "end": line["end"],
                "text": line["text"],
                "frame_time": None,
                "score": 0.0,
                "query": 0,
                "beside": False,
            }
        )
    return made


def right(item: dict[str, Any], question: dict[str, Any], encoder: SentenceEncoder | None) -> bool:
    asked = make_plan(question["question"])["sub_queries"][0]
    readings = read(asked, rows(item["lines"]), encoder)
    answers = {item["lines"][place]["text"] for place in question["lines"]}
    return bool(answers & {row["text"] for row in readings[0].rows})


def count(data: dict[str, Any], kind: str, encoder: SentenceEncoder | None) -> int:
    item = data["beekeeping"]
    return sum(right(item, q, encoder) for q in item["questions"] if q["kind"] == kind)


def test_lexical_questions_are_all_answered(data: dict[str, Any], encoder: SentenceEncoder) -> None:
    assert count(data, "lexical", encoder) == 15


def test_paraphrases_need_meaning(data: dict[str, Any], encoder: SentenceEncoder) -> None:
    assert count(data, "paraphrase", encoder) >= 11
    assert count(data, "paraphrase", None) <= 6


def test_words_alone_answer_lexical_questions(data: dict[str, Any]) -> None:
    assert count(data, "lexical", None) >= 13


def test_confidence_separates_known_from_unknown(
    data: dict[str, Any], encoder: SentenceEncoder
) -> None:
    """On a transcript that calibration never saw."""
    item = data["museum"]
    known: list[float] = []
    unknown: list[float] = []
    for question in item["questions"]:
        asked = make_plan(question["question"])["sub_queries"][0]
        certainty = confidence(asked, read(asked, rows(item["lines"]), encoder), encoder)
        (known if question["lines"] else unknown).append(certainty)
    pairs = [(k > u) for k in known for u in unknown]
    assert sum(pairs) / len(pairs) > 0.7  # area under the ROC curve


def test_subject_and_answer_in_two_sentences_are_read_together(encoder: SentenceEncoder) -> None:
    lines = [
        {
            "lane": "speech",
            "start": 0.0,
            "end": 3.0,
            "text": "Let us look at the old swimming pool.",
        },
        {"lane": "speech", "start": 3.2, "end": 6.0, "text": "An engineer found cracks in it."},
        {"lane": "speech", "start": 30.0, "end": 33.0, "text": "The librarian wants longer hours."},
    ]
    asked = make_plan("What did the engineer find in the old swimming pool?")["sub_queries"][0]
    assert [row["id"] for row in read(asked, rows(lines), encoder)[0].rows] == [1, 2]


def test_lines_of_a_slide_are_read_under_its_heading(encoder: SentenceEncoder) -> None:
    lines = [
        {"lane": "text", "start": 5.0, "end": 20.0, "text": "The Pharos of Alexandria"},
        {"lane": "text", "start": 5.0, "end": 20.0, "text": "Architect: Sostratus of Cnidus"},
        {"lane": "text", "start": 30.0, "end": 40.0, "text": "Ruins reused in 1477"},
    ]
    asked = make_plan("Who was the architect of the Pharos of Alexandria?")["sub_queries"][0]
    assert "Sostratus" in read(asked, rows(lines), encoder)[0].text


def test_named_lane_is_preferred(encoder: SentenceEncoder) -> None:
    lines = [
        {"lane": "speech", "start": 0.0, "end": 3.0, "text": "The budget is five million euros."},
        {"lane": "text", "start": 0.0, "end": 9.0, "text": "Budget: 5 million euros"},
    ]
    for question, lane in (
        ("Which budget is written on the slide?", "text"),
        ("Which budget does the speaker mention?", "speech"),
    ):
        asked = make_plan(question)["sub_queries"][0]
        assert read(asked, rows(lines), encoder)[0].rows[0]["lane"] == lane


@pytest.mark.parametrize(
    ("answer_type", "text", "expected"),
    [
        ("number", "She keeps fourteen hives.", True),
        ("number", "She keeps hives.", False),
        ("person", "It was built by Helga Lindqvist.", True),
        ("person", "It was built of stone.", False),
        ("date", "It opened in 1978.", True),
        ("date", "We meet in March.", True),
        ("date", "It opened with cake.", False),
        ("reason", "It is white because snow reflects.", True),
        ("place", "The wax goes to Uppsala.", True),
        ("other", "Anything.", None),
    ],
)
def test_answer_types(answer_type: AnswerType, text: str, expected: bool | None) -> None:
    assert holds(answer_type, text) is expected


def test_missing_names() -> None:
    assert missing_names("What does she say about Norway in 1905?", "She went to Norway.") == [
        "1905"
    ]
    assert missing_names("Norway is where?", "She went home.") == []


def test_constants_fit_their_features() -> None:
    assert len(MEANING.weights) == len(WORDS.weights) == len(FEATURES)
    assert len(CHOICE.weights) == len(CHOICE_FEATURES)
    assert probability(CHOICE, (1.0, 1.0)) > 0.9 > 0.5 > probability(CHOICE, (0.0, 0.0))


def test_answers_survive_json(tmp_path: Path) -> None:
    answer = Answer(
        text="t", question="q", confidence=0.5, abstained=True, notes=("n",), run_id="r"
    )
    assert Answer.from_dict(answer.to_dict()) == answer
