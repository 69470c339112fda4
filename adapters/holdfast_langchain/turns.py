"""From LangChain's messages to Holdfast's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage


def text_of(value: Any) -> str:
    """Return the words of a message, a list of messages (its last one), message content or anything else.

    Images, tool calls and reasoning are no words.
    """
    if isinstance(value, BaseMessage):
        return text_of(value.content)
    if isinstance(value, Sequence) and not isinstance(value, str):
        if value and isinstance(value[-1], BaseMessage):
            return text_of(value[-1])
        return "\n".join(text for text in map(_part_text, value) if text)
    return "" if value is None else str(value)


def conversation(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return what the user and the assistant said to each other; tool messages and mere tool calls are left out."""
    return [said for message in messages for said in _said(message)]


def last_turn(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the last thing the user said and the assistant's answer to it; `[]` when the user said nothing."""
    asked = [place for place, message in enumerate(messages) if isinstance(message, HumanMessage)]
    if not asked:
        return []
    answers = conversation([message for message in messages[asked[-1] + 1 :] if isinstance(message, AIMessage)])
    return [*conversation([messages[asked[-1]]]), *answers[-1:]]


def _said(message: BaseMessage) -> list[dict[str, Any]]:
    name = {"name": message.name} if message.name else {}
    if isinstance(message, HumanMessage):
        blank = not message.content or (isinstance(message.content, str) and not message.content.strip())
        # The parts go in as they are: what is no text is reported as skipped.
        return [] if blank else [{"role": "user", "content": message.content, **name}]
    text = text_of(message) if isinstance(message, AIMessage) else ""
    return [{"role": "assistant", "content": text, **name}] if text.strip() else []


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    is_text = isinstance(part, Mapping) and part.get("type") == "text"
    return str(part.get("text") or "") if is_text else ""
