"""Views of the state and views of the tools: one becomes the other and nothing is lost."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from longtake import Agent, Library, Settings
from longtake.agent.look import observations_of
from longtake.agent.replies import LookReply
from longtake.agent.sightings import frame_gap
from longtake.agent.state import View, Wish
from longtake.agent.views import Place, shown_of, view_of
from longtake.index.lanes import StageName
from longtake.run_story import story_of
from longtake.tools.fit import contact_sheets
from longtake.tools.view import Shape, box_of
from longtake.tools.view import View as Shown
from longtake.tools.vlm.messages import Picture, Price, Request
from tests.agent.seeing import COLOURS, Eyes
from tests.data.colours import write_colours

WISH: Wish = {
    "video_id": "v",
    "start": 10.0,
    "end": 50.0,
    "crop": None,
    "kind": "look",
    "why": "to see",
}
PLACE = Place(number=3, round=2, part="anchor")
times = st.lists(st.floats(10, 50), min_size=1, max_size=40).map(lambda made: tuple(sorted(made)))


@settings(deadline=None)
@given(times, st.sampled_from([None, [0.1, 0.2, 0.5, 0.9]]), st.booleans())
def test_frames_survive_the_state(
    seconds: tuple[float, ...], crop: list[float] | None, stamped: bool
) -> None:
    shape = Shape(times=seconds, width=64, height=36, stamped=stamped)
    box = box_of(crop) if crop is not None else None
    shown = Shown(items=shape.items("v", box), why="to see")
    view = json.loads(json.dumps(view_of(shown, WISH, PLACE)))
    assert shown_of(view) == shown
    assert (view["id"], view["round"], view["part"]) == ("L3", 2, "anchor")


@settings(deadline=None)
@given(times, st.integers(1, 16))
def test_sheets_survive_the_state(seconds: tuple[float, ...], most: int) -> None:
    shown = Shown(items=contact_sheets("v", seconds, (64, 36), most), why="to see")
    view = json.loads(json.dumps(view_of(shown, WISH, PLACE)))
    assert shown_of(view) == shown
    assert view["times"] == list(seconds) and view["crop"] is None


def view(**more: Any) -> View:
    shape = Shape(times=(12.0, 14.0, 16.0, 18.0), width=64, height=36)
    made = view_of(Shown(items=shape.items("v")), {**WISH, "start": 11.0, "end": 19.0}, PLACE)
    made.update(cast(View, more))
    return made


def closer_of(shown: View, **closer: Any) -> Wish | None:
    reply = LookReply(relevant=True, claim="A note.", closer=closer)
    return observations_of(shown, reply)[0]["closer"]


def test_a_box_asked_for_in_a_crop_is_found_in_the_picture() -> None:
    wish = closer_of(view(crop=[0.5, 0.0, 1.0, 0.5]), box=[0.4, 0.4, 0.6, 0.6])
    assert wish is not None and wish["crop"] == pytest.approx([0.69, 0.19, 0.81, 0.31])
    assert (wish["start"], wish["end"]) == (11.0, 19.0)


def test_a_box_on_a_contact_sheet_is_no_place_in_a_picture() -> None:
    sheet = {"times": [12.0, 14.0, 16.0, 18.0], "width": 64, "height": 36, "columns": 2}
    assert closer_of(view(pictures=[sheet]), box=[0.4, 0.4, 0.6, 0.6]) is None
    wish = closer_of(view(pictures=[sheet]), box=[0.4, 0.4, 0.6, 0.6], start=12.0, end=13.0)
    assert wish is not None and wish["crop"] is None


def test_what_cannot_be_met_is_dropped() -> None:
    assert closer_of(view(), start=500.0, end=600.0) is None
    assert closer_of(view(), start=11.0, end=19.0) is None
    assert closer_of(view(), box=[2.0, 2.0, 3.0, 3.0]) is None


def test_gaps_are_those_around_a_second() -> None:
    even = view()
    assert frame_gap(even) == frame_gap(even, 15.0) == frame_gap(even, 11.1) == 2.0
    uneven = view(times=[11.5, 12.0, 18.0, 18.5])
    assert frame_gap(uneven) == 6.0
    assert frame_gap(uneven, 15.0) == 6.0 and frame_gap(uneven, 11.7) == 0.5


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    place = tmp_path_factory.mktemp("sheets")
    write_colours(place / "signal.mp4", [("red", 40.0), ("green", 8.0), ("blue", 32.0)], fps=4)
    with Library.open(place / "library", Settings(offline=True), create=True) as opened:
        assert opened.index([place / "signal.mp4"], only={StageName.SHOTS}).ok
    with Library.open(place / "library") as opened:
        yield opened


class Flat(Eyes):
    """Counts every picture alike and reads contact sheets: the colour of every place on them."""

    def __init__(self) -> None:
        super().__init__({LookReply: self._see})

    def price(self, request: Request) -> Price:
        pictures = sum(
            len(part.pictures) if hasattr(part, "pictures") else isinstance(part, Picture)
            for message in request.messages
            for part in message.parts
        )
        return replace(super().price(request), visual=258 * pictures)

    def _see(self, request: Request) -> str:
        sheets = [p for m in request.messages for p in m.parts if isinstance(p, Picture)]
        colours = {name for sheet in sheets for name in colours_on(sheet)}
        claim = f"Colours: {', '.join(sorted(colours))}."
        return json.dumps({"relevant": False, "claim": claim, "confidence": 0.2})


def colours_on(sheet: Picture) -> set[str]:
    pixels = np.asarray(Image.open(io.BytesIO(sheet.jpeg)).convert("RGB")).astype(int)
    found = set()
    for name, colour in COLOURS.items():
        near = np.abs(pixels - colour).sum(2) < 60
        if near.mean() > 0.01 and name != "black":
            found.add(name)
    return found


def test_a_model_that_counts_pictures_alike_sees_the_whole_video_on_a_sheet(
    library: Library,
) -> None:
    eyes = Flat()
    answer = Agent(library, vlm=eyes, budget=4000).ask_sync("When is the screen purple?")
    assert answer.receipt is not None and answer.receipt.spent <= 4000
    run = library.store.run(answer.run_id)
    trace = run.trace
    views = [v for event in trace if event["event"] == "selected" for v in event["views"]]
    first = views[0]
    assert first["kind"] == "overview"
    assert all(sheet["columns"] for sheet in first["pictures"])
    assert len(first["times"]) == sum(len(sheet["times"]) for sheet in first["pictures"]) >= 16
    told = story_of(run).looks[0].shape
    assert told.startswith(f"{len(first['times'])} frames on ") and "contact sheet" in told
    seen = next(e["observation"] for e in trace if e["event"] == "observed")
    assert seen["claim"] == "Colours: blue, green, red."
    sent = [
        part
        for request in eyes.asked
        for message in request.messages
        for part in message.parts
        if isinstance(part, Picture)
    ]
    assert sent and all(picture.stamped for picture in sent)
