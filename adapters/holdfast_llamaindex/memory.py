"""`Mem0Memory`: the chat memory of engines and agents, with a long-term memory behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import holdfast
from llama_index.core.bridge.pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SerializeAsAny
from llama_index.core.llms import LLM, ChatMessage
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer
from llama_index.core.memory.memory import InsertMethod
from llama_index.core.storage.chat_store import BaseChatStore
from typing_extensions import Self

from holdfast import AsyncMemory, ConfigError, InvalidInput, Memory, ScopedMemory
from holdfast_llamaindex.recall import DEFAULT_MAX_TOKENS, DEFAULT_SEARCH_MSG_LIMIT, Recall, with_block
from holdfast_llamaindex.turns import Turn, answered, unanswered

DEFAULT_TOKEN_LIMIT = 30_000
_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")


class Mem0Memory(BaseMemory):
    """A chat memory that remembers across conversations.

    Give it to a chat engine or an agent as `memory=`. Once per turn it searches for what bears on the question and shows
    it to the model as one fenced block; when the answer is there, question and answer are remembered together. The
    history itself, in `primary_memory`, never holds what was recalled.

    Args:
        memory: A `holdfast.Memory` or `AsyncMemory`; it stays open and is not closed by this object.
        context: The ids that say whose memory it is, as `{"user_id": ..., "agent_id": ..., "run_id": ...}`.
        user_id: The same as keywords: whose memory.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` lets the conversation go on when the memory fails, `"raise"` lets the failure out.
        primary_memory: Where the conversation is kept; by default a `ChatMemoryBuffer`.
        search_msg_limit: How many of the last messages to search for, the question among them; at least 1.
        insert_method: Where the model sees the block. `"user"`, before its last question, works with every engine and
            agent; `"system"` puts it into a system message, which `ReActAgent` drops when it has no prompt of its own.
        max_tokens: Room for the block, at least 1; it comes on top of the history's.

    Raises:
        InvalidInput: No scope is named, or an id cannot be one.
    """

    model_config = ConfigDict(use_enum_values=True)

    primary_memory: SerializeAsAny[BaseMemory]
    search_msg_limit: int = Field(default=DEFAULT_SEARCH_MSG_LIMIT, ge=1)
    insert_method: InsertMethod = Field(default=InsertMethod.USER, validate_default=True)
    max_tokens: int = Field(default=DEFAULT_MAX_TOKENS, ge=1)
    _memory: Memory | AsyncMemory = PrivateAttr()
    _scoped: ScopedMemory = PrivateAttr()
    _recall: Recall = PrivateAttr()

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        *,
        context: Mapping[str, Any] | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        on_error: holdfast.scoped.OnError = "log",
        primary_memory: BaseMemory | None = None,
        **settings: Any,
    ) -> None:
        ids = _ids(context, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
        scoped = ScopedMemory(memory, **ids, on_error=on_error)
        history = _history(scoped) if primary_memory is None else primary_memory
        super().__init__(primary_memory=history, **settings)
        self._memory, self._scoped = memory, scoped
        self._recall = Recall(scoped, search_msg_limit=self.search_msg_limit, max_tokens=self.max_tokens)
