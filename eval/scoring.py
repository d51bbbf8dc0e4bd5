"""The strict scorer: one rule for every benchmark, the full denominator, nothing guessed."""

from collections.abc import Sequence

from longtake.eval import extraction
from longtake.eval.grounding import iou
from longtake.eval.judgement import Judgement, Parsed, Response
from longtake.eval.samples import Sample
from longtake.timing import Span

IOU_LEVELS = (0.3, 0.5, 0.7)


def strict(sample: Sample, response: Response | None) -> Judgement:
    """Judge a response by what it plainly says; missing, unreadable and abstained are wrong.

    An abstention is right where the sample is not answerable, and only there. By kind of answer:

    - `option`: the letter.
    - `text`: equal after `extraction.normalised`; `extra["accepted"]` may list other wordings.
    - `number`: within `extra["tolerance"]` (0 unless given). `values["soft"]` is
      1 - |difference| / the larger of the two, at least 0.
    - `spans`: the score is the IoU of everything given with everything true; `values` has
      `iou` (of the first stretch given with the true one that fits it best), `r1@0.3` to
      `r1@0.7`, and `f1`, where a true stretch is found by one given with IoU 0.5 or more, each
      used once. A reply without times in it is read from what it cites.
    - `order`: exact; `values["tau"]` is Kendall's.
    - `ranking`: the right video is first; `values["rank"]` counts from 1.
    """
    truth = sample.answer
    if not sample.answerable:
        return Judgement(score=float(response is not None and response.abstained))
    parsed = None if response is None or response.abstained else _read(sample, response)
    if truth is None:
        return Judgement(parsed=parsed, score=None)
    if parsed is None:
        return Judgement(score=0.0, values=_worst(sample))
    score, values = _compare(sample, parsed)
    return Judgement(parsed=parsed, score=score, values=values)


def _read(sample: Sample, response: Response) -> Parsed | None:
    match sample.kind:
        case "option":
            return extraction.option(response.text, sample.options)
        case "text":
            return extraction.string(response.text)
        case "number":
            return extraction.number(response.text)
        case "spans":
            return extraction.spans(response.text) or response.spans or None
        case "order":
            return extraction.order(response.text, sample.options)
        case "ranking":
            return response.ranking or None


def _worst(sample: Sample) -> dict[str, float]:
    match sample.kind:
        case "number":
            return {"soft": 0.0}
        case "spans":
            return span_values((), ())
        case "order":
            return {"tau": -1.0}
    return {}


def _compare(sample: Sample, parsed: Parsed) -> tuple[float, dict[str, float]]:
    truth = sample.answer
    if sample.kind == "text":
        accepted = [truth, *sample.extra.get("accepted", ())]
        same = extraction.normalised(str(parsed)) in {
            extraction.normalised(str(wording)) for wording in accepted
        }
        return float(same), {}
    if sample.kind == "number" and isinstance(truth, int | float) and isinstance(parsed, float):
        off = abs(parsed - truth)
        larger = max(abs(parsed), abs(truth))
        soft = 1.0 if not larger else max(0.0, 1 - off / larger)
        return float(off <= sample.extra.get("tolerance", 0.0)), {"soft": soft}
    if sample.kind == "spans":
        given, true = _stretches(parsed), _stretches(truth)
        return union_iou(given, true), span_values(given, true)
    if sample.kind == "order" and isinstance(parsed, tuple) and isinstance(truth, tuple):
        tau = kendall_tau([str(item) for item in parsed], [str(item) for item in truth])
        return float(parsed == truth), {"tau": tau}
    if sample.kind == "ranking" and isinstance(parsed, tuple) and isinstance(truth, tuple):
        ranks = [i for i, video in enumerate(parsed, 1) if video in truth]
        return float(ranks[:1] == [1]), {"rank": float(ranks[0])} if ranks else {}
    return float(parsed == truth), {}


def _stretches(value: object) -> tuple[Span, ...]:
    return (
        tuple(item for item in value if isinstance(item, Span)) if isinstance(value, tuple) else ()
    )


def merged(stretches: Sequence[Span]) -> list[Span]:
    """The same seconds in stretches that do not touch, in order of time."""
    joined: list[Span] = []
    for span in sorted(stretches):
        if joined and span.start <= joined[-1].end:
            joined[-1] = joined[-1].union(span)
        else:
            joined.append(span)
    return joined


def union_iou(given: Sequence[Span], true: Sequence[Span]) -> float:
    """IoU of all seconds given with all seconds true, overlaps counted once."""
    one, other = merged(given), merged(true)
    shared = sum(a.overlap(b) for a in one for b in other)
    either = sum(a.duration for a in one) + sum(b.duration for b in other) - shared
    return shared / either if either > 0 else 0.0


def window_f1(given: Sequence[Span], true: Sequence[Span], level: float = 0.5) -> float:
    """F1 of stretches found: pairs by falling IoU, each side used once, IoU `level` or more."""
    pairs = sorted(
        ((iou(a, b), -i, -j) for i, a in enumerate(given) for j, b in enumerate(true)), reverse=True
    )
    used_given: set[int] = set()
    used_true: set[int] = set()
    for overlap, i, j in pairs:
        if overlap >= level and i not in used_given and j not in used_true:
            used_given.add(i)
            used_true.add(j)
    total = len(given) + len(true)
    return 2 * len(used_true) / total if total else 0.0


def span_values(given: Sequence[Span], true: Sequence[Span]) -> dict[str, float]:
    """`iou`, `r1@...` of the first stretch given, and `f1` of all."""
    best = max((iou(given[0], span) for span in true), default=0.0) if given else 0.0
    recalls = {f"r1@{level}": float(best >= level) for level in IOU_LEVELS}
    return {"iou": best, **recalls, "f1": window_f1(given, true)}


def kendall_tau(given: Sequence[str], true: Sequence[str]) -> float:
    """Agreement of two orders of the same things, from -1 to 1: concordant less discordant pairs
    over all pairs of the truth. A thing that was not given makes its pairs discordant."""
    place = {item: i for i, item in enumerate(given)}
    pairs = [(a, b) for i, a in enumerate(true) for b in true[i + 1 :]]
    if not pairs:
        return 1.0 if list(given) == list(true) else -1.0
    right = sum(1 for a, b in pairs if a in place and b in place and place[a] < place[b])
    return (2 * right - len(pairs)) / len(pairs)
