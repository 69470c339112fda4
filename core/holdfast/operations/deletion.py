"""What every deletion does: it takes the memories, and the turns of conversations that told them.

Source turns are what the next `add` shows a model. Kept turns are memories that are found by their facts: one whose
facts are all deleted goes as well, one that has some left loses the others. A turn without a fact, such as an answer,
goes when no memory of its `add` is left.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from holdfast.errors import HoldfastError
from holdfast.filters import Filter, split_scope
from holdfast.operations.index_entries import embed_records, index_entry
from holdfast.records import MemoryRecord
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow, work, write
from holdfast.runtime.embedder_guard import EMBEDDER_SETTING
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import IndexEntry, KeptTurn, Transaction

T = TypeVar("T")

TurnEntries = Mapping[tuple[str, tuple[str, ...] | None], IndexEntry]
"""Index entries of kept turns, by their id and the facts they have left."""


class EntriesMissing(HoldfastError):
    """Kept turns lose facts, and have no index entry yet without them; nothing was written."""

    def __init__(self, turns: Sequence[MemoryRecord]) -> None:
        super().__init__("kept turns must be embedded first")
        self.turns = turns


def write_deletion(runtime: Runtime, apply: Callable[[Transaction, TurnEntries], T]) -> Flow[T]:
    """Run `apply` in one transaction, with the index entries of the kept turns that lose facts by it."""
    entries: TurnEntries = {}
    while True:
        task = functools.partial(_apply_with, apply, entries)
        try:
            if not entries:  # a deletion needs no embedder
                return (yield from write(runtime.store, task))
            return (yield from runtime.write_with_embedder_check(task, entries.values()))
        except EntriesMissing as missing:
            entries = {**entries, **(yield from _make_entries(runtime, missing.turns))}


def _apply_with(apply: Callable[[Transaction, TurnEntries], T], entries: TurnEntries, transaction: Transaction) -> T:
    return apply(transaction, entries)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did: how many memories it was asked to delete, and how many changes it made in all."""

    count: int
    changes: int


def delete_selected(transaction: Transaction, matching: Filter, entries: TurnEntries, *, now: int) -> Deleted:
    """Delete every memory that matches; of a whole scope also the turns of all its sessions."""
    deleted = delete_records(transaction, transaction.select(matching), entries, now=now)
    ids, rest = split_scope(matching)
    if rest is None:
        transaction.delete_messages(ids)
    return deleted


def delete_records(
    transaction: Transaction, records: Sequence[MemoryRecord], entries: TurnEntries, *, now: int
) -> Deleted:
    """Delete memories with every turn that told them or may have.

    Of the source turns of their scopes only those stay that are known to tell another memory: an answer repeats what
    was said, a question names it.

    Args:
        transaction: Where to.
        records: Memories that exist.
        entries: See `write_deletion`.
        now: Microseconds since 1970.

    Raises:
        EntriesMissing: A kept turn that loses facts is not among `entries`.
    """
    facts = [record for record in records if record.memory_type not in ("document", "episodic")]
    kept = {turn.id: turn for record in facts for turn in transaction.list_kept_turns(record)}
    for record in records:
        transaction.delete(record, happened_at=now, recorded_at=now)
    for scope in {record.scope for record in records if record.memory_type != "document"}:
        transaction.delete_uncited_messages(scope)
    deleted = {record.id for record in records}
    left = [turn for turn in kept.values() if turn.id not in deleted]
    return Deleted(len(records), len(records) + _delete_kept_turns(transaction, left, entries, now))


def _delete_kept_turns(transaction: Transaction, turns: Sequence[MemoryRecord], entries: TurnEntries, now: int) -> int:
    """Delete those of `turns` that have no fact left, and take the deleted facts out of others; return how many."""
    by_add = {(turn.scope, turn.created_at, turn.recorded_at): turn for turn in turns}
    changes = [_decide(transaction.list_turns_kept_with(turn), {turn.id for turn in turns}) for turn in by_add.values()]
    shortened = [pair for _, changed in changes for pair in changed]
    missing = [new for _, new in shortened if (new.id, new.facts) not in entries]
    if missing:
        raise EntriesMissing(missing)
    for gone, _ in changes:
        for turn in gone:
            transaction.delete(turn, happened_at=now, recorded_at=now)
    for old, new in shortened:
        transaction.update(
            old,
            new,
            index_entry=entries[new.id, new.facts],
            content_hash=content_hash(new),
            happened_at=now,
            recorded_at=now,
        )
    return len(shortened) + sum(len(gone) for gone, _ in changes)


def _decide(
    turns: Sequence[KeptTurn], touched: set[str]
) -> tuple[list[MemoryRecord], list[tuple[MemoryRecord, MemoryRecord]]]:
    """Return which turns of one add go, and which change: before and after."""
    if not any(turn.told for turn in turns):
        return [turn.record for turn in turns], []
    gone, changed = [], []
    for turn in turns:
        if turn.record.id not in touched or not turn.record.facts:
            continue
        told = {_normalise(text) for text in turn.told}
        left = tuple(fact for fact in turn.record.facts if _normalise(fact) in told)
        if not left:
            gone.append(turn.record)
        elif left != turn.record.facts:
            changed.append((turn.record, replace(turn.record, facts=left)))
    return gone, changed


def _normalise(text: str) -> str:
    return " ".join(text.casefold().split())


def _make_entries(runtime: Runtime, turns: Sequence[MemoryRecord]) -> Flow[TurnEntries]:
    """Return index entries of `turns`; without vectors if the embedder fails, which must not prevent a deletion."""
    try:
        made = yield from embed_records(runtime, turns)
    except HoldfastError:
        recorded = yield from work(runtime.store.get_setting, EMBEDDER_SETTING)
        nothing = np.zeros(recorded["dimensions"], dtype=np.float32)
        made = [index_entry(turn, nothing, None) for turn in turns]
    return {(turn.id, turn.facts): entry for turn, entry in zip(turns, made, strict=True)}
