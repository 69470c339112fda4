"""`history` and `rollback`: every version of a memory, and how to restore one."""

from __future__ import annotations

import itertools
from dataclasses import replace

from holdfast.errors import InvalidInput, NotFound, short_repr
from holdfast.operations.arguments import check_memory_id
from holdfast.operations.index_entries import embed_records
from holdfast.records import MemoryRecord
from holdfast.results import HistoryItem, MessageResult
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import IndexEntry, Transaction, Version
from holdfast.timestamps import to_isoformat


def history(runtime: Runtime, memory_id: str) -> Flow[list[HistoryItem]]:
    """Return every version of a memory, oldest first; also of a deleted one.

    A change of the metadata or the expiration date alone is a version too: its texts are the same, `old_metadata` and
    `new_metadata` or the expiration dates differ. Versions that `prune_history` has deleted are missing: the first one
    has the oldest text that is left.

    Raises:
        NotFound: The id was never used, or nothing is left of it.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> added = memory.add("I moved to Porto.", user_id="ana")
    >>> [(version["event"], version["new_memory"]) for version in memory.history(added["results"][0]["id"])]
    [('ADD', 'I live in Lisbon.'), ('UPDATE', 'I moved to Porto.')]
    >>> updated = memory.update(added["results"][0]["id"], metadata={"checked": True})
    >>> last = memory.history(added["results"][0]["id"])[-1]
    >>> last["old_metadata"], last["new_metadata"]
    ({}, {'checked': True})
    """
    wanted = check_memory_id(memory_id)
    versions = yield from work(runtime.store.list_versions, wanted)
    if not versions:
        raise _no_history(wanted)
    return [_history_item(version) for version in versions]


def rollback(runtime: Runtime, memory_id: str, *, version: int | None = None) -> Flow[MessageResult]:
    """Restore a memory to its state before a change; the restoration is a new version.

    Args:
        memory_id: The memory's id; the memory may have been deleted.
        version: The `version` in `history` of the change to undo, together with all later changes; by default the
            latest change.

    Raises:
        NotFound: The id or the version was never used, or is gone: forgotten or pruned.
        InvalidInput: The version is the one that made the memory: `delete` undoes that.
        ProviderError: The embedder failed; nothing was changed.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> added = memory.add("I moved to Porto.", user_id="ana")
    >>> memory_id = added["results"][0]["id"]
    >>> memory.rollback(memory_id)
    {'message': 'Memory rolled back successfully!'}
    >>> memory.get(memory_id)["memory"]
    'I live in Lisbon.'
    """
    wanted = check_memory_id(memory_id)
    versions = yield from work(runtime.store.list_versions, wanted)
    if not versions:
        raise _no_history(wanted)
    number = versions[-1].number if version is None else version
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidInput(f"version is {short_repr(version)}: it must be one of those in `history`")
    if number not in [one.number for one in versions]:
        raise NotFound(f"memory {wanted} has no version {short_repr(number)}: `history` lists those there are")
    before = yield from work(runtime.store.get_before_change, wanted, number)
    if before is None:
        raise InvalidInput(
            f"version {number} is the first of memory {wanted}, and there is nothing before it: to undo it, use delete"
        )
    entry = (yield from embed_records(runtime, [before]))[0]
    now = runtime.clock()
    yield from runtime.write_with_embedder_check(lambda transaction: _restore(transaction, before, entry, now), [entry])
    return {"message": "Memory rolled back successfully!"}


def _no_history(memory_id: str) -> NotFound:
    return NotFound(f"there is no memory {memory_id} and no history of one: it never existed, or it is forgotten")


def _restore(transaction: Transaction, before: MemoryRecord, entry: IndexEntry, now: int) -> None:
    current = transaction.get(before.id)
    text_changed_at = current.updated_at if current is not None and current.text == before.text else now
    restored = replace(before, updated_at=text_changed_at)
    if current is None:
        _restore_deleted(transaction, restored, entry)
        return
    transaction.update(
        current, restored, index_entry=entry, content_hash=content_hash(restored), happened_at=now, recorded_at=now
    )


def _restore_deleted(transaction: Transaction, record: MemoryRecord, entry: IndexEntry) -> None:
    for occurrence in itertools.count():
        hashed = content_hash(record, occurrence=occurrence)
        duplicate = transaction.insert(record, entry, content_hash=hashed, sources=())
        if duplicate is None:
            return
        if record.memory_type != "episodic":  # a turn may have been said several times
            raise InvalidInput(f"memory {duplicate} says the same already: there is nothing to bring back")


def _history_item(version: Version) -> HistoryItem:
    old, new = version.old, version.new
    return {
        "id": f"{version.memory_id}:{version.number}",
        "version": version.number,
        "memory_id": version.memory_id,
        "old_memory": version.old_text,
        "new_memory": version.new_text,
        "old_metadata": None if old is None else dict(old.metadata),
        "new_metadata": None if new is None else dict(new.metadata),
        "old_expiration_date": None if old is None else old.expiration_date,
        "new_expiration_date": None if new is None else new.expiration_date,
        "event": version.event,
        "created_at": to_isoformat(version.created_at),
        "updated_at": to_isoformat(version.happened_at),
        "recorded_at": to_isoformat(version.recorded_at),
        "is_deleted": version.event == "DELETE",
        "actor_id": version.actor_id,
        "role": version.role,
    }
