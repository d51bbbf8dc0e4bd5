"""What became of looks, as observations name it, and which views count as shown."""

from longtake.agent.state import State, View, Wish
from longtake.timing import Span

UNSENT = frozenset({"failed", "no budget"})
"""Outcomes of views that no reply came for: nothing was seen of them. With every other outcome the
model was shown the view, also when its reply is of no use."""
SAME = 0.7
"""Stretches that share this much of the longer one show the same."""
TRIES = 2
"""Times that a stretch is tried; a server that is gone shows nothing the third time either."""


def shown_views(state: State) -> list[View]:
    """Views that count as shown: all but those that no reply came for, whose stretch is to be
    tried again; one that was tried `TRIES` times is not."""
    unsent = {o["view"] for o in state.get("observations") or [] if o["outcome"] in UNSENT}
    shown: list[View] = []
    tried: list[View] = []
    for view in state.get("views") or []:
        if view["id"] in unsent:
            tried.append(view)
            if sum(same_stretch(view, other) for other in tried) < TRIES:
                continue
        shown.append(view)
    return shown


def same_stretch(one: View | Wish, other: View | Wish) -> bool:
    """Whether most of both is the same part of one video."""
    if one["video_id"] != other["video_id"] or one["crop"] != other["crop"]:
        return False
    spans = Span(one["start"], one["end"]), Span(other["start"], other["end"])
    return spans[0].overlap(spans[1]) >= SAME * max(span.duration for span in spans)
