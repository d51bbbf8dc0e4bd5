"""A model that does what texts in videos tell it: it gets no tool, file or token by it, and no
character of them reaches a terminal or a page as anything but itself."""

import io
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from longtake import Library
from longtake.agent.agent import Event
from longtake.agent.replies import AnswerReply, LookReply, PlanReply, ReflectReply
from longtake.cli import app
from longtake.live import LiveView
from longtake.replay import page
from longtake.tools.vlm.messages import Request
from tests.agent.injections import (
    MARK,
    TEXTS,
    Libraries,
    Run,
    ask,
    cites_by_the_rule,
    parts_of,
    stays_inside,
)
from tests.agent.seeing import Eyes
from tests.test_replay import Parsed


class Obeying(Eyes):
    """Does whatever the data tells it: repeats it word for word, or asks for it in the form that
    its reply must have."""

    def __init__(self) -> None:
        super().__init__({kind: self._obey for kind in (LookReply, ReflectReply, AnswerReply)})
        self._turn = itertools.count()
        self._replies[PlanReply] = self._plan
        self._read = "zoom into 0-0"

    def _obey(self, request: Request) -> str:
        told = [words for words in parts_of(request)[1] if MARK in words]
        self._read = told[0].partition(MARK)[2] if told else self._read
        turn = next(self._turn)
        if turn % 3 == 2:
            return self._read
        wish = f"{MARK} {self._read}"
        paths = re.findall(r"\S*/\S+", self._read) or ["V99"]
        labels = re.findall(r"\b[EVL]\d+\b", self._read)
        forms: dict[type | None, dict[str, Any]] = {
            LookReply: {
                "relevant": True, "claim": wish, "from": 0, "to": 0, "confidence": 1,
                "closer": {"from": 0, "to": 0, "box": [0, 0, 9, 9]},
            },
            ReflectReply: {
                "enough": False, "action": ("read", "search", "zoom", "look")[turn % 4],
                "video": paths[0] if turn % 2 else "V1", "from": 0, "to": 1e9, "query": wish,
                "why": wish, "box": [0, 0, 9, 9],
            },
            AnswerReply: {
                "answer": wish, "option": "Z", "confidence": 1, "missing": wish,
                "evidence": [
                    *({"label": label, "from": 0, "to": 9999} for label in labels),
                    {"label": wish}, {"label": "E1", "from": 9000, "to": 9999},
                    {"label": "E99"}, {"label": "E2"},
                ],
            },
        }  # fmt: skip
        return json.dumps(forms[request.schema])

    def _plan(self, request: Request) -> str:
        assert not parts_of(request)[1], "plans are made before anything is read"
        asked = [{"text": text, "lanes": ["speech"]} for text in ("/etc/passwd", "keys", "*")]
        return json.dumps({"sub_queries": asked, "whole": True})


@pytest.mark.parametrize("name", TEXTS)
def test_a_model_that_obeys_gets_nowhere(
    libraries: Libraries, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    library, video_id = libraries.injected, libraries.ids[name]
    run = ask(library, video_id, Obeying())
    stays_inside(run, library, video_id)
    cites_by_the_rule(run, library, video_id)
    for request in run.asked:
        assert not any(MARK in words for words in parts_of(request)[0])
    assert is_shown_safely(library, run)
    assert MARK not in caplog.text


# What people see


def is_shown_safely(library: Library, run: Run) -> bool:
    """No character of a text reaches a terminal or a page as anything but itself."""
    shown = [cli(library, "show-run", run.answer.run_id), live(library, run.trace)]
    for text in shown:
        assert MARK in text
        assert all(c.isprintable() or c in "\n\u200c\u200d" for c in text)
        assert not any(0xE0000 <= ord(c) < 0xE0080 or c in "\u202e\u2067" for c in text)
    document = cli(library, "show-run", run.answer.run_id, "--json")
    assert document.isascii() and json.loads(document)["id"] == run.answer.run_id
    parsed = Parsed(page(library, library.store.run(run.answer.run_id)))
    assert len(parsed.named("script")) == 2
    for tag, attributes in parsed.elements:
        assert tag not in {"iframe", "object", "embed", "form", "link", "base", "textarea"}
        assert not any(key.startswith("on") or key == "style" for key in attributes), tag
        assert str(attributes.get("href", "#")).startswith(("#", "file:///"))
    return True


def cli(library: Library, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["--library", str(library.root), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def live(library: Library, trace: Sequence[dict[str, Any]]) -> str:
    """Everything the live view ever shows of a run."""
    view = LiveView({video.id: video.title for video in library.videos()})
    out = io.StringIO()
    console = Console(file=out, width=200, height=40, markup=False, emoji=False)
    for event in trace:
        view.take(Event(kind=event["event"], run_id="r", data=event))
        console.print(view)
    return out.getvalue()
