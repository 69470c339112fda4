"""Make the dictionaries that callers receive from records."""

from __future__ import annotations

from hashlib import md5
from typing import Any

from holdfast.extraction.facts import Skipped
from holdfast.records import MemoryRecord
from holdfast.results import AddedItem, MemoryItem, SkippedItem
from holdfast.timestamps import to_isoformat

_OPTIONAL_FIELDS = ("actor_id", "role", "attributed_to", "speaker", "expiration_date", "standing")
_MOST_SKIPPED_TEXT = 200  # characters


def memory_item(record: MemoryRecord) -> MemoryItem:
    """Return `record` in Mem0's shape; ids and attributes that are absent have no key."""
    item: dict[str, Any] = {
        "id": record.id,
        "memory": record.text,
        "hash": md5(record.text.encode(), usedforsecurity=False).hexdigest(),
        "metadata": dict(record.metadata) or None,
        "categories": list(record.categories),
        "created_at": to_isoformat(record.created_at),
        "updated_at": to_isoformat(record.updated_at),
        "recorded_at": to_isoformat(record.recorded_at),
        "memory_type": record.memory_type,
        **record.scope.ids(),
    }
    for name in _OPTIONAL_FIELDS:
        value = getattr(record, name)
        if value is not None:
            item[name] = value
    if record.immutable:
        item["immutable"] = True
    if record.facts is not None:
        item["facts"] = list(record.facts)
    return item  # type: ignore[return-value]


def added_item(record: MemoryRecord, event: str, *, previous: str | None = None) -> AddedItem:
    """Return one event of an add."""
    item: AddedItem = {"id": record.id, "memory": record.text, "event": event}
    if previous is not None:
        item["previous_memory"] = previous
    if record.actor_id is not None:
        item["actor_id"] = record.actor_id
    if record.role is not None:
        item["role"] = record.role
    if record.facts is not None:
        item["facts"] = list(record.facts)
    return item


def skipped_item(skipped: Skipped, *, memory_id: str | None = None) -> SkippedItem:
    """Return why something was not stored."""
    item: SkippedItem = {"reason": skipped.reason, "text": skipped.text[:_MOST_SKIPPED_TEXT]}
    if skipped.detail:
        item["detail"] = skipped.detail
    if skipped.rule:
        item["rule"] = skipped.rule
    if memory_id is not None:
        item["id"] = memory_id
    return item
