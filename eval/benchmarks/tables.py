"""Rows of result tables: means over samples, by axis, from both scorers."""

from collections.abc import Callable, Iterable, Sequence

from longtake.eval.judgement import Judgement, Row, Scored, Unit

Measure = Callable[[Judgement], float | None]


def score(judgement: Judgement) -> float | None:
    """The measure that most tables show."""
    return judgement.score


def value(name: str) -> Measure:
    """One of `Judgement.values`; None where a judgement lacks it."""
    return lambda judgement: judgement.values.get(name)


def kept(scored: Iterable[Scored], scorer: str, measure: Measure) -> list[float]:
    """The measure of every sample that a scorer counts and can know."""
    found = (
        measure(judgement)
        for item in scored
        if (judgement := item.official if scorer == "official" else item.strict).counted
    )
    return [number for number in found if number is not None]


def mean(numbers: Sequence[float]) -> float | None:
    """None of nothing."""
    return sum(numbers) / len(numbers) if numbers else None


def scaled(number: float | None, by: float) -> float | None:
    """`number * by`, None staying None."""
    return None if number is None else number * by


def row(
    scored: Sequence[Scored],
    metric: str,
    *,
    part: str = "all",
    measure: Measure = score,
    unit: Unit = "percent",
) -> Row:
    """The mean of a measure, times 100 for percent."""
    by = 100.0 if unit == "percent" else 1.0
    official, strict = kept(scored, "official", measure), kept(scored, "strict", measure)
    return Row(
        metric=metric,
        part=part,
        official=scaled(mean(official), by),
        strict=scaled(mean(strict), by),
        official_n=len(official),
        n=len(strict),
        unit=unit,
    )


def by_axis(
    scored: Sequence[Scored],
    axis: str,
    metric: str,
    measure: Measure = score,
    unit: Unit = "percent",
) -> list[Row]:
    """A row for each value of an axis, in the order in which the values come."""
    return [
        row(part, metric, part=f"{axis}={name}", measure=measure, unit=unit)
        for name, part in parts(scored, axis).items()
    ]


def parts(scored: Sequence[Scored], axis: str) -> dict[str, list[Scored]]:
    """Samples by their value on an axis; those without one are left out. An axis whose values are
    joined by `|` has several labels a sample."""
    found: dict[str, list[Scored]] = {}
    for item in scored:
        for name in item.sample.axes.get(axis, "").split("|"):
            if name:
                found.setdefault(name, []).append(item)
    return found


def macro(scored: Sequence[Scored], axis: str, metric: str, *, only: Iterable[str] = ()) -> Row:
    """The unweighted mean of the means of an axis's values (of those in `only`, if given)."""
    wanted = set(only)
    rows = [
        row(part, metric)
        for name, part in parts(scored, axis).items()
        if not wanted or name in wanted
    ]
    return Row(
        metric=metric,
        official=mean([r.official for r in rows if r.official is not None]),
        strict=mean([r.strict for r in rows if r.strict is not None]),
        official_n=sum(r.official_n for r in rows),
        n=sum(r.n for r in rows),
    )
