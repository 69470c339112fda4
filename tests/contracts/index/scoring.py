"""What the signals of an index promise: the numbers of plain Python and NumPy, for any candidates."""

from collections import Counter

import numpy as np
from hypothesis import assume, given, strategies as st
from tests.contracts.index.plain_store import TERMS, PlainStore, Row, seeds, stores, unit_vectors
from tests.contracts.index.subject import IndexSubject, examples

from holdfast.scope import Scope


class ScoringContract(IndexSubject):
    @examples
    @given(store=stores, seed=seeds, data=st.data())
    def test_cosines_equal_numpys_for_any_candidates(self, store, seed, data):
        index = self.index_of(store)
        positions, rows = self.some_candidates(index, store, data)
        query = unit_vectors(1, seed)[0]
        np.testing.assert_allclose(index.vectors.cosines(query, positions), cosines(rows, query), atol=1e-6)

    @examples
    @given(store=stores, terms=st.lists(st.sampled_from([*TERMS, 99]), max_size=8), data=st.data())
    def test_postings_equal_a_plain_count_for_any_candidates(self, store, terms, data):
        index = self.index_of(store)
        positions, rows = self.some_candidates(index, store, data)
        found = index.terms.find_postings(np.array(terms, dtype=np.uint32), positions)
        expected = [
            [(place, count) for place, row in enumerate(rows) if (count := Counter(row.terms)[term])]
            for term in sorted(set(terms))
        ]
        assert [list(zip(one.places.tolist(), one.counts.tolist(), strict=True)) for one in found] == expected

    @examples
    @given(store=stores, seed=seeds, count=st.integers(1, 25), data=st.data())
    def test_no_candidate_outside_the_nearest_exceeds_the_bound(self, store, seed, count, data):
        assume(store.rows)
        index = self.index_of(store)
        positions, rows = self.some_candidates(index, store, data)
        query = unit_vectors(1, seed)[0]
        places, bound = index.find_nearest(query, positions, count)
        assert len(places) <= count
        assert (np.diff(places) > 0).all()
        outside = [
            float(np.array(rows[place].vector, np.float32) @ query) for place in set(range(len(rows))) - set(places)
        ]
        assert max(outside, default=-1.0) <= bound + 1e-6

    def test_of_a_long_query_only_the_64_rarest_terms_are_looked_up(self):
        store = PlainStore()
        for number in range(80):  # term 1 occurs in one row, term 80 in eighty
            terms = tuple(range(80 - number, 81))
            store.insert(Row(Scope(user_id="ana"), tuple(unit_vectors(1, number)[0].tolist()), terms=terms))
        index = self.index_of(store)
        query = np.arange(100, dtype=np.uint32)
        found = index.terms.find_postings(query, index.find_positions({}))
        assert [len(one.places) for one in found] == list(range(1, 65))
        assert len(index.terms.find_postings(query[:64], index.find_positions({}))) == 64

    @staticmethod
    def some_candidates(index, store, data):
        """Draw some rows of the store; return their positions and what the store says of them."""
        numbers = sorted(data.draw(st.sets(st.sampled_from(sorted(store.rows))))) if store.rows else []
        positions = index.positions_of_rows(np.array(numbers, dtype=np.int64))
        return positions, [store.rows[number] for number in numbers]


def cosines(rows: list[Row], query: np.ndarray) -> list[float]:
    return [float(np.array(row.vector, np.float32) @ query) for row in rows]
