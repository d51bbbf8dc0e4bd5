"""What an encoder makes of frames that it never saw, through the product's own path: frames are
encoded as a video, decoded at the encoder's size and embedded as the indexer does it.

    python -m longtake.eval.haystack.models.examine_encoder FOLDER
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np

from longtake.config import Settings
from longtake.eval.haystack.film import X264
from longtake.eval.haystack.models.captions import PLACE_WORDS, Captioner, Facts
from longtake.eval.haystack.models.facts import PLACES, WORDS, value
from longtake.eval.haystack.models.frames import DAY, HELD_OUT, U8, shown_in
from longtake.eval.haystack.vocabulary import PICTURES, SIGNS
from longtake.eval.haystack.wording import public_ways, with_article
from longtake.index.encoders import build_image_encoder
from longtake.index.frames import FrameReader
from longtake.index.lanes import F32, ImageTextEncoder
from longtake.prompts import render
from longtake.tools.query import statement

FRAMES = 1000
_WIDEST = 60
"""Worlds after which to give up looking for frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """Frames and captions, each caption being true of its own frame alone."""

    frames: U8
    """[N, H, W, 3] at the encoder's size."""
    facts: list[Facts]
    captions: list[str]


def make_exam(size: tuple[int, int], *, first_seed: int, count: int) -> Exam:
    """The first frames of the worlds from that seed on whose full captions tell them apart.

    Args:
        size: (width, height) that the encoder takes.

    Raises:
        ValueError: sixty worlds hold fewer than `count` such frames.
    """
    captioner = Captioner(np.random.default_rng(first_seed))
    pictures: list[U8] = []
    facts: list[Facts] = []
    captions: list[str] = []
    asked: list[Facts] = []
    for seed in range(first_seed, first_seed + _WIDEST):
        for shown in shown_in(seed):
            caption = captioner.full(shown.facts)
            if any(caption.facts <= other for other in facts):
                continue
            if any(other <= shown.facts for other in asked):
                continue
            pictures.append(shown.pixels)
            facts.append(shown.facts)
            captions.append(caption.text)
            asked.append(caption.facts)
            if len(facts) == count:
                return Exam(_filmed(pictures, size), facts, captions)
    raise ValueError(f"{_WIDEST} worlds hold {len(facts)} frames that captions tell apart")


def _filmed(pictures: list[U8], size: tuple[int, int]) -> U8:
    """The frames as they come out of a video."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exam.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=DAY.fps)
            stream.options = X264
            stream.width, stream.height, stream.pix_fmt = DAY.width, DAY.height, "yuv420p"
            for number, pixels in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, DAY.fps)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        times = [(number + 0.5) / DAY.fps for number in range(len(pictures))]
        with FrameReader(path) as reader:
            return np.stack([reader.at([time], size=size)[0].rgb for time in times])


def embedded(encoder: ImageTextEncoder, frames: U8) -> F32:
    """[N, D], unit length."""
    return np.concatenate([encoder.images(frames[i : i + 8]) for i in range(0, len(frames), 8)])


def recall_at_1(encoder: ImageTextEncoder, images: F32, captions: list[str]) -> float:
    """Share of captions whose own frame is nearest among all."""
    nearest = (encoder.texts(captions) @ images.T).argmax(1)
    return float((nearest == np.arange(len(captions))).mean())


def hits(encoder: ImageTextEncoder, images: F32, facts: list[Facts], *, seed: int) -> float:
    """Share of partial captions that are true of the frame nearest to them, one from each frame."""
    captioner = Captioner(np.random.default_rng(seed))
    captions = [captioner.partial(found) for found in facts]
    nearest = (encoder.texts([caption.text for caption in captions]) @ images.T).argmax(1)
    return float(
        np.mean([caption.facts <= facts[i] for caption, i in zip(captions, nearest, strict=True)])
    )


def found_actors(encoder: ImageTextEncoder, images: F32, facts: list[Facts]) -> float:
    """Share of actors for whom the question what they put on the shelf, embedded as the product
    does, is nearest to a frame that shows them."""
    looks = sorted({_looks(found) for found in facts if "actor" in found})
    questions = [
        public_ways("put")[0].format(who=f"the {coat} coat, the {hat} and the {badge} badge")
        for coat, hat, badge in looks
    ]
    texts = [render("visual_query", description=statement(question)) for question in questions]
    nearest = (encoder.texts(texts) @ images.T).argmax(1)
    there = [
        "actor" in facts[i] and _looks(facts[i]) == look
        for look, i in zip(looks, nearest, strict=True)
    ]
    return float(np.mean(there))


def _looks(found: Facts) -> tuple[str, str, str]:
    return value(found, "coat"), value(found, "hat"), value(found, "badge")


def by_attribute(encoder: ImageTextEncoder, images: F32, facts: list[Facts]) -> dict[str, float]:
    """Share of the frames that show something of a kind for which, of one caption a value, a true
    one is nearest. What is held is asked where it is carried: what has just been put down cannot be
    told from what stood there before."""
    things = [f"{c} {t}" for c, t in product(WORDS.colours, WORDS.things)]
    vehicles = [f"{c} {v}" for c, v in product(WORDS.colours, WORDS.vehicles)]
    pictures = [f"{c} {p}" for c, p in product(WORDS.colours, PICTURES)]
    kinds: list[tuple[str, str, str, Sequence[str]]] = [
        ("place", "place ", "{place}", PLACES),
        ("coat", "actor", "the actor with the {} coat", WORDS.colours),
        ("hat", "actor", "the actor with the {}", WORDS.hats),
        ("badge", "actor", "the actor with the {} badge", WORDS.badges),
        ("held", "carried", "somebody carries {a}", things),
        ("stored", "stored ", "{a} on a shelf", things),
        ("picture", "picture ", "a picture of {a}", pictures),
        ("sign", "sign ", "room {}", SIGNS),
        ("vehicle", "vehicle", "{a} passes the gate", vehicles),
    ]
    right: dict[str, float] = {}
    for kind, shown, caption, names in kinds:
        texts = [
            caption.format(name, a=with_article(name), place=PLACE_WORDS.get(name))
            for name in names
        ]
        nearest = (images @ encoder.texts(texts).T).argmax(1)
        right[kind] = float(
            np.mean(
                [
                    f"{kind} {names[i]}" in found
                    for found, i in zip(facts, nearest, strict=True)
                    if any(fact.startswith(shown) for fact in found)
                ]
            )
        )
    return right


def examine(encoder: ImageTextEncoder, *, first_seed: int, count: int) -> dict[str, float]:
    """All figures of the model card, as shares of 1."""
    exam = make_exam(encoder.input_size, first_seed=first_seed, count=count)
    images = embedded(encoder, exam.frames)
    return {
        "frames": len(exam.facts),
        "recall at 1": recall_at_1(encoder, images, exam.captions),
        "partial captions": hits(encoder, images, exam.facts, seed=first_seed),
        "actors of questions": found_actors(encoder, images, exam.facts),
        **by_attribute(encoder, images, exam.facts),
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=HELD_OUT)
    parser.add_argument("--frames", type=int, default=FRAMES)
    options = parser.parse_args()
    settings = Settings.model_validate({"offline": True, "visual": {"model": str(options.folder)}})
    encoder = build_image_encoder(settings)
    shares = examine(encoder, first_seed=options.seed, count=options.frames)
    rounded = {name: round(share, 4) for name, share in shares.items()}
    sys.stdout.write(json.dumps(rounded, indent=2) + "\n")


if __name__ == "__main__":
    main()
