"""The whole index: against the sum of its stages, against real time, and over length.

Target 8: pipelined wall and CPU against the stages run one by one; memory against length.
Target 9: speed as a multiple of real time with every lane on.
Beside them: a second run over an unchanged library of 1,000 files.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import av

ROOT = Path(__file__).resolve().parent.parent
LECTURE = ROOT / "examples" / "lecture.mp4"
# Fresh processes measure themselves, imports left out, loading of models counted in.
_INDEX = """
import json, resource, sys, time
from pathlib import Path
from longtake.config import Settings
from longtake.index.lanes import StageName
from longtake.tools.library import Library
library, video, only, settings = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
with Library.open(Path(library), Settings(**settings), create=True) as lib:
    began, before = time.perf_counter(), cpu()
    report = lib.index([Path(video)], only=[StageName(only)] if only else None)
    wall, used = time.perf_counter() - began, cpu() - before
video = report.videos[0]
print(json.dumps({
    "wall": wall, "cpu": used, "error": video.error, "duration": video.duration_s,
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "states": {s.name: s.state for s in video.stages},
}))
"""
_DECODE = """
import json, resource, sys
from longtake.index.decode import DecodePass, DecodePlan
def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
before = cpu()
for event in DecodePass(sys.argv[1], DecodePlan(**json.loads(sys.argv[2]))):
    pass
print(json.dumps({"cpu": cpu() - before}))
"""
# A stage run alone, with the decode plan it needs: what it costs beside decoding is the difference.
ALONE: dict[str, dict[str, Any]] = {
    "shots": {"small": True, "frames": True, "audio": None},
    "visual": {"small": False, "frames": True, "audio": None},
    "speech": {"small": False, "frames": False},
    "text": {"small": False, "frames": True, "audio": None},
}


def emit(
    target: str, name: str, measured: float, limit: float, better: str, note: str = ""
) -> None:
    """One row for `bench.run`."""
    row = {"target": target, "name": name, "measured": round(measured, 4), "limit": limit}
    print(json.dumps({**row, "better": better, "unit": "ratio", "note": note}), flush=True)


def measure(script: str, *arguments: str) -> dict[str, Any]:
    """What a script printed of itself, run in a process of its own."""
    command = [sys.executable, "-c", script, *arguments]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    result: dict[str, Any] = json.loads(output.stdout.splitlines()[-1])
    return result


def index(library: Path, video: Path, settings: dict[str, Any], only: str = "") -> dict[str, Any]:
    """Index one video, all of it or one stage."""
    result = measure(_INDEX, str(library), str(video), only, json.dumps(settings))
    if result["error"]:
        raise RuntimeError(result["error"])
    print(
        f"   {only or 'all':10s} {video.name:14s} wall {result['wall']:6.1f} s  cpu "
        f"{result['cpu']:6.1f} s  peak {result['peak_mib']:5.0f} MiB",
        file=sys.stderr,
        flush=True,
    )
    return result


def afresh(library: Path, video: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Index one video into a new library."""
    shutil.rmtree(library, ignore_errors=True)
    return index(library, video, settings)


def repeat(source: Path, times: int, target: Path) -> Path:
    """`source` played `times` times over, its packets copied without encoding."""
    with av.open(str(source)) as first, av.open(str(target), "w") as out:
        length = first.duration / av.time_base + 0.5  # no packet of one round before the last's
        streams = {s.index: out.add_stream_from_template(s) for s in first.streams}
        for round_ in range(times):
            with av.open(str(source)) as again:
                for packet in again.demux():
                    if packet.dts is None:
                        continue
                    shift = round(round_ * length / packet.time_base)
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = streams[packet.stream_index]
                    out.mux(packet)
    return target


