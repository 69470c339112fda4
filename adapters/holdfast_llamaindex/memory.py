"""`Mem0Memory`: a chat memory for engines and agents that also remembers across conversations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.bridge.pydantic import BaseModel, Field, PrivateAttr, SerializeAsAny
from llama_index.core.llms import LLM, ChatMessage
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer
from llama_index.core.memory.memory import InsertMethod
from llama_index.core.storage.chat_store import BaseChatStore
from typing_extensions import Self

import holdfast
from holdfast import ConfigError, InvalidInput
from holdfast_llamaindex.conversation import Turn, get_answered_turns, get_unanswered, to_messages
from holdfast_llamaindex.recall import DEFAULT_MAX_TOKENS, DEFAULT_SEARCH_MSG_LIMIT, Recall, insert_block

if TYPE_CHECKING:
    # Not at run time: pydantic would evaluate the annotations and so load all of Holdfast when this module is imported.
    from holdfast import AsyncMemory, Memory, ScopedMemory

DEFAULT_TOKEN_LIMIT = 30_000
"""The maximum length of the conversation shown to a model, in tokens, if neither a limit nor the model is given."""


class Mem0Memory(BaseMemory):
    """A chat memory that remembers across conversations.

    Pass it to a chat engine or an agent as `memory=`. Once per turn it searches for memories relevant to the question
    and shows them to the model as one fenced block. When the answer is added, question and answer are remembered
    together. The conversation itself, in `primary_memory`, never contains the block. One object is one conversation;
    a copy continues with its own conversation and shares the long-term memory.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> chat_memory = Mem0Memory(memory, user_id="ana")
    >>> chat_memory.put_messages([ChatMessage("I live in Porto."), ChatMessage("Noted.", role="assistant")])
    >>> "I live in Porto." in Mem0Memory(memory, user_id="ana").get("Where do I live?")[-1].content
    True

    Args:
        memory: A `holdfast.Memory` or `AsyncMemory`; it stays open.
        context: The ids as a dictionary, `{"user_id": ..., "agent_id": ..., "run_id": ..., "app_id": ...}`.
        user_id: The user; at least one of the four ids must be given, here or in `context`.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        chat_history: The conversation so far; it is not remembered again.
        llm: The model, used for the size of its context window.
        token_limit: The maximum length of the conversation shown to the model, in tokens; by default three quarters
            of the model's context window, or 30,000.
        chat_store: Where the conversation is stored; by default in this object.
        chat_store_key: The key of the conversation in the store; by default a key that no other scope has.
        primary_memory: Another memory of LlamaIndex that stores the conversation, instead of the five arguments above.
        on_error: `"log"` continues the conversation when the memory fails, `"raise"` raises the failure.
        settings: `search_msg_limit`, the number of last messages to search for, including the question (from 1);
            `max_tokens`, the size limit of the block in addition to the conversation (from 1); `insert_method`, where
            the model sees the block: `"user"`, before the user's last message, works with every engine and agent;
            `"system"`, in a system message, which `ReActAgent` drops unless it has its own system prompt.

    Raises:
        InvalidInput: No id is given, an id is unusable, or `primary_memory` is given with an argument it replaces.
    """

    primary_memory: SerializeAsAny[BaseMemory]
    search_msg_limit: int = Field(default=DEFAULT_SEARCH_MSG_LIMIT, ge=1)
    insert_method: InsertMethod = InsertMethod.USER
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
        chat_history: Sequence[ChatMessage] | None = None,
        llm: LLM | None = None,
        token_limit: int | None = None,
        chat_store: BaseChatStore | None = None,
        chat_store_key: str | None = None,
        primary_memory: BaseMemory | None = None,
        on_error: Literal["raise", "log"] = "log",
        **settings: Any,
    ) -> None:
        ids = _merge_ids(context, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
        scoped = holdfast.ScopedMemory(memory, **ids, on_error=on_error)
        buffer_options: dict[str, Any] = {"chat_store": chat_store, "chat_store_key": chat_store_key}
        buffer_options |= {"chat_history": list(chat_history or ()), "llm": llm, "token_limit": token_limit}
        settings["primary_memory"] = _make_primary_memory(scoped, primary_memory, buffer_options)
        super().__init__(**settings)
        self._memory, self._scoped = memory, scoped
        self._recall = Recall(scoped, search_msg_limit=self.search_msg_limit, max_tokens=self.max_tokens)

    @classmethod
    def class_name(cls) -> str:
        """Return the name LlamaIndex uses for this class."""
        return "Mem0Memory"

    @classmethod
    def from_defaults(cls, **settings: Any) -> Self:
        """Return a chat memory for an open memory; takes the constructor's arguments by name."""
        return cls(**settings)

    @classmethod
    def from_config(
        cls,
        context: Mapping[str, Any],
        config: Mapping[str, Any],
        search_msg_limit: int = DEFAULT_SEARCH_MSG_LIMIT,
        **settings: Any,
    ) -> Self:
        """Open the memory that a dictionary in Holdfast's or Mem0's form describes, and return a chat memory for it.

        Args:
            context: The ids, `{"user_id": ...}`.
            config: The argument of `holdfast.Memory.from_config`.
            search_msg_limit: The number of last messages to search for.
            settings: Further arguments of the constructor.

        Raises:
            ConfigError: The dictionary holds an unknown key or value.
            InvalidInput: `context` holds no id.
        """
        return cls(holdfast.Memory.from_config(config), context=context, search_msg_limit=search_msg_limit, **settings)

    @classmethod
    def from_client(
        cls,
        context: Mapping[str, Any],
        api_key: str | None = None,
        host: str | None = None,
        org_id: str | None = None,
        project_id: str | None = None,
        search_msg_limit: int = DEFAULT_SEARCH_MSG_LIMIT,
        *,
        client: Memory | AsyncMemory | None = None,
        **settings: Any,
    ) -> Self:
        """Return a chat memory for a client: the one given, or one for a server.

        Args:
            context: The ids, `{"user_id": ...}`.
            api_key: The server's key.
            host: The server's address.
            org_id: The organisation there.
            project_id: The project there.
            search_msg_limit: The number of last messages to search for.
            client: An open memory, instead of the four arguments above.
            settings: Further arguments of the constructor.

        Raises:
            ConfigError: No client is given, and this version of Holdfast has no client for a server.
            InvalidInput: `context` holds no id.
        """
        if client is None:
            client = _make_remote_client(api_key=api_key, host=host, org_id=org_id, project_id=project_id)
        return cls(client, context=context, search_msg_limit=search_msg_limit, **settings)

    @property
    def context(self) -> dict[str, str]:
        """The ids of the scope, `{"user_id": ...}`."""
        return self._scoped.scope.ids()

    def get(self, input: str | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002 - LlamaIndex's word
        """Return the messages to show the model: the conversation, and the memories recalled for the question.

        Args:
            input: What the user says next, if the caller adds it to the conversation afterwards.
            kwargs: Further arguments of `primary_memory.get`.
        """
        block = self._recall.get_block(self.primary_memory.get_all(), input)
        history = self.primary_memory.get(input=input, **kwargs)
        return insert_block(history, block, insert_method=self.insert_method)

    async def aget(self, input: str | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002 - see `get`
        """Do `get` without blocking the event loop."""
        block = await self._recall.aget_block(await self.primary_memory.aget_all(), input)
        history = await self.primary_memory.aget(input=input, **kwargs)
        return insert_block(history, block, insert_method=self.insert_method)

    def get_all(self) -> list[ChatMessage]:
        """Return the whole conversation, without recalled memories."""
        return list(self.primary_memory.get_all())

    async def aget_all(self) -> list[ChatMessage]:
        """Do `get_all` without blocking the event loop."""
        return list(await self.primary_memory.aget_all())

    def put(self, message: ChatMessage) -> None:
        """Add a message to the conversation; a message that answers completes a turn, which is then remembered."""
        self.put_messages([message])

    async def aput(self, message: ChatMessage) -> None:
        """Do `put` without blocking the event loop."""
        await self.aput_messages([message])

    def put_messages(self, messages: list[ChatMessage]) -> None:
        """Add messages to the conversation, and remember the turns they complete."""
        turns = get_answered_turns([*get_unanswered(self.primary_memory.get_all()), *messages])
        self.primary_memory.put_messages(messages)
        if turns:
            self._scoped.add(to_messages(turns))

    async def aput_messages(self, messages: list[ChatMessage]) -> None:
        """Do `put_messages` without blocking the event loop."""
        turns = get_answered_turns([*get_unanswered(await self.primary_memory.aget_all()), *messages])
        await self.primary_memory.aput_messages(messages)
        if turns:
            await self._scoped.aadd(to_messages(turns))

    def set(self, messages: list[ChatMessage]) -> None:
        """Make `messages` the conversation.

        Turns that the current conversation did not have are remembered, including edited ones. If there is no current
        conversation, nothing is remembered: a server that passes the whole conversation with every request must not
        bring back memories that were corrected or deleted since.
        """
        turns = _get_new_turns(self.primary_memory.get_all(), messages)
        self.primary_memory.set(list(messages))
        self._recall.reset()
        if turns:
            self._scoped.add(to_messages(turns))

    async def aset(self, messages: list[ChatMessage]) -> None:
        """Do `set` without blocking the event loop."""
        turns = _get_new_turns(await self.primary_memory.aget_all(), messages)
        await self.primary_memory.aset(list(messages))
        self._recall.reset()
        if turns:
            await self._scoped.aadd(to_messages(turns))

    def reset(self) -> None:
        """Start a new conversation. Memories stay; `holdfast.Memory.delete_all` deletes them."""
        self.primary_memory.reset()
        self._recall.reset()

    async def areset(self) -> None:
        """Do `reset` without blocking the event loop."""
        await self.primary_memory.areset()
        self._recall.reset()

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Return the conversation, the ids and the path of the memory as JSON types, without secrets.

        Raises:
            InvalidInput: The memory is in RAM.
        """
        if self._memory.path == ":memory:":
            raise InvalidInput("a memory in RAM cannot be serialized: open it with a path")
        fields = {"path": self._memory.path, "context": self.context, "on_error": self._scoped.on_error}
        return {**super().to_dict(mode="json", **kwargs), **fields}

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return the chat memory that `to_dict` described, and open its memory again.

        Args:
            data: The result of `to_dict`.
            kwargs: Replacements: `memory=` for a memory that is open already, `primary_memory=` if the conversation
                was not in a `ChatMemoryBuffer`.

        Raises:
            ConfigError: The engines of the memory cannot be made from its file.
            InvalidInput: The conversation was in another kind of memory.
        """
        fields = {**data, **kwargs}
        fields.pop("class_name", None)
        path = fields.pop("path")
        if isinstance(fields["primary_memory"], dict):
            fields["primary_memory"] = _load_buffer(fields["primary_memory"])
        return cls(**{"memory": fields.pop("memory", None) or holdfast.Memory(path), **fields})

    def __getstate__(self) -> dict[Any, Any]:
        # LlamaIndex silently leaves out what cannot be pickled; pydantic raises, as it should for a memory in RAM.
        return BaseModel.__getstate__(self)

    def __setstate__(self, state: dict[Any, Any]) -> None:
        BaseModel.__setstate__(self, state)


def _merge_ids(context: Mapping[str, Any] | None, **ids: str | None) -> dict[str, Any]:
    """Return the ids of `context` and the ids given by name in one dictionary."""
    given = {field: value for field, value in ids.items() if value is not None}
    for field, value in (context or {}).items():
        if field not in ids:
            raise InvalidInput(f"context has the key {field!r}: it takes {', '.join(ids)}")
        if value is not None and given.setdefault(field, value) != value:
            raise InvalidInput(f"{field} is {given[field]!r}, and {value!r} in context: give one")
    return given


def _make_primary_memory(
    scoped: ScopedMemory, given: BaseMemory | None, buffer_options: Mapping[str, Any]
) -> BaseMemory:
    """Return the memory that stores the conversation: `given`, or a buffer with these options."""
    if given is None:
        return _make_buffer(scoped, **buffer_options)
    if any(buffer_options.values()):
        names = ", ".join(name for name, value in buffer_options.items() if value)
        raise InvalidInput(f"primary_memory keeps the conversation: give {names} to it, not here")
    return given


def _make_buffer(
    scoped: ScopedMemory,
    *,
    chat_history: list[ChatMessage],
    chat_store_key: str | None,
    llm: LLM | None,
    token_limit: int | None,
    chat_store: BaseChatStore | None,
) -> ChatMemoryBuffer:
    # LlamaIndex's default key is a constant, with which users of one store would share one conversation.
    key = chat_store_key or json.dumps(scoped.scope.ids(), sort_keys=True)
    limit = token_limit or (None if llm else DEFAULT_TOKEN_LIMIT)
    # None instead of an empty history, which would overwrite the conversation in the store.
    return ChatMemoryBuffer.from_defaults(
        chat_history=chat_history or None, llm=llm, token_limit=limit, chat_store=chat_store, chat_store_key=key
    )


def _load_buffer(data: dict[str, Any]) -> ChatMemoryBuffer:
    if data.get("class_name") != ChatMemoryBuffer.class_name():
        raise InvalidInput(f"the conversation is in a {data.get('class_name')}: give it as primary_memory=")
    return ChatMemoryBuffer.from_dict(dict(data))


def _get_new_turns(earlier: Sequence[ChatMessage], messages: Sequence[ChatMessage]) -> list[Turn]:
    """Return the turns of `messages` that the earlier conversation does not have, none if there was no earlier one."""
    known = get_answered_turns(earlier)
    return [turn for turn in get_answered_turns(messages) if turn not in known] if earlier else []


def _make_remote_client(**options: str | None) -> Any:
    client = getattr(holdfast, "MemoryClient", None)
    if client is None:
        raise ConfigError("this version of Holdfast has no client for a server: give client=holdfast.Memory(...)")
    return client(**{name: value for name, value in options.items() if value is not None})
