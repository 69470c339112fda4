"""What is kept, and the dictionaries callers see (Mem0's shapes).

Times inside are microseconds since 1970 in UTC (see `instants`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.protocols import Json
from holdfast.scope import Scope
from holdfast.timestamps import to_datetime

Event = Literal["ADD", "UPDATE", "DELETE", "NONE"]
MemoryType = Literal["semantic", "episodic", "procedural", "document"]
ProfileKind = Literal["profile", "preference", "instruction"]
"""What holds until further notice: who somebody is, how they like things, how they want to be treated."""


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """One memory as the store keeps it.

    Attributes:
        id: UUID text.
        text: The memory itself.
        created_at: When what it says was observed.
        updated_at: When it last changed.
        recorded_at: When the store first heard of it.
        actor_id: Who said it, when the scope has several speakers.
        role: The role of the message it came from, such as `"user"`.
        attributed_to: Whose fact it is: `"user"` or `"assistant"`.
        speaker: The name of the speaker, indexed with the text.
        memory_type: A fact (`semantic`), a turn as it was said (`episodic`), a procedure,
            or a `document` that its owner put.
        expiration_date: Last day on which it is shown, `YYYY-MM-DD` in UTC.
        immutable: Whether changes are refused.
        facts: What was extracted from a turn that is kept beside its facts, `()` when it told none; `None` for
            everything else. The turn is found by them too, and conversations change them, never the turn.
        standing: What kind of standing fact it tells: always part of a context, whatever is asked.
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


def is_expired(record: MemoryRecord, now: int) -> bool:
    """Return whether `record` is past its last day at `now`, microseconds since 1970."""
    return record.expiration_date is not None and record.expiration_date < to_datetime(now).date().isoformat()


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """One message of a conversation, kept as it came: what memories are traced to."""

    role: str
    content: str
    name: str | None
    happened_at: int
