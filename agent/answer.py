"""What a question gets: `Answer` with its `Evidence`; a stable JSON form of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from longtake.agent.state import LaneName
from longtake.timing import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A stored moment that an answer rests on."""

    video_id: str
    video_title: str
    video_path: str
    start: float
    """Seconds; inside the video."""
    end: float
    lane: LaneName
    quote: str | None
    """Exactly what is stored of speech or text; None for pictures."""
    score: float
    """How well it fits, about 0..1; comparable within one answer."""

    @property
    def span(self) -> Span:
        """[start, end) of the moment."""
        return Span(self.start, self.end)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; times in seconds."""
        return {
            "video_id": self.video_id,
            "video_title": self.video_title,
            "video_path": self.video_path,
            "start_s": self.start,
            "end_s": self.end,
            "lane": self.lane,
            "quote": self.quote,
            "score": self.score,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Evidence":
        """The inverse of `to_dict`."""
        values = dict(data)
        return cls(start=values.pop("start_s"), end=values.pop("end_s"), **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What was looked for, and where."""

    queries: tuple[str, ...] = ()
    """The sub-queries of the question."""
    lanes: Mapping[str, str] = field(default_factory=dict)
    """Each lane: `searched`, or what was left out of it and why."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"queries": list(self.queries), "lanes": dict(self.lanes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, or an honest abstention, with moments to check."""

    text: str
    """For people: quotes, video names and clock times."""
    question: str
    option: str | None = None
    """The chosen option of a multiple-choice question."""
    option_scores: Mapping[str, float] = field(default_factory=dict)
    """Share of each option, also when none is chosen; sums to 1."""
    confidence: float
    """Calibrated probability that the evidence answers, 0..1."""
    abstained: bool
    reason: str | None = None
    """Why there is no answer, or which part of the question has none."""
    mode: Literal["evidence"] = "evidence"
    """`evidence`: quoted from speech and on-screen text; nothing looked at the pictures."""
    evidence: tuple[Evidence, ...] = ()
    leads: tuple[Evidence, ...] = ()
    """Moments worth a look that do not support the answer by themselves."""
    searched: Searched = field(default_factory=Searched)
    notes: tuple[str, ...] = ()
    """What else a reader should know: citations dropped, run not recorded, ..."""
    run_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the CLI's stable schema."""
        return {
            "run_id": self.run_id,
            "question": self.question,
            "text": self.text,
            "option": self.option,
            "option_scores": dict(self.option_scores),
            "confidence": self.confidence,
            "abstained": self.abstained,
            "reason": self.reason,
            "mode": self.mode,
            "evidence": [piece.to_dict() for piece in self.evidence],
            "leads": [piece.to_dict() for piece in self.leads],
            "searched": self.searched.to_dict(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Answer":
        """The inverse of `to_dict`."""
        values = dict(data)
        searched = values.pop("searched")
        return cls(
            evidence=tuple(Evidence.from_dict(piece) for piece in values.pop("evidence")),
            leads=tuple(Evidence.from_dict(piece) for piece in values.pop("leads")),
            searched=Searched(queries=tuple(searched["queries"]), lanes=searched["lanes"]),
            notes=tuple(values.pop("notes")),
            **values,
        )
