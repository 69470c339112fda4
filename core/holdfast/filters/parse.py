"""From a filter dictionary, which anyone may have written, to the checked tree."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

from holdfast.errors import InvalidFilter, InvalidInput
from holdfast.filters.tree import (
    CORE_FIELDS,
    MATCH_ALL,
    METADATA,
    Comparison,
    Not,
    Operator,
    Or,
    conjunction,
)
from holdfast.scope import check_id, check_storable
from holdfast.timestamps import to_isoformat, to_microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from holdfast.filters.tree import Filter, Kind, Scalar

MAX_NODES = 1000
MAX_DEPTH = 32
MAX_VALUES = 10_000
MAX_KEY_LENGTH = 200

_LOGIC = ("AND", "OR", "NOT")
_ALIASES = {"memory_ids": "id", "keywords": "text"}
_CORE_NAMES = frozenset(CORE_FIELDS) | frozenset(_ALIASES)
_OPERATORS: tuple[Operator, ...] = get_args(Operator)[1:]
_BY_NAME: Mapping[object, Operator] = {name: name for name in _OPERATORS}
_EQUALITY: tuple[Operator, ...] = ("eq", "ne", "in", "nin")
_ORDER: tuple[Operator, ...] = ("gt", "gte", "lt", "lte")
_INSIDE: tuple[Operator, ...] = ("contains", "icontains")
_ALLOWED: Mapping[Kind, tuple[Operator, ...]] = {
    "id": (*_EQUALITY, *_INSIDE),
    "text": (*_EQUALITY, *_INSIDE),
    "boolean": _EQUALITY,
    "date": (*_EQUALITY, *_ORDER),
    "categories": (*_EQUALITY, *_INSIDE),
    "metadata": _OPERATORS,
}

# JSON writes these escaped, and older SQLite compares keys as they are written.
_UNSAFE_IN_KEYS = re.compile(r'["\\\x00-\x1f\x7f-\x9f\ud800-\udfff]')

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = 80


def parse_filter(filters: Mapping[str, Any] | None) -> Filter:
    """Return the checked form of `filters`; `None` and the empty mapping hold for every memory.

    At most 1000 nodes, 32 levels deep, 10,000 values in one list and 200 characters in one key.

    Raises:
        InvalidFilter: The filter is malformed; the message names what offends and the way out.
    """
    if filters is None:
        return MATCH_ALL
    try:
        return _all_of(filters, iter(range(MAX_NODES)), depth=1)
    except InvalidFilter:
        raise
    except InvalidInput as error:
        raise InvalidFilter(f"filter: {error}") from error
    except Exception as error:
        # Objects of foreign classes may raise anything when they are looked at.
        raise InvalidFilter(
            "the filter cannot be read: use plain dictionaries, lists, text, numbers and booleans"
        ) from error


def _all_of(mapping: object, budget: Iterator[int], *, depth: int) -> Filter:
    if not isinstance(mapping, Mapping):
        raise InvalidFilter(f"{_shown(mapping)} is no filter: use a mapping such as {{'user_id': 'alice'}}")
    _refuse_depth(depth)
    return _conjunction([_entry(_key(key), value, budget, depth) for key, value in mapping.items()], budget)


def _entry(key: str, value: object, budget: Iterator[int], depth: int) -> Filter:
    if key in _LOGIC:
        return _logic(key, value, budget, depth)
    if key == "metadata":
        return _nested(value, (), budget, depth + 1)
    return _condition(_field(key), value, budget)


def _logic(word: str, value: object, budget: Iterator[int], depth: int) -> Filter:
    members = [value] if word == "NOT" and isinstance(value, Mapping) else value
    if not isinstance(members, (list, tuple)):
        raise InvalidFilter(f"{word} is {_shown(value)}: use a list of mappings")
    _spend(budget)
    children = tuple(_all_of(member, budget, depth=depth + 1) for member in members)
    if word == "AND":
        return conjunction(children)
    if word == "NOT":
        return Not(_disjunction(children)) if children else MATCH_ALL
    if not children:
        raise InvalidFilter("OR is an empty list, which nothing can meet: leave it out or name an alternative")
    return _disjunction(children)


def _nested(value: object, path: tuple[str, ...], budget: Iterator[int], depth: int) -> Filter:
    """Read what stands under `metadata`: keys with conditions or, where none is an operator, deeper keys."""
    if not isinstance(value, Mapping):
        raise InvalidFilter(f"metadata is {_shown(value)}: use a mapping of keys, such as {{'city': 'Oslo'}}")
    _refuse_depth(depth)
    children: list[Filter] = []
    for key, condition in value.items():
        deeper = (*path, *_parts(_key(key)))
        if key in _LOGIC:
            raise InvalidFilter(f"{key} stands under metadata: put it around the whole condition")
        if isinstance(condition, Mapping) and condition and not any(name in _BY_NAME for name in condition):
            children.append(_nested(condition, deeper, budget, depth + 1))
        else:
            children.append(_condition(_metadata_field(deeper), condition, budget))
    return _conjunction(children, budget)


def _condition(field: str, value: object, budget: Iterator[int]) -> Filter:
    if not isinstance(value, Mapping):
        _spend(budget)
        return _bare(field, value)
    if not value:
        raise InvalidFilter(f"{field} names no operator: use one of {', '.join(_OPERATORS)}")
    comparisons: list[Filter] = []
    for name, operand in value.items():
        _spend(budget)
        comparisons.append(_comparison(field, name, operand))
    return conjunction(comparisons)


def _bare(field: str, value: object) -> Comparison:
    if isinstance(value, (list, tuple)):
        return _comparison(field, "in", value)
    if isinstance(value, str) and value == "*":
        return Comparison(field, "*")
    return _comparison(field, "eq", value)


def _comparison(field: str, name: object, operand: object) -> Comparison:
    operator = _BY_NAME.get(name)
    if operator is None:
        raise InvalidFilter(
            f"{field} has the unknown operator {_shown(name)}: use one of {', '.join(_OPERATORS)};"
            " nested metadata keys are written with dots or under 'metadata'"
        )
    kind = CORE_FIELDS.get(field, "metadata")
    if operator not in _ALLOWED[kind]:
        raise InvalidFilter(f"{field} cannot be asked for {operator}: use one of {', '.join(_ALLOWED[kind])}")
    read = _READERS[kind]
    if operator in ("in", "nin"):
        return Comparison(field, operator, tuple(read(field, operator, item) for item in _listed(field, operand)))
    return Comparison(field, operator, read(field, operator, operand))


def _listed(field: str, operand: object) -> Sequence[object]:
    if not isinstance(operand, (list, tuple)):
        raise InvalidFilter(f"{field} is asked to be in {_shown(operand)}: use a list of values")
    values = list(islice(operand, MAX_VALUES + 1))
    if len(values) > MAX_VALUES:
        raise InvalidFilter(f"{field} has a list of more than {MAX_VALUES:,} values: split the call")
    return values


# Keys


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise InvalidFilter(f"{_shown(key)} is no key: keys are text")
    return str.__str__(key)


def _field(key: str) -> str:
    """Return the canonical name of a core field or metadata key."""
    if key in _CORE_NAMES:
        return _ALIASES.get(key, key)
    if key.upper() in _LOGIC:
        raise InvalidFilter(
            f"{_shown(key)} is no logic word: write {key.upper()}, or metadata.{key} for a metadata key"
        )
    parts = _parts(key.removeprefix(METADATA))
    if not key.startswith(METADATA) and parts[0] in _CORE_NAMES:
        raise InvalidFilter(f"{_shown(key)}: {parts[0]} has no parts; write metadata.{key} for a metadata key")
    return _metadata_field(parts)


def _metadata_field(path: tuple[str, ...]) -> str:
    field = METADATA + ".".join(path)
    if len(field) > len(METADATA) + MAX_KEY_LENGTH:
        raise InvalidFilter(f"the key {_shown(field)} is longer than {MAX_KEY_LENGTH} characters")
    return field


def _parts(key: str) -> tuple[str, ...]:
    parts = tuple(key.split("."))
    if not all(parts):
        raise InvalidFilter(f"the key {_shown(key)} has an empty part: name every level, as in 'address.city'")
    if _UNSAFE_IN_KEYS.search(key):
        raise InvalidFilter(
            f"the key {_shown(key)} cannot be asked for: quotes, backslashes, control characters"
            " and halves of surrogate pairs are not supported in keys"
        )
    return parts


# Values


def _id(field: str, operator: Operator, value: object) -> str:
    """Read an id as the verbs do, so that one means the same in a filter and as an argument."""
    if operator in _INSIDE or not isinstance(value, (str, int, UUID)):
        return _text(field, operator, value)
    return str(check_id(field, str.__str__(value) if isinstance(value, str) else value))


def _text(field: str, operator: Operator, value: object) -> str:
    if not isinstance(value, str):
        raise _refusal(field, operator, value, "text")
    return check_storable(str.__str__(value), name=field)


def _boolean(field: str, operator: Operator, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refusal(field, operator, value, "true or false")
    return value


def _instant(field: str, operator: Operator, value: object) -> int:
    wanted = "a date such as '2026-05-08', a date and time, or Unix seconds"
    if not isinstance(value, (str, int, float, date)):
        raise _refusal(field, operator, value, wanted)
    try:
        return to_microseconds(value)
    except InvalidInput as error:
        raise _refusal(field, operator, value, wanted) from error


def _scalar(field: str, operator: Operator, value: object) -> Scalar:
    """Read a value to compare metadata with, which may be of any JSON type."""
    if isinstance(value, str) or operator == "icontains":
        return _text(field, operator, value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _integer(field, int.__int__(value))
    if isinstance(value, float):
        return _finite(field, float.__float__(value))
    if isinstance(value, date) and operator in _ORDER:
        return to_isoformat(to_microseconds(value))
    raise _refusal(field, operator, value, "text, a number, true or false")


def _finite(field: str, value: float) -> float:
    if not math.isfinite(value):
        raise InvalidFilter(f"{field} is compared with {value}, which no number equals: use a finite one")
    return value


def _integer(field: str, value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise InvalidFilter(
            f"{field} is compared with a whole number of {value.bit_length()} bits: at most 64 are kept"
        )
    return value


_READERS: Mapping[Kind, Callable[[str, Operator, object], Scalar]] = {
    "id": _id,
    "text": _text,
    "boolean": _boolean,
    "date": _instant,
    "categories": _text,
    "metadata": _scalar,
}


def _refusal(field: str, operator: Operator, value: object, wanted: str) -> InvalidFilter:
    if value is None:
        return InvalidFilter(f'{field} is compared with null: to ask for its absence use {{"NOT": {{"{field}": "*"}}}}')
    return InvalidFilter(f"{field} {operator} {_shown(value)}: use {wanted}")


# Limits


def _conjunction(children: list[Filter], budget: Iterator[int]) -> Filter:
    if len(children) != 1:
        _spend(budget)
    return conjunction(children)


def _disjunction(children: tuple[Filter, ...]) -> Filter:
    return children[0] if len(children) == 1 else Or(children)


def _spend(budget: Iterator[int]) -> None:
    if next(budget, None) is None:
        raise InvalidFilter(f"the filter has more than {MAX_NODES} nodes: use in with a list, or split the call")


def _refuse_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"the filter is more than {MAX_DEPTH} levels deep: flatten it")


def _shown(value: object) -> str:
    return _SHORT.repr(value)
