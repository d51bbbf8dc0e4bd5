"""Where in a long quote the answer is said."""

from collections.abc import Sequence
from itertools import pairwise

from longtake.index.lanes import Segment, Word
from longtake.tools.query import coverage, terms

NEAR_S = 3.0
"""A clause that begins this soon after its sentence is not worth a moment of its own."""
_CLAUSE_END = (",", ";", ":", ".", "!", "?")


def moment_start(segment: Segment, question: str) -> float:
    """Second at which to start looking: the clause of the segment that speaks of most of what is
    asked, or the segment's own start when that is near or no clause stands out."""
    wanted = terms(question)
    clauses = _clauses(segment.words)
    if not wanted or len(clauses) < 2:
        return segment.start
    shares = [coverage(wanted, " ".join(word.text for word in clause)) for clause in clauses]
    best = max(shares)
    if best <= shares[0]:
        return segment.start
    start = clauses[shares.index(best)][0].start
    return start if start - segment.start > NEAR_S else segment.start


def _clauses(words: Sequence[Word]) -> list[list[Word]]:
    clauses: list[list[Word]] = [[]]
    for word, after in pairwise([*words, None]):
        assert word is not None
        clauses[-1].append(word)
        if after is not None and word.text.endswith(_CLAUSE_END):
            clauses.append([])
    return [clause for clause in clauses if clause]
