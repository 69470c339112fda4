"""`HoldfastVectorStore`: a scope as a vector store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from typing_extensions import Self

from holdfast import AsyncMemory, Memory, OnError, ScopedMemory
from holdfast_langchain.documents import document, document_id, memory_id, named, naming

_MOST_AT_ONCE = 10_000
_IDS_IN_A_FILTER = 5_000  # each stands in it twice


class HoldfastVectorStore(VectorStore):
    """The memories of one scope as documents, and documents as memories of that scope.

    Searching is Holdfast's own, by words and vectors together; scores are 0..1, higher is better. It looks at all
    memories of the scope, those of conversations too; a scope of its own (`app_id="handbook"`) keeps them apart.

    Args:
        memory: Where they are kept; it stays open.
        user_id: Whose documents; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"raise"`, for a document that was not kept must not be reported as kept; or `"log"`.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
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
    ) -> None:
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
            texts: What to keep.
            embedding: Embeds the texts when no `memory` is given; a memory has an embedder of its own.
            metadatas: One for each text.
            ids: One for each text.
            options: Arguments of the class. Without `memory`, one is opened at `path`, by default in RAM.
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
        """Await `from_texts`."""
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
        """Keep texts, up to 10,000 in one transaction; one whose id is known replaces what had it.

        Raises:
            InvalidInput: A text is blank, metadata are no JSON, or they are not equally many.
            ProviderError: The embedding service failed.
        """
        given = named(texts, metadatas, ids)
        for some in self._documents(given):
            self._scoped.put(some)
        return [name for name, _ in given]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_: Any,
    ) -> list[str]:
        """Await `add_texts`."""
        given = named(texts, metadatas, ids)
        for some in self._documents(given):
            await self._scoped.aput(some)
        return [name for name, _ in given]

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents with these ids, in their order; unknown ids are passed over."""
        pages = [self._scoped.get_all(filters=some, limit=_MOST_AT_ONCE) for some in self._naming(ids)]
        return _in_order(pages, ids)

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Await `get_by_ids`."""
        pages = [await self._scoped.aget_all(filters=some, limit=_MOST_AT_ONCE) for some in self._naming(ids)]
        return _in_order(pages, ids)

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool | None:
        """Delete the documents with these ids, or with `None` everything in the scope; unknown ids are passed over."""
        for some in self._naming(ids):
            self._scoped.delete_all(filters=some)
        return True

    async def adelete(self, ids: list[str] | None = None, **_: Any) -> bool | None:
        """Await `delete`."""
        for some in self._naming(ids):
            await self._scoped.adelete_all(filters=some)
        return True

    def similarity_search(self, query: str, k: int = 4, **options: Any) -> list[Document]:
        """Return the `k` documents that bear most on `query`; `filter` is a dictionary (see `holdfast.filters`)."""
        return [found for found, _ in self.similarity_search_with_score(query, k, **options)]

    async def asimilarity_search(self, query: str, k: int = 4, **options: Any) -> list[Document]:
        """Await `similarity_search`."""
        return [found for found, _ in await self.asimilarity_search_with_score(query, k, **options)]

    def similarity_search_with_score(self, query: str, k: int = 4, **options: Any) -> list[tuple[Document, float]]:
        """Return the `k` documents that bear most on `query` with their scores, 0..1, best first."""
        return _scored(self._scoped.search(query, limit=k, filters=options.get("filter")))

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        """Await `similarity_search_with_score`."""
        return _scored(await self._scoped.asearch(query, limit=k, filters=options.get("filter")))

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return float

    def _documents(self, given: Sequence[tuple[str, dict[str, Any]]]) -> list[list[Any]]:
        """Return what is put at once, call by call."""
        put = [{"memory_id": memory_id(self._scoped, name), **content} for name, content in given]
        return [put[start : start + _MOST_AT_ONCE] for start in range(0, len(put), _MOST_AT_ONCE)]

    def _naming(self, ids: Sequence[str] | None) -> list[dict[str, Any] | None]:
        """Return filters for these ids, no more of them in one than a filter takes; `[None]` for everything."""
        if ids is None:
            return [None]
        starts = range(0, len(ids), _IDS_IN_A_FILTER)
        return [naming(self._scoped, ids[start : start + _IDS_IN_A_FILTER]) for start in starts]


def _with_memory(embedding: Embeddings, options: Mapping[str, Any]) -> dict[str, Any]:
    if "memory" in options:
        return dict(options)
    path = options.get("path", ":memory:")
    memory = Memory(path, llm="rules", embedder={"provider": "langchain", "config": {"model": embedding}})
    return {**{name: value for name, value in options.items() if name != "path"}, "memory": memory}


def _in_order(pages: Sequence[Sequence[Mapping[str, Any]]], ids: Sequence[str]) -> list[Document]:
    found = {document_id(item): document(item) for page in pages for item in page}
    return [found[name] for name in ids if name in found]


def _scored(items: Sequence[Mapping[str, Any]]) -> list[tuple[Document, float]]:
    return [(document(item), item["score"]) for item in items]
