"""What runs look like on a terminal: the list, the replay of one as text, the receipt."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from longtake import receipt_text
from longtake.console import console, file_name, printable, view_command
from longtake.render import table
from longtake.run_look import Look, counted
from longtake.run_story import Call, Step, Story
from longtake.timing import Span

if TYPE_CHECKING:
    from longtake.agent.checkpoints import Unfinished
    from longtake.agent.receipt import Receipt

_SHORT = 60
"""Characters of a question or answer in the list of runs."""


def runs(stories: Iterable[Story], unfinished: Sequence["Unfinished"]) -> None:
    """The questions that were asked, newest first; unfinished ones before, with how to go on."""
    made = table("run", "asked", "mode", "tokens", "question", "answer", right=["tokens"])
    for run in unfinished:
        resume = Text(f"longtake ask --resume {run.run_id}", style="yellow")
        made.add_row(run.run_id[:8], "unfinished", "", "", _short(run.question), resume)
    for story in stories:
        answer = story.answer
        said = (
            Text("no answer", style="dim") if answer["abstained"] else Text(_short(_said(answer)))
        )
        made.add_row(
            story.id[:8],
            asked(story.asked_at),
            story.mode,
            tokens_of(story),
            _short(story.question),
            said,
        )
    console().print(made)


def asked(at: float) -> str:
    """Local date and time of a Unix second."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")


def tokens_of(story: Story) -> str:
    """Such as `1,240 of 16,000`; empty where no model was asked."""
    spent = story.receipt
    return "" if spent is None else f"{spent.spent:,} of {spent.limit:,}"


def _said(answer: Mapping[str, Any]) -> str:
    return str(answer["option"] or answer["text"])


def _short(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= _SHORT else f"{line[: _SHORT - 1]}…"


def run(story: Story, names: Mapping[str, str]) -> None:
    """One run from the question to the receipt.

    Args:
        names: video id -> what to call it.
    """
    out = console()
    out.print(printable(story.question), style="bold", soft_wrap=True)
    facts = [asked(story.asked_at), f"run {story.id}", mode_words(story)]
    if story.seconds is not None:
        facts.append(f"{story.seconds:.1f} s")
    out.print(", ".join(facts), style="dim", soft_wrap=True)
    out.print()
    steps(story.steps, names)
    out.print()
    _answer(story.answer)
    if story.receipt is not None:
        out.print()
        receipt(story.receipt)


def mode_words(story: Story) -> str:
    """Whether a model looked at pictures."""
    if story.mode == "looked":
        return f"looked at {counted(story.looked, 'view')}"
    return "quoted, nothing looked at the pictures"


def steps(made: Iterable[Step], names: Mapping[str, str]) -> None:
    """What a run did, step by step."""
    for step in made:
        _step(step, names)


def _step(step: Step, names: Mapping[str, str]) -> None:
    out = console()
    at = "" if step.at_s is None else f"{step.at_s:.1f} s"
    head = Text.assemble((f"{at:>7}  ", "dim"), (step.title, "bold"), f"  {printable(step.detail)}")
    out.print(head, soft_wrap=True)
    for line in step.lines:
        _indented(Text(printable(line)))
    for look in step.looks:
        _look(look, names.get(look.video_id, look.video_id[:8]))
    for call in step.calls:
        _indented(Text(call_words(call), style="dim"))


def _look(look: Look, name: str) -> None:
    where = f"{look.id} {printable(name)} {look.span}"
    about = ", ".join(part for part in (look.kind, look.shape) if part)
    _indented(Text.assemble((where, "cyan"), f"  {about}  {printable(look.why)}"))
    seen, style = seen_words(look), ""
    if look.seen is None or look.seen.outcome != "ok":
        style = "yellow"
    elif not look.seen.relevant:
        style = "dim"
    _indented(Text(f"   {printable(seen)}", style=style))


def seen_words(look: Look) -> str:
    """What came of a look."""
    seen = look.seen
    if seen is None:
        return "no observation: the run ended before" if look.begun else "not looked at"
    if seen.outcome != "ok":
        return f"no usable reply: {seen.outcome}"
    if not seen.relevant:
        return f"nothing to the point. {seen.claim}".rstrip(". ")
    return f"saw {seen.span} ({seen.confidence:.2f}): {seen.claim}"


def call_words(call: Call) -> str:
    """A call with its tokens, such as `look L1: 1,240 tokens of at most 1,360, 1.2 s`."""
    actual = "unknown tokens" if call.actual is None else counted(call.actual, "token")
    parts = [f"{actual} of at most {receipt_text.tokens(call.planned)}"]
    if call.seconds is not None:
        parts.append(f"{call.seconds:.1f} s")
    if call.replayed:
        parts.append("kept reply")
    if call.outcome != "ok":
        parts.append(call.outcome)
    return printable(f"call {call.purpose}: {', '.join(parts)}")


def _indented(text: Text) -> None:
    console().print(Text("         ").append_text(text), soft_wrap=True)


def _answer(answer: Mapping[str, Any]) -> None:
    out = console()
    for line in answer["text"].splitlines():
        out.print(printable(line), style="" if answer["abstained"] else "bold", soft_wrap=True)
    if answer["option"] is not None:
        out.print(f"option: {printable(answer['option'])}", soft_wrap=True)
    if not answer["abstained"]:
        out.print(f"confidence {answer['confidence']:.2f}{support_words(answer)}", style="dim")
    for piece in answer["evidence"]:
        _evidence(piece)
    if answer["leads"]:
        out.print("worth a look:")
        for piece in answer["leads"]:
            _evidence(piece)
    for note in answer["notes"]:
        out.print(f"note: {printable(note)}", style="yellow", soft_wrap=True)


def support_words(answer: Mapping[str, Any]) -> str:
    """Says it when no evidence supports the answer."""
    return "" if answer.get("supported", True) else ", supported by no evidence"


def evidence_words(piece: Mapping[str, Any]) -> str:
    """What a piece of evidence says: its quote, or what a look saw."""
    if piece["quote"] is not None:
        return f'"{piece["quote"]}"'
    return f"saw: {piece['claim']}" if piece.get("claim") else ""


def _evidence(piece: Mapping[str, Any]) -> None:
    path, span = Path(piece["video_path"]), Span(piece["start_s"], piece["end_s"])
    view = f"  {piece['view']}" if piece.get("view") else ""
    words = printable(evidence_words(piece))
    line = Text.assemble(
        file_name(path), " ", (str(span), "cyan"), f"  {piece['lane']}{view}  ", words
    )
    out = console()
    out.print(line, soft_wrap=True)
    out.print(Text(f"    {view_command(path, span.start)}", style="dim"), soft_wrap=True)


def receipt(given: "Receipt") -> None:
    """What a question has cost, call by call. Unknown stays unknown; estimates are marked."""
    out = console()
    out.print(f"budget: {receipt_text.heading(given)}", style="bold", soft_wrap=True)
    rows = receipt_text.rows(given)
    if rows:
        made = table(*receipt_text.columns(given), right=receipt_text.NUMBERS)
        for row in rows:
            made.add_row(*(printable(cell) for cell in row))
        out.print(made)
    for warned in receipt_text.warnings(given):
        out.print(
            printable(warned.text), style="bold red" if warned.grave else "yellow", soft_wrap=True
        )
    for remark in receipt_text.remarks(given):
        out.print(remark, style="dim", soft_wrap=True)
