"""`HoldfastMemoryBlock`: the long-term memory as a block of LlamaIndex's own `Memory`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import BaseMemoryBlock
from llama_index.core.memory import Memory as ChatMemory
from llama_index.core.storage.chat_store.base_db import MessageStatus

import holdfast
from holdfast_llamaindex.recall import DEFAULT_MAX_TOKENS, DEFAULT_SEARCH_MSG_LIMIT, Recall
from holdfast_llamaindex.turns import Turn, as_conversation, turns

if TYPE_CHECKING:
    # Pydantic evaluates what annotations it can, and would load the whole core when this module is imported.
    from holdfast import AsyncMemory, Memory, ScopedMemory


class HoldfastMemoryBlock(BaseMemoryBlock[str]):
    """A block that recalls for every question, and remembers what leaves the conversation's short-term memory.

    `Memory` hands messages to its blocks only when its queue overflows, which a short chat never does: call `flush` or
    await `aflush` at its end. (`Mem0Memory` remembers every turn by itself.)

    Args:
        memory: A `holdfast.Memory` or `AsyncMemory`; it stays open and is not closed by this object.
        user_id: Whose memory; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` lets the conversation go on when the memory fails, `"raise"` lets the failure out.
        settings: `search_msg_limit` and `max_tokens` as in `Mem0Memory`, and the fields of every block: `name`,
            `description`, `priority` and `accept_short_term_memory`.

    Raises:
        InvalidInput: No scope is named, or an id cannot be one.
    """

    name: str = "holdfast"
    search_msg_limit: int = Field(default=DEFAULT_SEARCH_MSG_LIMIT, ge=1)
    max_tokens: int = Field(default=DEFAULT_MAX_TOKENS, ge=1)
    _scoped: ScopedMemory = PrivateAttr()
    _recall: Recall = PrivateAttr()
    _remembered: set[Turn] = PrivateAttr(default_factory=set)

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        on_error: Literal["raise", "log"] = "log",
        **settings: Any,
    ) -> None:
        scoped = holdfast.ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )
        super().__init__(**settings)
        self._scoped = scoped
        self._recall = Recall(scoped, search_msg_limit=self.search_msg_limit, max_tokens=self.max_tokens)

    def flush(self, chat_memory: ChatMemory) -> None:
        """Remember what is still in the short-term memory of `chat_memory`; it stays there, and is remembered once."""
        if news := self._news(chat_memory.get_all(status=MessageStatus.ACTIVE)):
            self._scoped.add(as_conversation(news))
            self._remembered.update(news)

    async def aflush(self, chat_memory: ChatMemory) -> None:
        """Await `flush`."""
        await self._aput(await chat_memory.aget_all(status=MessageStatus.ACTIVE))

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:  # noqa: ARG002
        return await self._recall.ablock(messages or [])

    async def _aput(self, messages: list[ChatMessage]) -> None:
        if news := self._news(messages):
            await self._scoped.aadd(as_conversation(news))
            self._remembered.update(news)

    def _news(self, messages: Iterable[ChatMessage]) -> list[Turn]:
        return [turn for turn in turns(messages) if turn not in self._remembered]
