"""Convert memories to LangChain documents and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from langchain_core.documents import Document

from holdfast import InvalidInput, ScopedMemory

_KIND = "langchain"
_DETAILS = ("user_id", "agent_id", "run_id", "app_id", "actor_id", "created_at", "updated_at", "score")


def to_document(item: Mapping[str, Any]) -> Document:
    """Return a memory as a document with the memory's own metadata, so that a stored document comes back unchanged."""
    return Document(id=get_document_id(item), page_content=item["memory"], metadata=dict(item["metadata"] or {}))


def to_detailed_document(item: Mapping[str, Any]) -> Document:
    """Return a memory as a document whose metadata also hold its scope ids, its times and its score."""
    document = to_document(item)
    document.metadata |= {name: item[name] for name in _DETAILS if name in item}
    return document


def make_memory_id(scoped: ScopedMemory, document_id: str) -> str:
    """Return the memory id under which a document is stored.

    Memory ids are unique in the whole file, document ids only within a scope, so the id holds the scope too.
    """
    return json.dumps([_KIND, scoped.scope.ids(), document_id], ensure_ascii=False)


def get_document_id(item: Mapping[str, Any]) -> str:
    """Return the id of the document a memory was stored from, or the memory's own id if it was no document."""
    memory_id: str = item["id"]
    with suppress(ValueError):
        kind, _, document_id = json.loads(memory_id)
        return str(document_id) if kind == _KIND else memory_id
    return memory_id


def make_id_filter(scoped: ScopedMemory, ids: Sequence[str]) -> dict[str, Any]:
    """Return the filter that matches the documents with these ids, and the other memories with these ids."""
    return {"memory_ids": [*(make_memory_id(scoped, one) for one in ids), *ids]}


def make_store_filter(scoped: ScopedMemory) -> dict[str, Any]:
    """Return the filter that matches all documents of the store of exactly this scope."""
    beginning = make_memory_id(scoped, "").removesuffix('""]')
    return {"memory_type": "document", "memory_ids": {"contains": beginning}}


def pair_with_ids(
    texts: Iterable[str], metadatas: Sequence[Mapping[str, Any]] | None, ids: Sequence[str | None] | None
) -> list[tuple[str, dict[str, Any]]]:
    """Return one `(document id, content)` pair per text; a text without an id gets a new one.

    >>> pair_with_ids(["Tea is ready."], [{"page": 1}], ["doc-1"])
    [('doc-1', {'text': 'Tea is ready.', 'metadata': {'page': 1}})]

    Raises:
        InvalidInput: The numbers of texts, metadata and ids differ.
    """
    listed = list(texts)
    for field, values in (("metadatas", metadatas), ("ids", ids)):
        if values and len(values) != len(listed):
            raise InvalidInput(f"there are {len(listed)} texts and {len(values)} {field}: give one for each text")
    document_ids = [given or str(uuid4()) for given in ids or [None] * len(listed)]
    contents = [
        {"text": text, "metadata": metadata}
        for text, metadata in zip(listed, metadatas or [{}] * len(listed), strict=True)
    ]
    return list(zip(document_ids, contents, strict=True))
