"""LangGraph's filters on the value of an item: `{"key": value}` and `{"key": {"$gt": 3}}`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from holdfast import InvalidFilter

_UNSAFE_KEY = re.compile(r"""["'`\\;\x00-\x1f\x7f-\x9f\ud800-\udfff]|^$|^\.|\.$|\.\.""")
_MAX_KEY = 150
_INT64 = 2**63
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def check_filter_keys(conditions: Mapping[str, Any]) -> None:
    """Check that every key of a filter is usable.

    Raises:
        InvalidFilter: A key is not text, is longer than 150 characters, or holds quotes, backslashes, semicolons,
            control characters or an empty part.
    """
    for key in conditions:
        if not isinstance(key, str) or len(key) > _MAX_KEY or _UNSAFE_KEY.search(key):
            raise InvalidFilter(f"Invalid filter key {key!r}: use plain keys, with dots between the levels")


def matches_filter(value: Mapping[str, Any], conditions: Mapping[str, Any]) -> bool:
    """Return whether the value of an item matches all `conditions`.

    Values are compared as JSON: `true` is not `1`, `1` is `1.0`, and a missing key is null. Values of different types
    have no order, so no comparison of them holds.

    >>> matches_filter({"kind": "tea", "price": 4}, {"kind": "tea", "price": {"$lt": 5}})
    True

    Raises:
        InvalidFilter: An operator is unknown.
    """
    return all(_equals(_get_at(value, key), wanted) for key, wanted in conditions.items())


def to_memory_filter(conditions: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return the part of `conditions` that a filter of the memory can check on the metadata under `field`."""
    plain = {key: _to_scalar(wanted) for key, wanted in conditions.items() if "." not in key}
    return {f"metadata.{field}.{key}": {"eq": wanted} for key, wanted in plain.items() if wanted is not None}


def _to_scalar(wanted: Any) -> str | int | float | None:
    if isinstance(wanted, Mapping):
        wanted = wanted["$eq"] if wanted.keys() == {"$eq"} else None
    if isinstance(wanted, str):
        return wanted if wanted.isprintable() else None
    # A chained comparison, because it is also false for NaN.
    return wanted if isinstance(wanted, (int, float)) and -_INT64 <= wanted < _INT64 else None


def _get_at(value: Mapping[str, Any], key: str) -> Any:
    if key in value:
        return value[key]
    found: Any = value
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _equals(stored: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if any(str(name).startswith("$") for name in wanted):
            return all(_compare(stored, name, operand) for name, operand in wanted.items())
        return isinstance(stored, Mapping) and all(_equals(stored.get(key), part) for key, part in wanted.items())
    if isinstance(wanted, (list, tuple)):
        same_length = isinstance(stored, (list, tuple)) and len(stored) == len(wanted)
        return same_length and all(map(_equals, stored, wanted))
    return bool(isinstance(stored, bool) == isinstance(wanted, bool) and stored == wanted)


def _compare(stored: Any, name: str, operand: Any) -> bool:
    if name == "$eq":
        return _equals(stored, operand)
    if name == "$ne":
        return not _equals(stored, operand)
    if name not in _ORDER:
        raise InvalidFilter(f"Unsupported operator: {name!r}; use $eq, $ne, {', '.join(_ORDER)}")
    return _are_comparable(stored, operand) and _ORDER[name](stored, operand)


def _are_comparable(left: Any, right: Any) -> bool:
    """Return whether two values are both numbers, or both texts such as dates."""
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    return all(isinstance(one, (int, float)) for one in (left, right)) or (
        isinstance(left, str) and isinstance(right, str)
    )
