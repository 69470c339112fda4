"""Each operator on each type of value."""

from datetime import date, datetime, timedelta, timezone

import pytest
from tests.core.filters.evaluate import OPERATORS, found, memory

from holdfast.timestamps import to_microseconds


def holds(database, stored, condition):
    """Whether the metadata value `stored` meets `condition`, in SQL and in Python."""
    return found(database, [memory(metadata={"key": stored})], {"key": condition}) == [0]


EQUALITY, ORDER, INSIDE = OPERATORS[:4], OPERATORS[4:8], OPERATORS[8:]


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
def test_a_category_filter_matches_any_of_the_categories(database, condition, expected):
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
def test_a_day_is_compared_as_its_first_moment(database, condition, expected):
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


def test_immutable_is_true_or_false(database):
    stored = [memory(immutable=True), memory(immutable=False)]
    assert found(database, stored, {"immutable": True}) == [0]
    assert found(database, stored, {"immutable": {"ne": True}}) == [1]
    assert found(database, stored, {"immutable": [True, False]}) == [0, 1]


def test_times_in_any_zone_are_compared_as_moments(database):
    zone = timezone(timedelta(hours=5, minutes=45, seconds=30))
    stored = [memory(metadata={"at": "2026-05-08T00:00:00Z"})]
    same = datetime(2026, 5, 8, tzinfo=timezone.utc).astimezone(zone)
    assert found(database, stored, {"at": {"gte": same, "lte": same}}) == [0]
