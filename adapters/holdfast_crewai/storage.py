"""`HoldfastStorage`: a Holdfast store below CrewAI's own memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import crewai
import numpy as np

try:
    from crewai.memory.types import MemoryRecord, ScopeInfo
except ImportError as error:
    raise ImportError(
        f"HoldfastStorage needs crewai 1.10 or later, this is {crewai.__version__}: use crew_memory"
    ) from error

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory
from holdfast_crewai.records import (
    LABEL,
    OWN,
    ROOT,
    get_paths,
    get_vector,
    is_below,
    keep_paths,
    metadata_of_record,
    record_filter,
    remove_paths,
    to_path,
    to_record,
)

_NO_LIMIT = 1_000_000


class HoldfastStorage:
    """A `StorageBackend` for `crewai.memory.Memory(storage=...)` that keeps its records in one scope of a memory.

    CrewAI extracts and embeds with its own models and searches by vector alone. A search compares every vector of the
    scope, which is fast enough for some thousands of records. Use `crew_memory` for Holdfast's extraction and
    retrieval.

    ```py
    Crew(..., memory=crewai.memory.Memory(storage=HoldfastStorage(memory, user_id="ana")))
    ```

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` turns a failure into a warning and an empty result, `"raise"` raises it.
        clears_scope: Whether `delete` without `record_ids`, and `reset`, also delete what was stored in the scope by
            other means than CrewAI.

    Raises:
        InvalidInput: No id is given.
    """

    # CrewAI 1.10 takes this lock to write. The store needs none: each write is one transaction.
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
        clears_scope: bool = False,
    ) -> None:
        self.scoped = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )
        self._clears_scope = clears_scope

    def save(self, records: list[MemoryRecord]) -> None:
        """Upsert `records` by id, all or none."""
        self.scoped.put(
            [
                {"memory_id": record.id, "text": record.content, "metadata": metadata_of_record(record)}
                for record in records
            ]
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
        """Return the records nearest to a vector with their cosines, best first, without vectors of another length."""
        items = self._items(record_filter(to_path(scope_prefix), categories=categories, metadata=metadata_filter))
        query = np.asarray(query_embedding, np.float32)
        scored = [(item, _cosine(query, get_vector(item))) for item in items]
        best = sorted((pair for pair in scored if pair[1] >= max(min_score, 0.0)), key=lambda pair: -pair[1])
        return [(to_record(item, below=[to_path(scope_prefix)]), score) for item, score in best[:limit]]

    def delete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """Delete the records that match all the given arguments and return their number.

        A record that was told under a path outside `scope_prefix` too stays there. Memories that were stored by other
        means than CrewAI are deleted only where `record_ids` names them.
        """
        filters = record_filter(
            to_path(scope_prefix),
            categories=categories,
            metadata=metadata_filter,
            ids=record_ids,
            older_than=older_than,
        )
        if record_ids is None:
            filters = self._within_reach(filters)
            return self._take_away(filters, to_path(scope_prefix))
        count = len(self._items(filters))
        self.scoped.delete_all(filters=filters)
        return count

    def update(self, record: MemoryRecord) -> None:
        """Replace the record with the same id and keep its history.

        Raises:
            InvalidInput: The scope has no record with this id.
        """
        current = self.get_record(record.id)
        if current is None:
            raise InvalidInput(f"there is no record {record.id} here: list_records shows those there are")
        if record.embedding is None:
            record = record.model_copy(update={"embedding": current.embedding})
        removed = dict.fromkeys(current.metadata)  # None removes a key
        known = self.scoped.get(record.id)
        metadata = keep_paths(metadata_of_record(record), known and known["metadata"])
        self.scoped.update(record.id, record.content, metadata={**removed, **metadata})

    def get_record(self, record_id: str) -> MemoryRecord | None:
        """Return one record with its vector, `None` if the scope has no record with this id."""
        item = self.scoped.get(record_id)
        if item is None:
            return None
        return to_record(item).model_copy(update={"embedding": get_vector(item).tolist() or None})

    def list_records(self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0) -> list[MemoryRecord]:
        """Return records, newest first."""
        records = self._records(scope_prefix)
        return sorted(records, key=lambda record: record.created_at, reverse=True)[offset : offset + limit]

    def get_scope_info(self, scope: str) -> ScopeInfo:
        """Return counts, categories and times of the records at a path and below it."""
        items = self._items(record_filter(to_path(scope)))
        records = [to_record(item, below=[to_path(scope)]) for item in items]
        times = [record.created_at for record in records]
        return ScopeInfo(
            path=to_path(scope),
            record_count=len(records),
            categories=sorted({category for record in records for category in record.categories}),
            oldest_record=min(times, default=None),
            newest_record=max(times, default=None),
            child_scopes=_children(to_path(scope), items),
        )

    def list_scopes(self, parent: str = ROOT) -> list[str]:
        """Return the paths directly below another one."""
        return _children(to_path(parent), self._items(record_filter(to_path(parent))))

    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """Return the number of records by category."""
        return dict(Counter(category for record in self._records(scope_prefix) for category in record.categories))

    def count(self, scope_prefix: str | None = None) -> int:
        """Return the number of records at a path and below it."""
        return len(self._records(scope_prefix))

    def reset(self, scope_prefix: str | None = None) -> None:
        """Delete the records at a path and below it, or all that were stored through CrewAI; none of another scope.

        A record that was told under another path too stays there.
        """
        self._take_away(self._within_reach(record_filter(to_path(scope_prefix))), to_path(scope_prefix))

    async def asave(self, records: list[MemoryRecord]) -> None:
        """Do `save` without blocking the event loop."""
        await asyncio.to_thread(self.save, records)

    async def asearch(self, query_embedding: list[float], *arguments: Any, **options: Any) -> Any:
        """Do `search` without blocking the event loop."""
        return await asyncio.to_thread(self.search, query_embedding, *arguments, **options)

    async def adelete(self, *arguments: Any, **options: Any) -> int:
        """Do `delete` without blocking the event loop."""
        return await asyncio.to_thread(self.delete, *arguments, **options)

    def _take_away(self, filters: dict[str, Any], path: str) -> int:
        """Delete the records that match `filters`; those with a path elsewhere only lose their paths at `path`."""
        items = self._items(filters)
        if not (self._clears_scope and path == ROOT):
            for item in items:
                changes = remove_paths(item["metadata"], below=path)
                if changes is not None:
                    self.scoped.update(item["id"], metadata=changes)
        self.scoped.delete_all(filters=filters)  # which no longer match those
        return len(items)

    def _within_reach(self, filters: dict[str, Any]) -> dict[str, Any]:
        return filters if self._clears_scope else {"AND": [filters, OWN]}

    def _records(self, scope: str | None) -> list[MemoryRecord]:
        return [to_record(item, below=[to_path(scope)]) for item in self._items(record_filter(to_path(scope)))]

    def _items(self, filters: dict[str, Any]) -> list[Any]:
        return list(self.scoped.get_all(filters=filters, limit=_NO_LIMIT))


def _cosine(query: Any, vector: Any) -> float:
    if query.shape != vector.shape:
        return -1.0
    lengths = float(np.linalg.norm(query) * np.linalg.norm(vector))
    return float(query @ vector) / lengths if lengths else 0.0


def _children(parent: str, items: list[Any]) -> list[str]:
    paths = (path for item in items for path in get_paths((item["metadata"] or {}).get(LABEL, {})))
    below = [path.removeprefix(parent).strip("/").split("/")[0] for path in paths if is_below(path, parent)]
    return sorted({to_path(parent, name) for name in below if name})
