import json
import logging
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from longtake.agent.budget import PROCESS_ENDED, Entry, Ledger
from longtake.errors import BudgetExceeded, UsageError
from longtake.tools.vlm.messages import Price, Usage


def priced(visual: int = 0, text: int = 0, output: int = 0) -> Price:
    return Price(visual=visual, text=text, output=output, exact=True)


def reserve(ledger: Ledger, tokens: int, *, answer: bool = False) -> str:
    return ledger.reserve(
        priced(text=tokens), node="look", purpose="look v1", backend="model", answer=answer
    )


def used(tokens: int) -> Usage:
    return Usage(input=tokens, output=0)


def state_of(ledger: Ledger) -> tuple[int, int, int, int]:
    return ledger.spent, ledger.reserved, ledger.answer_reserve, ledger.left


def test_a_call_is_reserved_then_charged_what_it_used() -> None:
    ledger = Ledger(1000)
    name = ledger.reserve(priced(300, 80, 20), node="look", purpose="look v1", backend="model")
    assert (name, state_of(ledger)) == ("r1", (0, 400, 0, 600))
    entry = ledger.settle(name, Usage(input=350, output=5, cached=300), seconds=1.5)
    assert state_of(ledger) == (355, 0, 0, 645)
    assert (entry.charged, entry.estimated, entry.mismatch, entry.seconds) == (355, False, 0, 1.5)


def test_a_call_without_a_report_is_charged_as_planned() -> None:
    ledger = Ledger(1000)
    entry = ledger.settle(reserve(ledger, 400), None, seconds=0)
    assert (entry.charged, entry.estimated, ledger.left) == (400, True, 600)


def test_a_released_call_costs_nothing_and_says_why() -> None:
    ledger = Ledger(1000)
    ledger.release(reserve(ledger, 400), "no server")
    ledger.release("r1", "twice")
    ledger.release("r99", "of another process")
    assert state_of(ledger) == (0, 0, 0, 1000)
    assert [(row.tokens, row.reason) for row in ledger.released] == [(400, "no server")]


def test_what_does_not_fit_is_refused_with_the_numbers() -> None:
    ledger = Ledger(1000)
    ledger.set_aside(200)
    reserve(ledger, 500)
    with pytest.raises(BudgetExceeded) as caught:
        reserve(ledger, 301)
    assert (caught.value.needed, caught.value.left, caught.value.limit) == (301, 300, 1000)
    assert str(caught.value) == "needs 301 tokens, 300 of 1000 left in the budget"
    reserve(ledger, 300)
    assert ledger.left == 0


def test_only_the_answer_draws_on_its_reserve() -> None:
    ledger = Ledger(1000)
    ledger.set_aside(300)
    reserve(ledger, 700)
    with pytest.raises(BudgetExceeded):
        reserve(ledger, 1)
    name = reserve(ledger, 300, answer=True)
    assert state_of(ledger) == (0, 1000, 0, 0)
    ledger.settle(name, used(120), seconds=1)
    assert state_of(ledger) == (120, 700, 180, 0), "the rest stays the answer's"
    ledger.set_aside(0)
    assert ledger.left == 180


def test_an_answer_larger_than_its_reserve_takes_from_what_is_left() -> None:
    ledger = Ledger(1000)
    ledger.set_aside(300)
    with pytest.raises(BudgetExceeded) as caught:
        reserve(ledger, 1001, answer=True)
    assert caught.value.left == 1000
    name = reserve(ledger, 500, answer=True)
    assert (state_of(ledger), ledger.answer_kept) == ((0, 500, 0, 500), 300)
    ledger.release(name, "no server")
    assert state_of(ledger) == (0, 0, 300, 700)


def test_the_reserve_can_grow_only_into_what_is_left() -> None:
    ledger = Ledger(1000)
    ledger.set_aside(300)
    reserve(ledger, 600)
    with pytest.raises(BudgetExceeded) as caught:
        ledger.set_aside(401)
    assert (caught.value.needed, caught.value.left) == (401, 400)
    assert ledger.answer_reserve == 300
    ledger.set_aside(400)
    assert state_of(ledger) == (0, 600, 400, 0)


def test_a_report_above_the_price_is_charged_from_what_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = Ledger(1000)
    ledger.set_aside(200)
    with caplog.at_level(logging.ERROR):
        entry = ledger.settle(reserve(ledger, 100), used(700), seconds=1)
    assert state_of(ledger) == (700, 0, 200, 100)
    assert (entry.mismatch, entry.from_answer, entry.disputed) == (600, 0, 0)
    assert caplog.messages == [
        "model reported 700 tokens in and 0 out for look v1, above the price of 100 and 0"
        " (0 disputed)"
    ]


