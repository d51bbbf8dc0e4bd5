"""Planning by rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.agent.plan import ALL_LANES, make_plan
from longtake.agent.state import AnswerType, Relation
from longtake.tools.query import coverage, statement, stem, terms


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Who built the station?", ["Who built the station"]),
        (
            "How many hives does she keep and where does the wax go?",
            ["How many hives does she keep", "where does the wax go"],
        ),
        ("Which wine is red and sweet?", ["Which wine is red and sweet"]),
        ("Who swims? Who sings?", ["Who swims", "Who sings"]),
        (
            'Who says "run, and what then?" and why is it dark?',
            ['Who says "run, and what then?"', 'why is it dark (says "run, and what then?")'],
        ),
        ("What is a hive and where is it?", ["What is a hive", "where is it (a hive)"]),
        (
            "What is a hive and how many were built this year?",
            ["What is a hive", "how many were built this year"],
        ),
        ("Who fed the bees and why was this?", ["Who fed the bees", "why was this (fed the bees)"]),
    ],
)
def test_conjunctions_split_where_a_new_question_starts(question: str, parts: list[str]) -> None:
    assert [q["text"] for q in make_plan(question)["sub_queries"]] == parts


@pytest.mark.parametrize(
    ("question", "kind", "anchor", "is_open"),
    [
        ("What is said after the smoker is lit?", "after", "the smoker is lit", True),
        ("After the smoker is lit, what does she do?", "after", "the smoker is lit", True),
        ("What happens right before the tasting?", "before", "the tasting", True),
        (
            "What is on the slide when hydrogen is mentioned?",
            "during",
            "hydrogen is mentioned",
            True,
        ),
        ("How fast is the train after the upgrade?", "after", "the upgrade", False),
        ("What is written after the second vote?", "after", "the second vote", True),
    ],
)
def test_time_words_make_relations(
    question: str, kind: Relation, anchor: str, is_open: bool
) -> None:
    relation = make_plan(question)["relation"]
    assert relation is not None
    assert (relation["kind"], relation["anchor"]["text"], relation["open"]) == (
        kind,
        anchor,
        is_open,
    )


@pytest.mark.parametrize(
    "question",
    [
        "When does she light the smoker?",
        "Why does ice float when it is cold?",
        "Who came after?",
        "Which number stands after QMM42 count on the board?",
        "What is written right before Total on the second slide?",
    ],
)
def test_time_words_without_a_moment_make_none(question: str) -> None:
    assert make_plan(question)["relation"] is None


@pytest.mark.parametrize(
    ("question", "lanes"),
    [
        ("What does the slide say about cost?", ["text"]),
        ("What is written on the sign?", ["text"]),
        ("What does the speaker say about cost?", ["speech"]),
        ("Which colour is the car?", ["visual"]),
        ("How deep is the lake?", list(ALL_LANES)),
        ('Who wrote "the red sign"?', list(ALL_LANES)),
    ],
)
def test_words_choose_lanes(question: str, lanes: list[str]) -> None:
    assert make_plan(question)["sub_queries"][0]["lanes"] == lanes


@pytest.mark.parametrize(
    ("question", "answer_type"),
    [
        ("When does she mention the queen?", "time"),
        ("When was the bridge built?", "date"),
        ("In which year did it open?", "date"),
        ("How many hives are there?", "number"),
        ("What do ten spokes cost?", "number"),
        ("Who paints the lids?", "person"),
        ("Where does the wax go?", "place"),
        ("Why does she wear white?", "reason"),
        ("Is the rim true?", "yes_no"),
        ("What is a glacier?", "definition"),
        ("What are the three main reasons?", "list"),
        ("What fell down?", "other"),
    ],
)
def test_question_words_choose_the_answer_type(question: str, answer_type: AnswerType) -> None:
    assert make_plan(question)["sub_queries"][0]["answer_type"] == answer_type


@pytest.mark.parametrize(
    ("question", "across", "mentions"),
    [
        ("In which video is the queen explained?", True, False),
        ("Which of the videos is about bread?", True, False),
        ("Which video camera does he use?", False, False),
        ("Does the speaker mention Norway?", False, True),
        ("Was the budget discussed?", False, True),
        ('Who said "in which video"?', False, False),
    ],
)
def test_library_and_mention_questions(question: str, across: bool, mentions: bool) -> None:
    plan = make_plan(question)
    assert (plan["across_videos"], plan["mentions"]) == (across, mentions)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When does she say that ice floats?", "ice floats"),
        ("What does the speaker say about the queen bee?", "the queen bee"),
        ("In which video is bread baked?", "bread baked"),
        ("how?", "how"),
        ("a red boat", "a red boat"),
    ],
)
def test_statement_inside_a_question(question: str, expected: str) -> None:
    assert statement(question) == expected


def test_terms_are_stems_of_informative_words() -> None:
    assert terms("What does the speaker say about baking loaves of bread?") == [
        stem("baking"),
        stem("loaves"),
        "bread",
    ]
    assert coverage(terms("baked bread"), "She bakes brown bread.") == 1.0
    assert coverage(terms("baked wine"), "She bakes brown bread.") == 0.5
    assert coverage([], "anything") == 0.0


@given(st.text(max_size=200))
def test_any_text_can_be_planned(question: str) -> None:
    plan = make_plan(question)
    assert plan["sub_queries"]
    assert all(asked["lanes"] for asked in plan["sub_queries"])
