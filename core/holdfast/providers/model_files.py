"""Digests of model files, by which copies of a model are equal and different models are not."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

_SAMPLE_COUNT = 64
_SAMPLE_BYTES = 4096


def digest(*parts: bytes) -> str:
    """Return 16 hexadecimal digits that differ when one of `parts` does.

    >>> digest(b"a", b"bc") == digest(b"ab", b"c")
    False
    """
    result = blake2b(digest_size=8)
    for part in parts:
        result.update(len(part).to_bytes(8, "little") + part)
    return result.hexdigest()


def samples_of(path: Path) -> Iterator[bytes]:
    """Yield the size of a file and samples of its content.

    Samples suffice: weights may take gigabytes, but training changes all of them, so two models differ in nearly every
    sample.
    """
    size = path.stat().st_size
    yield size.to_bytes(8, "little")
    with path.open("rb") as file:
        for number in range(_SAMPLE_COUNT):
            file.seek(size * number // _SAMPLE_COUNT)
            yield file.read(_SAMPLE_BYTES)
