"""From hand-made logs to numbers that can be checked by hand; alarms on logs that are odd."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longtake.errors import UsageError
from longtake.eval.alarms import across, alarms
from longtake.eval.areas import areas, curves_of
from longtake.eval.compare import compare
from longtake.eval.log import Log
from longtake.eval.records import Cited, FrameSent, Record, Spent
from longtake.eval.results import Result, result_of
from longtake.eval.samples import Evidence, Loaded, Sample
from longtake.eval.summary import summary
from longtake.timing import Span
from tests.eval.test_log import identity
from tests.eval.test_log import record as bare
from tests.eval.world import COLOURS


def sample(name: str, **changes: Any) -> Sample:
    values: dict[str, Any] = {
        "sample_id": name,
        "video": name[0],
        "video_path": None,
        "question": f"Question {name}?",
        "kind": "option",
        "options": ("one", "two", "three", "four"),
        "answer": "A",
        "axes": {"task": name[0]},
        "evidence": (Evidence(video=name[0], span=Span(10.0, 20.0)),),
    }
    return Sample(**(values | changes))


def record(name: str, option: str | None, seed: int = 0, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "video": name[0],
        "option": option,
        "abstained": option is None,
        "confidence": 0.8,
        "raw_response": json.dumps({"option": option}),
        "options_order": (0, 1, 2, 3),
        "frames": (FrameSent(video=name[0], t_s=1.0, width=448, height=252),),
        "spent": Spent(visual=100, text_in=50, out=10, cached=0, total=160, calls=1, usd=0.5),
        "finished_at": 1.0,
    }
    return bare(name, seed, **(values | changes))


def result(
    samples: Sequence[Sample], records: Sequence[Record], seeds: int = 1, **changes: Any
) -> Result:
    folders = changes.pop("folders", ())
    known = identity(expected=len(samples), **changes)
    loaded = Loaded(
        benchmark="colours", split="test", samples=tuple(samples), expected=None, revision="r1"
    )
    log = Log(identity=known, records=tuple(records), seeds=seeds, folders=folders)
    return result_of(log, COLOURS, loaded)


NAMES = ("a1", "a2", "b1", "c1")


def test_what_is_missing_is_wrong_and_counted() -> None:
    made = result([sample(n) for n in NAMES], [record("a1", "A"), record("b1", "B")])
    accuracy = made.accuracy()
    assert accuracy is not None
    assert (accuracy.value, accuracy.n, accuracy.clusters) == (0.25, 4, 3)
    assert made.statuses() == {"ok": 2, "missing": 2}
    assert made.stamps == ("PARTIAL 2/4",)
    top = made.rows()[0]
    assert (top.strict, top.n) == (25.0, 4)
    assert (top.official, top.official_n) == (50.0, 2)


def test_owners_get_the_letter_and_strict_reads_the_reply() -> None:
    """`B` would be the first capital letter of this reply, and C is what was shown as D."""
    reply = '{"answer": "Both of them.", "option": "D"}'
    order = (3, 0, 1, 2)
    moved = record("a1", "C", raw_response=reply, options_order=order)
    made = result([sample("a1", answer="C")], [moved])
    (judged,) = made.scored[0]
    assert (judged.strict.parsed, judged.strict.score) == ("C", 1)
    assert (judged.official.parsed, judged.official.score) == ("C", 1)
    assert judged.response is not None and judged.response.text == "C"
    unread = record("a1", None, abstained=False, raw_response="Both of them", status="parse_fail")
    (judged,) = result([sample("a1", answer="B")], [unread]).scored[0]
    assert (judged.strict.score, judged.official.score) == (0, 1)


def test_failures_are_wrong_whatever_they_say() -> None:
    right = [record(n, "A") for n in NAMES]
    statuses: list[Any] = ["error", "timeout", "refused", "budget"]
    failed = [r.model_copy(update={"status": s}) for r, s in zip(right, statuses, strict=True)]
    made = result([sample(n) for n in NAMES], failed)
    accuracy = made.accuracy()
    assert accuracy is not None and accuracy.value == 0 and made.complete


def test_seeds_are_averaged_and_held_against_each_other() -> None:
    records = [
        record("a1", "A", 0),
        record("a1", "B", 1),
        record("b1", "A", 0),
        record("b1", "A", 1),
    ]
    made = result([sample("a1"), sample("b1")], records, seeds=2)
    total = summary(made)
    assert total.accuracy is not None and total.accuracy.value == 0.75
    assert total.seeds is not None
    assert total.seeds.means == (1.0, 0.5) and total.seeds.flips == 0.5
    assert made.scores() == {"a1": 0.5, "b1": 1.0}


def test_costs_are_means_over_records() -> None:
    records = [record("a1", "A"), record("b1", "A", retries=1, extra={"frames_read": 3})]
    total = summary(result([sample("a1"), sample("b1")], records))
    assert total.costs is not None
    assert (total.costs.visual, total.costs.total, total.costs.usd) == (100, 160, 0.5)
    assert (total.costs.frames_sent, total.costs.frames_read, total.costs.retried) == (1, 1.5, 1)
    assert total.not_retried is not None and total.not_retried.n == 1


def test_samples_without_a_video_cost_nothing_and_are_no_part_of_the_mean() -> None:
    nothing = Spent(visual=0, text_in=0, out=0, cached=0, total=0, calls=0, usd=0.0)
    lost = record("b1", None, status="no_video", spent=nothing, frames=(), abstained=False)
    late = record("c1", None, status="timeout", abstained=False)
    made = result([sample(n) for n in ("a1", "b1", "c1")], [record("a1", "A"), lost, late])
    costs = summary(made).costs
    assert costs is not None and (costs.total, costs.calls, costs.frames_sent) == (160, 1, 1)
    (curve,) = curves_of([made])
    assert curve.tokens == (160.0,)
    accuracy = made.accuracy()
    assert accuracy is not None and accuracy.n == 3
    assert summary(result([sample("b1")], [lost])).costs is None


def test_citations_are_held_against_the_evidence() -> None:
    good = (Cited(video="a", start_s=10, end_s=20, lane="visual"),)
    poor = (Cited(video="b", start_s=50, end_s=60, lane="visual"),)
    records = [
        record("a1", "A", evidence=good),
        record("b1", "A", evidence=poor),
        record("c1", "B"),
    ]
    total = summary(result([sample("a1"), sample("b1"), sample("c1")], records))
    found = {name: None if made is None else made.value for name, made in total.grounding.items()}
    assert found["recall"] == pytest.approx(1 / 3)
    assert found["precision"] == pytest.approx(1 / 2)
    assert found["grounded accuracy"] == pytest.approx(1 / 3)
    assert total.luck == {"hit and right": 1, "miss but right": 1, "miss and wrong": 1}


def test_who_rightly_abstains_has_nothing_to_cite() -> None:
    good = (Cited(video="a", start_s=10, end_s=20, lane="visual"),)
    none = sample("b1", answer=None, answerable=False)
    total = summary(
        result([sample("a1"), none], [record("a1", "A", evidence=good), record("b1", None)])
    )
    found = {name: made and made.value for name, made in total.grounding.items()}
    assert found["grounded accuracy"] == found["recall"] == 1
    assert total.luck == {"hit and right": 1}


def test_always_answering_and_always_abstaining_fail_twins() -> None:
    pair = [sample("a1", twin="a2"), sample("a2", twin="a1", answer=None, answerable=False)]
    for options, twins in ((("A", "A"), 0.0), ((None, None), 0.0), (("A", None), 1.0)):
        records = [record(n, o) for n, o in zip(("a1", "a2"), options, strict=True)]
        total = summary(result(pair, records))
        assert total.twins is not None and total.twins.value == twins
    assert total.abstention.precision == 1 and total.abstention.false_rate == 0


def test_half_a_pair_of_twins_is_no_pair() -> None:
    one = sample("a1", twin="a2")
    assert summary(result([one], [record("a1", "A")])).twins is None
    pair = [sample("b1", twin="b2"), sample("b2", twin="b1")]
    total = summary(result([one, *pair], [record(n, "A") for n in ("a1", "b1", "b2")]))
    assert total.twins is not None and (total.twins.value, total.twins.n) == (1, 1)


def test_the_area_is_over_samples_that_every_budget_scored() -> None:
    samples = [sample("a1"), sample("b1")]
    low = result(samples, [record("a1", "B"), record("b1", "A")], budget=1000)
    high = result(samples, [record("a1", "A"), record("b1", "A")], budget=2000)
    (area,) = areas([high, low])
    assert area.budgets == (1000, 2000) and area.area is not None
    assert area.area.value == pytest.approx((0.5 + 1.0) / 2)


def test_parts_are_compared_with_adjusted_p() -> None:
    samples = [sample(f"{v}{i}") for v in "ab" for i in range(6)]
    first = result(samples, [record(s.sample_id, "A") for s in samples])
    second = result(
        samples,
        [record(s.sample_id, "A" if s.video == "a" else "B") for s in samples],
        system="blind",
    )
    made = compare(first, second, ["system"])
    assert made.all is not None and made.all.difference.value == 0.5
    part, p = made.parts["task=b"]
    assert (part.only_first, part.only_second) == (6, 0)
    assert part.p == pytest.approx(2 / 64) and p == pytest.approx(4 / 64)
    with pytest.raises(UsageError, match="no factor 'luck'"):
        compare(first, second, ["luck"])
    other = result(samples, [], revision="r1", prompts="q", system="blind")
    with pytest.raises(UsageError, match=r'prompts: "p" and "q"'):
        compare(first, other, ["system"])


def test_all_seeds_have_a_say_in_a_comparison() -> None:
    """The first seed alone would say that they are equal."""
    samples = [sample(f"{v}1") for v in "abcdef"]
    first = [record(s.sample_id, "A", seed) for s in samples for seed in range(3)]
    second = [
        record(s.sample_id, "A" if seed == 0 else "B", seed) for s in samples for seed in range(3)
    ]
    runs = (result(samples, first, seeds=3), result(samples, second, seeds=3, system="blind"))
    made = compare(*runs, ["system"]).all
    assert made is not None and (made.only_first, made.only_second) == (6, 0)
    assert made.p == pytest.approx(2 / 64)
    assert made.difference.value == pytest.approx(2 / 3)


def test_unfinished_runs_are_compared_where_both_have_answers() -> None:
    samples = [sample(n) for n in NAMES]
    whole = result(samples, [record(n, "A") for n in NAMES])
    half = result(samples, [record(n, "A") for n in NAMES[:2]], system="blind")
    made = compare(whole, half, ["system"])
    assert made.all is not None and made.samples == 2
    assert made.all.difference.value == 0
    more = result(samples, [record(n, "A") for n in NAMES[:3]], budget=4000)
    (area,) = areas([whole, more])
    assert area.area is not None and (area.area.value, area.area.n) == (1, 3)


def test_changed_annotations_are_not_scored() -> None:
    made = result([sample("a1")], [record("a1", "A")])
    changed = replace(made.loaded, revision="r2")
    with pytest.raises(UsageError, match="annotations of colours have changed"):
        result_of(made.log, COLOURS, changed)


def odd(*records: Record, **changes: Any) -> str:
    names = dict.fromkeys(r.sample_id for r in records)
    until = changes.pop("until", None)
    samples = [sample(n, visible_until_s=until) for n in names]
    return " | ".join(alarms(result(samples, records, **changes)))


def test_nothing_is_odd_about_a_plain_run() -> None:
    assert odd(record("a1", "A"), record("b1", "B")) == ""


def test_odd_replies_raise_alarms() -> None:
    unread = record("a1", None, abstained=False, raw_response="no idea", status="parse_fail")
    assert "100.0% of replies could not be read" in odd(unread)
    same = [record(f"a{i}", "C" if i < 15 else "A") for i in range(25)]
    assert "60% of answers are C" in odd(*same)
    assert "repeat one token" in odd(record("a1", "A", raw_response="!" * 40))


def test_odd_inputs_raise_alarms(tmp_path: Path) -> None:
    assert "1 of 1 requests had no frames" in odd(record("a1", "A", frames=()))
    back = tuple(FrameSent(video="a", t_s=t, width=448, height=252) for t in (2.0, 1.0))
    assert "do not ascend" in odd(record("a1", "A", frames=back))
    sizes = tuple(FrameSent(video="a", t_s=w / 1, width=w, height=100) for w in (224, 448))
    assert "several sizes: 224 px (1), 448 px (1)" in odd(record("a1", "A", frames=sizes))
    assert "later than their question" in odd(record("a1", "A"), until=0.5)
    mute = record("a1", "A", frames=())
    assert "no request had a line of speech" in odd(mute, system="transcript")
    assert "no request had a line of on-screen text" in odd(mute, system="ocr")
    assert odd(record("a1", "A", frames=back), system="shuffled") == ""


def test_odd_accounts_raise_alarms() -> None:
    spent = record("a1", "A", status="budget", overrun=True)
    assert "1 samples spent more than their budget" in odd(spent)
    assert "above their price" in odd(record("a1", "A", extra={"mismatch": 3}))
    assert "reported no tokens" in odd(record("a1", "A", extra={"estimated": 1}))
    assert "1 samples lack their video" in odd(record("a1", "A", status="no_video"))
    assert "1 samples ran out of time" in odd(record("a1", "A", status="timeout"))


def test_a_control_as_good_as_the_system_raises_an_alarm() -> None:
    samples = [sample(n) for n in NAMES]
    full = result(samples, [record(n, "A" if n != "c1" else "B") for n in NAMES])
    blind = result(samples, [record(n, "A" if n != "c1" else "B") for n in NAMES], system="blind")
    wrong = result(samples, [record(n, "B") for n in NAMES], system="black")
    assert [line.split(" ")[0] for line in across([full, blind, wrong])] == ["blind"]
    some = [s for s in samples if s.sample_id != "c1"]
    options = result(some, [record(s.sample_id, "A") for s in some], system="options_only")
    (said,) = across([full, options])
    assert said.startswith("options_only is within") and "options may give" in said


def test_what_was_asked_of_another_model_or_benchmark_controls_nothing() -> None:
    samples = [sample(n) for n in NAMES]
    right = [record(n, "A") for n in NAMES]
    others: list[dict[str, Any]] = [{"model": "m2"}, {"subtitles": "asr"}, {"library_mode": True}]
    for other in others:
        blind = result(samples, right, system="blind", **other)
        assert across([result(samples, right), blind]) == []
    runs = [result(samples, right, model=model) for model in ("m1", "m2")]
    assert [curve.name.split(" ")[1] for curve in curves_of(runs)] == ["(m1)", "(m2)"]
