"""What Anthropic's Messages API and Gemini's generateContent say, for the loopback server."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.tools.vlm.fault_server import Behaviour, Body, Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One protocol.

    Attributes:
        model: what `--vlm` takes.
        key: environment variable of the key.
        path: how the address that requests are posted to ends.
        says: text, stop reason, (fresh tokens in, cached in, out) -> a reply of the model.
        fails: status, message, headers -> an error reply.
        stops: our outcome -> the vendor's stop reason.
    """

    model: str
    key: str
    path: str
    says: Callable[..., Behaviour]
    fails: Callable[..., Behaviour]
    stops: dict[str, str]


def _claude_says(
    text: str | None, *, stop: str = "end_turn", usage: Any = (36, 64, 10)
) -> Behaviour:
    def behave(handler: Handler, body: Body) -> None:
        reported = usage
        if isinstance(usage, tuple):
            reported = {
                "input_tokens": usage[0],
                "cache_read_input_tokens": usage[1],
                "cache_creation_input_tokens": 0,
                "output_tokens": usage[2],
            }
        handler.send_json(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [] if text is None else [{"type": "text", "text": text}],
                "stop_reason": stop,
                "stop_sequence": None,
                "usage": reported,
            }
        )

    return behave


def _claude_fails(status: int, message: str = "no", **headers: str) -> Behaviour:
    def behave(handler: Handler, body: Body) -> None:
        error = {"type": "some_error", "message": message}
        handler.send_json({"type": "error", "error": error}, status, **headers)

    return behave


def _gemini_says(text: str | None, *, stop: str = "STOP", usage: Any = (36, 64, 10)) -> Behaviour:
    def behave(handler: Handler, body: Body) -> None:
        reported = usage
        if isinstance(usage, tuple):
            # the vendor's prompt count includes what was cached
            reported = {
                "promptTokenCount": usage[0] + usage[1],
                "cachedContentTokenCount": usage[1],
                "candidatesTokenCount": usage[2] - 4,
                "thoughtsTokenCount": 4,
                "totalTokenCount": sum(usage),
            }
        parts = [] if text is None else [{"text": text}]
        reply: dict[str, Any] = {"modelVersion": "gemini-2.5-flash", "usageMetadata": reported}
        if stop == "blocked":
            reply["promptFeedback"] = {"blockReason": "SAFETY"}
        else:
            content = {"role": "model", "parts": parts}
            reply["candidates"] = [{"content": content, "finishReason": stop, "index": 0}]
        if reported is None:
            del reply["usageMetadata"]
        handler.send_json(reply)

    return behave


def _gemini_fails(status: int, message: str = "no", **headers: str) -> Behaviour:
    def behave(handler: Handler, body: Body) -> None:
        error = {"code": status, "message": message, "status": "SOME_STATUS"}
        handler.send_json({"error": error}, status, **headers)

    return behave


CLAUDE = Vendor(
    model="anthropic:claude-haiku-9",
    key="ANTHROPIC_API_KEY",
    path="/v1/messages",
    says=_claude_says,
    fails=_claude_fails,
    stops={"truncated": "max_tokens", "refused": "refusal"},
)
GEMINI = Vendor(
    model="google_genai:gemini-2.5-flash",
    key="GOOGLE_API_KEY",
    path="/models/gemini-2.5-flash:generateContent",
    says=_gemini_says,
    fails=_gemini_fails,
    stops={"truncated": "MAX_TOKENS", "refused": "SAFETY"},
)
