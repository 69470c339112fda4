"""`Mem0Memory`: the chat memory of engines and agents, with a long-term memory behind it."""

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
from holdfast_llamaindex.recall import DEFAULT_MAX_TOKENS, DEFAULT_SEARCH_MSG_LIMIT, Recall, with_block
from holdfast_llamaindex.turns import Turn, answered, as_conversation, unanswered

if TYPE_CHECKING:
    # Pydantic evaluates what annotations it can, and would load the whole core when this module is imported.
    from holdfast import AsyncMemory, Memory, ScopedMemory

DEFAULT_TOKEN_LIMIT = 30_000
"""Most tokens of the conversation that a model is shown when neither a limit nor the model is named."""


class Mem0Memory(BaseMemory):
    """A chat memory that remembers across conversations.

    Give it to a chat engine or an agent as `memory=`. Once per turn it searches for what bears on the question and
    shows it to the model as one fenced block; when the answer is there, question and answer are remembered together.
    The conversation itself, in `primary_memory`, never holds what was recalled. One object is one conversation; a
    copy goes on with a conversation of its own and shares the long-term memory.

    Args:
        memory: A `holdfast.Memory` or `AsyncMemory`; it stays open and is not closed by this object.
        context: Whose memory it is, as `{"user_id": ..., "agent_id": ..., "run_id": ..., "app_id": ...}`.
        user_id: The same as a keyword: the user.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        chat_history: The conversation so far; it is taken as known and not remembered again.
        llm: The model, for the size of its context window.
        token_limit: Most tokens of the conversation that the model is shown; by default three quarters of the
            model's window, or 30,000.
        chat_store: Where the conversation is kept; by default in this object.
        chat_store_key: Its name there; by default one that no other scope has.
        primary_memory: Keeps the conversation in place of all that: any other memory of LlamaIndex.
        on_error: `"log"` lets the conversation go on when the memory fails, `"raise"` lets the failure out.
        settings: `search_msg_limit`, how many of the last messages to search for, the question among them (from 1);
            `max_tokens`, room for the block, on top of the conversation's (from 1); `insert_method`, where the model
            sees it: `"user"`, before the user's last words, serves every engine and agent; `"system"`, in a system
            message, which `ReActAgent` drops unless it has a system prompt of its own.

    Raises:
        InvalidInput: No scope is named, an id cannot be one, or `primary_memory` is given with what it replaces.
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
        ids = _ids(context, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
        scoped = holdfast.ScopedMemory(memory, **ids, on_error=on_error)
        kept: dict[str, Any] = {"chat_store": chat_store, "chat_store_key": chat_store_key}
        kept |= {"chat_history": list(chat_history or ()), "llm": llm, "token_limit": token_limit}
        settings["primary_memory"] = _conversation(scoped, primary_memory, kept)
        super().__init__(**settings)
        self._memory, self._scoped = memory, scoped
        self._recall = Recall(scoped, search_msg_limit=self.search_msg_limit, max_tokens=self.max_tokens)

    @classmethod
    def class_name(cls) -> str:
        """Return the name LlamaIndex knows this class by."""
        return "Mem0Memory"

    @classmethod
    def from_defaults(cls, **settings: Any) -> Self:
        """Return a chat memory over an opened memory: the constructor's arguments, by name."""
        return cls(**settings)

    @classmethod
    def from_config(
        cls,
        context: Mapping[str, Any],
        config: Mapping[str, Any],
        search_msg_limit: int = DEFAULT_SEARCH_MSG_LIMIT,
        **settings: Any,
    ) -> Self:
        """Open the memory that a dictionary describes, in our keys or in Mem0's, and return a chat memory over it.

        Args:
            context: Whose memory it is, as `{"user_id": ...}`.
            config: What `holdfast.Memory.from_config` takes.
            search_msg_limit: How many of the last messages to search for.
            settings: Everything else the constructor takes.

        Raises:
            ConfigError: The dictionary holds what is not known.
            InvalidInput: `context` names no scope.
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
        """Return a chat memory over a client: one that is given, or one for a server.

        Args:
            context: Whose memory it is, as `{"user_id": ...}`.
            api_key: The server's key.
            host: Where the server answers.
            org_id: The organisation there.
            project_id: The project there.
            search_msg_limit: How many of the last messages to search for.
            client: An opened memory, in the place of the four above.
            settings: Everything else the constructor takes.

        Raises:
            ConfigError: No client is given, and this version of Holdfast has none for a server.
            InvalidInput: `context` names no scope.
        """
        if client is None:
            client = _remote(api_key=api_key, host=host, org_id=org_id, project_id=project_id)
        return cls(client, context=context, search_msg_limit=search_msg_limit, **settings)

    @property
    def context(self) -> dict[str, str]:
        """Whose memory it is, as `{"user_id": ...}`."""
        return self._scoped.scope.ids()

    def get(self, input: str | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002 - LlamaIndex's word
        """Return the conversation as the model is to see it, with what is recalled for its question.

        Args:
            input: What the user says next, from callers that add it to the conversation afterwards.
            kwargs: What `primary_memory` takes.
        """
        block = self._recall.block(self.primary_memory.get_all(), input)
        history = self.primary_memory.get(input=input, **kwargs)
        return with_block(history, block, insert_method=self.insert_method)

    async def aget(self, input: str | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002 - see `get`
        """Await `get`."""
        block = await self._recall.ablock(await self.primary_memory.aget_all(), input)
        history = await self.primary_memory.aget(input=input, **kwargs)
        return with_block(history, block, insert_method=self.insert_method)

    def get_all(self) -> list[ChatMessage]:
        """Return the whole conversation, without anything recalled."""
        return list(self.primary_memory.get_all())

    async def aget_all(self) -> list[ChatMessage]:
        """Await `get_all`."""
        return list(await self.primary_memory.aget_all())

    def put(self, message: ChatMessage) -> None:
        """Add a message to the conversation; an answer completes a turn, which is then remembered."""
        self.put_messages([message])

    async def aput(self, message: ChatMessage) -> None:
        """Await `put`."""
        await self.aput_messages([message])

    def put_messages(self, messages: list[ChatMessage]) -> None:
        """Add messages to the conversation; the turns they complete are remembered together."""
        turns = answered([*unanswered(self.primary_memory.get_all()), *messages])
        self.primary_memory.put_messages(messages)
        if turns:
            self._scoped.add(as_conversation(turns))

    async def aput_messages(self, messages: list[ChatMessage]) -> None:
        """Await `put_messages`."""
        turns = answered([*unanswered(await self.primary_memory.aget_all()), *messages])
        await self.primary_memory.aput_messages(messages)
        if turns:
            await self._scoped.aadd(as_conversation(turns))

    def set(self, messages: list[ChatMessage]) -> None:
        """Make `messages` the conversation.

        Turns that a conversation under way did not have, edited ones too, are remembered. A conversation given to an
        object that has none yet is taken as known: a server that hands over all of it with every request must not
        bring back what was corrected or deleted since.
        """
        turns = _news(self.primary_memory.get_all(), messages)
        self.primary_memory.set(list(messages))
        self._recall.forget()
        if turns:
            self._scoped.add(as_conversation(turns))

    async def aset(self, messages: list[ChatMessage]) -> None:
        """Await `set`."""
        turns = _news(await self.primary_memory.aget_all(), messages)
        await self.primary_memory.aset(list(messages))
        self._recall.forget()
        if turns:
            await self._scoped.aadd(as_conversation(turns))

    def reset(self) -> None:
        """Begin a new conversation. What is remembered stays: `holdfast.Memory.delete_all` deletes it."""
        self.primary_memory.reset()
        self._recall.forget()

    async def areset(self) -> None:
        """Await `reset`."""
        await self.primary_memory.areset()
        self._recall.forget()

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Return the conversation, the scope and the memory's path, fit for JSON and free of secrets.

        Raises:
            InvalidInput: The memory is kept in RAM.
        """
        if self._memory.path == ":memory:":
            raise InvalidInput("a memory kept in RAM cannot be written down: give it a path")
        whose = {"path": self._memory.path, "context": self.context, "on_error": self._scoped.on_error}
        return {**super().to_dict(mode="json", **kwargs), **whose}

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """Return what `to_dict` wrote down; the memory is opened again.

        Args:
            data: What it returned.
            kwargs: Other values; `memory=` for a memory that is open already, `primary_memory=` where the
                conversation is not kept in a `ChatMemoryBuffer`.

        Raises:
            ConfigError: The memory's engines cannot be made again from its file.
            InvalidInput: The conversation is kept elsewhere.
        """
        fields = {**data, **kwargs}
        fields.pop("class_name", None)
        path = fields.pop("path")
        if isinstance(fields["primary_memory"], dict):
            fields["primary_memory"] = _buffer_again(fields["primary_memory"])
        return cls(**{"memory": fields.pop("memory", None) or holdfast.Memory(path), **fields})

    def __getstate__(self) -> dict[Any, Any]:
        # LlamaIndex leaves out in silence what cannot be pickled; a memory kept in RAM must say so.
        return BaseModel.__getstate__(self)

    def __setstate__(self, state: dict[Any, Any]) -> None:
        BaseModel.__setstate__(self, state)


