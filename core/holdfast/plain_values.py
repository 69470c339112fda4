"""Arguments of callers as plain values: nothing of a foreign class is asked anything after that.

A subclass of `str` may have any `strip`, an iterator may never end, a `repr` may raise, a list may hold itself, and a
mapping may change between two looks. So each argument is copied once, into exact built-in values, before it is checked.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import fields as dataclass_fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

import numpy as np

from holdfast.errors import HoldfastError, InvalidFilter, InvalidInput, short_repr
from holdfast.timestamps import to_isoformat, to_microseconds

_SCALARS = frozenset({type(None), bool, int, float, str, bytes, date, datetime, time, timedelta, Decimal, UUID})
_MAX_DEPTH = 80  # every check of an argument allows less: a filter of 32 levels has a list and a dictionary in each
_WHOLE_DIGITS = 19  # of 64 bits
_MAX_ITEMS = 1_000_000
"""Most items of one container that computes them: those of a list or a dictionary are there already."""

_MAX_OBJECTS = 30_000
"""Most objects whose attributes are read: each may compute others without end."""


class Unusable:
    """A value that no verb takes: it has the type's name and the text that errors quote, and nothing else."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def to_plain(value: Any, name: str, *, fields: Sequence[str] = ()) -> Any:
    """Return a copy of `value` made of exact built-in values.

    Subclasses of `str`, `int`, `float`, `list`, `tuple`, `dict`, `set`, `date` and `datetime` become what they derive
    from, members of an `Enum` their values, scalars and arrays of NumPy the values and lists that they hold, other
    mappings, sequences and sets dictionaries, lists and sets. Anything else becomes an `Unusable`, which every check
    refuses by the name of its type. Iterators are not consumed.

    Args:
        value: What a caller gave.
        name: What to call it in errors.
        fields: With fields, objects of other classes become dictionaries: of their declared fields, of what their
            `model_dump()` returns, or of those of these attributes that they have. A named tuple becomes one as well.

    Raises:
        InvalidInput: Reading it raised an error, or it computes more than 1,000,000 items.

    >>> class Shout(str):
    ...     def strip(self, *_):
    ...         raise RuntimeError("no")
    >>> to_plain({"text": [Shout(" tea ")]}, "metadata")
    {'text': [' tea ']}
    >>> to_plain(iter([1]), "messages")
    <list_iterator>
    >>> from types import SimpleNamespace
    >>> to_plain([SimpleNamespace(role="user", content="tea", seen=True)], "messages", fields=("role", "content"))
    [{'role': 'user', 'content': 'tea'}]
    """
    if type(value) in _SCALARS:
        return value
    try:
        return _Copy(fields).of(value, _MAX_DEPTH)
    except HoldfastError as error:
        raise _invalid(name)(f"{name} {error}") from error
    except Exception as error:
        raise _invalid(name)(
            f"{name} cannot be read, {type(error).__name__} was raised: use plain dictionaries, lists, text, numbers"
            " and booleans"
        ) from error


def to_json(value: Any) -> Any:
    """Return a plain value in the form that metadata stores and filters compare.

    Text, booleans, whole and finite numbers, null, lists and dictionaries are JSON already.

    | value | form |
    |---|---|
    | `datetime` | ISO-8601 in UTC; without a zone it means UTC |
    | `date`, `time` | ISO-8601 |
    | `UUID`, paths | text |
    | `Decimal` | a number, if a number holds all its digits |
    | tuple | list |
    | set | list in ascending order |

    Only the value itself is converted, not what is in it. Anything else is returned unchanged.

    >>> to_json(datetime(2026, 5, 8, 13, 56)), to_json(UUID(int=1)), to_json({"b", "a"}), to_json(Decimal("9.90"))
    ('2026-05-08T13:56:00+00:00', '00000000-0000-0000-0000-000000000001', ['a', 'b'], 9.9)
    """
    if value is None or isinstance(value, (str, int, float, list, dict)):
        return value
    for kinds, convert in _JSON_FORMS:
        if isinstance(value, kinds):
            return convert(value)
    return value


