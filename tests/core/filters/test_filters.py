"""The filter language: one meaning, in SQL and in Python."""

import itertools
import json
import math
import sqlite3
from datetime import date, datetime, timedelta, timezone
from types import MappingProxyType
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InvalidFilter
from holdfast.filters import (
    MATCH_ALL,
    SQL_FUNCTIONS,
    And,
    Comparison,
    Not,
    Or,
    is_scoped,
    join_filters,
    parse_filter,
    scope_filter,
    split_scope,
    to_predicate,
    to_sql,
)
from holdfast.records import MemoryRecord
from holdfast.scope import Scope
from holdfast.timestamps import to_microseconds

OPERATORS = ["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "contains", "icontains"]
COLUMNS = (
    "row INTEGER PRIMARY KEY, id TEXT NOT NULL, text TEXT NOT NULL, user_id TEXT, agent_id TEXT, run_id TEXT,"
    " app_id TEXT, actor_id TEXT, role TEXT, attributed_to TEXT, speaker TEXT, memory_type TEXT NOT NULL,"
    " metadata TEXT NOT NULL, categories TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, expiration_date TEXT,"
    " immutable INTEGER NOT NULL"
)


def open_database():
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for name, (arguments, function) in SQL_FUNCTIONS.items():
        database.create_function(name, arguments, function, deterministic=True)
    database.execute(f"CREATE TABLE memories ({COLUMNS}) STRICT")
    database.execute("CREATE INDEX by_user ON memories (user_id)")
    return database


@pytest.fixture(scope="module")
def database():
    database = open_database()
    yield database
    database.close()


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fill(database, records):
    database.execute("DELETE FROM memories")
    for row, record in enumerate(records):
        scope = record.scope
        values = [row, record.id, record.text, scope.user_id, scope.agent_id, scope.run_id, scope.app_id]
        values += [record.actor_id, record.role, record.attributed_to, record.speaker, record.memory_type]
        values += [compact(record.metadata), compact(record.categories)]
        values += [record.created_at, record.updated_at, record.recorded_at]
        values += [record.expiration_date, int(record.immutable)]
        database.execute(f"INSERT INTO memories VALUES ({','.join('?' * len(values))})", values)  # noqa: S608


def rows(database, tree):
    expression, values = to_sql(tree)
    query = f"SELECT row FROM memories WHERE {expression} ORDER BY row"  # noqa: S608
    found = database.execute(query, values)
    return [row for (row,) in found]


def matching(records, tree):
    matches = to_predicate(tree)
    return [row for row, record in enumerate(records) if matches(record)]


def found(database, records, filters):
    """The rows found by SQL, which must be those the predicate finds."""
    tree = parse_filter(filters)
    fill(database, records)
    by_sql = rows(database, tree)
    assert by_sql == matching(records, tree)
    return by_sql


def memory(text="", *, metadata=None, **fields):
    ids = {name: fields.pop(name, None) for name in ("user_id", "agent_id", "run_id", "app_id")}
    times = {name: fields.pop(name, 0) for name in ("created_at", "updated_at", "recorded_at")}
    record_id = fields.pop("id", "r")
    return MemoryRecord(id=record_id, text=text, scope=Scope(**ids), metadata=metadata or {}, **times, **fields)


def holds(database, stored, condition):
    """Whether the metadata value `stored` meets `condition`, in SQL and in Python."""
    return found(database, [memory(metadata={"key": stored})], {"key": condition}) == [0]


# Random records and filters over one small alphabet, so that they meet

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
def test_not_is_plain_negation(database, stored, asked):
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
def test_a_filter_that_names_a_scope_never_finds_a_memory_of_nobody(stored, asked):
    tree = parse_filter(asked)
    if is_scoped(tree):
        assert all(stored[row].scope != Scope() for row in matching(stored, tree))


# The truth tables

JSON_EXAMPLES = {
    "text": "ab",
    "number text": "1",
    "one": 1,
    "one real": 1.0,
    "two": 2,
    "true": True,
    "false": False,
    "null": None,
    "list": ["ab", 1],
    "list of true": [True],
    "mapping": {"ab": 1},
    "day": "2026-05-08",
    "instant": "2026-05-08T02:00:00+02:00",
    "empty": "",
    "empty list": [],
}
PRESENT = set(JSON_EXAMPLES) - {"null"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("*", PRESENT),
        ("ab", {"text"}),
        ("1", {"number text"}),
        (1, {"one", "one real"}),
        (1.0, {"one", "one real"}),
        (True, {"true"}),
        (False, {"false"}),
        ({"eq": "*"}, set()),
        ({"eq": ""}, {"empty"}),
        ({"eq": "2026-05-08"}, {"day"}),
        ({"eq": '["ab",1]'}, set()),
        ({"ne": 1}, PRESENT - {"one", "one real"}),
        ({"ne": "1"}, PRESENT - {"number text"}),
        ({"ne": True}, PRESENT - {"true"}),
        (["ab", 1], {"text", "one", "one real"}),
        ({"in": [True, "1", 2.0]}, {"true", "number text", "two"}),
        ({"in": []}, set()),
        ({"nin": []}, PRESENT),
        ({"nin": ["ab", False, 1]}, PRESENT - {"text", "false", "one", "one real"}),
        ({"gt": 1}, {"two"}),
        ({"gte": 1}, {"one", "one real", "two"}),
        ({"lt": 2}, {"one", "one real"}),
        ({"lte": 0.5}, set()),
        ({"gte": 0, "lt": 2}, {"one", "one real"}),
        ({"gt": "2026-05-07"}, {"day", "instant"}),
        ({"lte": "2026-05-08T00:00:00Z"}, {"day", "instant"}),
        ({"gte": date(2026, 5, 8)}, {"day", "instant"}),
        ({"lt": datetime(2026, 5, 8, tzinfo=timezone.utc)}, set()),
        ({"gt": ""}, set()),
        ({"gt": "aa"}, set()),
        ({"gt": False}, set()),
        ({"contains": "b"}, {"text"}),
        ({"contains": "ab"}, {"text", "list"}),
        ({"contains": ""}, {"text", "number text", "day", "instant", "empty"}),
        ({"contains": 1}, {"list"}),
        ({"contains": 1.0}, {"list"}),
        ({"contains": True}, {"list of true"}),
        ({"contains": "B"}, set()),
        ({"icontains": "B"}, {"text"}),
        ({"icontains": "AB"}, {"text", "list"}),
    ],
    ids=lambda value: repr(sorted(value) if isinstance(value, set) else value),
)
def test_each_operator_on_each_type_of_metadata(database, condition, expected):
    meeting = {name for name, stored in JSON_EXAMPLES.items() if holds(database, stored, condition)}
    assert meeting == expected
    assert found(database, [memory()], {"key": condition}) == []


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_missing_or_null_field_meets_no_operator(database, operator):
    operand = ["x"] if operator in ("in", "nin") else "x"
    nobody = [memory(), memory(metadata={"key": None}), memory(metadata={"key": {"inner": None}})]
    assert found(database, nobody, {"key.inner": {operator: operand}}) == []
    assert found(database, nobody, {"NOT": {"key.inner": {operator: operand}}}) == [0, 1, 2]
    if operator not in ORDER:
        for name in ("user_id", "actor_id", "speaker", "categories"):
            assert found(database, nobody, {name: {operator: operand}}) == []
            assert found(database, nobody, {"NOT": {name: {operator: operand}}}) == [0, 1, 2]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("work", ["one", "two"]),
        ("Work", []),
        ({"contains": "wor"}, []),
        ({"icontains": "WORK"}, ["one", "two"]),
        (["travel", "home"], ["two"]),
        ({"ne": "travel"}, ["one"]),
        ({"nin": ["home"]}, ["one", "two"]),
        ({"nin": []}, ["one", "two"]),
        ({"in": []}, []),
        ("*", ["one", "two"]),
    ],
    ids=repr,
)
def test_categories_mean_any_of_the_list(database, condition, expected):
    stored = {"one": ("work",), "two": ("travel", "work"), "none": ()}
    found_rows = found(database, [memory(categories=names) for names in stored.values()], {"categories": condition})
    assert [list(stored)[row] for row in found_rows] == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("2026-05-08", [1]),
        ({"gte": "2026-05-08"}, [1, 2]),
        ({"gt": "2026-05-08"}, [2]),
        ({"lt": "2026-05-08"}, [0]),
        ({"gte": "2026-05-08T02:00:00+02:00", "lte": date(2026, 5, 8)}, [1]),
        ({"in": [datetime(2026, 5, 8, tzinfo=timezone.utc), "2026-05-07"]}, [0, 1]),
        ({"gt": to_microseconds("2026-05-08") / 1e6}, [2]),
        ({"nin": []}, [0, 1, 2]),
        ("*", [0, 1, 2]),
    ],
    ids=repr,
)
def test_dates_are_moments_and_a_day_is_its_start(database, condition, expected):
    days = ["2026-05-07", "2026-05-08", "2026-05-09"]
    stored = [memory(created_at=to_microseconds(day), expiration_date=day) for day in days] + [memory(created_at=2**50)]
    assert [row for row in found(database, stored, {"created_at": condition}) if row < 3] == expected
    assert found(database, stored, {"expiration_date": condition}) == expected


