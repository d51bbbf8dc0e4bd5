"""A library with two written videos: speech, on-screen text, sentence vectors and hand-made
picture vectors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtake.config import Settings
from longtake.index.lanes import (
    F32,
    U8,
    Box,
    Cue,
    FrameVectors,
    Segment,
    SentenceEncoder,
    StageName,
    StageState,
)
from longtake.index.records import ClipVectors, SentenceVectors, StageRecord, VideoRecord
from longtake.index.sentences import build_sentence_encoder
from longtake.index.store import Store
from longtake.timing import Span

AXES = ("boat", "forest", "snow")

SPEECH = {
    "lake": [
        (0.0, 4.0, "The ferry crosses the lake four times a day."),
        (4.2, 8.0, "In winter it stays in the harbour."),
        (40.0, 44.0, "Tickets cost three euros."),
    ],
    "hut": [
        (0.0, 4.0, "The hut is run by volunteers."),
        (60.0, 64.0, "Soup is served until nine in the evening."),
    ],
}
TEXT = {"lake": [(2.0, 30.0, "Ferry timetable 2024")], "hut": [(5.0, 20.0, "Hut rules")]}
CLIPS = {"lake": ["boat", "snow"], "hut": ["forest", "boat"]}


class Colours:
    """Image-text encoder over three words: each is an axis."""

    dimension = 3
    identity = "axes"
    input_size = (8, 8)

    def images(self, frames: U8) -> F32:
        raise NotImplementedError

    def texts(self, texts: list[str]) -> F32:
        rows = np.array([[float(axis in text) + 0.01 for axis in AXES] for text in texts])
        unit: F32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


@pytest.fixture(scope="session")
def images() -> Colours:
    return Colours()


@pytest.fixture(scope="session")
def sentences() -> SentenceEncoder:
    return build_sentence_encoder(Settings(offline=True))


def stage(video: str, name: StageName, model: str, reason: str | None = None) -> StageRecord:
    return StageRecord(
        video_id=video,
        name=name,
        state=StageState.DONE if reason is None else StageState.SKIPPED,
        reason=reason,
        engine="written",
        model=model,
        version="1",
        parameters="",
        started_at=0.0,
        finished_at=0.0,
        stats={"weights": "all-MiniLM-L6-v2"},
    )


def put(store: Store, name: str) -> None:
    store.put_video(
        VideoRecord(
            id=name,
            path=Path(f"/{name}.mp4"),
            size=1,
            mtime_ns=1,
            title=name,
            duration=70.0,
            fps=None,
            width=None,
            height=None,
            video_codec=None,
            audio_codec=None,
            added_at=0.0,
        )
    )


def write(store: Store, name: str, encoder: SentenceEncoder) -> None:
    put(store, name)
    speech = [Segment(start=a, end=b, text=t, confidence=1.0) for a, b, t in SPEECH[name]]
    cues = [
        Cue(start=a, end=b, text=t, box=Box(0, 0, 1, 1), confidence=1.0) for a, b, t in TEXT[name]
    ]
    store.commit(stage(name, StageName.SPEECH, "none"), segments=speech)
    store.commit(stage(name, StageName.TEXT, "none"), cues=cues)
    spans = [row[:2] for row in SPEECH[name] + TEXT[name]]
    store.commit(
        stage(name, StageName.SENTENCES, encoder.identity),
        sentence_vectors=SentenceVectors(
            vectors=encoder.embed([row[2] for row in SPEECH[name] + TEXT[name]]).astype(np.float16),
            lanes=np.array([0] * len(speech) + [1] * len(cues), np.uint8),
            positions=np.array([*range(len(speech)), *range(len(cues))], np.int32),
            starts=np.array([a for a, _ in spans]),
            ends=np.array([b for _, b in spans]),
        ),
    )
    clips = [Span(10.0 * i, 10.0 * i + 10) for i in range(len(CLIPS[name]))]
    store.commit(
        stage(name, StageName.SHOTS, "content"), shots=[Span(0, 70)], clips=[(0, c) for c in clips]
    )
    vectors = Colours().texts(CLIPS[name]).astype(np.float16)
    store.commit(
        stage(name, StageName.VISUAL, "axes"),
        frames=FrameVectors(
            times=np.array([t for c in clips for t in (c.start + 2, c.start + 3)]),
            rows=np.repeat(np.arange(len(clips)), 2).astype(np.int32),
            vectors=vectors,
        ),
    )
    store.commit(
        stage(name, StageName.CLIPS, "axes"),
        clip_vectors=ClipVectors(
            vectors=vectors,
            starts=np.array([c.start for c in clips]),
            ends=np.array([c.end for c in clips]),
        ),
    )


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, sentences: SentenceEncoder) -> Iterator[Store]:
    """Videos `lake` and `hut`."""
    root = tmp_path_factory.mktemp("library")
    with Store.open(root, write=True, create=True) as writer:
        for name in SPEECH:
            write(writer, name, sentences)
    with Store.open(root) as reader:
        yield reader


@pytest.fixture
def patchy(tmp_path: Path, sentences: SentenceEncoder) -> Iterator[Store]:
    """Video `lake` complete, `dark` without speech, text or pictures, for several reasons."""
    missing: dict[StageName, Any] = {
        StageName.SPEECH: "weights missing",
        StageName.TEXT: "weights missing",
    }
    with Store.open(tmp_path, write=True, create=True) as writer:
        write(writer, "lake", sentences)
        put(writer, "dark")
        for name, reason in missing.items():
            writer.commit(stage("dark", name, "none", reason))
    with Store.open(tmp_path) as reader:
        yield reader
