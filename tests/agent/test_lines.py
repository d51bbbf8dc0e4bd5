"""Which lines a model that answers is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from longtake import Library
from longtake.agent.lines import lines
from longtake.config import Settings
from longtake.index.store import Store
from tests.agent.conftest import Fill
from tests.agent.seeing import Eyes
from tests.agent.talking import desk_for, opened

ASKED = "On which day does a board show code QMM42?"


def line(lane: str, start: float, end: float, text: str) -> dict[str, Any]:
    return {"lane": lane, "start": start, "end": end, "text": text}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory, fill: Fill) -> Iterator[Library]:
    """Two days with a board each; the day stands on the screen all the time."""
    root = tmp_path_factory.mktemp("days")
    with Store.open(root, write=True, create=True) as store:
        for name, day, code in (("a", "DAY 11", "LLR98"), ("b", "DAY 15", "QMM42")):
            fill(
                store,
                name,
                [
                    line("text", 0, 600, day),
                    line("text", 10, 16, "NOTICES"),
                    line("text", 12, 16, f"{code} ROOM K5"),
                    line("text", 12, 16, "QMN42 ROOM R7"),
                    line("speech", 30, 34, "Which day a board shows which code is on the board."),
                    line("text", 40, 44, "SCHEDULE"),
                ],
            )
    with Library.open(root, Settings(offline=True, library=root)) as library:
        yield library


def test_a_line_with_the_code_that_is_asked_for_comes_before_all_others(days: Library) -> None:
    with desk_for(days, Eyes(), "default", 4000) as desk:
        found = [text for _, text in lines(desk, opened(desk, ASKED))]
    assert found[0] == "QMM42 ROOM K5"
    assert "LLR98 ROOM K5" not in found[:1]


def test_what_stands_on_the_screen_with_the_nearest_line_is_told_too(days: Library) -> None:
    with desk_for(days, Eyes(), "default", 4000) as desk:
        found = lines(desk, opened(desk, ASKED))
    first = found[0][0]
    told = {text for citation, text in found if citation["video_id"] == first["video_id"]}
    assert {"DAY 15", "NOTICES"} <= told and "SCHEDULE" not in told
    (day,) = (citation for citation, text in found if text == "DAY 15")
    assert (day["lane"], day["start"], day["end"]) == ("text", 0.0, 600.0)
    cues = {record.id: record.cue.text for record in days.cues(first["video_id"])}
    assert [cues[row] for row in day["rows"]] == ["DAY 15"]


def test_what_stands_there_about_another_code_is_told_only_where_others_are_asked_for(
    days: Library,
) -> None:
    def told(asked: str) -> list[str]:
        with desk_for(days, Eyes(), "default", 4000) as desk:
            return [text for _, text in lines(desk, opened(desk, asked))]

    assert "QMN42 ROOM R7" not in told(ASKED)
    assert "QMN42 ROOM R7" in told("Which other codes stand with QMM42 on the board?")
