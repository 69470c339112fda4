"""A filter means the same in SQL and in Python."""

import math
from datetime import date

from hypothesis import given, settings, strategies as st
from tests.core.filters.evaluate import OPERATORS, fill, found, matching, memory, rows

from holdfast.errors import InvalidFilter
from holdfast.filters import (
    MATCH_ALL,
    is_scoped,
    join_filters,
    parse_filter,
    scope_filter,
    split_scope,
)
from holdfast.records import MemoryRecord
from holdfast.scope import Scope
from holdfast.timestamps import to_microseconds

# Random records and filters over one small alphabet, so that filters match
TEXTS = [
    "a",
    "b",
    "A",
    "ab",
    "",
    "1",
    "true",
    "*",
    "%",
    "_",
    "é",
    "É",
    "ß",
    "SS",
    "🙂",
    "'",
    '"',
    "\\",
    "a\nb",
]
TEXTS += [
    "' OR 1=1 --",
    "\\n",
    "NULL",
    '["a"]',
    "2026-05-08",
    "2026-05-08T00:00:00Z",
    "2026-05-08 02:00+02:00",
]
TEXTS += ["1969-12-31", "x y", "\ufeff", "\u2028"]
NUMBERS = [0, 1, -1, 2, 1.0, -0.0, 0.5, 0.1 + 0.2, 0.3, 1e22, 5e-324, 2**53, 2**53 + 1, float(2**53), 1e308]
NUMBERS += [2**63 - 1, -(2**63), float(2**63), 8.20788039913184e-304, 0]
KEYS = ["a", "b", "a b", "key", "é", "'", "[0]", "0", "OR 1=1", "user", "$", "#-1", "eq", "🙂", "%", "?"]
DAYS = ["2026-05-08", "2026-05-09", "1969-12-31"]
MOMENTS = [to_microseconds(day) for day in DAYS] + [to_microseconds("2026-05-08") + 1, 0]
keys = st.sampled_from(["a", "b"]) | st.sampled_from(KEYS)
texts = st.sampled_from(["a", "b", "A"]) | st.sampled_from(TEXTS) | st.text(alphabet="aAß%_'é🙂 ", max_size=3)
scalars = texts | st.booleans() | st.sampled_from([0, 1]) | st.sampled_from(NUMBERS)
json_values = st.recursive(
    st.none() | scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=5,
)
ids = st.sampled_from(["a", "b", "*", "é", "' OR 1=1 --", "A"])
maybe_id = st.none() | ids
moments = st.sampled_from(MOMENTS)
records = st.builds(
    MemoryRecord,
    id=ids,
    text=texts,
    scope=st.builds(Scope, maybe_id, maybe_id, maybe_id, maybe_id),
    created_at=moments,
    updated_at=moments,
    recorded_at=moments,
    actor_id=maybe_id,
    role=st.none() | texts,
    attributed_to=st.sampled_from([None, "user", "assistant"]),
    speaker=st.none() | texts,
    memory_type=st.sampled_from(["semantic", "episodic", "procedural"]),
    metadata=st.dictionaries(keys, json_values, max_size=4),
    categories=st.lists(texts, max_size=3).map(tuple),
    expiration_date=st.none() | st.sampled_from(DAYS),
    immutable=st.booleans(),
)


def conditions(values, operators):
    def operands(operator):
        return st.lists(values, max_size=4) if operator in ("in", "nin") else values

    one = st.sampled_from(operators).flatmap(lambda name: operands(name).map(lambda operand: {name: operand}))
    many = st.lists(one, min_size=1, max_size=2).map(lambda parts: {k: v for part in parts for k, v in part.items()})
    return many | values | st.just("*") | st.lists(values, max_size=3)


EQUALITY, ORDER, INSIDE = OPERATORS[:4], OPERATORS[4:8], OPERATORS[8:]
dates = st.sampled_from([*DAYS, "2026-05-08T02:00:00+02:00", "2026-05-08T00:00:00.000001Z", date(2026, 5, 8)])
metadata_keys = st.lists(keys, min_size=1, max_size=2).map(lambda path: "metadata." + ".".join(path))


def field(names, values, operators):
    return st.dictionaries(st.sampled_from(names), conditions(values, operators), min_size=1, max_size=1)


leaves = st.one_of(
    field(["user_id", "agent_id", "run_id", "app_id", "actor_id", "id", "memory_ids"], ids, EQUALITY + INSIDE),
    field(["text", "keywords", "role", "attributed_to", "speaker", "memory_type"], texts, EQUALITY + INSIDE),
    field(["categories"], texts, EQUALITY + INSIDE),
    field(["immutable"], st.booleans(), EQUALITY),
    field(["created_at", "updated_at", "recorded_at", "expiration_date"], dates, EQUALITY + ORDER),
    st.dictionaries(metadata_keys, conditions(scalars, OPERATORS[:9]), min_size=1, max_size=2),
    st.dictionaries(metadata_keys, conditions(texts, ["icontains", "contains"]), min_size=1, max_size=1),
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"AND": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"OR": parts}),
        (inner | st.lists(inner, max_size=2)).map(lambda part: {"NOT": part}),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(stored=st.lists(records, min_size=3, max_size=8), asked=filters)
def test_sql_and_predicate_mean_the_same(database, stored, asked):
    found(database, stored, asked)


@settings(max_examples=400, deadline=None)
@given(stored=st.lists(json_values, min_size=1, max_size=12), condition=conditions(scalars, OPERATORS[:9]))
def test_sql_and_predicate_mean_the_same_for_any_metadata_value(database, stored, condition):
    found(database, [memory(metadata={"key": value}) for value in stored], {"key": condition})


