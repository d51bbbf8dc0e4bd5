"""What models may reply: the schemas of every call. Only their shape is checked here; times, boxes
and labels are untrusted until the node that asked has checked them against the library."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from longtake.timing import parse_time


def _time(value: object) -> object:
    """Seconds from what models write for a time: 12.5, "12.5 s", "1:23"."""
    if isinstance(value, str):
        try:
            return parse_time(value.replace(" ", "").removesuffix("seconds").removesuffix("sec"))
        except ValueError:
            # what was written is left out: the message goes back to the model as an instruction
            raise ValueError("not a time in seconds") from None
    return value


def _share(value: object) -> object:
    """A confidence: `0.9`, `"90%"`, `90`."""
    if isinstance(value, str):
        try:
            value = float(value.strip().rstrip("%"))
        except ValueError:
            raise ValueError("not a number from 0 to 1") from None
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 < value <= 100:
        return value / 100
    return value


Seconds = Annotated[float, BeforeValidator(_time), Field(allow_inf_nan=False)]
Confidence = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1, allow_inf_nan=False)]
BoxReply = Annotated[list[float], Field(min_length=4, max_length=4)]
SpanReply = tuple[Seconds, Seconds]
LaneReply = Literal["visual", "speech", "text"]


def whole(value: Any) -> Any:
    """A value without half characters (lone surrogates), which JSON can spell and nothing can
    store; a replacement stands for each."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


class _Reply(BaseModel):
    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        return whole(value)


class Closer(_Reply):
    """What to look at closer."""

    start: Seconds | None = Field(None, alias="from")
    end: Seconds | None = Field(None, alias="to")
    box: BoxReply | None = None


class LookReply(_Reply):
    """An observation."""

    relevant: bool
    claim: str = ""
    start: Seconds | None = Field(None, alias="from")
    end: Seconds | None = Field(None, alias="to")
    confidence: Confidence = 0.5
    closer: Closer | None = None
    more: Annotated[list[SpanReply], Field(max_length=64)] = Field(default_factory=list)
    """Further times when it is seen."""


def _yes(value: object) -> object:
    """1 for yes and 0 for no in the words of models; a number or a share stays."""
    if isinstance(value, str):
        known = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
        word = value.strip().rstrip(".").lower()
        return known[word] if word in known else _share(value)
    return float(value) if isinstance(value, bool) else _share(value)


Yes = Annotated[float, BeforeValidator(_yes), Field(ge=0, le=1, allow_inf_nan=False)]


class YesReply(_Reply):
    """Yes or no about pictures: a number for each in their order, from 0 for no to 1 for yes."""

    yes: Annotated[list[Yes], Field(min_length=1, max_length=64)]

    @classmethod
    def from_words(cls, text: str) -> dict[str, object] | None:
        """A bare word, as small models reply about one picture."""
        word = text.strip().rstrip(".").lower()
        return {"yes": [word]} if word in ("yes", "no") else None


class ReflectReply(_Reply):
    """The next step."""

    enough: bool = False
    action: Literal["answer", "look", "zoom", "search", "read"]
    video: str | None = None
    start: Seconds | None = Field(None, alias="from")
    end: Seconds | None = Field(None, alias="to")
    box: BoxReply | None = None
    query: str = ""
    why: str = ""


class CitationReply(_Reply):
    """A piece of evidence, by its label."""

    label: str
    start: Seconds | None = Field(None, alias="from")
    end: Seconds | None = Field(None, alias="to")


class AnswerReply(_Reply):
    """The answer."""

    answer: str = ""
    option: str | None = None
    confidence: Confidence = 0.5
    evidence: list[CitationReply] = Field(default_factory=list)
    missing: str | None = None


class SubQueryReply(_Reply):
    """One thing to look for."""

    text: str
    lanes: list[LaneReply] = Field(default_factory=list)


class RelationReply(_Reply):
    """A relation in time."""

    kind: Literal["before", "after", "during", "first", "last", "nth"]
    nth: int | None = None
    anchor: str = ""


class PlanReply(_Reply):
    """A plan."""

    sub_queries: list[SubQueryReply] = Field(min_length=1, max_length=4)
    entities: list[str] = Field(default_factory=list)
    relation: RelationReply | None = None
    answer_type: Literal[
        "time",
        "number",
        "person",
        "place",
        "yes_no",
        "reason",
        "definition",
        "list",
        "date",
        "other",
    ] = "other"
    whole: bool = False
