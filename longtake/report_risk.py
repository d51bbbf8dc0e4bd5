"""Risk over coverage as a drawing: how often answers are wrong when only the surest are taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from longtake.replay_html import Html, element
from longtake.report_chart import (
    BOTTOM,
    COLOURS,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    across,
    keyed,
    number,
    percent_lines,
)

STEPS = (0, 25, 50, 75, 100)
"""Percent that are marked on either axis."""


def risk_chart(runs: Sequence[Mapping[str, Any]], name: str) -> Html:
    """The curves of some runs and a key to switch them; nothing where no answer says how sure it
    is.

    Args:
        runs: as `longtake.documents_eval.run` makes them.
        name: tells this drawing's curves from those of others on the page.
    """
    drawn = [run for run in runs if run["risk_coverage"] is not None]
    if not drawn:
        return Html("")
    parts = percent_lines(STEPS, _y)
    parts += [
        element("text", f"{step}", x=number(_x(step / 100)), y=HEIGHT - 22, text_anchor="middle")
        for step in STEPS
    ]
    parts.append(across("coverage: share of answers taken, the surest first, %; risk: wrong, %"))
    for place, run in enumerate(drawn):
        parts += _curve(run, place, f"{name}-{place}")
    svg = element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label="Share of wrong answers over the share of answers taken",
    )
    areas = [run["calibration"]["risk_area"] for run in drawn]
    names = [f"{run['label']}, area {area:.3f}" for run, area in zip(drawn, areas, strict=True)]
    return keyed(svg, {f"{name}-{place}": said for place, said in enumerate(names)})


def _curve(run: Mapping[str, Any], place: int, name: str) -> list[Html]:
    curve = run["risk_coverage"]
    points = list(zip(curve["coverage"], curve["risk"], strict=True))
    dashed = "" if place < COLOURS else " dashed"
    line = " ".join(f"{number(_x(covered))},{number(_y(risk))}" for covered, risk in points)
    last, said = points[-1], f"{run['label']}, all answers: {100 * points[-1][1]:.1f}% wrong"
    return [
        element(
            "polyline", points=line, class_=f"curve s{place % COLOURS}{dashed}", data_curve=name
        ),
        element(
            "circle",
            element("title", said),
            cx=number(_x(last[0])),
            cy=number(_y(last[1])),
            r=4.5,
            class_=f"n{place % COLOURS}",
            data_curve=name,
        ),
    ]


def _x(coverage: float) -> float:
    return LEFT + coverage * (WIDTH - LEFT - RIGHT)


def _y(risk: float) -> float:
    return HEIGHT - BOTTOM - risk * (HEIGHT - TOP - BOTTOM)
