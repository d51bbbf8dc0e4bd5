"""Fit the constants of `agent/calibration.py`, and say how good they are on transcripts they were
not fitted on.

Questions come from the written transcripts in `tests/agent/data`, a third of them unanswerable.
Each is asked twice, of
its own video and of the whole library. The logistic models are fitted (Newton, L2) on four of the
transcripts; the
others are held out. Label: the first reading holds a line that answers. The threshold is where an
answer pays off when
a wrong one costs as much as a right one gains.

    python -m bench.calibrate_answers
"""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtake.agent.calibration import CHOICE, MEANING, WORDS, Calibration
from longtake.agent.choices import choose
from longtake.agent.context import Context
from longtake.agent.plan import make_plan
from longtake.agent.reader import confidence, features, probability, read
from longtake.agent.retrieve import retrieve_rows
from longtake.agent.state import State
from longtake.config import Settings
from longtake.index.lanes import Box, Cue, Segment, SentenceEncoder, StageName, StageState
from longtake.index.records import SentenceVectors, StageRecord, VideoRecord
from longtake.index.sentences import build_sentence_encoder
from longtake.index.store import Store
from longtake.tools.library import Library
from longtake.tools.remembered import Remembered

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "agent" / "data"
LECTURE = ROOT / "examples" / "lecture.json"
HELD_OUT = ("museum", "telescope", "beekeeping")
RIDGE = 0.002

Item = dict[str, Any]
Floats = NDArray[np.float64]


def fill(store: Store, name: str, item: Item, encoder: SentenceEncoder) -> None:
    """Put a transcript into a library as if its video had been indexed."""
    lines = item["lines"]
    store.put_video(
        VideoRecord(
            id=name,
            path=Path(f"/{name}.mp4"),
            size=1,
            mtime_ns=1,
            title=item["title"],
            duration=max(line["end"] for line in lines),
            fps=None,
            width=None,
            height=None,
            video_codec=None,
            audio_codec=None,
            added_at=0.0,
        )
    )
    segments = [
        Segment(start=ln["start"], end=ln["end"], text=ln["text"], confidence=1.0)
        for ln in lines
        if ln["lane"] == "speech"
    ]
    cues = [
        Cue(start=ln["start"], end=ln["end"], text=ln["text"], box=Box(0, 0, 1, 1), confidence=1.0)
        for ln in lines
        if ln["lane"] == "text"
    ]
    store.commit(_stage(name, StageName.SPEECH, "none"), segments=segments)
    store.commit(_stage(name, StageName.TEXT, "none"), cues=cues)
    texts = [s.text for s in segments] + [c.text for c in cues]
    store.commit(
        _stage(name, StageName.SENTENCES, encoder.identity),
        sentence_vectors=SentenceVectors(
            vectors=encoder.embed(texts).astype(np.float16),
            lanes=np.array([0] * len(segments) + [1] * len(cues), np.uint8),
            positions=np.array([*range(len(segments)), *range(len(cues))], np.int32),
            starts=np.array([s.start for s in segments] + [c.start for c in cues]),
            ends=np.array([s.end for s in segments] + [c.end for c in cues]),
        ),
    )


def _stage(video: str, name: StageName, model: str) -> StageRecord:
    return StageRecord(
        video_id=video,
        name=name,
        state=StageState.DONE,
        engine="written",
        model=model,
        version="1",
        parameters="",
        started_at=0.0,
        finished_at=0.0,
        stats={"weights": "all-MiniLM-L6-v2"},
    )


def lecture() -> Item:
    """The example lecture as a transcript: what its script says and shows, not what recognition
    makes of it."""
    truth = json.loads(LECTURE.read_text())
    lines = [
        {"lane": "speech", "start": s["start"], "end": s["end"], "text": s["text"]}
        for s in truth["sentences"]
    ]
    standing: dict[str, Item] = {}
    for slide in truth["slides"]:
        for text in slide["lines"]:
            cue = standing.get(text)
            if cue is None or slide["start"] - cue["end"] > 0.5:
                standing[text] = cue = {"lane": "text", "start": slide["start"], "text": text}
                lines.append(cue)
            cue["end"] = slide["end"]
    questions = [
        {
            "question": q["question"],
            "answer": q["answer"],
            "lines": [
                place
                for place, line in enumerate(lines)
                if q["answer"] and q["answer"].lower() in line["text"].lower()
            ],
        }
        for q in truth["questions"]
    ]
    return {"title": truth["title"], "lines": lines, "questions": questions}


def samples(
    library: Library, data: dict[str, Item], names: Sequence[str], *, blind: bool
) -> list[Item]:
    """Every question of these transcripts, asked of its video and of the library."""
    encoder = None if blind else library.sentence_encoder
    found: list[Item] = []
    for name in names:
        for question in data[name]["questions"]:
            answers = {data[name]["lines"][i]["text"] for i in question["lines"]}
            for videos in ([name], []):
                state = ask(library, question["question"], videos)
                asked = state["plan"]["sub_queries"][0]
                readings = read(asked, state["rows"], encoder)
                if not readings:
                    continue
                quoted = {row["text"] for row in readings[0].rows}
                found.append(
                    {
                        "name": name,
                        "question": question,
                        "readings": readings,
                        "asked": asked,
                        "x": features(asked, readings, encoder),
                        "y": bool(quoted & answers),
                        "pair": len(readings[0].rows) > 1,
                        "scope": "video" if videos else "library",
                    }
                )
    return found


