"""What the candidates of a search promise: exactly the current rows of a scope."""

import numpy as np
from hypothesis import given, strategies as st
from tests.contracts.index.plain_store import ids, stores, today
from tests.contracts.index.subject import IndexSubject, examples


class CandidatesContract(IndexSubject):
    @examples
    @given(store=stores, asked=ids)
    def test_a_scope_has_exactly_the_rows_with_all_its_ids(self, store, asked):
        index = self.index_of(store)
        assert self.current_rows(index, asked) == [number for number, row in store.rows.items() if row.has(asked)]

    @examples
    @given(store=stores, asked=ids)
    def test_an_id_that_no_row_has_matches_nothing(self, store, asked):
        index = self.index_of(store)
        for field in ("user_id", "agent_id", "run_id", "app_id"):
            assert self.current_rows(index, {**asked, field: "nobody"}) == []

    @examples
    @given(store=stores, day=today)
    def test_deleted_and_expired_rows_are_never_current(self, store, day):
        index = self.index_of(store)
        assert self.current_rows(index, today=day) == [row for row in store.rows if store.rows[row].is_current(day)]

    @examples
    @given(store=stores, data=st.data())
    def test_rows_have_the_positions_that_have_the_rows(self, store, data):
        index = self.index_of(store)
        asked = sorted(data.draw(st.sets(st.integers(0, store.sequence + 2))))
        positions = index.positions_of_rows(np.array(asked, dtype=np.int64))
        assert index.rows_at(positions).tolist() == [row for row in asked if row in store.rows]
        assert index.rows_at(positions[::-1]).tolist() == [row for row in reversed(asked) if row in store.rows]
