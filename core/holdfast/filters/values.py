"""What two stored values have to do with each other: the one place both the SQL and the predicate ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.timestamps import parse_microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.filters.tree import Scalar


def typed(value: object) -> tuple[str, Scalar] | None:
    """Return a JSON scalar with its type: two scalars mean the same exactly when these are equal.

    `None` for null, lists and mappings, which equal no value a filter can name.
    """
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, (int, float)):
        return "number", value
    return None


def has_member(members: Sequence[object], wanted: Scalar) -> bool:
    """Return whether `wanted` is in a list, `true` and `1` kept apart."""
    sought = typed(wanted)
    return any(typed(member) == sought for member in members)


def number_in(value: object) -> int | float | None:
    """Return `value` if it is a number, else `None`."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def instant_in(value: object) -> int | None:
    """Return the microseconds since 1970 that `value` names as an ISO-8601 text, else `None`."""
    return parse_microseconds(value) if isinstance(value, str) else None


def folded(value: object) -> object:
    """Return a text without its case; anything else as it is."""
    return value.casefold() if isinstance(value, str) else value