def ask(library: Library, question: str, videos: list[str]) -> State:
    """State after planning and retrieving."""
    state: State = {"question": question, "videos": videos, "plan": make_plan(question)}
    state.update(retrieve_rows(library, state, Context()))
    return state


def fit(x: Floats, y: Floats) -> tuple[float, tuple[float, ...]]:
    """Bias and weights of a logistic model: Newton steps on the mean log loss with an L2 penalty
    on the weights."""
    full = np.column_stack([np.ones(len(x)), x])
    beta = np.zeros(full.shape[1])
    ridge = np.diag([0.0] + [RIDGE / np.sqrt(len(x))] * x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-full @ beta))
        gradient = full.T @ (p - y) / len(y) + ridge @ beta
        hessian = (full.T * (p * (1 - p))) @ full / len(y) + ridge
        beta -= np.linalg.solve(hessian, gradient)
    return float(beta[0]), tuple(round(float(b), 3) for b in beta[1:])


def report(
    label: str, items: list[Item], certainty: Callable[[Item], float], threshold: float
) -> dict[str, float]:
    """What happens to these questions at a threshold."""
    p = np.array([certainty(item) for item in items])
    y = np.array([item["y"] for item in items])
    answerable = np.array([bool(item["question"]["lines"]) for item in items])
    said = p >= threshold
    bins = np.minimum((p * 5).astype(int), 4)
    ece = sum(
        abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in set(bins)
    )
    row = {
        "n": len(items),
        "answerable": int(answerable.sum()),
        "right line first": int(y.sum()),
        "answered right": int((said & y).sum()),
        "answered wrong": int((said & ~y).sum()),
        "of these unanswerable": int((said & ~answerable).sum()),
        "withheld though right": int((~said & y).sum()),
        "brier": round(float(((p - y) ** 2).mean()), 3),
        "calibration error": round(float(ece), 3),
    }
    print(label, json.dumps(row), file=sys.stderr)
    return row


def choices(
    library: Library, data: dict[str, Item], names: Sequence[str], *, blind: bool
) -> list[Item]:
    """Multiple choice: the short answer among three others of the same transcript."""
    encoder = None if blind else library.sentence_encoder
    found: list[Item] = []
    for name in names:
        asked_of = [q for q in data[name]["questions"] if q["lines"]]
        pool = list(dict.fromkeys(q["answer"] for q in asked_of))
        for place, question in enumerate(asked_of):
            others = [a for a in pool[place + 1 :] + pool[:place] if a != question["answer"]]
            options = sorted([question["answer"], *others[:3]])
            state = ask(library, question["question"], [name])
            asked = state["plan"]["sub_queries"][0]
            readings = read(asked, state["rows"], encoder)
            choice = choose(asked, options, readings, encoder)
            if choice is not None:
                line = confidence(asked, readings, encoder)
                found.append(
                    {
                        "question": question,
                        "x": (choice.margin, line),
                        "y": options[choice.option] == question["answer"],
                    }
                )
    return found


def calibrate(
    label: str, dev: list[Item], held: list[Item], shipped: Calibration
) -> dict[str, float]:
    """Fit on one set, print both; returns the held-out row of the shipped constants."""
    x = np.array([item["x"] for item in dev])
    bias, weights = fit(x, np.array([float(item["y"]) for item in dev]))
    print(f"{label} = Calibration(bias={bias:.3f}, weights={weights})", file=sys.stderr)
    fresh = Calibration(bias=bias, weights=weights, threshold=shipped.threshold)
    for constants, name in ((fresh, "fitted now"), (shipped, "shipped")):

        def certainty(item: Item, constants: Calibration = constants) -> float:
            return probability(constants, item["x"])

        report(f"  {name}, dev     ", dev, certainty, shipped.threshold)
        row = report(f"  {name}, held out", held, certainty, shipped.threshold)
    return row


def main() -> None:
    """Fit, print the constants on stderr and the shipped ones' held-out figures on stdout."""
    data = {path.stem: json.loads(path.read_text()) for path in sorted(DATA.glob("*.json"))}
    data["lecture"] = lecture()
    dev = [name for name in data if name not in HELD_OUT]
    settings = Settings(offline=True)
    encoder = Remembered(build_sentence_encoder(settings))
    with tempfile.TemporaryDirectory() as folder:
        with Store.open(Path(folder), write=True, create=True) as store:
            for name, item in data.items():
                fill(store, name, item, encoder)
        with Library.open(folder, settings) as library:
            library.sentence_encoder = encoder
            for label, blind, shipped in (("MEANING", False, MEANING), ("WORDS", True, WORDS)):
                row = calibrate(
                    label,
                    samples(library, data, dev, blind=blind),
                    samples(library, data, HELD_OUT, blind=blind),
                    shipped,
                )
                print(json.dumps({"what": label, **row}))
            row = calibrate(
                "CHOICE",
                choices(library, data, dev, blind=False),
                choices(library, data, HELD_OUT, blind=False),
                CHOICE,
            )
            print(json.dumps({"what": "CHOICE", **row}))


if __name__ == "__main__":
    main()
