"""What of a memory is indexed: the text together with who said it and when, and the facts a kept turn told.

Speaker and date in the key are worth six points of recall to words and twenty to vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from holdfast.records import MemoryRecord
from holdfast.retrieval.query_intent import answers_in, question_labels
from holdfast.retrieval.tokenize import hash_terms, stem_words
from holdfast.scope import SCOPE_FIELDS
from holdfast.timestamps import to_datetime


def text_to_embed(record: MemoryRecord) -> str:
    """Return the text whose vector stands for `record`."""
    text = "\n".join((_said(record), *(record.facts or ())))
    # A turn was said on a day; a fact holds until something else is heard, and its text names the day if one matters.
    return f"{_day(record.created_at)} {text}" if record.memory_type == "episodic" and _dated(record) else text


def terms_to_index(record: MemoryRecord, *, slots: Sequence[str] = ()) -> NDArray[np.uint32]:
    """Return the hashed words `record` is found by; `slots` name the properties it speaks of (see `label_terms`)."""
    spoken = stem_words(_said(record))
    # Facts say again what was said: only the words they add are another way to the turn.
    added = sorted(set(stem_words("\n".join(record.facts))) - set(spoken)) if record.facts else ()
    asked = question_labels(record.text) if record.memory_type == "episodic" else ()
    names = (*slots, *answers_in(spoken), *asked)
    return hash_terms([*spoken, *added, *_day_words(_day(record.created_at)), *(f"\x00{name}" for name in names)])


def label_terms(slots: Sequence[str]) -> NDArray[np.uint32]:
    """Return the terms for what memories bear beside words: properties, kinds of answers, marks; no word equals one."""
    return hash_terms([f"\x00{slot}" for slot in slots])


def content_hash(record: MemoryRecord, *, occurrence: int = 0) -> bytes:
    """Return 16 bytes that two records share when one of them would be a duplicate.

    Facts are the same when their words are, letter case and white space aside. A turn is the same when it was also
    said by the same speaker, at the same time where one was given, and as often before in its add (`occurrence`).
    A document is only ever the same as itself.
    """
    parts = [getattr(record.scope, field) for field in SCOPE_FIELDS]
    if record.memory_type == "document":
        parts += [record.memory_type, record.id]
    elif record.memory_type == "episodic":
        said = str(record.created_at) if _dated(record) else None
        parts += [record.text, record.role, record.speaker, record.actor_id, said, str(occurrence)]
    else:
        parts += [" ".join(record.text.casefold().split())]
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = b"" if part is None else part.encode()
        digest.update(b"\x00" if part is None else len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.digest()


def _said(record: MemoryRecord) -> str:
    return f"{record.speaker}: {record.text}" if record.speaker else record.text


def _dated(record: MemoryRecord) -> bool:
    """Return whether the caller said when it happened; otherwise it is the moment we heard of it."""
    return record.created_at != record.recorded_at


@lru_cache(maxsize=1024)
def _day_words(day: str) -> tuple[str, ...]:
    return tuple(stem_words(day))


def _day(microseconds: int) -> str:
    moment = to_datetime(microseconds)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
