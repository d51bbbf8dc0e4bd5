"""A tiny benchmark with a known truth: in each video one colour is seen for a short while, and the
question is when. Its reader sees colours by arithmetic (tests/agent/seeing.py)."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from longtake.agent.replies import AnswerReply
from longtake.eval.benchmarks import tables
from longtake.eval.benchmarks.contract import Facts
from longtake.eval.judgement import Judgement, Response, Row, Scored
from longtake.eval.samples import Evidence, Loaded, Sample
from longtake.timing import Span
from longtake.tools.vlm.messages import Frames, Request, words_of
from tests.agent.seeing import Eyes, asked_colour, colour_of
from tests.data.colours import write_colours

LENGTH_S = 60.0
NEEDLES = (("green", 12.0), ("blue", 33.0), ("yellow", 47.5))
"""Colour and start of each video's short moment; all else is red, then white."""
NEEDLE_S = 2.0
STRETCHES = ("0-15 s", "15-30 s", "30-45 s", "45-60 s")
LETTERS = {"green": "A", "blue": "C", "yellow": "D"}
SPOKEN = "1\n00:00:05,000 --> 00:00:08,000\nGood morning.\n"


def write_world(folder: Path) -> Path:
    """Three videos of a minute, one of them with subtitles."""
    for colour, start in NEEDLES:
        rest = LENGTH_S - start - NEEDLE_S
        write_colours(
            folder / f"{colour}.mp4",
            [("red", start), (colour, NEEDLE_S), ("white", rest)],
            width=160,
            height=90,
            fps=8,
        )
    (folder / "texts").mkdir()
    (folder / "texts" / "green.srt").write_text(SPOKEN)
    (folder / "annotations.txt").write_text("the truth")
    return folder


@dataclass(frozen=True, slots=True)
class Colours(Facts):
    """Questions about the videos of `write_world`: when is a colour seen, and one that never is
    (twins)."""

    twins: bool = False

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`."""
        samples = []
        for colour, start in NEEDLES:
            video = data / f"{colour}.mp4"
            sample = Sample(
                sample_id=f"{colour}-when",
                video=colour,
                video_path=video if video.is_file() else None,
                question=f"When is the screen {colour}?",
                kind="option",
                options=STRETCHES,
                answer=LETTERS[colour],
                evidence=(Evidence(video=colour, span=Span(start, start + NEEDLE_S)),),
                axes={"task": "when", "duration": "short"},
                duration_s=LENGTH_S,
                subtitles=data / "texts" / f"{colour}.srt" if subtitles else None,
                twin=f"{colour}-never" if self.twins else None,
            )
            if sample.subtitles is not None and not sample.subtitles.is_file():
                sample = replace(sample, subtitles=None)
            samples.append(sample)
            if self.twins:
                samples.append(
                    replace(
                        sample,
                        sample_id=f"{colour}-never",
                        question="When is the screen black?",
                        answer=None,
                        answerable=False,
                        evidence=(),
                        axes={"task": "never", "duration": "short"},
                        twin=sample.sample_id,
                    )
                )
        return Loaded(
            benchmark=self.name,
            split=split,
            samples=tuple(samples),
            expected=self.splits[split],
            revision="colours-1",
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """The first capital letter of the reply; without one it is not counted."""
        found = re.search("[A-D]", response.text) if response is not None else None
        right = found is not None and found[0] == sample.answer
        return Judgement(
            parsed=found[0] if found else None, score=float(right), counted=found is not None
        )

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Accuracy over questions."""
        return (tables.row(scored, "accuracy"), *tables.by_axis(scored, "task", "accuracy"))


COLOURS = Colours("colours", {"test": 3}, "CC0")
TWINS = Colours("colours-twins", {"test": 6}, "CC0", twins=True)


def reader() -> Eyes:
    """Eyes that also read options which are stretches of time."""
    return Eyes({AnswerReply: read})


def read(request: Request) -> str:
    """The answer to a question of this benchmark, from frames or from what looks saw."""
    words = words_of(request.messages[1:2])
    question = re.findall(r"^Question: (.*)$", words, re.M)[-1]
    wanted = asked_colour(question) or "?"
    frames = [p for m in request.messages for p in m.parts if isinstance(p, Frames)]
    if frames:
        pictures = frames[0].pictures
        times = [p.time for p in pictures if colour_of(p.jpeg) == wanted]
        gap = min(1.0, (pictures[-1].time - pictures[0].time) / max(1, len(pictures) - 1) / 2)
        moment = (min(times) - gap, max(times) + gap) if times else None
        label = "V1"
    else:
        seen = re.findall(r'^\[(E\d+), V\d+, ([\d.]+)-([\d.]+) s, seen\] "(.*)"$', words, re.M)
        found = [(name, float(a), float(b)) for name, a, b, text in seen if f"is {wanted}" in text]
        moment = found[0][1:] if found else None
        label = found[0][0] if found else ""
    letter = _letter(words, moment)
    if moment is None or letter is None:
        guessed = "A" if "most likely" in words else None
        return json.dumps({"answer": "", "option": guessed, "confidence": 0.2, "evidence": []})
    return json.dumps(
        {
            "answer": f"The screen is {wanted}.",
            "option": letter,
            "confidence": 0.9,
            "evidence": [{"label": label, "from": max(0.0, moment[0]), "to": moment[1]}],
        }
    )


def _letter(words: str, moment: tuple[float, float] | None) -> str | None:
    if moment is None:
        return None
    middle = sum(moment) / 2
    options = re.findall(r"([A-Z])\) (\d+)-(\d+) s", words)
    return next((a for a, start, end in options if int(start) <= middle < int(end)), None)
