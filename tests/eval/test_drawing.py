"""Which samples are drawn, and which shard has them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from longtake.eval.drawing import drawn, of_shard, strata_of
from longtake.eval.samples import Sample


def _samples(counts: dict[str, int]) -> list[Sample]:
    return [
        Sample(
            sample_id=f"{duration}{i}",
            video=f"{duration}{i // 3}",
            video_path=None,
            question="?",
            kind="text",
            axes={"duration": duration, "task": "t"},
        )
        for duration, count in counts.items()
        for i in range(count)
    ]


def test_a_draw_keeps_the_shares_of_strata() -> None:
    samples = _samples({"short": 60, "medium": 30, "long": 10})
    some = drawn(samples, 20, seed=1)
    shares = {d: sum(s.axes["duration"] == d for s in some) for d in ("short", "medium", "long")}
    assert shares == {"short": 12, "medium": 6, "long": 2}
    assert some == drawn(samples, 20, seed=1) != drawn(samples, 20, seed=2)
    assert [s.sample_id for s in some] == [s.sample_id for s in samples if s in some]
    assert len(drawn(samples, 7, seed=1)) == 7
    assert drawn(samples, 500, seed=1) == samples


def test_strata_are_what_a_benchmark_names_or_its_first_axes() -> None:
    plain = _samples({"x": 60})
    samples = [
        replace(s, axes={"clip": s.sample_id, "family": "ab"[i % 3 == 0], "depth": "1"})
        for i, s in enumerate(plain)
    ]
    assert strata_of(samples) == ("family", "depth")  # not what hardly two samples share
    for axes in ((), ("family",)):
        some = drawn(samples, 15, 4, axes)
        assert Counter(s.axes["family"] for s in some) == {"a": 10, "b": 5}
    firsts = {drawn(samples, 1, seed, ("clip",))[0].sample_id for seed in range(20)}
    assert len(firsts) > 5  # of equal shares, which come first is by lot


def test_what_is_scored_together_is_drawn_whole_or_not_at_all() -> None:
    plain = _samples({"short": 40})
    groups = [replace(s, group=f"g{i // 4}") for i, s in enumerate(plain)]
    twins = [replace(s, twin=plain[i ^ 1].sample_id) for i, s in enumerate(plain)]
    for samples, size in ((groups, 4), (twins, 2)):
        place = {s.sample_id: i // size for i, s in enumerate(samples)}
        for limit in (8, 11, 1):
            some = drawn(samples, limit, seed=1)
            counts = Counter(place[s.sample_id] for s in some)
            assert set(counts.values()) == {size}
            assert len(some) == max(size, limit - limit % size)


def test_shards_hold_whole_videos_and_everything_once() -> None:
    samples = _samples({"short": 30, "long": 30})
    shards = [of_shard(samples, number, 3) for number in (1, 2, 3)]
    assert sorted(s.sample_id for shard in shards for s in shard) == sorted(
        s.sample_id for s in samples
    )
    videos: Sequence[set[str]] = [{s.video for s in shard} for shard in shards]
    assert not videos[0] & videos[1] and not videos[1] & videos[2] and not videos[0] & videos[2]