def _ids(context: Mapping[str, Any] | None, **ids: str | None) -> dict[str, Any]:
    """Return the ids of `context` and those given by name, as one."""
    given = {field: value for field, value in ids.items() if value is not None}
    for field, value in (context or {}).items():
        if field not in ids:
            raise InvalidInput(f"context has the key {field!r}: it takes {', '.join(ids)}")
        if value is not None and given.setdefault(field, value) != value:
            raise InvalidInput(f"{field} is {given[field]!r}, and {value!r} in context: give one")
    return given


def _conversation(scoped: ScopedMemory, given: BaseMemory | None, kept: Mapping[str, Any]) -> BaseMemory:
    """Return what keeps the conversation: what was given, or a buffer made as `kept` says."""
    if given is None:
        return _buffer(scoped, **kept)
    if any(kept.values()):
        named = ", ".join(name for name, value in kept.items() if value)
        raise InvalidInput(f"primary_memory keeps the conversation: give {named} to it, not here")
    return given


def _buffer(
    scoped: ScopedMemory,
    *,
    chat_history: list[ChatMessage],
    chat_store_key: str | None,
    llm: LLM | None,
    token_limit: int | None,
    chat_store: BaseChatStore | None,
) -> ChatMemoryBuffer:
    # LlamaIndex's own default key is one for all: users who share a store would share a conversation.
    key = chat_store_key or json.dumps(scoped.scope.ids(), sort_keys=True)
    limit = token_limit or (None if llm else DEFAULT_TOKEN_LIMIT)
    # An empty history would wipe what the store holds.
    return ChatMemoryBuffer.from_defaults(
        chat_history=chat_history or None, llm=llm, token_limit=limit, chat_store=chat_store, chat_store_key=key
    )


def _buffer_again(data: dict[str, Any]) -> ChatMemoryBuffer:
    if data.get("class_name") != ChatMemoryBuffer.class_name():
        raise InvalidInput(f"the conversation is kept in a {data.get('class_name')}: give it as primary_memory=")
    return ChatMemoryBuffer.from_dict(dict(data))


def _news(earlier: Sequence[ChatMessage], messages: Sequence[ChatMessage]) -> list[Turn]:
    """Return the turns that a conversation gets by becoming `messages`; none when it only begins."""
    known = answered(earlier)
    return [turn for turn in answered(messages) if turn not in known] if earlier else []


def _remote(**options: str | None) -> Any:
    client = getattr(holdfast, "MemoryClient", None)
    if client is None:
        raise ConfigError("this version of Holdfast has no client for a server: give client=holdfast.Memory(...)")
    return client(**{name: value for name, value in options.items() if value is not None})
