"""Trying again: waits that grow, with jitter, and that honour what the server asks for."""

import asyncio
import email.utils
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from longtake.errors import VlmUnavailable

T = TypeVar("T")

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
"""A server that asks for a longer wait is not waited for."""
_JITTER = 0.25

log = logging.getLogger(__name__)


class TryAgain(Exception):
    """A failure that nobody bills and that may pass.

    Attributes:
        wait_s: seconds the server asks to wait, if it does.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


async def with_retries(call: Callable[[], Awaitable[T]], *, retries: int) -> tuple[T, int]:
    """What the call returns, and the number of attempts it took.

    Args:
        call: raises `TryAgain` for failures after which another attempt makes sense.
        retries: further attempts after the first.

    Raises:
        VlmUnavailable: every attempt failed, or the server asks for too long a wait.
    """
    for attempt in range(retries + 1):
        try:
            return await call(), attempt + 1
        except TryAgain as exc:
            wait = wait_for(attempt, exc.wait_s)
            if attempt == retries:
                raise VlmUnavailable(f"{exc} ({attempt + 1} attempts)") from exc
            if wait > LONGEST_WAIT_S:
                raise VlmUnavailable(f"{exc}; the server asks to wait {wait:.0f} s") from exc
            log.info("trying again in %.1f s: %s", wait, exc)
            await asyncio.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def wait_for(attempt: int, asked_s: float | None) -> float:
    """Seconds to wait after attempt number `attempt`, from 0; at least what the server asks for."""
    own: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
    jitter = 1 + random.random() * _JITTER
    return asked_s * (1 + random.random() * 0.05) if asked_s is not None else own * jitter


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` (seconds or an HTTP date) or `retry-after-ms` ask for."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None
