"""Runs for other tools' viewers: samples as lmms-eval logs them, and a log that inspect reads.

What owners of benchmarks take is in their adapters (`longtake.eval.benchmarks`).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from longtake.eval.benchmarks.submissions import write_json, write_lines
from longtake.eval.judgement import Judgement, Parsed, Row, Scored, letter
from longtake.eval.records import Record
from longtake.eval.samples import Loaded, Sample
from longtake.timing import Span

Item = tuple[Scored, Record | None]
"""A judged sample with what the run left of it."""


def lmms_samples(items: Sequence[Item], path: Path) -> None:
    """One JSON object a line with the fields of lmms-eval's `--log_samples`: doc_id, doc, target,
    arguments, resps, filtered_resps, doc_hash; then a field for each scorer.

    `filtered_resps` is the answer as strictly understood.
    """
    lines = []
    for place, (scored, record) in enumerate(items):
        doc = _document(scored.sample)
        text = json.dumps(doc, indent=2, ensure_ascii=False)
        lines.append(
            {
                "doc_id": place,
                "doc": doc,
                "target": _target(scored.sample),
                "arguments": [_asked(scored.sample)],
                "resps": [[scored.response.text if scored.response else ""]],
                "filtered_resps": [_plain(scored.strict.parsed)],
                "doc_hash": hashlib.sha256(text.encode()).hexdigest(),
                "official": _score(scored.official),
                "strict": _score(scored.strict),
                "status": record.status if record else "missing",
                "token_counts": [record.spent.model_dump() if record else None],
            }
        )
    write_lines(lines, path)


def inspect_log(
    loaded: Loaded, items: Sequence[Item], rows: Sequence[Row], path: Path, *, model: str
) -> None:
    """A JSON log for `inspect view` (version 2 of the format; read with inspect_ai 0.3.285).

    Samples are inspect's samples, seeds its epochs, the two scorers its scores; the table's overall
    rows are its metrics. Give `path` the ending `.json`.

    Args:
        loaded: the split.
        items: as judged; missing samples have no record.
        rows: the benchmark's table.
        path: where to write.
        model: name of the model that answered.
    """
    records = [record for _, record in items if record]
    finished = max((record.finished_at for record in records), default=0.0)
    epochs: Counter[str] = Counter()
    samples = []
    for scored, record in items:
        epochs[scored.sample.sample_id] += 1
        samples.append(_inspect_sample(scored, record, epochs[scored.sample.sample_id], model))
    ids = [sample.sample_id for sample in loaded.samples]
    log = {
        "version": 2,
        "status": "success",
        "eval": {
            "run_id": records[0].run_id if records else "",
            "created": datetime.fromtimestamp(finished, UTC).isoformat(),
            "task": f"{loaded.benchmark}/{loaded.split}",
            "dataset": {"name": loaded.benchmark, "samples": len(ids), "sample_ids": ids},
            "model": model,
            "config": {"epochs": max(epochs.values(), default=1)},
            "metadata": {"revision": loaded.revision, "missing": list(loaded.missing)},
        },
        "results": {
            "total_samples": len(ids),
            "completed_samples": len(records),
            "scores": [_inspect_metrics("official", rows), _inspect_metrics("strict", rows)],
        },
        "samples": samples,
    }
    write_json(log, path)


def _inspect_sample(
    scored: Scored, record: Record | None, epoch: int, model: str
) -> dict[str, Any]:
    sample, text = scored.sample, scored.response.text if scored.response else ""
    out: dict[str, Any] = {
        "id": sample.sample_id,
        "epoch": epoch,
        "input": sample.question,
        "choices": list(sample.options) or None,
        "target": _target(sample),
        "messages": [
            {"role": "user", "content": _asked(sample)},
            {"role": "assistant", "content": text, "source": "generate", "model": model},
        ],
        "output": {
            "model": model,
            "choices": [{"message": {"role": "assistant", "content": text}, "stop_reason": "stop"}],
        },
        "scores": {
            name: {"value": judged.score, "answer": _answer(judged)}
            for name, judged in (("official", scored.official), ("strict", scored.strict))
            if judged.score is not None and judged.counted
        },
        "metadata": {**sample.axes, "video": sample.video},
    }
    if record is None:
        return out
    spent = record.spent
    out["model_usage"] = {
        model: {
            "input_tokens": spent.visual + spent.text_in,
            "output_tokens": spent.out,
            "total_tokens": spent.total,
            "input_tokens_cache_read": spent.cached,
        }
    }
    out["total_time"] = record.seconds.get("ask")
    out["metadata"] |= {
        "status": record.status,
        "budget": record.budget,
        "evidence": [cited.model_dump() for cited in record.evidence],
    }
    if record.error is not None:
        out["error"] = {"message": record.error, "traceback": "", "traceback_ansi": ""}
    return out


def _inspect_metrics(scorer: str, rows: Sequence[Row]) -> dict[str, Any]:
    numbers = {
        row.metric: row.official if scorer == "official" else row.strict
        for row in rows
        if row.part == "all"
    }
    metrics = {k: {"name": k, "value": v} for k, v in numbers.items() if v is not None}
    return {"name": scorer, "scorer": scorer, "metrics": metrics}


def _document(sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.sample_id,
        "video": sample.video,
        "question": sample.question,
        "options": list(sample.options),
        **sample.axes,
    }


def _asked(sample: Sample) -> str:
    lines = [f"{letter(i)}. {text}" for i, text in enumerate(sample.options)]
    return "\n".join([sample.question, *lines])


def _target(sample: Sample) -> str | list[str]:
    if isinstance(sample.answer, tuple):
        return [_word(item) for item in sample.answer]
    return "" if sample.answer is None else str(sample.answer)


def _word(item: str | Span) -> str:
    return f"{item.start:g} - {item.end:g}" if isinstance(item, Span) else item


def _plain(parsed: Parsed | None) -> Any:
    return [_word(item) for item in parsed] if isinstance(parsed, tuple) else parsed


def _answer(judged: Judgement) -> str | None:
    plain = _plain(judged.parsed)
    return None if plain is None else ", ".join(plain) if isinstance(plain, list) else str(plain)


def _score(judged: Judgement) -> Mapping[str, Any]:
    return {
        "score": judged.score,
        "counted": judged.counted,
        "parsed": _plain(judged.parsed),
        **judged.values,
    }
