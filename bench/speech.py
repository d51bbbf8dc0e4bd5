"""Speech stage against the bare recogniser: cost, error rate, lengths, repeatability (target 6).

The bare side is faster-whisper's batched beam search as a user would call it, the other peer its
sequential beam search. Audio: the narrated example lecture, repeated. `--quick` uses it once.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jiwer
import numpy as np
from whisper.normalizers import EnglishTextNormalizer

from longtake import models
from longtake.config import Settings, SpeechSettings
from longtake.index.audio import AudioBlock
from longtake.index.decode import DecodePass, DecodePlan
from longtake.index.lanes import F32, SAMPLE_RATE, Segment
from longtake.index.speech import Transcriber, build_engine

LECTURE = Path(__file__).resolve().parent.parent / "examples" / "lecture.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--model", default=Settings().speech.model)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    repeats, rounds = (1, 2) if arguments.quick else (3, 3)
    audio = np.tile(lecture_audio(), repeats)
    sides = build_sides(arguments.model, arguments.threads)
    texts: dict[str, list[str]] = {name: [] for name in sides}
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    segments: list[Segment] = []
    for turn in range(rounds + 1):
        for name, side in sides.items():
            before = time.process_time()
            heard = side(audio)
            if turn:  # the first round warms up
                cpu[name].append(time.process_time() - before)
                texts[name].append(" ".join(segment.text.strip() for segment in heard))
            if name == "stage":
                segments = heard
            log(f"round {turn} {name}: {time.process_time() - before:.1f} CPU s")
    report(cpu, texts, segments, truth(repeats), len(audio) / SAMPLE_RATE)


def lecture_audio() -> F32:
    blocks = DecodePass(LECTURE, DecodePlan(small=False, frames=False))
    return np.concatenate([item.samples for item in blocks if isinstance(item, AudioBlock)])


def truth(repeats: int) -> str:
    sentences = json.loads(LECTURE.with_suffix(".json").read_text(encoding="utf-8"))["sentences"]
    return " ".join(sentence["text"] for sentence in sentences * repeats)


def build_sides(model: str, threads: int) -> dict[str, Callable[[F32], list[Segment]]]:
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    settings = Settings(offline=True, threads=threads, speech=SpeechSettings(model=model))
    engine = build_engine(settings)
    path = str(models.resolve("whisper-ct2", model, offline=True).path)
    bare = WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=threads)
    batched = BatchedInferencePipeline(bare)

    def stage(audio: F32) -> list[Segment]:
        transcriber = Transcriber(engine, settings)
        for at in range(0, len(audio), SAMPLE_RATE):
            block = audio[at : at + SAMPLE_RATE]
            transcriber.push(AudioBlock(start=at / SAMPLE_RATE, samples=block))
        return transcriber.finish()[0]

    def pipeline(audio: F32) -> list[Segment]:
        options = {"batch_size": 8, "word_timestamps": True}
        return list(batched.transcribe(audio, beam_size=5, **options)[0])

    def sequential(audio: F32) -> list[Segment]:
        return list(bare.transcribe(audio, beam_size=5, vad_filter=True, word_timestamps=True)[0])

    return {"stage": stage, "bare": pipeline, "sequential": sequential}


def report(
    cpu: dict[str, list[float]],
    texts: dict[str, list[str]],
    segments: list[Segment],
    said: str,
    audio_s: float,
) -> None:
    normal = EnglishTextNormalizer()
    errors = {name: float(jiwer.wer(normal(said), normal(t[-1]))) for name, t in texts.items()}
    for name, seconds in cpu.items():
        cost = statistics.median(seconds) / audio_s
        log(f"{name}: {cost:.4f} core-s/s, error rate {errors[name]:.3f}")
    to_bare = statistics.median(s / b for s, b in zip(cpu["stage"], cpu["bare"], strict=True))
    faster = statistics.median(q / s for s, q in zip(cpu["stage"], cpu["sequential"], strict=True))
    longest = max(segment.end - segment.start for segment in segments)
    row("stage CPU / bare batched beam 5 CPU", to_bare, 1.10, "lower", "ratio")
    row("sequential beam 5 CPU / stage CPU", faster, 1.5, "higher", "ratio")
    delta = errors["stage"] - errors["sequential"]
    row("error rate, stage minus sequential", delta, 0.03, "lower", "WER", error_note(errors))
    row("longest segment", longest, 15.0, "lower", "s")
    row("different texts in repeated runs", len(set(texts["stage"])), 1, "lower", "count")


def error_note(errors: dict[str, float]) -> str:
    return ", ".join(f"{name} {error:.3f}" for name, error in errors.items())


def row(name: str, measured: float, limit: float, better: str, unit: str, note: str = "") -> None:
    record = {"target": "6", "name": name, "measured": round(measured, 3), "limit": limit}
    print(json.dumps(record | {"better": better, "unit": unit, "note": note}), flush=True)


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
