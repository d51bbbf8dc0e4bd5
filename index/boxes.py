"""Where lines of text stand to each other, in relative boxes."""

from longtake.index.lanes import Box


def same_place(first: Box, second: Box) -> bool:
    """Lines of like height on one row, one over the other."""
    heights = sorted((first.y1 - first.y0, second.y1 - second.y0))
    widths = min(first.x1 - first.x0, second.x1 - second.x0)
    across = min(first.x1, second.x1) - max(first.x0, second.x0)
    down = min(first.y1, second.y1) - max(first.y0, second.y0)
    return heights[1] <= 1.7 * heights[0] and down >= 0.5 * heights[0] and across >= 0.3 * widths


def near(first: Box, second: Box) -> bool:
    """Not further apart than twice their size, either way."""
    across = abs(first.x0 + first.x1 - second.x0 - second.x1) / 2
    down = abs(first.y0 + first.y1 - second.y0 - second.y1) / 2
    return across <= 2 * (first.x1 - first.x0) and down <= 2 * (first.y1 - first.y0)


def distance(first: Box, second: Box) -> float:
    """Between centres, in the unit of the frame's sides."""
    across = (first.x0 + first.x1 - second.x0 - second.x1) / 2
    down = (first.y0 + first.y1 - second.y0 - second.y1) / 2
    return abs(across) + abs(down)


def inside(inner: Box, outer: Box) -> float:
    """Share of `inner` that `outer` covers."""
    across = min(inner.x1, outer.x1) - max(inner.x0, outer.x0)
    down = min(inner.y1, outer.y1) - max(inner.y0, outer.y0)
    area = (inner.x1 - inner.x0) * (inner.y1 - inner.y0)
    return max(0.0, across) * max(0.0, down) / area if area > 0 else 0.0


def hull(boxes: list[Box]) -> Box:
    return Box(
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )
