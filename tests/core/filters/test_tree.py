"""Filter trees: whether they are scoped, and how the scope is split off."""

import pytest

from holdfast.filters import (
    MATCH_ALL,
    And,
    Comparison,
    Not,
    Or,
    is_scoped,
    join_filters,
    parse_filter,
    split_scope,
)


def test_joined_filters_are_flat():
    one, two, three = (Comparison("metadata.n", "eq", n) for n in (1, 2, 3))
    assert join_filters(And((one, two)), three) == And((one, two, three))
    assert join_filters(MATCH_ALL, one) == one
    assert join_filters(MATCH_ALL, MATCH_ALL) == MATCH_ALL


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, False),
        ({"user_id": "a"}, True),
        ({"agent_id": ["a", "b"]}, True),
        ({"run_id": "*"}, True),
        ({"app_id": {"eq": "a"}}, True),
        ({"actor_id": "a"}, False),
        ({"metadata.user_id": "a"}, False),
        ({"user_id": {"ne": "a"}}, False),
        ({"user_id": {"nin": ["a"]}}, False),
        ({"user_id": {"contains": "a"}}, False),
        ({"NOT": {"user_id": "a"}}, False),
        ({"NOT": {"NOT": {"user_id": "a"}}}, False),
        ({"AND": [{"n": 1}, {"user_id": "a"}]}, True),
        ({"OR": [{"user_id": "a"}, {"agent_id": "b"}]}, True),
        ({"OR": [{"user_id": "a"}, {"n": 1}]}, False),
        ({"OR": [{"user_id": "a"}, {}]}, False),
        ({"n": 1, "OR": [{"user_id": "a", "m": 1}, {"AND": [{"run_id": "r"}]}]}, True),
    ],
    ids=repr,
)
def test_is_scoped_is_true_only_if_every_match_has_an_id(asked, expected):
    assert is_scoped(parse_filter(asked)) is expected


def test_an_empty_or_is_not_scoped():
    assert is_scoped(Or(())) is False


def test_the_scope_is_split_from_the_rest():
    city = Comparison("metadata.city", "eq", "Oslo")
    assert split_scope(parse_filter({"user_id": "a"})) == ({"user_id": "a"}, None)
    assert split_scope(MATCH_ALL) == ({}, None)
    assert split_scope(parse_filter({"city": "Oslo"})) == ({}, city)
    nested = parse_filter({"city": "Oslo", "AND": [{"user_id": "a"}, {"AND": [{"run_id": {"eq": "r"}}]}]})
    assert split_scope(nested) == ({"user_id": "a", "run_id": "r"}, city)
    either = Or((Comparison("user_id", "eq", "a"), Comparison("user_id", "eq", "b")))
    assert split_scope(either) == ({}, either)
    assert split_scope(Not(Comparison("user_id", "eq", "a")))[0] == {}


def test_two_values_for_one_id_match_nothing():
    tree = parse_filter({"AND": [{"user_id": "a"}, {"user_id": "b"}, {"user_id": "a"}]})
    assert split_scope(tree) == ({"user_id": "a"}, Comparison("user_id", "eq", "b"))
