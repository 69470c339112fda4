"""Convert LangChain messages to the messages that `Memory.add` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from holdfast import content_text


def get_text(value: Any) -> str:
    """Return the text of a message, of the last message of a list, of message content, or of any other value.

    Images, tool calls and reasoning have no text.

    >>> get_text(HumanMessage([{"type": "text", "text": "Hello"}, {"type": "image_url", "image_url": "..."}]))
    'Hello'
    """
    if isinstance(value, BaseMessage):
        return get_text(value.content)
    if isinstance(value, Sequence) and not isinstance(value, str):
        if value and isinstance(value[-1], BaseMessage):
            return get_text(value[-1])
        return content_text(value)
    return "" if value is None else str(value)


def to_conversation(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return what the user and the assistant said, without tool messages and without bare tool calls.

    >>> to_conversation([HumanMessage("Hi"), AIMessage("Hello!")])
    [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello!'}]
    """
    return [entry for message in messages for entry in _to_entries(message)]


def get_last_turn(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the user's last message and the assistant's last answer to it, `[]` when the user has said nothing."""
    positions = [position for position, message in enumerate(messages) if isinstance(message, HumanMessage)]
    if not positions:
        return []
    answers = to_conversation([message for message in messages[positions[-1] + 1 :] if isinstance(message, AIMessage)])
    return [*to_conversation([messages[positions[-1]]]), *answers[-1:]]


def get_last_question(messages: Sequence[BaseMessage]) -> str:
    """Return the text of the user's last message, `""` when the user has said nothing."""
    return next((get_text(message) for message in reversed(messages) if isinstance(message, HumanMessage)), "")


def append_to_system_message(message: SystemMessage | None, block: str) -> SystemMessage:
    r"""Return a copy of a system message with `block` after its content, or a new one when there is none.

    >>> append_to_system_message(SystemMessage("Be brief."), "Ana lives in Porto.").content
    'Be brief.\n\nAna lives in Porto.'
    """
    if message is None:
        return SystemMessage(block)
    content: list[Any] = [message.content] if isinstance(message.content, str) else [*message.content]
    if all(isinstance(part, str) for part in content):
        return message.model_copy(update={"content": "\n\n".join([*content, block])})
    return message.model_copy(update={"content": [*content, {"type": "text", "text": block}]})


def _to_entries(message: BaseMessage) -> list[dict[str, Any]]:
    name = {"name": message.name} if message.name else {}
    if isinstance(message, HumanMessage):
        is_blank = not message.content or (isinstance(message.content, str) and not message.content.strip())
        # The content parts are passed on unread: `add` reports those that are not text in `skipped`.
        return [] if is_blank else [{"role": "user", "content": message.content, **name}]
    text = get_text(message) if isinstance(message, AIMessage) else ""
    return [{"role": "assistant", "content": text, **name}] if text.strip() else []
