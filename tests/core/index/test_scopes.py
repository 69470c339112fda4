"""`ScopePositions` finds exactly the positions that have all ids."""

import numpy as np
from hypothesis import given, settings, strategies as st

from holdfast.index.scopes import ScopePositions
from holdfast.scope import SCOPE_FIELDS, Scope

names = st.sampled_from([None, "a", "b", "c"])
scopes = st.builds(Scope, user_id=names, agent_id=names, run_id=names, app_id=names)


@settings(deadline=None)
@given(batches=st.lists(st.lists(scopes, max_size=8), max_size=4), asked=scopes.filter(lambda scope: scope.ids()))
def test_find_returns_the_positions_that_have_all_ids(batches, asked):
    lists, plain = ScopePositions(), []
    for batch in batches:
        lists.extend(batch, start=len(plain))
        plain += batch
    expected = [
        position
        for position, scope in enumerate(plain)
        if all(getattr(scope, field) == value for field, value in asked.ids().items())
    ]
    assert lists.find(asked.ids()).tolist() == expected


@settings(deadline=None)
@given(batch=st.lists(scopes, max_size=8), is_kept=st.lists(st.booleans(), min_size=8, max_size=8))
def test_keep_numbers_what_remains_from_0_and_forgets_ids_that_nothing_has(batch, is_kept):
    kept = [position for position in range(len(batch)) if is_kept[position]]
    lists, expected = ScopePositions(), ScopePositions()
    lists.extend(batch, start=0)
    lists.keep(np.array(kept, dtype=np.int64), count=len(batch))
    expected.extend([batch[position] for position in kept], start=0)
    for field in SCOPE_FIELDS:
        assert {value: found.tolist() for value, found in lists.lists(field)} == {
            value: found.tolist() for value, found in expected.lists(field)
        }
