"""Rates and concurrency, on an event loop whose time passes only while everybody waits."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.config import VlmSettings
from longtake.tools.vlm.limits import Bucket, Limits, LoopLimits


class VirtualLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer when there is nothing to do."""

    _now = 0.0
    _ready: Any
    _scheduled: Any

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0].when())
        super()._run_once()  # type: ignore[misc]  # the loop's own, not in its stubs


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


def limits(
    concurrency: int = 100, requests: int | None = None, tokens: int | None = None
) -> Limits:
    return Limits(concurrency=concurrency, requests_per_minute=requests, tokens_per_minute=tokens)


def starts(make: Callable[[], Limits], *calls: tuple[int, float]) -> list[float]:
    """Seconds at which calls (tokens, seconds they take) asked for at once may be sent."""

    async def go() -> list[float]:
        shared = make()

        async def call(tokens: int, seconds: float) -> float:
            await shared.enter(tokens)
            began = now()
            await asyncio.sleep(seconds)
            shared.leave(priced=tokens, used=None)
            return began

        return list(await asyncio.gather(*(call(*one) for one in calls)))

    return [round(at, 6) for at in run(go())]


def test_nothing_limits_by_default() -> None:
    assert starts(limits, *[(10**9, 1.0)] * 50) == [0.0] * 50


def test_a_minutes_worth_of_requests_goes_at_once_and_the_rest_evenly() -> None:
    begun = starts(lambda: limits(requests=3), *[(0, 0.0)] * 6)
    assert begun == [0.0, 0.0, 0.0, 20.0, 40.0, 60.0]


def test_a_minutes_worth_of_tokens_goes_at_once_and_the_rest_evenly() -> None:
    begun = starts(lambda: limits(tokens=600), (500, 0.0), (100, 0.0), (50, 0.0), (600, 0.0))
    assert begun == [0.0, 0.0, 5.0, 65.0]


def test_the_slower_of_both_rates_counts() -> None:
    begun = starts(lambda: limits(requests=2, tokens=600), (10, 0.0), (10, 0.0), (600, 0.0))
    assert begun == [0.0, 0.0, 30.0]
    begun = starts(lambda: limits(requests=60, tokens=60), (60, 0.0), (60, 0.0))
    assert begun == [0.0, 60.0]


def test_a_call_above_the_rate_waits_for_a_full_minute_and_leaves_a_debt() -> None:
    begun = starts(lambda: limits(tokens=600), (100, 0.0), (1800, 0.0), (1, 0.0))
    assert begun == [0.0, 10.0, 130.1]


def test_small_calls_do_not_overtake_a_large_one() -> None:
    begun = starts(lambda: limits(tokens=600), (600, 0.0), (300, 0.0), (1, 0.0), (1, 0.0))
    assert begun == [0.0, 30.0, 30.1, 30.2]


def test_no_more_calls_at_a_time_than_allowed_in_the_order_of_asking() -> None:
    begun = starts(lambda: limits(2), (0, 5.0), (0, 1.0), (0, 1.0), (0, 9.0), (0, 1.0))
    assert begun == [0.0, 0.0, 1.0, 2.0, 5.0]


def test_what_was_not_used_is_given_back() -> None:
    async def second_at(used: int | None) -> float:
        shared = limits(tokens=600)
        await shared.enter(600)
        shared.leave(priced=600, used=used)
        await shared.enter(300)
        return now()

    assert run(second_at(None)) == 30.0
    assert run(second_at(0)) == 0.0
    assert run(second_at(400)) == 10.0
    assert run(second_at(900)) == 60.0, "more than priced is a debt"


def test_giving_back_never_fills_more_than_a_minute() -> None:
    async def go() -> float:
        shared = limits(tokens=600)
        await shared.enter(600)
        await asyncio.sleep(60)
        shared.leave(priced=600, used=0)
        await shared.enter(600)
        await shared.enter(1)
        return now()

    assert run(go()) == pytest.approx(60.1)


def test_a_call_that_is_cancelled_while_it_waits_takes_nothing() -> None:
    async def go() -> tuple[float, float]:
        shared = limits(2, tokens=600)
        await shared.enter(600)
        waiting = asyncio.create_task(shared.enter(600))
        behind = asyncio.create_task(shared.enter(60))
        await asyncio.sleep(6)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await behind  # has the slot and the turn of the one that left
        first = now()
        shared.leave(priced=60, used=0)
        await shared.enter(60)
        return first, now()

    assert run(go()) == (6.0, 6.0)


def test_calls_cancelled_in_any_place_leave_every_slot_free() -> None:
    async def go() -> float:
        shared = limits(3, requests=2)
        tasks = [asyncio.create_task(shared.enter(0)) for _ in range(6)]
        await asyncio.sleep(1)
        for task in tasks[2:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [task.cancelled() for task in tasks] == [False, False, True, True, True, True]
        shared.leave(priced=0, used=None)
        shared.leave(priced=0, used=None)
        for _ in range(3):
            await shared.enter(0)
        return now()

    assert run(go()) == 90.0


CALLS = st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 100)), min_size=1, max_size=12)


@given(CALLS, st.integers(1, 2000))
def test_every_call_starts_as_early_as_the_rate_allows(
    calls: list[tuple[int, float]], per_minute: int
) -> None:
    """Against the bound that any stretch of time sets: a minute's worth and what time brings."""

    async def go() -> list[float]:
        shared = limits(tokens=per_minute)
        begun = []
        for tokens, pause in calls:
            await asyncio.sleep(pause)
            await shared.enter(tokens)
            begun.append(now())
        return begun

    begun = run(go())
    rate = per_minute / 60
    for last, (tokens, pause) in enumerate(calls):
        earliest = (begun[last - 1] if last else 0.0) + pause
        sent = 0
        for first in range(last - 1, -1, -1):
            sent += calls[first][0]
            over = sent + min(tokens, per_minute) - per_minute
            earliest = max(earliest, begun[first] + over / rate)
        assert begun[last] == pytest.approx(earliest, abs=1e-6)


def test_a_bucket_waits_for_what_it_lacks() -> None:
    at = 0.0
    bucket = Bucket(60, lambda: at)
    bucket.take(90)
    assert bucket.wait_s(0) == 30.0
    assert bucket.wait_s(10) == 40.0
    at = 25.0
    assert bucket.wait_s(10) == 15.0
    bucket.take(-1000)
    assert bucket.wait_s(60) == 0.0
    free = Bucket(None, lambda: at)
    free.take(10**9)
    assert free.wait_s(10**9) == 0.0


def test_every_loop_has_its_own_limits() -> None:
    settings = VlmSettings(requests_per_minute=1, concurrency=1)
    kept = LoopLimits(settings)

    async def go() -> float:
        assert kept.here() is kept.here()
        await kept.here().enter(0)
        kept.here().leave(priced=0, used=None)
        await kept.here().enter(0)
        return now()

    assert [run(go()) for _ in range(2)] == [60.0, 60.0]
