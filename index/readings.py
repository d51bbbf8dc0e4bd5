"""What OCR read at one place over time: which differences are noise, which are another text.

OCR of video flickers: a character, a space or a case changes from frame to frame while the screen
does not. No pixels and no engines here.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from rapidfuzz import fuzz

LASTING_S = 2.0
"""A reading that stood for this long, or in two frames, is no flicker."""

_COUNTER_STEP_S = 3.5
_COUNTER_STEPS = 4
_SURE = 0.9
_LOOKALIKES = str.maketrans("oilsbzgq", "01158299")
_DIGITS = re.compile(r"\d+")
_ROLL_CHARS = 8
_EDGE_CHARS = 3


def fold(text: str) -> str:
    """Letters and digits only, in one case: what is left when OCR loses spaces and punctuation."""
    return "".join(character for character in text.casefold() if character.isalnum())


def same_key(text: str) -> str:
    """Equal for texts that differ only in what OCR confuses: folded, lookalikes as digits."""
    return fold(text).translate(_LOOKALIKES)


def likeness(first: str, second: str) -> float:
    """Similarity 0..1 of two folded texts; 1 when only their numbers differ.

    `12:01` and `12:02` are two states of one display, however short.
    """
    mask = _DIGITS.sub("#", first)
    if "#" in mask and mask == _DIGITS.sub("#", second):
        return 1.0
    return fuzz.ratio(first, second) / 100


def same_numbers(first: str, second: str) -> bool:
    """Do two folded texts hold the same digits?"""
    return _DIGITS.findall(first) == _DIGITS.findall(second)


def roll(old: str, new: str) -> str | None:
    """`new` as `old` rolled on: all that both show, as one text; None when it is not that.

    Holds for tickers (the end of one is the start of the other, either way round) and for text that
    is being typed or wiped (one starts the other). Up to three characters may be cut at the edges.
    """
    match = SequenceMatcher(None, old, new, autojunk=False).find_longest_match()
    shorter, longer = sorted((len(old), len(new)))
    if match.size < max(3, min(_ROLL_CHARS, shorter), 0.35 * shorter):
        return None
    shift = match.a - match.b
    if abs(shift) < 2 and (match.a > 1 or longer - shorter < 2):
        return None
    old_end, new_end = match.a + match.size, match.b + match.size
    if shift >= 0 and match.b <= _EDGE_CHARS and len(old) - old_end <= _EDGE_CHARS:
        joined, seam = old[:old_end] + new[new_end:], old_end
    elif shift <= 0 and match.a <= _EDGE_CHARS and len(new) - new_end <= _EDGE_CHARS:
        joined, seam = new[:new_end] + old[old_end:], new_end
    else:
        return None
    # `ZX-100` before `0` is another number, not more of the same text.
    return None if joined[seam - 1].isdigit() and joined[seam : seam + 1].isdigit() else joined


@dataclass(slots=True)
class Run:
    """Consecutive readings that are one text."""

    key: str
    start: float
    last: float
    texts: dict[str, list[float]] = field(default_factory=dict)
    """Reading -> its confidence in each frame that shows it."""
    reads: int = 0
    """Frames that were read, not held."""

    @property
    def lasts(self) -> bool:
        return self.reads >= 2 or self.last - self.start >= LASTING_S

    @property
    def weight(self) -> float:
        return math.fsum(math.fsum(values) for values in self.texts.values())

    @property
    def confidence(self) -> float:
        """Mean over the frames in which the heaviest reading was read."""
        values = self.texts[self._heaviest()]
        return math.fsum(values) / len(values)

    def _heaviest(self) -> str:
        return max(self.texts, key=lambda text: (math.fsum(self.texts[text]), text))

    def best(self) -> str:
        """The reading with most total confidence; a vote by character when no two frames agree."""
        heaviest = self._heaviest()
        if len(self.texts) < 3 or len(self.texts[heaviest]) > 1:
            return heaviest
        lengths = Counter(len(text) for text in self.texts)
        length = max(lengths, key=lambda n: (lengths[n], n == len(heaviest)))
        voters = [text for text in self.texts if len(text) == length]
        ballots = [Counter(text[place] for text in voters) for place in range(length)]
        return "".join(ballot.most_common(1)[0][0] for ballot in ballots)

    def absorb(self, other: "Run") -> None:
        """Take over the readings and the time of a neighbour."""
        self.start, self.last = min(self.start, other.start), max(self.last, other.last)
        self.reads += other.reads
        for text, values in other.texts.items():
            self.texts.setdefault(text, []).extend(values)


@dataclass(slots=True)
class Readings:
    """Everything read at one place, as runs of the same text."""

    runs: list[Run] = field(default_factory=list)
    folded: str = ""
    """The latest reading, folded."""
    text: str = ""
    """The latest reading."""

    def add(self, time: float, text: str, confidence: float) -> None:
        key = same_key(text)
        if not self.runs or self.runs[-1].key != key:
            self.runs.append(Run(key, time, time))
        run = self.runs[-1]
        run.last = time
        run.reads += 1
        run.texts.setdefault(text, []).append(confidence)
        self.text, self.folded = text, fold(text)

    def hold(self, time: float) -> None:
        """The screen has not changed until `time`."""
        run = self.runs[-1]
        run.last = time
        if (shown := run.texts.get(self.text)) is not None:
            shown.append(shown[-1])

    def roll_on(self, time: float, joined: str, text: str, confidence: float) -> None:
        """The text grew to `joined`, of which `text` is seen now."""
        run = self.runs[-1]
        confidences = [value for values in run.texts.values() for value in values]
        run.reads += 1
        run.key, run.last, run.texts = same_key(joined), time, {joined: [*confidences, confidence]}
        self.text, self.folded = text, fold(text)

    def settle(self) -> list[Run]:
        """The texts that were really shown, in order.

        A reading that neither lasts nor confidently shows another number is noise and joins the
        neighbour it resembles more; one between two equal neighbours (A B A) always does. A display
        that counts (a clock, a score) is one text: its first and its last value.
        """
        runs = _join_counters(self.runs)
        while len(runs) > 1:
            noise = [at for at in range(len(runs)) if _is_noise(runs, at)]
            if not noise:
                break
            runs = _dissolve(runs, min(noise, key=lambda at: runs[at].weight))
        return runs


def _is_noise(runs: list[Run], at: int) -> bool:
    run = runs[at]
    if run.lasts:
        return False
    around = [runs[i] for i in (at - 1, at + 1) if 0 <= i < len(runs)]
    if len(around) == 2 and around[0].key == around[1].key:
        return True
    folded = fold(run.best())
    changed = not any(same_numbers(folded, fold(other.best())) for other in around)
    return not (changed and run.confidence >= _SURE)


def _dissolve(runs: list[Run], at: int) -> list[Run]:
    """Give run `at` to the neighbour it resembles more; equal neighbours become one."""
    around = [i for i in (at - 1, at + 1) if 0 <= i < len(runs)]
    heir = max(around, key=lambda i: (fuzz.ratio(runs[at].key, runs[i].key), runs[i].weight))
    runs[heir].absorb(runs[at])
    rest = runs[:at] + runs[at + 1 :]
    if 0 < at < len(rest) and rest[at - 1].key == rest[at].key:
        rest[at - 1].absorb(rest[at])
        del rest[at]
    return rest


def _join_counters(runs: list[Run]) -> list[Run]:
    """Copies of `runs`, every stretch that counts as one."""
    result: list[Run] = []
    start = 0
    while start < len(runs):
        stop = start + 1
        while stop < len(runs) and _counts_on(runs[stop - 1], runs[stop]):
            stop += 1
        stretch = runs[start:stop]
        distinct = len({run.key for run in stretch})
        if len(stretch) >= _COUNTER_STEPS and distinct > 0.8 * len(stretch):
            result.append(_counter(stretch))
        else:
            result += [_copy(run) for run in stretch]
        start = stop
    return result


def _counts_on(earlier: Run, later: Run) -> bool:
    before, after = fold(earlier.best()), fold(later.best())
    return (
        later.start - earlier.start <= _COUNTER_STEP_S
        and min(earlier.confidence, later.confidence) >= 0.8
        and not same_numbers(before, after)
        and _DIGITS.sub("#", before) == _DIGITS.sub("#", after)
    )


def _counter(stretch: list[Run]) -> Run:
    first, last = stretch[0], stretch[-1]
    text = f"{first.best()} ... {last.best()}"
    confidences = [run.confidence for run in stretch]
    reads = sum(run.reads for run in stretch)
    return Run(same_key(text), first.start, last.last, {text: confidences}, reads)


def _copy(run: Run) -> Run:
    texts = {text: list(values) for text, values in run.texts.items()}
    return Run(run.key, run.start, run.last, texts, run.reads)
