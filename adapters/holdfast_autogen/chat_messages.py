"""Read a `ConversableAgent`'s messages: what the user said, and what the agent answered.

The messages are the dictionaries AutoGen stores; nothing here changes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autogen import UserProxyAgent

from holdfast import content_text

Message = Mapping[str, Any]


@dataclass(slots=True)
class Turn:
    """One turn of a user, from the user's last message to the answer.

    Attributes:
        asked: The user's message, as the dictionary object that AutoGen stores; `None` if no user spoke.
        since: The user's message of the last saved turn.
        block: The block recalled for the turn; `None` before the search.
        saved: Whether the turn has been answered and saved.
    """

    asked: Message | None
    since: Message | None = None
    block: str | None = None
    saved: bool = False

    def follow(self, earlier: Turn) -> Turn:
        """Take over from `earlier` which turn was saved last, and return this turn."""
        self.since = earlier.asked if earlier.saved else earlier.since
        return self


def find_last_question(agent: Any, messages: Sequence[Message], sender: Any) -> Message | None:
    """Return the user's last message as AutoGen stores it, because hooks of other capabilities may pass copies."""
    people = get_people(sender)
    question = next((message for message in reversed(messages) if is_from_user(message, people)), None)
    if question is None or sender is None:
        return question
    group = get_group(sender)
    stored = group.messages if group is not None else agent.chat_messages.get(sender, ())
    return next((message for message in reversed(stored) if is_same(message, question)), question)


def get_unsaved_questions(messages: Sequence[Message], sender: Any, since: Message | None) -> list[dict[str, str]]:
    """Return the user's messages after the agent's last answer, or after `since`, as messages to save.

    Among several people each message carries its speaker's name: not all of them are the user whose memory it is.
    """
    people = get_people(sender)
    several = people is not None and len(people) > 1
    questions: list[dict[str, str]] = []
    for message in reversed(messages):
        if is_answer(message) or (questions and since is not None and is_same(message, since)):
            break
        if is_from_user(message, people):
            name = {"name": str(message["name"])} if several and message.get("name") else {}
            questions.append({"role": "user", "content": get_text(message), **name})
    return questions[::-1]


def get_last_text(messages: Iterable[Message]) -> str:
    """Return the text of the last message that has one."""
    return next((text for text in map(get_text, reversed([*messages])) if text.strip()), "")


def is_from_user(message: Message, people: set[str] | None) -> bool:
    """Return whether a user wrote `message`, and not the agent itself, a tool or another agent."""
    if message.get("role") != "user" or not get_text(message).strip():
        return False
    return people is None or message.get("name") in people


def is_answer(message: Message) -> bool:
    """Return whether `message` is text of the agent, and not a tool call."""
    calls_tools = message.get("tool_calls") or message.get("function_call")
    return message.get("role") == "assistant" and not calls_tools and bool(get_text(message).strip())


def get_text(message: Message) -> str:
    """Return the text of a message, without images.

    >>> get_text({"content": [{"type": "text", "text": "Hello"}, {"type": "image_url", "image_url": {}}]})
    'Hello'
    """
    return content_text(message.get("content"))


def get_answer_text(reply: Any) -> str:
    """Return the text of a reply, `""` if it calls tools or returns their results."""
    message = {"content": reply} if isinstance(reply, str) else reply
    if not isinstance(message, Mapping) or message.get("role") in ("tool", "function"):
        return ""
    return get_text(message) if is_answer({**message, "role": "assistant"}) else ""


def get_people(sender: Any) -> set[str] | None:
    """Return the names of the users: the agent that opened a group chat, and its user proxies.

    `None` means everyone, because the other side of a chat between two is always the user.
    """
    group = get_group(sender)
    if group is None:
        return None
    opener = {message.get("name") for message in group.messages[:1]}
    return opener | {member.name for member in group.agents if isinstance(member, UserProxyAgent)}


def get_group(sender: Any) -> Any:
    """Return the group chat that `sender` manages, `None` if it manages none."""
    return getattr(sender, "groupchat", None)


def is_same(message: Message, other: Message) -> bool:
    """Return whether two dictionaries are one message, which AutoGen copies for each member of a group."""
    return message is other or (
        message.get("content") == other.get("content") and message.get("name") == other.get("name")
    )
