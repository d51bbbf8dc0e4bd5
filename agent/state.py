"""The graph's state: plain JSON values only, so that a checkpoint written today can be read
tomorrow.

`typing_extensions.TypedDict`: with `typing.TypedDict` on Python 3.11 an API server shows no
schemas.
"""

from typing import Literal

from typing_extensions import TypedDict

AnswerType = Literal[
    "time", "number", "person", "place", "yes_no", "reason", "definition", "list", "date", "other"
]
Relation = Literal["after", "before", "during"]
LaneName = Literal["visual", "speech", "text"]


class SubQuery(TypedDict):
    """One thing to look for."""

    text: str
    """As asked."""
    statement: str
    """Without question words: what a passage or picture would have to say."""
    lanes: list[LaneName]
    """Lanes the words point to; all of them when they point nowhere."""
    answer_type: AnswerType


class TimeRelation(TypedDict):
    """The answer lies before, after or during another moment."""

    kind: Relation
    anchor: SubQuery
    target: SubQuery
    open: bool
    """Nothing but the relation says what is asked for ('what comes after X?')."""


class Plan(TypedDict):
    """What a question asks for, by rules on its words alone."""

    sub_queries: list[SubQuery]
    relation: TimeRelation | None
    across_videos: bool
    """Asks which video."""
    mentions: bool
    """Asks whether or when something is said or shown at all, so that finding it is the answer."""


class Row(TypedDict):
    """A stored segment, cue or clip that this run retrieved."""

    lane: LaneName
    id: int
    video_id: str
    start: float
    end: float
    text: str | None
    """None for clips."""
    frame_time: float | None
    score: float
    """Fused rank score of its search."""
    query: int
    """Index of the sub-query it was found for."""
    beside: bool
    """Stands in the asked time relation to the anchor."""


class Anchor(TypedDict):
    """The moment a time relation refers to."""

    rows: list[Row]
    confidence: float
    """That this is the moment meant."""


class Citation(TypedDict):
    """What a draft answer rests on."""

    lane: LaneName
    video_id: str
    start: float
    end: float
    quote: str | None
    rows: list[int]
    score: float
    query: int


class Draft(TypedDict):
    """An answer before its citations are verified."""

    citations: list[Citation]
    leads: list[Citation]
    """Near misses and pictures that nothing looked at."""
    option: str | None
    option_scores: dict[str, float]
    confidence: float
    abstained: bool
    reason: str | None
    """Why it abstained, or which part of the question has no answer."""


class Input(TypedDict, total=False):
    """What a caller sets."""

    question: str
    options: list[str]
    videos: list[str]
    """Video ids; absent or empty is the whole library."""
    between: list[float]
    """[start, end) in seconds within each video; absent or empty is all of it."""


class Output(TypedDict):
    """What a run yields: `Answer.to_dict` without what only the caller knows."""

    answer: dict[str, object]


class State(Input, total=False):
    """Everything a run knows."""

    plan: Plan
    rows: list[Row]
    anchor: Anchor | None
    searched: dict[str, str]
    draft: Draft
    notes: list[str]
    answer: dict[str, object]
