"""A run as people follow it: steps in order, each with what was looked at and what it cost.

Made from the events of `longtake.agent.events`, live or stored. Runs that were stored before there
were looks have fewer events and fewer keys; what is not known is None.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from longtake.run_look import Look, Seen, counted, look_of, span_of

if TYPE_CHECKING:
    from longtake.agent.receipt import Receipt
    from longtake.index.records import RunRecord

Event = Mapping[str, Any]

_ACTIONS = {
    "answer": "answer now",
    "look": "look elsewhere",
    "zoom": "look closer",
    "search": "search again",
    "read": "read more",
    "choose": "choose frames",
    "time": "look up a frame",
    "refused": "refuse what the model asked for",
    "retry": "start over",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a model."""

    node: str
    purpose: str
    backend: str
    planned: int | None
    """Most tokens it could cost."""
    actual: int | None
    """Tokens reported; None where nothing was."""
    seconds: float | None
    replayed: bool
    """Answered from a reply that had been kept."""
    outcome: str


@dataclass(slots=True, kw_only=True)
class Step:
    """Something the run did; looks and calls are added while it lasts."""

    kind: str
    """The event it comes from."""
    title: str
    detail: str = ""
    at_s: float | None = None
    """Seconds after the question was asked."""
    lines: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Where the budget stands."""

    spent: int
    left: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A stored run."""

    id: str
    asked_at: float
    """Unix seconds."""
    question: str
    answer: Mapping[str, Any]
    """`Answer.to_dict` of the version that stored it."""
    receipt: "Receipt | None"
    """None where no model was asked."""
    steps: tuple[Step, ...]

    @property
    def mode(self) -> str:
        """`looked` or `evidence`."""
        return str(self.answer.get("mode", "evidence"))

    @property
    def looks(self) -> list[Look]:
        """Every look, in order."""
        return [look for step in self.steps for look in step.looks]

    @property
    def looked(self) -> int:
        """Views that a model was shown: it replied to them."""
        return sum(look.seen is not None and look.seen.replied for look in self.looks)

    @property
    def seconds(self) -> float | None:
        """From the question to the last event."""
        return max((step.at_s for step in self.steps if step.at_s is not None), default=None)


def story_of(run: "RunRecord") -> Story:
    """The story of a stored run."""
    from longtake.agent.receipt import Receipt

    receipt = Receipt.from_dict(run.ledger) if run.ledger else None
    began = min([run.asked_at, *(event["at"] for event in run.trace if "at" in event)])
    steps = Steps(began)
    for event in run.trace:
        steps.take(event)
    return Story(
        id=run.id,
        asked_at=run.asked_at,
        question=run.question,
        answer=run.answer,
        receipt=receipt,
        steps=tuple(steps.made),
    )


class Steps:
    """Takes a run's events one by one, also those of looks that go on side by side.

    Attributes:
        made: the steps so far.
        tokens: where the budget stands; None until an event says so.
    """

    def __init__(self, asked_at: float) -> None:
        self.made: list[Step] = []
        self.tokens: Tokens | None = None
        self._asked_at = asked_at
        self._calls: list[Call] = []

    def take(self, event: Event) -> None:
        """Add what an event says."""
        self._count(event)
        match event["event"]:
            case "called":
                self._called(event)
            case "looking":
                self._change(event["view"], lambda look: replace(look, begun=True))
            case "observed":
                self._observed(event["observation"])
            case "answer":
                self._close_calls()
            case kind:
                describe = _STEPS.get(kind, _other)
                step = describe(event)
                step.at_s = self._since(event)
                step.calls += self._calls
                self._calls = []
                self.made.append(step)

    @property
    def looks(self) -> list[Look]:
        """Every look so far."""
        return [look for step in self.made for look in step.looks]

    def _count(self, event: Event) -> None:
        limit = event.get("limit", self.tokens.limit if self.tokens else None)
        if limit is None or "left" not in event:
            return
        spent = event.get("spent", self.tokens.spent if self.tokens else 0)
        self.tokens = Tokens(spent=spent, left=event["left"], limit=limit)

    def _since(self, event: Event) -> float | None:
        if "at_s" in event:
            return float(event["at_s"])
        return max(0.0, event["at"] - self._asked_at) if "at" in event else None

    def _called(self, event: Event) -> None:
        """A look's call belongs to its round; others to the step that their node ends with."""
        made = _call(event)
        if made.node == "look" and self.made:
            self.made[-1].calls.append(made)
        else:
            self._calls.append(made)

    def _close_calls(self) -> None:
        if self._calls:
            self.made.append(Step(kind="called", title="Further calls", calls=self._calls))
            self._calls = []

    def _observed(self, observation: Mapping[str, Any]) -> None:
        seen = Seen(
            span=span_of(observation),
            claim=observation["claim"],
            relevant=observation["relevant"],
            confidence=observation["confidence"],
            outcome=observation["outcome"],
        )
        self._change(observation["view"], lambda look: replace(look, seen=seen))

    def _change(self, view: str, change: Callable[[Look], Look]) -> None:
        for step in reversed(self.made):
            for position, look in enumerate(step.looks):
                if look.id == view:
                    step.looks[position] = change(look)
                    return


