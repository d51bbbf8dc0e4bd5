"""The replay page: what it shows, that it is safe, and that a real browser opens it."""

import base64
import hashlib
import html.parser
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from longtake import Library, Settings
from longtake.agent.budget import Ledger
from longtake.agent.receipt import Receipt
from longtake.config import VlmSettings
from longtake.console import printable
from longtake.index.lanes import StageName
from longtake.index.records import RunRecord
from longtake.replay import page
from longtake.replay_html import element
from longtake.replay_pictures import Pictures, shared, thinned
from longtake.tools.view import SheetItem
from longtake.tools.view import View as Shown
from longtake.tools.viewer import Viewer
from longtake.tools.vlm.messages import Picture, Price, Usage

EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)>\x1b[31m\u202e&amp;'
QUESTION = f"What colour are the bands? {EVIL}"
ASKED_AT = 1_760_000_000.0
BACKEND = "http://127.0.0.1:8000/v1#qwen2.5-vl"


def _view(name: str, video_id: str, times: list[float], **other: Any) -> dict[str, Any]:
    view = {
        "id": name, "video_id": video_id, "start": times[0] - 0.5, "end": times[-1] + 0.5,
        "times": times, "width": 448, "height": 252, "crop": None, "kind": "look",
        "why": f"best moment {EVIL}", "round": 1,
    }  # fmt: skip
    return view | other


def _saw(view: dict[str, Any], claim: str, **other: Any) -> dict[str, Any]:
    saw = {
        "view": view["id"], "video_id": view["video_id"], "start": view["start"],
        "end": view["end"], "claim": claim, "relevant": True, "confidence": 0.8,
        "outcome": "ok", "closer": None,
    }  # fmt: skip
    return saw | other


def _ledger() -> Ledger:
    """Five calls: one as planned, one above its price, one from another run, one unreported."""
    ledger = Ledger(16_000)
    usages = [Usage(input=310, output=60), Usage(input=1500, output=40, cached=200), None]
    for number, usage in enumerate(usages):
        price = Price(visual=900 if number else 0, text=300, output=160, exact=number != 1)
        purpose = f"look L{number}" if number else "plan"
        held = ledger.reserve(price, node=purpose[:4], purpose=purpose, backend=BACKEND)
        ledger.settle(held, usage, seconds=1.25)
    price = Price(visual=0, text=500, output=256, exact=True)
    held = ledger.reserve(price, node="answer", purpose="answer", backend=BACKEND)
    ledger.settle(held, Usage(input=480, output=90), seconds=2.0, replayed=True)
    return ledger


def _called(node: str, purpose: str, actual: dict[str, int] | None) -> dict[str, Any]:
    planned = {"visual": 900, "text": 300, "output": 160}
    return {
        "event": "called", "node": node, "purpose": purpose, "backend": BACKEND,
        "planned": planned, "actual": actual, "spent": 1540, "left": 14_460, "limit": 16_000,
        "seconds": 1.25, "replayed": False, "outcome": "ok",
    }  # fmt: skip


def looked_run(video_id: str, path: Path) -> RunRecord:
    """A run that planned, looked, zoomed and answered; its model wrote what it should not."""
    first = _view("L1", video_id, [15.0, 17.0, 19.0, 21.0])
    second = _view("L2", video_id, [60.0, 61.0, 62.0])
    zoom = _view(
        "L3", video_id, [17.0, 17.1], kind="zoom", round=2, crop=[0.25, 0.25, 0.75, 0.75],
        width=640, height=360,
    )  # fmt: skip
    usage = {"input": 1200, "output": 40, "cached": 0}
    trace: list[dict[str, Any]] = [
        _called("plan", "plan", {"input": 310, "output": 60, "cached": 0}),
        {"event": "planned", "queries": ["bands", EVIL], "by": "model", "whole": False},
        {"event": "retrieved", "rows": 24, "lanes": {"speech": "searched", "visual": "no"}},
        {"event": "selected", "round": 1, "views": [first, second], "left": 9000, "limit": 16_000},
        {"event": "looking", "view": "L1"},
        _called("look", "look L1", usage),
        {"event": "observed", "observation": _saw(first, f"red bands {EVIL}"), "left": 12_000},
        {"event": "looking", "view": "L2"},
        _called("look", "look L2", None),
        {"event": "observed", "left": 11_000,
         "observation": _saw(second, "", relevant=False, outcome="truncated")},
        {"event": "reflected", "action": "zoom", "why": f"read it {EVIL}", "by": "model",
         "confidence": 0.4},
        {"event": "selected", "round": 2, "views": [zoom], "left": 10_000, "limit": 16_000},
        {"event": "looking", "view": "L3"},
        {"event": "observed", "observation": _saw(zoom, "three bands"), "left": 9_000},
        {"event": "drafted", "abstained": False, "confidence": 0.8, "by": "model"},
        {"event": "verified", "evidence": 2, "notes": ["a citation was dropped"], "again": False},
    ]  # fmt: skip
    for number, event in enumerate(trace):
        event["at"] = ASKED_AT + number / 4
    evidence = {
        "video_id": video_id, "video_title": f"lecture {EVIL}", "video_path": str(path),
        "start_s": 16.0, "end_s": 18.0, "lane": "visual", "quote": None, "score": 0.8,
        "claim": f"red bands {EVIL}", "view": "L1",
    }  # fmt: skip
    said = {**evidence, "lane": "speech", "quote": f"painted red {EVIL}", "claim": None}
    receipt = Receipt.of(_ledger(), VlmSettings()).to_dict()
    answer = {
        "run_id": "3fa29b1c" * 4, "question": QUESTION, "text": f"Red.\n{EVIL}", "option": None,
        "option_scores": {}, "confidence": 0.8, "abstained": False, "reason": None,
        "supported": True, "mode": "looked", "evidence": [evidence, {**said, "view": None}],
        "leads": [{**said, "start_s": 90.0, "end_s": 93.0, "view": None}],
        "searched": {"queries": ["bands"], "lanes": {}, "looked": []},
        "notes": [f"note {EVIL}"], "receipt": receipt,
    }  # fmt: skip
    return RunRecord(
        id="3fa29b1c" * 4, asked_at=ASKED_AT, question=QUESTION, answer=answer, ledger=receipt,
        trace=trace,
    )  # fmt: skip


SECONDS = 100


def _make_video(path: Path) -> None:
    """100 s, 4 frames a second: the left half is 2 * second bright, the right half is white."""
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=4, options={"preset": "ultrafast", "crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(SECONDS * 4):
            picture = np.full((360, 640, 3), 255, np.uint8)
            picture[:, :320] = 2 * (number // 4)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("replay")
    _make_video(folder / "shades.mp4")
    with Library.open(folder / "library", Settings(offline=True), create=True) as made:
        assert made.index([folder / "shades.mp4"], only={StageName.SHOTS}).ok
        yield made


@pytest.fixture(scope="module")
def record(library: Library) -> RunRecord:
    video = library.videos()[0]
    return looked_run(video.id, video.path)


@pytest.fixture(scope="module")
def written(library: Library, record: RunRecord) -> str:
    return page(library, record)


class Parsed(html.parser.HTMLParser):
    """A page's elements, its words and what its scripts hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._within: str = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._within = tag if tag in self.raw else ""

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.raw[self._within].append(data)
        elif data.strip():
            self.words.append(data.strip())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _pixels(source: str | None) -> npt.NDArray[np.uint8]:
    assert source is not None
    jpeg = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def test_the_page_shows_the_whole_run(written: str) -> None:
    words = Parsed(written).words
    seen = printable(EVIL)
    for line in [
        f"saw 0:14.5-0:21.5 (0.80): red bands {seen}",
        "no usable reply: truncated",
        "look closer, by the model, confidence 0.40",
        f"read it {seen}",
        "2 frames, 640x360, part of the picture",
        "call look L2: unknown tokens of at most 1,360, 1.2 s",
        "looked at 3 views",
        "3,840 of 16,000 tokens",
        "look 2,900",
        "unspent 12,160",
        f'"painted red {seen}"',
        "estimated",
        "kept reply",
        "300 over price",
    ]:
        assert line in words, line


def test_nothing_found_in_videos_or_said_by_models_becomes_markup(written: str) -> None:
    parsed = Parsed(written)
    assert [script.get("type") for script in parsed.named("script")] == ["application/json", None]
    assert {image["src"].split(",")[0] for image in parsed.named("img") if image["src"]} == {
        "data:image/jpeg;base64"
    }
    for tag, attributes in parsed.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert str(attributes.get("href", "#")).startswith(("#", "file:///"))
        assert tag not in {"iframe", "object", "embed", "form", "link", "base"}
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", written)


def test_the_policy_allows_the_pages_own_style_and_script_alone(written: str) -> None:
    parsed = Parsed(written)
    (policy,) = [
        str(meta["content"])
        for meta in parsed.named("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    style, script = "".join(parsed.raw["style"]), parsed.raw["script"][-1]
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
    }


def test_the_page_holds_the_run_as_json(written: str, record: RunRecord) -> None:
    data = json.loads(Parsed(written).raw["script"][0])
    assert data["trace"] == record.trace
    assert data["answer"] == record.answer
    assert data["question"] == QUESTION


def test_the_frames_are_those_of_their_times_and_crops(written: str) -> None:
    images = Parsed(written).named("img")
    assert Counter(str(image["alt"]).split(",")[0] for image in images) == {
        "E1": 1, "E2": 1, "W1": 1, "L1": 4, "L2": 3, "L3": 2,
    }  # fmt: skip
    whole = [_pixels(image["src"]) for image in images if str(image["alt"]).startswith("L1")]
    assert [shown.shape for shown in whole] == [(180, 320, 3)] * 4
    for shown, second in zip(whole, [15, 17, 19, 21], strict=True):
        assert abs(shown[20:160, 20:140].mean() - 2 * second) < 3
        assert shown[20:160, 180:300].mean() > 252
    zoomed = next(_pixels(image["src"]) for image in images if str(image["alt"]).startswith("L3"))
    assert zoomed.shape == (180, 320, 3)
    assert abs(zoomed[:, :150].mean() - 34) < 3


def _stacked(video_id: str) -> dict[str, Any]:
    """A view of a contact sheet, then stamped frames of two sizes."""
    groups: list[dict[str, Any]] = [
        {"times": [1.0, 10.0, 20.0, 30.0, 40.0], "width": 64, "height": 36, "columns": 3},
        {"times": [50.0, 60.0], "width": 160, "height": 90, "columns": 0},
        {"times": [70.0], "width": 640, "height": 360, "columns": 0},
    ]
    times = [time for group in groups for time in group["times"]]
    return _view("L1", video_id, times, pictures=groups, stamped=True, width=640, height=360)


def _only(record: RunRecord, *views: dict[str, Any]) -> RunRecord:
    """The run with a single round of these views, all of them seen."""
    selected = {"event": "selected", "round": 1, "views": list(views), "left": 9, "limit": 99}
    trace: list[dict[str, Any]] = [
        selected,
        *({"event": "observed", "observation": _saw(v, "it")} for v in views),
    ]
    return replace(record, trace=[{"at": ASKED_AT, **event} for event in trace])


def test_pictures_are_shown_as_they_were_sent(library: Library, record: RunRecord) -> None:
    view = _stacked(library.videos()[0].id)
    parsed = Parsed(page(library, _only(record, view)))
    sizes = "5 frames on 1 contact sheet, 64x36; 2 frames with seconds drawn in, 160x90; "
    assert f"{sizes}1 frame with seconds drawn in, 640x360" in parsed.words
    images = [image for image in parsed.named("img") if str(image["alt"]).startswith("L1")]
    assert [(image["width"], image["height"]) for image in images] == [
        ("196", "74"), ("160", "90"), ("160", "90"), ("320", "180"),
    ]  # fmt: skip
    sheet, *frames = [_pixels(image["src"]) for image in images]
    assert "contact sheet, 5 frames, 0:01.0-0:40.0" in parsed.words
    # its frames in rows of three, 2 px apart, the last place empty
    for place, second in enumerate([1, 10, 20, 30, 40]):
        top, left = 38 * (place // 3), 66 * (place % 3)
        assert abs(sheet[top + 4 : top + 18, left + 4 : left + 28].mean() - 2 * second) < 4
    assert sheet[42:, 136:].max() < 12
    # byte for byte what a model is sent
    item = SheetItem(
        video_id=view["video_id"],
        times=(1.0, 10.0, 20.0, 30.0, 40.0),
        width=64,
        height=36,
        columns=3,
    )
    parts = Viewer(library).parts(Shown(items=(item,)))
    (picture,) = [part for part in parts if isinstance(part, Picture)]
    assert str(images[0]["src"]).endswith(base64.b64encode(picture.jpeg).decode())
    # the seconds of single frames stand bottom right: white on a dark plate
    for frame in frames:
        assert frame[: -frame.shape[0] // 4, : frame.shape[1] // 2 - 8].max() < 160
        corner = frame[-9:, -24:]
        assert corner.min() < 40 and corner.max() > 200


def test_sheets_are_left_out_whole_and_counted(library: Library, record: RunRecord) -> None:
    video_id = library.videos()[0].id
    cells = [{"times": [t + i for i in range(4)], "width": 64, "height": 36, "columns": 2}
             for t in (1.0, 11.0, 21.0)]  # fmt: skip
    sheets = _view("L1", video_id, [1.0, 24.0], pictures=cells, width=64, height=36)
    frames = [_view(f"L{n}", video_id, [t / 2 for t in range(150)]) for n in (2, 3)]
    parsed = Parsed(page(library, _only(record, sheets, *frames)))
    images = Counter(str(image["alt"]).split(",")[0] for image in parsed.named("img"))
    room = 200 - 3
    assert images == {"E1": 1, "E2": 1, "W1": 1, "L1": 3, "L2": (room - 3) // 2, "L3": 97}
    pictures = Pictures(library, most_frames=1)
    size: dict[str, Any] = {"size": (64, 36), "columns": 2}
    assert pictures.sheet(video_id, [1.0, 2.0], **size, most=0) is None
    assert pictures.sheet(video_id, [1.0, 2.0], **size) is not None
    assert pictures.sheet(video_id, [3.0, 4.0, 5.0], **size) is None
    assert pictures.left_out == 5


def test_times_lead_into_the_file(written: str, library: Library) -> None:
    uri = library.videos()[0].path.as_uri()
    links = [str(link["href"]) for link in Parsed(written).named("a")]
    assert f"{uri}#t=14.5" in links
    assert f"{uri}#t=16.0" in links
    targets = {link[1:] for link in links if link.startswith("#")}
    ids = {
        str(attributes["id"]) for _, attributes in Parsed(written).elements if "id" in attributes
    }
    assert {"E1", "E2", "L1", "L2", "L3"} == targets
    assert targets <= ids


def test_a_long_run_is_thinned_and_says_so(library: Library, record: RunRecord) -> None:
    views = [
        _view(f"L{look}", record.trace[3]["views"][0]["video_id"], [t / 4 for t in range(150)])
        for look in range(1, 4)
    ]
    selected = {
        "event": "selected",
        "round": 1,
        "views": views,
        "left": 9,
        "limit": 16_000,
        "at": 0,
    }
    answer = {**record.answer, "leads": []}
    text = page(library, replace(record, trace=[selected], answer=answer))
    images = [str(image["alt"]).split(",")[0] for image in Parsed(text).named("img")]
    assert Counter(images) == {"E1": 1, "E2": 1, "L1": 66, "L2": 66, "L3": 66}
    assert "84 frames left out to keep this page small" in Parsed(text).words
    assert "252 frames left out of this page." in Parsed(text).words


def test_a_video_that_is_gone_has_a_note_in_its_place(
    library: Library, record: RunRecord, tmp_path: Path
) -> None:
    with Library.open(shutil.copytree(library.root, tmp_path / "library")) as alone:
        path = alone.videos()[0].path
        hidden = path.rename(path.with_suffix(".hidden"))
        try:
            parsed = Parsed(page(alone, record))
        finally:
            hidden.rename(path)
    assert parsed.named("img") == []
    notes = [line for line in parsed.words if line.startswith("no pictures: ")]
    assert len(notes) == 3
    assert str(path) in notes[0]


def test_a_run_whose_video_was_removed_can_be_shown(library: Library, record: RunRecord) -> None:
    other = looked_run("0" * 64, Path("/nowhere/gone.mp4"))
    parsed = Parsed(page(library, other))
    assert parsed.named("img") == []
    assert "video 00000000" in parsed.words
    assert "saw 0:16.5-0:17.6 (0.80): three bands" in parsed.words


def test_a_run_from_before_there_were_looks(library: Library, record: RunRecord) -> None:
    keys = ("supported", "receipt")
    answer = {key: value for key, value in record.answer.items() if key not in keys}
    quote = {"claim", "view"}
    piece = {key: value for key, value in answer["evidence"][1].items() if key not in quote}
    answer |= {"mode": "evidence", "evidence": [piece], "leads": []}
    trace = [
        {"event": "planned", "queries": ["bands"], "at_s": 0.01},
        {"event": "retrieved", "rows": 1, "lanes": {"speech": "searched"}, "at_s": 0.4},
        {"event": "drafted", "abstained": False, "confidence": 0.7, "at_s": 0.5},
        {"event": "verified", "evidence": 1, "notes": [], "at_s": 0.6},
    ]
    parsed = Parsed(page(library, replace(record, answer=answer, ledger={}, trace=trace)))
    assert "quoted, nothing looked at the pictures" in parsed.words
    assert "1 moment" in parsed.words
    assert "0.6 s" in parsed.words
    assert "Tokens" not in parsed.words
    assert len(parsed.named("img")) == 1


@given(st.text())
def test_any_text_comes_back_as_text(text: str) -> None:
    parsed = Parsed(element("p", text, title=text, class_=None))
    assert parsed.elements == [("p", {"title": printable(text)})]
    assert "".join(parsed.words) == printable(text).strip()


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(0, 200))
def test_looks_share_the_frames_of_a_page_evenly(counts: list[int], most: int) -> None:
    shares = shared(counts, most)
    assert all(0 <= share <= count for share, count in zip(shares, counts, strict=True))
    assert sum(shares) <= most
    if sum(counts) <= most:
        assert shares == counts
    cut = [share for share, count in zip(shares, counts, strict=True) if share < count]
    assert not cut or max(shares) - min(cut) <= len(counts)


@given(st.lists(st.floats(0, 1e5), max_size=60, unique=True).map(sorted), st.integers(0, 80))
def test_thinning_keeps_the_order_and_the_ends(times: list[float], count: int) -> None:
    kept = thinned(times, count)
    assert len(kept) == min(count, len(times))
    assert kept == sorted(set(kept))
    assert set(kept) <= set(times)
    if len(kept) >= 2:
        assert (kept[0], kept[-1]) == (times[0], times[-1])


def test_the_bytes_of_a_page_are_bounded(library: Library) -> None:
    video_id = library.videos()[0].id
    pictures = Pictures(library, most_bytes=1)
    assert len(pictures.of(video_id, [1.0])) == 1
    assert pictures.of(video_id, [2.0, 3.0]) == []
    assert pictures.left_out == 2


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
class TestBrowser:
    """The page in headless Chromium."""

    @staticmethod
    def _open(target: Path, *options: str) -> "subprocess.CompletedProcess[str]":
        profile = target.parent / "profile"
        return subprocess.run(
            [
                str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--user-data-dir={profile}", "--window-size=1000,2400", "--enable-logging=stderr",
                "--host-resolver-rules=MAP * ~NOTFOUND", *options, target.as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip

    def test_its_script_runs_and_no_other(self, written: str, tmp_path: Path) -> None:
        target = tmp_path / "run.html"
        target.write_text(written, encoding="utf-8")
        done = self._open(target, "--dump-dom")
        assert "CONSOLE" not in done.stderr
        parsed = Parsed(done.stdout)
        assert {"class": "script"} in parsed.named("body")
        assert {"Fold all", "Unfold all", "Save as JSON"} <= set(parsed.words)
        assert len(parsed.named("script")) == 2
        assert len(parsed.named("figure")) == 12

    def test_injected_script_is_refused_by_the_policy(self, written: str, tmp_path: Path) -> None:
        """Were escaping ever to fail: the policy says no, and the browser says so."""
        target = tmp_path / "run.html"
        bad = "<script>document.title = 'taken'</script></body>"
        target.write_text(written.replace("</body>", bad), encoding="utf-8")
        done = self._open(target, "--dump-dom")
        assert "Content Security Policy" in done.stderr
        assert "<title>taken</title>" not in done.stdout

    def test_it_can_be_read_without_script(self, written: str, tmp_path: Path) -> None:
        target = tmp_path / "run.html"
        without = re.sub(r"<script.*?</script>", "", written, flags=re.DOTALL)
        target.write_text(without, encoding="utf-8")
        picture = tmp_path / "page.png"
        self._open(target, f"--screenshot={picture}")
        shown = np.asarray(Image.open(picture).convert("RGB")).astype(int)
        shade = np.abs(shown - 2 * 15).max(axis=2) <= 3  # left half of the frame at 15 s
        accent = np.abs(shown - np.array([0x0B, 0x6E, 0x76])).max(axis=2) <= 1
        assert shade.sum() > 2000
        assert accent.sum() > 500
