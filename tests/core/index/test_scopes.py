"""`ScopePositions` finds exactly the positions that have all ids."""

from hypothesis import given, settings, strategies as st

from holdfast.index.scopes import ScopePositions
from holdfast.scope import Scope

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
