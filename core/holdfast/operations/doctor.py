"""`doctor`: check that the file is as it was written and that the index agrees with the store; repair it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import StorageError
from holdfast.filters import MATCH_ALL
from holdfast.operations.index_entries import embed_records
from holdfast.providers.registry import Unavailable
from holdfast.records import MemoryRecord
from holdfast.results import DoctorProblem, DoctorReport
from holdfast.retrieval.index_text import text_to_embed
from holdfast.runtime.effects import Flow, embed, work, write
from holdfast.runtime.embedder_guard import EMBEDDER_SETTING, ENGINES_SETTING, embedder_setting
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import STORE_ID_SETTING, Damage, IndexEntry, Transaction


def doctor(runtime: Runtime, *, repair: bool = False) -> Flow[DoctorReport]:
    """Check the whole store: table definitions, the checksum of every record and setting, and the index.

    Args:
        repair: Settle what was found. Damaged memories, versions and source messages are set aside in the table
            `damaged` of the file; memories whose vector is damaged are embedded again; indexes, links and table pages
            that SQLite can still read are rebuilt; damaged settings are replaced. The embedder that made the vectors
            is never guessed: where its record is damaged, the present embedder is recorded only after it has
            reproduced some of the vectors.

    Returns:
        `healthy`, the number of `memories` and `duplicates`, every problem found, and how many were repaired. After a
        repair another `doctor()` says whether all of them are settled.

    Raises:
        StorageError: The file cannot be read at all, or is too damaged to be repaired.
        ProviderError: The embedder failed while it reproduced vectors.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> memory.doctor()
    {'healthy': True, 'memories': 1, 'duplicates': 0, 'problems': [], 'repaired': 0}
    """
    damages = remaining = yield from work(runtime.store.find_damage)
    repaired = 0
    if repair and damages:
        damages, repaired = yield from _repair(runtime, damages)
        remaining = yield from work(runtime.store.find_damage)
    problems: list[DoctorProblem] = [{"id": damage.memory_id, "problem": _describe(damage)} for damage in damages]
    if not remaining:
        difference = yield from work(_index_difference, runtime)
        if difference is not None:
            problems.append({"id": None, "problem": difference})
            if repair:
                yield from work(runtime.live_index.drop)
                repaired += 1
    records = [] if remaining else (yield from work(runtime.store.select, MATCH_ALL))
    return {
        "healthy": not problems,
        "memories": (yield from work(_count, runtime, remaining)),
        "duplicates": _count_duplicates(records),
        "problems": problems,
        "repaired": repaired,
    }


def _repair(runtime: Runtime, damages: list[Damage]) -> Flow[tuple[list[Damage], int]]:
    """Repair what can be; return all damage, including what showed only in the course of it, and how many repairs."""
    settled, repaired = yield from work(runtime.store.repair)
    repaired += yield from _restore_settings(
        runtime, {damage.setting for damage in damages if damage.setting is not None}
    )
    yield from work(runtime.live_index.drop)  # it may hold rows that are not real
    yield from _restore_vectors(runtime)
    return [*damages, *(damage for damage in settled if damage not in damages)], repaired


def _restore_vectors(runtime: Runtime) -> Flow[None]:
    """Embed the memories whose vectors were damaged, if the embedder that made the others is at hand."""
    if isinstance(runtime.engines.embedder, Unavailable):
        return
    try:
        yield from work(runtime.store.get_setting, EMBEDDER_SETTING)
    except StorageError:
        return  # nobody knows which embedder made the others
    while memories := (yield from work(runtime.store.list_memories_without_vector, limit=_BATCH_SIZE)):
        yield from work(runtime.live_index.check_embedder)
        entries = yield from embed_records(runtime, [record for _, record in memories])
        restore = functools.partial(_store_vectors, memories, entries, runtime.clock())
        yield from write(runtime.store, restore)


def _store_vectors(
    memories: Sequence[tuple[int, MemoryRecord]],
    entries: Sequence[IndexEntry],
    recorded_at: int,
    transaction: Transaction,
) -> None:
    transaction.restore_vectors(memories, entries, recorded_at=recorded_at)


_SETTING_REPAIRS: Mapping[str, str] = {
    ENGINES_SETTING: "repair drops it, and the engines must be named when the store is opened next",
    EMBEDDER_SETTING: (
        "open the store with the embedder it was built with and repair, which records it again if it"
        " reproduces the stored vectors"
    ),
    STORE_ID_SETTING: "repair makes a new one",
}
_SAMPLE_SIZE = 8  # memories
_BATCH_SIZE = 100  # memories that are embedded in one call
_LEAST_COSINE = 0.98  # cosine: services that compute in parallel round differently from call to call


def _describe(damage: Damage) -> str:
    if damage.setting is None:
        return damage.problem
    return f"{damage.problem}: {_SETTING_REPAIRS.get(damage.setting, 'repair drops it once the embedder is known')}"


def _restore_settings(runtime: Runtime, names: set[str]) -> Flow[int]:
    """Replace the damaged settings of these names; return how many could be."""
    if not names:
        return 0
    known = {ENGINES_SETTING: None, STORE_ID_SETTING: runtime.new_id()}
    settings: dict[str, Any] = {name: known[name] for name in names & known.keys()}
    embedder = yield from _embedder_of_vectors(runtime)
    if embedder is not None:
        # With the embedder known, any other damaged setting is one that no version of Holdfast reads.
        settings = {**dict.fromkeys(names), **settings, EMBEDDER_SETTING: embedder}
    return (yield from work(runtime.store.restore_settings, settings))


def _embedder_of_vectors(runtime: Runtime) -> Flow[Any]:
    """Return the record of the embedder, made again if it is damaged; `None` when the embedder is not certain."""
    try:
        return (yield from work(runtime.store.get_setting, EMBEDDER_SETTING))
    except StorageError:
        present = runtime.engines.embedder
    if isinstance(present, Unavailable):
        return None
    records, stored = yield from work(_sample, runtime)
    vectors = yield from embed(present, [text_to_embed(record) for record in records])
    return embedder_setting(present) if _agree(vectors, stored) else None


def _sample(runtime: Runtime) -> tuple[list[MemoryRecord], NDArray[np.float32]]:
    """Return a few memories with their stored vectors."""
    entries = next(iter(runtime.store.index_batches(0)), None)
    if entries is None or not len(entries.rows):
        return [], np.zeros((0, runtime.engines.embedder.dimensions), dtype=np.float32)
    rows = [int(row) for row in entries.rows[:_SAMPLE_SIZE]]
    records = runtime.store.get_rows(rows)
    found = [place for place, row in enumerate(rows) if row in records]  # another process may delete meanwhile
    return [records[rows[place]] for place in found], entries.vectors[found]


def _agree(made: NDArray[np.float32], stored: NDArray[np.float32]) -> bool:
    if made.shape != stored.shape:
        return False
    return not len(made) or float(np.median(np.einsum("ij,ij->i", made, stored))) > _LEAST_COSINE


def _count(runtime: Runtime, remaining: Sequence[Damage]) -> int:
    try:
        return runtime.store.count(MATCH_ALL)
    except StorageError:
        if not remaining:
            raise
        return 0  # the table itself is damaged, and reported


def _index_difference(runtime: Runtime) -> str | None:
    """Return how the index, or its snapshot, differs from one built from the store; `None` when neither does."""
    try:
        return _compare_indexes(runtime)
    except StorageError:
        runtime.live_index.check_embedder()  # vectors that another process has just replaced are not damaged
        raise


def _compare_indexes(runtime: Runtime) -> str | None:
    with runtime.live_index.lock:
        current = runtime.live_index.catch_up()
        fresh = current.new_empty()
        fresh.apply(runtime.store.index_batches(0))
        snapshot = runtime.live_index.read_snapshot()
        for index, name in ((current, ""), (snapshot, " (in the snapshot beside the file)")):
            if index is None:
                continue
            index.apply(runtime.store.index_batches(index.sequence))
            while fresh.sequence != index.sequence:  # another process writes in between
                index.apply(runtime.store.index_batches(index.sequence))
                fresh.apply(runtime.store.index_batches(fresh.sequence))
            difference = index.describe_difference(fresh)
            if difference is not None:
                return difference + name
        return None


def _count_duplicates(records: list[MemoryRecord]) -> int:
    facts = Counter(
        (record.scope, " ".join(record.text.casefold().split()))
        for record in records
        if record.memory_type not in ("episodic", "document")
    )
    return sum(count - 1 for count in facts.values())
