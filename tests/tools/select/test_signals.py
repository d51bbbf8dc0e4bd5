"""What a library knows about frames, from real stores, sentence vectors and decoded video."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from longtake.config import Settings
from longtake.errors import UsageError
from longtake.index.lanes import F32, U8, ImageTextEncoder, StageName
from longtake.index.store import Store
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.select.choose import choose
from longtake.tools.select.signals import gather, spread_spans

Rows = Any


def opened(store: Store, images: ImageTextEncoder | None) -> Library:
    """The written library, with this encoder of pictures instead of one from a hub."""
    library = Library.open(store.root, Settings(offline=True))
    library.__dict__["image_encoder"] = images
    return library


def test_frames_clips_and_lanes_of_a_question(store: Store, images: ImageTextEncoder) -> None:
    with opened(store, images) as library:
        found = gather(library, "lake", ["When do we see a boat?"])
    items, signals = found.items, found.signals
    assert items.times.tolist() == [2.0, 3.0, 12.0, 13.0]
    assert items.clips.tolist() == [0, 0, 1, 1]
    assert items.features is not None and items.features.shape == (4, 3)
    assert signals.frame_text is not None and signals.clip_text is not None
    assert signals.frame_text == pytest.approx([1.0, 1.0, 0.02, 0.02], abs=0.02)
    assert signals.clip_text == pytest.approx([1.0, 1.0, 0.02, 0.02], abs=0.02)
    assert signals.change == pytest.approx([0.98, 0.0, 0.98, 0.0], abs=0.02)
    assert signals.query is not None and np.linalg.norm(signals.query) == pytest.approx(1.0)
    assert signals.probe is not None
    assert signals.probe(np.array([2])) == pytest.approx([0.02], abs=0.02)
    assert {"speech", "text", "density", "relevance"} <= signals.known(items)


def test_parts_of_a_question_lend_the_best_of_them(store: Store, images: ImageTextEncoder) -> None:
    with opened(store, images) as library:
        found = gather(library, "lake", ["boat", "snow", "  "])
    assert found.signals.frame_text == pytest.approx([1.0, 1.0, 1.0, 1.0], abs=0.02)


def test_without_weights_for_pictures_speech_and_text_say_what_is_relevant(store: Store) -> None:
    """The frames keep their vectors, which say nothing about the question."""
    with opened(store, None) as library:
        found = gather(library, "lake", ["What does a ticket cost?"])
        assert found.signals.frame_text is None and found.signals.query is None
        assert found.items.features is not None
        assert choose("maxmin", found.items, found.signals, 2).cost == 2
        with pytest.raises(UsageError, match="query"):
            choose("mdp3", found.items, found.signals, 2)


def test_a_video_without_vectors_is_a_grid(patchy: Store) -> None:
    with opened(patchy, None) as library:
        dark = gather(library, "dark", ["ferry"])
        assert dark.items.times.tolist() == [float(second) for second in range(70)]
        assert dark.items.clips.tolist() == [second // 10 for second in range(70)]
        assert dark.signals.known(dark.items) == {"change"}
        with pytest.raises(UsageError, match="needs relevance"):
            choose("topk", dark.items, dark.signals, 4)


def test_speech_and_cues_lie_over_the_frames_they_span(store: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path, write=True, create=True) as writer:
        writer.put_video(store.video("lake"))
        for name in (StageName.SPEECH, StageName.TEXT, StageName.SENTENCES, StageName.SHOTS):
            record = store.stages()["lake", name]
            writer.commit(
                record,
                segments=[s.segment for s in store.segments("lake")]
                if name is StageName.SPEECH
                else None,
                cues=[c.cue for c in store.cues("lake")] if name is StageName.TEXT else None,
                sentence_vectors=store.sentence_vectors("lake")
                if name is StageName.SENTENCES
                else None,
                shots=[s.span for s in store.shots("lake")] if name is StageName.SHOTS else None,
                clips=[(0, c.span) for c in store.clips("lake")]
                if name is StageName.SHOTS
                else None,
            )
    with Library.open(tmp_path, Settings(offline=True)) as library:
        found = gather(library, "lake", ["What does a ticket cost?"])
        signals = found.signals
        assert found.items.features is None and len(found.items) == 70
        assert signals.speech is not None and signals.text is not None
        best = np.flatnonzero(signals.speech == signals.speech.max())
        assert best.tolist() == [40, 41, 42, 43]
        assert set(np.flatnonzero(signals.text)) <= set(range(2, 30))
        assert choose("topk", found.items, signals, 2).times == (40.0, 41.0)
        # 'Ferry timetable 2024' comes at 2 s; the only shot begins at 0
        assert signals.change is not None
        assert np.flatnonzero(signals.change).tolist() == [0, 2]
        assert signals.change[[0, 2]].tolist() == [1.0, 0.5]
        part = gather(library, "lake", [], span=Span(20.0, 25.5))
        assert part.items.times.tolist() == [20.0, 21.0, 22.0, 23.0, 24.0, 25.0]
        assert "relevance" not in part.signals.known(part.items)
        with pytest.raises(UsageError, match=r"no frames of 'lake' in 1:10.0-1:20.0"):
            gather(library, "lake", [], span=Span(70, 80))


def test_density_counts_the_distinct_words_of_a_clip(store: Store) -> None:
    with opened(store, None) as library:
        found = gather(library, "lake")
    # frames at 2 and 3 s: ferry crosses lake four times day, ferry timetable 2024; nothing of what
    # is said at 6 s; frames at 12 and 13 s: the cue still stands
    assert found.signals.density == pytest.approx([4.0, 4.0, 1.5, 1.5])


def test_a_short_word_lends_its_score_to_the_nearest_frame() -> None:
    times = np.arange(10.0)
    spans = [Span(2, 4), Span(3, 5.5), Span(7.4, 7.9), Span(30, 31)]
    found = spread_spans(times, spans, [0.5, 0.9, 0.3, 1.0])
    assert found.tolist() == [0, 0, 0.5, 0.9, 0.9, 0.9, 0, 0, 0.3, 0]


class Red:
    """How red a picture is; every text asks for red."""

    dimension = 3
    identity = "red"
    input_size = (32, 32)

    def images(self, frames: U8) -> F32:
        means = frames.reshape(len(frames), -1, 3).mean(axis=1) + 1.0
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)

    def texts(self, texts: list[str]) -> F32:
        return np.tile(np.array([1.0, 0, 0], np.float32), (len(texts), 1))


def test_frames_that_were_not_embedded_are_decoded_and_scored_on_request(tmp_path: Path) -> None:
    """A minute of green with three seconds of red, indexed for shots only."""
    path = tmp_path / "lights.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(300):
            picture = np.zeros((64, 64, 3), np.uint8)
            picture[..., 0 if 155 <= number < 170 else 1] = 250
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts, frame.time_base = number, Fraction(1, 5)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    settings = Settings(offline=True)
    with Library.open(tmp_path / "library", settings, create=True) as library:
        assert library.index([path], only={StageName.SHOTS}).ok
    with Library.open(tmp_path / "library", settings) as library:
        library.__dict__["image_encoder"] = Red()
        found = gather(library, library.videos()[0].id, ["a red light"])
        assert found.items.features is None and found.signals.probe is not None
        scores = found.signals.probe(np.array([10, 31, 32, 33, 50]))
        assert scores == pytest.approx([0.02, 1.0, 1.0, 1.0, 0.02], abs=0.05)
        chosen = choose("focus", found.items, found.signals, 3)
        assert any(31 <= time < 34 for time in chosen.times)
        assert 0 < chosen.scored < 60