def test_an_overdraft_reaches_the_answers_reserve_last() -> None:
    ledger = Ledger(1000)
    ledger.set_aside(200)
    entry = ledger.settle(reserve(ledger, 100), used(950), seconds=1)
    assert state_of(ledger) == (950, 0, 50, 0)
    assert (entry.charged, entry.from_answer, entry.disputed) == (950, 150, 0)
    assert not ledger.overdrawn


def test_what_the_limit_does_not_cover_is_disputed_and_ends_the_calls() -> None:
    ledger = Ledger(1000)
    ledger.set_aside(200)
    other = reserve(ledger, 300)
    entry = ledger.settle(reserve(ledger, 100), used(5000), seconds=1)
    assert state_of(ledger) == (700, 300, 0, 0), "another call's reservation is untouched"
    assert (entry.charged, entry.disputed, entry.usage) == (700, 4300, used(5000))
    ledger.settle(other, used(10), seconds=1)
    assert (ledger.spent, ledger.left, ledger.overdrawn) == (710, 0, True)
    for answer in (False, True):
        with pytest.raises(BudgetExceeded):
            reserve(ledger, 0, answer=answer)


def test_output_above_its_price_is_a_mismatch_even_when_the_sum_fits() -> None:
    ledger = Ledger(1000)
    name = ledger.reserve(priced(50, 50, 10), node="look", purpose="look v1", backend="model")
    entry = ledger.settle(name, Usage(input=80, output=25), seconds=1)
    assert (entry.charged, entry.mismatch) == (105, 15)


