"""OCR targets: how much the gates and the line cache save, and that they lose nothing.

`python -m bench.ocr [--quick]`. Human lines on stderr, one JSON object a row on stdout. CPU
seconds; gated and ungated runs of the same engine alternate in one process.
"""

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from longtake.config import Settings
from longtake.index.decode import DecodePass, DecodePlan, SampledFrame
from longtake.index.lanes import U8, Cue, StageResult, TextReader
from longtake.index.text import CueReader, build_reader, fit

VOCABULARY = (
    "light water sugar leaf carbon oxygen energy process stage results voltage current battery "
    "order number tree river mountain history engine pressure valve market price table column "
    "vector signal noise sample frame video index search answer question budget token model"
).split()
FPS = 10
LECTURE = Path(__file__).resolve().parent.parent / "examples" / "lecture.mp4"


class Deck:
    """A 720p deck: slides of four bullets with a page footer, and burnt-in subtitles."""

    def __init__(self, seconds: float, seed: int) -> None:
        self._random = random.Random(seed)
        self.slides: list[tuple[float, list[str]]] = []
        self.subtitles: list[tuple[float, str]] = []
        at = 0.0
        while at < seconds:
            lines = [self._line(5).capitalize() for _ in range(5)]
            self.slides.append((at, [*lines, f"Example lecture, page {len(self.slides) + 1}"]))
            at += self._random.uniform(8, 16)
        at = 0.0
        while at < seconds:
            self.subtitles.append((at, self._line(6)))
            at += self._random.uniform(2.5, 4)

    @property
    def distinct(self) -> int:
        return len(self.subtitles) + sum(len(lines) for _, lines in self.slides)

    def picture(self, at: float) -> U8:
        lines = [lines for start, lines in self.slides if start <= at][-1]
        subtitle = [text for start, text in self.subtitles if start <= at][-1]
        image = Image.new("RGB", (1280, 720), (245, 245, 240))
        draw = ImageDraw.Draw(image)
        draw.text((80, 40), lines[0], font=ImageFont.load_default(46), fill=(20, 20, 90))
        for row, text in enumerate(lines[1:-1]):
            draw.text(
                (100, 150 + 70 * row), text, font=ImageFont.load_default(30), fill=(30, 30, 30)
            )
        draw.text((80, 685), lines[-1], font=ImageFont.load_default(18), fill=(90, 90, 90))
        draw.text(
            (640, 620),
            subtitle,
            font=ImageFont.load_default(30),
            fill=(255, 255, 255),
            stroke_width=3,
            stroke_fill=(0, 0, 0),
            anchor="ma",
        )
        return np.asarray(image)

    def _line(self, words: int) -> str:
        return " ".join(self._random.choice(VOCABULARY) for _ in range(words))


def encode(path: Path, show: Callable[[float], U8], seconds: float) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.options = {"crf": "23", "preset": "veryfast"}
        for index in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(show(index / FPS), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def sample(path: Path) -> list[SampledFrame]:
    events = DecodePass(path, DecodePlan(fps=1.0, small=False, audio=None))
    return [event for event in events if isinstance(event, SampledFrame)]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def gated(
    frames: list[SampledFrame], reader: TextReader, settings: Settings
) -> tuple[float, list[Cue], StageResult]:
    started = time.process_time()
    lane = CueReader(reader, settings)
    for frame in frames:
        lane.push(frame)
    cues, result = lane.finish(frames[-1].time + 1)
    return time.process_time() - started, cues, result


def ungated(
    frames: list[SampledFrame], reader: TextReader, settings: Settings
) -> tuple[float, list[list[str]]]:
    """Every frame detected and read whole; words by frame."""
    started = time.process_time()
    seen = []
    for frame in frames:
        boxes = reader.detect(frame.rgb(*fit(frame, settings.text.detect_px)))
        lines = reader.recognise(frame.rgb(frame.width, frame.height), boxes)
        sure = [line.text for line in lines if line.confidence >= settings.text.min_confidence]
        seen.append([word for text in sure for word in words(text)])
    return time.process_time() - started, seen


def recall(frames: list[SampledFrame], cues: list[Cue], seen: list[list[str]]) -> float:
    """Share of the words of each ungated frame that a cue shows at that time."""
    asked = found = 0
    for frame, spoken in zip(frames, seen, strict=True):
        shown = {w for cue in cues if cue.start <= frame.time < cue.end for w in words(cue.text)}
        asked += len(spoken)
        found += sum(word in shown for word in spoken)
    return found / asked


def row(name: str, measured: float, limit: float, better: str, note: str) -> None:
    fields = {"target": "7", "name": name, "measured": round(measured, 3), "limit": limit}
    print(json.dumps({**fields, "better": better, "unit": "ratio", "note": note}), flush=True)


def bench_slides(reader: TextReader, settings: Settings, *, seconds: float, rounds: int) -> None:
    deck = Deck(seconds, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.mp4"
        encode(path, deck.picture, seconds)
        frames = sample(path)
    gated(frames[:5], reader, settings)
    ratios, costs = [], []
    for number in range(rounds):
        fast, cues, result = gated(frames, reader, settings)
        slow, seen = ungated(frames, reader, settings)
        ratios.append(slow / fast)
        costs.append(fast / len(frames))
        print(f"round {number}: ungated {slow:.2f} s, gated {fast:.2f} s CPU", file=sys.stderr)
    print(f"gated run: {result.stats}", file=sys.stderr)
    note = f"{len(frames)} s of slides, gated {statistics.median(costs):.3f} core-s per video-s"
    row("OCR on slides: ungated / gated CPU", statistics.median(ratios), 3.0, "higher", note)
    share = recall(frames, cues, seen)
    row("OCR on slides: word recall of ungated", share, 0.98, "higher", f"{len(cues)} cues")
    calls = float(result.stats["read"]) / deck.distinct
    row("OCR on slides: lines read / distinct lines", calls, 1.3, "lower", f"{deck.distinct} lines")


def bench_motion(reader: TextReader, settings: Settings) -> None:
    """Moving pictures without text: what is left is one detection a frame."""
    shots = json.loads(LECTURE.with_suffix(".json").read_text("utf-8"))["shots"]
    moving = [(start + 1, end - 1) for start, end, kind in shots if kind == "motion"]
    started = time.process_time()
    frames = sample(LECTURE)
    decode = (time.process_time() - started) / len(frames)
    frames = [f for f in frames if any(start <= f.time <= end for start, end in moving)]
    spent, _, result = gated(frames, reader, settings)
    started = time.process_time()
    for frame in frames:
        reader.detect(frame.rgb(*fit(frame, settings.text.detect_px)))
    alone = time.process_time() - started
    lane = spent / len(frames)
    share = lane / (lane + decode)
    print(f"moving pictures: {result.stats}", file=sys.stderr)
    note = (
        f"{lane:.3f} core-s per video-s, {share:.0%} of text and decoding together "
        f"(decoding alone {decode:.3f})"
    )
    row("OCR on moving pictures: lane / detection alone", spent / alone, 1.5, "lower", note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    settings = Settings(threads=1)
    reader = build_reader(settings)
    print(f"engine {reader.identity}", file=sys.stderr)
    bench_slides(reader, settings, seconds=30 if quick else 60, rounds=1 if quick else 3)
    bench_motion(reader, settings)


if __name__ == "__main__":
    main()
