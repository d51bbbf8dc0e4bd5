"""The one call with which every comparator answers: frames, words and the question, to the schema
of the agent's own answer, under the same ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from longtake.agent.replies import AnswerReply
from longtake.agent.requests import ANSWER_TOKENS, data_lines, option_lines, seconds
from longtake.agent.respond import chosen
from longtake.eval.records import Cited
from longtake.prompts import render
from longtake.timing import Span
from longtake.tools.read import TextItem
from longtake.tools.vlm.messages import Frames, Message, Part, Request, Text

GUESS = "Choose the option that is most likely, even when nothing shown tells them apart."
"""For benchmarks in which every question has an answer."""
MAY_ABSTAIN = "Leave answer and option empty when nothing shown answers the question."


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something said or written in a video."""

    video_id: str
    start: float
    """Seconds."""
    end: float
    text: str
    lane: Literal["speech", "text"] = "speech"

    @property
    def item(self) -> TextItem:
        """What models are shown of it."""
        return TextItem(text=self.text, span=Span(self.start, self.end), lane=self.lane)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A video as the model is shown it."""

    video_id: str
    label: str
    """What the model calls it: `V1`, ..."""
    duration: float
    """Seconds that may be seen of it."""
    frames: tuple[Frames, ...] = ()
    """In the order of time; those of one size together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, as it is shown."""

    text: str
    options: tuple[str, ...] = ()
    may_abstain: bool = False


def read_request(question: Question, videos: Sequence[Shown], lines: Sequence[Line]) -> Request:
    """The request: videos first, the question last, so that prompt caches hit."""
    parts: list[Part] = []
    labels = {video.video_id: video.label for video in videos}
    for video in videos:
        head = f"Video {video.label}, {seconds(video.duration)} s."
        parts.append(Text(text=f"{head} Frames:" if video.frames else head))
        parts += video.frames
    quotes = [(f"{labels[line.video_id]}, {line.item.head}", line.text) for line in lines]
    words = render(
        "eval_read",
        lines=data_lines(quotes),
        question=question.text,
        options=option_lines(question.options),
        rule=MAY_ABSTAIN if question.may_abstain or not question.options else GUESS,
    )
    parts.append(Text(text=words))
    system = Message(role="system", parts=(Text(text=render("eval_system")),))
    return Request(
        messages=(system, Message(role="user", parts=tuple(parts))),
        max_tokens=ANSWER_TOKENS,
        schema=AnswerReply,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a reply says."""

    text: str
    place: int | None
    """Index of the chosen option as shown."""
    abstained: bool
    confidence: float
    cited: tuple[Cited, ...]
    """By ids of the library."""


def understood(reply: AnswerReply, question: Question, videos: Sequence[Shown]) -> Said:
    """A reply with its option and its citations; labels that stand for no video are left out, and
    times are cut to their video."""
    option = chosen(question.options, reply.option, reply.answer)
    by_label = {video.label: video for video in videos}
    cited = []
    for citation in reply.evidence:
        video = by_label.get(citation.label.strip().strip("[]").upper())
        if video is None or citation.start is None:
            continue
        end = citation.start if citation.end is None else citation.end
        low, high = sorted((citation.start, end))
        low, high = max(0.0, low), min(video.duration, high)
        if low <= high:
            cited.append(Cited(video=video.video_id, start_s=low, end_s=high, lane="visual"))
    return Said(
        text=" ".join(reply.answer.split()),
        place=question.options.index(option) if option is not None else None,
        abstained=option is None and not reply.answer.strip(),
        confidence=reply.confidence,
        cited=tuple(cited),
    )
