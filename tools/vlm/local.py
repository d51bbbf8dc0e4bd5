"""A model on this machine, run by transformers: any image-text-to-text model whose processor it
knows, such as Qwen2.5-VL, Qwen3-VL, SmolVLM2, InternVL, LLaVA-OneVision and Gemma.

One thread runs the model. Requests that wait together are answered in one batch, as far as memory
allows; one that begins like a prompt that was read before goes on from there. A reply depends on
neither beyond rounding.
"""

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from longtake import models
from longtake.config import Settings
from longtake.errors import VlmUnavailable
from longtake.tools.vlm.local_inputs import tensors
from longtake.tools.vlm.messages import Outcome, Price, Reply, Request, Usage
from longtake.tools.vlm.parsing import parse_reply
from longtake.tools.vlm.prefixes import Prefixes, spell
from longtake.tools.vlm.pricing import Pricer

_MOST_BATCHED = 8
BATCH_TOKENS = 16_384
"""Tokens that a batch may take, padding and replies included; one request alone may take more."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    """A request and who waits for its reply."""

    request: Request
    tokens: int
    """It may take, reply included."""
    spelled: str
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
        kind = f"{settings.vlm.dtype}{':video' if settings.vlm.video else ''}"
        self.identity = f"local:{models.fingerprint(str(weights.path))}:{kind}"
        self._folder = weights.path
        self._settings = settings
        self._pricer = Pricer.for_model(
            source,
            family=settings.vlm.family,
            processor=weights.path,
            as_video=bool(settings.vlm.video),
        )
        self._prefixes = Prefixes()
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="vlm")

    def price(self, request: Request) -> Price:
        """What a request may cost at most; loads the tokenizer, not the weights."""
        return self._pricer.price(request)

    async def ask(self, request: Request) -> Reply:
        """Run it. Cancelling frees the caller; a batch under way is run to its end.

        Raises:
            VlmUnavailable: the model failed, for example for lack of memory, or was closed.
        """
        price = self.price(request)
        spelled = spell(request, as_video=self._pricer.as_video)
        waiting = _Waiting(request=request, tokens=price.total, spelled=spelled)
        with self._lock:
            self._waiting.append(waiting)
        try:
            self._thread.submit(self._run)
        except RuntimeError as exc:
            with self._lock:
                self._waiting = [w for w in self._waiting if w is not waiting]
            raise VlmUnavailable(f"{self.name} was closed; open it again to ask it") from exc
        reply = await asyncio.wrap_future(waiting.future)
        if reply.usage is not None:
            mismatch = self._pricer.learn(request, price, reply.usage)
            if mismatch is not None:
                log.warning("%s: %s", self.name, mismatch)
        return reply

    async def close(self) -> None:
        """Let go of the model once it has answered who waits."""
        await asyncio.to_thread(self._thread.shutdown)
        self.__dict__.pop("_loaded", None)
        self._prefixes = Prefixes()

    def _run(self) -> None:
        """Answer what waits, as far as it fits together, in one batch."""
        batch = self._take()
        if not batch:
            return
        try:
            replies = self._answer(batch)
        except Exception as exc:  # noqa: BLE001 - of a foreign model: who waits must hear of it
            for waiting in batch:
                waiting.future.set_exception(VlmUnavailable(f"{self.name} failed: {exc!r}"))
            return
        for waiting, reply in zip(batch, replies, strict=True):
            waiting.future.set_result(reply)

    def _take(self) -> list[_Waiting]:
        """Requests to answer together."""
        with self._lock:
            self._waiting = [w for w in self._waiting if not w.future.cancelled()]
            taken = self._together(self._waiting)
            self._waiting = [w for w in self._waiting if w not in taken]
        return [w for w in taken if w.future.set_running_or_notify_cancel()]

    def _together(self, waiting: Sequence[_Waiting]) -> list[_Waiting]:
        """The first one and those that fit with it: none of them sampled, none mostly read before,
        and all of them, padded to the longest, within `BATCH_TOKENS`."""
        taken: list[_Waiting] = []
        longest = 0
        for one in waiting:
            alone = one.request.temperature > 0 or self._prefixes.knows(one.spelled)
            if alone and not taken:
                return [one]
            padded = max(longest, one.tokens)
            fits = not taken or padded * (len(taken) + 1) <= BATCH_TOKENS
            if not alone and fits and len(taken) < _MOST_BATCHED:
                taken.append(one)
                longest = padded
        return taken

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

    def _answer(self, waiting: Sequence[_Waiting]) -> list[Reply]:
        import torch

        started = time.monotonic()
        model, processor = self._loaded
        requests = [one.request for one in waiting]
        batch = dict(tensors(processor, requests, as_video=self._pricer.as_video).to(model.device))
        longest = batch["input_ids"].shape[1]
        first = requests[0]
        options: dict[str, Any] = {"do_sample": False}
        if first.temperature > 0:
            torch.manual_seed(first.seed)
            options = {"do_sample": True, "temperature": first.temperature}
        most = max(request.max_tokens for request in requests)
        with torch.inference_mode():
            reading = self._prefixes.begin(model, batch, [one.spelled for one in waiting])
            made = model.generate(**reading.inputs, max_new_tokens=most, **options)
            self._prefixes.end(reading)
        seconds = time.monotonic() - started
        ends = _ends(model)
        replies = []
        for request, row, ids in zip(requests, made, reading.prompts, strict=True):
            usage = Usage(input=len(ids), output=0, cached=reading.known)
            tokens = row[longest:].tolist()
            replies.append(self._reply(processor, request, tokens, ends, usage, seconds))
        return replies

    def _reply(
        self,
        processor: Any,
        request: Request,
        tokens: list[int],
        ends: frozenset[int],
        read: Usage,
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
            usage=replace(read, output=spent),
            seconds=seconds,
        )


def _ends(model: Any) -> frozenset[int]:
    """Tokens that end a reply."""
    ids = model.generation_config.eos_token_id
    return frozenset(ids if isinstance(ids, list) else [] if ids is None else [ids])
