"""Anthropic and Gemini through their own protocols, by LangChain's `init_chat_model` (extra
`providers`). Replies are parsed here and not by LangChain, which loses the tokens of replies that
do not parse."""

import asyncio
import base64
import logging
import os
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from longtake.config import Settings
from longtake.errors import ReplyLost, RequestRefused, UsageError
from longtake.tools.vlm.langchain_errors import status_of, told
from longtake.tools.vlm.limits import LoopLimits
from longtake.tools.vlm.messages import (
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
from longtake.tools.vlm.retries import TryAgain, with_retries
from longtake.tools.vlm.schemas import strict_schema

_CUT = frozenset({"max_tokens", "length", "MAX_TOKENS", "model_context_window_exceeded"})
_REFUSED = frozenset(
    {"refusal", "SAFETY", "PROHIBITED_CONTENT", "RECITATION", "BLOCKLIST", "SPII", "LANGUAGE"}
    | {"IMAGE_SAFETY", "OTHER"}
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Provider:
    """What LangChain calls things differently for."""

    keys: tuple[str, ...]
    """Environment variables with a key, any of which will do."""
    limit: str
    """Argument with the most tokens of a reply."""
    headers: str
    """Argument with further headers."""


_PROVIDERS: Mapping[str, _Provider] = {
    "anthropic": _Provider(
        keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
        limit="max_tokens",
        headers="default_headers",
    ),
    "google_genai": _Provider(
        keys=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        limit="max_output_tokens",
        headers="additional_headers",
    ),
}


@dataclass(slots=True)
class _Habits:
    """What a model turned out to take."""

    schema: bool = True
    temperature: bool = True


class LangchainVlm:
    """A model of a provider that LangChain knows. Keys come from the provider's own environment
    variables (ANTHROPIC_API_KEY, GOOGLE_API_KEY). Usable from any event loop, also from several
    after one another.

    Replies are asked for as JSON of the request's schema where the model takes one. What it does
    not take (a schema, a temperature) is found out once by its refusal, which costs nothing.

    Args:
        name: `anthropic:NAME` or `google_genai:NAME`.

    Raises:
        UsageError: the extra is not installed, or there is no key.
    """

    def __init__(self, name: str, settings: Settings, **options: Any) -> None:
        """
        Args:
            options: further arguments of the provider's chat model, such as `base_url`.
        """
        try:
            from langchain.chat_models import init_chat_model
        except ImportError as exc:
            raise UsageError(_extra(name)) from exc
        self.name = name
        self.identity = f"langchain:{name}:{options.get('base_url', 'default')}"
        self._provider = _PROVIDERS[name.partition(":")[0]]
        self._key = self._provider.keys[0]
        self._secrets = [value for key in self._provider.keys if (value := os.environ.get(key))]
        if not self._secrets:
            raise UsageError(f"{name} needs a key: set {self._key}")
        self._settings = settings.vlm
        self._make = init_chat_model
        self._options = options
        self._habits = _Habits()
        self._limits = LoopLimits(settings.vlm)
        self._pricer = Pricer.for_model(name, family=settings.vlm.family)
        self._models: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = (
            weakref.WeakKeyDictionary()
        )

    def price(self, request: Request) -> Price:
        """What a request may cost at most."""
        return self._pricer.price(request)

    async def ask(self, request: Request) -> Reply:
        """Send it; see `Vlm.ask`."""
        price = self.price(request)
        limits = self._limits.here()
        messages = [_wire(message) for message in request.messages]
        started = time.monotonic()

        async def attempt() -> Any:
            nonlocal started
            await limits.enter(price.total)
            used: int | None = None
            started = time.monotonic()
            try:
                made = await self._once(request, messages)
                usage = _usage(made.usage_metadata)
                used = usage.total if usage is not None else None
                return made
            except (TryAgain, RequestRefused):
                used = 0
                raise
            finally:
                limits.leave(priced=price.total, used=used)

        message, attempts = await with_retries(attempt, retries=self._settings.retries)
        reply = _reply(message, request, time.monotonic() - started, attempts)
        if reply.usage is not None:
            mismatch = self._pricer.learn(request, price, reply.usage)
            if mismatch is not None:
                log.warning("%s: %s", self.name, mismatch)
        return reply

    async def close(self) -> None:
        """Let go of this event loop's model."""
        self._models.pop(asyncio.get_running_loop(), None)

    def _model(self) -> Any:
        """The running loop's model. Connections are not kept between calls, so that none is left
        over when the loop ends.

        Raises:
            UsageError: the provider's package is not installed.
        """
        loop = asyncio.get_running_loop()
        if loop not in self._models:
            settings: dict[str, Any] = {
                "timeout": self._settings.timeout_s,
                "max_retries": 0,
                self._provider.headers: {"Connection": "close"},
            }
            try:
                self._models[loop] = self._make(self.name, **settings, **self._options)
            except ImportError as exc:
                raise UsageError(_extra(self.name)) from exc
        return self._models[loop]

    async def _once(self, request: Request, messages: list[dict[str, Any]]) -> Any:
        """One attempt, as often as the model's habits have to be learned first."""
        model = self._model()
        while True:
            tried = replace(self._habits)
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    return await model.ainvoke(messages, **self._arguments(request, tried))
            except TimeoutError as exc:
                raise ReplyLost(
                    f"{self.name}: no whole reply within {self._settings.timeout_s:g} s"
                ) from exc
            except Exception as exc:
                if not self._learned(exc, request, tried):
                    raise told(self.name, exc, secrets=self._secrets, key=self._key) from exc

    def _arguments(self, request: Request, habits: _Habits) -> dict[str, Any]:
        made: dict[str, Any] = {self._provider.limit: request.max_tokens}
        if habits.temperature:
            made["temperature"] = request.temperature
        if request.schema is not None and habits.schema:
            wanted = {"name": request.schema.__name__, "schema": strict_schema(request.schema)}
            made["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return made

    def _learned(self, error: Exception, request: Request, tried: _Habits) -> bool:
        """Whether a refusal taught something that makes another attempt sensible. LangChain itself
        refuses some temperatures, before anything is sent."""
        said = str(error).lower()
        if status_of(error) != 400 and type(error) is not ValueError:
            return False
        if "temperature" in said and tried.temperature:
            self._habits.temperature = False
            return True
        about = ("schema", "output_config", "output_format", "response_format", "mime")
        if request.schema is not None and tried.schema and any(word in said for word in about):
            log.info("%s does not take JSON schemas", self.name)
            self._habits.schema = False
            return True
        return False


def _extra(name: str) -> str:
    return f'{name} needs an extra: pip install "longtake[providers]"'


def _wire(message: Message) -> dict[str, Any]:
    """A message in LangChain's form."""
    content: list[dict[str, Any]] = []
    for part in laid_out(message.parts, as_video=False):
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Picture):
            data = base64.b64encode(part.jpeg).decode()
            content.append({"type": "image", "base64": data, "mime_type": "image/jpeg"})
    if all(item["type"] == "text" for item in content):
        return {"role": message.role, "content": "\n".join(item["text"] for item in content)}
    return {"role": message.role, "content": content}


def _reply(message: Any, request: Request, seconds: float, attempts: int) -> Reply:
    text = str(message.text)
    metadata = message.response_metadata or {}
    reason = metadata.get("stop_reason") or metadata.get("finish_reason") or ""
    blocked = (metadata.get("prompt_feedback") or {}).get("block_reason") is not None
    cut = reason in _CUT
    parsed = None
    outcome: Outcome = "truncated" if cut else "ok"
    if reason in _REFUSED or blocked:
        outcome = "refused"
    elif not text.strip():
        outcome = "truncated" if cut else "empty"
    elif request.schema is not None:
        parsed, _ = parse_reply(text, request.schema)
        outcome = "ok" if parsed is not None else "truncated" if cut else "unparsed"
    return Reply(
        text=text,
        parsed=parsed,
        outcome=outcome,
        usage=_usage(message.usage_metadata),
        seconds=seconds,
        attempts=attempts,
    )


def _usage(reported: Any) -> Usage | None:
    """LangChain counts what was cached as part of the tokens in, whatever the provider does. It
    makes zeros of what the provider leaves out; no prompt has none, so that is unknown."""
    if not reported or reported["input_tokens"] <= 0:
        return None
    details = reported.get("input_token_details") or {}
    return Usage(
        input=reported["input_tokens"],
        output=reported["output_tokens"],
        cached=details.get("cache_read") or 0,
    )
