"""Every error longtake raises on purpose.

LongtakeError                    anything a user or caller can act on (CLI: one line, exit code 1)
├── UsageError                   the request itself is wrong: unknown name, bad value
├── MediaError                   a file cannot be read as media
├── WeightsError                 a model's files
│   ├── WeightsMissing           are nowhere to be found (the lane is skipped, not failed)
│   └── WeightsCorrupt           are there, but are not what they should be
├── EngineError                  a model or engine failed while running
├── LibraryError                 the library on disk
│   ├── LibraryMissing           is not there
│   ├── LibraryLocked            is being written by another process
│   ├── LibraryTooNew            was written by a newer longtake
│   └── LibraryCorrupt           contradicts itself; see `longtake check --repair`
├── VlmError                     a model that sees
│   ├── VlmUnavailable           cannot be reached, or keeps failing
│   ├── RequestRefused           refuses this request: too long, bad image, unknown model
│   └── ReplyLost                may have been billed, but its reply was cut off
└── BudgetExceeded               a model call does not fit in what is left of the token budget
"""


class LongtakeError(Exception):
    """Root of the family. The message says what happened, with which value, and what to do."""


class UsageError(LongtakeError):
    """The request cannot be met as stated; the message lists what could be asked for instead."""


class MediaError(LongtakeError):
    """A file is not media, is damaged beyond use, or vanished while it was read."""


class WeightsError(LongtakeError):
    """A model's files are missing or unusable."""


class WeightsMissing(WeightsError):
    """No weights under that name in any of the places longtake looks."""


class WeightsCorrupt(WeightsError):
    """Weights were found but do not have the expected hash, format or dimension."""


class EngineError(LongtakeError):
    """An engine (decoder, recogniser, encoder) failed while running."""


class LibraryError(LongtakeError):
    """Something about the library folder."""


class LibraryMissing(LibraryError):
    """There is no library in that folder."""


class LibraryLocked(LibraryError):
    """Another process is writing; the message names its owner."""


class LibraryTooNew(LibraryError):
    """The database was written by a newer version of longtake."""


class LibraryCorrupt(LibraryError):
    """Database and files disagree in a way that reading cannot paper over."""


class VlmError(LongtakeError):
    """A call to a vision-language model failed."""


class VlmUnavailable(VlmError):
    """The model's server cannot be reached or keeps failing; nothing was billed."""


class RequestRefused(VlmError):
    """The model's server refuses the request as it is; nothing was billed."""


class ReplyLost(VlmError):
    """The connection broke or time ran out after the request was sent: it may have been billed."""


class BudgetExceeded(LongtakeError):
    """A reservation does not fit: `needed` tokens were asked for, `left` of `limit` remain."""

    def __init__(self, *, needed: int, left: int, limit: int) -> None:
        super().__init__(f"needs {needed} tokens, {left} of {limit} left in the budget")
        self.needed = needed
        self.left = left
        self.limit = limit
