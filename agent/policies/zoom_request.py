"""What `love_zoom` asks: dense views first, so that prompt caches hit, then zooms, then the
question."""

from longtake.agent.desk import Desk
from longtake.agent.look import READ_WITHIN_S
from longtake.agent.policies.conversation import FramesOf, Memory
from longtake.agent.policies.replies import ZoomAnswer, ZoomReply
from longtake.agent.requests import data_lines, option_lines, seconds
from longtake.agent.state import State, View
from longtake.prompts import render
from longtake.timing import Span
from longtake.tools.vlm.messages import Message, Part, Request, Text

REPLY_TOKENS = 192


def zoom_request(
    desk: Desk, state: State, frames: FramesOf, *, words: Memory, last: bool, reason: str
) -> Request:
    """One call of the conversation.

    Args:
        words: as `words_of_run` makes them.
        last: only the answer is offered.
        reason: why what the model said before was not done; empty when it was.
    """
    dense = [view for view in state["views"] if view["kind"] == "overview"]
    zooms = [view for view in state["views"] if view["kind"] == "zoom"]
    parts: list[Part] = []
    for view in dense:
        parts += [Text(text=_dense_head(desk, view)), frames(view)]
    for view in sorted(zooms, key=lambda view: (view["video_id"], view["start"])):
        parts += [Text(text=_zoom_head(desk, view)), frames(view)]
    text = render(
        "zoom",
        videos=words["videos"],
        lines=words["lines"],
        question=state["question"],
        options=option_lines(state.get("options") or []),
        offer=render("zoom_last", reason=_told(reason)) if last else render("zoom_offer"),
    )
    return Request(
        messages=(
            Message(role="system", parts=(Text(text=render("look_system")),)),
            Message(role="user", parts=(*parts, Text(text=text))),
        ),
        max_tokens=REPLY_TOKENS,
        schema=ZoomAnswer if last else ZoomReply,
    )


def _told(reason: str) -> str:
    return f"Nothing more can be shown: {reason}." if reason else "Nothing more can be shown."


def _dense_head(desk: Desk, view: View) -> str:
    return render(
        "zoom_dense",
        video=desk.label(view["video_id"]),
        start=seconds(view["start"]),
        end=seconds(view["end"]),
    )


def _zoom_head(desk: Desk, view: View) -> str:
    """The zoom's stretch, with what is said and written in it when it is short."""
    span = Span(view["start"], view["end"])
    quotes = desk.quotes(view["video_id"], span) if _short(span) else []
    return render(
        "zoom_close",
        video=desk.label(view["video_id"]),
        start=seconds(view["start"]),
        end=seconds(view["end"]),
        lines=data_lines(quotes),
    )


def _short(span: Span) -> bool:
    return span.duration <= READ_WITHIN_S
