"""Messages as OpenAI's chat completions write them, pictures included.

vLLM keeps the pictures it has got under a name that comes with them (`uuid`). A picture that it got
a moment ago is named only, which saves sending, decoding and preparing it again; when it does not
have it any more, it refuses the call and is sent the bytes.
"""

import base64
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from longtake.tools.vlm.messages import Frames, Message, Picture, Text, laid_out

_ENCODED = 256
"""Pictures kept in base64."""
_NAMED = 256
"""Pictures taken to be known to a server; vLLM's own cache holds some hundred at 640x360."""
_MOST_MISSES = 3
"""Refusals after which a server is always sent bytes: it keeps too little, or has replicas."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Messages for the wire."""

    messages: list[dict[str, Any]]
    names: frozenset[str]
    """Of all pictures in them."""
    left_out: bool
    """Some are only named."""


class Wire:
    """Writes messages for one server.

    Args:
        as_video: send frames as one video.
        detail: OpenAI's `detail` of pictures.
        names_pictures: the server is a vLLM.
    """

    def __init__(self, *, as_video: bool, detail: str | None, names_pictures: bool) -> None:
        self._as_video = as_video
        self._detail = detail
        self._names = names_pictures
        self._encoded: OrderedDict[str, str] = OrderedDict()
        self._had: OrderedDict[str, None] = OrderedDict()
        self._misses = 0

    def write(self, messages: Sequence[Message], *, whole: bool) -> Written:
        """The messages; pictures that the server had before are named only, unless `whole`."""
        names: set[str] = set()
        left_out = False

        def part_of(part: Text | Picture | Frames) -> dict[str, Any]:
            nonlocal left_out
            if isinstance(part, Text):
                return {"type": "text", "text": part.text}
            kind = "image_url" if isinstance(part, Picture) else "video_url"
            if not self._names:
                return {"type": kind, kind: self._bytes(part)}
            name = _name(part)
            names.add(name)
            known = name in self._had and not whole
            left_out = left_out or known
            return {"type": kind, kind: None if known else self._bytes(part), "uuid": name}

        written = []
        for message in messages:
            parts = laid_out(message.parts, as_video=self._as_video)
            content: str | list[dict[str, Any]]
            if all(isinstance(part, Text) for part in parts):
                # a plain string: several servers' templates take nothing else for text alone
                content = "\n".join(part.text for part in parts if isinstance(part, Text))
            else:
                content = [part_of(part) for part in parts]
            written.append({"role": message.role, "content": content})
        return Written(messages=written, names=frozenset(names), left_out=left_out)

    def arrived(self, written: Written) -> None:
        """The server took the messages and has their pictures now."""
        if self._misses >= _MOST_MISSES:
            return
        for name in written.names:
            self._had[name] = None
            self._had.move_to_end(name)
        while len(self._had) > _NAMED:
            self._had.popitem(last=False)

    def missed(self) -> None:
        """The server refused messages with named pictures: it may have been started anew."""
        self._had.clear()
        self._misses += 1
        log.info("pictures are sent again: the server does not have them any more")

    def _bytes(self, part: Picture | Frames) -> dict[str, str]:
        if isinstance(part, Frames):
            frames = ",".join(self._base64(picture) for picture in part.pictures)
            return {"url": f"data:video/jpeg;base64,{frames}"}
        image = {"url": f"data:image/jpeg;base64,{self._base64(part)}"}
        if self._detail is not None:
            image["detail"] = self._detail
        return image

    def _base64(self, picture: Picture) -> str:
        known = self._encoded.get(picture.key)
        if known is None:
            known = base64.b64encode(picture.jpeg).decode()
            self._encoded[picture.key] = known
        self._encoded.move_to_end(picture.key)
        while len(self._encoded) > _ENCODED:
            self._encoded.popitem(last=False)
        return known


def _name(part: Picture | Frames) -> str:
    """By content, so that no other client's picture can have the same name."""
    if isinstance(part, Picture):
        return part.digest
    digests = " ".join(picture.digest for picture in part.pictures)
    return hashlib.sha256(digests.encode()).hexdigest()
