"""`HoldfastStore`: a LangGraph store whose items live in a memory's file, beside what conversations left there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from langgraph.store.base import BaseStore, Op, Result, TTLConfig

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory
from holdfast_langgraph.items import WHOLE
from holdfast_langgraph.namespaces import checked
from holdfast_langgraph.reading import Reader
from holdfast_langgraph.tasks import answered, awaited
from holdfast_langgraph.writing import Writer

_SWEEP_MINUTES = 5


class HoldfastStore(BaseStore):
    """A store for graphs, agents and tools, kept in the file of a memory.

    Items are documents of the scope: they are found by everyone who searches that scope's memories, and no
    conversation changes them. An item that is put again replaces the former one, which its history remembers.
    Failures of the memory are always raised: that nothing is stored must not be said of what could not be read.

    Args:
        memory: The memory; it stays open.
        user_id: Whose items; at least one of the four ids must be given, such as the application's.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        index: `{"fields": [...]}` names the fields by which items are found, the whole value by default; `False`
            indexes none. Who embeds is the memory's affair.
        ttl: LangGraph's settings. Expired items are never shown, whatever `omit_expired` says; every
            `sweep_interval_minutes` (5 by default) a write deletes them, and so does `sweep_ttl`.

    Raises:
        InvalidInput: No scope is named, or `index` cannot be used.
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
        scope, fields = self._memory.scope.ids(), _fields(index)
        self._reader = Reader(scope, by_meaning=bool(fields))
        self._writer = Writer(scope, fields)
        self.ttl_config = ttl
        interval = (ttl or {}).get("sweep_interval_minutes")
        self._sweep_seconds = 60.0 * (_SWEEP_MINUTES if interval is None else interval)
        self._swept_at = time.monotonic()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations: reads see what was there before, and of several puts of one item the last counts.

        Returns:
            One result per operation, in order.

        Raises:
            InvalidNamespaceError: A label cannot be used.
            InvalidFilter: A filter cannot be used.
            InvalidInput: A value is not JSON, or something is too long; nothing of the batch was written.
        """
        plan = [checked(op) for op in ops]
        writes = self._writer.writes(plan)
        results = [answered(self._memory, self._reader.result(op)) for op in plan]
        answered(self._memory, writes)
        if self._sweep_is_due():
            self.sweep_ttl()
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Await `batch`; the reads are made at the same time."""
        plan = [checked(op) for op in ops]
        writes = self._writer.writes(plan)
        results = await asyncio.gather(*(awaited(self._memory, self._reader.result(op)) for op in plan))
        await awaited(self._memory, writes)
        if self._sweep_is_due():
            await self.asweep_ttl()
        return list(results)

    def sweep_ttl(self) -> int:
        """Delete what has expired; return how many items that was."""
        return answered(self._memory, self._writer.sweep())

    async def asweep_ttl(self) -> int:
        """Await `sweep_ttl`."""
        return await awaited(self._memory, self._writer.sweep())

    def __copy__(self) -> HoldfastStore:
        return self

    def __deepcopy__(self, memo: object) -> HoldfastStore:
        # Agents are copied with the store they hold; the store stays one.
        return self

    def _sweep_is_due(self) -> bool:
        now = time.monotonic()
        due = now - self._swept_at >= self._sweep_seconds
        if due:
            self._swept_at = now
        return due


def _fields(index: Mapping[str, Any] | Literal[False] | None) -> list[str]:
    """Return the paths that are indexed, none when nothing is."""
    if index is False:
        return []
    unknown = set(index or {}) - {"fields"}
    if unknown:
        raise InvalidInput(
            f"index names {', '.join(sorted(unknown))}: only fields are chosen here, and who embeds when the memory is"
            " opened, as in Memory(embedder=...)"
        )
    return list((index or {}).get("fields") or [WHOLE])
