"""The committed encoder, through the path that all encoders take, on frames it never saw; and a
few steps of its training."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from longtake import Library, Settings, Span
from longtake.eval.haystack.acts import Pass, Put
from longtake.eval.haystack.config import Suite, WorldConfig
from longtake.eval.haystack.film import make_film
from longtake.eval.haystack.models.captions import Captioner
from longtake.eval.haystack.models.clip import SIZE, embed_frames, embed_texts, save_model
from longtake.eval.haystack.models.examine_encoder import (
    Exam,
    by_attribute,
    embedded,
    found_actors,
    hits,
    make_exam,
    recall_at_1,
)
from longtake.eval.haystack.models.frames import TRAINING, UNSEEN, facts_in, small_frames
from longtake.eval.haystack.models.lessons import marked, ranking_loss, truth
from longtake.eval.haystack.models.train_encoder import VISITED, Pool, Teacher
from longtake.eval.haystack.wording import who, with_article
from longtake.eval.haystack.world import make_world
from longtake.index.encoders import OpenVinoEncoder, build_image_encoder
from longtake.index.lanes import F32, ImageTextEncoder, StageName

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "eval" / "haystack" / "models" / "encoder"


def settings(folder: Path, runtime: str = "auto") -> Settings:
    visual = {"model": str(folder), "runtime": runtime}
    return Settings.model_validate(
        {"offline": True, "device": "cpu", "threads": 1, "visual": visual}
    )


def encoder_in(folder: Path, runtime: str = "auto") -> ImageTextEncoder:
    return build_image_encoder(settings(folder, runtime))


@pytest.fixture(scope="module")
def encoder() -> ImageTextEncoder:
    return encoder_in(FOLDER)


@pytest.fixture(scope="module")
def exam(encoder: ImageTextEncoder) -> Exam:
    return make_exam(encoder.input_size, first_seed=UNSEEN, count=200)


@pytest.fixture(scope="module")
def images(encoder: ImageTextEncoder, exam: Exam) -> F32:
    return embedded(encoder, exam.frames)


def test_it_is_small_and_runs_by_default_on_openvino(encoder: ImageTextEncoder) -> None:
    assert isinstance(encoder, OpenVinoEncoder)
    assert encoder.input_size == (SIZE, SIZE)
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 6_000_000


def test_captions_find_their_frames(encoder: ImageTextEncoder, exam: Exam, images: F32) -> None:
    assert recall_at_1(encoder, images, exam.captions) >= 0.93


def test_parts_of_captions_find_frames_they_are_true_of(
    encoder: ImageTextEncoder, exam: Exam, images: F32
) -> None:
    assert hits(encoder, images, exam.facts, seed=UNSEEN) >= 0.7


def test_questions_find_the_actors_they_name(
    encoder: ImageTextEncoder, exam: Exam, images: F32
) -> None:
    assert found_actors(encoder, images, exam.facts) >= 0.95


def test_what_it_tells_apart(encoder: ImageTextEncoder, exam: Exam, images: F32) -> None:
    right = by_attribute(encoder, images, exam.facts)
    assert min(right[kind] for kind in ("place", "coat", "hat", "badge", "vehicle")) >= 0.95
    assert right["picture"] >= 0.8


def test_searching_a_film_finds_who_and_what_passes(tmp_path: Path) -> None:
    """All of the product: a generated video, indexed and searched."""
    config = WorldConfig(days=1, seconds=60, items=10)
    (day,) = make_world(Suite(name="smoke", worlds=(config,)), 0, UNSEEN + 500).days
    video = make_film(day, config, tmp_path, None, None)
    with Library.open(tmp_path / "library", settings(FOLDER), create=True) as library:
        assert library.index([video.path], only=[StageName.VISUAL]).ok
        found = []
        for timed in (timed for scene in day.scenes for timed in scene.acts):
            if isinstance(timed.act, Pass):
                question = f"When does {with_article(str(timed.act))} pass the gate?"
            elif isinstance(timed.act, Put):
                question = f"What did the actor with {who(timed.act.actor)} put on the shelf?"
            else:
                continue
            span = Span(timed.first / config.fps, timed.last / config.fps)
            hits = library.search(question, lanes=["visual"], limit=3)
            found.append(any(hit.span.overlap(span) > 0 for hit in hits))
    assert np.mean(found) >= 0.8


def test_a_true_pair_counts_against_the_false_ones_of_its_row_only() -> None:
    likeness = torch.tensor([[2.0, 1.0, 3.0], [0.0, 5.0, 5.0]])
    true = torch.tensor([[True, False, True], [False, False, False]])
    rivals = [np.log1p(np.exp(1.0 - 2.0)), np.log1p(np.exp(1.0 - 3.0))]
    assert ranking_loss(likeness, true).item() == pytest.approx(np.mean(rivals), rel=1e-5)


def test_captions_are_true_of_every_frame_with_all_their_facts() -> None:
    found = facts_in(TRAINING)[:60]
    captioner = Captioner(np.random.default_rng(0))
    captions = [captioner.partial(facts) for facts in found]
    expected = [[caption.facts <= facts for facts in found] for caption in captions]
    assert truth(captions, marked(found)).tolist() == expected


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return Pool.drawn(tmp_path_factory.mktemp("pool"), range(TRAINING, TRAINING + 1))


@pytest.fixture(scope="module")
def teacher(pool: Pool) -> Teacher:
    return Teacher(pool, seed=0, rate=0.03)  # of which the warm-up leaves little


def test_it_learns_from_its_first_steps(teacher: Teacher) -> None:
    losses = [teacher.step(0)["texts"] for _ in range(10)]
    assert np.mean(losses[-3:]) < losses[0] - 0.1


def test_batches_show_actors_more_often_than_worlds_do(pool: Pool) -> None:
    rng = np.random.default_rng(0)
    batches = [pool.batch(rng)[1] for _ in range(20)]
    actors = [["actor" in pool.facts[number] for number in numbers] for numbers in batches]
    assert min(map(sum, actors)) >= VISITED
    assert np.mean(actors) > 1.2 * np.mean(["actor" in facts for facts in pool.facts])


def test_what_is_saved_is_what_was_trained(teacher: Teacher, pool: Pool, tmp_path: Path) -> None:
    frames = pool.worlds[0][:4]
    texts = ["a red star on the wall", "What did the actor with the cap put on the shelf?"]
    teacher.model.eval()
    with torch.no_grad():
        seen = torch.nn.functional.normalize(embed_frames(teacher.model, frames), dim=-1)
        said = embed_texts(teacher.model, teacher.tokenizer, texts)
    save_model(teacher.model, teacher.tokenizer, tmp_path)
    loaded = encoder_in(tmp_path, "torch")
    assert loaded.images(frames) == pytest.approx(seen.numpy(), abs=3e-3)
    expected = torch.nn.functional.normalize(said, dim=-1).numpy()
    assert loaded.texts(texts) == pytest.approx(expected, abs=3e-3)
    config = json.loads((tmp_path / "open_clip_config.json").read_text(encoding="utf-8"))
    assert config["preprocess_cfg"]["resize_mode"] == "squash"


def test_frames_are_drawn_once(pool: Pool, tmp_path: Path) -> None:
    first = small_frames(tmp_path, TRAINING, SIZE)
    (file,) = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    assert np.array_equal(small_frames(tmp_path, TRAINING, SIZE), first)
    assert file.stat().st_mtime_ns == written
    assert np.array_equal(pool.worlds[0], first)
