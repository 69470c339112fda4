"""`update` and `batch_update`: change memories under their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict

from holdfast.errors import InvalidInput, NotFound
from holdfast.extraction import rules
from holdfast.extraction.facts import Attribution
from holdfast.operations.arguments import check_attribution, check_batch, check_memory_id, check_metadata, check_text
from holdfast.operations.index_entries import embed_records
from holdfast.protocols import Json
from holdfast.records import NOTE_ROLE, MemoryRecord, ProfileKind
from holdfast.results import MessageResult
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import Transaction
from holdfast.timestamps import TimeLike, to_calendar_day, to_microseconds


class _Unset:
    """The type of `UNSET`: `None` clears a value, so the default that leaves it alone is another object."""

    def __repr__(self) -> str:
        return "<unchanged>"


UNSET: Final = _Unset()


def update(
    runtime: Runtime,
    memory_id: str,
    text: str | None = None,
    *,
    data: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    expiration_date: Any = UNSET,
    timestamp: TimeLike | None = None,
    attributed_to: Attribution | None = None,
) -> Flow[MessageResult]:
    """Change a memory; its id, scope and history stay.

    `updated_at` says when the text last changed. `history` shows every change, of the metadata too.

    An instruction with a new text is no instruction any more: only what the user says in a conversation is one.

    Args:
        memory_id: The memory's id.
        text: The new text.
        data: Another name for `text`.
        metadata: Merged into the memory's metadata key by key; `None` removes a key.
        expiration_date: The last day on which the memory is shown; `None` clears it.
        timestamp: When the change happened, now by default.
        attributed_to: `"assistant"` when a model wrote the new text, as the tools of an agent do.

    Raises:
        NotFound: No memory has this id.
        InvalidInput: No change is given, the memory is immutable, or a value cannot be used.
        ProviderError: The embedder failed; nothing was changed.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> memory_id = memory.add("I live in Lisbon.", user_id="ana")["results"][0]["id"]
    >>> memory.update(memory_id, "I live in Porto.")
    {'message': 'Memory updated successfully!'}
    >>> [version["new_memory"] for version in memory.history(memory_id)]
    ['I live in Lisbon.', 'I live in Porto.']
    """
    change = _check_change(
        {
            "memory_id": memory_id,
            "text": text,
            "data": data,
            "metadata": metadata,
            "expiration_date": expiration_date,
        }
    )
    change["attributed_to"] = check_attribution(attributed_to)
    yield from _apply_changes(runtime, [change], timestamp)
    return {"message": "Memory updated successfully!"}


def batch_update(runtime: Runtime, memories: Sequence[Mapping[str, Any]]) -> Flow[MessageResult]:
    """Change up to 1,000 memories in one transaction, all or none.

    Args:
        memories: One `{"memory_id", "text"?, "metadata"?, "expiration_date"?}` per memory.

    Raises:
        NotFound: An id is unknown; nothing was changed.
        InvalidInput: The batch is empty or too large, or an item cannot be used; nothing was changed.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> ids = [event["id"] for event in memory.add("I like tea. I live in Rome.", user_id="ana")["results"]]
    >>> memory.batch_update([{"memory_id": one, "metadata": {"checked": True}} for one in ids])["count"]
    2
    """
    changes = [_check_change(item) for item in check_batch(memories, name="memories")]
    yield from _apply_changes(runtime, changes, None)
    return {"message": f"Successfully updated {len(changes)} memories", "count": len(changes)}


class _Change(TypedDict):
    memory_id: str
    text: str | None
    metadata: dict[str, Json]
    expiration_date: str | _Unset | None
    attributed_to: Attribution | None


def _check_change(item: Any) -> _Change:
    """Return one requested change with every value checked."""
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
        "memory_id": check_memory_id(item.get("memory_id")),
        "text": None if new_text is None else check_text(new_text, name="text"),
        "metadata": check_metadata(item.get("metadata")),
        "expiration_date": day if day is None or isinstance(day, _Unset) else to_calendar_day(day),
        "attributed_to": None,
    }


def _apply_changes(runtime: Runtime, changes: Sequence[_Change], timestamp: TimeLike | None) -> Flow[None]:
    recorded_at = runtime.clock()
    happened_at = recorded_at if timestamp is None else to_microseconds(timestamp)
    known = yield from work(runtime.store.get, [change["memory_id"] for change in changes])
    drafts = [_change_record(_require(known, change["memory_id"]), change, happened_at) for change in changes]
    reworded = [draft for draft, change in zip(drafts, changes, strict=True) if change["text"] is not None]
    entries = dict(zip([draft.id for draft in reworded], (yield from embed_records(runtime, reworded)), strict=True))

    def apply(transaction: Transaction) -> None:
        for change in changes:
            old = transaction.get(change["memory_id"])
            if old is None:
                raise unknown_memory(change["memory_id"])
            new = _change_record(old, change, happened_at)
            transaction.update(
                old,
                new,
                index_entry=entries.get(new.id),
                content_hash=content_hash(new),
                happened_at=happened_at,
                recorded_at=recorded_at,
            )

    yield from runtime.write_with_embedder_check(apply, entries.values())


def _change_record(old: MemoryRecord, change: _Change, happened_at: int) -> MemoryRecord:
    if old.immutable:
        raise InvalidInput(f"memory {old.id} is immutable: delete it and add a new one")
    day = change["expiration_date"]
    merged = {**old.metadata, **change["metadata"]}
    reworded = change["text"] not in (None, old.text)
    by_model = reworded and change["attributed_to"] == "assistant"
    return replace(
        old,
        text=old.text if change["text"] is None else change["text"],
        facts=() if reworded and old.facts else old.facts,  # they came from the text that is replaced
        standing=_standing(old, change["text"]),
        role=NOTE_ROLE if by_model else old.role,
        attributed_to="assistant" if by_model else old.attributed_to,
        metadata={key: value for key, value in merged.items() if value is not None},
        expiration_date=old.expiration_date if isinstance(day, _Unset) else day,
        updated_at=max(happened_at, old.created_at) if reworded else old.updated_at,
    )


def _standing(old: MemoryRecord, text: str | None) -> ProfileKind | None:
    """Return the kind of profile fact of a memory with the new `text`; a preference or profile fact stays one."""
    if old.memory_type != "semantic" or text in (None, old.text):
        return old.standing
    if old.standing in ("profile", "preference"):
        return old.standing
    kind = rules.profile_kind(text, speaker=old.speaker)
    return None if kind == "instruction" else kind


def _require(known: Mapping[str, MemoryRecord], memory_id: str) -> MemoryRecord:
    if memory_id not in known:
        raise unknown_memory(memory_id)
    return known[memory_id]


def unknown_memory(memory_id: str) -> NotFound:
    """Return the error for an id that names no memory."""
    return NotFound(f"there is no memory {memory_id}: get_all and search show the ids there are")
