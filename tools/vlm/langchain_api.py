"""Anthropic and Gemini through their own protocols, by LangChain's `init_chat_model` (extra
`providers`). Replies are parsed here and not by LangChain, which loses the tokens of replies that
do not parse."""

import asyncio
import base64
import logging
import time
from typing import Any

from longtake.config import Settings
from longtake.errors import ReplyLost, RequestRefused, UsageError
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
from longtake.tools.vlm.retries import TryAgain, retry_after, with_retries

UNBILLED = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
_CUT = frozenset({"max_tokens", "length", "MAX_TOKENS"})
_REFUSED = frozenset({"refusal", "SAFETY", "PROHIBITED_CONTENT", "RECITATION", "BLOCKLIST"})
_LONGEST_MESSAGE = 300

log = logging.getLogger(__name__)


class LangchainVlm:
    """A model of a provider that LangChain knows. Keys come from the provider's own environment
    variables (ANTHROPIC_API_KEY, GOOGLE_API_KEY).

    Args:
        name: `anthropic:NAME` or `google_genai:NAME`.

    Raises:
        UsageError: the extra is not installed.
    """

    def __init__(self, name: str, settings: Settings, **options: Any) -> None:
        """
        Args:
            options: further arguments of the provider's chat model, such as `base_url`.
        """
        try:
            from langchain.chat_models import init_chat_model
        except ImportError as exc:
            raise UsageError(f'{name} needs an extra: pip install "longtake[providers]"') from exc
        self.name = name
        self.identity = f"langchain:{name}:{options.get('base_url', 'default')}"
        self._settings = settings.vlm
        self._make = init_chat_model
        self._options = options
        self._limits = LoopLimits(settings.vlm)
        self._pricer = Pricer.for_model(name, family=settings.vlm.family)

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
            started = time.monotonic()
            try:
                return await self._once(request, messages)
            finally:
                limits.leave(priced=price.total, used=None)

        message, attempts = await with_retries(attempt, retries=self._settings.retries)
        reply = _reply(message, request, time.monotonic() - started, attempts)
        if reply.usage is not None:
            mismatch = self._pricer.learn(request, price, reply.usage)
            if mismatch is not None:
                log.warning("%s: %s", self.name, mismatch)
        return reply

    async def close(self) -> None:
        """Nothing is kept between calls."""

    async def _once(self, request: Request, messages: list[dict[str, Any]]) -> Any:
        try:
            model = self._make(
                self.name,
                max_tokens=request.max_tokens,
                temperature=request.temperature,
                timeout=self._settings.timeout_s,
                max_retries=0,
                **self._options,
            )
            async with asyncio.timeout(self._settings.timeout_s):
                return await model.ainvoke(messages)
        except ImportError as exc:
            raise UsageError(f'{self.name} needs: pip install "longtake[providers]"') from exc
        except TimeoutError as exc:
            raise ReplyLost(f"{self.name}: no whole reply in time") from exc
        except Exception as exc:  # providers share no base class
            raise self._told(exc) from exc

    def _told(self, error: Exception) -> Exception:
        """A provider's error in our terms, by its HTTP status."""
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        said = f"{self.name}: {' '.join(str(error).split())[:_LONGEST_MESSAGE]}"
        if isinstance(status, int) and status in UNBILLED:
            response = getattr(error, "response", None)
            headers = getattr(response, "headers", None) or {}
            return TryAgain(said, retry_after(headers))
        if isinstance(status, int) and 400 <= status < 500:
            return RequestRefused(said)
        if "Connect" in type(error).__name__ or "Connect" in type(error.__cause__).__name__:
            return TryAgain(f"cannot reach {said}")
        return ReplyLost(said)


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
    text = message.text if isinstance(message.text, str) else message.text()
    metadata = message.response_metadata or {}
    reason = metadata.get("stop_reason") or metadata.get("finish_reason") or ""
    cut = reason in _CUT
    parsed = None
    outcome: Outcome = "truncated" if cut else "ok"
    if reason in _REFUSED:
        outcome = "refused"
    elif not text.strip():
        outcome = "truncated" if cut else "empty"
    elif request.schema is not None:
        parsed, _ = parse_reply(text, request.schema)
        outcome = "ok" if parsed is not None else "truncated" if cut else "unparsed"
    return Reply(
        text=str(text),
        parsed=parsed,
        outcome=outcome,
        usage=_usage(message.usage_metadata),
        seconds=seconds,
        attempts=attempts,
    )


def _usage(reported: Any) -> Usage | None:
    if not reported:
        return None
    details = reported.get("input_token_details") or {}
    return Usage(
        input=reported["input_tokens"],
        output=reported["output_tokens"],
        cached=details.get("cache_read") or 0,
    )
