"""What a subject of the store contracts provides, and the records that the tests write."""

from abc import abstractmethod

import numpy as np
import pytest
from tests.contracts.guard import Contract

from holdfast.filters import parse_filter
from holdfast.records import MemoryRecord
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexEntry

ANA, BEN = Scope(user_id="ana"), Scope(user_id="ben")
OF_ANA = parse_filter({"user_id": "ana"})


def record(name: str, *, text: str | None = None, scope: Scope = ANA, at: int = 1000, **more) -> MemoryRecord:
    return MemoryRecord(
        id=name,
        text=text or f"text of {name}",
        scope=scope,
        created_at=at,
        updated_at=at,
        recorded_at=at,
        **more,
    )


def entry(number: float = 1.0) -> IndexEntry:
    return IndexEntry(np.array([number, 0, 0, 0], np.float32), np.array([7, 7, int(number)], np.uint32))


def insert(*records: MemoryRecord):
    def work(transaction):
        for number, one in enumerate(records, 1):
            assert transaction.insert(one, entry(number), content_hash=one.id.encode()) is None

    return work


def update(old: MemoryRecord, new: MemoryRecord, *, index_entry: IndexEntry | None = None, at: int = 2000):
    return lambda transaction: transaction.update(
        old, new, index_entry=index_entry, content_hash=new.text.encode(), happened_at=at, recorded_at=at
    )


def delete(one: MemoryRecord, *, at: int = 3000):
    return lambda transaction: transaction.delete(one, happened_at=at, recorded_at=at)


def rows_of(parts) -> list[int]:
    return [int(row) for part in parts for row in part.rows]


class StoreSubject(Contract):
    """Base of the store contracts: a subject defines `make_store` and inherits the tests.

    `make_store` returns a new, empty `holdfast.stores.protocol.Store`; the fixture closes it. A subject in a database
    uses a schema or a name of its own for each test, for which `tmp_path` (unique to the test) is given.
    """

    @abstractmethod
    def make_store(self, tmp_path):
        """Return a new, empty store."""

    @pytest.fixture
    def store(self, tmp_path):
        store = self.make_store(tmp_path)
        yield store
        store.close()
