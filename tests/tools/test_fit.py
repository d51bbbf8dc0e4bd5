"""Views made to fit an allowance: what gives way, in which order, and what is told of it."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.timing import Span
from longtake.tools.fit import LOOK, OVERVIEW, ZOOM, Detail, contact_sheets, evenly, fit
from longtake.tools.read import TextItem
from longtake.tools.view import Shape, View, fitted_size, spread_times

spans = st.tuples(st.floats(0, 40_000), st.floats(0.2, 40_000)).map(
    lambda pair: Span(pair[0], pair[0] + pair[1])
)
sizes = st.tuples(st.integers(16, 4000), st.integers(16, 4000))
details = st.sampled_from([OVERVIEW, LOOK, ZOOM])


def patches(view: View) -> int:
    """Tokens by the rule of 28-pixel patches."""
    return sum(
        math.ceil(width / 28) * math.ceil(height / 28)
        for width, height in (item.pixels for item in view.pictures)
    )


def wanted(span: Span, size: tuple[int, int], detail: Detail) -> View:
    width, height = fitted_size(*size, detail.longest_sides[0])
    shape = Shape(times=spread_times(span, detail.frames(span)), width=width, height=height)
    return View(items=shape.items("v"))


@settings(deadline=None)
@given(spans, sizes, details, st.integers(0, 20_000))
def test_a_view_never_costs_more_than_its_allowance(
    span: Span, size: tuple[int, int], detail: Detail, allowance: int
) -> None:
    view = wanted(span, size, detail)
    made = fit(
        view,
        allowance,
        price=patches,
        detail=detail,
        times=lambda count: spread_times(span, count),
    )
    if made is None:
        width, height = fitted_size(*view.pictures[0].pixels, detail.longest_sides[-1])
        shape = Shape(times=spread_times(span, detail.least_frames), width=width, height=height)
        assert patches(View(items=shape.items("v"))) > allowance
        return
    assert made.price == patches(made.view) <= allowance
    assert detail.least_frames <= len(made.view.times) <= detail.most_frames
    assert made.lost.frames == (len(made.view.times), len(view.times))
    assert bool(made.lost) == (made.view != view)
    assert list(made.view.times) == list(spread_times(span, len(made.view.times)))


def test_size_gives_way_before_frames_in_two_rounds() -> None:
    """The order of the documented rule, one step cheaper each time."""
    span, view = Span(0.0, 8.0), wanted(Span(0.0, 8.0), (1280, 720), LOOK)
    seen: list[tuple[int, int]] = []

    def never(tried: View) -> int:
        seen.append((len(tried.times), tried.pictures[0].pixels[0]))
        return 1

    assert fit(view, 0, price=never, detail=LOOK, times=lambda n: spread_times(span, n)) is None
    assert seen == [
        *((8, 448), (8, 336), (4, 448), (4, 336)),
        *((8, 224), (8, 168), (4, 224), (4, 168)),
        *((2, 448), (2, 336), (2, 224), (2, 168)),
        *((1, 448), (1, 336), (1, 224), (1, 168)),
    ]


def test_more_tokens_show_more() -> None:
    view = wanted(Span(0.0, 8.0), (1280, 720), LOOK)
    seen = [fit(view, tokens, price=patches, detail=LOOK) for tokens in (20, 60, 200, 500, 2000)]
    pixels = [
        0 if s is None else sum(w * h for w, h in (item.pixels for item in s.view.pictures))
        for s in seen
    ]
    assert pixels == sorted(pixels) and pixels[0] == 0 and pixels[-1] == 8 * 448 * 252


def test_what_is_lost_is_told() -> None:
    view = wanted(Span(0.0, 8.0), (1280, 720), LOOK)
    made = fit(view, 4 * 12 * 7, price=patches, detail=LOOK)
    assert made is not None
    assert str(made.lost) == "4 of 8 frames, 336 px instead of 448 px"
    whole = fit(view, 10_000, price=patches, detail=LOOK)
    assert whole is not None and not whole.lost and str(whole.lost) == "nothing"


def test_frames_that_were_chosen_are_thinned_not_moved() -> None:
    shape = Shape(times=(1.0, 2.0, 50.0, 51.0, 90.0, 99.0, 100.0, 120.0), width=448, height=252)
    said = TextItem(text="words", span=Span(1.0, 2.0), lane="speech")
    view = View(items=(said, *shape.items("v")))
    made = fit(view, 4 * 12 * 7, price=patches, detail=LOOK)
    assert made is not None
    assert made.view.times == (2.0, 51.0, 99.0, 120.0)
    assert made.view.lines == (said,)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 16), st.integers(1, 40), st.integers(0, 3000))
def test_sheets_are_refilled_when_frames_go(
    count: int, most: int, least: int, allowance: int
) -> None:
    times = [float(i) for i in range(count)]
    view = View(items=contact_sheets("v", times, (168, 94), most))
    assert view.times == tuple(times)
    assert max(len(item.times) for item in view.pictures) <= most
    detail = Detail(most_frames=60, least_frames=least, longest_sides=(168, 84), per_second=1.0)
    made = fit(view, allowance, price=patches, detail=detail)
    if made is not None:
        kept = len(made.view.times)
        assert patches(made.view) <= allowance and kept >= min(least, count)
        assert len(made.view.pictures) <= math.ceil(kept / max(1, min(most, count) // 2))


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_indices_are_spread_evenly(pair: tuple[int, int]) -> None:
    total, count = pair
    kept = evenly(total, count)
    assert len(set(kept)) == count and kept == sorted(kept)
    steps = {b - a for a, b in itertools.pairwise(kept)}
    assert not steps or max(steps) - min(steps) <= 1
    assert abs(kept[0] - (total - 1 - kept[-1])) <= 1


@pytest.mark.parametrize(("count", "sizes"), [(16, [16]), (20, [10, 10]), (33, [11, 11, 11])])
def test_sheets_are_filled_alike(count: int, sizes: list[int]) -> None:
    made = contact_sheets("v", [float(i) for i in range(count)], (168, 94), 16)
    assert [len(item.times) for item in made] == sizes
