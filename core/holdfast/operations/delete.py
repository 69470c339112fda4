"""`delete`, `batch_delete`, `delete_all` and `reset`: remove one memory, several, a scope, or everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.filters import Filter
from holdfast.operations.arguments import check_batch, check_memory_id, check_scope, check_switch
from holdfast.operations.deletion import TurnEntries, delete_records, delete_selected, write_deletion
from holdfast.operations.forget import erase_matching
from holdfast.operations.update import unknown_memory
from holdfast.results import MessageResult
from holdfast.runtime.effects import Flow, work, write
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import Transaction


def delete(runtime: Runtime, memory_id: str) -> Flow[MessageResult]:
    """Delete one memory; its history stays, and `rollback` restores it.

    No later `add` shows a model the turns that said it, nor those of its scope that are the source of no other memory.

    Raises:
        NotFound: No memory has this id.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> memory_id = memory.add("I live in Lisbon.", user_id="ana")["results"][0]["id"]
    >>> memory.delete(memory_id)
    {'message': 'Memory deleted successfully!'}
    >>> memory.rollback(memory_id)
    {'message': 'Memory rolled back successfully!'}
    """
    yield from _delete_by_id(runtime, [check_memory_id(memory_id)])
    return {"message": "Memory deleted successfully!"}


def batch_delete(runtime: Runtime, memories: Sequence[Any]) -> Flow[MessageResult]:
    """Delete up to 1,000 memories in one transaction, all or none.

    Args:
        memories: Ids, or dictionaries with `memory_id`.

    Raises:
        NotFound: An id is unknown; nothing was deleted.
        InvalidInput: The batch is empty or too large; nothing was deleted.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> ids = [event["id"] for event in memory.add("I like tea. I live in Rome.", user_id="ana")["results"]]
    >>> memory.batch_delete(ids)["count"]
    2
    """
    items = check_batch(memories, name="memories")
    ids = [check_memory_id(item.get("memory_id") if isinstance(item, Mapping) else item) for item in items]
    yield from _delete_by_id(runtime, list(dict.fromkeys(ids)))
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
    erase: bool = False,
) -> Flow[MessageResult]:
    """Delete every memory of a scope, expired ones included, and nothing outside it.

    Their history stays unless `erase` is true.

    Args:
        user_id: The user; at least one of the four scope ids must be given, here or in `filters`.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        actor_id: Only what this speaker said.
        filters: Only memories that match these conditions (see `holdfast.filters`).
        erase: Erase them as `forget` does, with their history and those deleted before: none of the words remain in
            any file.

    Returns:
        `count` is the number of deleted memories, without those deleted before.

    Raises:
        InvalidInput: No scope is named; `reset` empties the whole store.
        StorageError: With `erase`: the memories are deleted, but their words may still be in the file (see `forget`).

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana"), memory.add("I live in Rome.", user_id="bob")
    >>> memory.delete_all(user_id="ana")["count"], len(memory.get_all(user_id="bob")["results"])
    (1, 1)
    """
    matching = check_scope(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    if check_switch(erase, name="erase", default=False):
        count = (yield from erase_matching(runtime, matching)).current
    else:
        count = yield from delete_matching(runtime, matching)
    return {"message": "Memories deleted successfully!", "count": count}


def reset(runtime: Runtime) -> Flow[MessageResult]:
    """Erase every memory of every scope, every version and every message; none of their words remain in any file.

    Raises:
        StorageError: Everything is deleted, but the words may still be in the file (see `forget`).

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> memory.reset()
    {'message': 'Memory reset successfully!'}
    >>> memory.users()["count"]
    0
    """
    now = runtime.clock()
    yield from write(runtime.store, lambda transaction: transaction.clear(recorded_at=now))
    yield from work(runtime.scrub)
    return {"message": "Memory reset successfully!"}


def _delete_by_id(runtime: Runtime, memory_ids: Sequence[str]) -> Flow[None]:
    now = runtime.clock()

    def apply(transaction: Transaction, entries: TurnEntries) -> None:
        records = []
        for memory_id in memory_ids:
            record = transaction.get(memory_id)
            if record is None:
                raise unknown_memory(memory_id)
            records.append(record)
        delete_records(transaction, records, entries, now=now)

    yield from write_deletion(runtime, apply)


def delete_matching(runtime: Runtime, matching: Filter) -> Flow[int]:
    """Delete every memory that matches, of a whole scope also the turns of all its sessions; return how many."""
    now = runtime.clock()

    def apply(transaction: Transaction, entries: TurnEntries) -> int:
        return delete_selected(transaction, matching, entries, now=now).count

    return (yield from write_deletion(runtime, apply))
