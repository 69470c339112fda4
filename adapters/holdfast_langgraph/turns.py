"""From a graph's messages to what was asked and what a turn said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, convert_to_messages


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user said and the answer to it, in the shape `add` takes.

    Attributes:
        messages: What the user said since the last answer, and the answer.
        mark: What the turn is known by when a run is repeated, `None` when its messages have no ids.
    """

    messages: list[dict[str, Any]]
    mark: str | None


def messages_of(state: Any, key: str) -> list[BaseMessage]:
    """Return the messages of a state, whichever kind of state and of messages it is."""
    found = state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
    return list(convert_to_messages(found or []))


def question(messages: Sequence[BaseMessage]) -> str:
    """Return what the user said last, `""` when they said nothing."""
    return next((text_of(message) for message in reversed(messages) if isinstance(message, HumanMessage)), "")


def finished_turn(messages: Sequence[BaseMessage]) -> Turn | None:
    """Return the last turn, `None` while it has no answer yet."""
    answer = messages[-1] if messages else None
    if not isinstance(answer, AIMessage) or answer.tool_calls or not text_of(answer).strip():
        return None
    asked = _asked_last(messages)
    if not any(text_of(message).strip() for message in asked):
        return None
    return Turn([_said(message) for message in (*asked, answer) if message.content], _mark(asked))


def text_of(message: BaseMessage | AnyMessage) -> str:
    """Return the words of a message; images, tool calls and reasoning are none."""
    content: Any = message.content
    parts = [content] if isinstance(content, str) else content
    return "\n".join(text for text in map(_part_text, parts) if text)


def _asked_last(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return what the user said last, with what they said right before it."""
    last = max((place for place, message in enumerate(messages) if isinstance(message, HumanMessage)), default=-1)
    first = last
    while first > 0 and isinstance(messages[first - 1], HumanMessage):
        first -= 1
    return list(messages[first : last + 1]) if last >= 0 else []


def _said(message: BaseMessage) -> dict[str, Any]:
    name = {"name": message.name} if message.name else {}
    if isinstance(message, AIMessage):
        return {"role": "assistant", "content": text_of(message), **name}
    # The parts go in as they are: what is no text is reported as skipped.
    return {"role": "user", "content": message.content, **name}


def _mark(asked: Sequence[BaseMessage]) -> str | None:
    if not all(message.id for message in asked):
        return None
    ids = "\n".join(str(message.id) for message in asked)
    return blake2b(ids.encode(), digest_size=8).hexdigest()


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    is_text = isinstance(part, Mapping) and part.get("type") == "text"
    return str(part.get("text") or "") if is_text else ""
