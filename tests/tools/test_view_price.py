"""The price of a view, known before a pixel is decoded, is what the model's own processor makes of
the pixels: random sizes, counts, crops, stamps, sheets and words, as images and as video."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from longtake.index.lanes import Box
from longtake.timing import Span
from longtake.tools.fit import contact_sheets
from longtake.tools.read import TextItem
from longtake.tools.view import Item, Shape, View, blank_parts, fitted_size
from longtake.tools.vlm.messages import Frames, Picture, Text, VideoClock, laid_out
from longtake.tools.vlm.pricing import Pricer
from tests.tools.vlm.processors import folder_of

VIEWS = {"qwen2.5-vl": 60, "qwen3-vl": 60, "smolvlm2-500m": 8, "smolvlm2-2.2b": 8}
"""Of each family and way of sending; SmolVLM's processor scales every image up to 2048 pixels."""


def random_view(rng: np.random.Generator) -> View:
    size = (int(rng.integers(64, 1400)), int(rng.integers(64, 1400)))
    items: list[Item] = []
    for _ in range(int(rng.integers(1, 4))):
        start = float(rng.uniform(0, 5000))
        count = int(rng.integers(1, 7))
        times = tuple(np.round(start + np.cumsum(rng.uniform(0.1, 9, count)), 3).tolist())
        kind = int(rng.integers(5))
        if kind == 0:
            text = "".join(rng.choice(list("Füße 漢字 <data>\n:.!"), 12))
            items.append(TextItem(text=text, span=Span(start, start + 1), lane="speech"))
        elif kind == 1:
            cell = fitted_size(*size, 168)
            items += contact_sheets("v", times, cell, int(rng.integers(1, 5)))
        else:
            left, top = rng.uniform(0, 0.7, 2).tolist()
            crop = Box(left, top, left + 0.3, top + 0.3) if kind == 2 else None
            width, height = fitted_size(*size, int(rng.integers(60, 500)), crop)
            shape = Shape(times=times, width=width, height=height, stamped=kind == 3)
            items += shape.items("v", crop)
    return View(items=tuple(items))


def counted(processor: Any, view: View, *, as_video: bool) -> int:
    """Tokens of a message with the view, made from pixels by the processor itself."""
    content: list[dict[str, str]] = []
    images: list[Any] = []
    videos: list[Any] = []
    metadata = []
    for part in laid_out(blank_parts(view), as_video=as_video):
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Picture):
            content.append({"type": "image"})
            images.append(Image.new("RGB", (part.width, part.height)))
        else:
            content.append({"type": "video"})
            first = part.pictures[0]
            videos.append(np.zeros((len(part.pictures), first.height, first.width, 3), np.uint8))
            metadata.append(clocked(part))
    message = {"role": "user", "content": content}
    if not images and not videos:
        message = {"role": "user", "content": "\n".join(c["text"] for c in content)}
    text = processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    more: dict[str, Any] = {}
    if images:
        more["images"] = [images]
    if videos:
        more |= {"videos": [videos], "video_metadata": [metadata], "do_sample_frames": False}
    return int(processor(text=[text], return_tensors="pt", **more)["input_ids"].shape[1])


def videos_in(view: View) -> int:
    return sum(isinstance(part, Frames) for part in laid_out(blank_parts(view), as_video=True))


def clocked(frames: Frames) -> Any:
    from transformers.video_utils import VideoMetadata

    clock = VideoClock.of([picture.time for picture in frames.pictures])
    return VideoMetadata(
        total_num_frames=len(clock.indices),
        fps=clock.fps,
        frames_indices=list(clock.indices),
        duration=clock.duration,
        width=frames.pictures[0].width,
        height=frames.pictures[0].height,
    )


@pytest.mark.parametrize("as_video", [False, True])
@pytest.mark.parametrize("family", VIEWS)
def test_the_price_of_a_view_is_what_the_processor_counts(
    family: str, as_video: bool, tmp_path: Path
) -> None:
    processor, folder = folder_of(family, tmp_path)
    pricer = Pricer.for_model(family, processor=folder, as_video=as_video)
    rng = np.random.default_rng(len(family))
    wrong = []
    for _ in range(VIEWS[family]):
        view = random_view(rng)
        while as_video and family.startswith("smolvlm") and videos_in(view) > 1:
            view = random_view(rng)  # its processor takes all videos for as long as the longest
        price = view.price(pricer)
        assert price.exact and price.output == 0
        real = counted(processor, view, as_video=as_video)
        if price.input != real:
            wrong.append((price.input, real, view))
    assert wrong == []
