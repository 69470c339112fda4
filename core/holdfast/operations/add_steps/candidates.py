"""What one add may store: the observation, drafts of memories, and drafts with their index entries."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from holdfast.extraction import rules
from holdfast.extraction.facts import Attribution, Fact, SimilarMemory, Skipped, Turn
from holdfast.extraction.instructions import asks_in_other_language, find_instruction, is_fiction
from holdfast.operations.index_entries import embed_records
from holdfast.records import NOTE_ROLE, Event, MemoryRecord, MemoryType, ProfileKind, is_own_user
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow
from holdfast.runtime.runtime import Runtime
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexEntry
from holdfast.timestamps import to_datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """One add: the conversation, and what the caller says of all its memories.

    Attributes:
        attributed_to: `"assistant"` when a model wrote the messages as notes about the user; else `None`.
        happened_at: When the conversation took place, microseconds UTC.
        recorded_at: When the store receives it, microseconds UTC.
    """

    turns: Sequence[Turn]
    scope: Scope
    actor_id: str | None
    metadata: Mapping[str, Any]
    happened_at: int
    recorded_at: int
    expiration_date: str | None
    immutable: bool
    attributed_to: Attribution | None = None

    @property
    def day(self) -> str:
        """The day of the conversation, `YYYY-MM-DD`."""
        return to_datetime(self.happened_at).date().isoformat()

    @property
    def sides(self) -> list[Attribution]:
        """Whose facts are kept: the user's; the assistant's in an agent's own memory; both where both are named."""
        if self.scope.agent_id is None or all(turn.role != "assistant" for turn in self.turns):
            return ["user"]
        return ["assistant"] if self.scope.user_id is None else ["user", "assistant"]

    def role_of(self, turn: Turn) -> str:
        """Return the role that is recorded as the source: a note of a model is no user's turn, whatever it says."""
        return NOTE_ROLE if self.attributed_to == "assistant" and turn.role == "user" else turn.role

    def is_by_own_user(self, turn: Turn) -> bool:
        """Return whether the user of the scope says `turn`.

        Someone with another name does not, nor anyone in a scope without a user: agents and applications have many.
        """
        names = [name for name in (turn.name, self.actor_id) if name is not None]
        return self.role_of(turn) == "user" and is_own_user(self.scope.user_id, names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A memory that may be stored, before it is embedded.

    Attributes:
        by_own_user: Whether the user of the scope said it; only then may it change an instruction.
        fact: The fact; of a turn that is kept as it was said, its text.
        content_hash: Equal for two memories when one of them would be a duplicate.
    """

    fact: Fact
    record: MemoryRecord
    content_hash: bytes
    by_own_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Draft):
    """A draft with its vector and terms: ready to be stored."""

    entry: IndexEntry


CONTRADICTED = "contradicted"
"""The reason of a DELETE of a memory that a new fact contradicts, beside the one that it updates."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One decision, with the memories it is about.

    Attributes:
        candidate: The new memory, worded as it will be stored; `None` when a known memory is only deleted.
        target: The known memory that changes or, for `NONE`, already says the same.
        reason: Why, for `NONE` in one word; `CONTRADICTED` for a `DELETE` that follows from another decision.
    """

    event: Event
    candidate: Candidate | None
    target: SimilarMemory | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddPlan:
    """Everything one add does, decided before anything is written.

    Attributes:
        inference: What decided.
        kept_turns: The turns to store beside their facts; `None` when the caller did not ask for them.
        repeated: Facts that a memory states word for word already, each with its id.
        candidates: The facts that were decided on.
        similar: For each of them the memories it was compared with.
        read_at: The number of the store's last change when those were read; `None` when nothing depends on them.
    """

    inference: Literal["model", "rules", "none"]
    changes: Sequence[PlannedChange]
    skipped: Sequence[Skipped] = ()
    kept_turns: Sequence[Candidate] | None = None
    repeated: Sequence[tuple[Fact, str]] = ()
    candidates: Sequence[Candidate] = ()
    similar: Sequence[Sequence[SimilarMemory]] = ()
    read_at: int | None = None


def draft_facts(runtime: Runtime, observation: Observation, facts: Sequence[Fact]) -> tuple[list[Draft], list[Skipped]]:
    """Return the facts as the memories they would be, of equal ones the first, and a note of each other one."""
    drafts: dict[bytes, Draft] = {}
    repeated: list[Skipped] = []
    profile = ProfileCheck(observation)
    for found in facts:
        fact, standing = profile.check(found)
        turn = None if fact.turn is None else observation.turns[fact.turn]
        record = _record(runtime, observation, fact.text, turn, fact.attributed_to, standing=standing)
        key = content_hash(record)
        if key in drafts:
            repeated.append(Skipped("duplicate", fact.text, repeats=drafts[key].fact.text))
            continue
        by_own_user = turn is not None and observation.is_by_own_user(turn)
        drafts[key] = Draft(fact=fact, record=record, content_hash=key, by_own_user=by_own_user)
    return list(drafts.values()), repeated


def draft_turns(runtime: Runtime, observation: Observation, facts: Sequence[Fact] | None = None) -> list[Draft]:
    """Return every turn, word for word, as the memory it would be; with `facts`, each turn with the facts it states."""
    occurrences: Counter[tuple[str, str | None, str]] = Counter()
    drafts = []
    for number, turn in enumerate(observation.turns):
        if turn.role == "system":
            continue
        side: Attribution | None = turn.role if turn.role in ("user", "assistant") else None  # type: ignore[assignment]
        of_turn = None if facts is None else tuple(fact.text for fact in facts if fact.turn == number)
        record = _record(runtime, observation, turn.content, turn, side, memory_type="episodic", facts=of_turn)
        # "Yes." said twice in one conversation is two memories; the same conversation added twice is one.
        key = (record.text, record.speaker, turn.role)
        hashed = content_hash(record, occurrence=occurrences[key])
        drafts.append(Draft(fact=Fact(turn.content, number), record=record, content_hash=hashed))
        occurrences[key] += 1
    return drafts


def embed_drafts(runtime: Runtime, drafts: Sequence[Draft]) -> Flow[list[Candidate]]:
    """Return the drafts with their index entries, embedded in one call."""
    entries = yield from embed_records(runtime, [draft.record for draft in drafts])
    return [
        Candidate(
            fact=draft.fact,
            record=draft.record,
            content_hash=draft.content_hash,
            by_own_user=draft.by_own_user,
            entry=entry,
        )
        for draft, entry in zip(drafts, entries, strict=True)
    ]


class ProfileCheck:
    """Decides which facts of a conversation are profile facts, and of what kind.

    A model, or the words of a fact, may say that it is an instruction. That is believed only when the user of the scope
    says so in a turn of the conversation, in these words: whoever can write a mail that an agent reads could otherwise
    give it lasting orders.
    """

    def __init__(self, observation: Observation) -> None:
        self._observation = observation

    def check(self, fact: Fact) -> tuple[Fact, ProfileKind | None]:
        """Return `fact`, an instruction in the user's own words, and its kind."""
        turn = None if fact.turn is None else self._observation.turns[fact.turn]
        kind = fact.standing or rules.profile_kind(fact.text, speaker=None if turn is None else turn.name)
        if kind is None and asks_in_other_language(fact.text):
            kind = "instruction"
        if kind == "none":
            return fact, None
        if kind != "instruction":
            return fact, kind
        words = self._find_instruction(fact)
        return (fact, None) if words is None else (replace(fact, text=words), "instruction")

    def _find_instruction(self, fact: Fact) -> str | None:
        turns = self._observation.turns
        if fact.turn is None or fact.turn >= self._fiction or not self._observation.is_by_own_user(turns[fact.turn]):
            return None
        return find_instruction(fact.text, turns[fact.turn].content)

    @functools.cached_property
    def _fiction(self) -> int:
        """The number of the turn that starts a role play; nothing from there on is meant."""
        turns = self._observation.turns
        return next((number for number, turn in enumerate(turns) if is_fiction(turn.content)), len(turns))


def _record(
    runtime: Runtime,
    observation: Observation,
    text: str,
    turn: Turn | None,
    attributed_to: Attribution | None,
    *,
    memory_type: MemoryType = "semantic",
    standing: ProfileKind | None = None,
    facts: tuple[str, ...] | None = None,
) -> MemoryRecord:
    speaker = None if turn is None else turn.name
    return MemoryRecord(
        id=runtime.new_id(),
        text=text,
        scope=observation.scope,
        created_at=observation.happened_at,
        updated_at=observation.happened_at,
        recorded_at=observation.recorded_at,
        actor_id=observation.actor_id or speaker,
        role=observation.role_of(turn) if turn is not None else None,
        attributed_to=observation.attributed_to or attributed_to,
        speaker=speaker,
        memory_type=memory_type,
        metadata=observation.metadata,
        expiration_date=observation.expiration_date,
        immutable=observation.immutable,
        standing=standing,
        facts=facts,
    )