@pytest.mark.parametrize(
    "report",
    [Usage(input=-5, output=3), Usage(input=9, output=-3), Usage(input=9, output=3, cached=-1)],
)
def test_a_report_that_cannot_be_counts_as_none(
    report: Usage, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(1000)
    with caplog.at_level(logging.ERROR):
        entry = ledger.settle(reserve(ledger, 400), report, seconds=1)
    assert (entry.charged, entry.usage, entry.estimated) == (400, None, True)
    assert "charged as planned" in caplog.text


def test_a_reservation_is_brought_to_another_price_or_stays() -> None:
    ledger = Ledger(1000)
    ledger.set_aside(100)
    name = reserve(ledger, 400)
    ledger.reprice(name, priced(text=900))
    assert state_of(ledger) == (0, 900, 100, 0)
    with pytest.raises(BudgetExceeded) as caught:
        ledger.reprice(name, priced(text=901))
    assert (caught.value.needed, caught.value.left) == (901, 900)
    ledger.reprice(name, priced(text=30))
    assert state_of(ledger) == (0, 30, 100, 870)
    assert ledger.settle(name, None, seconds=1).charged == 30


def test_settling_twice_is_a_fault_of_the_caller() -> None:
    ledger = Ledger(1000)
    name = reserve(ledger, 400)
    ledger.settle(name, None, seconds=1)
    with pytest.raises(ValueError, match="'r1' is not open"):
        ledger.settle(name, None, seconds=1)
    assert ledger.spent == 400


def test_a_budget_is_positive() -> None:
    with pytest.raises(ValueError, match="got 0"):
        Ledger(0)
    with pytest.raises(ValueError, match="-1"):
        Ledger(10).set_aside(-1)


def test_reading_back_releases_what_was_open() -> None:
    ledger = Ledger(1000)
    ledger.set_aside(200)
    ledger.settle(reserve(ledger, 100), used(60), seconds=1)
    reserve(ledger, 50)
    reserve(ledger, 120, answer=True)
    back = Ledger.from_dict(json.loads(json.dumps(ledger.to_dict())))
    assert state_of(back) == (60, 0, 200, 740)
    assert [row.reason for row in back.released] == [PROCESS_ENDED, PROCESS_ENDED]
    assert reserve(back, 1) == "r4"


def test_a_resumed_ledger_needs_room_for_what_was_spent() -> None:
    first = Ledger(1000)
    first.settle(reserve(first, 400), None, seconds=1)
    again = Ledger.resumed(500, first.entries, answer_reserve=300, series="p2r")
    assert state_of(again) == (400, 0, 100, 0), "the reserve is cut to what is left"
    assert not again.is_open("r1")
    with pytest.raises(UsageError, match="budget of 400 or more"):
        Ledger.resumed(399, first.entries, answer_reserve=0, series="p2r")


def test_a_lost_call_of_a_killed_process_is_charged_as_planned() -> None:
    ledger = Ledger.resumed(1000, [], answer_reserve=300, series="p2r")
    fields = {"node": "answer", "purpose": "answer", "backend": "model"}
    entry = ledger.charge_lost(priced(text=200), answer=True, **fields)
    assert (entry.charged, entry.from_answer, entry.reservation) == (200, 200, "p2r1")
    assert state_of(ledger) == (200, 0, 100, 700)


TOKENS = st.integers(0, 600)
PRICES = st.builds(priced, TOKENS, TOKENS, TOKENS)
COUNTS = st.one_of(st.integers(0, 900), st.integers(0, 10**9), st.integers(-5, -1))
USAGES = st.none() | st.builds(Usage, input=COUNTS, output=COUNTS, cached=COUNTS)
LIMITS = st.integers(1, 5000)


class LedgerMachine(RuleBasedStateMachine):
    """Any interleaving of calls keeps the budget, and every reservation ends once."""

    calls: Bundle[str] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(2000)
        self.made: set[str] = set()
        self.reserve_may_shrink = False
        self.reserve_before = 0

    def _answer_kept(self) -> int:
        return self.ledger.answer_kept

    @rule(limit=LIMITS)
    @precondition(lambda self: not self.made)
    def starts_with(self, limit: int) -> None:
        self.ledger = Ledger(limit)
        self.reserve_may_shrink = True

    @rule(target=calls, price=PRICES, answer=st.booleans())
    def reserves(self, price: Price, answer: bool) -> str:
        free = self.ledger.available(answer=answer)
        fits = price.total <= free and not self.ledger.overdrawn
        try:
            name = self.ledger.reserve(price, node="n", purpose="p", backend="b", answer=answer)
        except BudgetExceeded as exc:
            assert not fits
            assert (exc.needed, exc.left, exc.limit) == (price.total, free, self.ledger.limit)
            return "none"
        assert fits
        assert name not in self.made
        self.made.add(name)
        return name

    @rule(name=calls, price=PRICES)
    def reprices(self, name: str, price: Price) -> None:
        if not self.ledger.is_open(name):
            return
        before = self.ledger.to_dict()
        try:
            self.ledger.reprice(name, price)
        except BudgetExceeded as exc:
            assert exc.left < price.total
            assert self.ledger.to_dict() == before

    @rule(name=calls, usage=USAGES, seconds=st.floats(0, 10), replayed=st.booleans())
    def settles(self, name: str, usage: Usage | None, seconds: float, replayed: bool) -> None:
        if not self.ledger.is_open(name):
            return
        before, kept = self.ledger.spent, self._answer_kept()
        entry = self.ledger.settle(name, usage, seconds=seconds, replayed=replayed)
        wanted = entry.planned.total if entry.usage is None else entry.usage.total
        assert entry.charged + entry.disputed == wanted
        assert self.ledger.spent - before == entry.charged
        assert kept - self._answer_kept() == entry.from_answer
        if not entry.answer and entry.from_answer:
            assert wanted > entry.planned.total, "exploring drew on the answer's reserve"
            assert self.ledger.left == 0
        if wanted <= entry.planned.total:
            assert entry.disputed == 0
        self.reserve_may_shrink = True

    @rule(name=consumes(calls))
    def releases(self, name: str) -> None:
        before = self.ledger.spent
        self.ledger.release(name, "failed")
        assert self.ledger.spent == before

    @rule(tokens=st.integers(0, 2500))
    def sets_aside(self, tokens: int) -> None:
        most = self.ledger.answer_reserve + self.ledger.left
        try:
            self.ledger.set_aside(tokens)
        except BudgetExceeded as exc:
            assert (exc.needed, exc.left) == (tokens, most)
            assert tokens > most
        else:
            assert self.ledger.answer_reserve == tokens
        self.reserve_may_shrink = True

    @rule(price=PRICES, answer=st.booleans())
    def loses_a_call(self, price: Price, answer: bool) -> None:
        if price.total > self.ledger.available(answer=answer):
            return
        entry = self.ledger.charge_lost(price, node="n", purpose="p", backend="b", answer=answer)
        assert (entry.charged, entry.disputed) == (price.total, 0)
        assert entry.answer or not entry.from_answer
        self.made.add(entry.reservation)
        self.reserve_may_shrink = answer

    @rule()
    def cancels(self) -> None:
        self.ledger.release_all("cancelled")
        assert (self.ledger.reserved, self.ledger.open) == (0, ())

    @rule()
    def is_read_back(self) -> None:
        before, kept = self.ledger, self._answer_kept()
        after = Ledger.from_dict(json.loads(json.dumps(before.to_dict())))
        assert (after.spent, after.answer_reserve, after.reserved) == (before.spent, kept, 0)
        before.release_all(PROCESS_ENDED)
        assert after.to_dict() == before.to_dict()
        self.ledger = after

    @rule()
    def is_resumed(self) -> None:
        kept = self._answer_kept()
        self.ledger.release_all(PROCESS_ENDED)
        series = f"p{len(self.made)}-{len(self.ledger.entries)}r"
        entries = [
            Entry.from_dict(json.loads(json.dumps(e.to_dict()))) for e in self.ledger.entries
        ]
        assert entries == list(self.ledger.entries)
        after = Ledger.resumed(self.ledger.limit, entries, answer_reserve=kept, series=series)
        assert (after.spent, after.disputed) == (self.ledger.spent, self.ledger.disputed)
        self.made = {entry.reservation for entry in entries}
        self.ledger = after
        self.reserve_may_shrink = after.overdrawn

    @invariant()
    def the_limit_holds(self) -> None:
        ledger = self.ledger
        parts = (ledger.spent, ledger.reserved, ledger.answer_reserve, ledger.left)
        assert min(parts) >= 0
        assert ledger.spent + ledger.reserved + ledger.answer_reserve <= ledger.limit
        if ledger.overdrawn:
            assert ledger.left == 0
        else:
            assert sum(parts) == ledger.limit

    @invariant()
    def nothing_is_lost(self) -> None:
        ledger = self.ledger
        assert sum(entry.charged for entry in ledger.entries) == ledger.spent
        assert sum(entry.disputed for entry in ledger.entries) == ledger.disputed
        ended = [entry.reservation for entry in ledger.entries]
        ended += [released.reservation for released in ledger.released]
        names = ended + list(ledger.open)
        assert len(names) == len(set(names))
        assert set(names) == self.made

    @invariant()
    def the_answers_reserve_shrinks_only_for_the_answer(self) -> None:
        kept = self._answer_kept()
        if not self.reserve_may_shrink:
            assert kept >= self.reserve_before
        self.reserve_before, self.reserve_may_shrink = kept, False


LedgerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLedger = LedgerMachine.TestCase


def question(rng: random.Random, *, honest: bool) -> Ledger:
    """One question with a round of parallel looks after another and an answer at the end."""
    ledger = Ledger(rng.randint(500, 16_000))
    ledger.set_aside(rng.randint(0, ledger.limit // 3))
    for _ in range(rng.randint(1, 3)):
        names = []
        for _ in range(rng.randint(1, 4)):
            price = priced(rng.randint(0, 2500), rng.randint(20, 600), rng.randint(16, 160))
            if price.total <= ledger.left and not ledger.overdrawn:
                names.append((ledger.reserve(price, node="look", purpose="p", backend="b"), price))
        rng.shuffle(names)
        for name, price in names:
            end(ledger, name, price, rng, honest=honest)
    price = priced(0, max(1, ledger.answer_reserve - 20), min(20, ledger.answer_reserve))
    if not ledger.overdrawn and price.total <= ledger.available(answer=True):
        name = ledger.reserve(price, node="answer", purpose="p", backend="b", answer=True)
        end(ledger, name, price, rng, honest=honest)
    ledger.release_all("the run ended")
    return ledger


def end(ledger: Ledger, name: str, price: Price, rng: random.Random, *, honest: bool) -> None:
    kind = rng.randrange(6)
    if kind == 0:
        ledger.release(name, "no server")
        return
    usage: Usage | None = None
    if kind > 1:
        factor = (0, 1, 10, 1000)[kind - 2] if not honest else 1
        out = rng.randint(0, price.output) if honest else price.output * factor
        usage = Usage(input=price.input * factor, output=out)
    ledger.settle(name, usage, seconds=0.1)


@pytest.mark.parametrize("honest", [False, True], ids=["adversarial", "honest"])
def test_no_question_of_a_hundred_thousand_overruns(honest: bool) -> None:
    logging.disable(logging.ERROR)
    try:
        rng = random.Random(7)
        overruns = disputed = charged = 0
        for _ in range(50_000 if honest else 100_000):
            ledger = question(rng, honest=honest)
            overruns += ledger.spent > ledger.limit or ledger.left < 0 or ledger.reserved != 0
            disputed += ledger.overdrawn
            charged += ledger.spent
            assert sum(entry.charged for entry in ledger.entries) == ledger.spent
    finally:
        logging.disable(logging.NOTSET)
    assert overruns == 0
    assert charged > 0
    if honest:
        assert disputed == 0
    else:
        assert disputed > 10_000, "the reports are not adversarial"
