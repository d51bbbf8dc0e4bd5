"""Samples of a report, one by one: question and truth, what every run answered, cited, was sent and
did, with the frames it was sent."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from longtake.errors import LongtakeError
from longtake.render_run import call_words, seen_words
from longtake.replay_html import Html, element, escaped, joined
from longtake.replay_pictures import Pictures, Thumbnail, shared
from longtake.report_lanes import lanes
from longtake.run_look import counted
from longtake.run_story import Step, story_of
from longtake.timing import format_time

if TYPE_CHECKING:
    from longtake.eval.records import Record
    from longtake.eval.results import Result
    from longtake.eval.samples import Sample
    from longtake.tools.library import Library

MOST_RAW = 4000
"""Characters of a reply."""


class Samples:
    """Draws samples that several runs answered.

    Attributes:
        left_out: frames that are not in the page, to keep it small.
    """

    def __init__(self, results: "Sequence[Result]", *, most: int, pictures: int) -> None:
        from longtake.eval.libraries import read_costs

        self._results = results
        self._scores = [result.scores() for result in results]
        self._most = most
        self._stack = ExitStack()
        self._ids: dict[str, str] = {}
        for result in results:
            costs = read_costs(result.log.folders)
            self._ids |= {video: cost.video_id for video, cost in costs.items()}
        self._library = self._opened()
        self._pictures = (
            None if self._library is None else Pictures(self._library, most_frames=pictures)
        )
        self._budget = pictures
        self.left_out = 0

    def _opened(self) -> "Library | None":
        """The library that the runs used, beside their folders; None where it is gone."""
        from longtake.tools.library import Library

        for result in self._results:
            for folder in result.log.folders:
                place = folder.parent / "library"
                if place.is_dir():
                    try:
                        return self._stack.enter_context(Library.open(place))
                    except LongtakeError:
                        continue
        return None

    def drawn(self) -> Html:
        """The samples, those on which runs disagree first."""
        chosen = self._chosen()
        if not chosen:
            return Html("")
        wanted = [self._frames_of(sample.sample_id) for sample in chosen]
        shares = shared(wanted, self._budget)
        made = [self._sample(s, share) for s, share in zip(chosen, shares, strict=True)]
        if self._pictures is not None:
            self.left_out = self._pictures.left_out
        self._stack.close()
        names = (("all", "all"), ("differ", "runs differ"), ("wrong", "all wrong"),
                 ("right", "all right"), ("odd", "not ok"))  # fmt: skip
        filters = [
            element("button", said, type="button", data_kind=kind,
                    aria_pressed="true" if kind == "all" else "false")
            for kind, said in names
        ]  # fmt: skip
        return joined([element("div", *filters, class_="filters"), *made])

    def _chosen(self) -> "list[Sample]":
        samples = {s.sample_id: s for result in self._results for s in result.samples}
        answered = [
            s for s in samples.values() if any(self._records(s.sample_id, r) for r in self._results)
        ]
        order = {"differ": 0, "wrong": 1, "right": 2}
        return sorted(answered, key=lambda s: order[self._kind(s.sample_id)])[: self._most]

    def _records(self, sample_id: str, result: "Result") -> "list[Record]":
        found = (result.records.get((sample_id, seed)) for seed in result.seeds)
        return [record for record in found if record is not None]

    def _marks(self, sample_id: str) -> list[float]:
        return [scores[sample_id] for scores in self._scores if sample_id in scores]

    def _kind(self, sample_id: str) -> str:
        marks = self._marks(sample_id)
        if marks and min(marks) == 1:
            return "right"
        return "differ" if marks and max(marks) == 1 else "wrong"

    def _frames_of(self, sample_id: str) -> int:
        return sum(
            len(record.frames)
            for result in self._results
            for record in self._records(sample_id, result)[:1]
        )

    def _sample(self, sample: "Sample", share: int) -> Html:
        kinds = [self._kind(sample.sample_id)]
        runs = [(r, rec) for r in self._results for rec in self._records(sample.sample_id, r)[:1]]
        if any(record.status != "ok" for _, record in runs):
            kinds.append("odd")
        marks = "".join(
            "\u25cf" if mark == 1 else "\u25cb" for mark in self._marks(sample.sample_id)
        )
        summary = element(
            "summary",
            element("span", sample.question, class_="q"),
            element("span", marks, class_="marks", title="right runs are filled"),
            element("span", sample.sample_id, class_="quiet"),
        )
        facts = [f"{axis}: {value}" for axis, value in sample.axes.items()]
        if sample.duration_s:
            facts.append(format_time(sample.duration_s))
        parts = [
            element("ul", *(element("li", fact) for fact in facts), class_="facts"),
            self._truth(sample),
            lanes(sample, runs),
        ]
        counts = [len(record.frames) for _, record in runs]
        shares = shared(counts, share)
        parts += [
            self._one(sample, result, record, most)
            for (result, record), most in zip(runs, shares, strict=True)
        ]
        return element(
            "details",
            summary,
            element("div", *parts),
            class_="sample",
            id=f"sample-{sample.sample_id}",
            data_kinds=" ".join(kinds),
        )

    def _truth(self, sample: "Sample") -> Html:
        if sample.options:
            items = [
                element(
                    "li",
                    f"{chr(ord('A') + place)}. {text}",
                    class_="truth" if chr(ord("A") + place) == sample.answer else None,
                )
                for place, text in enumerate(sample.options)
            ]
            if not sample.answerable:
                items.append(element("li", "none of them: it cannot be answered", class_="truth"))
            return element("ul", *items, class_="options")
        said = "it cannot be answered" if not sample.answerable else _words(sample.answer)
        return element("p", "Truth: ", element("strong", said))

    def _one(self, sample: "Sample", result: "Result", record: "Record", most: int) -> Html:
        score = result.scores().get(sample.sample_id)
        verdict = "unknown" if score is None else "right" if score == 1 else "wrong"
        if score is not None and 0 < score < 1:
            verdict = f"score {score:.2f}"
        said = f"answered {record.option or record.answer_text or 'nothing'}"
        facts = [
            "abstained" if record.abstained else said,
            "" if record.status == "ok" else record.status,
            "" if record.confidence is None else f"confidence {record.confidence:.2f}",
            f"{record.spent.total:,} of {record.budget:,} tokens in "
            f"{counted(record.spent.calls, 'call')}",
            f"{record.spent.visual:,} visual, {record.spent.text_in:,} text, "
            f"{record.spent.out:,} out",
            counted(len(record.frames), "frame"),
            f"{record.seconds.get('ask', 0.0):.1f} s",
            "" if record.answered_by == "model" else f"answered by {record.answered_by}",
        ]
        head = element(
            "p",
            element("b", result.identity.label),
            " ",
            element("span", verdict, class_="right" if score == 1 else "wrong"),
        )
        parts = [head, element("ul", *(element("li", f) for f in facts if f), class_="facts")]
        if record.error:
            parts.append(element("p", record.error, class_="note"))
        parts += self._strip(sample, record, most)
        parts += self._steps(record)
        if record.raw_response:
            raw = record.raw_response[:MOST_RAW]
            shown = element("pre", Html("\n".join(escaped(line) for line in raw.split("\n"))))
            parts.append(element("details", element("summary", "Reply as it came"), shown))
        return element("div", *parts, class_="one")

    def _strip(self, sample: "Sample", record: "Record", most: int) -> list[Html]:
        if not record.frames or self._pictures is None:
            return []
        figures: list[Html] = []
        by_look: dict[tuple[str, tuple[float, float, float, float] | None], list[float]] = {}
        for frame in record.frames:
            by_look.setdefault((frame.video, frame.crop), []).append(frame.t_s)
        shares = shared([len(times) for times in by_look.values()], most)
        for ((video, crop), times), share in zip(by_look.items(), shares, strict=True):
            video_id = self._ids.get(video)
            if video_id is None:
                continue
            spans = [piece.span for piece in sample.evidence if piece.video == video]
            for made in self._pictures.of(video_id, sorted(times), crop=crop, most=share):
                hit = any(span.start <= made.time <= span.end for span in spans)
                figures.append(_figure(made, video, hit))
        left = len(record.frames) - len(figures)
        parts = [element("div", *figures, class_="frames")] if figures else []
        if left > 0:
            parts.append(element("p", f"{counted(left, 'frame')} not shown here", class_="quiet"))
        return parts

    def _steps(self, record: "Record") -> list[Html]:
        if record.agent_run is None or self._library is None:
            return []
        try:
            story = story_of(self._library.store.run(record.agent_run))
        except LongtakeError:
            return []
        items = [element("li", *_step(step)) for step in story.steps]
        summary = element("summary", f"{counted(len(items), 'step')} of the agent")
        return [element("details", summary, element("ol", *items, class_="steps"), open="")]


def _step(step: Step) -> list[Html]:
    at = "" if step.at_s is None else f"{step.at_s:.1f} s"
    parts = [
        element(
            "p",
            element("b", step.title),
            element("span", step.detail),
            element("time", at),
            class_="step",
        )
    ]
    parts += [element("p", line, class_="why") for line in step.lines]
    for look in step.looks:
        seen = f"{look.id} {look.kind} {look.span}, {look.shape}: {seen_words(look)}"
        parts.append(element("p", seen))
    if step.calls:
        calls = [element("li", call_words(call)) for call in step.calls]
        parts.append(element("ul", *calls, class_="calls"))
    return parts


def _figure(frame: Thumbnail, video: str, hit: bool) -> Html:
    at = format_time(frame.time)
    image = element(
        "img",
        src=frame.source,
        width=frame.width,
        height=frame.height,
        alt=f"{video}, {at}",
        loading="lazy",
        decoding="async",
    )
    caption = f"{at} (evidence)" if hit else at
    return element("figure", image, element("figcaption", caption), class_="in" if hit else None)


def _words(answer: object) -> str:
    if answer is None:
        return "kept by the benchmark's owners"
    if isinstance(answer, tuple):
        return ", ".join(str(item) for item in answer)
    return str(answer)
