"""Questions over many undrawn events: each truth is found again by other means."""

from collections import Counter, defaultdict
from random import Random
from typing import Any

import pytest

from longtake.eval.haystack.acts import Cabinet, Line, Pass, Put, Row
from longtake.eval.haystack.config import CANARY, Suite, WorldConfig
from longtake.eval.haystack.events import Event, Pool
from longtake.eval.haystack.items import FAMILIES, Item
from longtake.eval.haystack.wording import who
from tests.eval.haystack.undrawn import items_of, pool_of

BIG = Suite(name="dev", worlds=(WorldConfig(days=5, seconds=600, items=500, held_out=True),))


@pytest.fixture(scope="module")
def pool() -> Pool:
    return pool_of(BIG, 0, 21)


@pytest.fixture(scope="module")
def items(pool: Pool) -> list[Item]:
    return items_of(pool, 21)


def of(items: list[Item], family: str) -> list[Item]:
    found = [item for item in items if item["family"] == family]
    assert found, family
    return found


def at(pool: Pool, proof: dict[str, Any], kind: type) -> list[Event]:
    """Events of a kind where a piece of evidence says."""
    return [e for e in pool.of(kind, proof["video"]) if e.span.start == proof["t0"]]


def right(item: Item) -> Any:
    """The answer as the open form has it."""
    if item["form"] == "open" or item["answer"] is None:
        return item["answer"]
    return item["options"][ord(item["answer"]) - ord("A")]


def test_every_family_is_there_in_both_forms_with_exact_count(items: list[Item]) -> None:
    assert len(items) == 500
    assert {item["family"] for item in items} == {*FAMILIES, "U1", "U2"}
    assert len({item["item_id"] for item in items}) == 500
    both = {i["family"] for i in items if i["form"] == "mc"}
    assert both == {*FAMILIES, "U1", "U2"}
    for item in items:
        assert item["canary"] == CANARY
        if item["form"] == "mc":
            assert len(set(item["options"])) == 5
        assert item["answerable"] == (item["answer"] is not None)
        assert {proof["set_id"] for proof in item["evidence"]} >= {
            name for group in item["min_evidence_sets"] for name in group
        }


def test_twins_ask_the_same_of_what_never_occurs(pool: Pool, items: list[Item]) -> None:
    by_id = {item["item_id"]: item for item in items}
    twins = [item for item in items if not item["answerable"]]
    assert len(twins) > 80
    for twin in twins:
        whole = by_id.get(twin["twin_id"] or "")
        if whole is None:
            continue
        assert whole["twin_id"] == twin["item_id"] and whole["answerable"]
        assert whole["options"] == twin["options"]
        assert whole["question"] != twin["question"]
    actors = {who(e.what.actor) for e in pool.of(Put) if isinstance(e.what, Put)}
    texts = {e.what.code for e in pool.of(Row) if isinstance(e.what, Row)}
    texts |= {e.what.subject for e in pool.of(Line) if isinstance(e.what, Line)}
    for twin in of(items, "U1"):
        assert not any(word in twin["question"] for word in actors | texts)
        assert twin["evidence"]


def test_needles_are_what_their_evidence_shows(pool: Pool, items: list[Item]) -> None:
    for item in of(items, "N1"):
        [event] = at(pool, item["evidence"][0], Put)
        assert isinstance(event.what, Put)
        assert right(item) == str(event.what.thing) and who(event.what.actor) in item["question"]
    for item in of(items, "N3") + of(items, "N4"):
        rows = [e.what for e in at(pool, item["evidence"][0], Row) if isinstance(e.what, Row)]
        [row] = [row for row in rows if row.code in item["question"]]
        assert float(right(item)) == float(row.value)
        assert (row.px >= 16) == (item["family"] == "N3") and item["axes"]["px"] == str(row.px)
    for item in of(items, "N2"):
        [event] = at(pool, item["evidence"][0], Line)
        assert isinstance(event.what, Line)
        assert event.what.subject in item["question"]
        assert f" {str(right(item)).removesuffix('.0')}." in event.what.text


def test_counts_orders_and_stretches_are_complete(pool: Pool, items: list[Item]) -> None:
    for item in of(items, "C1") + of(items, "G1"):
        shown = [
            e for e in pool.of(Pass, item["videos"][0]) if f" {e.what} " in f"{item['question']} "
        ]
        spans = [[e.span.start, e.span.end] for e in shown]
        if item["family"] == "C1":
            assert float(right(item)) == len(shown) > 0
        elif item["axes"]["windows"] != "1":
            assert item["answer"] == spans
        else:
            put = [e for e in pool.of(Put, item["videos"][0]) if isinstance(e.what, Put)]
            [event] = [e for e in put if who(e.what.actor) in item["question"]]  # type: ignore[union-attr]
            assert item["form"] == "mc" or item["answer"] == [[event.span.start, event.span.end]]
    for item in of(items, "O1"):
        if item["form"] == "open":
            listed = [item["options"][ord(letter) - ord("A")] for letter in item["answer"]]
            first: dict[str, float] = {}
            visits: dict[str, float] = {}
            for event in pool.of(Put, item["videos"][0]):
                assert isinstance(event.what, Put)
                first.setdefault(f"{event.what.thing} is put on a shelf", event.span.start)
                visits.setdefault(
                    f"the actor with {who(event.what.actor)} is there", event.span.start
                )
            known = {f"{a} {name}": t for name, t in first.items() for a in ("a", "an")} | visits
            times = [known[name] for name in listed]
            assert times == sorted(times)


