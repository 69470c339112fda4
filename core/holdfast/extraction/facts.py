"""The values that extraction, reconciliation and the operations exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast.records import Event, MemoryRecord, ProfileKind

Attribution = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, normalised.

    Attributes:
        role: `"user"`, `"assistant"`, `"system"`, `"tool"` or whatever the caller's framework uses.
        content: Plain text, not blank.
        name: The speaker's name, when the message has one.
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
        standing: The kind of profile fact it is, or `"none"`; `None` when the model did not say.
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
        text: What was skipped, in full; `skipped_item` shortens it.
        detail: A sentence for people, empty when the reason says it all.
        rule: The name of the key-free rule that decided, empty when none did.
        repeats: For a duplicate the fact of the same conversation that says the same, empty when there is none.
    """

    reason: str
    text: str
    detail: str = ""
    rule: str = ""
    repeats: str = ""


@dataclass(frozen=True, slots=True)
class SimilarMemory:
    """A memory that a new fact may repeat or change.

    Attributes:
        record: The memory as the store has it.
        similarity: The cosine to the new fact, -1..1; 0.0 when words or attributes found the memory, not its vector.
    """

    record: MemoryRecord
    similarity: float = 0.0

    @property
    def id(self) -> str:
        """The memory's id."""
        return self.record.id

    @property
    def text(self) -> str:
        """The memory's text."""
        return self.record.text


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one fact.

    Attributes:
        event: ADD a new memory, UPDATE or DELETE the known one, or NONE.
        fact: Index into the new facts, `None` when the decision concerns a known memory alone.
        known: Index into the known memories, `None` for ADD.
        text: The text to store for ADD and UPDATE.
        reason: Why, for NONE, in one word.
    """

    event: Event
    fact: int | None
    known: int | None = None
    text: str = ""
    reason: str = ""
