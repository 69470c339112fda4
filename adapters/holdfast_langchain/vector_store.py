"""`HoldfastVectorStore`: a scope as a vector store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from typing_extensions import Self

from holdfast import AsyncMemory, Flow, Memory, OnError, ScopedMemory
from holdfast_langchain.documents import (
    get_document_id,
    make_id_filter,
    make_memory_id,
    make_store_filter,
    pair_with_ids,
    to_document,
)

_BATCH_SIZE = 10_000  # documents in one transaction
_IDS_PER_FILTER = 5_000  # a filter takes 10,000 values and holds each id twice


class HoldfastVectorStore(VectorStore):
    """Stores documents as memories of one scope, and finds the memories of that scope as documents.

    A search uses keywords and vectors together; scores are 0 to 1, higher is better. It searches all memories of the
    scope, including those from conversations: give the documents a separate scope (`app_id="handbook"`) to find
    documents only.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> store = HoldfastVectorStore(memory=memory, app_id="handbook")
    >>> store.add_texts(["The office closes at six."], ids=["hours"])
    ['hours']
    >>> store.similarity_search("When does the office close?")[0].id
    'hours'

    Args:
        memory: The memory; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"raise"` by default, so that a document that could not be stored is never reported as stored;
            `"log"` returns an empty result instead.
        clears_scope: Whether `delete` without ids also deletes what was stored in the scope by other means.

    Raises:
        InvalidInput: No id is given, or `on_error` is neither of the two.
    """

    def __init__(
        self,
        *,
        memory: Memory | AsyncMemory,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        on_error: OnError = "raise",
        clears_scope: bool = False,
    ) -> None:
        self._clears_scope = clears_scope
        self._scoped = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **options: Any,
    ) -> Self:
        """Return a store with these texts.

        Args:
            texts: The texts to store.
            embedding: Embeds the texts if no `memory` is given; a memory has its own embedder.
            metadatas: One for each text.
            ids: One for each text.
            options: Arguments of the class. Without `memory`, a memory is opened at `path`, by default in RAM.
        """
        store = cls(**_with_memory(embedding, options))
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **options: Any,
    ) -> Self:
        """Do `from_texts` without blocking the event loop."""
        store = cls(**await asyncio.to_thread(_with_memory, embedding, options))
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_: Any,
    ) -> list[str]:
        """Store texts, up to 10,000 in one transaction; a text with an existing id replaces that document.

        Raises:
            InvalidInput: A text is blank, metadata are not JSON, or the numbers of texts, metadata and ids differ.
            ProviderError: The embedding service failed.
        """
        contents = pair_with_ids(texts, metadatas, ids)
        self._scoped.run(self._put(contents))
        return [document_id for document_id, _ in contents]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_: Any,
    ) -> list[str]:
        """Do `add_texts` without blocking the event loop."""
        contents = pair_with_ids(texts, metadatas, ids)
        await self._scoped.arun(self._put(contents))
        return [document_id for document_id, _ in contents]

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents with these ids, in the order of `ids`; unknown ids are skipped."""
        return self._scoped.run(self._get(ids))

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Do `get_by_ids` without blocking the event loop."""
        return await self._scoped.arun(self._get(ids))

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool | None:
        """Delete the documents with these ids, or for `None` all documents of this store; unknown ids are skipped.

        Memories that the scope has from conversations stay, unless `ids` names them.
        """
        self._scoped.run(self._delete(ids))
        return True

    async def adelete(self, ids: list[str] | None = None, **_: Any) -> bool | None:
        """Do `delete` without blocking the event loop."""
        await self._scoped.arun(self._delete(ids))
        return True

    def similarity_search(self, query: str, k: int = 4, **options: Any) -> list[Document]:
        """Return the `k` best documents for `query`; `filter` is a dictionary (see `holdfast.filters`)."""
        return [found for found, _ in self.similarity_search_with_score(query, k, **options)]

    async def asimilarity_search(self, query: str, k: int = 4, **options: Any) -> list[Document]:
        """Do `similarity_search` without blocking the event loop."""
        return [found for found, _ in await self.asimilarity_search_with_score(query, k, **options)]

    def similarity_search_with_score(self, query: str, k: int = 4, **options: Any) -> list[tuple[Document, float]]:
        """Return the `k` best documents for `query` with their scores, 0 to 1, best first."""
        return _with_scores(self._scoped.search(query, limit=k, filters=options.get("filter")))

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        """Do `similarity_search_with_score` without blocking the event loop."""
        return _with_scores(await self._scoped.asearch(query, limit=k, filters=options.get("filter")))

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return float

    def _put(self, contents: Sequence[tuple[str, dict[str, Any]]]) -> Flow[None]:
        documents: list[Any] = [
            {"memory_id": make_memory_id(self._scoped, document_id), **content} for document_id, content in contents
        ]
        for start in range(0, len(documents), _BATCH_SIZE):
            yield from self._scoped.flows.put(documents[start : start + _BATCH_SIZE])

    def _get(self, ids: Sequence[str]) -> Flow[list[Document]]:
        found: dict[str, Document] = {}
        for filters in self._id_filters(ids):
            items = yield from self._scoped.flows.get_all(filters=filters, limit=_BATCH_SIZE)
            found |= {get_document_id(item): to_document(item) for item in items}
        return [found[document_id] for document_id in ids if document_id in found]

    def _delete(self, ids: Sequence[str] | None) -> Flow[None]:
        for filters in self._id_filters(ids):
            yield from self._scoped.flows.delete_all(filters=filters)

    def _id_filters(self, ids: Sequence[str] | None) -> list[dict[str, Any] | None]:
        """Return filters that together match these ids, each within the limits of a filter."""
        if ids is None:
            return [None if self._clears_scope else make_store_filter(self._scoped)]
        starts = range(0, len(ids), _IDS_PER_FILTER)
        return [make_id_filter(self._scoped, ids[start : start + _IDS_PER_FILTER]) for start in starts]


def _with_memory(embedding: Embeddings, options: Mapping[str, Any]) -> dict[str, Any]:
    if "memory" in options:
        return dict(options)
    path = options.get("path", ":memory:")
    memory = Memory(path, llm="rules", embedder={"provider": "langchain", "config": {"model": embedding}})
    return {**{name: value for name, value in options.items() if name != "path"}, "memory": memory}


def _with_scores(items: Sequence[Mapping[str, Any]]) -> list[tuple[Document, float]]:
    return [(to_document(item), item["score"]) for item in items]