def _invalid(name: str) -> type[InvalidInput]:
    return InvalidFilter if name == "filters" else InvalidInput


class _Copy:
    """One copy, in which a container that occurs several times is copied once."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._budget = _count_down(_MAX_OBJECTS)
        # With the container itself: a number of `id` is given again once its object is gone.
        self._copies: dict[int, tuple[object, object]] = {}

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        for base, convert in _SCALAR_BASES:
            if issubclass(kind, base):
                return convert(value)
        is_container = issubclass(kind, _CONTAINERS) and not issubclass(kind, (bytearray, memoryview))
        if self._fields and issubclass(kind, tuple) and hasattr(kind, "_fields"):
            is_container = False
        if not is_container and (not self._fields or issubclass(kind, type)):
            return value if kind.__module__.startswith("holdfast.") else _foreign(value)
        if depth <= 0:
            return _unusable(value)
        known = self._copies.get(id(value))
        if known is None:
            self._copies[id(value)] = (value, _unusable(value))  # what a container that holds itself finds there
            copy = self._container if is_container else self._object
            known = self._copies[id(value)] = (value, copy(value, kind, depth - 1))
        return known[1]

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        if issubclass(kind, Enum):
            return self.of(value.value, depth)
        if issubclass(kind, dict):
            return {self.of(key, depth): self.of(item, depth) for key, item in dict.items(value)}
        for base in (list, tuple, set, frozenset):
            if issubclass(kind, base):
                return base([self.of(item, depth) for item in base.__iter__(value)])
        if issubclass(kind, np.ndarray):
            return self._array(value, depth)
        if issubclass(kind, Mapping):
            return {self.of(key, depth): self.of(item, depth) for key, item in _bounded(value.items())}
        copied = [self.of(item, depth) for item in _bounded(value)]
        return set(copied) if issubclass(kind, AbstractSet) else copied

    def _array(self, value: Any, depth: int) -> Any:
        """Return the values of an array as nested lists, those of an array without dimensions as one value."""
        if value.size > _MAX_ITEMS:
            raise InvalidInput(f"has more than {_MAX_ITEMS:,} items")
        if value.ndim == 0:
            return self.of(np.ndarray.__getitem__(value, ()), depth)
        return [self.of(item, depth) for item in np.ndarray.__iter__(value)]

    def _object(self, value: Any, kind: type, depth: int) -> Any:
        next(self._budget)
        dump = getattr(kind, "model_dump", None)
        declared = _declared_fields(value, kind)
        if callable(dump) and not declared:
            dumped = dump(value)
            return self.of(dumped, depth) if isinstance(dumped, Mapping) else _foreign(value)
        names = declared if callable(dump) else dict.fromkeys([*declared, *self._fields])
        return self._attributes(value, depth, names, is_declared=bool(declared)) or _foreign(value)

    def _attributes(self, value: Any, depth: int, names: Iterable[str], *, is_declared: bool = True) -> dict[str, Any]:
        given = {name: getattr(value, name, None) for name in names}
        # A mock has every attribute: what has no plain value at all is not read.
        if not is_declared and not any(isinstance(item, (str, list, tuple, dict)) for item in given.values()):
            return {}
        plain = {name: self.of(item, depth) for name, item in given.items() if item is not None and not _is_code(item)}
        return {name: item for name, item in plain.items() if name == "content" or not isinstance(item, Unusable)}


def _declared_fields(value: Any, kind: type) -> list[str]:
    """Return the fields of a model of pydantic, a dataclass, a class of attrs or a named tuple.

    A model is read, not dumped: pydantic warns of each value that is not of the declared type, and services send many.
    """
    fields = getattr(kind, "model_fields", None)
    if isinstance(fields, Mapping):
        return [*fields, *(getattr(value, "model_extra", None) or ())]
    if is_dataclass(kind):
        return [field.name for field in dataclass_fields(kind)]
    attributes = getattr(kind, "__attrs_attrs__", ())
    return [field.name for field in attributes] or list(getattr(kind, "_fields", ()))


def _is_code(value: Any) -> bool:
    return callable(value) and not isinstance(value, str)


def _count_down(most: int) -> Iterator[None]:
    for _ in range(most):
        yield
    raise InvalidInput(f"has more than {most:,} objects")


def _bounded(items: Any) -> Any:
    for number, item in enumerate(islice(items, _MAX_ITEMS + 1)):
        if number == _MAX_ITEMS:
            raise InvalidInput(f"has more than {_MAX_ITEMS:,} items")
        yield item


def _numpy_scalar(value: Any) -> Any:
    """Return the number, boolean or time in a scalar of NumPy."""
    for base, convert in ((np.bool_, bool), (np.integer, int), (np.floating, float)):
        if isinstance(value, base) and not isinstance(value, np.timedelta64):
            return convert(value)
    if isinstance(value, np.datetime64):
        # Nanoseconds become whole numbers in `item`; of `NaT` and of years beyond 9999 nothing is left.
        item = (value if np.datetime_data(value)[0] in "YMWD" else value.astype("datetime64[us]")).item()
        return item if isinstance(item, date) else _unusable(value)
    return _unusable(value)


def _to_number(value: Decimal) -> Any:
    """Return a decimal as a number with the same digits, the decimal itself if there is none."""
    if not value.is_finite():
        return value
    if value.as_tuple().exponent >= 0 and value.adjusted() < _WHOLE_DIGITS:  # type: ignore[operator]
        return int(value)
    number = float(value)
    return number if math.isfinite(number) and Decimal(repr(number)) == value else value


def _in_order(members: list[Any]) -> list[Any]:
    """Return members in ascending order, those of types that have no order among each other by type."""
    try:
        return sorted(members)
    except TypeError:
        return sorted(members, key=lambda member: (type(member).__name__, repr(member)))


_CONTAINERS = (dict, list, tuple, set, frozenset, Mapping, Sequence, AbstractSet, Enum, np.ndarray)

_SCALAR_BASES: tuple[tuple[type, Any], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda value: bytes(memoryview(value))),
    (datetime, lambda value: datetime.combine(datetime.date(value), datetime.timetz(value))),
    (date, lambda value: date.fromordinal(date.toordinal(value))),
    (time, lambda value: time.fromisoformat(time.isoformat(value))),
    (Decimal, lambda value: Decimal(Decimal.__str__(value))),
    (PurePath, lambda value: PurePath(str.__str__(os.fspath(value)))),
    (np.generic, _numpy_scalar),
    (UUID, lambda value: UUID(int=int(value))),
)


_JSON_FORMS: tuple[tuple[Any, Any], ...] = (
    (datetime, lambda value: to_isoformat(to_microseconds(value))),
    ((date, time), lambda value: value.isoformat()),
    ((UUID, PurePath), str),
    (Decimal, _to_number),
    (tuple, list),
    ((set, frozenset), lambda value: _in_order([to_json(member) for member in value])),
)


def _foreign(value: object) -> Any:
    """Return the text of a foreign kind of UUID, which is an id as good as any other, else an `Unusable`."""
    return str.__str__(str(value)) if isinstance(getattr(value, "hex", None), str) else _unusable(value)


def _unusable(value: object) -> Unusable:
    kind = type(value)
    text = short_repr(value) if kind.__repr__ is not object.__repr__ else f"<{kind.__name__}>"
    # `reprlib` takes anything whose type is called `list` for a list.
    name = f"nested {kind.__name__}" if kind in (list, tuple, dict, set, frozenset) else kind.__name__
    return _unusable_kind(name)(text)


@lru_cache(maxsize=1024)
def _unusable_kind(name: str) -> type[Unusable]:
    return type(name, (Unusable,), {"__slots__": ()})
