"""A generated folder: what is in its files, and what scripted agents score on it."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.errors import LongtakeError, UsageError
from longtake.eval.benchmarks import benchmark
from longtake.eval.drawing import drawn
from longtake.eval.haystack.config import Suite, WorldConfig
from longtake.eval.haystack.generate import generate
from longtake.eval.judgement import Response, Scored
from longtake.eval.samples import Loaded, Sample
from longtake.index.lanes import SAMPLE_RATE
from longtake.timing import Span
from tests.eval.answers import counts, row, scored
from tests.eval.haystack.conftest import SUITE

HAYSTACK = benchmark("haystack")
U8 = NDArray[np.uint8]


def acts(made: Path) -> list[dict[str, Any]]:
    lines = (made / "truth" / "acts.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def files(folder: Path) -> dict[str, bytes | int]:
    """What is in a folder; of videos only how large they are, since x264 does not give the same
    bytes twice: what went into it is hashed in the account."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_size if path.suffix == ".mp4" else path.read_bytes()
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def frames(path: Path) -> list[tuple[float, U8]]:
    with av.open(str(path)) as container:
        return [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]


def sound(path: Path) -> NDArray[np.float32]:
    """f32 [N] at 16 kHz, sample 0 at time 0."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path)) as container:
        blocks = [
            piece.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(blocks)


@pytest.fixture(scope="module")
def films(made: Path) -> dict[str, list[tuple[float, U8]]]:
    return {path.stem: frames(path) for path in sorted((made / "videos").glob("*.mp4"))[:2]}


def change(one: U8, other: U8, box: list[float] | None) -> float:
    """Mean difference in grey levels of the 20 x 20 pixels that differ most, within a box given as
    shares of the picture."""
    height, width = one.shape[:2]
    a, b, c, d = box or (0.0, 0.0, 1.0, 1.0)
    part = np.s_[int(b * height) : int(d * height) + 1, int(a * width) : int(c * width) + 1]
    apart = np.abs(one[part].astype(int) - other[part].astype(int)).mean(axis=2)
    return max(
        float(apart[y : y + 20, x : x + 20].mean())
        for y in range(0, apart.shape[0], 20)
        for x in range(0, apart.shape[1], 20)
    )


def test_acts_begin_and_end_at_their_very_frames(
    made: Path, films: dict[str, list[tuple[float, U8]]]
) -> None:
    """Between the last frame outside and the first inside, the picture changes several times as
    much as between two frames outside."""
    tried = 0
    for act in acts(made):
        if act["video"] not in films or act["kind"] not in ("row", "pass", "put"):
            continue
        film = films[act["video"]]
        box = None if act["kind"] == "put" else act["box"]  # whoever comes is not yet at the shelf
        first = next(i for i, (time, _) in enumerate(film) if time >= act["t0"] - 1e-6)
        last = next(i for i, (time, _) in enumerate(film) if time >= act["t1"] - 1e-6)
        assert film[first][0] == pytest.approx(act["t0"], abs=1e-6)
        for outer, edge, inner in ((first - 2, first - 1, first), (last + 1, last, last - 1)):
            still = change(film[outer][1], film[edge][1], box)
            if still > 5:  # a cut or a fade just there
                continue
            moved = change(film[edge][1], film[inner][1], box)
            assert moved > 2 * still, (act, still, moved)
            tried += 1
    assert tried >= 24


def test_videos_tell_nothing_beside_their_pictures(made: Path) -> None:
    assert sorted(p.name for p in made.iterdir()) == ["truth", "videos"]
    for path in (made / "videos").glob("*.mp4"):
        assert path.stat().st_size % (256 * 1024) == 0
        assert path.stat().st_mtime == 946_684_800
        with av.open(str(path)) as container:
            assert set(container.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
            video = container.streams.video[0]
            keys = [float(p.pts * p.time_base) for p in container.demux(video) if p.is_keyframe]
        assert keys == pytest.approx([0, 6, 12, 18, 24])


def test_speech_is_where_the_truth_says_and_is_heard(made: Path) -> None:
    from longtake import models
    from longtake.index.whisper_engines import FasterWhisper

    lines = [act for act in acts(made) if act["kind"] != "alarm" and "spoken" in act]
    lines = [act for act in lines if act["kind"] != "alarm" and act["snr_db"] >= 20]
    line = next(act for act in lines if act["text"].startswith("Flight"))
    heard = sound(made / "videos" / f"{line['video']}.mp4")
    start, end = round(line["t0"] * SAMPLE_RATE), round(line["t1"] * SAMPLE_RATE)
    tenth = SAMPLE_RATE // 10

    def loudness(at: int) -> float:
        return float(np.sqrt(np.mean(np.square(heard[at : at + tenth]))))

    assert loudness(start) > 5 * loudness(start - 2 * tenth)
    assert loudness(end - tenth) > 3 * loudness(end + tenth)
    whole = float(np.sqrt(np.mean(np.square(heard[start:end]))))
    assert whole == pytest.approx(0.07, rel=0.15)
    path = models.resolve("whisper-ct2", "tiny.en", offline=True).path
    engine = FasterWhisper(path, identity="f", device="cpu", threads=1, beam_size=5)
    clip = heard[start - 2 * tenth : end + 2 * tenth].astype(np.float32)
    said = " ".join(segment.text for segment in engine.transcribe(clip, language="en")).lower()
    assert "flight" in said and "gate" in said, said
    assert line["value"] in said


def test_a_board_is_readable() -> None:
    from longtake.eval.haystack.acts import Row
    from longtake.eval.haystack.draw import Painter
    from longtake.eval.haystack.world import make_world
    from longtake.index.ocr_engines import RapidReader

    suite = Suite(name="one", worlds=(WorldConfig(days=1, seconds=60, items=1, text_px=(24,)),))
    day = make_world(suite, 0, 2).days[0]
    scene = next(scene for scene in day.scenes if scene.place == "board" and scene.acts)
    painter = Painter(day, 640, 360)
    page = painter.frame((scene.acts[0].first + scene.acts[0].last) // 2)
    reader = RapidReader("onnxruntime", threads=1)
    read = reader.recognise(page, reader.detect(page))
    texts = {line.text.replace(" ", ""): line for line in read}
    for timed in scene.acts:
        assert isinstance(timed.act, Row)
        line = texts[timed.act.text.replace(" ", "")]
        box = painter.box(timed, scene)
        assert box is not None
        assert line.box.x0 == pytest.approx(box[0], abs=0.02)
        assert line.box.y1 == pytest.approx(box[3], abs=0.03)
        assert (box[3] - box[1]) * 360 == pytest.approx(24)


def perfect(sample: Sample) -> Response:
    """What somebody answers who reads the truth."""
    match sample.answer:
        case None:
            return Response(text="", abstained=True)
        case tuple() as parts if sample.kind == "spans":
            spans = [[p.start, p.end] for p in parts if isinstance(p, Span)]
            return Response(text=json.dumps({"answer": spans}))
        case tuple() as parts:
            return Response(text="Answer: " + " ".join(map(str, parts)))
        case answer:
            return Response(text=f"Answer: {answer}")


def results(loaded: Loaded, agent: Callable[[Sample], Response]) -> list[Scored]:
    return scored(HAYSTACK, loaded, {s.sample_id: agent(s) for s in loaded.samples})


def test_who_reads_the_truth_scores_100(loaded: Loaded) -> None:
    rows = HAYSTACK.aggregate(results(loaded, perfect))
    assert row(rows, "accuracy (micro)") == (100.0, 100.0)
    assert counts(rows, "accuracy (micro)") == (40, 40)
    assert row(rows, "twin-consistent accuracy") == (100.0, 100.0)


def test_half_a_pair_of_twins_is_not_counted(loaded: Loaded) -> None:
    items = results(loaded, perfect)
    pairs = counts(HAYSTACK.aggregate(items), "twin-consistent accuracy")[1]
    lost = next(item for item in items if item.sample.twin is not None)
    rows = HAYSTACK.aggregate([item for item in items if item is not lost])
    assert row(rows, "twin-consistent accuracy") == (100.0, 100.0)
    assert counts(rows, "twin-consistent accuracy")[1] == pairs - 1


def test_always_abstaining_and_never_abstaining_both_fail_all_twins(loaded: Loaded) -> None:
    silent = HAYSTACK.aggregate(results(loaded, lambda _: Response(text="", abstained=True)))
    assert row(silent, "twin-consistent accuracy") == (0.0, 0.0)
    unanswerable = sum(not sample.answerable for sample in loaded.samples)
    assert row(silent, "accuracy (micro)")[1] == pytest.approx(100 * unanswerable / 40)
    told = HAYSTACK.aggregate(results(loaded, lambda s: replace(perfect(s), abstained=False)))
    assert row(told, "twin-consistent accuracy") == (0.0, 0.0)


def test_the_adapter_gives_files_evidence_and_axes(made: Path, loaded: Loaded) -> None:
    assert loaded.missing == (
        "40 questions where the published split has 48: another revision, or a part of it",
    )
    known = {path.stem for path in (made / "videos").glob("*.mp4")}
    for sample in loaded.samples:
        assert sample.video_path is not None and sample.video_path.is_file()
        assert {piece.video for piece in sample.evidence} <= known
        assert sample.video in known | {""}
        assert all(piece.span.end <= 30.01 for piece in sample.evidence)
    whole = [sample for sample in loaded.samples if not sample.video]
    assert {sample.axes["family"] for sample in whole} <= {"X1", "X2"} and whole


def test_answers_come_back_from_their_export(loaded: Loaded, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    given = results(loaded, perfect)
    export = HAYSTACK.exports["answers"]
    export.write(given, path)
    read = export.read(path)
    assert list(read) == [sample.sample_id for sample in loaded.samples]
    assert sum(line["abstained"] for line in read.values()) == sum(
        not sample.answerable for sample in loaded.samples
    )


def test_a_draw_keeps_the_shares_of_lengths(made: Path, tmp_path: Path) -> None:
    for part in ("truth", "videos"):
        (tmp_path / part).mkdir()
    manifest = json.loads((made / "videos" / "manifest.json").read_text())
    (tmp_path / "videos" / "manifest.json").write_text(json.dumps({**manifest, "suite": "lengths"}))
    lines = []
    for length, copies in (("1", 2), ("10", 1), ("60", 1)):
        for copy in range(copies):
            for text in (made / "truth" / "items.jsonl").read_text().splitlines():
                item = json.loads(text)
                names = ("item_id", "twin_id", "rotation_group")
                item |= {name: item[name] and f"{item[name]}-{length}-{copy}" for name in names}
                item["axes"]["length_min"] = length
                lines.append(json.dumps(item))
    (tmp_path / "truth" / "items.jsonl").write_text("\n".join(lines))
    several = HAYSTACK.load(tmp_path, "lengths")
    kept = drawn(several.samples, 80, 0, several.strata)
    assert Counter(sample.axes["length_min"] for sample in kept) == {"1": 40, "10": 20, "60": 20}
    assert HAYSTACK.load(made, "smoke").strata == ()


def test_a_folder_of_another_suite_or_version_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds suite 'smoke' of generator version"):
        HAYSTACK.load(made, "dev")
    with pytest.raises(UsageError, match="is not empty"):
        generate(SUITE, made, 1, speaker=None)


def test_the_manifest_names_licences_and_commits_to_the_seed(made: Path) -> None:
    told = json.loads((made / "videos" / "manifest.json").read_text())
    assert set(told["licences"]) == {"pictures", "font", "voice", "codecs"}
    assert "CC0" in told["licences"]["voice"] and told["asr"] == "heard"
    assert len(told["seed_commitment"]) == 64
    worlds = json.loads((made / "truth" / "worlds.json").read_text())
    assert worlds["seed"] == "11"
    assert {verdict["ranker"] for verdict in worlds["worlds"][0]["novelty"]} == {
        "change",
        "drift",
        "rarity",
    }


SHORT = Suite(
    name="smoke",
    worlds=(
        WorldConfig(
            days=1, seconds=20, items=6, width=160, height=90, fps=5, text_px=(8, 16),
            needle_s=(0.5, 2.0), needle_shares=(0.5, 0.5), rooms=4,
        ),
    ),
)  # fmt: skip


def test_the_same_seed_gives_the_same_folder_and_subtitles_without_a_voice(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        generate(SHORT, tmp_path / name, seed, speaker=None)

    one = files(tmp_path / "one")
    assert one == files(tmp_path / "two")
    assert not {name for name in one if "mp4" in name} & set(files(tmp_path / "other"))
    captions = HAYSTACK.load(tmp_path / "one", "smoke", subtitles=True).samples[0]
    told = HAYSTACK.captions(captions)
    lines = [act for act in acts(tmp_path / "one") if "spoken" in act]
    assert [" ".join(caption.lines) for caption in told] == [line["text"] for line in lines]
    assert lines


def test_asking_for_more_than_there_is_is_an_error(tmp_path: Path) -> None:
    greedy = replace(SHORT, worlds=(replace(SHORT.worlds[0], items=900),))
    with pytest.raises(LongtakeError, match="900 are wanted"):
        generate(greedy, tmp_path / "out", 5, speaker=None)
