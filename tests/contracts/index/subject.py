"""What a subject of the index contracts provides."""

from abc import abstractmethod

import numpy as np
from hypothesis import HealthCheck, settings
from tests.contracts.guard import Contract
from tests.contracts.index.plain_store import DIMENSIONS, PlainStore

# A subject may need a fixture that holds for all examples, such as a database or a patched threshold.
examples = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)


class IndexSubject(Contract):
    """Base of the index contracts: a subject defines `make_index` and inherits the tests.

    `make_index` returns a new, empty `holdfast.index.protocol.Index`; each test applies the batches of a plain store to
    it and compares the answers with plain Python and NumPy. Positions are the index's own: the tests look at rows, and
    expect of positions only that they ascend with the rows. A subject that searches elsewhere (inside PostgreSQL, in
    Qdrant) and gives no arrays for one contract inherits the others one by one instead of `IndexContract`.
    """

    @abstractmethod
    def make_index(self, dimensions: int):
        """Return a new, empty index for vectors of this length."""

    def index_of(self, store: PlainStore):
        """Return an index of all rows of `store`."""
        index = self.make_index(DIMENSIONS)
        index.apply(store.index_batches(0))
        return index

    @staticmethod
    def current_rows(index, ids=None, *, today=None) -> list[int]:
        """Return the rows that have `ids`, are not deleted and not expired by `today`."""
        positions = index.filter_current(index.find_positions(ids or {}), today=today)
        assert (np.diff(positions) > 0).all(), "positions ascend"
        return index.rows_at(positions).tolist()
