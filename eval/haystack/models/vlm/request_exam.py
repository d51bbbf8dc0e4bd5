"""How well the small model that sees replies to longtake's own requests about worlds that it has
not seen: looks, readings in one call, and answers from evidence, whole and as they are sent.

    python -m longtake.eval.haystack.models.vlm.request_exam FOLDER --footage DIR

Prints a table in Markdown: of requests that have an answer and of those that have none, how many
replies say rightly whether there is one, and how many have it right.
"""

import argparse
import asyncio
import hashlib
import io
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import BaseModel

from longtake.agent.replies import AnswerReply, LookReply
from longtake.config import Settings
from longtake.eval.haystack.models.frames import HELD_OUT
from longtake.eval.haystack.models.vlm import lessons, written_lessons
from longtake.eval.haystack.models.vlm.exam import DAYS, QUALITY
from longtake.eval.haystack.models.vlm.footage import Reel, reels, shoot_all
from longtake.eval.haystack.models.vlm.lessons import Sample
from longtake.eval.haystack.models.vlm.strips import U8
from longtake.eval.haystack.models.vlm.teaching import Teach
from longtake.tools.vlm.local import LocalVlm
from longtake.tools.vlm.messages import Frames, Message, Part, Picture, Request
from longtake.tools.vlm.parsing import parse_reply

REQUESTS = 60
"""Of each kind."""
FRAME_TOKENS = 450
"""Most of a request's frames: what the agent's looks have."""
KINDS: dict[str, tuple[Teach, type[LookReply] | type[AnswerReply]]] = {
    "look": (lessons.look, LookReply),
    "reading": (lessons.read, AnswerReply),
    "answer": (lambda rng, days, most: written_lessons.answer(rng), AnswerReply),
}
"""How each is made, and what its replies are read as."""

Tally = dict[tuple[str, bool], list[int]]
"""Kind and whether there is an answer -> asked, said rightly whether, right."""


def sendable(sample: Sample) -> Request:
    """The first request of a lesson, its pictures encoded as longtake sends them."""
    request = sample.turns[0][0]
    jpegs = iter([_jpeg(pixels) for pixels in sample.pictures])

    def encoded(part: Part) -> Part:
        if not isinstance(part, Frames):
            return part
        return Frames(pictures=tuple(_encoded(one, next(jpegs)) for one in part.pictures))

    messages = tuple(
        Message(role=message.role, parts=tuple(map(encoded, message.parts)))
        for message in request.messages
    )
    return replace(request, messages=messages)


def _encoded(picture: Picture, jpeg: bytes) -> Picture:
    return replace(picture, jpeg=jpeg, key=hashlib.sha256(jpeg).hexdigest())


def _jpeg(pixels: U8) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def told(reply: BaseModel | None) -> str | None:
    """What a reply answers: a look's claim or an answer's words; None where it says that there is
    none, or is no reply."""
    match reply:
        case LookReply(relevant=True, claim=claim):
            return claim
        case AnswerReply(answer=answer) if answer:
            return answer
    return None


async def examine(folder: Path, days: Sequence[Reel], count: int, *, seed: int = 0) -> Tally:
    """Send so many requests of each kind about these days.

    Args:
        folder: the model's, in the hub's format.
    """
    rng = np.random.default_rng(seed)
    vlm = LocalVlm(str(folder), Settings(offline=True))
    tally: Tally = defaultdict(lambda: [0, 0, 0])
    for kind, (teach, schema) in KINDS.items():
        for _ in range(count):
            sample = teach(rng, days, FRAME_TOKENS)
            taught = told(schema.model_validate_json(sample.turns[0][1]))
            reply = await vlm.ask(sendable(sample))
            parsed = parse_reply(reply.text, schema)[0]
            said = told(parsed)
            counts = tally[kind, taught is not None]
            counts[0] += 1
            counts[1] += parsed is not None and (said is None) == (taught is None)
            counts[2] += parsed is not None and said == taught
    await vlm.close()
    return dict(tally)


def table(tally: Mapping[tuple[str, bool], Sequence[int]]) -> str:
    """In Markdown."""
    lines = ["| request | asked | says rightly whether | right |", "|---|---|---|---|"]
    for (kind, there), (asked, whether, right) in sorted(tally.items()):
        name = f"{kind}, {'an answer' if there else 'none'}"
        lines.append(f"| {name} | {asked} | {whether / asked:.2f} | {right / asked:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--footage", type=Path, required=True, help="where drawn frames are kept")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each kind")
    given = parser.parse_args()
    shoot_all(given.footage, DAYS, first_seed=HELD_OUT)
    counted = asyncio.run(examine(given.folder, reels(given.footage), given.requests))
    sys.stdout.write(table(counted) + "\n")


if __name__ == "__main__":
    main()
