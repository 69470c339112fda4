"""`HoldfastChatMessageHistory`: what was said in one session, word for word."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, messages_from_dict, messages_to_dict

from holdfast import AsyncMemory, InvalidInput, Memory, OnError, ScopedMemory
from holdfast_langchain.turns import conversation

_MESSAGES = "langchain_messages"
_IDS = ("user_id", "agent_id", "run_id", "app_id")
_MOST = 1_000_000


class HoldfastChatMessageHistory(BaseChatMessageHistory):
    """The messages of one session, kept in the memory's file, and their facts remembered beyond it.

    `messages` is exactly what was added, never something recalled. The messages themselves are seen by nothing else
    (they are kept expired); the facts in them go to the scope without the session, where every session finds them.

    Args:
        memory: Where they are kept; it stays open.
        run_id: The session.
        user_id: Whose session.
        agent_id: The agent.
        app_id: The application.
        on_error: `"log"` lets the conversation go on when the memory fails, `"raise"` stops it.
        infer: Remember the facts too; `False` where something else does, such as `HoldfastMemory`.

    Raises:
        InvalidInput: No session is named, or an argument cannot be used.
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
        lasting = {field: value for field, value in ids.items() if field != "run_id" and value is not None}
        self._lasting = ScopedMemory(memory, **lasting, on_error=on_error) if lasting else self._session
        self._infer = infer
        absent = [{field: "*"} for field in _IDS if ids[field] is None]
        self._mine: dict[str, Any] = {_MESSAGES: "*", **({"NOT": absent} if absent else {})}

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override] # the base declares it as an attribute
        """The session's messages, oldest first."""
        return _in_order(self._session.get_all(filters=self._mine, limit=_MOST, show_expired=True))

    async def aget_messages(self) -> list[BaseMessage]:
        """Await `messages`."""
        return _in_order(await self._session.aget_all(filters=self._mine, limit=_MOST, show_expired=True))

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Keep messages as they are, and remember what they say."""
        if messages:
            self._session.put(_transcript(messages))
        said = conversation(messages) if self._infer else []
        if said:
            self._lasting.add(said)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Await `add_messages`."""
        if messages:
            await self._session.aput(_transcript(messages))
        said = conversation(messages) if self._infer else []
        if said:
            await self._lasting.aadd(said)

    def clear(self) -> None:
        """Delete the session's messages; what was learned from them stays."""
        self._session.delete_all(filters=self._mine)

    async def aclear(self) -> None:
        """Await `clear`."""
        await self._session.adelete_all(filters=self._mine)


def _transcript(messages: Sequence[BaseMessage]) -> list[Any]:
    """Return messages as a document that gives them back whole and that no search finds."""
    listed = json.loads(json.dumps(messages_to_dict(messages), default=str))
    return [
        {
            "memory_id": str(uuid4()),
            "text": f"{len(messages)} messages",
            "metadata": {_MESSAGES: listed},
            "expiration_date": "1970-01-01",
        }
    ]


def _in_order(newest_first: Sequence[Mapping[str, Any]]) -> list[BaseMessage]:
    kept = [item["metadata"][_MESSAGES] for item in reversed(newest_first)]
    return messages_from_dict([message for messages in kept for message in messages])
