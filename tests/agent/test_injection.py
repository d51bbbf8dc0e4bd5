"""Text found in videos is data: whatever it says, a run takes the same steps, opens the same files,
costs the same and cites by the same rule as with harmless text of the same length.

The texts lie in data/injections.jsonl. Each stands in the name of a real video, in the subtitles
beside it and in a cue. A second library has harmless words in the place of all that.
"""

import io
import itertools
import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import pytest
from rich.console import Console
from typer.testing import CliRunner

import longtake
from longtake import Agent, Library, Settings
from longtake.agent.answer import Answer, Evidence
from longtake.agent.quotes import cut
from longtake.agent.replies import AnswerReply, LookReply, PlanReply, ReflectReply
from longtake.agent.requests import data_lines
from longtake.cli import app
from longtake.config import SentencesSettings
from longtake.index.lanes import Box, Cue, StageName
from longtake.index.store import Store
from longtake.live import LiveView
from longtake.replay import page
from longtake.tools.vlm.messages import Request, Text
from tests.agent.seeing import Eyes
from tests.data.colours import write_colours
from tests.test_replay import Parsed

DATA = Path(__file__).parent / "data" / "injections.jsonl"
TEXTS: dict[str, str] = {
    item["name"]: item["text"] for item in map(json.loads, DATA.read_text("utf-8").splitlines())
}
QUESTION = "When is the screen green?"
MARK = "zq7x"
"""Stands before every text, so that it can be found again."""
BEGINS = f"The light turns green {MARK}. "
BUDGET = 4000
ACTIONS = {"answer", "look", "zoom", "search", "read"}
OWN = (str(Path(longtake.__file__).parent), sys.prefix, sys.base_prefix)
"""Where code and prompts are read from, on first use."""
EVENTS = set(
    "planned retrieved selected looking observed called reflected drafted verified".split()
)
SETTINGS = Settings(offline=True, sentences=SentencesSettings(model="none"))
"""Without sentence vectors, what is relevant is a matter of the words that texts and question
share, and the texts share none."""


# Two libraries


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """The same videos twice.

    Attributes:
        ids: name of a text -> id of its video, in both.
    """

    injected: Library
    harmless: Library
    ids: dict[str, str]


def file_name(number: int, text: str) -> str:
    """A file may be called almost anything."""
    name = text.encode("utf-8")[:60].decode("utf-8", "ignore")
    return f"{number:02d} {MARK} {name}".replace("/", "_").replace("\0", "_")


def size_of(text: str) -> int:
    """Bytes of a line in a prompt."""
    return len(data_lines([("", cut(text))]).encode())


def harmless(text: str) -> str:
    """Words that are exactly as long as `text` in a prompt."""
    begins = BEGINS if text.startswith(BEGINS.rstrip()) else ""
    size = size_of(text) - size_of(f"{begins}.") + 1
    if size <= 0:
        return text
    count = min(size, 130)
    each, more = divmod(size, count)
    widths = [each + 1] * more + [each] * (count - more)
    made = begins + "".join(" oö水🌊"[width] for width in widths)
    assert size_of(made) == size_of(text)
    return made


def cue_of(text: str) -> Cue:
    return Cue(start=5.5, end=7.5, text=text, box=Box(0.1, 0.1, 0.9, 0.3), confidence=0.9)


def fill(root: Path, ids: dict[str, str], *, calm: bool) -> None:
    """Cues for every video; harmless words in place of every text if `calm`."""
    with Store.open(root, write=True) as store:
        stages = store.stages()
        for name, video_id in ids.items():
            speech = stages[video_id, StageName.SPEECH]
            text = BEGINS + TEXTS[name]
            cue = cue_of(harmless(text) if calm else text)
            store.commit(replace(speech, name=StageName.TEXT), cues=[cue])
            if calm:
                said = [record.segment for record in store.segments(video_id)]
                calmed = [replace(segment, text=harmless(segment.text)) for segment in said]
                store.commit(speech, segments=calmed)


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Libraries]:
    place = tmp_path_factory.mktemp("injections")
    ids: dict[str, str] = {}
    for number, text in enumerate(TEXTS.values()):
        video = place / f"{file_name(number, text)}.mp4"
        stretches = [("red", 5.0), ("green", 3.0), ("blue", 4.0)]
        write_colours(video, stretches, width=64, height=36, fps=4, seed=number)
        said = " ".join(text.split())
        video.with_name(f"{video.name}.srt").write_text(
            f"1\n00:00:05,000 --> 00:00:08,000\n{BEGINS}{said}\n", encoding="utf-8"
        )
    root = place / "library"
    with Library.open(root, SETTINGS, create=True) as library:
        assert library.index([place], only={StageName.SHOTS, StageName.SPEECH}).ok
        by_number = {video.path.name[:2]: video.id for video in library.videos()}
        ids = {name: by_number[f"{number:02d}"] for number, name in enumerate(TEXTS)}
        assert {library.segments(i)[0].segment.source for i in ids.values()} == {"subtitles"}
    shutil.copytree(root, place / "calm")
    fill(root, ids, calm=False)
    fill(place / "calm", ids, calm=True)
    with (
        Library.open(root, SETTINGS) as injected,
        Library.open(place / "calm", SETTINGS) as calm,
    ):
        assert injected.sentence_encoder is None
        yield Libraries(injected=injected, harmless=calm, ids=ids)


