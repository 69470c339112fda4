"""Convert an item of a LangGraph store to documents of a memory and back.

The first document of an item holds its value and its first indexed text. Each further indexed text has a separate
document, so that the score of an item is the score of its best text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid5

from langgraph.store.base import Item, SearchItem, get_text_at_path, tokenize_path

from holdfast import Document, InvalidInput
from holdfast_langgraph.namespaces import Namespace, to_path

MOST_TEXTS = 16
"""The maximum number of texts of one item with a vector each; further texts share the last vector."""

MOST_CHARACTERS = 20_000
"""The number of characters of a text that are indexed, more than embedding models read. The value is stored whole."""

FIELD = "langgraph"
"""The metadata key that holds the item."""

EXPIRES = "expires_at"
"""The metadata key that holds the time at which an item expires."""

WHOLE = "$"
"""The path of the whole value."""

_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
_STORE = UUID("5b0d7ad1-6d0f-4c3c-9d5c-2f4d6d1f6a11")


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as read from the memory.

    Attributes:
        id: The id of its first document.
        item: The item in LangGraph's form.
        ttl: Minutes until it expires after it was last written or refreshed, `None` for never.
        expires_at: The time at which it expires, `None` for never.
        texts: The number of its documents.
    """

    id: str
    item: Item
    ttl: float | None
    expires_at: datetime | None
    texts: int

    def is_expired(self) -> bool:
        """Return whether the item has expired."""
        return self.expires_at is not None and self.expires_at <= now()

    def to_search_item(self, score: float | None) -> SearchItem:
        """Return the item in the form of a search result."""
        one = self.item
        return SearchItem(
            namespace=one.namespace,
            key=one.key,
            value=one.value,
            created_at=one.created_at,
            updated_at=one.updated_at,
            score=score,
        )


def filters_for_scope(scope: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the filters that match the documents of exactly `scope`, and not those of a narrower scope within it."""
    return [{"memory_type": "document"}, {"NOT": [{field: "*"} for field in _SCOPE_FIELDS if field not in scope]}]


def make_document_ids(scope: Mapping[str, str], namespace: Namespace, key: str) -> list[str]:
    """Return the ids of all documents an item can have; the first is the id of the item."""
    address = json.dumps([sorted(scope.items()), list(namespace), key])
    return [str(uuid5(_STORE, f"{place}{address}")) for place in range(MOST_TEXTS)]


def to_documents(
    ids: Sequence[str], item: Item, texts: Sequence[str], *, ttl: float | None, expires_at: str | None
) -> list[Document]:
    """Return the documents of an item: one for each text, and at least one."""
    path = to_path(item.namespace)
    first = {
        "item": ids[0],
        "place": 0,
        "namespace": list(item.namespace),
        "key": item.key,
        "value": item.value,
        "indexed": bool(texts),
        "texts": max(len(texts), 1),
        "updated_at": item.updated_at.isoformat(),
        "ttl": ttl,
    }
    others = ({"item": ids[0], "place": place, "indexed": True} for place in range(1, len(texts)))
    contents = texts or [f"{'/'.join(item.namespace)}/{item.key}"]
    expiry = {} if expires_at is None else {EXPIRES: expires_at}
    return [
        {"memory_id": memory_id, "text": text, "actor_id": path, "metadata": {FIELD: fields, **expiry}}
        for memory_id, text, fields in zip(ids, contents, (first, *others), strict=False)
    ]


def to_stored_item(memory: Mapping[str, Any]) -> StoredItem:
    """Return the item whose first document is `memory`."""
    fields, expiry = get_fields(memory), memory["metadata"].get(EXPIRES)
    created_at = datetime.fromisoformat(memory["created_at"])
    item = Item(
        value=fields["value"],
        key=fields["key"],
        namespace=tuple(fields["namespace"]),
        created_at=created_at,
        # The memory's own `updated_at` also changes when a read extends the item's lifetime.
        updated_at=max(created_at, datetime.fromisoformat(fields["updated_at"])),
    )
    expires_at = None if expiry is None else datetime.fromisoformat(expiry)
    return StoredItem(memory["id"], item, fields["ttl"], expires_at, fields["texts"])


def get_fields(memory: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document of an item holds about the item."""
    fields: dict[str, Any] = memory["metadata"][FIELD]
    return fields


def extract_texts(value: Mapping[str, Any], paths: Sequence[str]) -> list[str]:
    """Return the texts of a value to index: the texts at each of `paths`."""
    found = (text for path in paths for text in _get_texts_at(value, path))
    texts = [text[:MOST_CHARACTERS] for text in found if text.strip()]
    rest = "\n".join(texts[MOST_TEXTS - 1 :])[:MOST_CHARACTERS]
    return [*texts[: MOST_TEXTS - 1], rest] if len(texts) > MOST_TEXTS else texts


def expiry_time(ttl: float | None) -> str | None:
    """Return the time `ttl` minutes from now as ISO-8601 text, `None` for never.

    Raises:
        InvalidInput: `ttl` is not a number, or the time is beyond the calendar.
    """
    if ttl is None:
        return None
    try:
        return (now() + timedelta(minutes=max(ttl, 0))).isoformat()
    except (OverflowError, TypeError, ValueError) as error:
        raise InvalidInput(f"ttl is {ttl!r}: give the minutes until an item expires, or None for never") from error


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(timezone.utc)


def _get_texts_at(value: Mapping[str, Any], path: str) -> list[str]:
    if path != WHOLE:
        return get_text_at_path(value, tokenize_path(path))
    leaves = [(name, text) for name, text in _leaves(value) if text]
    if len(leaves) == 1:
        return [leaves[0][1]]
    return ["; ".join(f"{name}: {text}" for name, text in leaves)]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every scalar of a value as text, with the names of the keys that lead to it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name} {key}".strip())
    elif isinstance(value, (list, tuple)):
        yield name, ", ".join(text for inner in value for _, text in _leaves(inner))
    elif value is not None:
        yield name, str(value)