def test_case_is_ignored_as_casefold_does(database):
    stored = [memory("Straße"), memory("STRASSE"), memory("strase")]
    assert found(database, stored, {"keywords": {"icontains": "STRASSE"}}) == [0, 1]
    lists = [memory(metadata={"tags": ["Straße", 'a"\\N\n']}), memory(metadata={"tags": ["x"]})]
    assert found(database, lists, {"tags": {"icontains": "strasse"}}) == [0]
    assert found(database, lists, {"tags": {"icontains": 'A"\\n\n'}}) == [0]


def test_wildcards_of_sql_are_plain_characters(database):
    stored = [memory("100%"), memory("1000"), memory("a_b"), memory("axb")]
    assert found(database, stored, {"text": {"contains": "0%"}}) == [0]
    assert found(database, stored, {"text": {"contains": "a_b"}}) == [2]


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


def test_not_means_none_of_them(database):
    stored = [memory(metadata={"n": n, "m": m}) for n in (0, 1) for m in (0, 1)]
    assert found(database, stored, {"NOT": [{"n": 1}, {"m": 1}]}) == [0]
    assert found(database, stored, {"NOT": {"n": 1, "m": 1}}) == [0, 1, 2]
    assert found(database, stored, {"NOT": [{"n": 1}], "m": 1}) == [1]


