"""What a store holds: memories and source messages.

All times are microseconds since 1970 in UTC (see `timestamps`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.protocols import Json
from holdfast.scope import Scope
from holdfast.timestamps import to_datetime

Event = Literal["ADD", "UPDATE", "DELETE", "NONE"]
MemoryType = Literal["semantic", "episodic", "procedural", "document"]
ProfileKind = Literal["profile", "preference", "instruction"]
"""The kind of a profile fact, which holds until further notice: who someone is, what they like, or how they want to be
answered."""

NOTE_ROLE = "tool"
"""The role of a memory that a model wrote as a note about the user, for example through a tool."""


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """One memory as it is stored.

    Attributes:
        id: UUID text.
        text: The memory itself.
        created_at: When its content was observed.
        updated_at: When its text last changed.
        recorded_at: When the store first recorded it.
        actor_id: Who said it, when the scope has several speakers.
        role: The role of the message it came from, such as `"user"`.
        attributed_to: Whose fact it is: `"user"` or `"assistant"`; a note of a model is the assistant's.
        speaker: The name of the speaker, indexed with the text.
        memory_type: A fact (`semantic`), a turn in its own words (`episodic`), a procedure (`procedural`), or a
            `document` that its owner put.
        expiration_date: Last day on which it is shown, `YYYY-MM-DD` in UTC.
        immutable: Whether changes are refused.
        facts: The facts extracted from a kept turn, `()` if there were none; `None` for everything else. They too lead
            to the turn. Later conversations change the facts, never the turn.
        standing: The kind of profile fact it is, if any; those are part of every context, whatever the query.
    """

    id: str
    text: str
    scope: Scope
    created_at: int
    updated_at: int
    recorded_at: int
    actor_id: str | None = None
    role: str | None = None
    attributed_to: str | None = None
    speaker: str | None = None
    memory_type: MemoryType = "semantic"
    metadata: Mapping[str, Json] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    expiration_date: str | None = None
    immutable: bool = False
    facts: tuple[str, ...] | None = None
    standing: ProfileKind | None = None

    @property
    def subject(self) -> str | None:
        """Whom it is about: the user, in a note of a model too, else whom it is attributed to."""
        return "user" if self.role == NOTE_ROLE else self.attributed_to


def is_expired(record: MemoryRecord, now: int) -> bool:
    """Return whether `record` has expired at `now`, microseconds since 1970.

    >>> record = MemoryRecord("1", "Sale", Scope(user_id="ana"), 0, 0, 0, expiration_date="1970-01-01")
    >>> is_expired(record, now=0), is_expired(record, now=86_400_000_000)
    (False, True)
    """
    return record.expiration_date is not None and record.expiration_date < to_datetime(now).date().isoformat()


def is_own_user(user_id: str | None, names: Iterable[str]) -> bool:
    """Return whether everyone in `names` is the user of a scope, by name; letter case does not matter.

    >>> is_own_user("ana", []), is_own_user("ana", ["Ana"]), is_own_user("ana", ["Mallory"]), is_own_user(None, [])
    (True, True, False, False)
    """
    return user_id is not None and all(name.strip().casefold() == user_id.strip().casefold() for name in names)


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """One message of a conversation, unchanged: the source of memories."""

    role: str
    content: str
    name: str | None
    happened_at: int
