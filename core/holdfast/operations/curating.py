"""The verbs on single memories and on whole scopes: get, update, delete, history and their batches."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict

from typing_extensions import NotRequired

from holdfast.core import Core
from holdfast.errors import InvalidInput, NotFound, shown
from holdfast.extraction import rules
from holdfast.filters import Filter
from holdfast.flow import Flow, work, write
from holdfast.instants import Moment, calendar_day, instant, isoformat
from holdfast.operations.indexing import indexed
from holdfast.operations.inputs import batch_of, matching_of, memory_id_of, metadata_of, text_of
from holdfast.operations.items import item_of
from holdfast.ports import Json
from holdfast.records import MemoryItem, MemoryRecord, Standing
from holdfast.retrieval.keys import fingerprint
from holdfast.scope import SCOPE_FIELDS
from holdfast.stores import Entity, Indexed, Transaction, Version


class Message(TypedDict):
    """What a verb did, in words; `count` for the verbs that touch several memories."""

    message: str
    count: NotRequired[int]


class HistoryItem(TypedDict):
    """One version of a memory, in Mem0's shape.

    `version` is what `rollback` takes. The change happened at `updated_at`; the store heard of it at `recorded_at`.
    """

    id: str
    version: int
    memory_id: str
    old_memory: str | None
    new_memory: str | None
    event: str
    created_at: str
    updated_at: str
    recorded_at: str
    is_deleted: bool
    actor_id: str | None
    role: str | None


class UserItem(TypedDict):
    """Someone who has memories."""

    type: str
    name: str
    total_memories: int
    created_at: str
    updated_at: str


class Users(TypedDict):
    """Everyone who has memories, the most recently changed first."""

    count: int
    results: list[UserItem]


class _Unset:
    """The default that is told from `None`, which clears."""

    def __repr__(self) -> str:
        return "<unchanged>"


UNSET: Final = _Unset()


def get(core: Core, memory_id: str) -> Flow[MemoryItem | None]:
    """Return one memory, `None` when there is none with this id.

    Raises:
        InvalidInput: The id is no text.
        StorageError: The file cannot be read, or the record is damaged.
    """
    wanted = memory_id_of(memory_id)
    found = yield from work(core.store.get, [wanted])
    return item_of(found[wanted]) if wanted in found else None


def update(
    core: Core,
    memory_id: str,
    text: str | None = None,
    *,
    data: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    expiration_date: Any = UNSET,
    timestamp: Moment | None = None,
) -> Flow[Message]:
    """Change a memory; its id, scope and history stay.

    Args:
        memory_id: Which.
        text: What it says from now on.
        data: Another name for `text`.
        metadata: Merged into what is there, key by key; a key set to `None` is removed.
        expiration_date: Last day on which it is shown; `None` clears it.
        timestamp: When the change happened; now by default.

    Raises:
        NotFound: No memory has this id.
        InvalidInput: Nothing is to be changed, the memory is immutable, or a value cannot be used.
    """
    change = _change(
        {
            "memory_id": memory_id,
            "text": text,
            "data": data,
            "metadata": metadata,
            "expiration_date": expiration_date,
        }
    )
    yield from _revise(core, [change], timestamp)
    return {"message": "Memory updated successfully!"}


def batch_update(core: Core, memories: Sequence[Mapping[str, Any]]) -> Flow[Message]:
    """Change up to 1,000 memories, all or none.

    Args:
        memories: One `{"memory_id", "text"?, "metadata"?, "expiration_date"?}` each.

    Raises:
        NotFound: An id is unknown; nothing was changed.
        InvalidInput: The batch is empty or too large, or an item cannot be used; nothing was changed.
    """
    changes = [_change(item) for item in batch_of(memories, name="memories")]
    yield from _revise(core, changes, None)
    return {"message": f"Successfully updated {len(changes)} memories", "count": len(changes)}


def delete(core: Core, memory_id: str) -> Flow[Message]:
    """Delete one memory; its history stays, and `rollback` brings it back.

    Raises:
        NotFound: No memory has this id.
    """
    yield from _remove(core, [memory_id_of(memory_id)])
    return {"message": "Memory deleted successfully!"}


def batch_delete(core: Core, memories: Sequence[Any]) -> Flow[Message]:
    """Delete up to 1,000 memories, all or none.

    Args:
        memories: Ids, or one `{"memory_id"}` each.

    Raises:
        NotFound: An id is unknown; nothing was deleted.
        InvalidInput: The batch is empty or too large; nothing was deleted.
    """
    items = batch_of(memories, name="memories")
    ids = [memory_id_of(item.get("memory_id") if isinstance(item, Mapping) else item) for item in items]
    yield from _remove(core, list(dict.fromkeys(ids)))
    return {"message": f"Successfully deleted {len(set(ids))} memories", "count": len(set(ids))}


def delete_all(
    core: Core,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    actor_id: str | None = None,
    filters: Mapping[str, Any] | None = None,
) -> Flow[Message]:
    """Delete every memory of a scope, expired ones too, and nothing outside it.

    Raises:
        InvalidInput: No scope is named; `reset` empties the whole store.
    """
    matching = matching_of(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    count = yield from _remove_matching(core, matching)
    return {"message": "Memories deleted successfully!", "count": count}


def history(core: Core, memory_id: str) -> Flow[list[HistoryItem]]:
    """Return every version of a memory, oldest first; also of a deleted one.

    Raises:
        NotFound: The id was never used.
    """
    wanted = memory_id_of(memory_id)
    versions = yield from work(core.store.history, wanted)
    if not versions:
        raise NotFound(f"there is no memory {wanted}, and there never was")
    return [_history_item(version) for version in versions]


def rollback(core: Core, memory_id: str, *, version: int | None = None) -> Flow[Message]:
    """Bring a memory back to how it stood before a change; the undoing is a change of its own.

    Args:
        memory_id: Which; it may have been deleted.
        version: The `version` of the change in `history` to undo, with all later ones; the latest by default.

    Raises:
        NotFound: The id or the version was never used.
        InvalidInput: The version is the one that made the memory: `delete` undoes that.
    """
    wanted = memory_id_of(memory_id)
    versions = yield from work(core.store.history, wanted)
    if not versions:
        raise NotFound(f"there is no memory {wanted}, and there never was")
    number = versions[-1].number if version is None else version
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidInput(f"version is {shown(version)}: it must be one of those in `history`")
    if number not in [one.number for one in versions]:
        raise NotFound(f"memory {wanted} has no version {shown(number)}: `history` lists them")
    before = yield from work(core.store.before, wanted, number)
    if before is None:
        raise InvalidInput(f"version {number} made memory {wanted}: there is nothing before it, use delete")
    entry = (yield from indexed(core, [before]))[0]
    yield from write(core.store, lambda transaction: _restore(core, transaction, before, entry))
    return {"message": "Memory rolled back successfully!"}


def users(core: Core) -> Flow[Users]:
    """Return every user, agent, run and app that has memories, the most recently changed first."""
    entities = yield from work(core.store.entities)
    return {"count": len(entities), "results": [_user_item(entity) for entity in entities]}


def delete_users(
    core: Core,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    app_id: str | None = None,
    run_id: str | None = None,
) -> Flow[Message]:
    """Delete one user, agent, app or run with all its memories.

    Raises:
        InvalidInput: Not exactly one id is given.
        NotFound: It has no memories.
    """
    given = {"user_id": user_id, "agent_id": agent_id, "app_id": app_id, "run_id": run_id}
    named = {field: value for field, value in given.items() if value is not None}
    if len(named) != 1:
        raise InvalidInput(f"delete_users takes exactly one of {', '.join(SCOPE_FIELDS)}: {len(named)} were given")
    count = yield from _remove_matching(
        core, matching_of(None, user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    )
    if not count:
        field, value = next(iter(named.items()))
        raise NotFound(f"{field} {value!r} has no memories: `users` lists who has")
    return {"message": "Entity deleted successfully!", "count": count}


def reset(core: Core) -> Flow[Message]:
    """Delete everything: every memory of everyone, every version and every message."""
    now = core.clock()
    yield from write(core.store, lambda transaction: transaction.clear(recorded_at=now))
    return {"message": "Memory reset successfully!"}


# Changing


class _Change(TypedDict):
    memory_id: str
    text: str | None
    metadata: dict[str, Json]
    expiration_date: str | _Unset | None


def _change(item: Any) -> _Change:
    """Return one requested change, checked."""
    if not isinstance(item, Mapping):
        raise InvalidInput(f"an update is {type(item).__name__}: it must be a dictionary with memory_id")
    text, data = item.get("text"), item.get("data")
    if text is not None and data is not None and text != data:
        raise InvalidInput("text and data are both given: they mean the same, give one")
    new_text = text if text is not None else data
    day = item.get("expiration_date", UNSET)
    if new_text is None and item.get("metadata") is None and isinstance(day, _Unset):
        raise InvalidInput("nothing is to be updated: give text, metadata or expiration_date")
    return {
        "memory_id": memory_id_of(item.get("memory_id")),
        "text": None if new_text is None else text_of(new_text, name="text"),
        "metadata": metadata_of(item.get("metadata")),
        "expiration_date": day if day is None or isinstance(day, _Unset) else calendar_day(day),
    }


def _revise(core: Core, changes: Sequence[_Change], timestamp: Moment | None) -> Flow[None]:
    recorded_at = core.clock()
    happened_at = recorded_at if timestamp is None else instant(timestamp)
    known = yield from work(core.store.get, [change["memory_id"] for change in changes])
    drafts = [_changed(_existing(known, change["memory_id"]), change, happened_at) for change in changes]
    reworded = [draft for draft, change in zip(drafts, changes, strict=True) if change["text"] is not None]
    entries = dict(zip([draft.id for draft in reworded], (yield from indexed(core, reworded)), strict=True))

    def store(transaction: Transaction) -> None:
        core.admit(transaction, entries.values())
        for change in changes:
            old = transaction.get(change["memory_id"])
            if old is None:
                raise _unknown(change["memory_id"])
            new = _changed(old, change, happened_at)
            transaction.revise(
                old,
                new,
                indexed=entries.get(new.id),
                fingerprint=fingerprint(new),
                happened_at=happened_at,
                recorded_at=recorded_at,
            )

    yield from write(core.store, store)


def _changed(old: MemoryRecord, change: _Change, happened_at: int) -> MemoryRecord:
    if old.immutable:
        raise InvalidInput(f"memory {old.id} is immutable: delete it and add a new one")
    day = change["expiration_date"]
    merged = {**old.metadata, **change["metadata"]}
    reworded = change["text"] not in (None, old.text)
    return replace(
        old,
        text=old.text if change["text"] is None else change["text"],
        facts=() if reworded and old.facts else old.facts,  # they were told by the words that are gone
        standing=_standing(old, change["text"]),
        metadata={key: value for key, value in merged.items() if value is not None},
        expiration_date=old.expiration_date if isinstance(day, _Unset) else day,
        updated_at=max(happened_at, old.created_at),
    )


def _standing(old: MemoryRecord, text: str | None) -> Standing | None:
    """Return what kind of standing fact a memory tells once it says `text`: a model's word, once given, holds."""
    if old.memory_type != "semantic" or old.standing is not None or text is None:
        return old.standing
    return rules.standing_of(text, speaker=old.speaker)


