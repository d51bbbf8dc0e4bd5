"""What a question gets: `Answer` with its `Evidence`; a stable JSON form of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from longtake.agent.receipt import Receipt
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
    claim: str | None = None
    """What a look saw there, in the model's words."""
    view: str | None = None
    """Id of the view that showed it; `longtake show-run` shows its frames."""

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
            "claim": self.claim,
            "view": self.view,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Evidence":
        """The inverse of `to_dict`."""
        values = dict(data)
        return cls(start=values.pop("start_s"), end=values.pop("end_s"), **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A stretch whose frames a model was shown."""

    video_id: str
    start: float
    """Seconds."""
    end: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; times in seconds."""
        return {"video_id": self.video_id, "start_s": self.start, "end_s": self.end}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Looked":
        """The inverse of `to_dict`."""
        return cls(video_id=data["video_id"], start=data["start_s"], end=data["end_s"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What was looked for, and where."""

    queries: tuple[str, ...] = ()
    """The sub-queries of the question."""
    lanes: Mapping[str, str] = field(default_factory=dict)
    """Each lane: `searched`, or what was left out of it and why."""
    looked: tuple[Looked, ...] = ()
    """What a model was shown, in order."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "queries": list(self.queries),
            "lanes": dict(self.lanes),
            "looked": [stretch.to_dict() for stretch in self.looked],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Searched":
        """The inverse of `to_dict`."""
        return cls(
            queries=tuple(data["queries"]),
            lanes=data["lanes"],
            looked=tuple(Looked.from_dict(stretch) for stretch in data.get("looked", ())),
        )


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
    supported: bool = True
    """Whether the evidence was checked and holds; false for an answer that cites nothing found."""
    mode: Literal["evidence", "looked"] = "evidence"
    """`evidence`: quoted from speech and on-screen text; nothing looked at the pictures. `looked`:
    a model was shown frames."""
    evidence: tuple[Evidence, ...] = ()
    leads: tuple[Evidence, ...] = ()
    """Moments worth a look that do not support the answer by themselves."""
    searched: Searched = field(default_factory=Searched)
    notes: tuple[str, ...] = ()
    """What else a reader should know: citations dropped, run not recorded, ..."""
    run_id: str = ""
    receipt: Receipt | None = None
    """What every call cost; None where no model was asked."""

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
            "supported": self.supported,
            "mode": self.mode,
            "evidence": [piece.to_dict() for piece in self.evidence],
            "leads": [piece.to_dict() for piece in self.leads],
            "searched": self.searched.to_dict(),
            "notes": list(self.notes),
            "receipt": self.receipt.to_dict() if self.receipt is not None else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Answer":
        """The inverse of `to_dict`."""
        values = dict(data)
        receipt = values.pop("receipt", None)
        return cls(
            evidence=tuple(Evidence.from_dict(piece) for piece in values.pop("evidence")),
            leads=tuple(Evidence.from_dict(piece) for piece in values.pop("leads")),
            searched=Searched.from_dict(values.pop("searched")),
            receipt=Receipt.from_dict(receipt) if receipt is not None else None,
            notes=tuple(values.pop("notes")),
            **values,
        )
