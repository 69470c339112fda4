"""The small things that pass between extraction, reconciliation and the operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast.records import Event, ProfileKind

Attribution = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, normalised.

    Attributes:
        role: `"user"`, `"assistant"`, `"system"`, `"tool"` or whatever the caller's framework says.
        content: Plain text, not blank.
        name: The speaker's name, when the message carries one.
    """

    role: str
    content: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing worth remembering.

    Attributes:
        text: The fact in the language of the conversation.
        turn: Index of the turn it came from, `None` when unknown.
        attributed_to: Whose fact it is.
        standing: Whether it holds until further notice, and as what; `None` when nobody has said.
    """

    text: str
    turn: int | None = None
    attributed_to: Attribution = "user"
    standing: ProfileKind | Literal["none"] | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not stored, and why.

    Attributes:
        reason: A word callers can test for, such as `"question"` or `"duplicate"`.
        text: What was skipped, shortened by the caller where it is shown.
        detail: A sentence for people, empty when the reason says it all.
    """

    reason: str
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class KnownMemory:
    """A memory the store already has, as shown to whoever decides.

    Attributes:
        id: The memory's id.
        text: What it says.
        similarity: Cosine to the new fact, -1..1.
    """

    id: str
    text: str
    similarity: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one fact.

    Attributes:
        event: ADD a new memory, UPDATE or DELETE the known one, or NONE.
        fact: Index into the facts that were to be decided, `None` when the decision concerns a known memory alone.
        known: Index into the known memories, `None` for ADD.
        text: The text to store for ADD and UPDATE.
        reason: Why, for NONE, in one word.
    """

    event: Event
    fact: int | None
    known: int | None = None
    text: str = ""
    reason: str = ""
