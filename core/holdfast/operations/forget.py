"""`forget`: erase a memory, or everything of a scope, so that none of its words remain in any file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holdfast.errors import InvalidInput, NotFound
from holdfast.filters import Filter, split_scope
from holdfast.operations.arguments import check_memory_id, check_scope
from holdfast.operations.deletion import Deleted, TurnEntries, delete_records, delete_selected, write_deletion
from holdfast.results import ForgetResult
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import Transaction


def forget(
    runtime: Runtime,
    memory_id: str | None = None,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
) -> Flow[ForgetResult]:
    """Erase one memory, or everything of a scope: none of the words remain in any file when it returns.

    Unlike after `delete`, no history remains and `rollback` restores nothing. The memory goes with its versions, the
    turns it may have been told in, and the turns kept beside its facts that have no other fact left. Of a scope go all
    memories, those deleted before, all versions and all turns. The file is written again without them, which takes
    a few seconds for 100,000 memories and needs room for a second copy. Backups, copies and logs that were set aside
    (`….stale-…`) are yours to erase.

    Args:
        memory_id: The memory, which may be deleted already; give either this or ids.
        user_id: The user.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.

    Returns:
        How many `memories`, source `turns` and `versions` were erased; all 0 when the scope has nothing.

    Raises:
        NotFound: No memory ever had this id, or it is erased already.
        InvalidInput: Neither a memory nor a scope is named, or both are.
        StorageError: The memories are deleted, but the file could not be written again, or another process kept its
            log from being emptied for 60 seconds. The error says which; call `forget` again to finish.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> memory.forget(user_id="ana")
    {'message': 'Forgotten: nothing of it remains', 'memories': 1, 'turns': 1, 'versions': 1}
    """
    ids = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    if memory_id is None:
        receipt = yield from erase_matching(runtime, check_scope(None, **ids))
    elif any(value is not None for value in ids.values()):
        raise InvalidInput("a memory and a scope are both named: forget one memory, or everything of a scope")
    else:
        receipt = yield from _erase_memory(runtime, check_memory_id(memory_id))
    return {
        "message": "Forgotten: nothing of it remains",
        "memories": receipt.memories,
        "turns": receipt.turns,
        "versions": receipt.versions,
    }


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased.

    Attributes:
        current: Memories that existed until then; `memories` counts those deleted before as well.
        turns: Source messages.
        versions: Entries of the history.
    """

    current: int
    memories: int
    turns: int
    versions: int


def erase_matching(runtime: Runtime, matching: Filter) -> Flow[Receipt]:
    """Erase every memory that matches, deleted ones included; of a whole scope also the turns of all its sessions."""
    now = runtime.clock()

    def delete(transaction: Transaction, entries: TurnEntries) -> tuple[Deleted, Sequence[int]]:
        deleted = delete_selected(transaction, matching, entries, now=now)
        return deleted, transaction.find_rows(matching)

    ids, rest = split_scope(matching)
    return (yield from _erase(runtime, delete, now, ids=[] if rest else list(ids.values())))


def _erase_memory(runtime: Runtime, memory_id: str) -> Flow[Receipt]:
    now = runtime.clock()

    def delete(transaction: Transaction, entries: TurnEntries) -> tuple[Deleted, Sequence[int]]:
        record = transaction.get(memory_id)
        deleted = delete_records(transaction, [] if record is None else [record], entries, now=now)
        return deleted, transaction.find_rows_of(memory_id)

    receipt = yield from _erase(runtime, delete, now, ids=[memory_id])
    if not receipt.memories:
        raise NotFound(f"there is no memory {memory_id}, and no history of one")
    return receipt


def _erase(
    runtime: Runtime,
    delete: Callable[[Transaction, TurnEntries], tuple[Deleted, Sequence[int]]],
    now: int,
    *,
    ids: Sequence[str],
) -> Flow[Receipt]:
    def apply(transaction: Transaction, entries: TurnEntries) -> Receipt:
        turns = transaction.count_messages()
        deleted, rows = delete(transaction, entries)
        erased = transaction.erase_history(rows, ids=ids, recorded_at=now)
        return Receipt(
            deleted.count,
            erased.memories,
            turns - transaction.count_messages(),
            erased.versions - deleted.changes,  # the deletion itself is no version the caller has seen
        )

    receipt = yield from write_deletion(runtime, apply)
    # Also when there was nothing to erase: an earlier call may have failed here.
    yield from work(runtime.scrub)
    return receipt