@settings(max_examples=300, deadline=None)
@given(stored=st.floats(-1e308, 1e308), steps=st.sampled_from([-1, 0, 1]))
def test_reals_are_compared_to_the_last_bit(database, stored, steps):
    value = math.nextafter(stored, steps * math.inf) if steps else stored
    for condition in (value, {"gt": value}, {"lte": value}, [value, 0.5], {"contains": value}):
        found(
            database,
            [memory(metadata={"key": stored}), memory(metadata={"key": [stored]})],
            {"key": condition},
        )


@settings(max_examples=200, deadline=None)
@given(stored=st.lists(records, min_size=3, max_size=8), asked=filters)
def test_not_matches_exactly_the_other_rows(database, stored, asked):
    inside = found(database, stored, asked)
    outside = found(database, stored, {"NOT": asked})
    assert sorted(inside + outside) == list(range(len(stored)))


@settings(max_examples=200, deadline=None)
@given(stored=st.lists(records, min_size=3, max_size=8), asked=filters)
def test_splitting_off_the_scope_keeps_the_meaning(stored, asked):
    tree = parse_filter(asked)
    fixed, rest = split_scope(tree)
    again = join_filters(scope_filter(Scope(**fixed)), rest or MATCH_ALL)
    assert matching(stored, again) == matching(stored, tree)


@settings(max_examples=200, deadline=None)
@given(stored=st.lists(records, min_size=3, max_size=8), asked=filters)
def test_a_scoped_filter_never_matches_a_memory_without_ids(stored, asked):
    tree = parse_filter(asked)
    if is_scoped(tree):
        assert all(stored[row].scope != Scope() for row in matching(stored, tree))


# Logic and fields


def test_siblings_are_anded_and_logic_nests(database):
    stored = [memory(user_id=user, metadata={"n": n}) for user in ("a", "b") for n in (1, 2, 3)]
    assert found(database, stored, {"user_id": "a", "n": {"gte": 2, "lt": 3}}) == [1]
    assert found(database, stored, {"AND": [{"user_id": "a"}, {"OR": [{"n": 1}, {"n": 3}]}]}) == [0, 2]
    assert found(database, stored, {"OR": [{"user_id": "a", "n": 1}, {"NOT": {"n": {"lte": 2}}}]}) == [
        0,
        2,
        5,
    ]
    assert found(database, stored, {"AND": [{"n": 1}, {"n": 2}]}) == []


def test_not_of_a_list_matches_none_of_its_filters(database):
    stored = [memory(metadata={"n": n, "m": m}) for n in (0, 1) for m in (0, 1)]
    assert found(database, stored, {"NOT": [{"n": 1}, {"m": 1}]}) == [0]
    assert found(database, stored, {"NOT": {"n": 1, "m": 1}}) == [0, 1, 2]
    assert found(database, stored, {"NOT": [{"n": 1}], "m": 1}) == [1]


def test_metadata_keys_named_like_fields_are_separate(database):
    stored = [
        memory(user_id="a", metadata={"user_id": "b", "AND": 1, "gt": 2, "text": "x"}),
        memory(user_id="b"),
    ]
    assert found(database, stored, {"user_id": "b"}) == [1]
    assert found(database, stored, {"metadata.user_id": "b"}) == [0]
    assert found(database, stored, {"metadata": {"user_id": "b", "text": "x", "gt": {"gt": 1}}}) == [0]
    assert found(database, stored, {"metadata.AND": 1, "gt": 2}) == [0]


def test_a_path_does_not_index_into_lists(database):
    stored = [memory(metadata={"a": [{"b": 1}, 5], "a[0]": 3}), memory(metadata={"a": {"0": 5}})]
    assert found(database, stored, {"a.0": "*"}) == [1]
    assert found(database, stored, {"a[0]": "*"}) == [0]
    assert found(database, stored, {"a.b": "*"}) == []


def test_aliases_name_the_same_fields(database):
    stored = [memory("tea", id="1"), memory("coffee", id="2"), memory("tea and coffee", id="3")]
    assert found(database, stored, {"memory_ids": ["1", "3"]}) == [0, 2]
    assert found(database, stored, {"id": "2"}) == [1]
    assert found(database, stored, {"keywords": {"contains": "tea"}}) == [0, 2]
    assert found(database, stored, {"text": "tea"}) == [0]


# Scopes


def test_a_scope_is_taken_literally(database):
    stored = [
        memory(user_id="a"),
        memory(user_id="*"),
        memory(user_id="a", actor_id="z"),
        memory(agent_id="a"),
    ]
    fill(database, stored)
    assert rows(database, scope_filter(Scope(user_id="*"))) == [1]
    assert rows(database, scope_filter(Scope(user_id="a"))) == [0, 2]
    assert rows(database, scope_filter(Scope(user_id="a"), actor_id="z")) == [2]
    assert scope_filter(Scope()) == MATCH_ALL


names = st.sampled_from(["AND", "OR", "NOT", "and", "metadata", "user_id", "created_at", "categories", "*", *OPERATORS])
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=2) | names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=600, deadline=None)
@given(asked=junk)
def test_any_other_data_is_matched_or_refused_with_a_reason(database, asked):
    try:
        found(database, [memory()], asked)
    except InvalidFilter as error:
        refusal = str(error)
    else:
        refusal = ""
    assert "cannot be read" not in refusal
