"""What of a memory is indexed: its text with the speaker and the date, and the facts extracted from a kept turn.

Indexing speaker and date with the text is worth 6 points of recall@10 to keywords and 20 to vectors (LoCoMo).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from holdfast.extraction import rules
from holdfast.records import MemoryRecord
from holdfast.retrieval.query_intent import question_labels
from holdfast.retrieval.tokenize import hash_terms, stem_words
from holdfast.scope import SCOPE_FIELDS
from holdfast.timestamps import to_datetime


def text_to_embed(record: MemoryRecord) -> str:
    """Return the text that is embedded for `record`.

    A turn gets the day on which it was said. A fact does not: it holds until something else is heard, and names the day
    itself if one matters.

    >>> from holdfast.scope import Scope
    >>> turn = MemoryRecord(
    ...     id="1", text="I moved to Lisbon", scope=Scope(user_id="ana"), created_at=0, updated_at=0, recorded_at=1,
    ...     speaker="Ana", memory_type="episodic",
    ... )
    >>> text_to_embed(turn)
    '1 January 1970 Ana: I moved to Lisbon'
    """
    text = "\n".join((_text_with_speaker(record), *(record.facts or ())))
    return f"{_day(record.created_at)} {text}" if record.memory_type == "episodic" and _has_date(record) else text


def terms_to_index(record: MemoryRecord, *, labels: Sequence[str] = ()) -> NDArray[np.uint32]:
    """Return the hashed terms by which `record` is found; `labels` are further ones (see `label_terms`)."""
    words = stem_words(_text_with_speaker(record))
    # Facts repeat what the turn says; only the words they add lead to it in another way.
    added = sorted(set(stem_words("\n".join(record.facts))) - set(words)) if record.facts else ()
    questions = question_labels(record.text) if record.memory_type == "episodic" else ()
    every_label = (*labels, *rules.answers_in(words), *questions)
    return hash_terms([*words, *added, *_day_words(_day(record.created_at)), *map(_label_term, every_label)])


def label_terms(labels: Sequence[str]) -> NDArray[np.uint32]:
    """Return the hashed terms of labels: what memories are found by besides words.

    Labels are attributes such as `"/home"`, kinds of answers, questions, and `"document"`. No word has the same term.
    """
    return hash_terms(map(_label_term, labels))


def content_hash(record: MemoryRecord, *, occurrence: int = 0) -> bytes:
    """Return 16 bytes that are the same for duplicates within a scope, and different for all else.

    Facts are duplicates when their words are equal, apart from letter case and white space. Turns are duplicates when
    also the speaker is the same, the time if one was given, and `occurrence`: how often the same turn came before in
    the same `add`. A document is a duplicate of itself only.
    """
    parts = [getattr(record.scope, field) for field in SCOPE_FIELDS]
    if record.memory_type == "document":
        parts += [record.memory_type, record.id]
    elif record.memory_type == "episodic":
        said_at = str(record.created_at) if _has_date(record) else None
        parts += [record.text, record.role, record.speaker, record.actor_id, said_at, str(occurrence)]
    else:
        parts += [" ".join(record.text.casefold().split())]
    digest = blake2b(digest_size=16)
    for part in parts:
        # The length first, so that ("ab", "c") and ("a", "bc") differ; a single zero byte for None.
        encoded = b"" if part is None else part.encode()
        digest.update(b"\x00" if part is None else len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.digest()


def _text_with_speaker(record: MemoryRecord) -> str:
    return f"{record.speaker}: {record.text}" if record.speaker else record.text


def _has_date(record: MemoryRecord) -> bool:
    """Return whether the caller gave the time it happened; otherwise that is the time it was recorded."""
    return record.created_at != record.recorded_at


def _label_term(label: str) -> str:
    return f"\x00{label}"  # no text contains NUL (see `check_storable`), so no word does


@lru_cache(maxsize=1024)  # memories of one import share their days
def _day_words(day: str) -> tuple[str, ...]:
    return tuple(stem_words(day))


def _day(microseconds: int) -> str:
    moment = to_datetime(microseconds)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


# Not `strftime`: its names of months depend on the locale, and so would the vectors.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
