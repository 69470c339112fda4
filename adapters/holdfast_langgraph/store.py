"""`HoldfastStore`: a LangGraph store that keeps its items in the file of a memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from langgraph.store.base import BaseStore, Op, Result, TTLConfig

from holdfast import AsyncMemory, Memory, ScopedMemory
from holdfast_langgraph.operations import check_operation, get_default_paths, in_words_of_the_caller
from holdfast_langgraph.store_reads import StoreReader
from holdfast_langgraph.store_writes import StoreWriter

_SWEEP_MINUTES = 5


class HoldfastStore(BaseStore):
    """A store for graphs, agents and tools that keeps its items in the file of a memory.

    Items are documents of the scope: a search of the scope's memories finds them, and no conversation changes them.
    Putting an item again replaces it; `Memory.history` still has the earlier versions. Failures of the memory are
    always raised, because an item that could not be read must not look like an item that does not exist.

    >>> from holdfast import Memory
    >>> store = HoldfastStore(Memory(":memory:", llm="rules", embedder="hashing"), user_id="ana")
    >>> store.put(("preferences",), "tea", {"text": "Ana drinks green tea."})
    >>> [item.key for item in store.search(("preferences",), query="What does she drink?")]
    ['tea']

    Args:
        memory: The memory; it stays open.
        user_id: The user; at least one of the four ids must be given, such as `app_id` for a store of the application.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        index: `{"fields": [...]}` names the fields to index, by default the whole value. With an empty list only the
            items are indexed whose `put(index=[...])` names fields. `False` turns the index off: `put(index=[...])` has
            no effect then. The embedder is that of the memory.
        ttl: LangGraph's settings. Expired items are never returned, whatever `omit_expired` is. The first batch after
            `sweep_interval_minutes` (5 by default) deletes them, and so does `sweep_ttl`.

    Raises:
        InvalidInput: No id is given, or `index` is unusable.
    """

    supports_ttl = True

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        index: Mapping[str, Any] | Literal[False] | None = None,
        ttl: TTLConfig | None = None,
    ) -> None:
        self._memory = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error="raise"
        )
        scope, fields = self._memory.scope.ids(), get_default_paths(index)
        self._reader = StoreReader(self._memory.flows, scope, by_meaning=fields is not None)
        self._writer = StoreWriter(self._memory.flows, scope, fields)
        self.ttl_config = ttl
        interval = (ttl or {}).get("sweep_interval_minutes")
        self._sweep_seconds = 60.0 * (_SWEEP_MINUTES if interval is None else interval)
        self._swept_at = time.monotonic()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations: reads see the state before the batch, and of several puts of one item the last counts.

        Returns:
            One result per operation, in order.

        Raises:
            InvalidNamespaceError: A label is unusable.
            InvalidFilter: A filter is unusable.
            InvalidInput: A value is not JSON or is too long; nothing of the batch was written.
        """
        operations = [check_operation(op) for op in ops]
        writes = self._writer.put_all(operations)
        with in_words_of_the_caller():
            results = [self._memory.run(self._reader.read(op)) for op in operations]
            self._memory.run(writes)
        if self._sweep_is_due():
            self.sweep_ttl()
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do `batch` without blocking the event loop; the reads run concurrently."""
        operations = [check_operation(op) for op in ops]
        writes = self._writer.put_all(operations)
        with in_words_of_the_caller():
            results = await asyncio.gather(*(self._memory.arun(self._reader.read(op)) for op in operations))
            await self._memory.arun(writes)
        if self._sweep_is_due():
            await self.asweep_ttl()
        return list(results)

    def sweep_ttl(self) -> int:
        """Delete the expired items and return their number."""
        return self._memory.run(self._writer.sweep())

    async def asweep_ttl(self) -> int:
        """Do `sweep_ttl` without blocking the event loop."""
        return await self._memory.arun(self._writer.sweep())

    def __copy__(self) -> HoldfastStore:
        return self

    def __deepcopy__(self, memo: object) -> HoldfastStore:
        # Frameworks copy agents with the store they hold; all copies share one store.
        return self

    def _sweep_is_due(self) -> bool:
        now = time.monotonic()
        due = now - self._swept_at >= self._sweep_seconds
        if due:
            self._swept_at = now
        return due
