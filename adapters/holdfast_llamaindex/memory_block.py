"""`HoldfastMemoryBlock`: long-term memory as a block of LlamaIndex's own `Memory`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import BaseMemoryBlock, Memory as ChatMemory
from llama_index.core.storage.chat_store.base_db import MessageStatus

import holdfast
from holdfast_llamaindex.conversation import Turn, split_turns, to_messages
from holdfast_llamaindex.recall import DEFAULT_MAX_TOKENS, DEFAULT_SEARCH_MSG_LIMIT, Recall

if TYPE_CHECKING:
    # Not at run time: pydantic would evaluate the annotations and so load all of Holdfast when this module is imported.
    from holdfast import AsyncMemory, Memory, ScopedMemory


class HoldfastMemoryBlock(BaseMemoryBlock[str]):
    """Recalls memories for every question, and remembers the messages that leave the short-term memory.

    LlamaIndex's `Memory` passes messages to its blocks only when its queue overflows, which does not happen in a short
    chat: call `flush` or await `aflush` at the end of a chat. (`Mem0Memory` remembers every turn without that.)

    Args:
        memory: A `holdfast.Memory` or `AsyncMemory`; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` continues the conversation when the memory fails, `"raise"` raises the failure.
        settings: `search_msg_limit` and `max_tokens` as in `Mem0Memory`, and the fields of every block: `name`,
            `description`, `priority` and `accept_short_term_memory`.

    Raises:
        InvalidInput: No id is given, or an id is unusable.
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
        """Remember the messages in the short-term memory of `chat_memory`, each once; they stay there."""
        if new_turns := self._get_new_turns(chat_memory.get_all(status=MessageStatus.ACTIVE)):
            self._scoped.add(to_messages(new_turns))
            self._remembered.update(new_turns)

    async def aflush(self, chat_memory: ChatMemory) -> None:
        """Do `flush` without blocking the event loop."""
        await self._aput(await chat_memory.aget_all(status=MessageStatus.ACTIVE))

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:  # noqa: ARG002
        return await self._recall.aget_block(messages or [])

    async def _aput(self, messages: list[ChatMessage]) -> None:
        if new_turns := self._get_new_turns(messages):
            await self._scoped.aadd(to_messages(new_turns))
            self._remembered.update(new_turns)

    def _get_new_turns(self, messages: Iterable[ChatMessage]) -> list[Turn]:
        return [turn for turn in split_turns(messages) if turn not in self._remembered]
