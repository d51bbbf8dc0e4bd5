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
    bias=-8.077,
    weights=(3.739, 5.448, -2.301, 0.193, -1.744, 8.064, 2.485),
    threshold=0.5,
)
"""With a sentence encoder."""
WORDS = Calibration(
    bias=-3.285,
    weights=(0.0, 1.655, 2.149, 1.551, -2.612, 2.149, -1.308),
    threshold=0.5,
)
"""Without one: words only."""
CHOICE = Calibration(bias=-1.0, weights=(8.0, 2.0), threshold=0.5)
"""Multiple choice."""
