"""What OpenAI's chat completions answer -> a reply and what it cost."""

from typing import Any

from pydantic import BaseModel

from longtake.tools.vlm.messages import Outcome, Reply, Request, Usage
from longtake.tools.vlm.parsing import parse_reply


def reply_of(completion: Any, request: Request, seconds: float, attempts: int) -> Reply:
    """The reply in a completion of the `openai` SDK.

    Args:
        seconds: from sending to the last byte.
        attempts: calls made.
    """
    usage = usage_of(completion.usage)

    def make(text: str, parsed: BaseModel | None, outcome: Outcome) -> Reply:
        return Reply(
            text=text,
            parsed=parsed,
            outcome=outcome,
            usage=usage,
            seconds=seconds,
            attempts=attempts,
        )

    if not completion.choices:
        return make("", None, "empty")
    choice = completion.choices[0]
    message = choice.message
    text = _words(message)
    if choice.finish_reason == "content_filter" or getattr(message, "refusal", None):
        return make(getattr(message, "refusal", None) or text, None, "refused")
    if not text.strip():
        return make("", None, "truncated" if choice.finish_reason == "length" else "empty")
    if request.schema is None:
        return make(text, None, "truncated" if choice.finish_reason == "length" else "ok")
    parsed, _ = parse_reply(text, request.schema)
    outcome: Outcome = "ok"
    if parsed is None:
        outcome = "truncated" if choice.finish_reason == "length" else "unparsed"
    return make(text, parsed, outcome)


def _words(message: Any) -> str:
    """The reply's text; servers with reasoning parsers may leave `content` null."""
    for field in ("content", "reasoning_content", "reasoning"):
        text = getattr(message, field, None)
        if isinstance(text, str) and text.strip():
            return text
    return ""


def usage_of(reported: Any) -> Usage | None:
    """What a server reports, if it reports tokens in and out."""
    if reported is None or reported.prompt_tokens is None or reported.completion_tokens is None:
        return None
    details = getattr(reported, "prompt_tokens_details", None)
    cached = getattr(details, "cached_tokens", None) if details is not None else None
    return Usage(
        input=reported.prompt_tokens, output=reported.completion_tokens, cached=cached or 0
    )
