"""A run as one HTML page that needs nothing else: no server, no network, no script to be read.

Everything that comes from videos and models is escaped; a content security policy with the hashes
of the page's own style and script keeps all else from running.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from longtake import __version__, receipt_text
from longtake.render_run import (
    asked,
    call_words,
    evidence_words,
    mode_words,
    support_words,
    tokens_of,
)
from longtake.replay_html import Html, element, escaped, joined, moment, paragraphs
from longtake.replay_look import figure, look_article
from longtake.replay_pictures import Pictures, shared
from longtake.replay_timeline import Mark, mark_of, timeline, tokens_bar
from longtake.run_look import counted
from longtake.run_story import Step, Story, story_of
from longtake.timing import Span, format_time

if TYPE_CHECKING:
    from longtake.agent.receipt import Receipt
    from longtake.index.records import RunRecord
    from longtake.tools.library import Library

_LANES = {"speech": "said", "text": "on screen", "visual": "seen"}


def page(library: "Library", record: "RunRecord") -> str:
    """The replay page of a stored run.

    Frames are decoded from the videos, at most `replay_pictures.MOST_FRAMES` of at most
    `replay_pictures.LONGER_SIDE_PX` pixels; the page says what it leaves out and which videos
    could not be read.
    """
    return _Page(library, story_of(record)).written(_data(record))


class _Page:
    def __init__(self, library: "Library", story: Story) -> None:
        self._story = story
        self._videos = {video.id: video for video in library.videos()}
        self._pictures = Pictures(library)
        self._evidence: Sequence[Mapping[str, Any]] = story.answer["evidence"]
        self._leads: Sequence[Mapping[str, Any]] = story.answer["leads"]

    def written(self, data: str) -> str:
        """The whole page."""
        answer = self._answer()
        steps = self._steps()
        style, script = page_part("style.css"), page_part("script.js")
        return Template(page_part("template.html")).substitute(
            policy=page_policy(style, script),
            style=style,
            script=script,
            data=data,
            title=escaped(self._story.question),
            facts=self._facts(),
            answer=answer,
            timelines=self._timelines(),
            budget=_budget(self._story.receipt) if self._story.receipt else "",
            steps=steps,
            remarks=self._remarks(),
            version=escaped(__version__),
        )

    def _facts(self) -> Html:
        story = self._story
        facts = [asked(story.asked_at), mode_words(story)]
        if story.receipt is not None:
            facts.append(f"{tokens_of(story)} tokens")
        if story.seconds is not None:
            facts.append(f"{story.seconds:.1f} s")
        facts.append(f"run {story.id[:8]}")
        return joined(element("li", fact) for fact in facts)

    def _answer(self) -> Html:
        given = self._story.answer
        parts = [paragraphs(given["text"])]
        if given["option"] is not None:
            parts.append(element("p", "Option: ", element("strong", given["option"])))
        if not given["abstained"]:
            sure = f"confidence {given['confidence']:.2f}{support_words(given)}"
            parts.append(element("p", sure, class_="quiet"))
        parts += [element("p", note, class_="note") for note in given["notes"]]
        said = element("div", *parts, class_="said")
        pieces = [self._piece(piece, f"E{i}") for i, piece in enumerate(self._evidence, 1)]
        leads = [self._piece(piece, f"W{i}") for i, piece in enumerate(self._leads, 1)]
        shown = [said, element("ol", *pieces, class_="pieces")] if pieces else [said]
        if leads:
            summary = element("summary", f"Worth a look ({len(leads)})")
            shown.append(element("details", summary, element("ol", *leads, class_="pieces")))
        return joined(shown)

    def _piece(self, piece: Mapping[str, Any], name: str) -> Html:
        span = Span(piece["start_s"], piece["end_s"])
        lane = str(piece["lane"])
        frames = self._pictures.of(piece["video_id"], [span.middle])
        caption = f"{name}, {piece['video_title']}, {format_time(span.middle)}"
        head = [
            element("b", name),
            element("span", _LANES.get(lane, lane), class_=f"lane-{lane} tag"),
            element("span", piece["video_title"], class_="video"),
            moment(Path(piece["video_path"]), span),
        ]
        if piece.get("view"):
            head.append(element("a", f"look {piece['view']}", href=f"#{piece['view']}"))
        body = element(
            "div",
            element("p", *(part for item in head for part in (item, " ")), class_="head"),
            element("p", evidence_words(piece), class_="words"),
        )
        shown = [figure(frame, caption) for frame in frames] or [self._no_picture(piece)]
        return element("li", *shown, body, id=name)

    def _no_picture(self, piece: Mapping[str, Any]) -> Html:
        fault = self._pictures.faults.get(piece["video_id"])
        said = "no picture" if fault is None else f"no picture: {fault}"
        return element("p", said, class_="missing")

    def _timelines(self) -> Html:
        marks: dict[str, list[Mark]] = {}
        for i, piece in enumerate(self._evidence, 1):
            span = Span(piece["start_s"], piece["end_s"])
            mark = Mark(
                row="evidence", span=span, title=f"E{i} {evidence_words(piece)}", target=f"E{i}"
            )
            marks.setdefault(piece["video_id"], []).append(mark)
        for look in self._story.looks:
            marks.setdefault(look.video_id, []).append(mark_of(look))
        return joined(self._timeline(video_id, found) for video_id, found in marks.items())

    def _timeline(self, video_id: str, marks: Sequence[Mark]) -> Html:
        video = self._videos.get(video_id)
        last = max(mark.span.end for mark in marks)
        duration = last if video is None else max(video.duration, last)
        head = [element("h3", self._name(video_id))]
        if video is not None:
            head.append(moment(video.path, Span(0.0, duration)))
        return element("section", element("header", *head), timeline(marks, duration))

    def _name(self, video_id: str) -> str:
        video = self._videos.get(video_id)
        return f"video {video_id[:8]}" if video is None else video.title

    def _steps(self) -> Html:
        looks = self._story.looks
        counts = [sum(group.pictures for group in look.shown) for look in looks]
        shares = shared(counts, self._pictures.room)
        most = {look.id: share for look, share in zip(looks, shares, strict=True)}
        return joined(self._step(step, most) for step in self._story.steps)

    def _step(self, step: Step, most: Mapping[str, int]) -> Html:
        body = [element("p", line) for line in step.lines]
        body += [
            look_article(
                look,
                self._pictures,
                video=self._videos.get(look.video_id),
                name=self._name(look.video_id),
                most=most[look.id],
            )
            for look in step.looks
        ]
        if step.calls:
            calls = [element("li", call_words(call)) for call in step.calls]
            body.append(element("ul", *calls, class_="calls"))
        if not body:
            return element("li", element("p", *_head(step), class_="step"))
        summary = element("summary", *_head(step))
        return element(
            "li", element("details", summary, *body, class_=f"step {step.kind}", open="")
        )

    def _remarks(self) -> Html:
        said = ["Pictures beside words are for you: a model saw only the frames of its looks."]
        if self._pictures.left_out:
            said.append(f"{counted(self._pictures.left_out, 'frame')} left out of this page.")
        said += [
            f"No pictures of {self._name(video_id)}: {fault}"
            for video_id, fault in self._pictures.faults.items()
        ]
        return joined(element("p", line) for line in said)


def _head(step: Step) -> tuple[Html, ...]:
    at = "" if step.at_s is None else f"{step.at_s:.1f} s"
    return element("b", step.title), element("span", step.detail), element("time", at)


def _budget(receipt: "Receipt") -> Html:
    head = element(
        "tr", *(element("th", name, scope="col") for name in receipt_text.columns(receipt))
    )
    body = [
        element("tr", *(element("td", cell) for cell in row)) for row in receipt_text.rows(receipt)
    ]
    table = element("table", element("thead", head), element("tbody", *body))
    warned = [
        element("p", item.text, class_="grave" if item.grave else "note", role="alert")
        for item in receipt_text.warnings(receipt)
    ]
    said = [element("p", remark, class_="quiet") for remark in receipt_text.remarks(receipt)]
    calls = element(
        "details", element("summary", "Every call"), element("div", table, class_="wide"), *said
    )
    return element(
        "section",
        element("h2", "Tokens"),
        element("p", receipt_text.heading(receipt), class_="quiet"),
        tokens_bar(receipt),
        *warned,
        calls,
        id="budget",
    )


def _data(record: "RunRecord") -> str:
    """The stored run as JSON that cannot end the script element it stands in."""
    run = {
        "id": record.id,
        "asked_at": record.asked_at,
        "question": record.question,
        "answer": record.answer,
        "receipt": record.ledger or None,
        "trace": record.trace,
    }
    written = json.dumps(run)
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def page_policy(style: str, script: str) -> str:
    """A content security policy under which nothing but this style and script is in force."""
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def page_part(name: str) -> str:
    """A file of the folder `replay_page`."""
    return (resources.files("longtake") / "replay_page" / name).read_text(encoding="utf-8")