def test_rooms_states_and_latest_things(pool: Pool, items: list[Item]) -> None:
    for item in of(items, "R1"):
        seconds: Counter[str] = Counter()
        for stay in pool.stays:
            if stay.video == item["videos"][0]:
                seconds[stay.room] += round(stay.span.duration * 1000)
        (best, most), (_, second) = seconds.most_common(2)
        assert right(item) == best and most >= 1.15 * second
    for item in of(items, "D1"):
        [before], [after] = (at(pool, proof, Cabinet) for proof in item["evidence"])
        assert before.room == after.room and str(before.room) in item["question"]
        views = [e for e in pool.of(Cabinet, before.video) if e.room == before.room]
        assert views[:2] == [before, after]
        assert isinstance(before.what, Cabinet) and isinstance(after.what, Cabinet)
        assert right(item) in {str(thing) for thing in before.what.things}
        assert right(item) not in {str(thing) for thing in after.what.things}
    for item in of(items, "S1"):
        done = [e for e in pool.of(Put, item["videos"][0]) if e.span.start < item["visible_until"]]
        assert isinstance(done[-1].what, Put) and done[-1].span.end < item["visible_until"]
        assert right(item) == str(done[-1].what.thing)


def test_chains_and_alarms_hold_link_by_link(pool: Pool, items: list[Item]) -> None:
    pictures = {room.name: " ".join(room.picture) for room in pool.world.rooms}
    for item in of(items, "M1"):
        assert len(item["evidence"]) == 3 * len(item["min_evidence_sets"])
        said, row, stay = item["evidence"][:3]
        [line] = at(pool, said, Line)
        assert isinstance(line.what, Line) and line.what.subject in item["question"]
        rows = [e.what for e in at(pool, row, Row) if isinstance(e.what, Row)]
        [row_there] = [r for r in rows if r.code == line.what.value]
        [there] = [s for s in pool.stays if s.video == stay["video"] and s.span.start == stay["t0"]]
        assert there.room == row_there.value and right(item) == pictures[there.room]
    for item in of(items, "M2") + of(items, "U2"):
        alarms = [
            e for e in pool.of(Line, item["videos"][0])
            if isinstance(e.what, Line) and e.what.kind == "alarm"
            and e.what.subject in item["question"]
        ]  # fmt: skip
        nth = int(item["axes"]["nth"])
        if item["family"] == "U2":
            assert nth == len(alarms) + 1 and len(item["evidence"]) == len(alarms)
            continue
        middle = alarms[nth - 1].span.middle
        [stay_then] = [
            s for s in pool.stays
            if s.video == item["videos"][0] and s.span.start <= middle < s.span.end
        ]  # fmt: skip
        assert right(item) == stay_then.room


def test_questions_over_days_name_the_right_ones(pool: Pool, items: list[Item]) -> None:
    days = {day.video: day.number for day in pool.world.days}
    for item in of(items, "X1"):
        [found] = [
            e for e in pool.of(Row) if isinstance(e.what, Row) and e.what.code in item["question"]
        ]
        assert right(item) == f"Day {days[found.video]}" and len(item["videos"]) == 5
    for item in of(items, "X2"):
        seen = {
            days[e.video] for e in pool.of(Put)
            if isinstance(e.what, Put) and who(e.what.actor) in item["question"]
        }  # fmt: skip
        assert right(item) == " and ".join(f"Day {day}" for day in sorted(seen)) and len(seen) == 2


def test_blind_guessing_scores_chance(items: list[Item]) -> None:
    """Always the same letter, and letters by chance, within three standard errors of 20 %."""
    asked = [item for item in items if item["form"] == "mc" and item["answerable"]]
    error = (0.2 * 0.8 / len(asked)) ** 0.5
    for letter in "ABCDE":
        share = sum(item["answer"] == letter for item in asked) / len(asked)
        assert abs(share - 0.2) < 3 * error
    random = Random(0)
    share = sum(item["answer"] == random.choice("ABCDE") for item in asked) / len(asked)
    assert abs(share - 0.2) < 3 * error


def test_decoys_alone_do_not_give_the_answer(pool: Pool, items: list[Item]) -> None:
    """Who knows everything but the needle, and answers what occurs most often elsewhere, is not
    better than chance."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for event in pool.events:
        match event.what:
            case Put(thing=thing):
                seen[event.video][str(thing)] += 1
            case Row(value=value) | Line(value=value):
                seen[event.video][value] += 1
    asked = [
        item for item in items
        if item["form"] == "mc" and item["family"] in ("N1", "N2", "N3", "N4", "S1")
    ]  # fmt: skip
    hits = 0.0
    for item in asked:
        elsewhere = seen[item["videos"][0]].copy()
        elsewhere[right(item)] -= 1
        most = max(elsewhere[option] for option in item["options"])
        best = [option for option in item["options"] if elsewhere[option] == most]
        hits += (right(item) in best) / len(best)
    error = (0.2 * 0.8 / len(asked)) ** 0.5
    assert hits / len(asked) < 0.2 + 2 * error


def test_every_needle_has_eight_decoys_of_its_kind(items: list[Item]) -> None:
    for family in ("N1", "N2", "N3", "N4"):
        assert all(len(item["decoys"]) >= 8 for item in of(items, family))


def test_needles_are_at_every_depth(items: list[Item]) -> None:
    depths = Counter(item["axes"]["depth"] for item in items if "depth" in item["axes"])
    assert set(depths) == set("0123456789")
