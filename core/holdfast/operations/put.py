"""`put`: upsert documents under ids of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from holdfast.errors import HoldfastError, InvalidInput
from holdfast.operations.arguments import MAX_MESSAGES, check_ids, check_memory_id, check_metadata, check_text
from holdfast.operations.deletion import delete_records
from holdfast.operations.index_entries import embed_records
from holdfast.records import MemoryRecord
from holdfast.results import Document, MessageResult
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime
from holdfast.scope import Scope, check_id, make_scope
from holdfast.stores.protocol import IndexEntry, Transaction
from holdfast.timestamps import to_calendar_day

MAX_DOCUMENTS = MAX_MESSAGES
"""Most documents of one call."""


def put(
    runtime: Runtime,
    documents: Sequence[Document],
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    remove: Sequence[str] = (),
) -> Flow[MessageResult]:
    """Upsert documents under ids of the caller: insert new ones, replace known ones and keep their history.

    Documents are stored word for word. Search finds them like memories, and no conversation changes them. One call is
    one transaction.

    Args:
        documents: Up to 10,000 of `{"memory_id", "text", "metadata"?, "actor_id"?, "expiration_date"?}`. Of two with
            the same id the later one counts. Ids are unique in the whole file: derive them from the scope.
        user_id: The user; at least one of the four scope ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        remove: Ids of documents of exactly this scope to delete in the same transaction; other ids are ignored.

    Returns:
        `count` is the number of documents written and deleted.

    Raises:
        InvalidInput: A document cannot be used, or its id belongs to another memory; nothing was changed.
        ProviderError: The embedder failed; nothing was changed.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> page = {"memory_id": "ana/faq", "text": "Refunds take five days."}
    >>> memory.put([page], user_id="ana")["count"]
    1
    >>> memory.search("how long do refunds take?", user_id="ana")["results"][0]["id"]
    'ana/faq'
    """
    scope = make_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    drafts = _drafts(documents, scope, runtime.clock())
    request = _Request(scope, drafts, set(check_ids(remove, name="remove")) - drafts.keys())
    known = yield from work(runtime.store.get, list(drafts))
    new = [draft for draft in drafts.values() if draft.id not in known or known[draft.id].text != draft.text]
    try:
        count = yield from _upsert_all(runtime, request, new)
    except _ChangedMeanwhile:
        count = yield from _upsert_all(runtime, request, list(drafts.values()))
    return {"message": f"Successfully kept {len(drafts)} documents", "count": count}


@dataclass(frozen=True, slots=True)
class _Request:
    """One call: the documents to write by id, and the ids to delete."""

    scope: Scope
    drafts: Mapping[str, MemoryRecord]
    removed: set[str]


class _ChangedMeanwhile(HoldfastError):
    """Another call has written a document since it was read, so that its vector is needed after all."""


def _drafts(documents: Any, scope: Scope, now: int) -> dict[str, MemoryRecord]:
    if isinstance(documents, (str, bytes)) or not isinstance(documents, Sequence):
        raise InvalidInput(f"documents is {type(documents).__name__}: it must be a list")
    if len(documents) > MAX_DOCUMENTS:
        raise InvalidInput(f"documents holds {len(documents):,}: at most {MAX_DOCUMENTS:,} at once, put them in parts")
    drafts = [_draft(document, scope, now) for document in documents]
    return {draft.id: draft for draft in drafts}


def _draft(document: Any, scope: Scope, now: int) -> MemoryRecord:
    if not isinstance(document, Mapping):
        raise InvalidInput(f"a document is {type(document).__name__}: it must be a dictionary with memory_id and text")
    day = document.get("expiration_date")
    return MemoryRecord(
        id=check_memory_id(document.get("memory_id")),
        text=check_text(document.get("text"), name="text"),
        scope=scope,
        created_at=now,
        updated_at=now,
        recorded_at=now,
        actor_id=check_id("actor_id", document.get("actor_id")),
        memory_type="document",
        metadata=check_metadata(document.get("metadata")),
        expiration_date=None if day is None else to_calendar_day(day),
    )


def _upsert_all(runtime: Runtime, request: _Request, new: Sequence[MemoryRecord]) -> Flow[int]:
    """Embed the `new` documents, then write and delete in one transaction; return how many documents that were."""
    entries = dict(zip([draft.id for draft in new], (yield from embed_records(runtime, new)), strict=True))

    def apply(transaction: Transaction) -> int:
        for draft in request.drafts.values():
            _upsert(transaction, draft, entries.get(draft.id))
        return len(request.drafts) + _delete_documents(transaction, request, runtime.clock())

    return (yield from runtime.write_with_embedder_check(apply, entries.values()))


def _delete_documents(transaction: Transaction, request: _Request, now: int) -> int:
    found = [record for memory_id in request.removed if (record := transaction.get(memory_id)) is not None]
    mine = [record for record in found if record.memory_type == "document" and record.scope == request.scope]
    delete_records(transaction, mine, {}, now=now)
    return len(mine)


def _upsert(transaction: Transaction, draft: MemoryRecord, entry: IndexEntry | None) -> None:
    old = transaction.get(draft.id)
    if old is None:
        if entry is None:
            raise _ChangedMeanwhile
        transaction.insert(draft, entry, content_hash=content_hash(draft))
        return
    if old.memory_type != "document" or old.scope != draft.scope:
        raise InvalidInput(f"the id {draft.id} belongs to another memory: derive ids from the scope")
    if entry is None and old.text != draft.text:
        raise _ChangedMeanwhile
    updated_at = old.updated_at if old.text == draft.text else draft.updated_at
    new = replace(draft, created_at=old.created_at, recorded_at=old.recorded_at, updated_at=updated_at)
    transaction.update(
        old,
        new,
        index_entry=entry,
        content_hash=content_hash(new),
        happened_at=draft.updated_at,
        recorded_at=draft.updated_at,
    )
