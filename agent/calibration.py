"""Numbers that turn a reading's features into a probability. Made by
`bench/calibrate_answers.py`; see there how."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Logistic model: P(the quoted line answers the question) = 1 / (1 + exp(-(bias + weights .
    features)))."""

    bias: float
    weights: tuple[float, ...]
    """One a feature, in the order of `reader.FEATURES` (or `options.FEATURES`)."""
    threshold: float
    """Answers below it are withheld."""


MEANING = Calibration(
    bias=-7.581,
    weights=(2.372, 4.008, -3.077, 0.41, 0.093, 8.313, 3.601),
    threshold=0.5,
)
"""With a sentence encoder."""
WORDS = Calibration(
    bias=-3.404,
    weights=(0.0, 2.73, 1.094, 1.499, -3.07, 2.959, -0.734),
    threshold=0.5,
)
"""Without one: words only."""
CHOICE = Calibration(bias=-1.436, weights=(7.919, 1.515), threshold=0.5)
"""Multiple choice."""
