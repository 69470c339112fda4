"""What LlamaIndex's messages say: which turns they make up, and what is being asked.

Engines and agents hand over their messages in different orders and several times, so nothing here counts calls: all is
read from the conversation itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from llama_index.core.llms import ChatMessage, MessageRole, TextBlock

_ANSWERING = (MessageRole.ASSISTANT, MessageRole.CHATBOT, MessageRole.MODEL)
_THOUGHT = re.compile(r"^Thought:", re.MULTILINE)


class Said(NamedTuple):
    """What one side said, without tool calls, scratch text and pictures."""

    role: str
    content: str


Turn = tuple[Said, ...]
"""What the user said, once or several times, and the answer to it."""


class Question(NamedTuple):
    """What is being asked.

    Attributes:
        place: Its position in the conversation; with the text it tells one turn from another.
        text: What the user said.
        query: What to search for: this and the last messages before it.
    """

    place: int
    text: str
    query: str


def text_of(message: ChatMessage) -> str:
    """Return the text of a message, `""` when it holds none."""
    return "\n".join(block.text for block in message.blocks if isinstance(block, TextBlock))


def said(message: ChatMessage) -> Said | None:
    """Return what a user or an assistant said; `None` for all other messages and for those without text."""
    text = text_of(message)
    if message.role == MessageRole.USER:
        return Said("user", text) if text.strip() else None
    if message.role not in _ANSWERING or _calls_tools(message):
        return None
    answer = _without_scratch(text)
    return Said("assistant", answer) if answer.strip() else None


def turns(messages: Iterable[ChatMessage]) -> list[Turn]:
    """Return a conversation turn by turn: an answer ends one, so the last may still be without."""
    ended: list[Turn] = []
    under_way: list[Said] = []
    for message in messages:
        if (words := said(message)) is not None:
            under_way.append(words)
        if words is not None and words.role == "assistant":
            ended.append(tuple(under_way))
            under_way = []
    return [*ended, tuple(under_way)] if under_way else ended


def answered(messages: Iterable[ChatMessage]) -> list[Turn]:
    """Return the whole turns: those in which a user spoke and was answered."""
    return [turn for turn in turns(messages) if turn[0].role == "user" and turn[-1].role == "assistant"]


def as_conversation(spoken: Iterable[Turn]) -> list[dict[str, str]]:
    """Return turns as the messages that `holdfast.Memory.add` takes."""
    return [words._asdict() for turn in spoken for words in turn]


def unanswered(messages: Sequence[ChatMessage]) -> Sequence[ChatMessage]:
    """Return what came after the last answer."""
    for place in range(len(messages), 0, -1):
        words = said(messages[place - 1])
        if words is not None and words.role == "assistant":
            return messages[place:]
    return messages


def question(
    messages: Sequence[ChatMessage], announced: str | None = None, *, search_msg_limit: int
) -> Question | None:
    """Return what is being asked, `None` when nobody has asked anything.

    Args:
        messages: The conversation so far.
        announced: What the user says next. Some callers say it before they add it to the conversation, others after.
        search_msg_limit: How many messages to search for, the question among them.
    """
    place, text = _asked(messages, announced)
    if not text.strip():
        return None
    earlier = (words.content for words in map(said, reversed(messages[:place])) if words is not None)
    before = list(islice(earlier, search_msg_limit - 1))
    return Question(place, text, "\n".join([*reversed(before), text]))


def _asked(messages: Sequence[ChatMessage], announced: str | None) -> tuple[int, str]:
    start = len(messages) - len(unanswered(messages))
    asked = [(place, text_of(messages[place])) for place in _users(messages, start)]
    if announced is not None and announced.strip() and (not asked or asked[-1][1] != announced):
        return len(messages), announced
    if asked:
        # The same words once more are the same question: some callers show it twice.
        return next(one for one in asked if one[1] == asked[-1][1])
    answered_already = _users(messages, 0)
    return (answered_already[-1], text_of(messages[answered_already[-1]])) if answered_already else (0, "")


def _users(messages: Sequence[ChatMessage], start: int) -> list[int]:
    return [place for place in range(start, len(messages)) if messages[place].role == MessageRole.USER]


def _calls_tools(message: ChatMessage) -> bool:
    # Older versions keep the calls beside the blocks, newer ones among them.
    blocks = (getattr(block, "block_type", None) for block in message.blocks)
    return bool(message.additional_kwargs.get("tool_calls")) or "tool_call" in blocks


def _without_scratch(text: str) -> str:
    """Return the answer alone of what a ReAct agent keeps: all its thoughts, actions and observations."""
    if not text.lstrip().startswith("Thought:"):
        return text
    for step in reversed(_THOUGHT.split(text)):
        _, found, answer = step.partition("\nAnswer:")
        if found:
            return answer.strip()
    return text
