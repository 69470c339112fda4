"""`doctor`: is everything as it was written, and does the index tell the same as the store?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import StorageError
from holdfast.filters import MATCH_ALL
from holdfast.providers.registry import Unavailable
from holdfast.records import MemoryRecord
from holdfast.results import DoctorProblem, DoctorReport
from holdfast.retrieval.index_text import text_to_embed
from holdfast.runtime.effects import Flow, embed, work
from holdfast.runtime.embedder_guard import EMBEDDER_SETTING, ENGINES_SETTING, embedder_setting
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import STORE_ID_SETTING, Damage


def doctor(runtime: Runtime, *, repair: bool = False) -> Flow[DoctorReport]:
    """Read the whole store: its tables' definitions, every record and setting with its checksum, the index beside them.

    Args:
        repair: Set damaged memories aside (they stay in the file, out of the way), make lost indexes anew, settle
            damaged settings and rebuild the index. Which embedder the vectors come from is never guessed: where that
            is damaged, the embedder at hand is noted once it has made some of the vectors again.

    Raises:
        StorageError: The file cannot be read at all, or is too broken to be repaired.
        ProviderError: The embedder failed when it was asked for some of the vectors.
    """
    damages = left = yield from work(runtime.store.find_damage)
    repaired = 0
    if repair and damages:
        repaired = yield from work(runtime.store.repair, damages)
        repaired += yield from _settled(runtime, {damage.setting for damage in damages if damage.setting is not None})
        yield from work(runtime.live_index.drop)  # it may hold rows that never were
        left = yield from work(runtime.store.find_damage)
    problems: list[DoctorProblem] = [{"id": damage.memory_id, "problem": _told(damage)} for damage in damages]
    if not left:
        difference = yield from work(_index_difference, runtime)
        if difference is not None:
            problems.append({"id": None, "problem": difference})
            if repair:
                yield from work(runtime.live_index.drop)
                repaired += 1
    records = [] if left else (yield from work(runtime.store.select, MATCH_ALL))
    return {
        "healthy": not problems,
        "memories": (yield from work(_count, runtime, left)),
        "duplicates": _duplicates(records),
        "problems": problems,
        "repaired": repaired,
    }


_WAYS_OUT: Mapping[str, str] = {
    ENGINES_SETTING: "repair drops it, and the engines must be named when the store is opened next",
    EMBEDDER_SETTING: (
        "open the store with the embedder it was built with and repair, which notes that one again if it makes the"
        " vectors that are there"
    ),
    STORE_ID_SETTING: "repair makes it anew",
}
_SAMPLE = 8  # memories
_SAME_VECTOR = 0.98  # cosine: services that compute in parallel round differently from call to call


def _told(damage: Damage) -> str:
    if damage.setting is None:
        return damage.problem
    return f"{damage.problem}: {_WAYS_OUT.get(damage.setting, 'repair drops it once it is none of the others')}"


def _settled(runtime: Runtime, names: set[str]) -> Flow[int]:
    """Settle the damaged settings of these names; return how many could be."""
    if not names:
        return 0
    known = {ENGINES_SETTING: None, STORE_ID_SETTING: runtime.new_id()}
    settings: dict[str, Any] = {name: known[name] for name in names & known.keys()}
    embedder = yield from _embedder_of_vectors(runtime)
    if embedder is not None:
        # What is damaged beside them was the embedder's, or is of no use.
        settings = {**dict.fromkeys(names), **settings, EMBEDDER_SETTING: embedder}
    return (yield from work(runtime.store.restore_settings, settings))


def _embedder_of_vectors(runtime: Runtime) -> Flow[Any]:
    """Return what is recorded of the embedder, or should be; `None` when that cannot be told."""
    try:
        return (yield from work(runtime.store.get_setting, EMBEDDER_SETTING))
    except StorageError:
        mine = runtime.engines.embedder
    if isinstance(mine, Unavailable):
        return None
    records, stored = yield from work(_sample, runtime)
    vectors = yield from embed(mine, [text_to_embed(record) for record in records])
    return embedder_setting(mine) if _are_same(vectors, stored) else None


def _sample(runtime: Runtime) -> tuple[list[MemoryRecord], NDArray[np.float32]]:
    """Return some memories and their vectors as they are stored."""
    entries = next(iter(runtime.store.index_batches(0)), None)
    if entries is None or not len(entries.rows):
        return [], np.zeros((0, runtime.engines.embedder.dimensions), dtype=np.float32)
    rows = [int(row) for row in entries.rows[:_SAMPLE]]
    records = runtime.store.get_rows(rows)
    there = [place for place, row in enumerate(rows) if row in records]  # others delete meanwhile
    return [records[rows[place]] for place in there], entries.vectors[there]


def _are_same(made: NDArray[np.float32], stored: NDArray[np.float32]) -> bool:
    if made.shape != stored.shape:
        return False
    return not len(made) or float(np.median(np.einsum("ij,ij->i", made, stored))) > _SAME_VECTOR


def _count(runtime: Runtime, left: Sequence[Damage]) -> int:
    try:
        return runtime.store.count(MATCH_ALL)
    except StorageError:
        if not left:
            raise
        return 0  # the table itself is among the problems


def _index_difference(runtime: Runtime) -> str | None:
    """Say how the index at hand differs from one built anew, `None` when it does not."""
    with runtime.live_index as mine:
        fresh = mine.new_empty()
        fresh.apply(runtime.store.index_batches(0))
        while fresh.sequence != mine.sequence:  # another process writes in between
            mine.apply(runtime.store.index_batches(mine.sequence))
            fresh.apply(runtime.store.index_batches(fresh.sequence))
        return mine.describe_difference(fresh)


def _duplicates(records: list[MemoryRecord]) -> int:
    facts = Counter(
        (record.scope, " ".join(record.text.casefold().split()))
        for record in records
        if record.memory_type not in ("episodic", "document")
    )
    return sum(count - 1 for count in facts.values())
