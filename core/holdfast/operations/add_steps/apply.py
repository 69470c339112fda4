"""Carry out an add in one transaction, in which every decision is checked once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from holdfast.extraction.facts import Fact, Skipped
from holdfast.operations.add_steps.candidates import CONTRADICTED, AddPlan, Candidate, Observation, PlannedChange
from holdfast.operations.add_steps.recheck import recheck
from holdfast.operations.result_items import added_item, skipped_item
from holdfast.records import MemoryRecord, SourceMessage, is_expired
from holdfast.results import AddedItem, AddResult, SkippedItem
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow
from holdfast.runtime.runtime import Runtime
from holdfast.scope import Scope
from holdfast.stores.protocol import Transaction

MAX_DELETES = 3
"""Most memories that one add may delete on a model's decision. `rollback` restores each of them."""


def apply_plan(
    runtime: Runtime, observation: Observation, plan: AddPlan, *, may_ask_again: bool = False
) -> Flow[AddResult]:
    """Store the conversation and carry out `plan` in one write, and return what happened.

    Args:
        runtime: The open memory.
        observation: The conversation.
        plan: What to do; what it was decided on is checked once more.
        may_ask_again: Whether a model decides again where that has changed; else the rules do.

    Raises:
        PlanOutdated: The model must be asked again; nothing was written.
        EmbedderMismatch: The store was re-embedded in between; nothing was written.
    """

    def apply(transaction: Transaction) -> AddResult:
        current = recheck(runtime, transaction, observation, plan, may_ask_again=may_ask_again)
        return _Writer(transaction, observation, current).apply()

    changed = [change.candidate.entry for change in plan.changes if change.candidate is not None]
    facts = [candidate.entry for candidate in plan.candidates]
    kept = [turn.entry for turn in plan.kept_turns or ()]
    return (yield from runtime.write_with_embedder_check(apply, [*changed, *facts, *kept]))


