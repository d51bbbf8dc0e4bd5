"""Which recognised segments are invented.

Whisper writes fluent text over silence, noise and music. What it wrote is taken phrase by phrase;
one is dropped by the first rule that holds, and counted in the stage's statistics as
`dropped_<rule>`.

silence       four fifths of its time lie below the level at which anything is heard.
no_speech     its window is judged empty with probability > 0.6 and was decoded with a mean log
              probability < -1 (both thresholds: Radford et al. 2022, section 4.5).
loop          its text compresses more than 2.4 times (the same paper's threshold); or a phrase of
              at most eight words comes five times or more in a row and makes up half of it; or the
              same phrase comes four times in a row in one window and nobody is heard to speak.
              A window whose whole text is a loop is tried again in halves before it is dropped.
speed         three or more words, and more than 12 words and 60 letters a second.
phantom       it has no letter or digit; or nobody is heard to speak and it is one of the phrases
              that Whisper is known to put there: credits and farewells of its training videos.
unsure        decoded with a mean log probability < -1 and a mean word probability < 0.5; the
              reference decoder throws such a decoding away as failed.
sound_unsure  in a stretch of sound without speech (singing is such sound), its window is judged
              empty with probability > 0.9 or its mean word probability is < 0.45. Measured: sung
              lyrics have 0.6 to 0.87 and mostly > 0.6; noise and instruments > 0.9, or loops.

"Nobody is heard to speak" means a mean probability of speech < 0.3 over the segment's time.
"""

import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from longtake.index.lanes import Recognised
from longtake.index.stretches import QUIET_DBFS
from longtake.index.windows import Window, hops_of

Rule = Literal["silence", "no_speech", "loop", "speed", "phantom", "unsure", "sound_unsure"]
RULES: tuple[Rule, ...] = get_args(Rule)

_NO_SPEECH, _LOG_PROBABILITY, _COMPRESSION = 0.6, -1.0, 2.4
_SPEECH_HEARD = 0.3

_PHANTOMS = re.compile(
    r"(?:"
    r"(?:subtitles?|captions?|captioning|transcription|transcribed|translated|translation"
    r"|untertitel\w*|sous titres?|sous titrage|subtitulos|legendas?) .*"
    r"|.*\b(?:amara org|subs? by|zeoranger|otter ai|esoftner)\b.*"
    r"|(?:thanks?|thank you)(?: (?:so|very) much)?(?: (?:all|everyone|everybody|guys))?"
    r"(?: for (?:watching|listening|viewing|joining|sharing)(?: .*)?)?"
    r"|(?:please )?(?:do not forget to |don t forget to )?(?:like and )?subscribe\b.*"
    r"|(?:(?:i ll )?see you (?:all )?(?:in the |)(?:next|later|soon|again|guys|tomorrow)\b.*)"
    r"|you|bye|bye bye|okay bye|the end|okay|oh|music|applause|silence|laughter|foreign"
    r")"
)


def judge(passage: Recognised, window: Window, *, repeated: bool = False) -> Rule | None:
    """The rule that drops a passage, None to keep it.

    Args:
        passage: with times from the start of its window.
        window: where it was heard.
        repeated: it is one of several equal passages in a row.
    """
    hops = hops_of(passage.start, passage.end, len(window.loudness))
    unspoken = bool(np.mean(window.speech[hops]) < _SPEECH_HEARD)
    empty = passage.no_speech_probability
    failed = passage.log_probability < _LOG_PROBABILITY
    verdicts: dict[Rule, bool] = {
        "silence": bool(np.mean(window.loudness[hops] <= QUIET_DBFS) >= 0.8),
        "no_speech": empty > _NO_SPEECH and failed,
        "loop": is_loop(passage.text) or (repeated and unspoken),
        "speed": is_too_fast(passage.text, passage.end - passage.start),
        "phantom": not plain(passage.text) or (unspoken and is_phantom(passage.text)),
        "unsure": failed and passage.confidence < 0.5,
        "sound_unsure": window.kind == "sound" and (empty > 0.9 or passage.confidence < 0.45),
    }
    return next((rule for rule, holds in verdicts.items() if holds), None)


def is_loop(text: str) -> bool:
    """The text repeats itself as a stuck decoder does."""
    raw = text.encode()
    if len(raw) / len(zlib.compress(raw)) > _COMPRESSION:
        return True
    words = plain(text).split()
    return any(
        times >= 5 and times * size * 2 >= len(words)
        for size in range(1, min(8, len(words) // 5) + 1)
        for times in [_longest_run(words, size)]
    )


def is_too_fast(text: str, duration: float) -> bool:
    """More words than can be said in `duration` seconds."""
    words = text.split()
    return len(words) >= 3 and len(words) > 12 * duration and len(text) > 60 * duration


def is_phantom(text: str) -> bool:
    """All of the text is a phrase that Whisper is known to invent."""
    return bool(_PHANTOMS.fullmatch(plain(text)))


def repeated(texts: Sequence[str], times: int = 4) -> set[int]:
    """Positions of texts that come at least `times` times in a row, case and punctuation aside."""
    found: set[int] = set()
    first = 0
    keys = [plain(text) for text in texts]
    for at in range(1, len(keys) + 1):
        if at == len(keys) or keys[at] != keys[first]:
            if at - first >= times:
                found.update(range(first, at))
            first = at
    return found


def plain(text: str) -> str:
    """Lower case letters and digits, without accents, single spaces between words."""
    letters = unicodedata.normalize("NFKD", text.lower())
    kept = "".join(c for c in letters if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w]+|_", " ", kept).split())


def _longest_run(words: list[str], size: int) -> int:
    """How many times in a row the most repeated phrase of `size` words comes."""
    best = run = 0
    for at in range(size, len(words)):
        run = run + 1 if words[at] == words[at - size] else 0
        best = max(best, run)
    return best // size + 1