def _call(event: Event) -> Call:
    return Call(
        node=event["node"],
        purpose=event["purpose"],
        backend=event["backend"],
        planned=_total(event["planned"]),
        actual=_total(event["actual"]),
        seconds=event["seconds"],
        replayed=event["replayed"],
        outcome=event["outcome"],
    )


def _total(tokens: Mapping[str, Any] | None) -> int | None:
    """All tokens of a call, planned (visual, text, output) or reported (input, output)."""
    if tokens is None:
        return None
    kinds = ("visual", "text", "output") if "visual" in tokens else ("input", "output")
    return sum(int(tokens[kind]) for kind in kinds)


def _planned(event: Event) -> Step:
    by = f"by the {event['by']}" if "by" in event else ""
    whole = "the whole video matters" if event.get("whole") else ""
    return Step(
        kind="planned", title="Plan", detail=_joined(by, whole), lines=list(event["queries"])
    )


def _retrieved(event: Event) -> Step:
    lanes = [f"{lane}: {how}" for lane, how in event["lanes"].items()]
    return Step(
        kind="retrieved", title="Search", detail=counted(event["rows"], "moment"), lines=lanes
    )


def _selected(event: Event) -> Step:
    looks = [look_of(view) for view in event["views"]]
    asked = sum(len(shape["times"]) for shape in event.get("asked", ()))
    detail = _joined(
        f"asked about {counted(asked, 'frame')}" if asked else "",
        counted(len(looks), "view"),
        f"{counted(event['left'], 'token')} left",
    )
    return Step(kind="selected", title=f"Round {event['round']}", detail=detail, looks=looks)


def _reflected(event: Event) -> Step:
    action = _ACTIONS.get(event["action"], str(event["action"]))
    detail = _joined(action, f"by the {event['by']}", _sure(event.get("confidence")))
    lines = [event["why"]] if event["why"] else []
    return Step(kind="reflected", title="Decision", detail=detail, lines=lines)


def _drafted(event: Event) -> Step:
    by = f"by the {event['by']}" if "by" in event else ""
    ends = "no answer" if event["abstained"] else _sure(event["confidence"])
    return Step(kind="drafted", title="Draft", detail=_joined(ends, by))


def _verified(event: Event) -> Step:
    again = "the model is asked once more" if event.get("again") else ""
    detail = _joined(f"citations that hold: {event['evidence']}", again)
    return Step(kind="verified", title="Check", detail=detail, lines=list(event["notes"]))


def _other(event: Event) -> Step:
    return Step(kind=event["event"], title=str(event["event"]))


def _sure(confidence: float | None) -> str:
    """Empty where rules decided, which claim nothing."""
    return "" if confidence is None else f"confidence {confidence:.2f}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


_STEPS: Mapping[str, Callable[[Event], Step]] = {
    "planned": _planned,
    "retrieved": _retrieved,
    "selected": _selected,
    "reflected": _reflected,
    "drafted": _drafted,
    "verified": _verified,
}
