"""`HoldfastChatMessageHistory`: the messages of one session, word for word."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, messages_from_dict, messages_to_dict

from holdfast import AsyncMemory, Flow, InvalidInput, Memory, OnError, ScopedMemory
from holdfast_langchain.messages import to_conversation

_MESSAGES = "langchain_messages"
_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
_MAX_DOCUMENTS = 1_000_000


class HoldfastChatMessageHistory(BaseChatMessageHistory):
    """The messages of one session, and memories of the facts in them that outlive the session.

    `messages` is exactly what was added and never contains recalled text. No search finds the messages, because they
    are stored as expired. The facts in them are added to the scope without `run_id`, so every session finds them.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> history = HoldfastChatMessageHistory(memory=memory, user_id="ana", run_id="monday")
    >>> history.add_user_message("I live in Porto.")
    >>> [message.content for message in history.messages]
    ['I live in Porto.']
    >>> [item["memory"] for item in memory.get_all(user_id="ana")["results"]]
    ['I live in Porto.']

    Args:
        memory: The memory; it stays open.
        run_id: The session.
        user_id: The user.
        agent_id: The agent.
        app_id: The application.
        on_error: `"log"` continues the conversation when the memory fails, `"raise"` stops it.
        infer: Also remember the facts. `False` if something else does, such as `HoldfastMemory`.

    Raises:
        InvalidInput: `run_id` is missing, or another argument is unusable.
    """

    def __init__(
        self,
        *,
        memory: Memory | AsyncMemory,
        run_id: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        on_error: OnError = "log",
        infer: bool = True,
    ) -> None:
        ids = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
        self._session = ScopedMemory(memory, **ids, on_error=on_error)
        if run_id is None:
            raise InvalidInput("no session is named: give run_id")
        long_term = {field: value for field, value in ids.items() if field != "run_id" and value is not None}
        self._long_term = ScopedMemory(memory, **long_term, on_error=on_error) if long_term else self._session
        self._infer = infer
        # Exactly this scope: without the condition, another user's session of the same name would match too.
        absent = [{field: "*"} for field in _SCOPE_FIELDS if ids[field] is None]
        self._filter: dict[str, Any] = {_MESSAGES: "*", **({"NOT": absent} if absent else {})}

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override] # the base declares it as an attribute
        """The session's messages, oldest first."""
        return _to_messages(self._session.get_all(filters=self._filter, limit=_MAX_DOCUMENTS, show_expired=True))

    async def aget_messages(self) -> list[BaseMessage]:
        """Return `messages` without blocking the event loop."""
        items = await self._session.aget_all(filters=self._filter, limit=_MAX_DOCUMENTS, show_expired=True)
        return _to_messages(items)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Store messages unchanged, and remember the facts in them."""
        self._session.run(self._store(messages))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Do `add_messages` without blocking the event loop."""
        await self._session.arun(self._store(messages))

    def clear(self) -> None:
        """Delete the session's messages; the facts remembered from them stay."""
        self._session.delete_all(filters=self._filter)

    async def aclear(self) -> None:
        """Do `clear` without blocking the event loop."""
        await self._session.adelete_all(filters=self._filter)

    def _store(self, messages: Sequence[BaseMessage]) -> Flow[None]:
        if messages:
            yield from self._session.flows.put(_to_documents(messages))
        conversation = to_conversation(messages) if self._infer else []
        if conversation:
            yield from self._long_term.flows.add(conversation)


def _to_documents(messages: Sequence[BaseMessage]) -> list[Any]:
    """Return one document that holds the messages whole, expired so that no search finds it."""
    as_json = json.loads(json.dumps(messages_to_dict(messages), default=str))
    return [
        {
            "memory_id": str(uuid4()),
            "text": f"{len(messages)} messages",
            "metadata": {_MESSAGES: as_json},
            "expiration_date": "1970-01-01",
        }
    ]


def _to_messages(newest_first: Sequence[Mapping[str, Any]]) -> list[BaseMessage]:
    stored = [item["metadata"][_MESSAGES] for item in reversed(newest_first)]
    return messages_from_dict([message for messages in stored for message in messages])
