"""What a policy that talks with the model decides, and what every such policy shares: which videos
it begins with, how it names them, and which views become of frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from longtake.agent.candidates import allowed_videos, beliefs_by_video, bounds, candidates
from longtake.agent.desk import Desk
from longtake.agent.evidence import TOLD, pieces
from longtake.agent.requests import data_lines, seconds
from longtake.agent.state import Draft, Observation, State, View, ViewKind
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.view import Shape
from longtake.tools.vlm.messages import Frames, Reply, Request

MOST_NAMED = 10
"""Videos that a model is told of."""

Memory = dict[str, Any]
"""An entry of the state's `talk`: plain JSON."""
FramesOf = Callable[[View], Frames]
"""The frames of a view: real ones, or blank ones for a price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call that comes next, and what it shows for the first time."""

    views: tuple[View, ...]
    memory: Memory
    """From which, with the state, the call's request is made."""
    answering: bool = False
    """The call may use the tokens set aside for the answer."""
    keep: int | None = None
    """Tokens to set aside for the answer from now on; None leaves them as they are."""
    why: str = ""
    """What led to it, when it was not the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a reply."""

    memory: Memory
    action: str
    """As events name it."""
    why: str
    by: Literal["rules", "model"] = "model"
    observations: tuple[Observation, ...] = ()
    draft: Draft | None = None
    """The answer, when there is one."""
    notes: tuple[str, ...] = field(default=())


class Policy(Protocol):
    """A conversation as a function of the state: a killed run goes on where it was."""

    @property
    def name(self) -> str:
        """As `--policy` takes it."""

    def step(self, desk: Desk, state: State) -> Step | None:
        """What comes next, within the tokens that are left; None when there is nothing."""

    def request(self, desk: Desk, state: State, frames: FramesOf) -> Request:
        """The request of a step, once the state has its views and its memory."""

    def take(self, desk: Desk, state: State, reply: Reply) -> Taken:
        """What a reply to it means; `reply.parsed` is None when no reply could be used."""


def after(state: State, step: Step) -> State:
    """The state once a step is taken."""
    return {
        **state,
        "views": [*(state.get("views") or []), *step.views],
        "talk": [*(state.get("talk") or []), step.memory],
    }


def unseen(state: State) -> list[View]:
    """Views that no reply has been about yet."""
    told = {observation["view"] for observation in state.get("observations") or []}
    return [view for view in state.get("views") or [] if view["id"] not in told]


def likeliest(desk: Desk, state: State, most: int) -> list[tuple[VideoRecord, Span]]:
    """The videos that most likely hold the answer, each with what may be shown of it."""
    videos = allowed_videos(desk.library, state)
    beliefs = beliefs_by_video(candidates(desk.library, state), videos)
    found = [(video, bounds(video, state)) for video in videos.values()]
    found = [(video, span) for video, span in found if span.duration > 0]
    return sorted(found, key=lambda item: -beliefs[item[0].id])[:most]


def asked_video(desk: Desk, state: State, label: str | None) -> tuple[VideoRecord, Span] | str:
    """The video that a model names, or why there is none; without a name the one in question."""
    videos = allowed_videos(desk.library, state)
    video_id = desk.video_of(label) if label else present_video(state)
    if video_id not in videos:
        there = ", ".join(desk.label(video) for video in list(videos)[:MOST_NAMED])
        return f"there is no video of that name; there are {there}"
    return videos[video_id], bounds(videos[video_id], state)


def named_video(desk: Desk, state: State, label: str | None) -> VideoRecord | None:
    """The video that an answer names: without a name the one in question, and where there is just
    one that one; else None for a name that no video has."""
    asked = asked_video(desk, state, label)
    if not isinstance(asked, str):
        return asked[0]
    videos = list(allowed_videos(desk.library, state).values())
    return videos[0] if len(videos) == 1 else None


def present_video(state: State) -> str:
    """The video that was shown closer last, else the likeliest, which is shown first."""
    views = state["views"]
    return next((v for v in reversed(views) if v["kind"] == "zoom"), views[0])["video_id"]


def _videos_line(desk: Desk, state: State) -> str:
    """`V1 0.0-184.0 s; V2 0.0-60.0 s`: what may be asked for."""
    videos = list(allowed_videos(desk.library, state).values())
    lines = []
    for video in videos[:MOST_NAMED]:
        span = bounds(video, state)
        lines.append(f"{desk.label(video.id)} {seconds(span.start)}-{seconds(span.end)} s")
    more = len(videos) - len(lines)
    return "; ".join([*lines, f"and {more} more"] if more else lines)


def words_of_run(desk: Desk, state: State) -> Memory:
    """What every call of a conversation says: the videos that there are, and what search found to
    read, quoted."""
    read = pieces(desk, {**state, "observations": []})[:TOLD]
    lines = data_lines([(piece.head.partition(", ")[2], piece.words) for piece in read])
    return {"videos": _videos_line(desk, state), "lines": lines}


def view_of(
    state: State,
    video: VideoRecord,
    span: Span,
    shape: Shape,
    *,
    kind: ViewKind,
    why: str,
    place: int = 0,
) -> View:
    """A view of the next round.

    Args:
        place: views of the same step before it.
    """
    return {
        "id": f"L{len(state.get('views') or []) + place + 1}",
        "video_id": video.id,
        "start": span.start,
        "end": span.end,
        "times": list(shape.times),
        "width": shape.width,
        "height": shape.height,
        "crop": None,
        "stamped": shape.stamped,
        "kind": kind,
        "why": why,
        "round": state.get("round", 0) + 1,
    }


def steps_of(talk: Sequence[Memory]) -> list[Memory]:
    """The entries that steps left; those of replies lie between."""
    return [entry for entry in talk if "reply" not in entry]
