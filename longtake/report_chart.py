"""Accuracy over tokens as a drawing with confidence bands."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from longtake.replay_html import Html, element, joined

if TYPE_CHECKING:
    from longtake.eval.areas import Curve

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 14, 44
COLOURS = 6
"""Curves of a colour; those beyond are dashed."""


def chart(curves: Sequence["Curve"], name: str = "curve") -> Html:
    """The curves, a key to switch them, and axes: tokens by doublings, accuracy in percent.

    Args:
        name: tells this drawing's curves from those of others on the page.
    """
    drawn = [c for c in curves if any(point is not None for point in c.points)]
    if not drawn:
        return element("p", "No truth is known here, so there is nothing to draw.", class_="quiet")
    budgets = sorted({budget for curve in drawn for budget in curve.budgets})
    scale = _Scale(drawn, budgets)
    parts = [*_axes(scale, budgets)]
    for place, curve in enumerate(drawn):
        parts += _curve(curve, place, scale, f"{name}-{place}")
    svg = element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label="Strict accuracy over the budget in tokens",
    )
    return keyed(
        svg, {f"{name}-{place}": _named(curve, drawn) for place, curve in enumerate(drawn)}
    )


def keyed(svg: Html, names: Mapping[str, str]) -> Html:
    """A drawing beside the key that switches its curves.

    Args:
        names: what a curve's parts have as `data-curve` -> what it is called.
    """
    keys = [
        element(
            "button",
            element("i", class_=f"swatch n{place % COLOURS}"),
            f" {name}" + ("" if place < COLOURS else " (dashed)"),
            type="button",
            data_curve=curve,
            aria_pressed="true",
            title="show or hide",
        )
        for place, (curve, name) in enumerate(names.items())
    ]
    return element("div", svg, element("div", *keys, class_="key"), class_="chart")


def _named(curve: "Curve", others: Sequence["Curve"]) -> str:
    """The curve's name, with its number of samples where that is not the others'."""
    counts = [max(p.n for p in c.points if p is not None) for c in others]
    own = counts[list(others).index(curve)]
    return curve.name if own == max(counts) else f"{curve.name}, {own} of {max(counts)} samples"


class _Scale:
    def __init__(self, curves: Sequence["Curve"], budgets: Sequence[int]) -> None:
        seen = [
            value
            for curve in curves
            for p in curve.points
            if p is not None
            for value in (p.value, p.low, p.high)
            if value is not None
        ]
        self.low: float = max(0.0, float(np.floor(10 * (min(seen) - 0.02))) / 10)
        self.high: float = min(1.0, float(np.ceil(10 * (max(seen) + 0.02))) / 10)
        self._first, self._last = float(np.log2(budgets[0])), float(np.log2(budgets[-1]))

    def x(self, budget: int) -> float:
        """Across."""
        if self._last == self._first:
            return (LEFT + WIDTH - RIGHT) / 2
        share = (float(np.log2(budget)) - self._first) / (self._last - self._first)
        return LEFT + 14 + share * (WIDTH - LEFT - RIGHT - 28)

    def y(self, value: float) -> float:
        """Down."""
        share = (value - self.low) / max(1e-9, self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _axes(scale: _Scale, budgets: Sequence[int]) -> list[Html]:
    steps = max(1, round((scale.high - scale.low) * 10))
    values = [scale.low + step * (scale.high - scale.low) / steps for step in range(steps + 1)]
    parts = percent_lines([100 * value for value in values], scale.y)
    for budget in budgets:
        x = number(scale.x(budget))
        parts.append(element("text", tokens(budget), x=x, y=HEIGHT - 22, text_anchor="middle"))
    parts.append(across("budget of a question in tokens; strict accuracy in percent"))
    return parts


def percent_lines(percents: Sequence[float], down: Callable[[float], float]) -> list[Html]:
    """A line across and its number at each of some percentages.

    Args:
        down: where in the drawing a share is.
    """
    parts = []
    for percent in percents:
        y = down(percent / 100)
        at = number(y)
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="axis"))
        said = f"{percent:.0f}"
        parts.append(element("text", said, x=LEFT - 8, y=number(y + 4), text_anchor="end"))
    return parts


def across(words: str) -> Html:
    """What the axes are, below a drawing."""
    return element("text", words, x=WIDTH // 2, y=HEIGHT - 4, text_anchor="middle")


def tokens(budget: int) -> str:
    """`4k` for 4,000."""
    return f"{budget // 1000}k" if budget % 1000 == 0 else f"{budget:,}"


def _curve(curve: "Curve", place: int, scale: _Scale, name: str) -> list[Html]:
    points = [
        (scale.x(budget), point)
        for budget, point in zip(curve.budgets, curve.points, strict=True)
        if point is not None
    ]
    colour = place % COLOURS
    dashed = "" if place < COLOURS else " dashed"
    parts = []
    banded = [(x, p.low, p.high) for x, p in points if p.low is not None and p.high is not None]
    if len(banded) > 1:
        above = [f"{number(x)},{number(scale.y(high))}" for x, _, high in banded]
        below = [f"{number(x)},{number(scale.y(low))}" for x, low, _ in reversed(banded)]
        parts.append(
            element(
                "polygon",
                points=" ".join(above + below),
                class_=f"band n{colour}",
                data_curve=name,
            )
        )
    line = " ".join(f"{number(x)},{number(scale.y(p.value))}" for x, p in points)
    parts.append(
        element("polyline", points=line, class_=f"curve s{colour}{dashed}", data_curve=name)
    )
    for (x, point), budget in zip(points, curve.budgets, strict=False):
        said = f"{curve.name}, {tokens(budget)}: {100 * point.value:.1f}%"
        if point.low is not None and point.high is not None:
            said += f" ({100 * point.low:.1f} to {100 * point.high:.1f})"
            if len(banded) == 1:
                parts.append(_whisker(x, point.low, point.high, place, scale, name))
        parts.append(
            element(
                "circle",
                element("title", said),
                cx=number(x),
                cy=number(scale.y(point.value)),
                r=4.5,
                class_=f"n{colour}",
                data_curve=name,
            )
        )
    return parts


def _whisker(x: float, low: float, high: float, place: int, scale: _Scale, name: str) -> Html:
    return element(
        "line",
        x1=number(x),
        x2=number(x),
        y1=number(scale.y(low)),
        y2=number(scale.y(high)),
        class_=f"curve s{place % COLOURS}",
        data_curve=name,
    )


def number(value: float) -> str:
    """As coordinates are written."""
    return f"{value:.1f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    """A table that scrolls sideways where it must."""
    top = element("tr", *(element("th", name, scope="col") for name in head))
    body = joined(element("tr", *(element("td", cell) for cell in row)) for row in rows)
    return element(
        "div", element("table", element("thead", top), element("tbody", body)), class_="wide"
    )
