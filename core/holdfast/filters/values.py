"""How values compare: the one place that both the SQL and the predicate use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from holdfast.timestamps import parse_microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.filters.tree import Scalar


def with_type(value: object) -> tuple[str, Scalar] | None:
    """Return a JSON scalar with its type, so that `true` differs from `1`, while `1` equals `1.0`.

    `None` for null, lists and mappings, which equal no value that a filter can name.

    >>> with_type(True) == with_type(1), with_type(1) == with_type(1.0)
    (False, True)
    """
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, (int, float)):
        return "number", value
    return None


def value_at(value: object, path: Sequence[str]) -> object:
    """Return the value at a path of keys, `None` where there is none.

    >>> value_at({"address": {"city": "Oslo"}}, ["address", "city"])
    'Oslo'
    """
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def has_member(members: Sequence[object], wanted: Scalar) -> bool:
    """Return whether `wanted` is in a list; `true` differs from `1`."""
    typed = with_type(wanted)
    return any(with_type(member) == typed for member in members)


def to_number(value: object) -> int | float | None:
    """Return `value` if it is a number, else `None`."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def to_instant(value: object) -> int | None:
    """Return an ISO-8601 text as microseconds since 1970, `None` for any other value."""
    return parse_microseconds(value) if isinstance(value, str) else None


def fold_case(value: object) -> object:
    """Return a text case-folded; any other value unchanged."""
    return value.casefold() if isinstance(value, str) else value
