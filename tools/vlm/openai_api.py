"""Any server that speaks OpenAI's chat completions: OpenAI, vLLM, SGLang, Ollama, llama.cpp, LM
Studio, `transformers serve`, and the compatible endpoints of other providers.

A thin adapter over the `openai` SDK, whose own retries and parsing are off, because they lose the
tokens of calls that failed to parse. What a server does not take (a JSON schema, `max_tokens`, a
temperature) is found out once by its refusal, which costs nothing, and remembered.
"""

import asyncio
import logging
import time
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtake.config import Settings
from longtake.errors import ReplyLost, RequestRefused
from longtake.tools.vlm.limits import LoopLimits
from longtake.tools.vlm.messages import Price, Reply, Request
from longtake.tools.vlm.openai_replies import reply_of, usage_of
from longtake.tools.vlm.openai_wire import Wire, Written
from longtake.tools.vlm.pricing import Pricer
from longtake.tools.vlm.retries import TryAgain, retry_after, with_retries
from longtake.tools.vlm.schemas import strict_schema

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FORMATS = ("json_schema", "json_object", "prompt")
"""How a reply is made JSON, the most reliable way first."""
UNBILLED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which another attempt makes sense: their reply says that there is no answer."""
FORMAT_STATUSES = frozenset({400, 422, 500, 501})
MISSED_STATUSES = frozenset({400, 404, 410, 422})
"""With which a server may refuse a picture that is only named."""
_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
_LONGEST_MESSAGE = 300

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Habits:
    """What a server turned out to take."""

    format: int = 0
    """Index into `FORMATS`."""
    limit: str = "max_tokens"
    temperature: bool = True
    proven: bool = False
    """The format was taken once: a bare 500 is not about it."""


class OpenAiVlm:
    """A model behind an OpenAI-compatible endpoint. Usable from any event loop, also from several
    after one another.

    Attributes:
        name: for people and receipts; holds no secret.
        identity: endpoint and model.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None,
        api_key: str,
        settings: Settings,
        name: str,
        processor: Path | None = None,
        as_video: bool = False,
        detail: str | None = None,
        names_pictures: bool = False,
    ) -> None:
        """
        Args:
            base_url: None is OpenAI's own.
            processor: folder with the model's processor, for exact prices.
            as_video: send frames as one video (vLLM's form).
            detail: OpenAI's `detail` of pictures, for its own models.
            names_pictures: the server is a vLLM, which keeps pictures by name.
        """
        self.name = name
        self.identity = f"openai:{base_url or 'default'}#{model}{':video' if as_video else ''}"
        self._model = model
        self._base_url = base_url
        self._api_key = api_key
        self._settings = settings.vlm
        self._habits = _Habits()
        self._pricer = Pricer.for_model(
            model, family=settings.vlm.family, processor=processor, as_video=as_video
        )
        self._wire = Wire(as_video=as_video, detail=detail, names_pictures=names_pictures)
        self._limits = LoopLimits(settings.vlm)
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = (
            weakref.WeakKeyDictionary()
        )

    def price(self, request: Request) -> Price:
        """What a request may cost at most."""
        return self._pricer.price(request)

    async def ask(self, request: Request) -> Reply:
        """Send it; see `Vlm.ask`."""
        price = self.price(request)
        client, limits = self._client(), self._limits.here()
        started = time.monotonic()

        async def attempt() -> Any:
            nonlocal started
            await limits.enter(price.total)
            used: int | None = None
            started = time.monotonic()
            try:
                made = await self._create(client, request)
                usage = usage_of(made.usage)
                used = usage.total if usage is not None else None
                return made
            except (TryAgain, RequestRefused):
                used = 0
                raise
            finally:
                limits.leave(priced=price.total, used=used)

        completion, attempts = await with_retries(attempt, retries=self._settings.retries)
        reply = reply_of(completion, request, time.monotonic() - started, attempts)
        if reply.usage is not None:
            mismatch = self._pricer.learn(request, price, reply.usage)
            if mismatch is not None:
                log.warning("%s: %s", self.name, mismatch)
        return reply

    async def close(self) -> None:
        """Let go of the connections of this event loop."""
        kept = self._clients.pop(asyncio.get_running_loop(), None)
        if kept is not None:
            await kept.close()

    def _client(self) -> "AsyncOpenAI":
        """The running loop's client. Connections are not kept between calls, so that
        none is left over when the loop ends."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            import openai

            client = openai.AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._api_key,
                max_retries=0,
                timeout=self._settings.timeout_s,
                default_headers={"Connection": "close"},
            )
            self._clients[loop] = client
        return self._clients[loop]

    async def _create(self, client: "AsyncOpenAI", request: Request) -> Any:
        """One attempt, as often as the server's habits have to be learned first."""
        import openai

        whole = False
        while True:
            habits = replace(self._habits)
            written = self._wire.write(request.messages, whole=whole)
            body = self._body(request, written, habits)
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    made = await client.chat.completions.create(**body)
                self._habits.proven |= request.schema is not None
                self._wire.arrived(written)
                return made
            except TimeoutError as exc:
                raise ReplyLost(
                    f"{self.name}: no whole reply within {self._settings.timeout_s:g} s"
                ) from exc
            except openai.APIConnectionError as exc:
                raise self._broken(exc) from exc
            except openai.APIStatusError as exc:
                if written.left_out and exc.status_code in MISSED_STATUSES:
                    self._wire.missed()
                    whole = True
                elif not self._learn(exc, request, habits):
                    raise self._refused(exc) from exc
            except (openai.APIResponseValidationError, ValueError) as exc:
                raise ReplyLost(f"{self.name}: the reply is not JSON: {self._safe(exc)}") from exc

    def _body(self, request: Request, written: Written, habits: _Habits) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": written.messages,
            habits.limit: request.max_tokens,
        }
        if habits.temperature:
            body["temperature"] = request.temperature
        if request.temperature > 0:
            body["seed"] = request.seed
        form = FORMATS[habits.format]
        if request.schema is not None and form == "json_schema":
            wanted = {
                "name": request.schema.__name__,
                "strict": True,
                "schema": strict_schema(request.schema),
            }
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        elif request.schema is not None and form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def _learn(self, error: Any, request: Request, tried: _Habits) -> bool:
        """Whether the refusal taught something that makes another attempt sensible. Parallel calls
        learn the same thing at once, so habits only ever move forward."""
        said, habits = str(error).lower(), self._habits
        if error.status_code not in FORMAT_STATUSES:
            return False
        if "max_completion_tokens" in said and tried.limit == "max_tokens":
            habits.limit = "max_completion_tokens"
            return True
        if "temperature" in said and tried.temperature:
            habits.temperature = False
            return True
        last = len(FORMATS) - 1
        about = any(word in said for word in ("response_format", "json_schema", "schema"))
        if request.schema is None or tried.format == last:
            return False
        if about or (error.status_code in (500, 501) and not habits.proven):
            habits.format = max(habits.format, tried.format + 1)
            log.info("%s does not take %s", self.name, FORMATS[tried.format])
            return True
        return False

    def _broken(self, error: Exception) -> Exception:
        """A connection that failed: before the request was sent, or with the reply under way."""
        cause = type(error.__cause__).__name__ if error.__cause__ is not None else ""
        reason = f"{self.name}: {self._safe(error.__cause__ or error) or cause}"
        if cause in _NOT_SENT:
            return TryAgain(f"cannot reach {reason}")
        return ReplyLost(f"the connection broke while the reply was under way: {reason}")

    def _refused(self, error: Any) -> Exception:
        status: int = error.status_code
        said = f"{self.name}: HTTP {status}: {self._safe(error)}"
        if status in UNBILLED:
            return TryAgain(said, retry_after(error.response.headers))
        if status in (401, 403):
            key = "OPENAI_API_KEY" if self._base_url is None else "LONGTAKE_VLM_API_KEY"
            return RequestRefused(f"{said}; set {key}")
        return RequestRefused(said)

    def _safe(self, error: object) -> str:
        """An error's words, short and without the key."""
        words = " ".join(str(error).split())
        if len(self._api_key) > 3:
            words = words.replace(self._api_key, "***")
        return words[:_LONGEST_MESSAGE]