@contextmanager
def image_model(folder: Path) -> Iterator[str]:
    """A ViT-B/32 with random weights in hub format: the speed of the real one, not its sense."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = open_clip.create_model("ViT-B-32")
    path = folder / "vit-b-32-random"
    path.mkdir()
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()},
        path / "open_clip_model.safetensors",
    )
    preprocess = {
        "mean": [0.48145466, 0.4578275, 0.40821073],
        "std": [0.26862954, 0.26130258, 0.27577711],
    }
    config = {"model_cfg": open_clip.get_model_config("ViT-B-32"), "preprocess_cfg": preprocess}
    (path / "open_clip_config.json").write_text(json.dumps(config))
    yield str(path)


def one_by_one(work: Path, video: Path, settings: dict[str, Any], *, rounds: int) -> None:
    """Rows of targets 8 and 9: all lanes in one pass against each lane on its own."""
    library = work / "lib"
    cpu_ratios, wall_ratios, speeds = [], [], []
    for _ in range(rounds):
        together = afresh(library, video, settings)
        shutil.rmtree(library)
        stages = measure(_DECODE, str(video), "{}")["cpu"]
        for stage, plan in ALONE.items():
            decoding = measure(_DECODE, str(video), json.dumps(plan))["cpu"]
            stages += index(library, video, settings, only=stage)["cpu"] - decoding
        cpu_ratios.append(together["cpu"] / stages)
        wall_ratios.append(together["wall"] / (stages / (os.cpu_count() or 1)))
        speeds.append(together["duration"] / together["wall"])
    note = f"{together['duration']:.0f} s of 720p, {rounds} rounds, {together['states']}"
    emit("8", "pipelined CPU / sum of stage CPU", median(cpu_ratios), 1.05, "lower", note)
    emit("8", "wall / (sum of stage CPU / cores)", median(wall_ratios), 1.15, "lower", note)
    emit("9", "whole index, all lanes: x real time", median(speeds), 5.0, "higher", note)


def memory(work: Path, short: int, long: int, settings: dict[str, Any]) -> None:
    """Row of target 8: peak memory of a long video against a short one."""
    peaks = []
    for times in (short, long):
        video = repeat(LECTURE, times, work / f"{times}x.mp4")
        peaks.append(afresh(work / "lib", video, settings))
        video.unlink()
    growth = peaks[1]["peak_mib"] / peaks[0]["peak_mib"] - 1
    note = " to ".join(f"{p['peak_mib']:.0f} MiB at {p['duration'] / 60:.0f} min" for p in peaks)
    emit("8", "memory growth with length", growth, 0.05, "lower", note)
    last = peaks[1]
    emit(
        "9",
        "whole index of the long video: x real time",
        last["duration"] / last["wall"],
        5.0,
        "higher",
        note,
    )


def unchanged(work: Path, settings: dict[str, Any]) -> None:
    """A second run over 1,000 small files that did not change, as a user starts it."""
    folder = work / "many"
    folder.mkdir()
    for number in range(1000):
        tone(folder / f"{number:04d}.wav", 200 + number)
    library = work / "many-lib"
    command = [sys.executable, "-m", "longtake", "--library", str(library), "index", str(folder)]
    environment = {**os.environ, "LONGTAKE_SPEECH__MODEL": "tiny.en"}
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
    walls = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
        walls.append(time.perf_counter() - began)
    row = {
        "target": "12",
        "name": "index again, 1,000 unchanged files",
        "measured": round(min(walls), 3),
    }
    note = f"whole command; three runs: {', '.join(f'{wall:.2f}' for wall in walls)} s"
    print(
        json.dumps({**row, "limit": 2.0, "better": "lower", "unit": "s", "note": note}), flush=True
    )


def tone(path: Path, hertz: int) -> None:
    """A tenth of a second of a sine, a file of its own content."""
    import wave

    import numpy as np

    samples = (np.sin(np.arange(1600) * 2 * np.pi * hertz / 16000) * 8000).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(samples.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter inputs, one round")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        with image_model(work) as model:
            settings = {"visual": {"model": model}, "speech": {"model": "tiny.en"}}
            afresh(work / "lib", LECTURE, settings)  # exports and caches models
            one_by_one(work, LECTURE, settings, rounds=1 if quick else 3)
            memory(work, 1 if quick else 3, 3 if quick else 18, settings)
            unchanged(work, settings)


if __name__ == "__main__":
    main()
