"""Requests -> the tensors that a local model reads."""

import io
from collections.abc import Sequence
from typing import Any

from longtake.tools.vlm.messages import (
    Frames,
    Message,
    Picture,
    Request,
    Text,
    VideoClock,
    laid_out,
)


def tensors(processor: Any, requests: Sequence[Request], *, as_video: bool) -> Any:
    """The requests as one batch, padded on the left, on the CPU.

    Args:
        processor: the model's, of transformers.
        as_video: frames go as one video.
    """
    texts, images, videos, metadata = [], [], [], []
    for request in requests:
        written = [_written(message, as_video) for message in request.messages]
        texts.append(
            processor.apply_chat_template(written, tokenize=False, add_generation_prompt=True)
        )
        for message in request.messages:
            for part in laid_out(message.parts, as_video=as_video):
                if isinstance(part, Picture):
                    images.append(_decoded(part))
                elif isinstance(part, Frames):
                    videos.append([_decoded(picture) for picture in part.pictures])
                    metadata.append(_metadata(part))
    more: dict[str, Any] = {}
    if images:
        more["images"] = images
    if videos:
        more |= {"videos": videos, "video_metadata": metadata, "do_sample_frames": False}
    return processor(text=texts, padding=True, return_tensors="pt", **more)


def _written(message: Message, as_video: bool) -> dict[str, Any]:
    """A message as chat templates take it."""
    parts = laid_out(message.parts, as_video=as_video)
    if all(isinstance(part, Text) for part in parts):
        words = "\n".join(part.text for part in parts if isinstance(part, Text))
        return {"role": message.role, "content": words}
    content: list[dict[str, str]] = []
    for part in parts:
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        else:
            content.append({"type": "image" if isinstance(part, Picture) else "video"})
    return {"role": message.role, "content": content}


def _decoded(picture: Picture) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(picture.jpeg)).convert("RGB")


def _metadata(frames: Frames) -> Any:
    """Times of frames, for processors that write them."""
    from transformers.video_utils import VideoMetadata

    clock = VideoClock.of([picture.time for picture in frames.pictures])
    return VideoMetadata(
        total_num_frames=len(clock.indices),
        fps=clock.fps,
        frames_indices=list(clock.indices),
        width=frames.pictures[0].width,
        height=frames.pictures[0].height,
        duration=clock.duration,
    )
