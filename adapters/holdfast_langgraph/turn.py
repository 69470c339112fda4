"""Read the last finished turn from a graph's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages

from holdfast_langchain.messages import get_text, to_conversation


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user said and the answer to it.

    Attributes:
        messages: The user's messages since the last answer, and the answer, as `Memory.add` takes them.
        fingerprint: Hash of the ids of the user's messages, equal when a run is repeated. `None` if a message has no
            id.
    """

    messages: list[dict[str, Any]]
    fingerprint: str | None


def get_messages(state: Any, key: str) -> list[BaseMessage]:
    """Return the messages of a state, which may be a dictionary or an object and hold any form of message."""
    found = state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
    return list(convert_to_messages(found or []))


def get_finished_turn(messages: Sequence[BaseMessage]) -> Turn | None:
    """Return the last turn, `None` while it has no answer.

    >>> get_finished_turn([HumanMessage("Hi", id="1"), AIMessage("Hello!")]).messages
    [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello!'}]
    >>> get_finished_turn([HumanMessage("Hi")]) is None
    True
    """
    answer = messages[-1] if messages else None
    if not isinstance(answer, AIMessage) or answer.tool_calls or not get_text(answer).strip():
        return None
    questions = _last_user_messages(messages)
    if not any(get_text(message).strip() for message in questions):
        return None
    return Turn(to_conversation([*questions, answer]), _fingerprint(questions))


def _last_user_messages(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the user's last message and the user's messages directly before it."""
    last = max((place for place, message in enumerate(messages) if isinstance(message, HumanMessage)), default=-1)
    first = last
    while first > 0 and isinstance(messages[first - 1], HumanMessage):
        first -= 1
    return list(messages[first : last + 1]) if last >= 0 else []


def _fingerprint(messages: Sequence[BaseMessage]) -> str | None:
    if not all(message.id for message in messages):
        return None
    ids = "\n".join(str(message.id) for message in messages)
    return blake2b(ids.encode(), digest_size=8).hexdigest()
