"""Drawings of a replay page: where in each video a run looked, and where its tokens went."""

from collections.abc import Sequence
from dataclasses import dataclass

from longtake.agent.receipt import Receipt
from longtake.replay_html import Html, element, joined
from longtake.run_look import Look
from longtake.timing import Span, format_time

WIDTH = 1000
"""Units across, whatever the page's width."""
_ROWS = ("evidence", "overview", "look", "zoom")
_ROW = 16
_LEAST = 4.0
"""Narrowest mark, in units, so that it can be seen and clicked."""
_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something at a stretch of a video."""

    row: str
    """`evidence`, `overview`, `look` or `zoom`."""
    span: Span
    title: str
    target: str
    """Id of the element it leads to."""
    hit: bool = True
    """Whether it bears on the question."""


def mark_of(look: Look) -> Mark:
    """The mark of a look."""
    said = look.seen.claim if look.seen is not None and look.seen.relevant else look.why
    row = look.kind if look.kind in _ROWS else "look"
    hit = look.seen is not None and look.seen.relevant
    return Mark(row=row, span=look.span, title=f"{look.id}: {said}", target=look.id, hit=hit)


def timeline(marks: Sequence[Mark], duration: float) -> Html:
    """Rows of marks over [0, duration] seconds; each mark is a link."""
    rows = [row for row in _ROWS if any(mark.row == row for mark in marks)]
    drawn = [
        element("rect", class_="lane", x=0, y=index * _ROW + 2, width=WIDTH, height=_ROW - 4)
        for index in range(len(rows))
    ]
    drawn += [_drawn(mark, rows.index(mark.row), duration) for mark in marks]
    height = _ROW * len(rows)
    svg = element(
        "svg",
        *drawn,
        viewBox=f"0 0 {WIDTH} {height}",
        height=height,
        preserveAspectRatio="none",
        role="group",
        aria_label="Timeline",
    )
    names = element("div", *(element("span", row) for row in rows), class_="rows")
    seconds = [duration * index / (_TICKS - 1) for index in range(_TICKS)]
    ticks = element("div", *(element("span", format_time(s)) for s in seconds), class_="ticks")
    return element("div", names, element("div", svg, ticks, class_="drawn"), class_="timeline")


def _drawn(mark: Mark, row: int, duration: float) -> Html:
    scale = WIDTH / duration if duration > 0 else 0.0
    width = max(_LEAST, mark.span.duration * scale)
    left = min(mark.span.start * scale, WIDTH - width)
    shape = element(
        "rect",
        class_=f"{mark.row} {'hit' if mark.hit else 'miss'}",
        x=f"{left:.2f}",
        y=row * _ROW + 2,
        width=f"{width:.2f}",
        height=_ROW - 4,
        rx=2,
    )
    said = f"{mark.span}  {mark.title}"
    return element("a", element("title", said), shape, href=f"#{mark.target}", aria_label=said)


def crop_box(crop: tuple[float, float, float, float]) -> Html:
    """Where in the picture (left, top, right, bottom, 0..1) a look was."""
    x0, y0, x1, y1 = (round(100 * edge, 1) for edge in crop)
    return element(
        "svg",
        element("rect", class_="lane", x=0, y=0, width=100, height=100),
        element("rect", class_="zoom", x=x0, y=y0, width=x1 - x0, height=y1 - y0),
        class_="crop",
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"the part from {x0}% to {x1}% across and {y0}% to {y1}% down",
    )


def tokens_bar(receipt: Receipt) -> Html:
    """How the limit was used, node by node; the rest of the bar was not spent."""
    spent = {node: total.charged for node, total in receipt.by_node.items()}
    rects, legend, left = [], [], 0.0
    for index, (node, tokens) in enumerate(spent.items()):
        width = WIDTH * tokens / receipt.limit
        rects.append(
            element(
                "rect",
                class_=f"node n{index % 6}",
                x=f"{left:.2f}",
                y=0,
                width=f"{width:.2f}",
                height=14,
            )
        )
        swatch = element("i", class_=f"swatch n{index % 6}")
        legend.append(element("span", swatch, f"{node} {tokens:,}"))
        left += width
    rest = receipt.limit - receipt.spent
    if rest > 0:
        legend.append(element("span", element("i", class_="swatch rest"), f"unspent {rest:,}"))
    svg = element(
        "svg",
        element("rect", class_="lane", x=0, y=0, width=WIDTH, height=14),
        joined(rects),
        viewBox=f"0 0 {WIDTH} 14",
        height=14,
        preserveAspectRatio="none",
        role="img",
        aria_label="Tokens by node",
    )
    return element("div", svg, element("div", *legend, class_="legend"), class_="tokens")
