"""Numbers that turn a reading's features into a probability. Made by `bench/calibrate_answers.py`; see there how."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Logistic model: P(the quoted line answers the question) = 1 / (1 + exp(-(bias + weights . features)))."""

    bias: float
    weights: tuple[float, ...]
    """One a feature, in the order of `reader.FEATURES` (or `options.FEATURES`)."""
    threshold: float
    """Answers below it are withheld."""


MEANING = Calibration(bias=-4.0, weights=(6.0, 5.0, 1.0, 0.5, -1.0), threshold=0.5)
"""With a sentence encoder."""
WORDS = Calibration(bias=-3.0, weights=(0.0, 2.0, 3.0, 0.5, -1.0), threshold=0.5)
"""Without one: words only."""
CHOICE = Calibration(bias=-1.0, weights=(8.0, 2.0), threshold=0.5)
"""Multiple choice."""
