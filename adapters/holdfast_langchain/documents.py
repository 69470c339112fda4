"""Memories as LangChain documents, and documents as memories."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from langchain_core.documents import Document

from holdfast import InvalidInput, ScopedMemory

_KIND = "langchain"
_SHOWN = ("user_id", "agent_id", "run_id", "app_id", "actor_id", "created_at", "updated_at", "score")


def document(item: Mapping[str, Any]) -> Document:
    """Return a memory as a document: one that came as a document as it came."""
    return Document(id=document_id(item), page_content=item["memory"], metadata=dict(item["metadata"] or {}))


def described(item: Mapping[str, Any]) -> Document:
    """Return a memory as a document that also says whose and how old it is, and its score."""
    shown = document(item)
    shown.metadata |= {name: item[name] for name in _SHOWN if name in item}
    return shown


def memory_id(scoped: ScopedMemory, name: str) -> str:
    """Return the id under which a document called `name` is kept: ids are one name space for the whole file."""
    return json.dumps([_KIND, scoped.scope.ids(), name], ensure_ascii=False)


def document_id(item: Mapping[str, Any]) -> str:
    """Return what a document is called, for other memories their id."""
    known: str = item["id"]
    with suppress(ValueError):
        kind, _, name = json.loads(known)
        return str(name) if kind == _KIND else known
    return known


def naming(scoped: ScopedMemory, names: Sequence[str]) -> dict[str, Any]:
    """Return the filter that documents called so meet, and other memories with these ids."""
    return {"memory_ids": [*(memory_id(scoped, name) for name in names), *names]}


def named(
    texts: Iterable[str], metadatas: Sequence[Mapping[str, Any]] | None, ids: Sequence[str | None] | None
) -> list[tuple[str, dict[str, Any]]]:
    """Return what is to be put, with its names; what has none gets a new one.

    Raises:
        InvalidInput: Texts, metadata and ids are not equally many.
    """
    listed = list(texts)
    for field, values in (("metadatas", metadatas), ("ids", ids)):
        if values and len(values) != len(listed):
            raise InvalidInput(f"there are {len(listed)} texts and {len(values)} {field}: give one for each text")
    names = [name or str(uuid4()) for name in ids or [None] * len(listed)]
    contents = zip(listed, metadatas or [{}] * len(listed), strict=True)
    return [(name, {"text": text, "metadata": about}) for name, (text, about) in zip(names, contents, strict=True)]
