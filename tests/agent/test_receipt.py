import json

import pytest

from longtake import receipt_text
from longtake.agent.budget import Ledger
from longtake.agent.receipt import Receipt
from longtake.config import VlmSettings
from longtake.tools.vlm import costs
from longtake.tools.vlm.messages import Price, Usage

PRICED = VlmSettings(usd_per_million_in=2.0, usd_per_million_cached=0.5, usd_per_million_out=10.0)


def charge(
    ledger: Ledger, node: str, price: Price, usage: Usage | None, *, replayed: bool = False
) -> None:
    name = ledger.reserve(price, node=node, purpose=f"{node} it", backend="openai:m")
    ledger.settle(name, usage, seconds=0.5, replayed=replayed)


@pytest.fixture
def ledger() -> Ledger:
    """Two looks, one of them from another run, and an answer that used more than planned."""
    made = Ledger(10_000)
    made.set_aside(500)
    look = Price(visual=1000, text=200, output=100, exact=True)
    charge(made, "look", look, Usage(input=1200, output=40, cached=1000))
    charge(made, "look", look, Usage(input=1200, output=60), replayed=True)
    answer = Price(visual=0, text=300, output=50, exact=False)
    charge(made, "answer", answer, Usage(input=350, output=50))
    return made


def test_every_call_is_a_line_with_planned_and_actual_tokens(ledger: Ledger) -> None:
    receipt = Receipt.of(ledger, PRICED)
    first, second, third = receipt.lines
    assert (first.planned_visual, first.planned_text, first.planned_output) == (1000, 200, 100)
    assert (first.input, first.output, first.cached, first.charged) == (1200, 40, 1000, 1240)
    assert (first.exact, third.exact) == (True, False)
    assert first.usd == pytest.approx((200 * 2 + 1000 * 0.5 + 40 * 10) / 1e6, rel=1e-12)
    assert (second.replayed, second.charged, second.usd) == (True, 1260, 0.0)
    assert (third.node, third.purpose, third.backend) == ("answer", "answer it", "openai:m")
    assert (first.mismatch, third.mismatch) == (0, 50)


def test_sums_agree_with_the_ledger(ledger: Ledger) -> None:
    receipt = Receipt.of(ledger, PRICED)
    assert receipt.total.charged == receipt.spent == ledger.spent == 2900
    assert (receipt.left, receipt.answer_reserve, receipt.limit) == (6600, 500, 10_000)
    assert list(receipt.by_node) == ["look", "answer"]
    looks = receipt.by_node["look"]
    assert (looks.calls, looks.charged, looks.replayed, looks.cached) == (2, 2500, 1, 1000)
    assert (receipt.total.input, receipt.total.output) == (2750, 150)
    assert receipt.total.usd == pytest.approx(0.0013 + 0.0012, rel=1e-12)
    assert receipt.total.seconds == 1.5


def test_an_unknown_price_makes_the_total_unknown_and_says_what_is_known(ledger: Ledger) -> None:
    charge(ledger, "answer", Price(visual=0, text=300, output=50, exact=False), None)
    receipt = Receipt.of(ledger, PRICED)
    line = receipt.lines[3]
    assert (line.estimated, line.charged, line.usd, line.input) == (True, 350, None, None)
    assert receipt.total.usd is None
    assert receipt.total.usd_known == pytest.approx(0.0025, rel=1e-12)
    assert receipt.total.estimated == 1
    unpriced = Receipt.of(ledger, VlmSettings()).lines
    assert [line.usd for line in unpriced] == [None, 0.0, None, None]


def test_a_receipt_without_prices_has_no_column_of_unknowns(ledger: Ledger) -> None:
    priced, unpriced = Receipt.of(ledger, PRICED), Receipt.of(ledger, VlmSettings())
    assert "cost" in receipt_text.columns(priced)
    assert "cost" not in receipt_text.columns(unpriced)
    for receipt in (priced, unpriced):
        heads = receipt_text.columns(receipt)
        for row in receipt_text.rows(receipt):
            assert len(row) == len(heads)
        charged = [row[heads.index("charged")] for row in receipt_text.rows(receipt)]
        assert charged == ["1,240", "1,260", "400", "2,900"]
    assert any("usd_per_million_in" in said for said in receipt_text.remarks(unpriced))
    assert not any("usd_per_million_in" in said for said in receipt_text.remarks(priced))
    assert receipt_text.heading(priced) == "2,900 of 10,000 tokens in 3 calls, 7,100 left"


def test_it_is_plain_json_and_comes_back_equal(ledger: Ledger) -> None:
    receipt = Receipt.of(ledger, PRICED)
    text = json.dumps(receipt.to_dict())
    assert Receipt.from_dict(json.loads(text)) == receipt
    assert json.loads(text)["by_node"]["look"]["charged"] == 2500
    assert json.loads(text)["total"]["calls"] == 3


def test_nothing_was_called() -> None:
    receipt = Receipt.of(Ledger(100), VlmSettings())
    assert (receipt.total.calls, receipt.total.usd, receipt.by_node) == (0, 0, {})
    assert Receipt.from_dict(receipt.to_dict()) == receipt


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (VlmSettings(usd_per_million_in=2, usd_per_million_out=10), 0.0030),
        (PRICED, 0.00225),
        (VlmSettings(usd_per_million_in=2), None),
        (VlmSettings(usd_per_million_out=10), None),
        (VlmSettings(usd_per_million_in=0, usd_per_million_out=0), 0.0),
    ],
    ids=["cached as others", "cached cheaper", "no price out", "no price in", "free"],
)
def test_money(settings: VlmSettings, expected: float | None) -> None:
    found = costs.usd(Usage(input=1000, output=100, cached=500), settings)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-12))


def test_more_cached_than_sent_is_no_discount_below_all_cached() -> None:
    assert costs.usd(Usage(input=100, output=0, cached=900), PRICED) == pytest.approx(5e-5)
