"""What models may reply in a conversation, as our JSON or in the words of the models that were
trained for it. Times, frames and labels are untrusted until the policy has checked them."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from longtake.agent.replies import Confidence, Seconds, whole
from longtake.tools.read import visible

MOST_CHARACTERS = 300
"""Of a thought that is kept."""
_OURS = '"action"'
"""Key of the JSON that is asked for; a reply with it is no other form."""
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_ACTION = re.compile(r"<action>(.*?)</action>", re.S | re.I)
_THINK = re.compile(r"<think>(.*?)</think>", re.S | re.I)
_CHOOSE = re.compile(r"choose frames between\s+(\S+)\s+and\s+(\S+)", re.I)
_TIME = re.compile(r"get frame number at time\s+([\d:.]+)", re.I)
_ANSWER = re.compile(r"output answer:?\s*(.*)", re.S | re.I)


def _number(value: object) -> object:
    """A frame from what models write for it: 120, 120.0, "frame 120"."""
    if isinstance(value, str):
        value = value.lower().replace("frame", "").strip(" .,;")
        return float(value) if re.fullmatch(r"-?\d+\.\d+", value) else value
    return value


FrameNumber = Annotated[int, BeforeValidator(_number), Field(ge=-(10**9), le=10**9)]


class _Spoken(BaseModel):
    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        return whole(value)

    thought: str = ""
    video: str | None = None
    answer: str = ""
    option: str | None = None
    confidence: Confidence = 0.5

    @property
    def short_thought(self) -> str:
        """On one line."""
        return " ".join(visible(self.thought).split())[:MOST_CHARACTERS]


class ZoomReply(_Spoken):
    """A zoom into an interval, or the answer with the seconds that show it."""

    action: Literal["zoom", "answer"]
    start: Seconds | None = Field(None, alias="from")
    end: Seconds | None = Field(None, alias="to")

    @classmethod
    def from_words(cls, text: str) -> dict[str, Any] | None:
        r"""The fields of a reply that ends in `\boxed{[12.5, 30]}` or `\boxed{answer}`."""
        boxes = [] if _OURS in text else list(_BOXED.finditer(text))
        if not boxes:
            return None
        last, thought = boxes[-1], text[: boxes[-1].start()]
        inside = last[1].strip()
        if inside.startswith("["):
            times = inside.strip("[] ").split(",")
            start, end = (times[0].strip(), times[1].strip()) if len(times) == 2 else (None, None)
            return {"thought": thought, "action": "zoom", "from": start, "to": end}
        return {"thought": thought, "action": "answer", "answer": inside, "option": inside}

    @model_validator(mode="after")
    def _has_times(self) -> "ZoomReply":
        if self.action == "zoom" and (self.start is None or self.end is None):
            raise ValueError('a zoom needs "from" and "to" in seconds')
        return self


class ZoomAnswer(ZoomReply):
    """The answer, when nothing else is offered."""

    action: Literal["answer"]


class SpotlightReply(_Spoken):
    """Frames between two, the number of the frame at a time, or the answer with the frames that
    show it."""

    action: Literal["choose", "time", "answer"]
    start: FrameNumber | None = Field(None, alias="from")
    end: FrameNumber | None = Field(None, alias="to")
    time: Seconds | None = None

    @classmethod
    def from_words(cls, text: str) -> dict[str, Any] | None:
        """The fields of a reply in `<think>` and `<action>`; the last action counts."""
        actions = [] if _OURS in text else _ACTION.findall(text)
        if not actions:
            return None
        said: dict[str, Any] = {"thought": " ".join(_THINK.findall(text))}
        if match := _CHOOSE.search(actions[-1]):
            return {**said, "action": "choose", "from": match[1], "to": match[2]}
        if match := _TIME.search(actions[-1]):
            return {**said, "action": "time", "time": match[1].rstrip(".")}
        if match := _ANSWER.search(actions[-1]):
            answer = match[1].strip()
            return {**said, "action": "answer", "answer": answer, "option": answer}
        return None

    @model_validator(mode="after")
    def _is_whole(self) -> "SpotlightReply":
        if self.action == "choose" and (self.start is None or self.end is None):
            raise ValueError('to choose frames takes "from" and "to", numbers of frames')
        if self.action == "time" and self.time is None:
            raise ValueError('to find a frame takes its "time" in seconds')
        return self


class SpotlightAnswer(SpotlightReply):
    """The answer, when nothing else is offered."""

    action: Literal["answer"]
