"""`HoldfastRetriever`: memories as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from holdfast import AsyncMemory, Memory, OnError, ScopedMemory
from holdfast_langchain.documents import to_detailed_document


class HoldfastRetriever(BaseRetriever):
    """Returns the memories of one scope that match a question as documents, best first.

    A document's `id` is the memory's id. Its metadata are the memory's own, with `score` (0 to 1), the scope ids,
    `created_at` and `updated_at` added.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> _ = memory.add("I'm allergic to peanuts.", user_id="ana")
    >>> [found.page_content for found in HoldfastRetriever(memory=memory, user_id="ana").invoke("Any allergies?")]
    ["I'm allergic to peanuts."]

    Args:
        memory: The memory; it stays open. A `ScopedMemory` already has its ids.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` returns nothing when the memory fails, `"raise"` raises the failure.
        k: The maximum number of documents, 1 to 1000. `invoke` takes `k`, `score_threshold` and `filters` for one call.
        score_threshold: The minimum score, 0.0 (all) to 1.0.
        filters: Conditions the memories must match (see `holdfast.filters`).

    Raises:
        InvalidInput: No id is given, or `on_error` is neither of the two.
        ValidationError: An option is unknown or out of range (pydantic's).
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    # A field, because LangChain copies a retriever with other options through its fields.
    memory: Any = Field(exclude=True, repr=False)
    k: int = Field(default=10, ge=1, le=1_000)
    score_threshold: float = Field(default=0.0, ge=0.0, le=1.0)
    filters: dict[str, Any] | None = None

    def __init__(
        self,
        *,
        memory: Memory | AsyncMemory | ScopedMemory,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        on_error: OnError = "log",
        **options: Any,
    ) -> None:
        scoped = (
            memory
            if isinstance(memory, ScopedMemory)
            else ScopedMemory(
                memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
            )
        )
        super().__init__(memory=scoped, **options)  # type: ignore[call-arg] # a field of this class

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain passes it
        k: int | None = None,
        score_threshold: float | None = None,
        filters: dict[str, Any] | None = None,
    ) -> list[Document]:
        return _to_documents(self.memory.search(query, **self._options(k, score_threshold, filters)))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain passes it
        k: int | None = None,
        score_threshold: float | None = None,
        filters: dict[str, Any] | None = None,
    ) -> list[Document]:
        return _to_documents(await self.memory.asearch(query, **self._options(k, score_threshold, filters)))

    def _options(self, k: int | None, threshold: float | None, filters: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "limit": self.k if k is None else k,
            "threshold": self.score_threshold if threshold is None else threshold,
            "filters": self.filters if filters is None else filters,
        }


def _to_documents(items: Sequence[Any]) -> list[Document]:
    return [to_detailed_document(item) for item in items]
