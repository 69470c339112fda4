"""Carrying decisions out: one transaction, in which each is seen once more to still hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from holdfast.errors import HoldfastError
from holdfast.extraction.facts import Decision, Skipped, Turn
from holdfast.operations.add_steps.candidates import Candidate, Decided, Kept, Observation
from holdfast.operations.add_steps.similar import SimilarMemory
from holdfast.operations.result_items import added_item, skipped_item
from holdfast.records import MemoryRecord, SourceMessage, is_expired
from holdfast.results import AddedItem, AddResult, SkippedItem
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow, write
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import IndexEntry, Transaction

MAX_DELETES = 3
"""Most memories one add may delete on a model's word. All can be brought back from their history."""


class ScopeFilled(HoldfastError):
    """Someone stored a memory in a scope that was empty when its facts were decided."""


def apply_decisions(
    runtime: Runtime,
    turns: Sequence[Turn],
    observation: Observation,
    decisions: Sequence[Decided],
    inference: str,
    skipped: Sequence[Skipped],
    *,
    kept: Sequence[Kept] | None = None,
    alone: bool = False,
) -> Flow[AddResult]:
    """Carry out what was decided and keep the conversation, its turns as memories too if so `kept`, in one write.

    Raises:
        ScopeFilled: It was decided as if the scope were empty (`alone`), and it is not; nothing was written.
    """
    messages = [
        SourceMessage(turn.role, turn.content, turn.name, observation.happened_at)
        for turn in turns
        if turn.role != "system"
    ]
    places = [place for place, turn in enumerate(turns) if turn.role != "system"]

    def store(transaction: Transaction) -> AddResult:
        if alone and transaction.has_memories(observation.scope):
            raise ScopeFilled
        runtime.admit(transaction, [*(one.entry for one, *_ in decisions if one), *(entry for _, entry in kept or ())])
        numbers = transaction.insert_messages(observation.scope, messages, recorded_at=observation.recorded_at)
        changes = Changes(transaction, observation, sources=dict(zip(places, numbers, strict=True)))
        if kept is not None:
            changes.keep(kept)
        for candidate, decision, target in decisions:
            changes.carry_out(candidate, decision, target)
        return changes.result(inference, skipped)

    return (yield from commit(runtime, store))


def commit(runtime: Runtime, task: Callable[[Transaction], AddResult]) -> Flow[AddResult]:
    """Return what `task` did once it is durable."""
    result: AddResult = yield from write(runtime.store, task)
    runtime.admission_is_kept()
    return result


class Changes:
    """Carries decisions out inside one transaction, seeing once more whether they still hold."""

    def __init__(
        self, transaction: Transaction, observation: Observation, *, sources: Mapping[int, int] | None = None
    ) -> None:
        self._transaction = transaction
        self._observation = observation
        self._sources = sources or {}
        self._results: list[AddedItem] = []
        self._turns: list[AddedItem] | None = None
        self._skipped: list[SkippedItem] = []
        self._deletes = 0
        self._written: set[str] = set()

    def result(self, inference: str, skipped: Sequence[Skipped]) -> AddResult:
        """Return what was done, for the caller."""
        result: AddResult = {
            "results": self._results,
            "skipped": [*map(skipped_item, skipped), *self._skipped],
            "inference": inference,
        }
        if self._turns is not None:
            result["turns"] = self._turns
        return result

    def keep(self, kept: Sequence[Kept]) -> None:
        """Store turns beside their facts."""
        self._turns = [
            added_item(turn.record, "ADD")
            for turn, entry in kept
            if self._stored(turn.record, entry, turn.content_hash, turn.number)
        ]

    def carry_out(self, candidate: Candidate | None, decision: Decision, target: SimilarMemory | None) -> None:
        """Do what was decided about one fact or memory."""
        if decision.event == "DELETE" and target is not None:
            self._delete(target.record)
        elif candidate is None:
            return
        elif decision.event == "UPDATE" and target is not None:
            self._update(target.record, candidate, decision.text or candidate.fact.text)
        elif decision.event == "ADD":
            self.insert(candidate.record, candidate.entry, content_hash(candidate.record), candidate.fact.turn)
        else:
            known = None if target is None else target.record.id
            self._skip(decision.reason or "already known", candidate.fact.text, memory_id=known)

    def insert(self, record: MemoryRecord, entry: IndexEntry, mark: bytes, turn: int | None = None) -> None:
        """Store a new memory, unless one that says the same is there."""
        if self._stored(record, entry, mark, turn):
            self._results.append(added_item(record, "ADD"))

    def _stored(self, record: MemoryRecord, entry: IndexEntry, mark: bytes, turn: int | None) -> bool:
        twin = self._transaction.insert(record, entry, content_hash=mark, sources=self._sources_of(turn))
        if twin is None:
            return True
        if self._expired(twin):
            return self._stored(record, entry, mark, turn)
        self._skip("duplicate", record.text, memory_id=twin)
        return False

    def _expired(self, memory_id: str) -> bool:
        """Clear the way for a memory that says again what an expired one said; return whether there was one."""
        record = self._transaction.get(memory_id)
        if record is None or not is_expired(record, self._observation.recorded_at):
            return False
        self._remove(record)
        return True

    def _update(self, shown: MemoryRecord, candidate: Candidate, text: str) -> None:
        now = self._transaction.get(shown.id)
        if now is None or (now.text != shown.text and now.id not in self._written):
            # Someone else changed or removed it meanwhile: what was heard is kept beside it.
            self.insert(candidate.record, candidate.entry, content_hash(candidate.record), candidate.fact.turn)
            return
        if now.immutable:
            self._skip("immutable", text, memory_id=now.id)
            return
        new = replace(
            now,
            text=text,
            updated_at=max(self._observation.happened_at, now.created_at),
            role=candidate.record.role,
            speaker=candidate.record.speaker,
            attributed_to=candidate.record.attributed_to,
            standing=candidate.record.standing,
            metadata={**now.metadata, **candidate.record.metadata},
            expiration_date=candidate.record.expiration_date,
            immutable=candidate.record.immutable,
        )
        self._written.add(now.id)
        self._transaction.update(
            now,
            new,
            index_entry=candidate.entry,
            sources=self._sources_of(candidate.fact.turn),
            content_hash=content_hash(new),
            happened_at=self._observation.happened_at,
            recorded_at=self._observation.recorded_at,
        )
        self._results.append(added_item(new, "UPDATE", previous=now.text))

    def _delete(self, shown: MemoryRecord) -> None:
        now = self._transaction.get(shown.id)
        if now is None or now.text != shown.text:
            self._skip("changed meanwhile", shown.text, memory_id=shown.id)
        elif now.immutable:
            self._skip("immutable", now.text, memory_id=now.id)
        elif self._deletes == MAX_DELETES:
            self._skip("too many deletes", now.text, memory_id=now.id)
        else:
            self._deletes += 1
            self._remove(now)
            self._results.append(added_item(now, "DELETE"))

    def _sources_of(self, turn: int | None) -> list[int]:
        return [self._sources[turn]] if turn is not None and turn in self._sources else []

    def _remove(self, record: MemoryRecord) -> None:
        happened_at, recorded_at = self._observation.happened_at, self._observation.recorded_at
        self._transaction.delete(record, happened_at=happened_at, recorded_at=recorded_at)

    def _skip(self, reason: str, text: str, *, memory_id: str | None = None) -> None:
        self._skipped.append(skipped_item(Skipped(reason, text), memory_id=memory_id))
