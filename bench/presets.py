"""What every preset shows of real videos that were indexed, and what it costs to show:

    python -m bench.presets [--hours 2] [--only generated|lecture]

Generated: a video of colour stretches of 20 to 90 s, 160x90 at two frames a second, in which the
screen turns green for 3 to 8 s six times an hour; subtitles every half minute, of which every
second green has one that mentions it. Asked is when the screen is green. Lecture: the example
lecture with the questions that it answers, its sentences as subtitles and its slides read.
Both are indexed without frame embeddings, so that presets that need them cannot run; they are in
`bench.selection`.

First table: `gather` once a question and `choose` at each budget. Hits are moments of which at
least one frame is chosen, whatever its size; tokens are the price of all that is chosen, at the
sizes that the agent shows. Second: the agent's first look at its budget of 16,000 tokens, from a
forecast. No model is asked: `quota` goes by relevance in the first table, and its first look keeps
the tokens of its questions free. Seconds are wall time of one `choose`, the slowest.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from longtake import Agent, Library, Settings, Span
from longtake.agent.preset_views import shown_of_picks
from longtake.errors import UsageError
from longtake.export import Caption, as_srt
from longtake.index.lanes import StageName
from longtake.tools.select.choose import choose, missing
from longtake.tools.select.presets import PRESETS
from longtake.tools.select.signals import Gathered, gather
from longtake.tools.vlm.messages import Price, Reply, Request
from longtake.tools.vlm.pricing import Pricer
from tests.data.colours import write_colours

BUDGETS = (8, 16, 32, 64)
MODELS = {"qwen2.5-vl": True, "gpt-4o": False}
"""Name -> whether frames go as one video."""
LOOK_TOKENS = 16_000
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
QUESTION = "When is the screen green?"
FPS = 2


class Priced:
    """A model that only prices."""

    def __init__(self, name: str, *, as_video: bool) -> None:
        self.name = self.identity = name
        self._pricer = Pricer.for_model(name, as_video=as_video)

    def price(self, request: Request) -> Price:
        return self._pricer.price(request)

    async def ask(self, request: Request) -> Reply:
        raise UsageError("this model only prices")

    async def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and the moments that answer it."""

    question: str
    moments: tuple[Span, ...]

    def hits(self, times: Sequence[float]) -> int:
        """Moments that one of these seconds lies in."""
        return sum(any(m.start <= time < m.end for time in times) for m in self.moments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0, help="length of the generated video")
    parser.add_argument("--only", choices=("generated", "lecture"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if options.only != "lecture":
            asked = write_generated(place, options.hours * 3600)
            told(f"{options.hours:g} h of colours", place, "colours.mp4", asked)
        if options.only != "generated":
            questions = write_lecture(place)
            told("the example lecture", place, "lecture.mp4", questions)


def told(title: str, place: Path, name: str, asked: Sequence[Asked]) -> None:
    """Index a video and print its tables."""
    began = time.perf_counter()
    stages = {StageName.SHOTS, StageName.SPEECH, StageName.SENTENCES}
    if name == "lecture.mp4":
        stages.add(StageName.TEXT)
    with Library.open(place / f"{name}.library", Settings(offline=True), create=True) as library:
        assert library.index([place / name], only=stages).ok
        indexed = time.perf_counter() - began
        (video,) = library.videos()
        moments = sum(len(question.moments) for question in asked)
        print(
            f"\n## {title}: {video.duration:.0f} s, {len(asked)} questions, {moments} moments, "
            f"indexed in {indexed:.0f} s\n"
        )
        gathered = [gather(library, video.id, [question.question]) for question in asked]
        able = [
            preset.name
            for preset in PRESETS.values()
            if not missing(preset, gathered[0].items, gathered[0].signals)
        ]
        selections(library, asked, gathered, able)
        first_looks(library, asked, able)
        unable = [name for name in PRESETS if name not in able]
        print(f"\nNot run, they need frame embeddings: {', '.join(unable)}")


def selections(
    library: Library, asked: Sequence[Asked], gathered: Sequence[Gathered], able: Sequence[str]
) -> None:
    """Hits, frames and tokens of what is chosen at each budget."""
    (video,) = library.videos()
    models = [Priced(name, as_video=as_video) for name, as_video in MODELS.items()]
    total = sum(len(question.moments) for question in asked)
    print("| preset | budget | hits | frames | " + " | ".join(MODELS) + " | s |")
    print("|---" * (5 + len(MODELS)) + "|")
    for name in able:
        for budget in BUDGETS:
            hits, frames, slowest, prices = 0, 0, 0.0, [0] * len(models)
            for question, found in zip(asked, gathered, strict=True):
                began = time.perf_counter()
                selection = choose(name, found.items, found.signals, budget)
                slowest = max(slowest, time.perf_counter() - began)
                hits += question.hits(selection.times)
                shown = shown_of_picks(video, selection.picks)
                frames += len(shown.times)
                for place, model in enumerate(models):
                    prices[place] += shown.price(model).total
            tokens = " | ".join(f"{price / len(asked):,.0f}" for price in prices)
            mean = frames / len(asked)
            print(
                f"| {name} | {budget} | {hits}/{total} | {mean:.0f} | {tokens} | {slowest:.3f} |",
                flush=True,
            )


def first_looks(library: Library, asked: Sequence[Asked], able: Sequence[str]) -> None:
    """Hits, frames and price of the agent's first look."""
    total = sum(len(question.moments) for question in asked)
    print(f"\nThe agent's first look, of {LOOK_TOKENS:,} tokens in all:\n")
    print("| preset | " + " | ".join(f"{m}: hits | frames | tokens" for m in MODELS) + " |")
    print("|---" * (1 + 3 * len(MODELS)) + "|")
    for name in able:
        cells = []
        for model, as_video in MODELS.items():
            vlm = Priced(model, as_video=as_video)
            agent = Agent(library, vlm=vlm, preset=name, budget=LOOK_TOKENS)
            hits, frames, tokens = 0, 0, 0
            for question in asked:
                made = asyncio.run(agent.forecast(question.question))
                times = [time for view, _ in made.views for time in view["times"]]
                hits += question.hits(times)
                frames += len(times)
                tokens += made.asking + made.first_round
            count = len(asked)
            cells.append(f"{hits}/{total} | {frames / count:.0f} | {tokens / count:,.0f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def write_generated(place: Path, seconds: float, seed: int = 4) -> list[Asked]:
    """`colours.mp4` with its subtitles; the question and when the screen is green."""
    rng = np.random.default_rng(seed)
    count = max(2, round(6 * seconds / 3600))
    greens = [(i + 0.2 + 0.6 * rng.random()) * seconds / count for i in range(count)]
    stretches: list[tuple[str, float]] = []
    moments: list[Span] = []
    now = 0.0
    for start in [*greens, seconds]:
        while now < start:
            length = min(float(rng.integers(20, 91)), max(1.0, round(start - now)))
            others = [
                c
                for c in ("red", "blue", "yellow", "black", "white")
                if not stretches or c != stretches[-1][0]
            ]
            stretches.append((str(rng.choice(others)), length))
            now += length
        if start < seconds:
            length = float(rng.integers(3, 9))
            stretches.append(("green", length))
            moments.append(Span(now, now + length))
            now += length
    write_colours(place / "colours.mp4", stretches, width=160, height=90, fps=FPS)
    lines = [
        Caption(at, at + 4, f"Line {number}: the guard walks on along the wall.")
        for number, at in enumerate(np.arange(10.0, now - 5, 30.0), 1)
    ]
    lines += [Caption(m.start, m.end, "Look, now the screen is green.") for m in moments[::2]]
    (place / "colours.srt").write_text(as_srt(sorted(lines)), encoding="utf-8")
    return [Asked(question=QUESTION, moments=tuple(moments))]


def write_lecture(place: Path) -> list[Asked]:
    """`lecture.mp4` with its sentences as subtitles; its questions that have an answer."""
    truth = json.loads((EXAMPLES / "lecture.json").read_text(encoding="utf-8"))
    (place / "lecture.mp4").symlink_to(EXAMPLES / "lecture.mp4")
    lines = [Caption(s["start"], s["end"], s["text"]) for s in truth["sentences"]]
    (place / "lecture.srt").write_text(as_srt(lines), encoding="utf-8")
    return [
        Asked(question=item["question"], moments=(Span(item["start"], item["end"]),))
        for item in truth["questions"]
        if item["answer"] is not None
    ]


if __name__ == "__main__":
    main()
