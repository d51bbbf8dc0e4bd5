"""Requests with frames or lines, as longtake sends them, and the replies to learn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from longtake.agent.quotes import moment_head
from longtake.agent.requests import (
    ANSWER_TOKENS,
    LOOK_TOKENS,
    Quote,
    answer_request,
    data_lines,
    frames_request,
    look_request,
    option_lines,
    seconds,
)
from longtake.eval.haystack.models.vlm.cuts import cut_together
from longtake.eval.haystack.models.vlm.facts import Facts
from longtake.eval.haystack.models.vlm.footage import Reel, any_reel
from longtake.eval.haystack.models.vlm.frame_questions import short_questions, untold
from longtake.eval.haystack.models.vlm.heard_questions import FROM_LINES
from longtake.eval.haystack.models.vlm.labels import CELL, cropped, rescaled
from longtake.eval.haystack.models.vlm.questions import Ask, Lesson
from longtake.eval.haystack.models.vlm.replies import (
    answer_reply,
    cited_stretches,
    look_reply,
    options_of,
)
from longtake.eval.haystack.models.vlm.seen_questions import FROM_FRAMES
from longtake.eval.haystack.models.vlm.strips import U8, Heard, Shot, Strip, invented, quotes, shot
from longtake.eval.reading import GUESS, MAY_ABSTAIN
from longtake.prompts import render
from longtake.tools.vlm.messages import Frames, Message, Part, Picture, Request, Text

EDGE_S = 0.5
"""Seconds by which a moment is longer than its frames, on either side."""
JUDGED_TOKENS = 400
"""Most of frames that are judged at once."""
FURTHER = 1
"""Questions about the same frames behind the first."""
TRIES = (0, 0, 1, 2)
"""How often to look for a question that a strip answers instead of one that it does not."""
FOUND = 0.4
"""Share of calls with frames whose lines are from anywhere, as a search finds them."""
HEARD_ALONE = ("gate", "moved", "row", "day")
"""Families that lines answer without frames."""
SHORT_WIDTHS = (224, 224, 224, 336, 336, 448, 640)
"""Pixels of frames that short questions are about."""
SHORT_QUESTIONS = 8
"""About one frame, at most."""
SHORT_TOKENS = 32
"""Of a reply to a short question."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A conversation and the pictures in it."""

    turns: tuple[tuple[Request, str], ...]
    """Of a request or further question, and the reply to learn."""
    pictures: tuple[U8, ...] = ()
    """[H, W, 3] each; sides are multiples of 28."""
    facts: tuple[Facts, ...] = ()
    """Of each picture."""

    @property
    def tokens(self) -> int:
        """About how many: exact for pictures, a share of the characters for words."""
        seen: int = sum(p.shape[0] * p.shape[1] // CELL**2 for p in self.pictures)
        words = sum(
            len(part.text) // 4
            for request, _ in self.turns
            for message in request.messages
            for part in message.parts
            if isinstance(part, Text)
        )
        return seen + words + sum(len(reply) // 3 for _, reply in self.turns)


def about_frame(rng: np.random.Generator, days: Sequence[Reel]) -> Sample:
    """Short questions about one frame."""
    while True:
        reel = any_reel(rng, days)
        still = reel.stills[int(rng.integers(len(reel.stills)))]
        busy = still.facts.actor or still.facts.place == "cabinet"
        if still.facts.seen and (busy or rng.random() < 0.4):
            break
    width = int(rng.choice(SHORT_WIDTHS))
    crop = rng.random() < 0.25
    pixels, facts = cropped(rng, still) if crop else rescaled(still, width)
    picture = unencoded(pixels, still.number / reel.fps)
    questions = untold(rng, short_questions(rng, facts), SHORT_QUESTIONS)
    turns = [
        (short_request(one.asked, None if i else picture), one.answer)
        for i, one in enumerate(questions)
    ]
    return Sample(tuple(turns), (pixels,), (facts,))


def short_request(asked: str, picture: Picture | None = None) -> Request:
    """A short question about a frame, or a further one about the frame before it."""
    parts: tuple[Part, ...] = (Text(text=asked),)
    if picture:
        parts = (Frames(pictures=(picture,)), *parts)
    return Request(messages=(Message(role="user", parts=parts),), max_tokens=SHORT_TOKENS)


def unencoded(pixels: U8, time: float) -> Picture:
    """A picture whose pixels are kept elsewhere."""
    return Picture(jpeg=b"", width=pixels.shape[1], height=pixels.shape[0], time=time, key="")


def frames_of(pixels: Sequence[U8], times: Sequence[float]) -> Frames:
    """Pictures in a request, with their seconds."""
    pairs = zip(pixels, times, strict=True)
    return Frames(pictures=tuple(unencoded(one, time) for one, time in pairs))


def ask(
    rng: np.random.Generator, strip: Strip, families: dict[str, tuple[Ask, float]] | None = None
) -> Lesson:
    """A question about a strip: of one of these families, each with how often it is asked, or of
    one that the strip has anything for."""
    kinds = families or {**FROM_FRAMES, **(FROM_LINES if strip.heard else {})}
    if not strip.frames:
        kinds = {family: FROM_LINES[family] for family in HEARD_ALONE}
    lesson = _any_of(rng, strip, kinds)
    for _ in range(int(rng.choice(TRIES))):
        lesson = lesson if lesson.answer else _any_of(rng, strip, kinds)
    return lesson


def _any_of(rng: np.random.Generator, strip: Strip, kinds: dict[str, tuple[Ask, float]]) -> Lesson:
    weights = np.array([weight for _, weight in kinds.values()])
    while True:
        family = list(kinds)[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        made = kinds[family][0](rng, strip)
        if made is not None:
            return made


def look(rng: np.random.Generator, days: Sequence[Reel], most_tokens: int) -> Sample:
    """A look, as the agent asks for it.

    Args:
        most_tokens: of its frames.
    """
    return look_at(rng, shot(rng, days, most_tokens))


def look_at(
    rng: np.random.Generator, shown: Shot, families: dict[str, tuple[Ask, float]] | None = None
) -> Sample:
    """A look at these frames; of these families of questions, or of all that they answer."""
    strip = shown.strip
    lesson = ask(rng, strip, families)
    request = look_request(
        frames_of(shown.pixels, shown.strip.times),
        video=f"V{rng.integers(1, 9)}",
        start=shown.start,
        end=shown.end,
        quotes=quotes(strip.heard),
        question=lesson.asked,
        several=lesson.several,
    )
    turns = [(request, look_reply(lesson))]
    for _ in range(FURTHER):
        more = replace(ask(rng, strip, families), several=False)
        turns.append((_further(more.asked), look_reply(more)))
    return Sample(tuple(turns), shown.pixels, strip.frames)


def _further(asked: str) -> Request:
    """Another question about the same frames: cheap to learn from, never sent by longtake."""
    message = Message(role="user", parts=(Text(text=f"Question: {asked}"),))
    return Request(messages=(message,), max_tokens=LOOK_TOKENS)


def glance(rng: np.random.Generator, days: Sequence[Reel], most_tokens: int) -> Sample:
    """The agent's only call where tokens are few: the question with frames of a few moments and
    lines, all labelled `E1`, `E2`, ...

    Args:
        most_tokens: of its frames.
    """
    found = any_shot(rng, days, most_tokens)
    strip, video = found.strip, f"V{rng.integers(1, 4)}"
    if rng.random() < FOUND:
        strip = replace(strip, heard=tuple(invented(rng, int(rng.choice((2, 4, 8))))))
    lesson = ask(rng, strip)
    heard = best_first(rng, strip.heard, lesson)
    count = min(int(rng.choice((1, 2, 3))), len(strip.times))
    groups = [group.tolist() for group in np.array_split(np.arange(len(strip.times)), count)]
    parts: list[Part] = []
    moments: list[tuple[str, float, float]] = []
    for group in groups:
        times, label = [strip.times[i] for i in group], f"E{len(moments) + 1}"
        start, end = max(0.0, times[0] - EDGE_S), times[-1] + EDGE_S
        parts.append(Text(text=f"[{moment_head(label, video, start, end, 'shown')}]\n"))
        parts.append(frames_of([found.pixels[i] for i in group], times))
        moments.append((label, start, end))
    evidence: list[Quote] = []
    for line in heard:
        label = f"E{len(moments) + 1}"
        evidence.append((moment_head(label, video, line.start, line.end, line.kind), line.text))
        moments.append((label, line.start, line.end))
    cited = [
        {"label": label}
        for label, start, end in moments
        if lesson.spans and start <= lesson.spans[0][0] <= lesson.spans[0][1] + EDGE_S
        and lesson.spans[0][0] <= end
    ][:1]  # fmt: skip
    options = options_of(rng, lesson)
    request = answer_request(*parts, question=lesson.asked, options=options, evidence=evidence)
    turns = [(request, answer_reply(lesson, options, cited))]
    return Sample(tuple(turns), found.pixels, strip.frames)


def best_first(rng: np.random.Generator, heard: Sequence[Heard], lesson: Lesson) -> list[Heard]:
    """The lines, half of the time with the one that tells the answer in front, where a search has
    it."""
    told = [h for h in heard if (h.start, h.end) in lesson.spans]
    if not told or rng.random() < 0.5:
        return list(heard)
    return [*told, *(h for h in heard if h not in told)]


def any_shot(rng: np.random.Generator, days: Sequence[Reel], most_tokens: int) -> Shot:
    """One stretch, as looks have it, or several, as all else has them.

    Args:
        most_tokens: of its frames.
    """
    return (shot if rng.random() < 0.4 else cut_together)(rng, days, most_tokens)


def judge(rng: np.random.Generator, days: Sequence[Reel], most_tokens: int) -> Sample:
    """Yes or no about each frame, as presets ask that score frames by a model.

    Args:
        most_tokens: of its frames.
    """
    found = shot(rng, days, min(JUDGED_TOKENS, most_tokens))
    strip = found.strip
    lesson = ask(rng, strip, {family: FROM_FRAMES[family] for family in ("put", "when")})
    there = [int(any(a <= time <= b for a, b in lesson.spans)) for time in strip.times]
    pictures = frames_of(found.pixels, strip.times).pictures
    request = frames_request(pictures, question=lesson.asked, objects=())
    return Sample(((request, json.dumps({"yes": there})),), found.pixels, strip.frames)


def read(rng: np.random.Generator, days: Sequence[Reel], most_tokens: int) -> Sample:
    """One call with frames or lines or both, as comparators make it.

    Args:
        most_tokens: of its frames; 0 for lines alone.
    """
    if most_tokens and rng.random() < 0.7:
        shown = any_shot(rng, days, most_tokens)
    else:
        heard = invented(rng, int(rng.choice((2, 4, 8, 16, 24))))
        strip = Strip(times=(), frames=(), heard=tuple(heard))
        shown = Shot(strip=strip, start=0.0, end=heard[-1].end + 5)
    return read_from(rng, shown)


def read_from(
    rng: np.random.Generator, shown: Shot, families: dict[str, tuple[Ask, float]] | None = None
) -> Sample:
    """One call with these frames and lines; of these families of questions, or of all."""
    strip = shown.strip
    lesson = ask(rng, strip, families)
    options = options_of(rng, lesson)
    video = f"V{rng.integers(1, 4)}"
    rule = MAY_ABSTAIN if rng.random() < 0.95 else GUESS
    request = _read_request(shown, video, lesson.asked, options, rule)
    turns = [(request, answer_reply(lesson, options, cited_stretches(lesson, video)))]
    for _ in range(FURTHER):
        more = ask(rng, strip, families)
        options = options_of(rng, more)
        asked = _further(f"{more.asked}\n{option_lines(options)}")
        turns.append((asked, answer_reply(more, options, cited_stretches(more, video))))
    return Sample(tuple(turns), shown.pixels, strip.frames)


def _read_request(
    shown: Shot, video: str, question: str, options: Sequence[str], rule: str
) -> Request:
    """As `longtake.eval.reading` words it."""
    head = f"Video {video}, {seconds(shown.end)} s."
    parts: list[Part] = [Text(text=head)]
    if shown.pixels:
        parts = [Text(text=f"{head} Frames:"), frames_of(shown.pixels, shown.strip.times)]
    words = render(
        "eval_read",
        lines=data_lines(quotes(shown.strip.heard, video)),
        question=question,
        options=option_lines(options),
        rule=rule,
    )
    system = Message(role="system", parts=(Text(text=render("eval_system")),))
    user = Message(role="user", parts=(*parts, Text(text=words)))
    return Request(messages=(system, user), max_tokens=ANSWER_TOKENS)
