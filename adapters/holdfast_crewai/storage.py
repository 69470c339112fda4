"""`HoldfastStorage`: the store below CrewAI's own memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import numpy as np
from crewai.memory.types import MemoryRecord, ScopeInfo

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory
from holdfast_crewai.records import ROOT, conditions, metadata_of, path_of, record_of, vector_of

_EVERYTHING = 1_000_000


class HoldfastStorage:
    """A `StorageBackend` for `crewai.memory.Memory(storage=...)`: CrewAI's memory in a Holdfast store, of one scope.

    CrewAI extracts and embeds with its own models here, and asks by vector alone; every vector of the scope is
    compared, which suits some thousands of records. For Holdfast's extraction and retrieval take `crew_memory`.

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open and is not closed by this object.
        user_id: Whose records; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` turns a failure into a warning and an empty answer, `"raise"` lets it out.

    Raises:
        InvalidInput: No scope is named.
    """

    # CrewAI 1.10 holds this while it writes; the store needs no such help.
    write_lock = nullcontext()

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        on_error: Any = "log",
    ) -> None:
        self.scoped = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )

    def save(self, records: list[MemoryRecord]) -> None:
        """Keep `records` under their ids, all or none; one whose id is known is replaced."""
        self.scoped.put(
            [{"memory_id": record.id, "text": record.content, "metadata": metadata_of(record)} for record in records]
        )

    def search(
        self,
        query_embedding: list[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """Return the records nearest to a vector with their cosines, best first; vectors of another length are none."""
        items = self._items(conditions(path_of(scope_prefix), categories=categories, metadata=metadata_filter))
        query = np.asarray(query_embedding, np.float32)
        scored = [(item, _cosine(query, vector_of(item))) for item in items]
        best = sorted((pair for pair in scored if pair[1] >= max(min_score, 0.0)), key=lambda pair: -pair[1])
        return [(record_of(item), score) for item, score in best[:limit]]

    def delete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """Delete what matches everything that is given, and return how many records that were."""
        matching = conditions(
            path_of(scope_prefix),
            categories=categories,
            metadata=metadata_filter,
            ids=record_ids,
            older_than=older_than,
        )
        count = len(self._items(matching))
        self.scoped.delete_all(filters=matching)
        return count

    def update(self, record: MemoryRecord) -> None:
        """Replace the record with the same id; its history stays.

        Raises:
            InvalidInput: The scope has no such record.
        """
        before = self.get_record(record.id)
        if before is None:
            raise InvalidInput(f"there is no record {record.id} here: list_records shows those there are")
        if record.embedding is None:
            record = record.model_copy(update={"embedding": before.embedding})
        dropped = dict.fromkeys(before.metadata)
        self.scoped.update(record.id, record.content, metadata={**dropped, **metadata_of(record)})

    def get_record(self, record_id: str) -> MemoryRecord | None:
        """Return one record with its vector, `None` when the scope has none with this id."""
        item = self.scoped.get(record_id)
        if item is None:
            return None
        return record_of(item).model_copy(update={"embedding": vector_of(item).tolist() or None})

    def list_records(self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0) -> list[MemoryRecord]:
        """Return records, newest first."""
        records = self._records(scope_prefix)
        return sorted(records, key=lambda record: record.created_at, reverse=True)[offset : offset + limit]

    def get_scope_info(self, scope: str) -> ScopeInfo:
        """Return what there is at a path and below it."""
        records = self._records(scope)
        moments = [record.created_at for record in records]
        return ScopeInfo(
            path=path_of(scope),
            record_count=len(records),
            categories=sorted({category for record in records for category in record.categories}),
            oldest_record=min(moments, default=None),
            newest_record=max(moments, default=None),
            child_scopes=_children(path_of(scope), records),
        )

    def list_scopes(self, parent: str = ROOT) -> list[str]:
        """Return the paths just below another."""
        return _children(path_of(parent), self._records(parent))

    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """Return the categories with the number of their records."""
        return dict(Counter(category for record in self._records(scope_prefix) for category in record.categories))

    def count(self, scope_prefix: str | None = None) -> int:
        """Return the number of records at a path and below it."""
        return len(self._records(scope_prefix))

    def reset(self, scope_prefix: str | None = None) -> None:
        """Delete everything at a path and below it; without one everything of the ids, and nothing of anyone else's."""
        self.scoped.delete_all(filters=conditions(path_of(scope_prefix)))

    async def asave(self, records: list[MemoryRecord]) -> None:
        """Do `save` without blocking the event loop."""
        await asyncio.to_thread(self.save, records)

    async def asearch(self, query_embedding: list[float], *narrowing: Any, **named: Any) -> Any:
        """Do `search` without blocking the event loop."""
        return await asyncio.to_thread(self.search, query_embedding, *narrowing, **named)

    async def adelete(self, *narrowing: Any, **named: Any) -> int:
        """Do `delete` without blocking the event loop."""
        return await asyncio.to_thread(self.delete, *narrowing, **named)

    def _records(self, scope: str | None) -> list[MemoryRecord]:
        return [record_of(item) for item in self._items(conditions(path_of(scope)))]

    def _items(self, matching: dict[str, Any]) -> list[Any]:
        return list(self.scoped.get_all(filters=matching, limit=_EVERYTHING))


def _cosine(query: Any, vector: Any) -> float:
    if query.shape != vector.shape:
        return -1.0
    lengths = float(np.linalg.norm(query) * np.linalg.norm(vector))
    return float(query @ vector) / lengths if lengths else 0.0


def _children(parent: str, records: list[MemoryRecord]) -> list[str]:
    below = [record.scope.removeprefix(parent).strip("/").split("/")[0] for record in records]
    return sorted({path_of(parent, name) for name in below if name})