def test_nothing_asked_means_everything():
    for nothing in (None, {}, {"AND": []}, {"AND": [{}, {}]}, {"NOT": []}, {"metadata": {}}):
        assert parse_filter(nothing) == MATCH_ALL
    assert to_predicate(parse_filter({"NOT": {}}))(memory()) is False


def test_every_spelling_of_a_metadata_key_means_the_same():
    spellings = [
        {"address.city": "Oslo"},
        {"metadata.address.city": "Oslo"},
        {"metadata": {"address": {"city": "Oslo"}}},
        {"metadata": {"address.city": {"eq": "Oslo"}}},
        {"metadata": MappingProxyType({"address": {"city": {"eq": "Oslo"}}})},
    ]
    trees = {parse_filter(spelling) for spelling in spellings}
    assert trees == {Comparison("metadata.address.city", "eq", "Oslo")}


def test_metadata_named_like_a_field_is_told_apart(database):
    stored = [
        memory(user_id="a", metadata={"user_id": "b", "AND": 1, "gt": 2, "text": "x"}),
        memory(user_id="b"),
    ]
    assert found(database, stored, {"user_id": "b"}) == [1]
    assert found(database, stored, {"metadata.user_id": "b"}) == [0]
    assert found(database, stored, {"metadata": {"user_id": "b", "text": "x", "gt": {"gt": 1}}}) == [0]
    assert found(database, stored, {"metadata.AND": 1, "gt": 2}) == [0]


def test_a_list_has_no_keys(database):
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


def test_ids_mean_the_same_in_a_filter_as_in_an_argument():
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    assert parse_filter({"user_id": 42}) == Comparison("user_id", "eq", "42")
    assert parse_filter({"run_id": [uuid, " x "]}) == Comparison("run_id", "in", (str(uuid), "x"))


def test_subclasses_of_plain_types_are_taken_as_plain():
    class Text(str):
        __slots__ = ()

    tree = parse_filter({Text("city"): Text("Oslo")})
    assert tree == Comparison("metadata.city", "eq", "Oslo")
    assert type(tree.value) is str
    assert type(tree.field) is str


def test_immutable_is_true_or_false(database):
    stored = [memory(immutable=True), memory(immutable=False)]
    assert found(database, stored, {"immutable": True}) == [0]
    assert found(database, stored, {"immutable": {"ne": True}}) == [1]
    assert found(database, stored, {"immutable": [True, False]}) == [0, 1]


def test_long_lists_are_bound_as_one_value(database):
    stored = [memory(user_id=str(n), metadata={"n": n, "half": n + 0.5}) for n in (1, 9_999, 20_000)]
    names = [str(n) for n in range(10_000)]
    assert found(database, stored, {"user_id": names}) == [0, 1]
    assert found(database, stored, {"OR": [{"user_id": names[:100]}] * 400}) == [0]
    assert found(database, stored, {"n": {"nin": list(range(10_000))}}) == [2]
    assert found(database, stored, {"half": [n + 0.5 for n in range(10_000)]}) == [0, 1]
    assert len(to_sql(parse_filter({"user_id": names}))[1]) == 1


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


def test_both_is_flat():
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
def test_a_filter_says_whether_it_names_a_scope(asked, expected):
    assert is_scoped(parse_filter(asked)) is expected


def test_an_empty_or_names_no_scope():
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


# SQL

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
def test_no_key_and_no_value_stands_in_the_sql(database, text):
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


def nested(depth, wrap, innermost):
    for _ in range(depth):
        innermost = wrap(innermost)
    return innermost


WRAPS = [
    lambda inner: {"NOT": inner},
    lambda inner: {"AND": [inner]},
    lambda inner: {"OR": [inner]},
    lambda inner: {"OR": [{"n": 1}, inner]},
]


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


def test_moments_of_any_zone_are_one_moment(database):
    zone = timezone(timedelta(hours=5, minutes=45, seconds=30))
    stored = [memory(metadata={"at": "2026-05-08T00:00:00Z"})]
    same = datetime(2026, 5, 8, tzinfo=timezone.utc).astimezone(zone)
    assert found(database, stored, {"at": {"gte": same, "lte": same}}) == [0]


names = st.sampled_from(["AND", "OR", "NOT", "and", "metadata", "user_id", "created_at", "categories", "*", *OPERATORS])
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=2) | names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=600, deadline=None)
@given(asked=junk)
def test_any_other_data_is_refused_in_words(database, asked):
    try:
        found(database, [memory()], asked)
    except InvalidFilter as error:
        refusal = str(error)
    else:
        refusal = ""
    assert "cannot be read" not in refusal
