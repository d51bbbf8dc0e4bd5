"""What models are asked: the messages of every call, built from prompts and evidence.

The stable part comes first and the question last, so that prompt caches and image caches hit.
Words found in videos appear only as JSON strings between <data> marks.
"""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel

from longtake.agent.replies import AnswerReply, LookReply, PlanReply, ReflectReply, YesReply
from longtake.prompts import render
from longtake.tools.read import quoted
from longtake.tools.vlm.messages import Message, Part, Picture, Request, Text

LOOK_TOKENS = 160
ANSWER_TOKENS = 256
REFLECT_TOKENS = 128
PLAN_TOKENS = 384
YES_TOKENS = 16
"""Of a reply with no numbers yet."""
A_YES_TOKENS = 6
"""Of each number."""


Quote = tuple[str, str]
"""Head, such as `12.0-14.5 s, said`, and the words as found in the video."""


def data_lines(quotes: Sequence[Quote]) -> str:
    """One line a quote; its words are a JSON string, so that they cannot end the data."""
    lines = [f"[{head}] {quoted(words)}" for head, words in quotes]
    return "\n".join(lines) or "(none)"


def seconds(value: float) -> str:
    """A time as models read and write it: `12.5`."""
    return f"{value:.1f}"


def look_request(
    *pictures: Part,
    video: str,
    start: float,
    end: float,
    quotes: Sequence[Quote],
    question: str,
    several: bool = False,
) -> Request:
    """Look at pictures of one stretch and say what of the question they answer.

    Args:
        pictures: frames or contact sheets.
        video: label of the video, such as `V1`.
        quotes: what is said and written in the stretch.
        several: every time that it is seen is wanted, not only the clearest.
    """
    words = render(
        "look",
        video=video,
        start=seconds(start),
        end=seconds(end),
        lines=data_lines(quotes),
        question=question,
    )
    if several:
        words = f"{words}\n{render('look_several')}"
    return _request(render("look_system"), (*pictures, Text(text=words)), LookReply, LOOK_TOKENS)


def frames_request(
    pictures: Sequence[Picture], *, question: str, objects: Sequence[str]
) -> Request:
    """Say yes or no about each picture: whether it shows one of the objects, or enough to answer
    the question where there are none."""
    known = ", ".join(objects)
    asked = render("frames_objects", objects=known) if known else render("frames_information")
    words = render("frames_yes_no", question=question, asked=asked, count=str(len(pictures)))
    return _request(
        render("look_system"),
        (*pictures, Text(text=words)),
        YesReply,
        YES_TOKENS + A_YES_TOKENS * len(pictures),
    )


def reflect_request(
    *,
    question: str,
    evidence: Sequence[Quote],
    looked: Sequence[str],
    refused: Sequence[str],
    videos: Sequence[str],
    left: int,
) -> Request:
    """Decide what to do next.

    Args:
        refused: what of earlier wishes was not done as asked, and why, in words of ours.
    """
    words = render(
        "reflect",
        question=question,
        evidence=data_lines(evidence),
        looked="; ".join(looked) or "nothing",
        videos="; ".join(videos),
        refused=f"\nNot done as asked: {'; '.join(refused)}." if refused else "",
        left=str(left),
    )
    return _request(render("look_system"), (Text(text=words),), ReflectReply, REFLECT_TOKENS)


def answer_request(
    *pictures: Part, question: str, options: Sequence[str], evidence: Sequence[Quote]
) -> Request:
    """Answer from what was found.

    Args:
        pictures: frames of some of it, each after a line with its label.
    """
    words = render(
        "answer",
        question=question,
        evidence=data_lines(evidence),
        options=option_lines(options),
    )
    return _request(
        render("answer_system"), (*pictures, Text(text=words)), AnswerReply, ANSWER_TOKENS
    )


def plan_request(question: str) -> Request:
    """Take a question apart."""
    words = render("plan", question=question)
    parts = (Text(text=words),)
    message = Message(role="user", parts=parts)
    return Request(messages=(message,), max_tokens=PLAN_TOKENS, schema=PlanReply)


def repair_request(request: Request, said: str, fault: str) -> Request:
    """The same request once more, after a reply that could not be used."""
    return _asked_again(request, said, render("repair", fault=fault))


def answer_again_request(request: Request, said: str, faults: Sequence[str]) -> Request:
    """The answer once more, after citations that did not hold.

    Args:
        faults: what is wrong with each, in words of ours and of the model.
    """
    lines = "\n".join(quoted(fault) for fault in faults)
    return _asked_again(request, said, render("answer_again", faults=lines))


def _asked_again(request: Request, said: str, words: str) -> Request:
    """The request after what the model said, with half characters of it replaced: they cannot be
    sent."""
    sendable = said.encode("utf-8", "replace").decode("utf-8")
    answer = Message(role="assistant", parts=(Text(text=sendable),))
    again = Message(role="user", parts=(Text(text=words),))
    return replace(request, messages=(*request.messages, answer, again))


def option_lines(options: Sequence[str]) -> str:
    """`Options: A) ... B) ...`; without options a line that says so."""
    if not options:
        return "There are no options: answer in few words."
    lettered = [f"{letter(i)}) {' '.join(text.split())}" for i, text in enumerate(options)]
    return "Options: " + "  ".join(lettered)


def letter(index: int) -> str:
    """A, B, ... of an option; after Z come AA, AB, ..."""
    head, tail = divmod(index, 26)
    return (letter(head - 1) if head else "") + chr(ord("A") + tail)


def _request(
    system: str, parts: tuple[Part, ...], schema: type[BaseModel], max_tokens: int
) -> Request:
    first = Message(role="system", parts=(Text(text=system),))
    return Request(
        messages=(first, Message(role="user", parts=parts)), max_tokens=max_tokens, schema=schema
    )
