"""Rate limits: at most so many requests and tokens a minute, in the order of asking."""

import asyncio
import weakref
from collections.abc import Callable

from longtake.config import VlmSettings


class Bucket:
    """A token bucket: holds one minute's worth, fills evenly, may go into debt.

    Args:
        per_minute: units a minute; None does not limit.
        clock: seconds that only ever grow.
    """

    def __init__(self, per_minute: int | None, clock: Callable[[], float]) -> None:
        self._rate = None if per_minute is None else per_minute / 60
        self._most = float(per_minute or 0)
        self._level = self._most
        self._clock = clock
        self._at = clock()

    def wait_s(self, units: float) -> float:
        """Seconds until that many units may be taken; more than a full bucket waits for a full
        one."""
        if self._rate is None:
            return 0.0
        self._fill()
        return max(0.0, (min(units, self._most) - self._level) / self._rate)

    def take(self, units: float) -> None:
        """Take units; negative ones give back."""
        if self._rate is not None:
            self._fill()
            self._level = min(self._most, self._level - units)

    def _fill(self) -> None:
        now = self._clock()
        assert self._rate is not None
        self._level = min(self._most, self._level + (now - self._at) * self._rate)
        self._at = now


class Limits:
    """What one endpoint may be sent. Belongs to the event loop it is made in, and goes by its
    clock.

    Args:
        concurrency: calls at a time.
        requests_per_minute: None does not limit, as for tokens.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
    ) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._turn = asyncio.Lock()
        clock = asyncio.get_running_loop().time
        self._requests = Bucket(requests_per_minute, clock)
        self._tokens = Bucket(tokens_per_minute, clock)

    async def enter(self, tokens: int) -> None:
        """Wait for a slot and for the rates; first come, first served.

        Args:
            tokens: what the call is priced at.
        """
        await self._slots.acquire()
        try:
            async with self._turn:
                await asyncio.sleep(max(self._requests.wait_s(1), self._tokens.wait_s(tokens)))
                self._requests.take(1)
                self._tokens.take(tokens)
        except BaseException:
            self._slots.release()
            raise

    def leave(self, *, priced: int, used: int | None) -> None:
        """Free the slot; what was priced but not used is given back to the rate."""
        self._slots.release()
        if used is not None:
            self._tokens.take(used - priced)


class LoopLimits:
    """The limits of the settings, for each event loop its own."""

    def __init__(self, settings: VlmSettings) -> None:
        self._settings = settings
        self._made: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Limits] = (
            weakref.WeakKeyDictionary()
        )

    def here(self) -> Limits:
        """Those of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            self._made[loop] = Limits(
                concurrency=self._settings.concurrency,
                requests_per_minute=self._settings.requests_per_minute,
                tokens_per_minute=self._settings.tokens_per_minute,
            )
        return self._made[loop]
