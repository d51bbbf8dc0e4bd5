"""Codes: lines about another one are neither told nor evidence."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake import Agent, Library
from longtake.agent.alike import without_others
from longtake.agent.codes import codes_in, compares, names, other_code
from longtake.agent.evidence import pieces
from longtake.agent.lines import lines
from longtake.agent.plan import make_plan
from longtake.agent.replies import AnswerReply, LookReply
from longtake.agent.rows import made_row
from longtake.agent.state import Citation, Draft, Row, State
from longtake.agent.support import supported
from longtake.config import Settings
from longtake.index.store import Store
from longtake.timing import Span
from longtake.tools.vlm.messages import Request
from tests.agent.conftest import Fill
from tests.agent.seeing import Eyes
from tests.agent.talking import desk_for, opened

CODES = st.from_regex(r"[A-Z]{2,4}[0-9]{2,4}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("At which gate does flight CH986 board?", {"ch986"}),
        ("Which room is R8?", set()),
        ("What happened in 1905?", {"1905"}),
        ("Compare B2B-17 and iso9001.", {"iso9001"}),
    ],
)
def test_codes_of_a_question(text: str, codes: set[str]) -> None:
    assert codes_in(text) == codes


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("CH986 boards at gate 12.", None),
        ("Flight C H 986 boards.", None),
        ("c-h-9-8-6, please", None),
        ("CH686 boards at gate 12.", "CH686"),
        ("CH686 is late, CH986 is not.", None),
        ("Boarding begins.", None),
        ("XCH986 boards.", None),
        ("ABC98 TOTAL 986", None),
    ],
)
def test_a_line_is_about_another_code(text: str, other: str | None) -> None:
    assert other_code(text, {"ch986"}) == other


@pytest.mark.parametrize(
    ("question", "wide"),
    [
        ("Which flights leave from the same gate as CH986?", True),
        ("Is LRR49 larger than LRR29?", True),
        ("At which gate does flight CH986 board?", False),
    ],
)
def test_a_question_may_be_about_others_too(question: str, wide: bool) -> None:
    assert compares(question) is wide


def test_plain_numbers_stand_in_place_of_nothing() -> None:
    assert other_code("It opened in 1906.", {"1905"}) is None


@given(CODES, CODES, st.sampled_from(["{} ROOM K5", "Flight {} boards at gate number 4.", "{}"]))
def test_a_code_is_itself_and_no_other(asked: str, said: str, sentence: str) -> None:
    codes = codes_in(asked)
    text = sentence.format(said)
    assert names(text, codes) is (said == asked)
    alike = (len(asked), asked.rstrip("0123456789")) == (len(said), said.rstrip("0123456789"))
    if alike and said != asked:
        assert other_code(text, codes) == said


LINES: list[dict[str, Any]] = [
    {"lane": "text", "start": 10, "end": 16, "text": "LRR49 COUNT 463"},
    {"lane": "text", "start": 10, "end": 16, "text": "LRQ49 COUNT 119"},
    {"lane": "text", "start": 40, "end": 46, "text": "TZR29 COUNT 700"},
    {"lane": "speech", "start": 50, "end": 54, "text": "The count of the board is read out."},
]


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory, fill: Fill) -> Iterator[Library]:
    root = tmp_path_factory.mktemp("boards")
    with Store.open(root, write=True, create=True) as store:
        fill(store, "a", LINES)
    with Library.open(
        root, Settings.model_validate({"offline": True, "library": root, "vlm": {"cache": False}})
    ) as library:
        yield library


def asked(code: str) -> str:
    return f"What count does the board show for code {code}?"


def told(library: Library, code: str) -> list[str]:
    with desk_for(library, Eyes(), "default", 4000) as desk:
        return [text for _, text in lines(desk, opened(desk, asked(code)))]


def test_lines_about_other_codes_are_told_only_where_none_has_the_one_asked_for(
    boards: Library,
) -> None:
    assert "LRR49 COUNT 463" in told(boards, "LRR49")
    assert "TZR29 COUNT 700" not in told(boards, "LRR49")
    assert "LRR49 COUNT 463" in told(boards, "LRR29")


def replies(answer: str, cites: str) -> Eyes:
    """A model that answers so whatever it is told, and cites the line that holds these words."""

    def say(request: Request) -> str:
        labelled = str(request.messages[-1].parts)
        cited = [
            {"label": part.split(",")[0]}
            for part in labelled.split("[")
            if part.startswith("E") and cites and cites in part
        ]
        return json.dumps(
            {"answer": answer, "option": None, "evidence": cited[:1], "confidence": 0.9,
             "missing": None}
        )  # fmt: skip

    def blind(request: Request) -> str:
        return json.dumps({"relevant": False, "claim": "", "confidence": 0.1})

    return Eyes({AnswerReply: say, LookReply: blind})


@pytest.mark.parametrize(
    ("code", "answer", "cites", "reason"),
    [
        ("LRR49", "463", "463", None),
        ("LRR29", "463", "463", "what holds '463' is about LRR49"),
        ("LRR29", "463", "", "what holds '463' is about LRR49"),
        ("LRR29", "463", "read out", None),
        ("LRR29", "58", "", None),
    ],
)
def test_an_answer_from_a_line_about_another_code_is_none(
    boards: Library, code: str, answer: str, cites: str, reason: str | None
) -> None:
    made = Agent(boards, vlm=replies(answer, cites)).ask_sync(asked(code))
    assert made.abstained is (reason is not None)
    assert made.reason == reason
    if reason is not None:
        assert not made.evidence
        assert [lead.quote for lead in made.leads] == (["LRR49 COUNT 463"] if cites else [])
    else:
        assert made.text.startswith(answer)


def test_a_claim_is_of_another_code_whose_line_was_told_beside_the_nearest(boards: Library) -> None:
    with desk_for(boards, Eyes(), "default", 4000) as desk:
        state = opened(desk, asked("LRR29"))
        state["rows"] = [row for row in state["rows"] if row["text"] == "LRR49 COUNT 463"]
        claim: Citation = {
            "lane": "visual", "video_id": state["rows"][0]["video_id"], "start": 80.0, "end": 82.0,
            "quote": None, "rows": [], "score": 0.9, "query": 0,
        }  # fmt: skip
        draft: Draft = {
            "citations": [claim], "leads": [], "option": None, "option_scores": {},
            "confidence": 0.9, "abstained": False, "reason": None, "text": "119",
        }  # fmt: skip
        made = supported(desk, state, draft, pieces(desk, state))
    assert made["abstained"]
    assert made["reason"] == "what holds '119' is about LRQ49"


MOVES: list[dict[str, Any]] = [
    {"lane": "speech", "start": 5, "end": 8, "text": "Ida Hill has moved to room S8."},
    {"lane": "speech", "start": 25, "end": 28, "text": "Victor Field has moved to room R8."},
    {"lane": "speech", "start": 45, "end": 48, "text": "Everybody has moved rooms, says Victor."},
    {"lane": "text", "start": 60, "end": 66, "text": "R8"},
]


@pytest.mark.parametrize(
    ("question", "kept"),
    [
        ("To which room has Ida Hill moved?", [0, 2, 3]),
        ("To which room has Victor Field moved?", [1, 2, 3]),
        ("To which room has Grace Marsh moved?", [0, 1, 2, 3]),
        ("Who has moved to a room?", [0, 1, 2, 3]),
        ("Who else has moved, besides Ida Hill?", [0, 1, 2, 3]),
    ],
)
def test_the_same_sentence_about_somebody_else_is_left_out(question: str, kept: list[int]) -> None:
    rows: list[Row] = [
        made_row(line["lane"], number, "v", Span(line["start"], line["end"]), line["text"])
        for number, line in enumerate(MOVES)
    ]
    state: State = {"question": question, "plan": make_plan(question)}
    assert [row["id"] for row in without_others(state, rows)] == kept
    asked_about: list[Row] = [{**row, "beside": True} for row in rows]
    assert without_others(state, asked_about) == asked_about
