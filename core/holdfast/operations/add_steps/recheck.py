"""Decide again what was decided on memories that have changed since.

Five threads may hear five cities at once: each finds no home known, and each adds one. So an add looks again inside its
transaction, in which nobody else writes. The rules decide again on the spot. A model must be asked again outside of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from holdfast.errors import HoldfastError
from holdfast.extraction.facts import SimilarMemory
from holdfast.operations.add_steps.candidates import AddPlan, Candidate, Observation
from holdfast.operations.add_steps.reconcile import is_same_speaker, reconcile_with_rules
from holdfast.operations.add_steps.similar import is_about_the_same, least_similarity
from holdfast.records import MemoryRecord, is_expired
from holdfast.runtime.recent_writes import RecentWrite
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import Transaction


class PlanOutdated(HoldfastError):
    """A memory that the plan was decided on has changed, or a similar one has appeared; nothing was written."""


def recheck(
    runtime: Runtime, transaction: Transaction, observation: Observation, plan: AddPlan, *, may_ask_again: bool
) -> AddPlan:
    """Return `plan` if what it was decided on still holds, else a plan that the rules decide again.

    Raises:
        PlanOutdated: The model may be asked again, and has to.
    """
    last = transaction.last_sequence()
    if plan.read_at is None or plan.read_at == last:
        return plan
    writes = runtime.recent_writes.since(plan.read_at, observation.scope, last=last)
    if writes is None:
        writes = [RecentWrite(last, *found) for found in transaction.written_since(plan.read_at, observation.scope)]
    current = {one.record.id: one for one in writes if _can_change(one.record, observation)}
    similar = [
        _refresh(runtime, transaction, candidate, known, list(current.values()))
        for candidate, known in zip(plan.candidates, plan.similar, strict=True)
    ]
    if all(map(_is_as_decided, plan.similar, similar)):
        return plan
    if plan.inference == "model" and may_ask_again:
        raise PlanOutdated
    return replace(plan, similar=similar, changes=reconcile_with_rules(plan.candidates, similar))


def _can_change(record: MemoryRecord, observation: Observation) -> bool:
    return record.memory_type == "semantic" and not is_expired(record, observation.recorded_at)


def _refresh(
    runtime: Runtime,
    transaction: Transaction,
    candidate: Candidate,
    known: Sequence[SimilarMemory],
    writes: Sequence[RecentWrite],
) -> list[SimilarMemory]:
    """Return the memories similar to `candidate` as they are now: those known before, and those written since."""
    found = {one.id: one.similarity for one in known}
    if writes:
        least = least_similarity(runtime)
        cosines = np.stack([one.entry.vector for one in writes]) @ candidate.entry.vector
        for write, cosine in zip(writes, cosines.tolist(), strict=True):
            record = write.record
            if record.id in found or not is_same_speaker(record, candidate.record):
                continue
            if cosine >= least or is_about_the_same(candidate, record):
                found[record.id] = cosine
    records = {memory_id: transaction.get(memory_id) for memory_id in found}
    return [SimilarMemory(record, found[key]) for key, record in records.items() if record is not None]


def _is_as_decided(known: Sequence[SimilarMemory], now: Sequence[SimilarMemory]) -> bool:
    return {(one.id, one.text) for one in known} == {(one.id, one.text) for one in now}
