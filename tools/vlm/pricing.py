"""What a request costs at most, before it is sent; and what reports teach about that."""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from longtake.tools.vlm.families import (
    family_named,
    family_of,
    family_of_processor,
    unknown_family,
)
from longtake.tools.vlm.messages import Frames, Picture, Price, Request, Usage, laid_out
from longtake.tools.vlm.text_tokens import BoundCounter, TextCounter, TokenizerCounter, text_bytes
from longtake.tools.vlm.tokens import Family, Layout

STEP = 1.02
"""A price that was too low is raised by this much more than it was off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A report that a price does not agree with."""

    planned: int
    """Tokens in, as priced."""
    reported: int
    factor: float
    """By which prices are multiplied from now on."""

    def __str__(self) -> str:
        return (
            f"{self.reported} tokens in were reported where {self.planned} were priced; prices are "
            f"multiplied by {self.factor:.3f} from now on"
        )


class Pricer:
    """Prices requests of one model and learns from its reports.

    Attributes:
        family: how pictures are counted.
        as_video: frames go as one video.
        exact: prices are what the model's own processor counts.
    """

    def __init__(
        self, family: Family, counter: TextCounter, *, as_video: bool, exact: bool
    ) -> None:
        self.family = family
        self.as_video = as_video
        self.exact = exact
        self._counter = counter
        self._factor = 1.0

    @classmethod
    def for_model(
        cls,
        name: str,
        *,
        family: str | None = None,
        processor: Path | None = None,
        as_video: bool = False,
    ) -> "Pricer":
        """The pricer of a model: exact with the folder of its processor, else a bound.

        Args:
            name: as hubs, servers and vendors write it.
            family: overrides what the name says.
            processor: folder in hub format with the model's processor, tokenizer and chat template.

        Raises:
            UsageError: no such family, or a processor whose arithmetic is not known.
        """
        if processor is not None and family is None:
            found = family_of_processor(processor)
            counter: TextCounter = TokenizerCounter(processor)
            exact = found.video_exact or not as_video
            return cls(found, counter, as_video=as_video, exact=exact)
        chosen = family_named(family) if family is not None else family_of(name)
        counter = TokenizerCounter(processor) if processor is not None else BoundCounter()
        return cls(chosen or unknown_family(), counter, as_video=as_video, exact=False)

    def price(self, request: Request) -> Price:
        """Tokens that the request costs at most."""
        shown = [
            part
            for message in request.messages
            for part in laid_out(message.parts, as_video=self.as_video)
            if isinstance(part, Picture | Frames)
        ]
        if self._counter.exact:
            layouts = [self._layout(part) for part in shown]
            visual = sum(layout.tokens for layout in layouts)
            words = [layout.words for layout in layouts]
        else:
            visual, words = sum(self._bound(part) for part in shown), []
        text = self._counter.count(request.messages, as_video=self.as_video, words=words)
        if not self._counter.exact and request.schema is not None:
            # providers may bill the schema as part of the prompt
            text += _schema_bytes(request.schema) // 2
        return Price(
            visual=math.ceil(visual * self._factor),
            text=math.ceil(text * self._factor),
            output=request.max_tokens,
            exact=self.exact and self._factor == 1.0,
        )

    def learn(self, request: Request, price: Price, usage: Usage) -> Mismatch | None:
        """Take a report into account: bounds come down to what was reported, with a margin; prices
        that were too low go up at once.

        Returns:
            What did not agree: a report above the price, or any other than an exact price.
        """
        if not self._counter.exact:
            size = text_bytes(request.messages, as_video=self.as_video)
            self._counter.learn(size, usage.input - price.visual)
        if usage.input > price.input:
            self._factor *= usage.input / price.input * STEP
        elif not (price.exact and usage.input != price.input):
            return None
        return Mismatch(planned=price.input, reported=usage.input, factor=self._factor)

    def _bound(self, part: Picture | Frames) -> int:
        """Tokens at most, words that the processor writes included."""
        if isinstance(part, Picture):
            return self.family.image_tokens(part.width, part.height)
        first = part.pictures[0]
        return self.family.video_tokens(len(part.pictures), first.width, first.height)

    def _layout(self, part: Picture | Frames) -> Layout:
        if isinstance(part, Picture):
            return self.family.image_layout(part.width, part.height)
        first = part.pictures[0]
        times = [picture.time for picture in part.pictures]
        return self.family.video_layout(times, first.width, first.height)


@cache
def _schema_bytes(schema: type[BaseModel]) -> int:
    return len(str(schema.model_json_schema()).encode())