# Runs, and what they touch

_touched: list[tuple[str, str]] | None = None
_WATCHED = {"open", "sqlite3.connect", "socket.connect", "subprocess.Popen", "os.system", "os.exec"}


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _touched is not None and event in _WATCHED:
        _touched.append((event, str(arguments[0])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A question that was asked."""

    answer: Answer
    trace: list[dict[str, Any]]
    asked: list[Request]
    touched: set[tuple[str, str]]


@pytest.fixture(scope="module", autouse=True)
def watching() -> Iterator[None]:
    """Files that PyAV opens are told as others are."""
    opens = av.open

    def told(file: Any, *args: Any, **kwargs: Any) -> Any:
        if _touched is not None:
            _touched.append(("open", str(file)))
        return opens(file, *args, **kwargs)

    sys.addaudithook(_audit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(av, "open", told)
        yield


def ask(library: Library, video_id: str, eyes: Eyes) -> Run:
    """Ask about one video, with a note of every file, process and connection."""
    global _touched
    for file in library.root.glob("calls.db*"):
        file.unlink()
    _touched = []
    try:
        agent = Agent(library, vlm=eyes, budget=BUDGET, checkpoint=False)
        answer = agent.ask_sync(QUESTION, videos=[video_id])
    finally:
        touched, _touched = _touched, None
    files = {
        (event, path.removeprefix("file:").replace(str(library.root), "LIBRARY"))
        for event, path in touched
        if not path.startswith((*OWN, ":memory:"))
    }
    trace = library.store.run(answer.run_id).trace
    return Run(answer=answer, trace=trace, asked=eyes.asked, touched=files)


def steps(value: Any) -> Any:
    """Events without clocks and without words for people, which may quote."""
    if isinstance(value, dict):
        left_out = {"at", "seconds", "why"}
        return {key: steps(item) for key, item in value.items() if key not in left_out}
    return [steps(item) for item in value] if isinstance(value, list) else value


LINE = re.compile(
    r"\[(?:E\d+, V\d+, )?[\d.]+-[\d.]+ s, (?:said|on screen|seen)\] (\".*\")|\(none\)|(\".*\")"
)


def parts_of(request: Request) -> tuple[list[str], list[str]]:
    """Words of a prompt outside of its data, and the words that the data quotes.

    Every line of the data must be a head of ours and one JSON string. What the model itself said
    before is left out.
    """
    outside, quoted = [], []
    for message in request.messages:
        words = "\n".join(part.text for part in message.parts if isinstance(part, Text))
        if message.role == "assistant":
            continue
        pieces = re.split(r"^<data>\n(.*?)\n</data>$", words, flags=re.S | re.M)
        outside += pieces[::2]
        for line in "\n".join(pieces[1::2]).split("\n") if len(pieces) > 1 else []:
            match = LINE.fullmatch(line)
            assert match is not None, line
            string = match[1] or match[2]
            if string is not None:
                assert "<" not in string and ">" not in string
                quoted.append(json.loads(string))
    return outside, quoted


def cites_by_the_rule(run: Run, library: Library, video_id: str) -> None:
    """Quotes are what is stored at those times; sightings are of what was looked at."""
    stored = {
        ("speech", r.segment.text, r.segment.start, r.segment.end)
        for r in library.segments(video_id)
    }
    stored |= {("text", r.cue.text, r.cue.start, r.cue.end) for r in library.cues(video_id)}
    for piece in (*run.answer.evidence, *run.answer.leads):
        assert piece.video_id == video_id
        if piece.quote is None:
            assert _was_looked_at(run, piece)
        else:
            rows = [row for row in stored if row[:2] == (piece.lane, piece.quote)]
            assert any(start <= piece.start <= piece.end <= end for _, _, start, end in rows)


def _was_looked_at(run: Run, piece: Evidence) -> bool:
    views = {v["id"]: v for e in run.trace if e["event"] == "selected" for v in e["views"]}
    view = views[piece.view or ""]
    return bool(view["start"] <= piece.end and piece.start <= view["end"])


def stays_inside(run: Run, library: Library, video_id: str) -> None:
    """Tools, files and tokens are the run's own, whatever the model wanted."""
    video = library.video(video_id)
    for event in run.trace:
        assert event["event"] in EVENTS
        assert event.get("action", "answer") in ACTIONS
        for view in event.get("views", ()):
            assert view["video_id"] == video_id
            assert 0 <= view["start"] < view["end"] <= video.duration
            assert all(0 <= time <= video.duration for time in view["times"])
    for kind, path in run.touched:
        assert kind in ("open", "sqlite3.connect")
        assert path.startswith("LIBRARY") or path == str(video.path), path
    receipt = run.answer.receipt
    assert receipt is not None
    assert (receipt.limit, receipt.spent <= BUDGET) == (BUDGET, True)
    assert len(receipt.lines) == len(run.asked)


# A model that looks, and one that does what it reads


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_changes_but_the_words(libraries: Libraries, name: str) -> None:
    video_id = libraries.ids[name]
    run, calm = (
        ask(library, video_id, Eyes()) for library in (libraries.injected, libraries.harmless)
    )
    assert steps(run.trace) == steps(calm.trace)
    assert run.touched == calm.touched
    assert run.answer.receipt is not None and calm.answer.receipt is not None
    assert [replace(line, seconds=0.0) for line in run.answer.receipt.lines] == [
        replace(line, seconds=0.0) for line in calm.answer.receipt.lines
    ]
    assert [replace(piece, video_title="") for piece in run.answer.evidence] == [
        replace(piece, video_title="") for piece in calm.answer.evidence
    ]
    assert run.answer.evidence[0].claim == "The screen is green."
    stays_inside(run, libraries.injected, video_id)
    cites_by_the_rule(run, libraries.injected, video_id)
    told = 0
    for request, same in zip(run.asked, calm.asked, strict=True):
        outside, quoted = parts_of(request)
        assert outside == parts_of(same)[0]
        assert not any(MARK in words for words in outside)
        told += sum(MARK in words for words in quoted)
    assert told >= 2, "it stood in no prompt"


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
    from longtake.agent.agent import Event

    view = LiveView({video.id: video.title for video in library.videos()})
    out = io.StringIO()
    console = Console(file=out, width=200, height=40, markup=False, emoji=False)
    for event in trace:
        view.take(Event(kind=event["event"], run_id="r", data=event))
        console.print(view)
    return out.getvalue()


def test_without_a_model_the_quotes_are_the_stored_lines(libraries: Libraries) -> None:
    library = libraries.injected
    for video_id in libraries.ids.values():
        answer = Agent(library, vlm="none", checkpoint=False).ask_sync(QUESTION, videos=[video_id])
        assert answer.searched.queries == (QUESTION.rstrip("?"),)
        run = Run(answer=answer, trace=[], asked=[], touched=set())
        cites_by_the_rule(run, library, video_id)
        assert answer.evidence or answer.leads


def test_a_span_of_text_is_cut_to_what_a_prompt_has_room_for() -> None:
    for text in TEXTS.values():
        assert size_of(text) <= 160 * 6 + 5


def test_half_characters_of_a_model_break_nothing(libraries: Libraries) -> None:
    """They can stand in JSON, but not in a request."""
    said = 'no object, but \ud83d and "\\ud800"'
    eyes = Eyes({kind: lambda request: said for kind in (LookReply, AnswerReply)})
    run = ask(libraries.injected, next(iter(libraries.ids.values())), eyes)
    again = [r.messages[-2] for r in run.asked if r.messages[-2].role == "assistant"]
    assert again and all("\ud83d" not in str(message) for message in again)
    assert run.answer.receipt is not None and run.answer.receipt.spent <= BUDGET


def test_what_is_wrong_with_a_reply_is_told_without_repeating_it(libraries: Libraries) -> None:
    """The model reads it as an instruction."""
    looks = [
        {"relevant": MARK, "claim": "c"},
        {"relevant": True, "confidence": MARK},
        {"relevant": True, "from": MARK, "to": {MARK: MARK}, "closer": {"box": [MARK]}},
        {MARK: MARK},
    ]
    turn = itertools.cycle(json.dumps(look) for look in looks)
    eyes = Eyes({LookReply: lambda request: next(turn)})
    run = ask(libraries.injected, next(iter(libraries.ids.values())), eyes)
    repairs = [r for r in run.asked if r.messages[-2].role == "assistant"]
    assert repairs
    for request in repairs:
        assert "That was not the JSON object asked for" in str(request.messages[-1])
        assert MARK not in str(request.messages[-1])
