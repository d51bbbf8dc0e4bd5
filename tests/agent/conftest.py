"""Libraries filled with written transcripts: real store, real sentence encoder, no videos."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtake.config import Settings
from longtake.index.lanes import Box, Cue, Segment, SentenceEncoder, StageName, StageState
from longtake.index.records import SentenceVectors, StageRecord, VideoRecord
from longtake.index.sentences import build_sentence_encoder
from longtake.index.store import Store
from longtake.tools.library import Library
from longtake.tools.remembered import Remembered
from tests.agent.injections import Libraries, opened_libraries
from tests.data.colours import OTHER, SIGNAL, write_colour_videos, write_colours

DATA = Path(__file__).parent / "data"

Line = dict[str, Any]
Fill = Callable[..., str]


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    return Remembered(build_sentence_encoder(Settings(offline=True)))


def _stage(video: str, name: StageName, model: str, reason: str | None) -> StageRecord:
    return StageRecord(
        video_id=video,
        name=name,
        state=StageState.DONE if reason is None else StageState.SKIPPED,
        reason=reason,
        engine="test",
        model=model,
        version="1",
        parameters="",
        started_at=0.0,
        finished_at=0.0,
        stats={"weights": "all-MiniLM-L6-v2"},
    )


@pytest.fixture(scope="session")
def fill(encoder: SentenceEncoder) -> Fill:
    """fill(store, title, lines, vectors=True, skip={stage: reason}) -> video id."""

    def fill(
        store: Store,
        title: str,
        lines: Sequence[Line],
        *,
        vectors: bool = True,
        skip: dict[StageName, str] | None = None,
    ) -> str:
        video = title.encode().hex()[:32].ljust(32, "0")
        reasons = {StageName.VISUAL: "weights missing", **(skip or {})}
        store.put_video(
            VideoRecord(
                id=video,
                path=Path(f"/videos/{title}.mp4"),
                size=1,
                mtime_ns=1,
                title=title,
                duration=max((line["end"] for line in lines), default=1.0),
                fps=25.0,
                width=1280,
                height=720,
                video_codec="h264",
                audio_codec="aac",
                added_at=0.0,
            )
        )
        segments = [
            Segment(start=ln["start"], end=ln["end"], text=ln["text"], confidence=0.9)
            for ln in lines
            if ln["lane"] == "speech"
        ]
        cues = [
            Cue(
                start=ln["start"],
                end=ln["end"],
                text=ln["text"],
                box=Box(0.1, 0.1, 0.9, 0.2),
                confidence=0.9,
            )
            for ln in lines
            if ln["lane"] == "text"
        ]
        given: dict[StageName, dict[str, Any]] = {
            StageName.SPEECH: {"segments": segments},
            StageName.TEXT: {"cues": cues},
            StageName.VISUAL: {},
        }
        for name, rows in given.items():
            reason = reasons.get(name)
            store.commit(_stage(video, name, "test", reason), **(rows if reason is None else {}))
        if vectors:
            items: list[tuple[int, int, Segment | Cue]] = [
                (0, i, s) for i, s in enumerate(segments)
            ]
            rows_of = [*items, *((1, i, c) for i, c in enumerate(cues))]
            store.commit(
                _stage(video, StageName.SENTENCES, encoder.identity, None),
                sentence_vectors=SentenceVectors(
                    vectors=encoder.embed([r.text for _, _, r in rows_of]).astype(np.float16),
                    lanes=np.array([lane for lane, _, _ in rows_of], np.uint8),
                    positions=np.array([i for _, i, _ in rows_of], np.int32),
                    starts=np.array([r.start for _, _, r in rows_of]),
                    ends=np.array([r.end for _, _, r in rows_of]),
                ),
            )
        return video

    return fill


@pytest.fixture(scope="session")
def colours_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of two videos of colours; one shows green for six seconds."""
    place = tmp_path_factory.mktemp("colours")
    with Library.open(place / "library", Settings(offline=True), create=True) as library:
        assert library.index(write_colour_videos(place), only={StageName.SHOTS}).ok
    return place / "library"


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Libraries]:
    """Texts that give orders, and harmless ones in their place."""
    with opened_libraries(tmp_path_factory.mktemp("injections")) as opened:
        yield opened


def transcripts() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(DATA.glob("*.json"))}


@pytest.fixture(scope="session")
def data() -> dict[str, dict[str, Any]]:
    """name -> {title, lines, questions} of the written transcripts."""
    return transcripts()


@pytest.fixture(scope="session")
def library(
    tmp_path_factory: pytest.TempPathFactory, fill: Fill, data: dict[str, dict[str, Any]]
) -> Iterator[Library]:
    """All transcripts in one library."""
    root = tmp_path_factory.mktemp("library")
    with Store.open(root, write=True, create=True) as store:
        for item in data.values():
            fill(store, item["title"], item["lines"])
    with Library.open(root, Settings(offline=True, library=root)) as opened:
        yield opened


@pytest.fixture(scope="session")
def needle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of two videos of colours, by their pictures alone; one shows green for six seconds
    and white for three."""
    place = tmp_path_factory.mktemp("needle")
    signal = [*SIGNAL[:3], ("red", 50.0), ("white", 3.0), ("red", 17.5)]
    files = [
        write_colours(place / "signal.mp4", signal),
        write_colours(place / "other.mp4", OTHER),
    ]
    with Library.open(place / "library", Settings(offline=True), create=True) as library:
        assert library.index(files, only={StageName.SHOTS}).ok
    return place / "library"


@pytest.fixture
def colours(needle_folder: Path) -> Iterator[Library]:
    """That library, with no calls and no unfinished runs."""
    for name in ("calls.db", "checkpoints.db"):
        for file in needle_folder.glob(f"{name}*"):
            file.unlink()
    with Library.open(needle_folder) as opened:
        yield opened
