"""`delete`, `delete_all`, `batch_delete` and `reset`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.filters import Filter
from holdfast.operations.arguments import check_batch, check_memory_id, check_scope
from holdfast.operations.update import unknown_memory
from holdfast.results import MessageResult
from holdfast.runtime.effects import Flow, write
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import Transaction


def delete(runtime: Runtime, memory_id: str) -> Flow[MessageResult]:
    """Delete one memory; its history stays, and `rollback` brings it back.

    Raises:
        NotFound: No memory has this id.
    """
    yield from _remove(runtime, [check_memory_id(memory_id)])
    return {"message": "Memory deleted successfully!"}


def batch_delete(runtime: Runtime, memories: Sequence[Any]) -> Flow[MessageResult]:
    """Delete up to 1,000 memories, all or none.

    Args:
        memories: Ids, or one `{"memory_id"}` each.

    Raises:
        NotFound: An id is unknown; nothing was deleted.
        InvalidInput: The batch is empty or too large; nothing was deleted.
    """
    items = check_batch(memories, name="memories")
    ids = [check_memory_id(item.get("memory_id") if isinstance(item, Mapping) else item) for item in items]
    yield from _remove(runtime, list(dict.fromkeys(ids)))
    return {"message": f"Successfully deleted {len(set(ids))} memories", "count": len(set(ids))}


def delete_all(
    runtime: Runtime,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    actor_id: str | None = None,
    filters: Mapping[str, Any] | None = None,
) -> Flow[MessageResult]:
    """Delete every memory of a scope, expired ones too, and nothing outside it.

    Raises:
        InvalidInput: No scope is named; `reset` empties the whole store.
    """
    matching = check_scope(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    count = yield from remove_matching(runtime, matching)
    return {"message": "Memories deleted successfully!", "count": count}


def reset(runtime: Runtime) -> Flow[MessageResult]:
    """Delete everything: every memory of everyone, every version and every message."""
    now = runtime.clock()
    yield from write(runtime.store, lambda transaction: transaction.clear(recorded_at=now))
    return {"message": "Memory reset successfully!"}


def _remove(runtime: Runtime, memory_ids: Sequence[str]) -> Flow[None]:
    now = runtime.clock()

    def store(transaction: Transaction) -> None:
        for memory_id in memory_ids:
            record = transaction.get(memory_id)
            if record is None:
                raise unknown_memory(memory_id)
            transaction.delete(record, happened_at=now, recorded_at=now)

    yield from write(runtime.store, store)


def remove_matching(runtime: Runtime, matching: Filter) -> Flow[int]:
    """Delete every memory that matches; return how many."""
    now = runtime.clock()

    def store(transaction: Transaction) -> int:
        records = transaction.select(matching)
        for record in records:
            transaction.delete(record, happened_at=now, recorded_at=now)
        return len(records)

    return (yield from write(runtime.store, store))
