"""How a record becomes a row of the file and back, and the checksums that detect damage.

SQLite does not notice a flipped bit inside a row. Each row has a CRC-32, so what is damaged is never returned.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np

from holdfast.errors import StorageError
from holdfast.protocols import Json
from holdfast.records import MemoryRecord
from holdfast.scope import SCOPE_FIELDS, Scope
from holdfast.stores.protocol import IndexEntry

SqlValue = str | int | float | bytes | None

COLUMNS = (
    "id, text, user_id, agent_id, run_id, app_id, actor_id, role, attributed_to, speaker, memory_type, "
    "metadata, categories, created_at, updated_at, recorded_at, expiration_date, immutable, facts, "
    "standing"
)
"""The columns of a record, in the order of `to_row`; every query selects `checksum` after them."""

COLUMN_COUNT = COLUMNS.count(",") + 1
_FIRST_COLUMN_COUNT = COLUMNS[: COLUMNS.index(", facts")].count(",") + 1  # of the first schema


def to_row(record: MemoryRecord) -> tuple[SqlValue, ...]:
    """Return the values of `COLUMNS` for `record`."""
    scope = record.scope
    return (
        record.id,
        record.text,
        scope.user_id,
        scope.agent_id,
        scope.run_id,
        scope.app_id,
        record.actor_id,
        record.role,
        record.attributed_to,
        record.speaker,
        record.memory_type,
        to_json(record.metadata) if record.metadata else "{}",
        to_json(record.categories) if record.categories else "[]",
        record.created_at,
        record.updated_at,
        record.recorded_at,
        record.expiration_date,
        int(record.immutable),
        None if record.facts is None else to_json(record.facts),
        record.standing,
    )


def from_row(row: Sequence[Any]) -> MemoryRecord:
    """Return the record of a row of `COLUMNS` and checksum.

    Raises:
        StorageError: The checksum does not match.
    """
    values = row[:COLUMN_COUNT]
    if record_checksum(values) != row[COLUMN_COUNT]:
        raise damage_error(f"memory {row[0]}")
    return MemoryRecord(
        id=values[0],
        text=values[1],
        scope=Scope(values[2], values[3], values[4], values[5]),
        actor_id=values[6],
        role=values[7],
        attributed_to=values[8],
        speaker=values[9],
        memory_type=values[10],
        metadata={} if values[11] == "{}" else json.loads(values[11]),
        categories=() if values[12] == "[]" else tuple(json.loads(values[12])),
        created_at=values[13],
        updated_at=values[14],
        recorded_at=values[15],
        expiration_date=values[16],
        immutable=bool(values[17]),
        facts=None if values[18] is None else tuple(json.loads(values[18])),
        standing=values[19],
    )


def to_blobs(entry: IndexEntry) -> tuple[bytes, bytes]:
    """Return the vector and the terms of `entry` as the file stores them, little-endian."""
    return np.asarray(entry.vector, "<f4").tobytes(), np.asarray(entry.terms, "<u4").tobytes()


def damage_error(what: str) -> StorageError:
    """Return the error for `what` not being as it was written."""
    return StorageError(
        f"{what} is damaged: its checksum does not match."
        " `holdfast doctor --repair` repairs it or sets it aside; a backup has it undamaged"
    )


def to_document(record: MemoryRecord) -> str:
    """Return all of `record` as JSON text, the form in which the history keeps earlier states."""
    return to_json(asdict(record))


def from_document(document: str) -> MemoryRecord:
    """Return the record that `to_document` wrote."""
    values = json.loads(document)
    values["scope"] = Scope(**values["scope"])
    values["categories"] = tuple(values["categories"])
    if values.get("facts") is not None:
        values["facts"] = tuple(values["facts"])
    return MemoryRecord(**values)


def checksum(values: Sequence[SqlValue]) -> int:
    """Return the CRC-32 of a row's values; `None` differs from an empty text.

    >>> checksum(("tea", None, 1)) == checksum(("tea", "", 1))
    False
    """
    # `ascii` writes texts and whole numbers the same in every version of Python and Unicode, in one fast call.
    return zlib.crc32(ascii(tuple(values)).encode())


def record_checksum(values: Sequence[SqlValue]) -> int:
    """Return the CRC-32 of the values of `COLUMNS`.

    Trailing columns added by later schemas count only if they hold something, so rows written before stay valid.
    """
    count = COLUMN_COUNT
    while count > _FIRST_COLUMN_COUNT and values[count - 1] is None:
        count -= 1
    return checksum(values[:count])


def vector_checksum(vector: object, terms: object) -> int:
    """Return the CRC-32 of a vector and its terms; -1, never a CRC, when damage has left something else than blobs."""
    if not isinstance(vector, bytes) or not isinstance(terms, bytes):
        return -1
    return zlib.crc32(terms, zlib.crc32(vector))


def is_usable_vector(vector: object, terms: object, width: int | None) -> bool:
    """Return whether a vector has `width` bytes (`None`: any) of finite numbers, and terms are whole numbers.

    >>> is_usable_vector(bytes(8), bytes(4), 8), is_usable_vector(bytes(8), bytes(3), 8)
    (True, False)
    """
    if not isinstance(vector, bytes) or not isinstance(terms, bytes) or len(vector) % 4 or len(terms) % 4:
        return False
    return width in (None, len(vector)) and bool(np.isfinite(np.frombuffer(vector, "<f4")).all())


@lru_cache(maxsize=1024)  # the scopes of the conversations in progress
def scope_key(scope: Scope) -> bytes:
    """Return 16 bytes that identify exactly this combination of ids."""
    ids = [getattr(scope, field) for field in SCOPE_FIELDS]
    return blake2b(to_json(ids).encode(), digest_size=16).digest()


def to_json(value: Json | Mapping[str, Any] | Sequence[Any]) -> str:
    """Return compact JSON text that keeps characters outside ASCII.

    >>> to_json({"city": "Zürich"})
    '{"city":"Zürich"}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
