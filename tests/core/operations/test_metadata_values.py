"""Values of metadata have one form in JSON each, and a filter compares with the same form."""

# ruff: noqa: DTZ001 - a datetime without a zone is one of the values

import enum
import fractions
import ipaddress
import uuid
from collections import OrderedDict, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pytest
from tests.core.refused_calls import adding, check_refused, memory_with_known_id, searching, updating

from holdfast import InvalidFilter, InvalidInput, Memory


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Word(str, enum.Enum):
    TEA = "tea"


class Flag(enum.Flag):
    A = 1
    B = 2


class Nested(enum.Enum):
    INNER = Colour.RED
    PAIR = (1, Word.TEA)


EAST = timezone(timedelta(hours=2))
SCALARS = [
    (datetime(2026, 5, 8, 13, 56), "2026-05-08T13:56:00+00:00"),
    (datetime(2026, 5, 8, 13, 56, tzinfo=EAST), "2026-05-08T11:56:00+00:00"),
    (date(2026, 5, 8), "2026-05-08"),
    (time(13, 56), "13:56:00"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (PurePosixPath("a/b"), "a/b"),
    (PureWindowsPath("C:\\a"), "C:\\a"),
    (Path("notes.txt"), "notes.txt"),
    (Decimal("19.99"), 19.99),
    (Decimal("9.90"), 9.9),
    (Decimal(5), 5),
    (Decimal("1E+3"), 1000),
    (Decimal("-0.5"), -0.5),
    (Colour.RED, "red"),
    (Level.HIGH, 3),
    (Word.TEA, "tea"),
    (Flag.A | Flag.B, 3),
    (Nested.INNER, "red"),
    (np.int8(-5), -5),
    (np.uint64(7), 7),
    (np.float32(0.5), 0.5),
    (np.float64(0.1), 0.1),
    (np.float16(2), 2.0),
    (np.longdouble(1.5), 1.5),
    (np.bool_(1), True),
    (np.str_("tea"), "tea"),
    (np.array(7), 7),
    (np.datetime64("2026-05-08"), "2026-05-08"),
    (np.datetime64("2026-05-08T13:56:00.000000000"), "2026-05-08T13:56:00+00:00"),
    (np.datetime64("2026-05-08T13:56"), "2026-05-08T13:56:00+00:00"),
]
CONTAINERS = [
    ({"b", "a"}, ["a", "b"]),
    (frozenset({10, 9, 1}), [1, 9, 10]),
    ({1, "a", None}, [None, 1, "a"]),
    ({uuid.UUID(int=2), uuid.UUID(int=1)}, [str(uuid.UUID(int=1)), str(uuid.UUID(int=2))]),
    ({(2, 1), (1, 2)}, [[1, 2], [2, 1]]),
    ({"a": 1, "b": 2}.keys(), ["a", "b"]),
    ((1, "a"), [1, "a"]),
    (deque(["x"]), ["x"]),
    (range(3), [0, 1, 2]),
    (np.array([1, 2]), [1, 2]),
    (np.array([[0.5], [1.0]]), [[0.5], [1.0]]),
    (np.array(["a", "b"]), ["a", "b"]),
    (np.array(["2026-05-08"], dtype="datetime64[D]"), ["2026-05-08"]),
    (np.array([Colour.RED], dtype=object), ["red"]),
    (Nested.PAIR, [1, "tea"]),
    (OrderedDict(when=date(2026, 5, 8)), {"when": "2026-05-08"}),
    ([{"ids": {uuid.UUID(int=1)}}], [{"ids": [str(uuid.UUID(int=1))]}]),
]


@pytest.fixture
def memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        yield memory


def read(memory, user_id="ana", **options):
    return memory.get_all(user_id=user_id, **options)["results"]


@pytest.mark.parametrize(("value", "form"), SCALARS + CONTAINERS, ids=lambda value: type(value).__name__)
def test_a_value_is_stored_in_its_one_form(memory, value, form):
    memory.add("I like tea", user_id="ana", infer=False, metadata={"key": value, "deep": [{"key": value}]})
    memory.put([{"memory_id": "a", "text": "tea", "metadata": {"key": value}}], user_id="ben")
    (added,), (document,) = read(memory), read(memory, "ben")
    assert added["metadata"] == {"key": form, "deep": [{"key": form}]}
    assert document["metadata"] == {"key": form}
    memory.update("a", metadata={"key": None, "other": value})
    memory.batch_update([{"memory_id": "a", "metadata": {"third": value}}])
    assert read(memory, "ben")[0]["metadata"] == {"other": form, "third": form}
    assert type(added["metadata"]["key"]) is type(form)


@pytest.mark.parametrize(("value", "form"), SCALARS, ids=lambda value: type(value).__name__)
def test_a_filter_compares_with_the_same_form(memory, value, form):
    memory.add("I like tea", user_id="ana", infer=False, metadata={"key": value})
    memory.add("I like rum", user_id="ana", infer=False, metadata={"key": "another"})
    for condition in (value, form, {"eq": value}, {"in": [value]}, [value], {"in": (value,)}):
        assert [item["memory"] for item in read(memory, filters={"key": condition})] == ["I like tea"]
    assert [item["memory"] for item in read(memory, filters={"key": {"ne": value}})] == ["I like rum"]
    assert [item["memory"] for item in read(memory, filters={"metadata": {"key": value}})] == ["I like tea"]


def test_numbers_and_times_are_compared_by_their_order(memory):
    values = {"price": Decimal("19.99"), "size": np.int64(5), "when": datetime(2026, 5, 8, 13), "day": date(2026, 5, 8)}
    memory.add("I like tea", user_id="ana", infer=False, metadata=values)
    for filters in (
        {"price": {"gt": Decimal("19.98"), "lt": 20}},
        {"size": {"gte": np.float32(5), "lte": np.int8(5)}},
        {"when": {"gt": date(2026, 5, 8), "lt": np.datetime64("2026-05-09")}},
        {"day": {"gte": datetime(2026, 5, 8), "lt": datetime(2026, 5, 8, 1)}},
    ):
        assert len(read(memory, filters=filters)) == 1


def test_a_set_in_a_filter_is_a_list(memory):
    memory.add("I like tea", user_id="ana", infer=False, metadata={"city": "Oslo"})
    assert len(read(memory, filters={"city": {"Oslo", "Rome"}})) == 1
    assert len(read(memory, filters={"city": {"in": frozenset({"Oslo"})}})) == 1
    assert len(read(memory, filters={"city": {"nin": {"Oslo"}}})) == 0
    assert len(read(memory, filters={"city": np.array(["Oslo"])})) == 1


WITHOUT_FORM = [
    (b"tea", "bytes"),
    (bytearray(b"tea"), "is"),
    (timedelta(1), "total_seconds"),
    (np.timedelta64(1, "s"), "is"),
    (np.datetime64("NaT"), "is"),
    (Decimal("NaN"), "str"),
    (Decimal("Infinity"), "str"),
    (Decimal("0.12345678901234567890"), "str"),
    (Decimal("1E+400"), "str"),
    (float("nan"), "finite"),
    (np.float64("inf"), "finite"),
    (complex(1, 2), "is"),
    (np.complex64(1), "is"),
    (fractions.Fraction(1, 3), "is"),
    (ipaddress.ip_address("::1"), "is"),
    (object(), "is <object>"),
    (len, "is"),
    (2**63, "is"),
    (np.array([object()]), r"\[0\] is"),
    ({b"tea"}, r"\[0\] is"),
    ({1: 2}, "keys must be text"),
]


@pytest.mark.parametrize(("value", "words"), WITHOUT_FORM, ids=range(len(WITHOUT_FORM)))
def test_what_has_no_form_is_refused_by_its_key_and_nothing_is_changed(tmp_path, value, words):
    with memory_with_known_id(tmp_path / "memory.db") as memory:
        named = rf"metadata\['deep'\]\[0\]\['key'\].*{words}"
        for call in (adding, updating):
            check_refused(memory, call(metadata={"deep": [{"key": value}]}), InvalidInput, named)
        if not isinstance(value, (dict, set, np.ndarray)):
            check_refused(memory, searching(filters={"key": value}), InvalidFilter, "metadata.key")
