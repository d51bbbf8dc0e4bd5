"""The graph's state: plain JSON values only, so that a checkpoint written today can be read
tomorrow.

`typing_extensions.TypedDict`: with `typing.TypedDict` on Python 3.11 an API server shows no
schemas.
"""

import operator
from typing import Annotated, Any, Literal, NotRequired

from langgraph.managed import RemainingSteps
from langgraph.types import Overwrite
from typing_extensions import TypedDict

AnswerType = Literal[
    "time", "number", "person", "place", "yes_no", "reason", "definition", "list", "date", "other"
]
Relation = Literal["after", "before", "during"]
Order = Literal["first", "last", "nth"]
ViewKind = Literal["overview", "look", "zoom", "glance"]
LaneName = Literal["visual", "speech", "text"]
Part = Literal["anchor", "target"]
"""Whether a look is for the moment that a relation in time refers to, or for what is asked."""


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
    order: NotRequired[Order | None]
    """Which of several such moments is meant ('when X is heard for the second time')."""
    nth: NotRequired[int | None]
    """Counted from 1; None unless `order` is `nth`."""


class Ordinal(TypedDict):
    """Which of several like moments is asked for."""

    order: Order | None
    """None asks for no certain one; else finding any is not enough."""
    nth: int | None
    """Counted from 1; None unless `order` is `nth`."""


class Plan(Ordinal):
    """What a question asks for, by its words alone."""

    sub_queries: list[SubQuery]
    relation: TimeRelation | None
    across_videos: bool
    """Asks which video."""
    mentions: bool
    """Asks whether or when something is said or shown at all, so that finding it is the answer."""
    entities: list[str]
    """Names and things asked about."""
    whole: bool
    """Needs a whole video, or all of them, rather than a few moments."""


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


class Absence(TypedDict):
    """What is stored says by itself that the question has no answer."""

    reason: str
    """For people."""
    rows: list[Row]
    """What shows it, in the order of time."""


class Pictures(TypedDict):
    """Frames of a view that follow one another at one size."""

    times: list[float]
    """Seconds."""
    width: int
    """Pixels of each frame."""
    height: int
    columns: int
    """0 shows single frames, more one contact sheet with so many in a row."""


class View(TypedDict):
    """What a model was shown of one video: frames by their times, never pixels."""

    id: str
    """`L1`, `L2`, ... in the order of the run."""
    video_id: str
    start: float
    end: float
    """The stretch it stands for; its frames lie inside."""
    times: list[float]
    """Seconds of its frames."""
    width: int
    """Pixels of each frame as sent; of the largest where they differ."""
    height: int
    crop: list[float] | None
    """[x0, y0, x1, y1], 0..1 of the picture; None is all of it."""
    stamped: NotRequired[bool]
    """Whether every frame has its second drawn into it; absent is not."""
    pictures: NotRequired[list[Pictures]]
    """How its frames are shown where they differ in size or lie on contact sheets; absent is
    single frames of `width` x `height`."""
    lost: NotRequired[str]
    """What the view had to give up for its price, for people; absent is nothing."""
    kind: ViewKind
    why: str
    """Why it was chosen, for people."""
    round: int
    part: NotRequired[Part]
    """`target` when absent."""


class Wish(TypedDict):
    """A stretch, or a part of the picture, that somebody wants to see."""

    video_id: str
    start: float
    end: float
    crop: list[float] | None
    kind: ViewKind
    why: str
    part: NotRequired[Part]
    """What the look is for; absent is what the round is for."""


class Observation(TypedDict):
    """What a look yielded."""

    view: str
    """Id of the view."""
    video_id: str
    start: float
    end: float
    """When it is seen; inside the view."""
    claim: str
    relevant: bool
    """Whether it bears on the question."""
    confidence: float
    outcome: str
    """`ok`, or why there is no usable reply: `unparsed`, `truncated`, `refused`, `empty`, `failed`,
    `no budget`."""
    closer: Wish | None
    told: NotRequired[str]
    """What of the model's wish for a closer look was not done as it asked, and why."""


class Citation(TypedDict):
    """What a draft answer rests on."""

    lane: LaneName
    video_id: str
    start: float
    end: float
    quote: str | None
    rows: list[int]
    """Stored rows it quotes; empty for an observation."""
    score: float
    query: int
    view: NotRequired[str]
    """The view that an observation comes from."""


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
    text: NotRequired[str]
    """In a model's words; absent where the answer quotes."""
    said: NotRequired[str]
    """The model's reply as it came."""
    note: NotRequired[str]
    """How it was made, when not by the model that was there to be asked."""
    faults: NotRequired[list[str]]
    """Citations of the model that named nothing it was given."""
    by: NotRequired[Literal["rules", "model"]]
    shown: NotRequired[list[str]]
    """Views whose frames the model was shown with the question."""


class Input(TypedDict, total=False):
    """What a caller sets."""

    question: str
    options: list[str]
    videos: list[str]
    """Video ids; absent or empty is the whole library."""
    between: list[float]
    """[start, end) in seconds within each video; absent or empty is all of it."""
    run_id: str
    """Names the run's ledger and journal; absent makes one."""


class Output(TypedDict):
    """What a run yields: `Answer.to_dict`."""

    answer: dict[str, object]


class State(Input, total=False):
    """Everything a run knows. A key added here goes into `blank_state` too."""

    planned_run: str
    """`run_id` of the run that was planned last: tells one that the caller gave from one that the
    thread's last question left."""
    plan: Plan
    rows: list[Row]
    retrieved: int
    """Sub-queries of the plan that were searched."""
    anchor: Anchor | None
    absence: Absence | None
    searched: dict[str, str]
    views: list[View]
    observations: Annotated[list[Observation], operator.add]
    wishes: list[Wish]
    """To be looked at next, most wanted first."""
    round: int
    reflecting: bool
    """Whether the model's own decisions can be used; off once it twice gave none."""
    refused: str
    """The same of the model's last decision; empty is nothing."""
    talk: list[dict[str, Any]]
    """What a policy with a conversation of its own has to remember."""
    draft: Draft
    asked_again: bool
    notes: Annotated[list[str], operator.add]
    trace: Annotated[list[dict[str, object]], operator.add]
    """Every event of the run, in order."""
    answer: dict[str, object]
    steps_left: RemainingSteps


def blank_state() -> dict[str, Any]:
    """The update that makes a run know nothing: servers ask one question after another on one
    thread, whose state stays. `plan`, `draft` and `answer` are written before they are read."""
    return {
        "rows": [],
        "retrieved": 0,
        "anchor": None,
        "absence": None,
        "searched": {},
        "views": [],
        "observations": Overwrite([]),
        "wishes": [],
        "round": 0,
        "reflecting": True,
        "refused": "",
        "talk": [],
        "asked_again": False,
        "notes": Overwrite([]),
        "trace": Overwrite([]),
    }
