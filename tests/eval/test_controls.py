"""Controls on a video whose text, embeddings and evidence are known: what each shows, and what
not."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.config import Settings
from longtake.eval.asking import Asked
from longtake.eval.controls import novelty
from longtake.eval.libraries import Indexed, index_videos
from longtake.eval.oracle import Place, has_hops, less, oracle, oracle_minus_one
from longtake.eval.samples import Evidence, Sample
from longtake.eval.watched import WatchedLibrary
from longtake.index.lanes import Box, Cue, FrameVectors, StageName, StageState
from longtake.index.records import StageRecord
from longtake.index.store import Store
from longtake.timing import Span
from longtake.tools.vlm.messages import Frames, words_of
from tests.agent.seeing import colour_of
from tests.eval.going import accuracy, go
from tests.eval.test_results import sample as plain
from tests.eval.world import COLOURS, reader

CUES = ((10.0, 12.0, "ROOM 12"), (40.0, 50.0, "EXIT"))
RARE = (20.0, 21.0, 22.0)
"""Seconds at which the written embeddings differ from all others; nothing is to be seen there."""


def stage(video_id: str, name: StageName) -> StageRecord:
    return StageRecord(
        video_id=video_id, name=name, state=StageState.DONE, reason=None, engine="open_clip",
        model="written", version="1", parameters="", started_at=0.0, finished_at=0.0,
        stats={"weights": "hf-hub:written/by-hand"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(
    world: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Indexed]:
    """The blue video, indexed, with on-screen text and frame embeddings written by hand."""
    folder = tmp_path_factory.mktemp("written")
    blue = [s for s in COLOURS.load(world, "test").samples if s.video == "blue"]
    made = index_videos(folder, blue, settings, "off", captions=COLOURS.captions)
    made.library.close()
    video_id = made.ids["blue"]
    times = np.arange(60.0)
    with Store.open(folder / "library", write=True) as store:
        store.commit(
            stage(video_id, StageName.TEXT),
            cues=[
                Cue(start=start, end=end, text=text, box=Box(0, 0, 1, 1), confidence=1.0)
                for start, end, text in CUES
            ],
        )
        store.commit(
            stage(video_id, StageName.VISUAL),
            frames=FrameVectors(
                times=times,
                rows=np.isin(times, RARE).astype(np.int32),
                vectors=np.array([[1, 0], [0, 1]], np.float16),
            ),
        )
    library = WatchedLibrary.open(folder / "library", settings)
    yield replace(made, library=library)
    library.close()


def asked(indexed: Indexed, sample: Sample, seed: int = 0) -> Asked:
    return Asked(
        sample=sample,
        videos=tuple(map(indexed.library.video, indexed.asked_of(sample))),
        order=tuple(range(len(sample.options))),
        budget=2000,
        seed=seed,
        may_abstain=False,
    )


def test_options_come_without_question_and_video_and_one_must_be_chosen(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    log = go(tmp_path, indexed, settings, samples, "options_only", eyes, may_abstain=True)
    assert [record.option for record in log.records] == ["A"] * 3
    for request in eyes.asked:
        words = words_of(request.messages)
        assert "screen" not in words and "Video V1" not in words
        assert "Question: (not shown)" in words and "B) 15-30 s" in words
        assert "most likely" in words


def test_only_what_is_written_is_shown(
    tmp_path: Path, written: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    log = go(tmp_path, written, settings, samples[1:2], "ocr", eyes)
    (record,) = log.records
    assert record.extra["lines"] == 2 and not record.frames
    words = words_of(eyes.asked[0].messages)
    assert '10.0-12.0 s, on screen] "ROOM 12"' in words
    assert '40.0-50.0 s, on screen] "EXIT"' in words


def test_text_that_still_stands_is_shown_up_to_the_second_of_the_question(
    tmp_path: Path, written: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    eyes = reader()
    early = replace(samples[1], visible_until_s=44.0)
    go(tmp_path, written, settings, [early], "ocr", eyes, split="early")
    words = words_of(eyes.asked[0].messages)
    assert '40.0-44.0 s, on screen] "EXIT"' in words and "50.0" not in words


def test_shuffled_frames_are_those_of_uniform_at_other_seconds(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    seen, lots = reader(), reader()
    plainly = go(tmp_path, indexed, settings, samples, "uniform", seen)
    mixed = go(tmp_path, indexed, settings, samples, "shuffled", lots, seeds=2)
    again = go(tmp_path / "again", indexed, settings, samples, "shuffled", reader(), seeds=2)
    assert [r.frames for r in mixed.records] == [r.frames for r in again.records]
    orders = {}
    for record in mixed.records:
        (same,) = [r for r in plainly.records if r.sample_id == record.sample_id]
        assert tuple(sorted(record.frames, key=lambda f: f.t_s)) == same.frames != record.frames
        assert record.spent.total == same.spent.total
        orders[record.sample_id, record.seed] = record.frames
    assert orders["blue-when", 0] != orders["blue-when", 1]
    (request,) = [r for r in lots.asked if "screen blue" in words_of(r.messages) and r.seed == 0]
    (frames,) = [part for part in request.messages[1].parts if isinstance(part, Frames)]
    times = [picture.time for picture in frames.pictures]
    assert times == sorted(frame.t_s for frame in orders["blue-when", 0])
    found = {picture.time for picture in frames.pictures if colour_of(picture.jpeg) == "blue"}
    sent = zip(times, orders["blue-when", 0], strict=True)
    assert found == {time for time, frame in sent if 33 <= frame.t_s < 35}
    assert found and not any(33 <= time < 35 for time in found)


def test_what_stands_out_is_found_whatever_is_asked(
    written: Indexed, samples: tuple[Sample, ...]
) -> None:
    made = novelty(written.library, asked(written, samples[1]), written.ids)
    assert made.spread is not None and made.wanted == 60
    (part,) = made.spread(3)
    assert part.times == RARE
    (more,) = made.spread(10)
    assert set(RARE) < set(more.times) and max(more.times) > 22 > 20 > min(more.times)
    early = replace(samples[1], visible_until_s=20.5)
    made = novelty(written.library, asked(written, early), written.ids)
    assert made.spread is not None and made.wanted == 21
    (part,) = made.spread(1)
    assert part.times == (20.0,)


def test_cuts_stand_out_where_nothing_is_embedded(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    """So few evenly spread frames do not find all three (test_systems)."""
    log = go(tmp_path, indexed, settings, samples, "novelty", reader(), 650)
    for record in log.records:
        start = next(s.evidence[0].span.start for s in samples if s.sample_id == record.sample_id)
        assert any(start <= frame.t_s < start + 2 for frame in record.frames)
    assert accuracy(log, samples) == 1


def piece(start: float, end: float, group: str = "", **more: Any) -> Evidence:
    values: dict[str, Any] = {"video": "green", "modality": "visual"}
    return Evidence(span=Span(start, end), group=group, **(values | more))


@pytest.mark.parametrize(
    ("evidence", "taken"),
    [
        ((piece(1, 2), piece(5, 6)), True),
        ((piece(1, 2),), False),
        ((), False),
        ((piece(1, 2, "a"), piece(5, 6, "b")), False),
        ((piece(1, 2, "a"), piece(5, 6, "a"), piece(7, 8, "b")), False),
        ((piece(1, 2), piece(5, 6, role="context")), False),
        ((piece(1, 2, role="negation"), piece(5, 6, role="negation")), False),
        ((piece(1, 2, role="bridge"), piece(5, 6)), True),
        ((piece(1, 2), piece(1, 2, modality="text")), False),
    ],
)
def test_a_hop_can_be_left_out_of_proofs_that_need_several(
    evidence: tuple[Evidence, ...], taken: bool
) -> None:
    assert has_hops(plain("a1", evidence=evidence)) is taken


def test_the_last_hop_and_what_overlaps_it_is_not_shown(
    indexed: Indexed, samples: tuple[Sample, ...]
) -> None:
    """A said thing leads to what is seen while it is said; the same is seen again later."""
    said = piece(5, 8, "s0", role="bridge", modality="speech")
    sample = replace(
        samples[0],
        evidence=(
            said,
            piece(6, 15, "s0"),
            replace(said, group="s1"),
            piece(2, 5.5, "s1"),
        ),
    )
    made = oracle_minus_one(indexed.library, asked(indexed, sample), indexed.ids)
    assert [line.text for line in made.lines] == ["Good morning."]
    assert made.spread is not None
    (part,) = made.spread(20)
    assert min(part.times) >= 5.5 and max(part.times) < 6
    unsaid = replace(sample, evidence=(piece(6, 7, role="bridge"), replace(said, group="")))
    made = oracle_minus_one(indexed.library, asked(indexed, unsaid), indexed.ids)
    assert made.lines == () and made.spread is None


def test_evidence_comes_with_what_is_read_in_it_and_without_what_is_read_in_a_missing_hop(
    written: Indexed, samples: tuple[Sample, ...]
) -> None:
    at = partial(piece, video="blue")
    sample = replace(samples[1], evidence=(at(9, 14, role="bridge"), at(41, 44)))
    whole = oracle(written.library, asked(written, sample), written.ids)
    assert [line.text for line in whole.lines if line.lane == "text"] == ["ROOM 12", "EXIT"]
    less = oracle_minus_one(written.library, asked(written, sample), written.ids)
    assert [line.text for line in less.lines if line.lane == "text"] == ["ROOM 12"]
    both = replace(sample, evidence=(at(9, 14, role="bridge"), at(11, 13)))
    less = oracle_minus_one(written.library, asked(written, both), written.ids)
    assert [line.text for line in less.lines if line.lane == "text"] == []


def test_without_the_needle_the_reader_does_not_know(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    hops = [
        replace(s, evidence=(Evidence(video=s.video, span=Span(1, 3)), *s.evidence))
        for s in samples
    ]
    whole = go(tmp_path, indexed, settings, hops, "oracle", reader(), 1000)
    less = go(tmp_path, indexed, settings, hops, "oracle_minus_one", reader(), 1000)
    assert accuracy(whole, hops) == 1
    assert accuracy(less, hops) == pytest.approx(1 / 3)
    for record in less.records:
        assert record.frames and all(1 <= frame.t_s < 3 for frame in record.frames)


spans = st.tuples(st.integers(0, 20), st.integers(1, 10)).map(lambda p: Span(p[0], p[0] + p[1]))


@given(st.lists(spans, max_size=4), st.lists(spans, max_size=4))
def test_what_is_left_is_what_was_there_and_not_cut(kept: list[Span], cuts: list[Span]) -> None:
    def covered(places: list[Place]) -> set[int]:
        return {s for _, span in places for s in range(int(span.start), int(span.end))}

    places, cut = [("v", span) for span in kept], [("v", span) for span in cuts]
    left = list(less(places, cut))
    assert covered(left) == covered(places) - covered(cut)
    assert all(span.duration > 0 for _, span in left)
    assert list(less(places, [("w", span) for span in cuts])) == places


def test_abstaining_is_one_more_lot(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...]
) -> None:
    log = go(tmp_path, indexed, settings, samples, "random_abstain", None, seeds=60)
    picked = [record.option for record in log.records]
    assert all(18 <= picked.count(choice) <= 54 for choice in (None, *"ABCD"))
    assert all(record.abstained == (record.option is None) for record in log.records)
    assert {record.confidence for record in log.records} == {None, 0.2}
