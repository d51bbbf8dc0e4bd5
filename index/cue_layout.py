"""Cues that belong together on the screen: doubles of one line, wrapped lines of one sentence."""

from longtake.index.boxes import hull, inside
from longtake.index.lanes import Box, Cue
from longtake.index.readings import fold


def drop_doubles(cues: list[Cue]) -> list[Cue]:
    """Without cues that another one holds whole: in time, in place and in text."""
    ordered = sorted(cues, key=lambda cue: (cue.start, -cue.end, -len(cue.text)))
    kept: list[Cue] = []
    for cue in ordered:
        standing = [other for other in kept[-200:] if other.end >= cue.end]
        folded = fold(cue.text)
        if not any(
            folded in fold(other.text) and inside(cue.box, other.box) >= 0.8 for other in standing
        ):
            kept.append(cue)
    return kept


def join_wrapped(cues: list[Cue]) -> list[Cue]:
    """Cues of lines that are one wrapped sentence become one cue.

    Both come and go together, have the same height and left edge or middle, are less than a line
    apart, and the lower goes on in lower case where the upper ended no sentence.
    """
    groups: dict[tuple[float, float], list[Cue]] = {}
    for cue in cues:
        groups.setdefault((cue.start, cue.end), []).append(cue)
    result: list[Cue] = []
    for group in groups.values():
        group.sort(key=lambda cue: (cue.box.y0, cue.box.x0))
        joined: list[tuple[Cue, Box]] = []
        for cue in group:
            above = next(
                (i for i, (upper, last) in enumerate(joined) if _wraps(upper, last, cue)), None
            )
            if above is None:
                joined.append((cue, cue.box))
            else:
                joined[above] = (_join(joined[above][0], cue), cue.box)
        result += [cue for cue, _ in joined]
    return result


def _wraps(upper: Cue, last: Box, lower: Cue) -> bool:
    height = last.y1 - last.y0
    aligned = (
        abs(last.x0 - lower.box.x0) <= 0.5 * height
        or abs(last.x0 + last.x1 - lower.box.x0 - lower.box.x1) <= height
    )
    return (
        lower.text[:1].islower()
        and upper.text[-1:] not in ".!?:;"
        and aligned
        and -0.3 * height <= lower.box.y0 - last.y1 <= 0.8 * height
        and 0.75 <= (lower.box.y1 - lower.box.y0) / height <= 1.33
    )


def _join(upper: Cue, lower: Cue) -> Cue:
    glue = "" if upper.text.endswith("-") else " "
    return Cue(
        start=upper.start,
        end=upper.end,
        text=f"{upper.text}{glue}{lower.text}",
        box=hull([upper.box, lower.box]),
        confidence=min(upper.confidence, lower.confidence),
    )
