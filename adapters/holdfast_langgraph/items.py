"""An item of a LangGraph store as documents of a memory, and back.

The first document of an item carries its value and the first of its texts; where several fields are indexed, each
further text has a document of its own, so that the best of them decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid5

from langgraph.store.base import Item, SearchItem, get_text_at_path, tokenize_path

from holdfast import InvalidInput
from holdfast_langgraph.namespaces import Namespace, path_of

MOST_TEXTS = 16
"""Most texts of one item with a vector each; what follows shares the last one."""

MOST_CHARACTERS = 20_000
"""Most characters of a text that are indexed: more than embedding models read. The value is kept whole."""

FIELD = "langgraph"
"""The metadata key under which an item is kept."""

EXPIRES = "expires_at"
"""The metadata key of the moment from which an item is gone."""

WHOLE = "$"
"""The path of the whole value."""

_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
_STORE = UUID("5b0d7ad1-6d0f-4c3c-9d5c-2f4d6d1f6a11")


@dataclass(frozen=True, slots=True)
class Kept:
    """An item as the memory has it.

    Attributes:
        id: Of its first document.
        ttl: Minutes it lives after it was last touched, `None` for ever.
        texts: How many documents it has.
    """

    id: str
    item: Item
    ttl: float | None
    expires_at: datetime | None
    texts: int

    def is_expired(self) -> bool:
        """Return whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now()

    def scored(self, score: float | None) -> SearchItem:
        """Return the item as a search shows it."""
        one = self.item
        return SearchItem(
            namespace=one.namespace,
            key=one.key,
            value=one.value,
            created_at=one.created_at,
            updated_at=one.updated_at,
            score=score,
        )


def all_of_scope(scope: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the filters for the documents of exactly `scope`, not of narrower ones within it."""
    return [{"memory_type": "document"}, {"NOT": [{field: "*"} for field in _SCOPE_FIELDS if field not in scope]}]


def item_ids(scope: Mapping[str, str], namespace: Namespace, key: str) -> list[str]:
    """Return the ids of all documents the item can have; the first is the item's own."""
    address = json.dumps([sorted(scope.items()), list(namespace), key])
    return [str(uuid5(_STORE, f"{place}{address}")) for place in range(MOST_TEXTS)]


def documents(
    ids: Sequence[str], item: Item, texts: Sequence[str], *, ttl: float | None, expires_at: str | None
) -> list[dict[str, Any]]:
    """Return an item as documents, one for each of its texts and at least one."""
    path = path_of(item.namespace)
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
    further = ({"item": ids[0], "place": place, "indexed": True} for place in range(1, len(texts)))
    shown = texts or [f"{'/'.join(item.namespace)}/{item.key}"]
    until = {} if expires_at is None else {EXPIRES: expires_at}
    return [
        {"memory_id": memory_id, "text": text, "actor_id": path, "metadata": {FIELD: about, **until}}
        for memory_id, text, about in zip(ids, shown, (first, *further), strict=False)
    ]


def kept(memory: Mapping[str, Any]) -> Kept:
    """Return the item whose first document is `memory`."""
    about, until = memory["metadata"][FIELD], memory["metadata"].get(EXPIRES)
    created_at = datetime.fromisoformat(memory["created_at"])
    item = Item(
        value=about["value"],
        key=about["key"],
        namespace=tuple(about["namespace"]),
        created_at=created_at,
        # The memory itself also changes when a read lets an item's time begin anew.
        updated_at=max(created_at, datetime.fromisoformat(about["updated_at"])),
    )
    expires_at = None if until is None else datetime.fromisoformat(until)
    return Kept(memory["id"], item, about["ttl"], expires_at, about["texts"])


def texts_of(value: Mapping[str, Any], paths: Sequence[str]) -> list[str]:
    """Return the texts by which a value is found: what is at each of `paths`."""
    found = (text for path in paths for text in _texts_at(value, path))
    texts = [text[:MOST_CHARACTERS] for text in found if text.strip()]
    rest = "\n".join(texts[MOST_TEXTS - 1 :])[:MOST_CHARACTERS]
    return [*texts[: MOST_TEXTS - 1], rest] if len(texts) > MOST_TEXTS else texts


def until(ttl: float | None) -> str | None:
    """Return when an item expires that is touched now and lives `ttl` minutes, `None` for never.

    Raises:
        InvalidInput: `ttl` is no number of minutes, or reaches beyond the calendar.
    """
    if ttl is None:
        return None
    try:
        return (now() + timedelta(minutes=max(ttl, 0))).isoformat()
    except (OverflowError, TypeError, ValueError) as error:
        raise InvalidInput(f"ttl is {ttl!r}: give the minutes an item lives, or None for ever") from error


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(timezone.utc)


def _texts_at(value: Mapping[str, Any], path: str) -> list[str]:
    if path != WHOLE:
        return get_text_at_path(value, tokenize_path(path))
    leaves = [(name, text) for name, text in _leaves(value) if text]
    if len(leaves) == 1:
        return [leaves[0][1]]
    return ["; ".join(f"{name}: {text}" for name, text in leaves)]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield what stands in a value as people read it: the names of the levels, and the text."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name} {key}".strip())
    elif isinstance(value, (list, tuple)):
        yield name, ", ".join(text for inner in value for _, text in _leaves(inner))
    elif value is not None:
        yield name, str(value)
