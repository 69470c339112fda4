"""`HoldfastRetriever`: memories as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from holdfast import AsyncMemory, Memory, OnError, ScopedMemory
from holdfast_langchain.documents import described


class HoldfastRetriever(BaseRetriever):
    """Finds the memories of one scope that bear on a question, best first.

    A document's `id` is the memory's; its metadata are the memory's own, with `score` (0..1), the ids of the scope,
    `created_at` and `updated_at`.

    Args:
        memory: Where they are kept; it stays open. A `ScopedMemory` brings its ids with it.
        user_id: Whose memories; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` finds nothing when the memory fails, `"raise"` lets the failure out.
        k: Most documents, 1 to 1000; `invoke` takes another one for a call, and so with the other two.
        score_threshold: Least score, 0.0 (all) to 1.0.
        filters: Conditions the memories must meet (see `holdfast.filters`).

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
        ValidationError: An option is unknown or out of range (pydantic's).
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    # A field, for LangChain makes a retriever with other options out of its fields.
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
        return _documents(self.memory.search(query, **self._options(k, score_threshold, filters)))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain passes it
        k: int | None = None,
        score_threshold: float | None = None,
        filters: dict[str, Any] | None = None,
    ) -> list[Document]:
        return _documents(await self.memory.asearch(query, **self._options(k, score_threshold, filters)))

    def _options(self, k: int | None, threshold: float | None, filters: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "limit": self.k if k is None else k,
            "threshold": self.score_threshold if threshold is None else threshold,
            "filters": self.filters if filters is None else filters,
        }


def _documents(found: Sequence[Any]) -> list[Document]:
    return [described(item) for item in found]
