"""The actions of `spotlight` carried out: what a model asks for is brought inside the video or
refused with a reason that it can read."""

from collections.abc import Sequence

from longtake.agent.candidates import allowed_videos, bounds
from longtake.agent.desk import Desk
from longtake.agent.policies.conversation import Memory, asked_video, named_video, present_video
from longtake.agent.policies.numbering import Numbers, between
from longtake.agent.policies.replies import SpotlightReply
from longtake.agent.policies.trace import Action, Choose, LookUp, Say, Turn
from longtake.agent.state import State, View
from longtake.index.records import VideoRecord
from longtake.timing import Span


def carried_out(desk: Desk, state: State, said: SpotlightReply, text: str) -> Memory:
    """What the conversation remembers of a reply: the action as the model wrote it, the frames it
    gets (`wish`), and what it is told."""
    step = state["talk"][-1]
    memory: Memory = {
        "reply": said.action,
        "attempt": step["attempt"],
        "said": text.encode("utf-8", "replace").decode("utf-8"),
        "thought": said.short_thought,
        "tagged": "<action>" in text.lower(),
        "wish": None,
        "told": "",
        "action": None,
    }
    if said.action == "choose":
        return memory | _chosen(desk, state, said)
    if said.action == "time":
        return memory | _looked_up(desk, state, said)
    return memory | {"action": {"kind": "answer"}}


def turns_of(talk: Sequence[Memory]) -> list[Turn]:
    """The turns of the attempt that the last entry belongs to."""
    attempt = talk[-1]["attempt"]
    return [
        Turn(
            thought=entry.get("thought", ""),
            action=_action(entry["action"]),
            tagged=entry.get("tagged", False),
        )
        for entry in talk
        if "reply" in entry and entry["attempt"] == attempt
    ]


def shown_in_attempt(state: State) -> list[View]:
    """Views that the model has seen in the present attempt."""
    talk, views = state["talk"], state["views"]
    attempt = talk[-1]["attempt"]
    chosen = {entry.get("view") for entry in talk if entry["attempt"] == attempt}
    return [*views[: talk[0]["first"]], *(view for view in views if view["id"] in chosen)]


def named_span(
    desk: Desk, state: State, said: SpotlightReply
) -> tuple[VideoRecord | None, Span | None]:
    """The video that an answer names, as `named_video` gives it, and its moment by frames; None
    when it names none."""
    video = named_video(desk, state, said.video)
    if video is None:
        return None, None
    frames = [max(0, f) for f in (said.start, said.end) if f is not None]
    if not frames:
        return video, None
    numbers = Numbers.of(video, Span(0.0, video.duration))
    return video, numbers.span(min(frames), max(frames))


def _chosen(desk: Desk, state: State, said: SpotlightReply) -> Memory:
    assert said.start is not None and said.end is not None
    start, end = sorted((said.start, said.end))
    asked = asked_video(desk, state, said.video)
    label = "?" if isinstance(asked, str) else desk.label(asked[0].id)
    action = {"kind": "choose", "video": label, "start": start, "end": end}
    if isinstance(asked, str):
        return {"action": action, "told": asked}
    video, within = asked
    numbers = Numbers.of(video, within)
    count = state["talk"][0]["frames"]
    if end < numbers.first or start > numbers.last:
        there = f"{label} has frames {numbers.first}-{numbers.last}"
        return {"action": action, "told": f"Frames {start}-{end} are not there: {there}."}
    low, high = max(start, numbers.first), min(end, numbers.last)
    if high - low <= count:
        why = f"choose two that are more than {count} apart, or answer"
        return {"action": action, "told": f"Frames {low}-{high} of {label} are too near: {why}."}
    frames = between(low, high, count)
    if _shown(state, video, numbers, frames):
        return {"action": action, "told": f"Frames {low}-{high} of {label} were shown already."}
    wish = {"video_id": video.id, "frames": frames}
    return {"action": action, "wish": wish, "told": f"These lie between frames {low} and {high}."}


def _shown(state: State, video: VideoRecord, numbers: Numbers, frames: Sequence[int]) -> bool:
    """Whether the very same frames were shown before in this attempt."""
    return any(
        view["video_id"] == video.id
        and [numbers.at(time) for time in view["times"]] == list(frames)
        for view in shown_in_attempt(state)
    )


def _looked_up(desk: Desk, state: State, said: SpotlightReply) -> Memory:
    """The frame at a time, that of the nearest moment that may be shown."""
    assert said.time is not None
    asked = asked_video(desk, state, said.video)
    if isinstance(asked, str):
        video = allowed_videos(desk.library, state)[present_video(state)]
        asked = video, bounds(video, state)
    video, within = asked
    numbers, label = Numbers.of(video, within), desk.label(video.id)
    frame = min(max(numbers.at(min(said.time, within.end)), numbers.first), numbers.last)
    shown = numbers.seconds(frame)
    told = f"Frame {frame} of {label} is shown at {shown:.1f} s; choose frames around it."
    return {"action": {"kind": "time", "video": label, "frame": frame}, "told": told}


def _action(kept: Memory | None) -> Action | None:
    match kept:
        case {"kind": "choose", "video": str(video), "start": int(start), "end": int(end)}:
            return Choose(video=video, start=start, end=end)
        case {"kind": "time", "video": str(video), "frame": int(frame)}:
            return LookUp(video=video, frame=frame)
        case {"kind": "answer"}:
            return Say()
    return None
