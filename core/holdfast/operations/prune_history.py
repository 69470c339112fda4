"""`prune_history`: delete former states of memories, so that a file stops growing."""

from __future__ import annotations

from holdfast.errors import InvalidInput, NotFound, short_repr
from holdfast.filters import MATCH_ALL, split_scope
from holdfast.operations.arguments import check_memory_id, check_scope
from holdfast.results import PruneResult
from holdfast.runtime.effects import Flow, work, write
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import Transaction
from holdfast.timestamps import TimeLike, to_microseconds


def prune_history(
    runtime: Runtime,
    *,
    keep: int | None = None,
    before: TimeLike | None = None,
    memory_id: str | None = None,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
) -> Flow[PruneResult]:
    """Delete former states of memories from the history; the memories themselves stay as they are.

    Without a memory or a scope, those of the whole store. Deleted memories have only former states. What is deleted is
    gone from the file when this returns, and `rollback` cannot restore it; the file is written again without it.

    Args:
        keep: How many former states of each memory stay at most, the newest ones: 0 leaves the present state only.
        before: Former states that were replaced before this moment go (`updated_at` in `history`), and so do source
            turns that were said before it.
        memory_id: Only of this memory.
        user_id: Only of memories of this user.
        agent_id: Only of memories of this agent.
        run_id: Only of memories of this session.
        app_id: Only of memories of this application.

    Returns:
        How many `versions` and source `turns` were deleted.

    Raises:
        InvalidInput: Neither `keep` nor `before` is given, or a value cannot be used.
        NotFound: The memory never existed, or nothing is left of it.
        StorageError: The states are deleted, but their words may still be in the file (see `forget`).

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> memory_id = memory.add("I live in Lisbon.", user_id="ana")["results"][0]["id"]
    >>> for city in ("Porto", "Faro", "Braga"):
    ...     _ = memory.update(memory_id, f"I live in {city}.")
    >>> memory.prune_history(keep=1)["versions"]
    2
    >>> [(version["event"], version["new_memory"]) for version in memory.history(memory_id)]
    [('ADD', 'I live in Faro.'), ('UPDATE', 'I live in Braga.')]
    """
    moment = None if before is None else to_microseconds(before, name="before")
    if keep is None and moment is None:
        raise InvalidInput("neither keep nor before is given: say how many versions stay, or from when on")
    if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or not 0 <= keep < 2**63):
        raise InvalidInput(f"keep is {short_repr(keep)}: it must be a whole number of versions, 0 for none")
    ids = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    is_scoped = any(value is not None for value in ids.values())
    if memory_id is not None and is_scoped:
        raise InvalidInput("a memory and a scope are both named: prune one memory, or those of a scope")
    matching = check_scope(None, **ids) if is_scoped else MATCH_ALL
    wanted = None if memory_id is None else check_memory_id(memory_id)
    now = runtime.clock()

    def apply(transaction: Transaction) -> PruneResult:
        rows = None
        if wanted is not None:
            rows = transaction.find_rows_of(wanted)
            if not rows:
                raise NotFound(f"there is no memory {wanted}, and no history of one")
        elif is_scoped:
            rows = transaction.find_rows(matching)
        turns = transaction.count_messages()
        if moment is not None and wanted is None:
            transaction.delete_messages(split_scope(matching)[0], before=moment)
        versions = transaction.prune_history(keep=keep, before=moment, rows=rows, recorded_at=now)
        turns -= transaction.count_messages()
        return {"message": "History pruned successfully!", "versions": versions, "turns": turns}

    result = yield from write(runtime.store, apply)
    yield from work(runtime.scrub)
    return result
