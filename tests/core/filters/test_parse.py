"""Filters are read from dictionaries, or refused with `InvalidFilter`."""

import re
from datetime import datetime, timezone
from types import MappingProxyType
from uuid import UUID

import pytest
from tests.core.filters.evaluate import WRAPS, memory, nested

from holdfast.errors import InvalidFilter
from holdfast.filters import (
    MATCH_ALL,
    Comparison,
    parse_filter,
    to_predicate,
)


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ([], "mapping"),
        ("user_id", "mapping"),
        (5, "mapping"),
        ({"user_id": None}, '"NOT": {"user_id": "*"}'),
        ({"city": None}, '"NOT": {"metadata.city": "*"}'),
        ({"city": {"ne": None}}, "null"),
        ({"city": ["a", None]}, "null"),
        ({"n": {"gtt": 5}}, "'gtt'"),
        ({"n": {"$gte": 5}}, "'$gte'"),
        ({"address": {"city": "Oslo"}}, "'city'"),
        ({"n": {}}, "no operator"),
        ({"metadata": {"n": {}}}, "no operator"),
        ({"metadata": {"n": {"gt": 1, "m": 2}}}, "'m'"),
        ({"metadata": "*"}, "mapping"),
        ({"metadata": {"OR": [{"a": 1}]}}, "OR is under metadata"),
        ({"or": [{"a": 1}]}, "write OR"),
        ({"Not": {"a": 1}}, "write NOT"),
        ({"OR": []}, "empty"),
        ({"OR": {"a": 1}}, "list"),
        ({"AND": {"a": 1}}, "list"),
        ({"AND": "a"}, "list"),
        ({"NOT": "a"}, "list"),
        ({"AND": [["a"]]}, "mapping"),
        ({"AND": [None]}, "mapping"),
        ({"n": {"in": "abc"}}, "list"),
        ({"n": {"eq": ["a"]}}, "text, a number"),
        ({"n": {"eq": {"a": 1}}}, "text, a number"),
        ({"n": [["a"]]}, "text, a number"),
        ({"n": [{"a": 1}]}, "text, a number"),
        ({"n": b"bytes"}, "text, a number"),
        ({"n": {"eq": b"tea"}}, "text, a number"),
        ({"n": {"icontains": 5}}, "text"),
        ({"n": float("nan")}, "nan"),
        ({"n": {"gt": float("inf")}}, "inf"),
        ({"n": 2**63}, "64 bits"),
        ({"n": -(2**63) - 1}, "64 bits"),
        ({"n": 10**400}, "bits"),
        ({"n": "a\0b"}, "NUL"),
        ({"n": "\ud800"}, "surrogate"),
        ({"user_id": "\udfff"}, "surrogate"),
        ({"user_id": True}, "text"),
        ({"user_id": 1.5}, "text"),
        ({"user_id": " "}, "blank"),
        ({"user_id": {"gt": "a"}}, "does not support gt"),
        ({"user_id": {"contains": 5}}, "text"),
        ({"role": 5}, "text"),
        ({"text": {"lt": "a"}}, "does not support lt"),
        ({"categories": 5}, "text"),
        ({"categories": {"gt": "a"}}, "does not support gt"),
        ({"immutable": 1}, "true or false"),
        ({"immutable": "true"}, "true or false"),
        ({"immutable": {"contains": True}}, "does not support contains"),
        ({"created_at": "yesterday"}, "'yesterday'"),
        ({"created_at": {"gt": True}}, "True"),
        ({"created_at": {"gt": float("nan")}}, "nan"),
        ({"created_at": {"gt": 1e300}}, "1e+300"),
        ({"created_at": {"contains": "2026"}}, "does not support contains"),
        ({"expiration_date": {"in": ["2026-02-30"]}}, "'2026-02-30'"),
        ({5: "a"}, "5 is not a key"),
        ({"metadata": {None: "a"}}, "None is not a key"),
        ({"": "a"}, "empty part"),
        ({"metadata.": "a"}, "empty part"),
        ({"a..b": "a"}, "empty part"),
        ({".a": "a"}, "empty part"),
        ({"a\0": "a"}, "NUL"),
        ({"\ud800": "a"}, "surrogate"),
        ({"k" * 201: "a"}, "200"),
        ({"metadata": {"k" * 150: {"k" * 150: 1}}}, "200"),
        ({"user_id.eq": "a"}, "user_id has no nested keys"),
        ({"n": list(range(10_001))}, "10,000"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_invalid_filters_are_refused_with_the_reason(asked, word):
    with pytest.raises(InvalidFilter, match=re.escape(word)) as refusal:
        parse_filter(asked)
    assert len(str(refusal.value)) < 400


def test_at_most_1000_nodes_are_accepted():
    parse_filter({"OR": [{"n": n} for n in range(999)]})
    for asked in (
        {"OR": [{"n": n} for n in range(1000)]},
        {"AND": [{}] * 1000},
        {str(n): 1 for n in range(1001)},
    ):
        with pytest.raises(InvalidFilter, match="1000 nodes"):
            parse_filter(asked)


@pytest.mark.parametrize("depth", [32, 500, 100_000])
@pytest.mark.parametrize("wrap", WRAPS)
def test_at_most_32_levels_are_accepted(depth, wrap):
    parse_filter(nested(31, wrap, {"n": 1}))
    with pytest.raises(InvalidFilter, match="32 levels"):
        parse_filter(nested(depth, wrap, {"n": 1}))
    with pytest.raises(InvalidFilter, match="32 levels"):
        parse_filter({"metadata": nested(depth, lambda inner: {"a": inner}, 1)})


def test_deep_values_and_cycles_are_refused():
    cyclic = {}
    cyclic["AND"] = [cyclic]
    deep_list = nested(100_000, lambda inner: [inner], 1)
    for asked in (cyclic, {"n": deep_list}, {"n": {"eq": deep_list}}, {"user_id": [deep_list]}):
        with pytest.raises(InvalidFilter):
            parse_filter(asked)


def test_objects_that_raise_when_looked_at_are_refused():
    class Hostile:
        @property
        def __class__(self):
            raise RuntimeError

        def __repr__(self):
            raise RuntimeError

    class HostileMapping(dict):
        def items(self):
            raise KeyError

    class HostileZone(timezone.__base__):
        def utcoffset(self, _):
            raise ZeroDivisionError

    class Endless(list):
        def __iter__(self):
            while True:
                yield {}

    hostile = [Hostile(), HostileMapping(a=1), {"n": Hostile()}, {"n": [Hostile()]}, {"AND": Endless()}]
    hostile += [
        {"created_at": datetime(2026, 5, 8, tzinfo=HostileZone())},
        {"n": Endless()},
        {"AND": [Hostile()]},
    ]
    for asked in hostile:
        with pytest.raises(InvalidFilter):
            parse_filter(asked)


def test_an_empty_filter_matches_everything():
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


def test_ids_mean_the_same_in_a_filter_as_in_an_argument():
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    assert parse_filter({"user_id": 42}) == Comparison("user_id", "eq", "42")
    assert parse_filter({"run_id": [uuid, " x "]}) == Comparison("run_id", "in", (str(uuid), "x"))


def test_subclasses_of_plain_types_become_plain():
    class Text(str):
        __slots__ = ()

    tree = parse_filter({Text("city"): Text("Oslo")})
    assert tree == Comparison("metadata.city", "eq", "Oslo")
    assert type(tree.value) is str
    assert type(tree.field) is str


@pytest.mark.parametrize(
    ("asked", "way_out"),
    [
        ({"$or": [{"a": 1}]}, "{'OR': [...]}"),
        ({"$and": []}, "{'AND': [...]}"),
        ({"$not": {"a": 1}}, "{'NOT': [...]}"),
        ({"$nor": [{"a": 1}]}, "{'NOT': [...]}"),
        ({"AND": [{"$or": [{"a": 1}]}]}, "{'OR': [...]}"),
        ({"metadata": {"$or": [{"a": 1}]}}, "{'OR': [...]}"),
        ({"must": [{"key": "city", "match": {"value": "Oslo"}}]}, "{'AND': [...]}"),
        ({"should": [{"a": 1}]}, "{'OR': [...]}"),
        ({"must_not": [{"a": 1}]}, "{'NOT': [...]}"),
        ({"operator": "AND", "conditions": [{"field": "a", "operator": "==", "value": 1}]}, "{'AND': [...]}"),
        ({"filters": [{"key": "a", "value": 1}], "condition": "and"}, "{'AND': [...]}"),
        *(({"a": {f"${name}": 1}}, f"{{'a': {{'{name}': ...}}}}") for name in ("eq", "ne", "gt", "gte", "lt", "lte")),
        *(({"a": {f"${name}": [1]}}, f"{{'a': {{'{name}': ...}}}}") for name in ("in", "nin")),
        ({"metadata": {"a": {"$in": [1]}}}, "'in'"),
        ({"a": {"$exists": True}}, "{'NOT': {'a': '*'}}"),
        ({"a": {"==": 1}}, "{'a': {'eq': ...}}"),
        ({"a": {">=": 1}}, "{'a': {'gte': ...}}"),
        ({"a": {"!=": 1}}, "{'a': {'ne': ...}}"),
        ({"a": {"GT": 1}}, "{'a': {'gt': ...}}"),
        ({"a": {"like": "x%"}}, "{'a': {'icontains': ...}}"),
        ({"a": {"match": "x"}}, "{'a': {'eq': ...}}"),
        ({"a": {"range": {"gte": 1}}}, "{'a': {'gte': ..., 'lte': ...}}"),
        ({"a": {"between": [1, 2]}}, "{'a': {'gte': ..., 'lte': ...}}"),
        ({"$gt": 3}, "{'gt': ...}"),
        ({"$text": 3}, "in quotes"),
        *(({f"a__{name}": 1}, f"{{'a': {{'{name}': ...}}}}") for name in ("gt", "gte", "lt", "lte", "ne", "contains")),
        ({"a__in": [1]}, "{'a': {'in': ...}}"),
        ({"a__isnull": True}, "{'NOT': {'a': '*'}}"),
        ({"field": "city", "operator": "==", "value": "Oslo"}, "{'city': {'eq': 'Oslo'}}"),
        ({"key": "city", "op": "in", "value": ["Oslo"]}, "{'city': {'in': ...}}"),
        ({"key": "city", "match": {"value": "Oslo"}}, "{'city': {'eq': ...}}"),
    ],
    ids=repr,
)
def test_the_filters_of_other_libraries_are_refused_with_the_way_to_say_it_here(asked, way_out):
    with pytest.raises(InvalidFilter, match=re.escape(way_out)) as refusal:
        parse_filter(asked)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("key", ["$or", "$in", "year__gt", "must", "city__name", "a__b", "__in", "field", "operator"])
def test_metadata_keys_that_are_operators_elsewhere_can_be_named(key):
    assert parse_filter({f"metadata.{key}": 1}) == Comparison(f"metadata.{key}", "eq", 1)
    assert parse_filter({f'metadata."{key}"': 1}) == Comparison(f"metadata.{key}", "eq", 1)
    assert parse_filter({"metadata": {f"'{key}'": 1}}) == Comparison(f"metadata.{key}", "eq", 1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1_767_225_600_000, "looks like milliseconds, give seconds: 1767225600"),
        (2026, "looks like a year"),
        (20_260_508, "'2026-05-08'"),
        ("1767225600", "a number in text"),
        ("tomorrow", "ISO-8601"),
    ],
)
def test_a_time_in_a_filter_is_named_like_a_timestamp(value, words):
    with pytest.raises(InvalidFilter, match=words):
        parse_filter({"created_at": {"gte": value}})
