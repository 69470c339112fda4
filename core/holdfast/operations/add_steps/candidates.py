"""What one add has to store: its circumstances, and facts on their way to becoming memories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.extraction import rules
from holdfast.extraction.facts import Attribution, Decision, Fact, Turn
from holdfast.operations.add_steps.similar import SimilarMemory
from holdfast.records import MemoryRecord, MemoryType, ProfileKind
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.runtime import Runtime
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexEntry
from holdfast.timestamps import to_datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """What one add says of all its memories."""

    scope: Scope
    actor_id: str | None
    metadata: Mapping[str, Any]
    happened_at: int
    recorded_at: int
    expiration_date: str | None
    immutable: bool

    @property
    def day(self) -> str:
        """The day of the conversation, `YYYY-MM-DD`."""
        return to_datetime(self.happened_at).date().isoformat()


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn on its way to becoming a memory itself.

    Attributes:
        number: Its place in the conversation, from 0.
        content_hash: What a second add of the same turn is recognised by.
    """

    number: int
    record: MemoryRecord
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fact ready to be stored."""

    fact: Fact
    record: MemoryRecord
    entry: IndexEntry


Kept = tuple[KeptTurn, IndexEntry]
"""A turn ready to be stored."""

Decided = tuple[Candidate | None, Decision, SimilarMemory | None]
"""A fact (`None` when a decision concerns a memory alone), what becomes of it, and the memory that changes."""


def fact_record(runtime: Runtime, turns: Sequence[Turn], fact: Fact, observation: Observation) -> MemoryRecord:
    """Return a fact as the memory it would be."""
    source = None if fact.turn is None else turns[fact.turn]
    standing = _standing(fact, None if source is None else source.name)
    return _record(runtime, observation, fact.text, source, fact.attributed_to, standing=standing)


def kept_turns(
    runtime: Runtime, turns: Sequence[Turn], observation: Observation, facts: Sequence[Fact] | None = None
) -> list[KeptTurn]:
    """Return what was said, word for word, as the memories it would be; given `facts`, each turn with its own."""
    said: Counter[tuple[str, str | None, str]] = Counter()
    kept = []
    for number, turn in enumerate(turns):
        if turn.role == "system":
            continue
        side: Attribution | None = turn.role if turn.role in ("user", "assistant") else None  # type: ignore[assignment]
        told = None if facts is None else tuple(fact.text for fact in facts if fact.turn == number)
        record = _record(runtime, observation, turn.content, turn, side, memory_type="episodic", facts=told)
        words = (record.text, record.speaker, turn.role)
        kept.append(KeptTurn(number, record, content_hash(record, occurrence=said[words])))
        said[words] += 1
    return kept


def _standing(fact: Fact, speaker: str | None) -> ProfileKind | None:
    """Return what the model has said the fact is, or else what its words say."""
    if fact.standing == "none":
        return None
    return fact.standing or rules.standing_of(fact.text, speaker=speaker)


def sides_kept(scope: Scope, turns: Sequence[Turn]) -> list[Attribution]:
    """Return whose facts are kept: the user's, the assistant's in an agent's own memory, both where both are named."""
    speaks = any(turn.role == "assistant" for turn in turns)
    if scope.agent_id is None or not speaks:
        return ["user"]
    return ["assistant"] if scope.user_id is None else ["user", "assistant"]


def _record(
    runtime: Runtime,
    observation: Observation,
    text: str,
    source: Turn | None,
    attributed_to: Attribution | None,
    *,
    memory_type: MemoryType = "semantic",
    standing: ProfileKind | None = None,
    facts: tuple[str, ...] | None = None,
) -> MemoryRecord:
    speaker = None if source is None else source.name
    return MemoryRecord(
        id=runtime.new_id(),
        text=text,
        scope=observation.scope,
        created_at=observation.happened_at,
        updated_at=observation.happened_at,
        recorded_at=observation.recorded_at,
        actor_id=observation.actor_id or speaker,
        role=None if source is None else source.role,
        attributed_to=attributed_to,
        speaker=speaker,
        memory_type=memory_type,
        metadata=observation.metadata,
        expiration_date=observation.expiration_date,
        immutable=observation.immutable,
        standing=standing,
        facts=facts,
    )
