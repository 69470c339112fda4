"""Term hits equal a plain count."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.index import postings
from holdfast.index.postings import TermTable

# Words
few_terms = st.lists(st.integers(1, 6), max_size=6).map(lambda ids: np.array(ids, dtype=np.uint32))
table_changes = st.lists(
    st.one_of(st.lists(few_terms, max_size=4), st.tuples(st.integers(0, 99), few_terms)),
    min_size=1,
    max_size=14,
)


@pytest.mark.parametrize(("many", "tail"), [(10**9, 0), (0, 0), (0, 3), (5, 10**9)], ids=str)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=table_changes, query=few_terms, data=st.data())
def test_words_are_counted_right_however_they_are_looked_up(many, tail, changes, query, data):
    with mock.patch.multiple(postings, _SORT_FROM_CANDIDATES=many, _MAX_UNSORTED=tail):
        table, plain = TermTable(), []
        for change in changes:
            if isinstance(change, list):
                table.extend(change)
                plain += change
            elif plain:
                table.replace(change[0] % len(plain), change[1])
                plain[change[0] % len(plain)] = change[1]
            chosen = data.draw(st.sets(st.sampled_from(range(len(plain))))) if plain else set()
            check_hits(table, plain, query, np.array(sorted(chosen), dtype=np.int64))
            check_hits(table, plain, query, np.arange(len(plain), dtype=np.int64))


def check_hits(table, plain, query, positions):
    found = table.find_postings(query, positions)
    distinct = sorted(set(query.tolist()))
    assert len(found) == len(distinct)
    for term, hits in zip(distinct, found, strict=True):
        counts = [int((plain[position] == term).sum()) for position in positions]
        expected = [(place, count) for place, count in enumerate(counts) if count]
        assert list(zip(hits.places.tolist(), hits.counts.tolist(), strict=True)) == expected
