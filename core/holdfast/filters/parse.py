"""Parse a filter dictionary from any source into the checked tree."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

from holdfast.errors import InvalidFilter, InvalidInput
from holdfast.filters.hints import key_hint, list_hint, operator_hint, shape_hint
from holdfast.filters.keys import join_path, quote_key, split_path
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
from holdfast.plain_values import to_json
from holdfast.scope import check_id, check_storable
from holdfast.timestamps import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from holdfast.filters.tree import Filter, Kind, Scalar

# Far above what anyone writes by hand, and low enough that no filter from outside takes noticeable time or memory.
MAX_NODES = 1000
MAX_DEPTH = 32
MAX_VALUES = 10_000
MAX_KEY_LENGTH = 200

_LOGIC_WORDS = ("AND", "OR", "NOT")
_ALIASES = {"memory_ids": "id", "keywords": "text"}
_CORE_NAMES = frozenset(CORE_FIELDS) | frozenset(_ALIASES)
_OPERATORS: tuple[Operator, ...] = get_args(Operator)[1:]
_OPERATORS_BY_NAME: Mapping[object, Operator] = {name: name for name in _OPERATORS}
_EQUALITY: tuple[Operator, ...] = ("eq", "ne", "in", "nin")
_ORDER: tuple[Operator, ...] = ("gt", "gte", "lt", "lte")
_CONTAINMENT: tuple[Operator, ...] = ("contains", "icontains")
_OPERATORS_BY_KIND: Mapping[Kind, tuple[Operator, ...]] = {
    "id": (*_EQUALITY, *_CONTAINMENT),
    "text": (*_EQUALITY, *_CONTAINMENT),
    "boolean": _EQUALITY,
    "date": (*_EQUALITY, *_ORDER),
    "categories": (*_EQUALITY, *_CONTAINMENT),
    "metadata": _OPERATORS,
}

_SHORT_REPR = reprlib.Repr()
_SHORT_REPR.maxlevel = 2
_SHORT_REPR.maxstring = _SHORT_REPR.maxother = 80


def parse_filter(filters: Mapping[str, Any] | None) -> Filter:
    """Return the checked form of `filters`; `None` and the empty mapping match every memory.

    At most 1000 nodes, 32 levels, 10,000 values in one list and 200 characters in one key are allowed.

    Raises:
        InvalidFilter: The filter is malformed; the message names the part and the way out.

    >>> parse_filter({"user_id": "ana", "city": {"in": ["Oslo", "Bergen"]}}).children[1]
    Comparison(field='metadata.city', operator='in', value=('Oslo', 'Bergen'))
    >>> parse_filter({"city": {"near": "Oslo"}})
    Traceback (most recent call last):
    ...
    holdfast.errors.InvalidFilter: metadata.city has the unknown operator 'near': use one of eq, ne, in, nin, gt, ...
    """
    if filters is None:
        return MATCH_ALL
    try:
        return _parse_mapping(filters, iter(range(MAX_NODES)), depth=1)
    except InvalidFilter:
        raise
    except InvalidInput as error:
        raise InvalidFilter(f"filter: {error}") from error
    except Exception as error:
        # An object of a foreign class may raise anything when it is read.
        raise InvalidFilter(
            "the filter cannot be read: use plain dictionaries, lists, text, numbers and booleans"
        ) from error


def _parse_mapping(mapping: object, budget: Iterator[int], *, depth: int) -> Filter:
    if not isinstance(mapping, Mapping):
        raise InvalidFilter(f"{_quote(mapping)} is not a filter: use a mapping such as {{'user_id': 'alice'}}")
    _check_depth(depth)
    hint = shape_hint(mapping)
    if hint:
        raise InvalidFilter(f"{_quote(mapping)} is not a condition here: {hint}")
    return _and([_parse_entry(_check_key(key), value, budget, depth) for key, value in mapping.items()], budget)


def _parse_entry(key: str, value: object, budget: Iterator[int], depth: int) -> Filter:
    if key in _LOGIC_WORDS:
        return _parse_logic(key, value, budget, depth)
    if key == "metadata":
        return _parse_metadata(value, (), budget, depth + 1)
    _check_not_foreign(key, value)
    return _parse_condition(_canonical_field(key), value, budget)


def _parse_logic(word: str, value: object, budget: Iterator[int], depth: int) -> Filter:
    members = [value] if word == "NOT" and isinstance(value, Mapping) else value
    if not isinstance(members, (list, tuple)):
        raise InvalidFilter(f"{word} is {_quote(value)}: use a list of mappings")
    _count_node(budget)
    children = tuple(_parse_mapping(member, budget, depth=depth + 1) for member in members)
    if word == "AND":
        return conjunction(children)
    if word == "NOT":
        return Not(_or(children)) if children else MATCH_ALL
    if not children:
        raise InvalidFilter("OR is an empty list, which no memory matches: leave it out or name an alternative")
    return _or(children)


def _parse_metadata(value: object, path: tuple[str, ...], budget: Iterator[int], depth: int) -> Filter:
    """Parse the value of `metadata`: keys with conditions, or nested keys where no key is an operator."""
    if not isinstance(value, Mapping):
        raise InvalidFilter(f"metadata is {_quote(value)}: use a mapping of keys, such as {{'city': 'Oslo'}}")
    _check_depth(depth)
    children: list[Filter] = []
    for key, condition in value.items():
        _check_not_foreign(_check_key(key), condition)
        deeper = (*path, *_split_key(key))
        if key in _LOGIC_WORDS:
            raise InvalidFilter(f"{key} is under metadata: put it around the whole condition")
        if isinstance(condition, Mapping) and condition and not any(name in _OPERATORS_BY_NAME for name in condition):
            children.append(_parse_metadata(condition, deeper, budget, depth + 1))
        else:
            children.append(_parse_condition(_metadata_field(deeper), condition, budget))
    return _and(children, budget)


def _parse_condition(field: str, value: object, budget: Iterator[int]) -> Filter:
    if not isinstance(value, Mapping):
        _count_node(budget)
        return _parse_bare_value(field, value)
    if not value:
        raise InvalidFilter(f"{field} names no operator: use one of {', '.join(_OPERATORS)}")
    comparisons: list[Filter] = []
    for name, operand in value.items():
        _count_node(budget)
        comparisons.append(_parse_comparison(field, name, operand))
    return conjunction(comparisons)


def _parse_bare_value(field: str, value: object) -> Comparison:
    if isinstance(value, (list, tuple, set, frozenset)):
        return _parse_comparison(field, "in", value)
    if isinstance(value, str) and value == "*":
        return Comparison(field, "*")
    return _parse_comparison(field, "eq", value)


def _parse_comparison(field: str, name: object, operand: object) -> Comparison:
    operator = _OPERATORS_BY_NAME.get(name)
    if operator is None:
        hint = operator_hint(field.removeprefix(METADATA), name, _OPERATORS)
        raise InvalidFilter(
            f"{field} has the unknown operator {_quote(name)}: {f'{hint}, or ' if hint else ''}use one of"
            f" {', '.join(_OPERATORS)}; nested metadata keys are written with dots or under 'metadata'"
        )
    kind = CORE_FIELDS.get(field, "metadata")
    if operator not in _OPERATORS_BY_KIND[kind]:
        raise InvalidFilter(f"{field} does not support {operator}: use one of {', '.join(_OPERATORS_BY_KIND[kind])}")
    read = _READERS[kind]
    if operator in ("in", "nin"):
        return Comparison(field, operator, tuple(read(field, operator, item) for item in _check_list(field, operand)))
    return Comparison(field, operator, read(field, operator, operand))


def _check_list(field: str, operand: object) -> Sequence[object]:
    if isinstance(operand, (set, frozenset)):
        operand = to_json(operand)
    if not isinstance(operand, (list, tuple)):
        raise InvalidFilter(f"{field} in or nin has {_quote(operand)}: use a list of values")
    values = list(islice(operand, MAX_VALUES + 1))
    if len(values) > MAX_VALUES:
        raise InvalidFilter(f"{field} has a list of more than {MAX_VALUES:,} values: split the call")
    return values


# Keys


def _check_key(key: object) -> str:
    if not isinstance(key, str):
        raise InvalidFilter(f"{_quote(key)} is not a key: keys are text")
    return str.__str__(key)


def _canonical_field(key: str) -> str:
    """Return the canonical name of a core field or metadata key."""
    if key in _CORE_NAMES:
        return _ALIASES.get(key, key)
    if key.upper() in _LOGIC_WORDS:
        raise InvalidFilter(
            f"{_quote(key)} is not a logic word: write {key.upper()}, or metadata.{key} for a metadata key"
        )
    path = _without_prefix(key)
    parts = _split_key(path)
    if path == key and parts[0] in _CORE_NAMES:
        raise InvalidFilter(f"{_quote(key)}: {parts[0]} has no nested keys; write metadata.{key} for a metadata key")
    return _metadata_field(parts)


def _without_prefix(key: str) -> str:
    """Return the path in `metadata.path` or `metadata["path"]`, any other key unchanged."""
    if key.startswith(("metadata['", 'metadata["')):
        return key.removeprefix("metadata")
    return key.removeprefix(METADATA)


def _check_not_foreign(key: str, value: object) -> None:
    """Refuse what is an operator in the filters of other libraries, such as `$or` and `year__gt`."""
    if _without_prefix(key) != key or len(key) > MAX_KEY_LENGTH:
        return
    hint = key_hint(key, _OPERATORS)
    if hint is None and isinstance(value, (list, tuple)) and any(isinstance(member, Mapping) for member in value):
        hint = list_hint(key)
    if hint:
        raise InvalidFilter(
            f"{_quote(key)} is the way of another library: {hint}; a metadata key of this name is written in quotes,"
            f" {METADATA}{quote_key(key)}"
        )


def _metadata_field(path: tuple[str, ...]) -> str:
    field = METADATA + join_path(path)
    if len(field) > len(METADATA) + MAX_KEY_LENGTH:
        raise InvalidFilter(f"the key {_quote(field)} is longer than {MAX_KEY_LENGTH} characters")
    return field


def _split_key(key: str) -> tuple[str, ...]:
    check_storable(key, name="the key")
    try:
        return split_path(key)
    except ValueError as error:
        raise InvalidFilter(
            f"the key {_quote(key)} has an empty part: name every level, as in 'address.city', and put a key that holds"
            " a dot in quotes, as in 'metadata.\"a.b\"'"
        ) from error


# Values


def _read_id(field: str, operator: Operator, value: object) -> str:
    """Read an id as the operations do, so that it means the same in a filter and as an argument."""
    if operator in _CONTAINMENT or not isinstance(value, (str, int, UUID)):
        return _read_text(field, operator, value)
    return str(check_id(field, str.__str__(value) if isinstance(value, str) else value))


def _read_text(field: str, operator: Operator, value: object) -> str:
    if not isinstance(value, str):
        raise _refusal(field, operator, value, "text")
    return check_storable(str.__str__(value), name=field)


def _read_boolean(field: str, operator: Operator, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refusal(field, operator, value, "true or false")
    return value


def _read_instant(field: str, operator: Operator, value: object) -> int:
    expected = "a date such as '2026-05-08', a date and time, or Unix seconds"
    if not isinstance(value, (str, int, float, date)):
        raise _refusal(field, operator, value, expected)
    try:
        return to_microseconds(value, name=field)
    except InvalidInput as error:
        raise InvalidFilter(str(error)) from error


def _read_scalar(field: str, operator: Operator, value: object) -> Scalar:
    """Read a value to compare with metadata, in the form in which metadata stores it."""
    plain = to_json(value)
    if isinstance(plain, str) or operator == "icontains":
        return _read_text(field, operator, plain)
    if isinstance(plain, bool):
        return plain
    if isinstance(plain, int):
        return _check_integer(field, int.__int__(plain))
    if isinstance(plain, float):
        return _check_finite(field, float.__float__(plain))
    raise _refusal(field, operator, value, "text, a number, true or false")


def _check_finite(field: str, value: float) -> float:
    if not math.isfinite(value):
        raise InvalidFilter(f"{field} is compared with {value}, which no number equals: use a finite one")
    return value


def _check_integer(field: str, value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise InvalidFilter(
            f"{field} is compared with a whole number of {value.bit_length()} bits: at most 64 are supported"
        )
    return value


_READERS: Mapping[Kind, Callable[[str, Operator, object], Scalar]] = {
    "id": _read_id,
    "text": _read_text,
    "boolean": _read_boolean,
    "date": _read_instant,
    "categories": _read_text,
    "metadata": _read_scalar,
}


def _refusal(field: str, operator: Operator, value: object, expected: str) -> InvalidFilter:
    if value is None:
        return InvalidFilter(f'{field} is compared with null: to match its absence use {{"NOT": {{"{field}": "*"}}}}')
    return InvalidFilter(f"{field} {operator} {_quote(value)}: use {expected}")


# Limits


def _and(children: list[Filter], budget: Iterator[int]) -> Filter:
    if len(children) != 1:
        _count_node(budget)
    return conjunction(children)


def _or(children: tuple[Filter, ...]) -> Filter:
    return children[0] if len(children) == 1 else Or(children)


def _count_node(budget: Iterator[int]) -> None:
    """Take one node from the budget of the whole filter."""
    if next(budget, None) is None:
        raise InvalidFilter(f"the filter has more than {MAX_NODES} nodes: use in with a list, or split the call")


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"the filter is more than {MAX_DEPTH} levels deep: flatten it")


def _quote(value: object) -> str:
    return _SHORT_REPR.repr(value)
