"""Compile a filter to a Python test of one memory. It defines the meaning that the SQL must share."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from holdfast.filters.tree import And, Comparison, Filter, Not, Operator, Scalar
from holdfast.filters.values import fold_case, has_member, to_instant, to_number, value_at, with_type
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
    """Return a function that tells whether a memory matches `tree`.

    >>> from holdfast.filters.parse import parse_filter
    >>> from holdfast.records import MemoryRecord
    >>> from holdfast.scope import Scope
    >>> matches = to_predicate(parse_filter({"user_id": "ana", "text": {"icontains": "TEA"}}))
    >>> matches(MemoryRecord("1", "I like tea", Scope(user_id="ana"), created_at=0, updated_at=0, recorded_at=0))
    True
    """
    if isinstance(tree, Comparison):
        return _comparison_test(tree)
    if isinstance(tree, Not):
        matches = to_predicate(tree.child)
        return lambda record: not matches(record)
    tests = [to_predicate(child) for child in tree.children]
    combined = all if isinstance(tree, And) else any
    return lambda record: combined(test(record) for test in tests)


def _comparison_test(comparison: Comparison) -> Callable[[MemoryRecord], bool]:
    read, test = _field_reader(comparison), _value_test(comparison)

    def matches(record: MemoryRecord) -> bool:
        stored = read(record)
        return stored is not None and test(stored)

    return matches


def _field_reader(comparison: Comparison) -> _Read:
    """Return a function that reads the field from a memory, `None` when it is absent."""
    field = comparison.field
    if comparison.kind == "metadata":
        path = comparison.path
        return lambda record: value_at(record.metadata, path)
    if field == "categories":
        return lambda record: record.categories or None
    if field == "expiration_date":
        return lambda record: to_instant(record.expiration_date)
    return attrgetter(f"scope.{field}" if field in SCOPE_FIELDS else field)


def _value_test(comparison: Comparison) -> _Test:
    """Return the test for a value that is present."""
    operator_name, values = comparison.operator, comparison.values
    if operator_name == "*":
        return lambda _: True
    if operator_name in _ORDERINGS:
        return _is_ordered(_ORDERINGS[operator_name], values[0])
    if operator_name == "contains":
        return _contains(values[0], lambda stored: stored)
    if operator_name == "icontains":
        return _contains(fold_case(values[0]), fold_case)
    equal = _any_member(_is_among(values)) if comparison.kind == "categories" else _is_among(values)
    return equal if operator_name in ("eq", "in") else lambda stored: not equal(stored)


def _is_among(values: Sequence[Scalar]) -> _Test:
    wanted = {with_type(value) for value in values}
    return lambda stored: with_type(stored) in wanted


def _any_member(test: _Test) -> _Test:
    return lambda members: any(map(test, members))


def _is_ordered(compare: Callable[[Any, Any], bool], value: Scalar) -> _Test:
    measure = to_instant if isinstance(value, str) else to_number
    bound = measure(value)
    if bound is None:
        return lambda _: False

    def test(stored: Any) -> bool:
        measured = measure(stored)
        return measured is not None and compare(measured, bound)

    return test


def _contains(wanted: Any, fold: Callable[[Any], Any]) -> _Test:
    def test(stored: Any) -> bool:
        if isinstance(stored, str):
            return isinstance(wanted, str) and wanted in fold(stored)
        return isinstance(stored, (list, tuple)) and has_member([fold(member) for member in stored], wanted)

    return test
