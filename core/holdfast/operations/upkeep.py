"""`doctor`: is everything as it was written, and does the index tell the same as the store?"""

from __future__ import annotations

from collections import Counter
from typing import TypedDict

import numpy as np

from holdfast.core import Core
from holdfast.filters import EVERYTHING
from holdfast.flow import Flow, work
from holdfast.index import MemoryIndex
from holdfast.records import MemoryRecord


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
    """Read the whole store, compare every record with its checksum and the index with the store.

    Args:
        repair: Set damaged memories aside (they stay in the file, out of the way) and rebuild the index.

    Raises:
        StorageError: The file cannot be read at all, or is too broken to be repaired.
    """
    damages = yield from work(core.store.damages)
    repaired = 0
    if repair and damages:
        repaired = yield from work(core.store.set_aside, damages)
        yield from work(core.forget_index)  # it may hold rows that never were
    problems: list[Finding] = [{"id": damage.memory_id, "problem": damage.problem} for damage in damages]
    if not damages or repair:
        difference = yield from work(_index_difference, core)
        if difference is not None:
            problems.append({"id": None, "problem": difference})
            if repair:
                yield from work(core.forget_index)
                repaired += 1
    records = [] if damages and not repair else (yield from work(core.store.select, EVERYTHING))
    count = yield from work(core.store.count, EVERYTHING)
    return {
        "healthy": not problems,
        "memories": count,
        "duplicates": _duplicates(records),
        "problems": problems,
        "repaired": repaired,
    }


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
