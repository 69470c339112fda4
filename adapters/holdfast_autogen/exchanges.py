"""Reading a `ConversableAgent`'s messages: what the user said, and what the agent answered.

Pure but for looking at the agents it is given; the messages are the dictionaries AutoGen keeps, and are never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autogen import UserProxyAgent

Message = Mapping[str, Any]


@dataclass(slots=True)
class Turn:
    """One turn of a user, from their last message to the answer.

    Attributes:
        asked: The user's message, the very dictionary AutoGen keeps; `None` when no user spoke.
        since: The message with which the last saved turn began.
        block: What was recalled for it; `None` before it was looked up.
        saved: Whether the turn has been answered and saved.
    """

    asked: Message | None
    since: Message | None = None
    block: str | None = None
    saved: bool = False

    def follows(self, earlier: Turn) -> Turn:
        """Return this turn, knowing where what `earlier` saved ends."""
        self.since = earlier.asked if earlier.saved else earlier.since
        return self


def asked_last(agent: Any, messages: Sequence[Message], sender: Any) -> Message | None:
    """Return the user's last message: as it is kept, since hooks of other capabilities may hand us copies."""
    people = people_of(sender)
    said = next((message for message in reversed(messages) if said_by_user(message, people)), None)
    if said is None or sender is None:
        return said
    group = group_of(sender)
    kept = group.messages if group is not None else agent.chat_messages.get(sender, ())
    return next((message for message in reversed(kept) if same(message, said)), said)


def unsaved_words(messages: Sequence[Message], sender: Any, since: Message | None) -> list[str]:
    """Return what the user said after the agent's last answer, or after `since`."""
    people = people_of(sender)
    words: list[str] = []
    for message in reversed(messages):
        if is_answer(message) or (words and since is not None and same(message, since)):
            break
        if said_by_user(message, people):
            words.append(text_of(message))
    return words[::-1]


def last_text(messages: Iterable[Message]) -> str:
    """Return the text of the last message that has one."""
    return next((text for text in map(text_of, reversed([*messages])) if text.strip()), "")


def said_by_user(message: Message, people: set[str] | None) -> bool:
    """Tell whether a user wrote `message`, seen from the agent: neither itself, nor a tool, nor another agent."""
    if message.get("role") != "user" or not text_of(message).strip():
        return False
    return people is None or message.get("name") in people


def is_answer(message: Message) -> bool:
    """Tell whether `message` is something the agent said, not a tool it called."""
    calls_tools = message.get("tool_calls") or message.get("function_call")
    return message.get("role") == "assistant" and not calls_tools and bool(text_of(message).strip())


def text_of(message: Message) -> str:
    """Return the text of a message, its images left out."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    return "\n".join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))


def answer_text(reply: Any) -> str:
    """Return what a reply says; nothing when it calls tools or brings back what they returned."""
    message = {"content": reply} if isinstance(reply, str) else reply
    if not isinstance(message, Mapping) or message.get("role") in ("tool", "function"):
        return ""
    return text_of(message) if is_answer({**message, "role": "assistant"}) else ""


def people_of(sender: Any) -> set[str] | None:
    """Return the names under which users speak: whoever opened a group chat and its user proxies.

    `None` stands for everyone: whoever talks with one agent alone is its user.
    """
    group = group_of(sender)
    if group is None:
        return None
    opener = {message.get("name") for message in group.messages[:1]}
    return opener | {member.name for member in group.agents if isinstance(member, UserProxyAgent)}


def group_of(sender: Any) -> Any:
    """Return the group chat that `sender` manages, `None` for everyone else."""
    return getattr(sender, "groupchat", None)


def same(message: Message, other: Message) -> bool:
    """Tell whether two dictionaries are one message: AutoGen copies it for everyone in a group."""
    return message is other or (
        message.get("content") == other.get("content") and message.get("name") == other.get("name")
    )
