"""Where in a video the truth lies, and what runs were sent and cited of it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from longtake.replay_html import Html, element
from longtake.timing import Span, format_time

if TYPE_CHECKING:
    from longtake.eval.records import Record
    from longtake.eval.results import Result
    from longtake.eval.samples import Sample

WIDTH = 1000
LEAST = 3.0
"""Narrowest mark in units of the drawing."""


def lanes(sample: "Sample", runs: "Sequence[tuple[Result, Record]]") -> Html:
    """Truth, and what every run was sent and cited, over the video's time."""
    video = sample.video or (sample.evidence[0].video if sample.evidence else "")
    truth = [piece.span for piece in sample.evidence if piece.video == video]
    ends = [span.end for span in truth]
    ends += [f.t_s for _, r in runs for f in r.frames if f.video == video]
    ends += [c.end_s for _, r in runs for c in r.evidence if c.video == video]
    length = max([sample.duration_s or 0.0, *ends], default=0.0)
    if not length:
        return Html("")
    cells = []
    if truth:
        cells += [element("span", "truth"), _lane(length, [("truth", s) for s in truth])]
    for result, record in runs:
        marks = [("sent", Span(f.t_s, f.t_s)) for f in record.frames if f.video == video]
        marks += [
            ("cited", Span(c.start_s, max(c.start_s, c.end_s)))
            for c in record.evidence
            if c.video == video
        ]
        cells += [element("span", result.identity.label), _lane(length, marks)]
    ends_at = element("span", f"0:00 to {format_time(length)}", class_="quiet")
    return element("div", *cells, element("span"), ends_at, class_="lanes")


def _lane(length: float, marks: Sequence[tuple[str, Span]]) -> Html:
    rects = [element("rect", class_="lane", x=0, y=2, width=WIDTH, height=12)]
    heights: Mapping[str, tuple[int, int]] = {"truth": (2, 12), "sent": (2, 6), "cited": (8, 6)}
    for kind, span in marks:
        y, height = heights[kind]
        width = max(LEAST, WIDTH * span.duration / length)
        left = min(WIDTH - width, WIDTH * span.start / length)
        rects.append(
            element(
                "rect",
                class_=kind,
                x=f"{left:.1f}",
                y=y,
                width=f"{width:.1f}",
                height=height,
            )
        )
    said = f"{len(marks)} marks between 0:00 and {format_time(length)}"
    return element(
        "svg",
        *rects,
        viewBox=f"0 0 {WIDTH} 16",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
    )