class _Writer:
    """Carries out one plan inside one transaction.

    Each decision is checked against what the transaction reads: an earlier one of the plan may have changed it.
    """

    def __init__(self, transaction: Transaction, observation: Observation, plan: AddPlan) -> None:
        self._transaction = transaction
        self._observation = observation
        self._plan = plan
        self._message_numbers: dict[int, int] = {}
        self._events: list[AddedItem] = []
        self._skipped: list[SkippedItem] = []
        self._ids: dict[str, str] = {}  # of the memory that says what a fact says
        self._deletes = 0
        self._updated: set[str] = set()
        self._scopes_of_deleted: set[Scope] = set()

    def apply(self) -> AddResult:
        if self._plan.inference != "none":  # verbatim turns are their own source
            self._insert_messages()
        kept = [self._keep_turn(turn) for turn in self._plan.kept_turns or ()]
        for fact, memory_id in self._plan.repeated:
            self._transaction.link_sources(memory_id, self._sources_of(fact))
            self._ids[fact.text] = memory_id
            self._skip("duplicate", fact.text, memory_id=memory_id)
        for change in self._plan.changes:
            self._apply_change(change)
        for scope in self._scopes_of_deleted:  # at the end, when it is known which turns the new facts cite
            self._transaction.delete_uncited_messages(scope)
        earlier = [skipped_item(one, memory_id=self._ids.get(one.repeats)) for one in self._plan.skipped]
        result: AddResult = {
            "results": self._events,
            "skipped": [*earlier, *self._skipped],
            "inference": self._plan.inference,
        }
        if self._plan.kept_turns is not None:
            result["turns"] = [item for item in kept if item is not None]
        return result

    def _insert_messages(self) -> None:
        observation = self._observation
        spoken = [(number, turn) for number, turn in enumerate(observation.turns) if turn.role != "system"]
        messages = [
            SourceMessage(observation.role_of(turn), turn.content, turn.name, observation.happened_at)
            for _, turn in spoken
        ]
        stored = self._transaction.insert_messages(observation.scope, messages, recorded_at=observation.recorded_at)
        self._message_numbers = {number: message for (number, _), message in zip(spoken, stored, strict=True)}

    def _keep_turn(self, turn: Candidate) -> AddedItem | None:
        return added_item(turn.record, "ADD") if self._insert(turn) else None

    def _apply_change(self, change: PlannedChange) -> None:
        candidate, target = change.candidate, change.target
        if change.event == "DELETE" and target is not None:
            self._delete(target.record, candidate, is_contradicted=change.reason == CONTRADICTED)
        elif candidate is None:
            return
        elif change.event == "UPDATE" and target is not None:
            self._update(target.record, candidate)
        elif change.event == "ADD":
            self._add(candidate)
        else:
            known = None if target is None else target.record.id
            if known is not None:
                self._ids[candidate.fact.text] = known
            if known is None or not self._confirm_instruction(known, candidate):
                self._repeat(known, candidate)
                self._skip(change.reason or "already known", candidate.record.text, memory_id=known)

    def _add(self, candidate: Candidate) -> None:
        if self._insert(candidate):
            self._events.append(added_item(candidate.record, "ADD"))

    def _insert(self, candidate: Candidate) -> bool:
        """Store a new memory; return whether it was new. Of two that say the same the known one stays."""
        duplicate = self._transaction.insert(
            candidate.record,
            candidate.entry,
            content_hash=candidate.content_hash,
            sources=self._sources_of(candidate.fact),
        )
        self._ids[candidate.fact.text] = duplicate or candidate.record.id
        if duplicate is None:
            return True
        if self._remove_expired(duplicate):
            return self._insert(candidate)
        if self._confirm_instruction(duplicate, candidate):
            return False
        self._repeat(duplicate, candidate)
        self._skip("duplicate", candidate.record.text, memory_id=duplicate)
        return False

    def _remove_expired(self, memory_id: str) -> bool:
        """Delete the memory if it has expired, so that a new one may say the same; return whether it had."""
        record = self._transaction.get(memory_id)
        if record is None or not is_expired(record, self._observation.recorded_at):
            return False
        self._remove(record)
        return True

    def _confirm_instruction(self, memory_id: str, candidate: Candidate) -> bool:
        """Make the known memory an instruction when the user now says in the same words what somebody else said.

        Returns:
            Whether the memory was changed. Without this, whoever says it first could keep the user from being heard.
        """
        if candidate.record.standing != "instruction":
            return False
        current = self._transaction.get(memory_id)
        if current is None or current.immutable:
            return False
        if current.standing == "instruction" or current.memory_type != "semantic":
            return False
        self._replace(current, candidate)
        return True

    def _update(self, decided_on: MemoryRecord, candidate: Candidate) -> None:
        current = self._transaction.get(decided_on.id)
        if current is None or (current.text != decided_on.text and current.id not in self._updated):
            # Another add has changed or deleted the memory meanwhile: the new fact is kept beside it.
            self._add(candidate)
            return
        if current.standing == "instruction" and not candidate.by_own_user:
            self._add(candidate)  # what others say never replaces what the user has asked for
            return
        if current.immutable:
            self._skip("immutable", candidate.record.text, memory_id=current.id)
            return
        self._replace(current, candidate)

    def _replace(self, current: MemoryRecord, candidate: Candidate) -> None:
        new = replace(
            current,
            text=candidate.record.text,
            updated_at=max(self._observation.happened_at, current.created_at),
            actor_id=candidate.record.actor_id,
            role=candidate.record.role,
            speaker=candidate.record.speaker,
            attributed_to=candidate.record.attributed_to,
            standing=candidate.record.standing,
            metadata={**current.metadata, **candidate.record.metadata},
            expiration_date=candidate.record.expiration_date,
            immutable=candidate.record.immutable,
        )
        self._ids[candidate.fact.text] = current.id
        self._updated.add(current.id)
        self._transaction.update(
            current,
            new,
            index_entry=candidate.entry,
            sources=self._sources_of(candidate.fact),
            content_hash=content_hash(new),
            happened_at=self._observation.happened_at,
            recorded_at=self._observation.recorded_at,
        )
        self._events.append(added_item(new, "UPDATE", previous=current.text))

    def _delete(self, decided_on: MemoryRecord, candidate: Candidate | None, *, is_contradicted: bool) -> None:
        current = self._transaction.get(decided_on.id)
        if current is None or current.text != decided_on.text:
            self._skip("changed meanwhile", decided_on.text, memory_id=decided_on.id)
        elif current.immutable:
            self._skip("immutable", current.text, memory_id=current.id)
        elif current.standing == "instruction" and (candidate is None or not candidate.by_own_user):
            self._skip("not the user's request", current.text, memory_id=current.id)
        elif self._deletes == MAX_DELETES and not is_contradicted:
            self._skip("too many deletes", current.text, memory_id=current.id)
        else:
            self._deletes += not is_contradicted
            self._repeat(current.id, candidate)  # "forget that I ..." says it once more
            self._remove(current)
            self._events.append(added_item(current, "DELETE"))

    def _repeat(self, memory_id: str | None, candidate: Candidate | None) -> None:
        """Record that the turns of `candidate` say what a known memory says: they go when it is deleted."""
        if memory_id is not None and candidate is not None:
            self._transaction.link_sources(memory_id, self._sources_of(candidate.fact))

    def _sources_of(self, fact: Fact) -> Sequence[int]:
        """Return the message a fact comes from; all of this add when the model has not said which."""
        if fact.turn is None:
            return list(self._message_numbers.values())
        message = self._message_numbers.get(fact.turn)
        return () if message is None else (message,)

    def _remove(self, record: MemoryRecord) -> None:
        self._scopes_of_deleted.add(record.scope)
        happened_at, recorded_at = self._observation.happened_at, self._observation.recorded_at
        self._transaction.delete(record, happened_at=happened_at, recorded_at=recorded_at)

    def _skip(self, reason: str, text: str, *, memory_id: str | None = None) -> None:
        self._skipped.append(skipped_item(Skipped(reason, text), memory_id=memory_id))
