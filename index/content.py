"""A video's id: a hash of its whole content, so that moved and copied files are recognised."""

import hashlib
import os
from pathlib import Path

from longtake.errors import MediaError

_CHUNK = 1 << 20


def content_id(path: Path) -> str:
    """BLAKE2b (16 bytes, 32 hex digits) over every byte of the file, read once.

    Raises:
        MediaError: if the file cannot be read, is no regular file, or changes while it is read.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        if not path.is_file():
            raise MediaError(f"not a file: {str(path)!r}")
        with path.open("rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            left = before.st_size  # a file that grows as fast as it is read would never end
            while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                digest.update(chunk)
                left -= len(chunk)
        after = path.stat()
    except OSError as exc:
        raise MediaError(f"cannot read {str(path)!r}: {exc.strerror or exc}") from exc
    identity = ("st_dev", "st_ino", "st_size", "st_mtime_ns")
    if any(getattr(before, name) != getattr(after, name) for name in identity):
        raise MediaError(f"{str(path)!r} changed while it was read; index it when it is complete")
    return digest.hexdigest()
