"""Deciding without a model: each fact is compared with what is known and with the facts before it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from holdfast.extraction import replies, rules
from holdfast.extraction.facts import Decision, Fact
from holdfast.extraction.prompts import (
    RECONCILIATION_SCHEMA,
    reconciliation_messages,
)
from holdfast.operations.add_steps.candidates import Candidate, Decided, Observation
from holdfast.operations.add_steps.similar import SimilarMemory
from holdfast.operations.ask import Parsed, ask_and_parse
from holdfast.operations.index_entries import slot_names
from holdfast.protocols import ChatModel
from holdfast.records import MemoryRecord
from holdfast.runtime.effects import Flow
from holdfast.runtime.runtime import Runtime

_MOST_OF_BATCH = 20  # earlier facts of the same add that a fact is compared with


def reconcile_with_rules(
    candidates: Sequence[Candidate], neighbours: Sequence[Sequence[SimilarMemory]]
) -> list[Decided]:
    """Decide the facts one by one, each with the memories near it and the facts before it that are near it too."""
    ruling = _Ruling(candidates)
    return [ruling.decide(place, found) for place, found in enumerate(neighbours)]


class _Ruling:
    """The memories as the decisions so far leave them."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = candidates
        self._vectors = np.stack([one.entry.vector for one in candidates]) if candidates else np.zeros((0, 0))
        self._by_slot: dict[str, list[int]] = {}
        self._holders: list[str | None] = []
        self._now: dict[str, SimilarMemory | None] = {}

    def decide(self, place: int, found: Sequence[SimilarMemory]) -> Decided:
        candidate = self._candidates[place]
        listed = self._listed(place, found)
        decision = rules.reconcile(candidate.fact, [one.as_known() for one in listed], speaker=candidate.record.speaker)
        target = None if decision.known is None else listed[decision.known]
        self._note((candidate, decision, target))
        for slot in slot_names(candidate.fact.text, candidate.record.speaker):
            self._by_slot.setdefault(slot, []).append(place)
        return candidate, decision, target

    def _listed(self, place: int, found: Sequence[SimilarMemory]) -> list[SimilarMemory]:
        stored = [self._now.get(one.record.id, one) for one in found]
        earlier = [self._now.get(holder) for holder in map(self._holders.__getitem__, self._near(place)) if holder]
        listed = {one.record.id: one for one in (*stored, *earlier) if one is not None}
        # "I live in Berlin" from one speaker says nothing about another.
        record = self._candidates[place].record
        return [one for one in listed.values() if _same_voice(one.record, record)]

    def _near(self, place: int) -> list[int]:
        """Return the earlier facts that speak of the same property or are the most similar."""
        candidate = self._candidates[place]
        slots = slot_names(candidate.fact.text, candidate.record.speaker)
        sharing = [other for slot in slots for other in self._by_slot.get(slot, [])[-_MOST_OF_BATCH:]]
        similar = np.argsort(self._vectors[:place] @ self._vectors[place])[-_MOST_OF_BATCH:]
        return list(dict.fromkeys([*sharing, *similar.tolist()]))

    def _note(self, decided: Decided) -> None:
        """Let the facts that follow see what this one changes."""
        candidate, decision, target = decided
        holder = None if target is None else target.record.id
        if candidate is not None and decision.event == "ADD":
            holder = candidate.record.id
            self._now[holder] = SimilarMemory(candidate.record, 0.0)
        elif target is not None and decision.event == "UPDATE":
            self._now[target.record.id] = SimilarMemory(replace(target.record, text=decision.text), 0.0)
        elif target is not None and decision.event == "DELETE":
            self._now[target.record.id] = None
        self._holders.append(holder)


def _same_voice(known: MemoryRecord, new: MemoryRecord) -> bool:
    return known.speaker == new.speaker and known.attributed_to in (new.attributed_to, None)


def reconcile_with_model(
    runtime: Runtime, model: ChatModel, facts: Sequence[Fact], known: Sequence[SimilarMemory], observation: Observation
) -> Flow[Parsed[Decision]]:
    """Ask what the facts do to the memories similar to them; all are added when no answer can be read."""
    shown = [one.as_known() for one in known]
    messages = reconciliation_messages(facts, shown, observed_on=observation.day, prompt=runtime.prompts.reconciliation)
    parse = functools.partial(replies.parse_decisions, facts=facts, known=shown)
    undecided = [Decision("ADD", place, None, fact.text) for place, fact in enumerate(facts)]
    return (yield from ask_and_parse(model, messages, RECONCILIATION_SCHEMA, parse, undecided))
