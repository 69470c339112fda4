"""Decide what new facts do to the memories similar to them: by one call to the model, or by the rules."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from holdfast.extraction import replies, rules
from holdfast.extraction.facts import Decision, SimilarMemory, Skipped
from holdfast.extraction.prompts import RECONCILIATION_SCHEMA, reconciliation_messages
from holdfast.operations.add_steps.candidates import (
    CONTRADICTED,
    Candidate,
    Draft,
    Observation,
    PlannedChange,
    embed_drafts,
)
from holdfast.operations.ask import ask_and_parse
from holdfast.operations.index_entries import attribute_labels
from holdfast.protocols import ChatModel
from holdfast.records import MemoryRecord
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow
from holdfast.runtime.runtime import Runtime

_MOST_EARLIER_FACTS = 20  # of the same add that a fact is compared with
# How far back the most similar of them are looked for: all the way, 70,000 facts of one add would take minutes.
_MOST_COMPARED_FACTS = 1000


def reconcile_with_model(
    runtime: Runtime,
    model: ChatModel,
    observation: Observation,
    candidates: Sequence[Candidate],
    similar: Sequence[SimilarMemory],
) -> Flow[tuple[list[PlannedChange], list[Skipped]]]:
    """Ask the model what the facts do to the memories similar to them; add all facts when no answer can be read."""
    facts = [one.fact for one in candidates]
    messages = reconciliation_messages(
        facts, similar, observed_on=observation.day, prompt=runtime.prompts.reconciliation
    )
    parse = functools.partial(replies.parse_decisions, facts=facts, known=similar)
    add_all = [Decision("ADD", number, None, fact.text) for number, fact in enumerate(facts)]
    decisions, skipped = yield from ask_and_parse(model, messages, RECONCILIATION_SCHEMA, parse, add_all)
    changes = yield from _plan_changes(runtime, decisions, candidates, similar)
    decided = {change.target.id for change in changes if change.target is not None}
    for change in [one for one in changes if one.event == "UPDATE" and one.candidate is not None]:
        record = change.candidate.record  # type: ignore[union-attr]
        others = [one for one in similar if one.id not in decided and is_same_speaker(one.record, record)]
        closed = _close_contradicted(change, others)
        decided |= {one.target.id for one in closed if one.target is not None}
        changes += closed
    return changes, skipped


def reconcile_with_rules(
    candidates: Sequence[Candidate], similar: Sequence[Sequence[SimilarMemory]]
) -> list[PlannedChange]:
    """Decide the facts one by one, each against its similar memories and the facts before it."""
    reconciler = _RuleReconciler(candidates)
    return [change for number, found in enumerate(similar) for change in reconciler.decide(number, found)]


def is_same_speaker(known: MemoryRecord, new: MemoryRecord) -> bool:
    """Return whether two memories are about the same one: "I live in Berlin" from one says nothing about another."""
    return known.speaker == new.speaker and known.subject in (new.subject, None)


def _plan_changes(
    runtime: Runtime,
    decisions: Sequence[Decision],
    candidates: Sequence[Candidate],
    similar: Sequence[SimilarMemory],
) -> Flow[list[PlannedChange]]:
    """Return the decisions with the memories they are about; texts the model has reworded are embedded in one call."""
    changes = [
        PlannedChange(
            decision.event,
            None if decision.fact is None else candidates[decision.fact],
            None if decision.known is None else similar[decision.known],
            decision.reason,
        )
        for decision in decisions
    ]
    reworded: dict[int, Draft] = {}
    for number, (decision, change) in enumerate(zip(decisions, changes, strict=True)):
        known, text = change.candidate, decision.text
        if known is None or decision.event not in ("ADD", "UPDATE") or text in ("", known.record.text):
            continue
        if known.record.standing != "instruction":  # an instruction stays in the user's own words
            record = replace(known.record, text=text)
            hashed = content_hash(record)
            reworded[number] = Draft(fact=known.fact, record=record, content_hash=hashed, by_own_user=known.by_own_user)
    candidates_of = zip(reworded, (yield from embed_drafts(runtime, list(reworded.values()))), strict=True)
    for number, candidate in candidates_of:
        changes[number] = replace(changes[number], candidate=candidate)
    return changes


class _RuleReconciler:
    """Compares each fact with the memories as the decisions before it leave them."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = candidates
        self._vectors = np.stack([one.entry.vector for one in candidates]) if candidates else np.zeros((0, 0))
        self._by_attribute: dict[str, list[int]] = {}
        self._holders: list[str | None] = []  # the memory that says what each fact says, by the fact's number
        self._current: dict[str, SimilarMemory | None] = {}

    def decide(self, number: int, similar: Sequence[SimilarMemory]) -> list[PlannedChange]:
        candidate = self._candidates[number]
        known = self._known_to(number, similar)
        decision = rules.reconcile(candidate.fact, known, speaker=candidate.record.speaker)
        target = None if decision.known is None else known[decision.known]
        change = PlannedChange(decision.event, candidate, target, decision.reason)
        closed = _close_contradicted(change, known)
        for one in (change, *closed):
            self._remember(one)
        self._holders.append(self._holder_of(change))
        for name in attribute_labels(candidate.fact.text, candidate.record.speaker):
            self._by_attribute.setdefault(name, []).append(number)
        return [change, *closed]

    def _known_to(self, number: int, similar: Sequence[SimilarMemory]) -> list[SimilarMemory]:
        stored = [self._current.get(one.record.id, one) for one in similar]
        earlier = [self._current.get(holder) for holder in map(self._holders.__getitem__, self._near(number)) if holder]
        known = {one.record.id: one for one in (*stored, *earlier) if one is not None}
        record = self._candidates[number].record
        return [one for one in known.values() if is_same_speaker(one.record, record)]

    def _near(self, number: int) -> list[int]:
        """Return the earlier facts that state the same attribute or are the most similar."""
        if not number:
            return []
        candidate = self._candidates[number]
        names = attribute_labels(candidate.fact.text, candidate.record.speaker)
        sharing = [other for name in names for other in self._by_attribute.get(name, [])[-_MOST_EARLIER_FACTS:]]
        start = max(0, number - _MOST_COMPARED_FACTS)
        similar = np.argsort(self._vectors[start:number] @ self._vectors[number])[-_MOST_EARLIER_FACTS:]
        return list(dict.fromkeys([*sharing, *(start + similar).tolist()]))

    def _remember(self, change: PlannedChange) -> None:
        """Let the facts that follow see what this one changes."""
        candidate, target = change.candidate, change.target
        if candidate is not None and change.event == "ADD":
            self._current[candidate.record.id] = SimilarMemory(candidate.record)
        elif candidate is not None and target is not None and change.event == "UPDATE":
            self._current[target.record.id] = SimilarMemory(replace(target.record, text=candidate.record.text))
        elif target is not None and change.event == "DELETE":
            self._current[target.record.id] = None

    def _holder_of(self, change: PlannedChange) -> str | None:
        """Return the id of the memory that says what the fact of `change` says."""
        if change.candidate is not None and change.event == "ADD":
            return change.candidate.record.id
        return None if change.target is None else change.target.record.id


def _close_contradicted(change: PlannedChange, known: Sequence[SimilarMemory]) -> list[PlannedChange]:
    """Return a DELETE of each of `known` that the new fact contradicts, beside the one it updates or repeats.

    Several memories of one home are left when programs told them at the same moment, or when a model overlooked them.
    """
    candidate, target = change.candidate, change.target
    if candidate is None or change.event not in ("ADD", "UPDATE", "NONE") or change.reason == "unknown":
        return []
    others = [one for one in known if target is None or one.id != target.id]
    places = rules.contradicted(candidate.record.text, others, speaker=candidate.record.speaker)
    return [PlannedChange("DELETE", candidate, others[place], CONTRADICTED) for place in places]
