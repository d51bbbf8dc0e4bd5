"""Errors of LangChain's chat models in our terms. Providers share no base class and LangChain wraps
some of their errors, so that status and headers are looked for in all that an error comes from."""

import re
from collections.abc import Sequence

from longtake.errors import ReplyLost, RequestRefused
from longtake.tools.vlm.retries import TryAgain, retry_after

UNBILLED = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""Statuses after which another attempt makes sense: their reply says that there is no answer."""
_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
_LONGEST_MESSAGE = 300
_DEEPEST = 8
"""Causes of an error that are looked through."""


def told(
    name: str, error: Exception, *, secrets: Sequence[str], key: str
) -> TryAgain | RequestRefused | ReplyLost:
    """A provider's error by its HTTP status, else by what broke.

    Args:
        name: of the model.
        secrets: what must not be in the message.
        key: environment variable that holds the key.
    """
    status = status_of(error)
    if status is not None:
        said = f"{name}: HTTP {status}: {_safe(error, secrets)}"
        if status in UNBILLED:
            return TryAgain(said, _wait(error))
        if status in (401, 403):
            return RequestRefused(f"{said}; set {key}")
        return RequestRefused(said) if 400 <= status < 500 else ReplyLost(said)
    causes = _causes(error)
    reason = _safe(causes[-1], secrets) or type(error).__name__
    if any(type(cause).__name__ in _NOT_SENT for cause in causes):
        return TryAgain(f"cannot reach {name}: {reason}")
    return ReplyLost(f"{name}: the reply was lost: {reason}")


def status_of(error: Exception) -> int | None:
    """HTTP status of an error reply; None for other errors."""
    for cause in _causes(error):
        for field in ("status_code", "code"):
            status = getattr(cause, field, None)
            if isinstance(status, int):
                return status
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it comes from, outermost first."""
    found: list[BaseException] = [error]
    while (cause := found[-1].__cause__) is not None and len(found) < _DEEPEST:
        found.append(cause)
    return found


def _wait(error: Exception) -> float | None:
    """Seconds that an error reply asks to wait, in its headers or as Google writes it."""
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        asked = retry_after(headers) if headers is not None else None
        if asked is not None:
            return asked
    found = re.search(r"['\"]retryDelay['\"]: ['\"](\d+(?:\.\d+)?)s['\"]", str(error))
    return float(found[1]) if found else None


def _safe(error: object, secrets: Sequence[str]) -> str:
    """An error's words, short and without secrets."""
    words = " ".join(str(error).split())
    for secret in secrets:
        words = words.replace(secret, "***")
    return words[:_LONGEST_MESSAGE]
