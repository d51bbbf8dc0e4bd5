"""What a receipt says, in words: the cells of its table and the lines that need attention."""

from dataclasses import dataclass

from longtake.agent.receipt import Line, Receipt, Total
from longtake.run_look import counted

UNKNOWN = "unknown"
COLUMNS = ("call", "model", "planned", "in", "cached", "out", "charged", "cost", "time", "")
"""`planned` is visual + text + reply tokens; the next three are as reported."""
NUMBERS = ("planned", "in", "cached", "out", "charged", "cost", "time")
"""Columns to align right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A line that a reader must not miss."""

    text: str
    grave: bool
    """The limit itself was called in question."""


def heading(receipt: Receipt) -> str:
    """Such as `1,240 of 16,000 tokens in 2 calls, 14,760 left`."""
    unspent = receipt.limit - receipt.spent - receipt.reserved
    parts = [
        f"{receipt.spent:,} of {counted(receipt.limit, 'token')} "
        f"in {counted(len(receipt.lines), 'call')}",
        f"{unspent:,} left",
    ]
    if receipt.reserved:
        parts.append(f"{receipt.reserved:,} reserved by open calls")
    return ", ".join(parts)


def columns(receipt: Receipt) -> tuple[str, ...]:
    """Heads of the table; without `cost` where no call has a price."""
    return tuple(name for name in COLUMNS if name != "cost" or _is_priced(receipt))


def rows(receipt: Receipt) -> list[tuple[str, ...]]:
    """A row of cells a call, and one with the sums where there are several; under `columns`."""
    made = [_row(line) for line in receipt.lines]
    if len(made) > 1:
        made.append(_sums(receipt.total))
    if _is_priced(receipt):
        return made
    place = COLUMNS.index("cost")
    return [(*row[:place], *row[place + 1 :]) for row in made]


def _is_priced(receipt: Receipt) -> bool:
    """Whether what at least one call cost in money is known; replayed calls cost nothing."""
    return any(line.usd is not None and not line.replayed for line in receipt.lines)


def warnings(receipt: Receipt) -> list[Warned]:
    """Reports above the price, tokens beyond the limit."""
    found = [
        Warned(
            text=f"{line.purpose}: {line.backend} reported {counted(line.mismatch, 'token')} "
            "more than the call's price; check vlm.family and vlm.processor",
            grave=False,
        )
        for line in receipt.lines
        if line.mismatch
    ]
    if receipt.total.disputed:
        found.append(
            Warned(
                text=f"DISPUTED: {counted(receipt.total.disputed, 'token')} were reported beyond "
                f"the limit of {receipt.limit:,}; they are not in the sum, but may be on the bill",
                grave=True,
            )
        )
    return found


def remarks(receipt: Receipt) -> list[str]:
    """What the table's marks mean, for those it has."""
    lines, said = receipt.lines, []
    if any(line.estimated for line in lines):
        said.append("estimated: the model reported nothing, the planned tokens are charged")
    if any(line.replayed for line in lines):
        said.append("kept reply: an earlier run paid for it; its tokens count here")
    if lines and not _is_priced(receipt):
        said.append("cost unknown: vlm.usd_per_million_in and vlm.usd_per_million_out are not set")
    if any(not line.exact for line in lines):
        said.append("planned tokens marked ≤ are bounds; the rest is the processor's own count")
    return said


def _row(line: Line) -> tuple[str, ...]:
    bound = "" if line.exact else "≤"
    planned = f"{bound}{line.planned_visual:,} + {line.planned_text:,} + {line.planned_output:,}"
    return (
        line.purpose
        if line.node in line.purpose or line.node == "look"
        else f"{line.node}: {line.purpose}",
        line.backend,
        planned,
        tokens(line.input),
        tokens(line.cached),
        tokens(line.output),
        f"{line.charged:,}",
        money(line.usd),
        f"{line.seconds:.1f} s",
        _mark(line),
    )


def _sums(total: Total) -> tuple[str, ...]:
    """Sums of reports leave out calls without one; where there are such, the sum is unknown."""
    reported = total.estimated == 0
    return (
        "all",
        "",
        f"{total.planned_visual:,} + {total.planned_text:,} + {total.planned_output:,}",
        tokens(total.input if reported else None),
        tokens(total.cached if reported else None),
        tokens(total.output if reported else None),
        f"{total.charged:,}",
        _sum_of_money(total),
        f"{total.seconds:.1f} s",
        "",
    )


def _sum_of_money(total: Total) -> str:
    if total.usd is None and total.usd_known:
        return f"{UNKNOWN}, at least {money(total.usd_known)}"
    return money(total.usd)


def tokens(number: int | None) -> str:
    """A number of tokens, or that it is not known."""
    return UNKNOWN if number is None else f"{number:,}"


def money(usd: float | None) -> str:
    """`$0.0012`, `$0`, or that it is not known."""
    if usd is None:
        return UNKNOWN
    return f"${usd:.4f}" if usd else "$0"


def _mark(line: Line) -> str:
    marks = (
        ("estimated", line.estimated),
        ("kept reply", line.replayed),
        (f"{line.mismatch:,} over price", bool(line.mismatch)),
        (f"{line.disputed:,} DISPUTED", bool(line.disputed)),
    )
    return ", ".join(text for text, holds in marks if holds)