def _restore(core: Core, transaction: Transaction, before: MemoryRecord, entry: Indexed) -> None:
    core.admit(transaction, [entry])
    now = core.clock()
    current = transaction.get(before.id)
    if current is None:
        _restore_removed(transaction, replace(before, updated_at=now), entry)
        return
    restored = replace(before, updated_at=now)
    transaction.revise(
        current, restored, indexed=entry, fingerprint=fingerprint(restored), happened_at=now, recorded_at=now
    )


def _restore_removed(transaction: Transaction, record: MemoryRecord, entry: Indexed) -> None:
    for occurrence in itertools.count():
        mark = fingerprint(record, occurrence=occurrence)
        twin = transaction.insert(record, entry, fingerprint=mark, sources=())
        if twin is None:
            return
        if record.memory_type != "episodic":  # a turn may have been said several times
            raise InvalidInput(f"memory {twin} says the same already: there is nothing to bring back")


def _remove(core: Core, memory_ids: Sequence[str]) -> Flow[None]:
    now = core.clock()

    def store(transaction: Transaction) -> None:
        for memory_id in memory_ids:
            record = transaction.get(memory_id)
            if record is None:
                raise _unknown(memory_id)
            transaction.remove(record, happened_at=now, recorded_at=now)

    yield from write(core.store, store)


