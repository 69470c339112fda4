"""`TermTable` finds the same postings by scanning and by sorting."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from holdfast.index import postings
from holdfast.index.postings import TermTable

few_terms = st.lists(st.integers(1, 6), max_size=6).map(lambda ids: np.array(ids, dtype=np.uint32))
table_changes = st.lists(
    st.one_of(st.lists(few_terms, max_size=4), st.tuples(st.integers(0, 99), few_terms)),
    min_size=1,
    max_size=14,
)


@pytest.mark.parametrize(("sort_from", "max_unsorted"), [(10**9, 0), (0, 0), (0, 3), (5, 10**9)], ids=str)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=table_changes, query=few_terms, data=st.data())
def test_postings_equal_a_plain_count_scanned_or_sorted(sort_from, max_unsorted, changes, query, data):
    with mock.patch.multiple(postings, _SORT_FROM_CANDIDATES=sort_from, _MAX_UNSORTED=max_unsorted):
        table, plain = TermTable(), []
        for change in changes:
            if isinstance(change, list):
                table.extend(change)
                plain += change
            elif plain:
                table.replace(change[0] % len(plain), change[1])
                plain[change[0] % len(plain)] = change[1]
            chosen = data.draw(st.sets(st.sampled_from(range(len(plain))))) if plain else set()
            check_postings(table, plain, query, np.array(sorted(chosen), dtype=np.int64))
            check_postings(table, plain, query, np.arange(len(plain), dtype=np.int64))


def check_postings(table, plain, query, positions):
    found = table.find_postings(query, positions)
    distinct = sorted(set(query.tolist()))
    assert len(found) == len(distinct)
    for term, postings_ in zip(distinct, found, strict=True):
        counts = [int((plain[position] == term).sum()) for position in positions]
        expected = [(place, count) for place, count in enumerate(counts) if count]
        assert list(zip(postings_.places.tolist(), postings_.counts.tolist(), strict=True)) == expected
