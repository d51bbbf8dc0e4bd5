"""Overviews: single frames or contact sheets, by what a backend counts."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.overview import LEAST_CELL_TOKENS, Stretch, changes_in, overview
from longtake.tools.view import FrameItem, SheetItem, View
from longtake.tools.vlm.families import family_named, family_of_processor
from longtake.tools.vlm.pricing import Pricer
from longtake.tools.vlm.text_tokens import BoundCounter
from longtake.tools.vlm.tokens import Family

STRETCH = Stretch(video_id="v", span=Span(0.0, 3600.0), size=(1280, 720), changes=(100.0, 110.0))


def priced(family: Family, *, as_video: bool = False) -> Pricer:
    return Pricer(family, BoundCounter(), as_video=as_video, exact=False)


def sheets(view: View) -> bool:
    return all(isinstance(item, SheetItem) for item in view.pictures)


@pytest.mark.parametrize(
    ("family", "as_video", "on_sheets"),
    [
        ("gemma3", False, True),  # every picture costs the same
        ("gpt-4o", False, True),  # large tiles
        ("gemini-2", False, True),
        ("smolvlm2-500m", False, True),  # every image is scaled up
        ("qwen2.5-vl", False, False),  # pays by the pixel
        ("claude", False, False),
        ("qwen2.5-vl", True, False),  # two frames of a video share their tokens
        ("gemma4", False, True),
    ],
)
def test_sheets_are_used_where_a_frame_on_them_is_cheaper(
    family: str, as_video: bool, on_sheets: bool
) -> None:
    model = priced(family_named(family), as_video=as_video)
    made = overview(STRETCH, 6000, price=lambda view: model_price(model, view))
    assert made is not None
    assert sheets(made.view) is on_sheets
    assert made.price == model_price(model, made.view) <= 6000
    assert list(made.view.times) == list(STRETCH.times(len(made.view.times)))


def model_price(model: Pricer, view: View) -> int:
    return view.price(model).total


@pytest.mark.parametrize("family", ["gemma3", "gpt-4o", "gemini-2", "smolvlm2-500m"])
def test_on_sheets_more_is_seen_for_the_same_tokens(family: str) -> None:
    model = priced(family_named(family))
    for allowance in (1500, 3000, 6000):
        made = overview(STRETCH, allowance, price=lambda view: model_price(model, view))
        assert made is not None and sheets(made.view)
        single = View(items=(FrameItem(video_id="v", time=9.0, width=336, height=188),))
        frames = allowance // model_price(model, single)
        assert len(made.view.times) > 1.5 * frames
        visual = made.view.price(model).visual
        assert visual / len(made.view.times) >= LEAST_CELL_TOKENS


def test_a_model_that_shrinks_every_picture_gets_single_frames(tiny_vlm: Path) -> None:
    """The tiny model makes any picture six patches: a sheet would be cheap, and unreadable."""
    model = priced(family_of_processor(tiny_vlm))
    made = overview(STRETCH, 4000, price=lambda view: model_price(model, view))
    assert made is not None and not sheets(made.view)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["gemma3", "qwen2.5-vl", "gpt-4o", "claude"]),
    st.integers(0, 9000),
    st.lists(st.floats(0, 3600), max_size=10),
)
def test_an_overview_never_exceeds_its_allowance(
    family: str, allowance: int, changes: list[float]
) -> None:
    model = priced(family_named(family))
    stretch = Stretch(video_id="v", span=Span(0.0, 3600.0), size=(640, 480), changes=changes)
    made = overview(stretch, allowance, price=lambda view: model_price(model, view))
    if made is not None:
        assert model_price(model, made.view) <= allowance
        times = made.view.times
        assert list(times) == sorted(times) and 4 <= len(times) <= 64


def test_changes_are_cuts_and_new_text(lecture_library: Path) -> None:
    with Library.open(lecture_library) as library:
        video = library.videos()[0]
        span = Span(10.0, video.duration - 10.0)
        found = changes_in(library, video.id, span)
        cuts = [s.start for s in library.shots(video.id) if span.start < s.start < span.end]
        texts = [c.cue.start for c in library.cues(video.id, span)]
    assert found == sorted(found) and set(cuts) <= set(found)
    assert set(found) <= {*cuts, *texts}
    assert all(span.start < time < span.end for time in found)
