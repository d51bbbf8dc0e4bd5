"""One question to one reader: as much of some material as the budget holds, in one call."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from longtake.agent.receipt import Receipt
from longtake.agent.replies import AnswerReply
from longtake.agent.requests import repair_request
from longtake.errors import BudgetExceeded
from longtake.eval.asking import Asked, Outcome, by_lot, call_facts, calls_of, overran, spent_of
from longtake.eval.material import Chosen, Material, fitted, shown
from longtake.eval.reading import Shown, read_request, understood
from longtake.eval.records import FrameSent
from longtake.eval.watched import WatchedLibrary
from longtake.tools.view import Shape
from longtake.tools.viewer import Viewer, encode
from longtake.tools.vlm.messages import Frames, Reply, Vlm

WITHHELD = "refused"


async def read_once(
    library: WatchedLibrary, vlm: Vlm, asked: Asked, material: Material, *, use_cache: bool
) -> Outcome:
    """Show as much of some material as the budget holds and ask once.

    Raises:
        VlmError: the model cannot be reached or its reply was lost.
        MediaError: frames cannot be read.
    """
    question = material.asks(asked.question)
    with calls_of(library, vlm, asked, use_cache=use_cache) as calls:
        chosen = await asyncio.to_thread(
            fitted,
            material,
            question,
            asked.labels,
            room=calls.ledger.available(),
            price=lambda request: calls.price(request).total,
        )
        if chosen is None:
            return Outcome(status="budget", error="the question alone does not fit the budget")
        videos = await asyncio.to_thread(_with_frames, library, material, chosen, asked)
        request = read_request(question, videos, chosen.lines)
        try:
            reply = await calls.structured(
                request, node="answer", purpose="answer", repair=repair_request, answer=True
            )
        except BudgetExceeded as exc:
            return Outcome(status="budget", error=str(exc))
        receipt = Receipt.of(calls.ledger, library.settings.vlm)
    sent = tuple(
        FrameSent(video=video, t_s=shape.times[place], width=shape.width, height=shape.height)
        for video, shape in chosen.shapes
        for place in _places(material, asked, video, shape)
    )
    return _outcome(asked, reply, receipt, chosen, videos, sent)


def _with_frames(
    library: WatchedLibrary, material: Material, chosen: Chosen, asked: Asked
) -> list[Shown]:
    """What is shown, with its pixels."""
    viewer = Viewer(library)
    videos = []
    for video in shown(material, chosen, asked.labels):
        if material.pixels == "black":
            frames = tuple(map(_blackened, video.frames))
        else:
            frames = tuple(
                _rearranged(viewer.frames(of, shape), _places(material, asked, of, shape))
                for of, shape in chosen.shapes
                if of == video.video_id
            )
        videos.append(replace(video, frames=frames))
    return videos


def _places(material: Material, asked: Asked, video_id: str, shape: Shape) -> list[int]:
    """Which frame of a shape is sent first, second, ...: drawn by lot where they are shuffled."""
    places = list(range(len(shape.times)))
    if material.pixels == "shuffled":
        by_lot(f"shuffle/{video_id}", asked).shuffle(places)
    return places


def _rearranged(frames: Frames, places: Sequence[int]) -> Frames:
    """The frames in another order, under the same ascending seconds."""
    pictures = tuple(
        replace(frames.pictures[place], time=picture.time)
        for place, picture in zip(places, frames.pictures, strict=True)
    )
    return Frames(pictures=pictures)


def _blackened(frames: Frames) -> Frames:
    """The same frames, all black."""
    import numpy as np

    first = frames.pictures[0]
    jpeg = encode(np.zeros((first.height, first.width, 3), np.uint8))
    pictures = (
        replace(picture, jpeg=jpeg, key=f"black:{picture.time:.3f}:{first.width}x{first.height}")
        for picture in frames.pictures
    )
    return Frames(pictures=tuple(pictures))


def _outcome(
    asked: Asked,
    reply: Reply,
    receipt: Receipt,
    chosen: Chosen,
    videos: Sequence[Shown],
    sent: tuple[FrameSent, ...],
) -> Outcome:
    base = Outcome(
        status="ok",
        answered_by="model",
        raw=reply.text,
        frames=sent,
        spent=spent_of(receipt),
        overrun=overran(receipt),
        vlm_s=receipt.total.seconds,
        extra={"lines": len(chosen.lines), **call_facts(receipt)},
    )
    if reply.outcome == WITHHELD:
        return replace(base, status="refused")
    if not isinstance(reply.parsed, AnswerReply):
        return replace(base, status="parse_fail", error=f"the reply was {reply.outcome}")
    said = understood(reply.parsed, asked.question, videos)
    lost = asked.question.options and said.place is None and not said.abstained
    return replace(
        base,
        status="parse_fail" if lost else "ok",
        error="the reply names none of the options" if lost else None,
        text=said.text,
        place=said.place,
        abstained=said.abstained,
        confidence=said.confidence,
        cited=said.cited,
    )
