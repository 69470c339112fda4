"""Recall memories for the user's question, and insert them into the messages a model sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llama_index.core.llms import ChatMessage, MessageRole, TextBlock
from llama_index.core.memory.memory import InsertMethod

import holdfast
from holdfast_llamaindex.conversation import find_question

if TYPE_CHECKING:
    from holdfast import Flow

DEFAULT_MAX_TOKENS = 1_000
DEFAULT_SEARCH_MSG_LIMIT = 5


class Recall:
    """Recalls the block of memories for a conversation, with one search per turn.

    Args:
        scoped: The memory to search.
        search_msg_limit: The number of last messages to search for.
        max_tokens: The size limit of the block, in tokens.
    """

    def __init__(self, scoped: holdfast.ScopedMemory, *, search_msg_limit: int, max_tokens: int) -> None:
        self._scoped = scoped
        self._search_msg_limit = search_msg_limit
        self._max_tokens = max_tokens
        self._latest: tuple[tuple[int, str], str] | None = None

    def get_block(self, messages: Sequence[ChatMessage], next_message: str | None = None) -> str:
        """Return the block, `""` if nothing relevant is remembered or the user has asked nothing.

        Args:
            messages: The conversation.
            next_message: What the user says next, if it is not in the conversation yet.
        """
        return self._scoped.run(self._find_block(messages, next_message))

    async def aget_block(self, messages: Sequence[ChatMessage], next_message: str | None = None) -> str:
        """Do `get_block` without blocking the event loop."""
        return await self._scoped.arun(self._find_block(messages, next_message))

    def reset(self) -> None:
        """Search again for the next question, because the conversation is another one."""
        self._latest = None

    def _find_block(self, messages: Sequence[ChatMessage], next_message: str | None) -> Flow[str]:
        question = find_question(messages, next_message, search_msg_limit=self._search_msg_limit)
        if question is None:
            return ""
        turn = (question.position, question.text)
        if self._latest is None or self._latest[0] != turn:
            block = yield from self._scoped.flows.context(question.query, max_tokens=self._max_tokens)
            self._latest = turn, block
        return self._latest[1]


def insert_block(history: Sequence[ChatMessage], block: str, *, insert_method: InsertMethod) -> list[ChatMessage]:
    """Return the messages to show a model; the messages of `history` are not changed.

    Args:
        history: The conversation.
        block: The recalled block; `""` inserts nothing.
        insert_method: `USER` puts the block before the text of the last user message, `SYSTEM` after the text of the
            first system message. Without such a message, the block becomes one.
    """
    messages = list(history)
    if messages:
        # A copy, because agents write their state into the last message, which would be remembered as the user's.
        messages[-1] = messages[-1].model_copy(deep=True)
    if not block:
        return messages
    if insert_method == InsertMethod.SYSTEM:
        return _insert_in_system_message(messages, block)
    return _insert_in_user_message(messages, block)


def _insert_in_system_message(messages: list[ChatMessage], block: str) -> list[ChatMessage]:
    for place, message in enumerate(messages):
        if message.role == MessageRole.SYSTEM:
            messages[place] = _with_blocks(message, [*message.blocks, TextBlock(text=f"\n{block}")])
            return messages
    return [ChatMessage(role=MessageRole.SYSTEM, content=block), *messages]


def _insert_in_user_message(messages: list[ChatMessage], block: str) -> list[ChatMessage]:
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].role == MessageRole.USER:
            message = messages[place]
            messages[place] = _with_blocks(message, [TextBlock(text=f"{block}\n"), *message.blocks])
            return messages
    return [*messages, ChatMessage(role=MessageRole.USER, content=block)]


def _with_blocks(message: ChatMessage, blocks: list[object]) -> ChatMessage:
    return message.model_copy(update={"blocks": blocks})