def _remove_matching(core: Core, matching: Filter) -> Flow[int]:
    now = core.clock()

    def store(transaction: Transaction) -> int:
        records = transaction.select(matching)
        for record in records:
            transaction.remove(record, happened_at=now, recorded_at=now)
        return len(records)

    return (yield from write(core.store, store))


def _existing(known: Mapping[str, MemoryRecord], memory_id: str) -> MemoryRecord:
    if memory_id not in known:
        raise _unknown(memory_id)
    return known[memory_id]


def _unknown(memory_id: str) -> NotFound:
    return NotFound(f"there is no memory {memory_id}: get_all and search show the ids there are")


def _history_item(version: Version) -> HistoryItem:
    return {
        "id": f"{version.memory_id}:{version.number}",
        "version": version.number,
        "memory_id": version.memory_id,
        "old_memory": version.old_text,
        "new_memory": version.new_text,
        "event": version.event,
        "created_at": isoformat(version.created_at),
        "updated_at": isoformat(version.happened_at),
        "recorded_at": isoformat(version.recorded_at),
        "is_deleted": version.event == "DELETE",
        "actor_id": version.actor_id,
        "role": version.role,
    }


def _user_item(entity: Entity) -> UserItem:
    return {
        "type": entity.type,
        "name": entity.name,
        "total_memories": entity.count,
        "created_at": isoformat(entity.created_at),
        "updated_at": isoformat(entity.updated_at),
    }
