"""`doctor`: is everything as it was written, and does the index tell the same as the store?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from holdfast.core import EMBEDDER_SETTING, ENGINES_SETTING, Core, embedder_setting
from holdfast.errors import StorageError
from holdfast.filters import EVERYTHING
from holdfast.flow import Flow, embed, work
from holdfast.index import MemoryIndex
from holdfast.providers import Unavailable
from holdfast.records import MemoryRecord
from holdfast.retrieval.keys import embedded_text
from holdfast.stores import STORE_ID_SETTING, Damage


class Finding(TypedDict):
    """Something that is not as it should be; `id` is the memory's, `None` when it concerns the file."""

    id: str | None
    problem: str


class Diagnosis(TypedDict):
    """What `doctor` found.

    `healthy` is whether there is no damage; `duplicates` counts memories that say word for word what another one of
    their scope says, which harms nothing; `repaired` counts what was set aside or rebuilt.
    """

    healthy: bool
    memories: int
    duplicates: int
    problems: list[Finding]
    repaired: int


def doctor(core: Core, *, repair: bool = False) -> Flow[Diagnosis]:
    """Read the whole store: its tables' definitions, every record and setting with its checksum, the index beside them.

    Args:
        repair: Set damaged memories aside (they stay in the file, out of the way), make lost indexes anew, settle
            damaged settings and rebuild the index. Which embedder the vectors come from is never guessed: where that
            is damaged, the embedder at hand is noted once it has made some of the vectors again.

    Raises:
        StorageError: The file cannot be read at all, or is too broken to be repaired.
        ProviderError: The embedder failed when it was asked for some of the vectors.
    """
    damages = left = yield from work(core.store.damages)
    repaired = 0
    if repair and damages:
        repaired = yield from work(core.store.repair, damages)
        repaired += yield from _settled(core, {damage.setting for damage in damages if damage.setting is not None})
        yield from work(core.forget_index)  # it may hold rows that never were
        left = yield from work(core.store.damages)
    problems: list[Finding] = [{"id": damage.memory_id, "problem": _told(damage)} for damage in damages]
    if not left:
        difference = yield from work(_index_difference, core)
        if difference is not None:
            problems.append({"id": None, "problem": difference})
            if repair:
                yield from work(core.forget_index)
                repaired += 1
    records = [] if left else (yield from work(core.store.select, EVERYTHING))
    return {
        "healthy": not problems,
        "memories": (yield from work(_count, core, left)),
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


def _settled(core: Core, names: set[str]) -> Flow[int]:
    """Settle the damaged settings of these names; return how many could be."""
    if not names:
        return 0
    known = {ENGINES_SETTING: None, STORE_ID_SETTING: core.new_id()}
    settings: dict[str, Any] = {name: known[name] for name in names & known.keys()}
    embedder = yield from _embedder_of_vectors(core)
    if embedder is not None:
        # What is damaged beside them was the embedder's, or is of no use.
        settings = {**dict.fromkeys(names), **settings, EMBEDDER_SETTING: embedder}
    return (yield from work(core.store.settle, settings))


def _embedder_of_vectors(core: Core) -> Flow[Any]:
    """Return what is recorded of the embedder, or should be; `None` when that cannot be told."""
    try:
        return (yield from work(core.store.setting, EMBEDDER_SETTING))
    except StorageError:
        mine = core.engines.embedder
    if isinstance(mine, Unavailable):
        return None
    records, stored = yield from work(_sample, core)
    vectors = yield from embed(mine, [embedded_text(record) for record in records])
    return embedder_setting(mine) if _are_same(vectors, stored) else None


def _sample(core: Core) -> tuple[list[MemoryRecord], NDArray[np.float32]]:
    """Return some memories and their vectors as they are stored."""
    entries = next(iter(core.store.index_entries(0)), None)
    if entries is None or not len(entries.rows):
        return [], np.zeros((0, core.engines.embedder.dimensions), dtype=np.float32)
    rows = [int(row) for row in entries.rows[:_SAMPLE]]
    records = core.store.at_rows(rows)
    there = [place for place, row in enumerate(rows) if row in records]  # others delete meanwhile
    return [records[rows[place]] for place in there], entries.vectors[there]


def _are_same(made: NDArray[np.float32], stored: NDArray[np.float32]) -> bool:
    if made.shape != stored.shape:
        return False
    return not len(made) or float(np.median(np.einsum("ij,ij->i", made, stored))) > _SAME_VECTOR


def _count(core: Core, left: Sequence[Damage]) -> int:
    try:
        return core.store.count(EVERYTHING)
    except StorageError:
        if not left:
            raise
        return 0  # the table itself is among the problems


def _index_difference(core: Core) -> str | None:
    """Say how the index at hand differs from one built anew, `None` when it does not."""
    with core.lock:
        mine = core.index()
        fresh = MemoryIndex(mine.dimensions)
        fresh.apply(core.store.index_entries(0))
        while (mine := core.index()).sequence != fresh.sequence:  # others write meanwhile
            fresh.apply(core.store.index_entries(fresh.sequence))
        here, there = np.flatnonzero(mine.alive.view), np.flatnonzero(fresh.alive.view)
        if not np.array_equal(mine.rows.view[here], fresh.rows.view[there]):
            return f"the index holds {len(mine)} memories, the store {len(fresh)}"
        if not np.array_equal(mine.vectors.matrix()[here], fresh.vectors.matrix()[there]):
            return "the index holds other vectors than the store"
        if not np.array_equal(mine.terms.words_of(here), fresh.terms.words_of(there)):
            return "the index holds other words than the store"
    return None


def _duplicates(records: list[MemoryRecord]) -> int:
    facts = Counter(
        (record.scope, " ".join(record.text.casefold().split()))
        for record in records
        if record.memory_type not in ("episodic", "document")
    )
    return sum(count - 1 for count in facts.values())
