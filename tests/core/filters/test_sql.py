"""Filters as SQL: values are bound, ids use an index, and the largest filters compile."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st
from tests.core.filters.evaluate import WRAPS, found, memory, nested

from holdfast.filters import (
    parse_filter,
    to_sql,
)


def test_long_lists_are_bound_as_one_value(database):
    stored = [memory(user_id=str(n), metadata={"n": n, "half": n + 0.5}) for n in (1, 9_999, 20_000)]
    names = [str(n) for n in range(10_000)]
    assert found(database, stored, {"user_id": names}) == [0, 1]
    assert found(database, stored, {"OR": [{"user_id": names[:100]}] * 400}) == [0]
    assert found(database, stored, {"n": {"nin": list(range(10_000))}}) == [2]
    assert found(database, stored, {"half": [n + 0.5 for n in range(10_000)]}) == [0, 1]
    assert len(to_sql(parse_filter({"user_id": names}))[1]) == 1


INJECTIONS = [
    "' OR '1'='1",
    "x'; DROP TABLE memories; --",
    "1) OR (1=1",
    "$.a",
    "user_id",
    "?",
    ":name",
    "a' || 'b",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_key_and_no_value_appears_in_the_sql(database, text):
    marked = text + "…"
    for asked in (
        {"user_id": marked},
        {marked: 1},
        {"metadata": {marked: {"contains": marked}}},
        {"text": [marked] * 2},
    ):
        assert "…" not in to_sql(parse_filter({"OR": [asked, {"NOT": asked}]}))[0]
    stored = [memory(text, user_id=text, metadata={text.replace(".", "-"): text}), memory("x", user_id="x")]
    for asked in ({"user_id": text}, {text.replace(".", "-"): text}, {"keywords": {"contains": text}}):
        assert found(database, stored, asked) == [0]


def test_scope_ids_use_an_index(database):
    expression, values = to_sql(parse_filter({"user_id": "a", "OR": [{"n": 1}, {"n": 2}]}))
    query = f"EXPLAIN QUERY PLAN SELECT row FROM memories WHERE {expression}"  # noqa: S608
    plan = database.execute(query, values).fetchall()
    assert any("by_user (user_id=?)" in step[-1] for step in plan)


@st.composite
def large_filters(draw):
    """Filters near the limits of 1000 nodes and 32 levels, with several deep branches."""
    budget, tree = 960, {"n": 1}
    for level in range(31):
        tree = {draw(st.sampled_from(["AND", "OR", "NOT"])): [tree]}
        depth = draw(st.integers(0, level))
        width = draw(st.sampled_from([0, 1, 7, 9, 30]))
        siblings = [{"m": "text"}] * width
        siblings.append(nested(depth, draw(st.sampled_from(WRAPS[:3])), {"k": {"contains": "text"}}))
        budget -= 1
        if depth + width < budget:
            budget -= depth + width + 1
            (members,) = tree.values()
            members[slice(0, 0) if draw(st.booleans()) else slice(1, 1)] = siblings
    return tree


@settings(max_examples=80, deadline=None)
@given(asked=large_filters())
def test_the_largest_filters_compile(database, asked):
    stored = [memory(metadata={"n": 1, "m": "text", "k": "a text"}), memory(), memory(metadata={"n": 1})]
    found(database, stored, asked)


@pytest.mark.parametrize("words", list(itertools.product(["AND", "OR", "NOT"], repeat=2)))
@pytest.mark.parametrize("last", [False, True])
def test_many_deep_branches_compile(database, words, last):
    tree = {"n": 1}
    for level in range(31):
        branch = nested(level, lambda inner: {"NOT": inner}, {"k": {"contains": "text"}})
        tree = {words[level % 2]: [branch, tree] if last else [tree, branch]}
    found(database, [memory(metadata={"n": 1, "k": "text"}), memory()], tree)


@pytest.mark.parametrize("word", ["AND", "OR", "NOT"])
def test_the_widest_filters_compile(database, word):
    stored = [memory(metadata={"n": 5}), memory(metadata={"n": 5000})]
    expected = {"AND": [], "OR": [0], "NOT": [1]}[word]
    assert found(database, stored, {word: [{"n": n} for n in range(998)]}) == expected
