"""What following the changes of a store promises: the state of an index depends on the change number alone."""

from datetime import date

import numpy as np
from hypothesis import given, strategies as st
from tests.contracts.index.plain_store import (
    DIMENSIONS,
    PlainStore,
    Row,
    carry_out,
    contents_of,
    expected_contents,
    histories,
    unit_vectors,
)
from tests.contracts.index.subject import IndexSubject, examples

from holdfast.scope import Scope

ANA = Scope(user_id="ana")
ONE, TWO, THREE = (tuple(vector.tolist()) for vector in unit_vectors(3, 1))


class FollowingContract(IndexSubject):
    @examples
    @given(history=histories, sizes=st.lists(st.integers(0, 3), min_size=20, max_size=20))
    def test_any_split_of_the_changes_gives_the_same_index(self, history, sizes):
        store, follower = PlainStore(), self.make_index(DIMENSIONS)
        for step, size in zip(history, sizes, strict=False):
            carry_out(store, step)
            if size:  # rows at a time; 0 applies this change together with later ones
                follower.apply(store.index_batches(follower.sequence, size=size))
                assert len(follower) == len(store.rows)
        follower.apply(store.index_batches(follower.sequence))
        built = self.index_of(store)
        assert contents_of(follower) == contents_of(built) == expected_contents(store)
        assert follower.describe_difference(built) is None

    def test_the_sequence_is_that_of_the_last_batch(self):
        store = PlainStore()
        store.insert(Row(ANA, ONE))
        store.insert(Row(ANA, TWO))
        index = self.index_of(store)
        assert (index.sequence, len(index)) == (2, 2)
        index.apply(store.index_batches(index.sequence))
        assert (index.sequence, len(index)) == (2, 2)

    def test_an_update_replaces_vector_terms_expiry_and_speaker(self):
        store = PlainStore()
        row = store.insert(Row(ANA, ONE, terms=(1, 2), speaker="Ana"))
        store.insert(Row(ANA, TWO))
        index = self.index_of(store)
        (position, _) = before = index.find_positions({})
        store.update(row, Row(ANA, THREE, terms=(2, 3, 3), expiration_date="2026-05-08"))
        index.apply(store.index_batches(index.sequence))
        assert index.find_positions({}).tolist() == before.tolist()
        assert contents_of(index) == expected_contents(store)
        (cosine,) = index.vectors.cosines(np.array(THREE, np.float32), np.array([position]))
        assert np.isclose(cosine, 1)
        assert self.current_rows(index, today=date(2026, 5, 9)) == [row + 1]

    def test_a_restart_batch_empties_the_index(self):
        store = PlainStore()
        old = [store.insert(Row(ANA, vector, terms=(1,))) for vector in (ONE, TWO)]
        index = self.index_of(store)
        store.clear()
        index.apply(store.index_batches(index.sequence))
        assert (len(index), self.current_rows(index), index.sequence) == (0, [], store.sequence)
        new = store.insert(Row(Scope(user_id="ben"), THREE))
        index.apply(store.index_batches(index.sequence))
        assert self.current_rows(index) == [new]
        assert self.current_rows(index, {"user_id": "ana"}) == []
        assert len(index.positions_of_rows(np.array(old))) == 0

    def test_a_new_empty_index_is_independent(self):
        store = PlainStore()
        store.insert(Row(ANA, ONE))
        index = self.index_of(store)
        empty = index.new_empty()
        assert (len(empty), empty.sequence, empty.dimensions) == (0, 0, DIMENSIONS)
        empty.apply(store.index_batches(0))
        store.insert(Row(ANA, TWO))
        empty.apply(store.index_batches(empty.sequence))
        assert (len(index), len(empty)) == (1, 2)

    def test_a_difference_is_described(self):
        store = PlainStore()
        row = store.insert(Row(ANA, ONE, terms=(1, 2)))
        index = self.index_of(store)
        store.update(row, Row(ANA, TWO, terms=(1, 2)))
        assert "vectors" in index.describe_difference(self.index_of(store))
        store.update(row, Row(ANA, ONE, terms=(1, 3)))
        assert "words" in index.describe_difference(self.index_of(store))
        store.delete(row)
        assert "1 memories, the store 0" in index.describe_difference(self.index_of(store))
