"""A model on this machine, run by transformers: any image-text-to-text model whose processor it
knows, such as Qwen2.5-VL, Qwen3-VL, SmolVLM2, InternVL, LLaVA-OneVision and Gemma.

One thread runs the model. Requests that wait together are answered in one batch; a reply does not
depend on what it is batched with beyond rounding.
"""

import asyncio
import concurrent.futures
import io
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from longtake import models
from longtake.config import Settings
from longtake.errors import VlmUnavailable
from longtake.tools.vlm.messages import (
    Frames,
    Message,
    Outcome,
    Picture,
    Price,
    Reply,
    Request,
    Text,
    Usage,
    laid_out,
)
from longtake.tools.vlm.parsing import parse_reply
from longtake.tools.vlm.pricing import Pricer

_MOST_BATCHED = 8

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    """A request and who waits for its reply."""

    request: Request
    future: "concurrent.futures.Future[Reply]" = field(default_factory=concurrent.futures.Future)


class LocalVlm:
    """A vision-language model in this process. Usable from any event loop and thread.

    Args:
        source: folder in hub format, or `OWNER/NAME` on the hub.
        settings: device, threads, dtype, whether the hub may be asked.

    Raises:
        WeightsMissing: there are no weights of that name where longtake looks.
        UsageError: its pictures cannot be priced, or a GPU is asked for that is not there.
    """

    def __init__(self, source: str, settings: Settings) -> None:
        weights = models.resolve("vlm", source, offline=settings.offline)
        self.name = f"local:{weights.path.name if weights.source == 'path' else source}"
        self.identity = f"local:{models.fingerprint(str(weights.path))}:{settings.vlm.dtype}"
        self._folder = weights.path
        self._settings = settings
        self._pricer = Pricer.for_model(
            source,
            family=settings.vlm.family,
            processor=weights.path,
            as_video=bool(settings.vlm.video),
        )
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="vlm")

    def price(self, request: Request) -> Price:
        """What a request may cost at most; loads the tokenizer, not the weights."""
        return self._pricer.price(request)

    async def ask(self, request: Request) -> Reply:
        """Run it. Cancelling frees the caller; a batch under way is run to its end.

        Raises:
            VlmUnavailable: the model failed, for example for lack of memory.
        """
        waiting = _Waiting(request=request)
        with self._lock:
            self._waiting.append(waiting)
        self._thread.submit(self._run)
        reply = await asyncio.wrap_future(waiting.future)
        if reply.usage is not None:
            mismatch = self._pricer.learn(request, self.price(request), reply.usage)
            if mismatch is not None:
                log.warning("%s: %s", self.name, mismatch)
        return reply

    async def close(self) -> None:
        """Let go of the model once it has answered who waits."""
        await asyncio.to_thread(self._thread.shutdown)
        self.__dict__.pop("_loaded", None)

    def _run(self) -> None:
        """Answer what waits, as far as it fits together, in one batch."""
        batch = self._take()
        if not batch:
            return
        try:
            replies = self._answer([waiting.request for waiting in batch])
        except (RuntimeError, ValueError, OSError) as exc:
            for waiting in batch:
                waiting.future.set_exception(VlmUnavailable(f"{self.name} failed: {exc}"))
            return
        for waiting, reply in zip(batch, replies, strict=True):
            waiting.future.set_result(reply)

    def _take(self) -> list[_Waiting]:
        """Requests to answer together: those that sample alike."""
        with self._lock:
            self._waiting = [w for w in self._waiting if not w.future.cancelled()]
            if not self._waiting:
                return []
            first = self._waiting[0].request
            alike = [
                w for w in self._waiting if first.temperature == 0 and w.request.temperature == 0
            ][:_MOST_BATCHED] or self._waiting[:1]
            self._waiting = [w for w in self._waiting if w not in alike]
        return [w for w in alike if w.future.set_running_or_notify_cancel()]

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """(model, processor)."""
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor
        from transformers.utils import logging as bars

        from longtake.index.encoders import use_gpu

        device = "cuda" if use_gpu(self._settings.device) else "cpu"
        wanted = self._settings.vlm.dtype
        if wanted == "auto":
            wanted = "bfloat16" if device == "cuda" else "float32"
        bars.disable_progress_bar()  # the live view owns the terminal
        model = AutoModelForImageTextToText.from_pretrained(
            self._folder, dtype=getattr(torch, wanted), local_files_only=True
        )
        model.to(device).eval()
        processor = AutoProcessor.from_pretrained(self._folder, local_files_only=True)
        processor.tokenizer.padding_side = "left"
        return model, processor

    def _answer(self, requests: Sequence[Request]) -> list[Reply]:
        import torch

        started = time.monotonic()
        model, processor = self._loaded
        batch = self._tensors(processor, requests).to(model.device)
        longest = batch["input_ids"].shape[1]
        sizes = batch["attention_mask"].sum(1).tolist()
        first = requests[0]
        options: dict[str, Any] = {"do_sample": False}
        if first.temperature > 0:
            torch.manual_seed(first.seed)
            options = {"do_sample": True, "temperature": first.temperature}
        with torch.inference_mode():
            made = model.generate(
                **batch, max_new_tokens=max(r.max_tokens for r in requests), **options
            )
        seconds = time.monotonic() - started
        ends = _ends(model)
        return [
            self._reply(processor, request, row[longest:].tolist(), ends, size, seconds)
            for request, row, size in zip(requests, made, sizes, strict=True)
        ]

    def _tensors(self, processor: Any, requests: Sequence[Request]) -> Any:
        as_video = self._pricer.as_video
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

    def _reply(
        self,
        processor: Any,
        request: Request,
        tokens: list[int],
        ends: frozenset[int],
        size: int,
        seconds: float,
    ) -> Reply:
        stop = next((i for i, token in enumerate(tokens) if token in ends), None)
        cut = stop is None or stop >= request.max_tokens
        own = tokens[: request.max_tokens if stop is None else min(stop, request.max_tokens)]
        text = processor.tokenizer.decode(own, skip_special_tokens=True).strip()
        parsed = None
        outcome: Outcome = "truncated" if cut else "ok" if text else "empty"
        if request.schema is not None and text:
            parsed, _ = parse_reply(text, request.schema)
            outcome = "ok" if parsed is not None else "truncated" if cut else "unparsed"
        spent = len(own) + (0 if cut else 1)
        return Reply(
            text=text,
            parsed=parsed,
            outcome=outcome,
            usage=Usage(input=int(size), output=spent),
            seconds=seconds,
        )


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

    times = [picture.time for picture in frames.pictures]
    gap = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
    fps = 1 / gap if gap > 0 else 1.0
    return VideoMetadata(
        total_num_frames=len(times),
        fps=fps,
        frames_indices=[round(time * fps) for time in times],
        width=frames.pictures[0].width,
        height=frames.pictures[0].height,
        duration=times[-1] - times[0] + gap,
    )


def _ends(model: Any) -> frozenset[int]:
    """Tokens that end a reply."""
    ids = model.generation_config.eos_token_id
    return frozenset(ids if isinstance(ids, list) else [] if ids is None else [ids])
