"""An answer in plain words: it quotes, names the video and the clock time, and never claims more
than was found."""

from collections.abc import Sequence
from dataclasses import replace

from longtake.agent.answer import Answer, Evidence
from longtake.agent.state import Plan
from longtake.timing import Span, format_time

NAMED = 4
"""Stretches that an abstention names."""
NOT_SEEN = "Quoted from what is indexed; nothing looked at the pictures."


def wording(
    answer: Answer, plan: Plan, queries: Sequence[int], *, said: str | None = None
) -> Answer:
    """The answer with its text.

    Args:
        queries: for each piece of evidence the index of the sub-query it answers.
        said: a model's words; None where the answer quotes.
    """
    if answer.abstained:
        body = _abstention(answer)
    elif said is not None:
        body = _said(answer, said)
    else:
        body = _answer(answer, plan, queries)
    if answer.mode == "looked":
        return replace(answer, text=f"{body.rstrip('.')}.")
    return replace(answer, text=f"{body.rstrip('.')}. {NOT_SEEN}")


def _said(answer: Answer, said: str) -> str:
    """A model's words with the moments they rest on."""
    words = _sentence(said)
    if answer.option is not None:
        same = answer.option.strip().lower() in words.lower() or not words
        words = answer.option if same else f"{answer.option}. {words}"
    if not answer.evidence:
        return f"{words} (no evidence supports this)"
    moments = [_moment(piece) for piece in answer.evidence]
    return f"{words} ({_list(moments)})"


def _moment(piece: Evidence) -> str:
    kind = {"speech": "said", "text": "on screen", "visual": "seen"}[piece.lane]
    return f'{kind} at {format_time(piece.start)} in "{piece.video_title}"'


def _answer(answer: Answer, plan: Plan, queries: Sequence[int]) -> str:
    if answer.option is not None:
        return f"{answer.option}. {_quoted(answer.evidence[0])}"
    if plan["across_videos"]:
        first, *others = answer.evidence
        text = f'In "{first.video_title}": {_quoted(first, named=False)}'
        if others:
            text += f"; perhaps also: {'; '.join(_quoted(piece) for piece in others)}"
        return text
    parts = [
        _timed(piece) if plan["sub_queries"][query]["answer_type"] == "time" else _quoted(piece)
        for piece, query in zip(answer.evidence, queries, strict=True)
    ]
    text = "; ".join(parts)
    if plan["mentions"]:
        text = f"Yes. {text}"
    return f"{text} ({_sentence(answer.reason)})" if answer.reason else text


def _timed(piece: Evidence) -> str:
    return f'At {format_time(piece.start)} in "{piece.video_title}": "{piece.quote}"'


def _quoted(piece: Evidence, *, named: bool = True) -> str:
    where = f' in "{piece.video_title}"' if named else ""
    kind = {"speech": "said", "text": "on screen", "visual": "seen"}[piece.lane]
    words = piece.claim if piece.quote is None else piece.quote
    return f'"{words}" ({kind} at {format_time(piece.start)}{where})'


def _abstention(answer: Answer) -> str:
    text = f"Not found: {_sentence(answer.reason or 'nothing fits the question')}."
    text += f" Looked for {_list([repr(q) for q in answer.searched.queries])} in {_lanes(answer)}."
    near = [piece for piece in answer.leads if piece.quote][:1]
    if near:
        text += f" Nearest line, not an answer: {_quoted(near[0])}."
    pictures = [piece for piece in answer.leads if piece.lane == "visual" and not piece.view]
    if answer.searched.looked:
        text += f" Looked at {_list(_stretches(answer))}."
    if pictures:
        moments = _list([f'{format_time(p.start)} in "{p.video_title}"' for p in pictures])
        text += f" Pictures that may be worth a look: {moments}."
    return text


def _stretches(answer: Answer) -> list[str]:
    """What was looked at, most first; a stretch within another is not named again."""
    spans: list[tuple[str, Span]] = []
    for stretch in sorted(answer.searched.looked, key=lambda s: s.start - s.end):
        span = Span(stretch.start, stretch.end)
        if not any(
            video == stretch.video_id and span.overlap(known) >= span.duration
            for video, known in spans
        ):
            spans.append((stretch.video_id, span))
    more = [f"{len(spans) - NAMED} more stretches"] if len(spans) > NAMED else []
    return [str(span) for _, span in spans[:NAMED]] + more


def _lanes(answer: Answer) -> str:
    names = {"speech": "speech", "text": "on-screen text", "visual": "pictures"}
    return "; ".join(
        names.get(lane, lane) if how == "searched" else f"{names.get(lane, lane)} ({how})"
        for lane, how in answer.searched.lanes.items()
    )


def _sentence(text: str) -> str:
    return text.rstrip(". ")


def _list(items: Sequence[str]) -> str:
    return ", ".join(items[:-1]) + f" and {items[-1]}" if len(items) > 1 else "".join(items)
