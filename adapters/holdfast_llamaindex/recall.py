"""What is recalled for the question at hand, and how a model is shown it."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.llms import ChatMessage, MessageRole, TextBlock
from llama_index.core.memory.memory import InsertMethod

import holdfast
from holdfast_llamaindex.turns import question

DEFAULT_MAX_TOKENS = 1_000
DEFAULT_SEARCH_MSG_LIMIT = 5


class Recall:
    """The block of memories for a conversation: searched for once per turn, however often it is asked for.

    Args:
        scoped: Where to search.
        search_msg_limit: How many of the last messages to search for.
        max_tokens: Room for the block.
    """

    def __init__(self, scoped: holdfast.ScopedMemory, *, search_msg_limit: int, max_tokens: int) -> None:
        self._scoped = scoped
        self._search_msg_limit = search_msg_limit
        self._max_tokens = max_tokens
        self._latest: tuple[tuple[int, str], str] | None = None

    def block(self, messages: Sequence[ChatMessage], announced: str | None = None) -> str:
        """Return the block, `""` when nothing is known or nothing was asked."""
        asked = question(messages, announced, search_msg_limit=self._search_msg_limit)
        if asked is None:
            return ""
        turn = (asked.place, asked.text)
        if self._latest is None or self._latest[0] != turn:
            self._latest = turn, self._scoped.context(asked.query, max_tokens=self._max_tokens)
        return self._latest[1]

    async def ablock(self, messages: Sequence[ChatMessage], announced: str | None = None) -> str:
        """Await `block`."""
        asked = question(messages, announced, search_msg_limit=self._search_msg_limit)
        if asked is None:
            return ""
        turn = (asked.place, asked.text)
        if self._latest is None or self._latest[0] != turn:
            self._latest = turn, await self._scoped.acontext(asked.query, max_tokens=self._max_tokens)
        return self._latest[1]

    def forget(self) -> None:
        """Search again: the conversation is another."""
        self._latest = None


def with_block(history: Sequence[ChatMessage], block: str, *, insert_method: InsertMethod) -> list[ChatMessage]:
    """Return the messages a model is shown; those of the history stay as they are.

    Args:
        history: The conversation.
        block: What was recalled; nothing is inserted for `""`.
        insert_method: `USER` puts the block before the text of the last user message, `SYSTEM` after that of the first
            system message; where there is none, the block becomes one.
    """
    messages = list(history)
    if messages:
        # Agents write their state into the last message they get, and it would be remembered as the user's words.
        messages[-1] = messages[-1].model_copy(deep=True)
    if not block:
        return messages
    if insert_method == InsertMethod.SYSTEM:
        return _in_system(messages, block)
    return _in_user(messages, block)


def _in_system(messages: list[ChatMessage], block: str) -> list[ChatMessage]:
    for place, message in enumerate(messages):
        if message.role == MessageRole.SYSTEM:
            messages[place] = _with_blocks(message, [*message.blocks, TextBlock(text=f"\n{block}")])
            return messages
    return [ChatMessage(role=MessageRole.SYSTEM, content=block), *messages]


def _in_user(messages: list[ChatMessage], block: str) -> list[ChatMessage]:
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].role == MessageRole.USER:
            message = messages[place]
            messages[place] = _with_blocks(message, [TextBlock(text=f"{block}\n"), *message.blocks])
            return messages
    return [*messages, ChatMessage(role=MessageRole.USER, content=block)]


def _with_blocks(message: ChatMessage, blocks: list[object]) -> ChatMessage:
    return message.model_copy(update={"blocks": blocks})
