"""What every `Vectors` promises: the numbers of the plain NumPy one, for any candidates at any time."""

from abc import abstractmethod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.contracts.guard import Contract
from tests.contracts.index.plain_store import DIMENSIONS, unit_vectors

from holdfast.index.vectors import ExactVectors

changes = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 6), st.integers(0, 2**32 - 1)),
        st.tuples(st.just("replace"), st.integers(0, 99), st.integers(0, 2**32 - 1)),
    ),
    max_size=12,
)


def carry_out(index, history) -> None:
    for verb, number, seed in history:
        if verb == "append":
            index.append(unit_vectors(number, seed))
        elif len(index):
            index.replace(number % len(index), unit_vectors(1, seed)[0])


class VectorsContract(Contract):
    """A subject defines `make_vectors` and inherits the tests."""

    @abstractmethod
    def make_vectors(self, dimensions: int):
        """Return a new, empty `holdfast.index.protocol.Vectors`."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(history=changes, seed=st.integers(0, 2**32 - 1), data=st.data())
    def test_cosines_equal_numpys_after_any_changes(self, history, seed, data):
        mine, exact = self.make_vectors(DIMENSIONS), ExactVectors(DIMENSIONS)
        for index in (mine, exact):
            carry_out(index, history)
        assert len(mine) == len(exact)
        np.testing.assert_array_equal(mine.matrix(), exact.matrix())
        chosen = st.sets(st.integers(0, max(len(exact) - 1, 0))) if len(exact) else st.just(set())
        positions = np.array(sorted(data.draw(chosen)), dtype=np.int64)
        query = unit_vectors(1, seed)[0]
        np.testing.assert_allclose(mine.cosines(query, positions), exact.cosines(query, positions), atol=1e-6)

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.24, 0.25, 0.26, 0.9, 1.0])
    def test_any_share_of_many_vectors_is_scored_right(self, share):
        mine, exact = self.make_vectors(DIMENSIONS), ExactVectors(DIMENSIONS)
        for index in (mine, exact):
            index.append(unit_vectors(2000, 1))
        positions = np.sort(np.random.default_rng(2).choice(2000, int(2000 * share), replace=False))
        query = unit_vectors(1, 3)[0]
        scores = mine.cosines(query, positions)
        assert scores.shape == positions.shape
        np.testing.assert_allclose(scores, exact.cosines(query, positions), atol=1e-6)

    @pytest.mark.parametrize("count", [1, 10, 300])
    def test_no_vector_outside_the_nearest_exceeds_the_bound(self, count):
        mine = self.make_vectors(DIMENSIONS)
        mine.append(unit_vectors(300, 1))
        mine.replace(7, unit_vectors(1, 2)[0])
        for seed in range(20):
            query = unit_vectors(1, seed)[0]
            positions, bound = mine.find_nearest(query, count)
            assert len(set(positions.tolist())) == count
            outside = np.setdiff1d(np.arange(300), positions)
            assert (mine.cosines(query, outside) <= bound).all()
            assert bound <= 1.01

    def test_new_empty_vectors_are_independent(self):
        mine = self.make_vectors(DIMENSIONS)
        mine.append(unit_vectors(3, 1))
        fresh = mine.new_empty()
        assert (len(fresh), len(mine), fresh.dimensions) == (0, 3, DIMENSIONS)
        assert fresh.matrix().shape == (0, DIMENSIONS)
        assert fresh.cosines(unit_vectors(1, 2)[0], np.zeros(0, np.int64)).shape == (0,)
