"""A filter as a Python test of one memory: the meaning that the SQL must share."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from holdfast.filters.tree import And, Comparison, Filter, Not, Operator, Scalar
from holdfast.filters.values import folded, has_member, instant_in, number_in, typed
from holdfast.records import MemoryRecord
from holdfast.scope import SCOPE_FIELDS

_Read = Callable[[MemoryRecord], Any]
_Test = Callable[[Any], bool]

_ORDERINGS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def to_predicate(tree: Filter) -> Callable[[MemoryRecord], bool]:
    """Return the test that says whether a memory meets `tree`."""
    if isinstance(tree, Comparison):
        return _comparison(tree)
    if isinstance(tree, Not):
        unwanted = to_predicate(tree.child)
        return lambda record: not unwanted(record)
    tests = [to_predicate(child) for child in tree.children]
    combined = all if isinstance(tree, And) else any
    return lambda record: combined(test(record) for test in tests)


def _comparison(comparison: Comparison) -> Callable[[MemoryRecord], bool]:
    read, test = _reader(comparison), _test(comparison)

    def matches(record: MemoryRecord) -> bool:
        stored = read(record)
        return stored is not None and test(stored)

    return matches


def _reader(comparison: Comparison) -> _Read:
    """Return what fetches the field from a memory, `None` when it is absent."""
    field = comparison.field
    if comparison.kind == "metadata":
        path = comparison.path
        return lambda record: _value_at(record.metadata, path)
    if field == "categories":
        return lambda record: record.categories or None
    if field == "expiration_date":
        return lambda record: instant_in(record.expiration_date)
    return attrgetter(f"scope.{field}" if field in SCOPE_FIELDS else field)


def _value_at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _test(comparison: Comparison) -> _Test:
    """Return the test of a value that is present."""
    asked, values = comparison.operator, comparison.values
    if asked == "*":
        return lambda _: True
    if asked in _ORDERINGS:
        return _ordered(_ORDERINGS[asked], values[0])
    if asked == "contains":
        return _containing(values[0], lambda stored: stored)
    if asked == "icontains":
        return _containing(folded(values[0]), folded)
    equal = _some_member(_among(values)) if comparison.kind == "categories" else _among(values)
    return equal if asked in ("eq", "in") else lambda stored: not equal(stored)


def _among(values: Sequence[Scalar]) -> _Test:
    wanted = {typed(value) for value in values}
    return lambda stored: typed(stored) in wanted


def _some_member(test: _Test) -> _Test:
    return lambda members: any(map(test, members))


def _ordered(compare: Callable[[Any, Any], bool], value: Scalar) -> _Test:
    measure = instant_in if isinstance(value, str) else number_in
    bound = measure(value)
    if bound is None:
        return lambda _: False

    def test(stored: Any) -> bool:
        measured = measure(stored)
        return measured is not None and compare(measured, bound)

    return test


def _containing(wanted: Any, fold: Callable[[Any], Any]) -> _Test:
    def test(stored: Any) -> bool:
        if isinstance(stored, str):
            return isinstance(wanted, str) and wanted in fold(stored)
        return isinstance(stored, (list, tuple)) and has_member([fold(member) for member in stored], wanted)

    return test
