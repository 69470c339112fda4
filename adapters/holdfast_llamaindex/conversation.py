"""Read turns and the user's question from LlamaIndex messages.

Engines and agents pass their messages in different orders and several times, so nothing here depends on the calls:
everything is read from the conversation itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from llama_index.core.llms import ChatMessage, MessageRole, TextBlock

_ASSISTANT_ROLES = (MessageRole.ASSISTANT, MessageRole.CHATBOT, MessageRole.MODEL)
_THOUGHT = re.compile(r"^Thought:", re.MULTILINE)


class Utterance(NamedTuple):
    """The text of one message of the user or the assistant, without tool calls, reasoning and images."""

    role: str
    content: str


Turn = tuple[Utterance, ...]
"""One or several messages of the user, and the answer to them."""


class Question(NamedTuple):
    """The question of the current turn.

    Attributes:
        position: The index in the conversation; together with the text it identifies the turn.
        text: The user's message.
        query: The text to search for: the last messages before the question, and the question.
    """

    position: int
    text: str
    query: str


def get_text(message: ChatMessage) -> str:
    """Return the text of a message, `""` if it has none.

    >>> get_text(ChatMessage("Hello"))
    'Hello'
    """
    return "\n".join(block.text for block in message.blocks if isinstance(block, TextBlock))


def to_utterance(message: ChatMessage) -> Utterance | None:
    """Return the text of a user or an assistant, `None` for other messages and for messages without text."""
    text = get_text(message)
    if message.role == MessageRole.USER:
        return Utterance("user", text) if text.strip() else None
    if message.role not in _ASSISTANT_ROLES or _calls_tools(message):
        return None
    answer = _strip_reasoning(text)
    return Utterance("assistant", answer) if answer.strip() else None


def split_turns(messages: Iterable[ChatMessage]) -> list[Turn]:
    """Return the turns of a conversation. An answer ends a turn, so the last turn may have no answer yet.

    >>> split_turns([ChatMessage("Hi"), ChatMessage("Hello!", role="assistant"), ChatMessage("How are you?")])[1]
    (Utterance(role='user', content='How are you?'),)
    """
    finished: list[Turn] = []
    current: list[Utterance] = []
    for message in messages:
        if (utterance := to_utterance(message)) is not None:
            current.append(utterance)
        if utterance is not None and utterance.role == "assistant":
            finished.append(tuple(current))
            current = []
    return [*finished, tuple(current)] if current else finished


def get_answered_turns(messages: Iterable[ChatMessage]) -> list[Turn]:
    """Return the complete turns, those with a message of the user and an answer."""
    return [turn for turn in split_turns(messages) if turn[0].role == "user" and turn[-1].role == "assistant"]


def to_messages(turns: Iterable[Turn]) -> list[dict[str, str]]:
    """Return turns as the messages that `holdfast.Memory.add` takes."""
    return [utterance._asdict() for turn in turns for utterance in turn]


def get_unanswered(messages: Sequence[ChatMessage]) -> Sequence[ChatMessage]:
    """Return the messages after the last answer."""
    for end in range(len(messages), 0, -1):
        utterance = to_utterance(messages[end - 1])
        if utterance is not None and utterance.role == "assistant":
            return messages[end:]
    return messages


def find_question(
    messages: Sequence[ChatMessage], next_message: str | None = None, *, search_msg_limit: int
) -> Question | None:
    """Return the question of the current turn, `None` if the user has said nothing.

    Args:
        messages: The conversation so far.
        next_message: What the user says next. Some callers pass it before they add it to the conversation, some after.
        search_msg_limit: The number of messages to search for, including the question.
    """
    position, text = _locate_question(messages, next_message)
    if not text.strip():
        return None
    utterances = filter(None, map(to_utterance, reversed(messages[:position])))
    earlier = [utterance.content for utterance in islice(utterances, search_msg_limit - 1)]
    return Question(position, text, "\n".join([*reversed(earlier), text]))


def _locate_question(messages: Sequence[ChatMessage], next_message: str | None) -> tuple[int, str]:
    start = len(messages) - len(get_unanswered(messages))
    unanswered = [(position, get_text(messages[position])) for position in _user_positions(messages, start)]
    if next_message is not None and next_message.strip() and (not unanswered or unanswered[-1][1] != next_message):
        return len(messages), next_message
    if unanswered:
        # The first message with this text, because some callers add the same question twice.
        return next(one for one in unanswered if one[1] == unanswered[-1][1])
    positions = _user_positions(messages, 0)
    return (positions[-1], get_text(messages[positions[-1]])) if positions else (0, "")


def _user_positions(messages: Sequence[ChatMessage], start: int) -> list[int]:
    return [position for position in range(start, len(messages)) if messages[position].role == MessageRole.USER]


def _calls_tools(message: ChatMessage) -> bool:
    # Older versions keep the calls in `additional_kwargs`, newer ones in the blocks.
    blocks = (getattr(block, "block_type", None) for block in message.blocks)
    return bool(message.additional_kwargs.get("tool_calls")) or "tool_call" in blocks


def _strip_reasoning(text: str) -> str:
    """Return only the answer from the text of a ReAct agent, without its thoughts, actions and observations."""
    if not text.lstrip().startswith("Thought:"):
        return text
    for step in reversed(_THOUGHT.split(text)):
        _, found, answer = step.partition("\nAnswer:")
        if found:
            return answer.strip()
    return text
