"""What `spotlight` asks: one attempt as a conversation, its frames by their numbers."""

from longtake.agent.desk import Desk
from longtake.agent.policies.conversation import FramesOf, Memory
from longtake.agent.policies.numbering import Numbers, listed
from longtake.agent.policies.replies import SpotlightAnswer, SpotlightReply
from longtake.agent.requests import option_lines
from longtake.agent.state import State, View
from longtake.prompts import render
from longtake.timing import Span
from longtake.tools.vlm.messages import Message, Part, Request, Text

REPLY_TOKENS = 192
TEMPERATURE = 0.6
"""Of attempts after the first, so that they differ. The source also cuts the tail off at a
probability of 0.9, which not every backend can."""


def spotlight_request(desk: Desk, state: State, frames: FramesOf) -> Request:
    """The call of the step that the state ends with."""
    talk = state["talk"]
    begun, step = talk[0], talk[-1]
    views = {view["id"]: view for view in state["views"]}
    messages = [
        Message(role="system", parts=(Text(text=render("look_system")),)),
        _first_message(desk, state, frames, begun, _first_of(talk, step["attempt"])),
    ]
    for entry in talk[1:]:
        if entry["attempt"] != step["attempt"] or entry.get("turn") == 1:
            continue
        if "reply" in entry:
            messages.append(Message(role="assistant", parts=(Text(text=entry["said"]),)))
            continue
        parts: list[Part] = []
        if entry["view"] is not None:
            view = views[entry["view"]]
            parts += [Text(text=_head(desk, view)), frames(view)]
        words = render(
            "spotlight_more",
            told=entry["told"],
            question=state["question"],
            offer=_offer(begun, entry),
        )
        messages.append(Message(role="user", parts=(*parts, Text(text=words))))
    first = step["attempt"] == 1
    return Request(
        messages=tuple(messages),
        max_tokens=REPLY_TOKENS,
        schema=SpotlightAnswer if step["only_answer"] else SpotlightReply,
        temperature=0.0 if first else TEMPERATURE,
        seed=0 if first else step["attempt"],
    )


def _first_of(talk: list[Memory], attempt: int) -> Memory:
    """The step that began an attempt."""
    return next(e for e in talk if "reply" not in e and e["attempt"] == attempt and e["turn"] == 1)


def _first_message(
    desk: Desk, state: State, frames: FramesOf, begun: Memory, entry: Memory
) -> Message:
    parts: list[Part] = []
    for view in state["views"][: begun["first"]]:
        parts += [Text(text=_head(desk, view)), frames(view)]
    words = render(
        "spotlight",
        videos=begun["videos"],
        lines=begun["lines"],
        told=entry["told"],
        question=state["question"],
        options=option_lines(state.get("options") or []),
        offer=_offer(begun, entry),
    )
    return Message(role="user", parts=(*parts, Text(text=words)))


def _head(desk: Desk, view: View) -> str:
    """Which frames follow, by their numbers."""
    video = desk.library.video(view["video_id"])
    numbers = Numbers.of(video, Span(0.0, video.duration))
    return render(
        "spotlight_frames",
        video=desk.label(video.id),
        numbers=listed([numbers.at(time) for time in view["times"]]),
        fps=f"{numbers.fps:.4g}",
    )


def _offer(begun: Memory, entry: Memory) -> str:
    if entry["only_answer"]:
        return render("spotlight_last")
    return render("spotlight_offer", count=str(begun["frames"]))
