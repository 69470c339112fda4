"""Arguments of callers as plain values: nothing of a foreign class is asked anything after that.

A subclass of `str` may have any `strip`, an iterator may never end, a `repr` may raise, a list may hold itself, and a
mapping may change between two looks. So each argument is copied once, into exact built-in values, before it is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import UUID

from holdfast.errors import HoldfastError, InvalidFilter, InvalidInput, short_repr

_SCALARS = frozenset({type(None), bool, int, float, str, bytes, date, datetime, UUID})
_MAX_DEPTH = 80  # every check of an argument allows less: a filter of 32 levels has a list and a dictionary in each
_MAX_ITEMS = 1_000_000
"""Most items of one container that computes them: those of a list or a dictionary are there already."""


class Unusable:
    """A value that no verb takes: it has the type's name and the text that errors quote, and nothing else."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def to_plain(value: Any, name: str) -> Any:
    """Return a copy of `value` made of exact built-in values.

    Subclasses of `str`, `int`, `float`, `list`, `tuple`, `dict`, `set`, `date` and `datetime` become what they derive
    from, other mappings and sequences dictionaries and lists. Anything else becomes an `Unusable`, which every check
    refuses by the name of its type. Iterators are not consumed.

    Args:
        value: What a caller gave.
        name: What to call it in errors.

    Raises:
        InvalidInput: Reading it raised an error, or it computes more than 1,000,000 items.

    >>> class Shout(str):
    ...     def strip(self, *_):
    ...         raise RuntimeError("no")
    >>> to_plain({"text": [Shout(" tea ")]}, "metadata")
    {'text': [' tea ']}
    >>> to_plain(iter([1]), "messages")
    <list_iterator>
    """
    if type(value) in _SCALARS:
        return value
    try:
        return _Copy().of(value, _MAX_DEPTH)
    except HoldfastError as error:
        raise _invalid(name)(f"{name} {error}") from error
    except Exception as error:
        raise _invalid(name)(
            f"{name} cannot be read, {type(error).__name__} was raised: use plain dictionaries, lists, text, numbers"
            " and booleans"
        ) from error


def _invalid(name: str) -> type[InvalidInput]:
    return InvalidFilter if name == "filters" else InvalidInput


class _Copy:
    """One copy, in which a container that occurs several times is copied once."""

    def __init__(self) -> None:
        # With the container itself: a number of `id` is given again once its object is gone.
        self._copies: dict[int, tuple[object, object]] = {}

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        for base, convert in _SCALAR_BASES:
            if issubclass(kind, base):
                return convert(value)
        if not issubclass(kind, (dict, list, tuple, set, frozenset, Mapping, Sequence)) or issubclass(
            kind, (bytearray, memoryview)
        ):
            return value if kind.__module__.startswith("holdfast.") else _foreign(value)
        if depth == 0:
            return _unusable(value)
        known = self._copies.get(id(value))
        if known is None:
            self._copies[id(value)] = (value, _unusable(value))  # what a container that holds itself finds there
            known = self._copies[id(value)] = (value, self._container(value, kind, depth - 1))
        return known[1]

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        if issubclass(kind, dict):
            return {self.of(key, depth): self.of(item, depth) for key, item in dict.items(value)}
        for base in (list, tuple, set, frozenset):
            if issubclass(kind, base):
                return base([self.of(item, depth) for item in base.__iter__(value)])
        if issubclass(kind, Mapping):
            return {self.of(key, depth): self.of(item, depth) for key, item in _bounded(value.items())}
        return [self.of(item, depth) for item in _bounded(value)]


_SCALAR_BASES: tuple[tuple[type, Any], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda value: bytes(memoryview(value))),
    (datetime, lambda value: datetime.combine(datetime.date(value), datetime.timetz(value))),
    (date, lambda value: date.fromordinal(date.toordinal(value))),
    (UUID, lambda value: UUID(int=int(value))),
)


def _bounded(items: Any) -> Any:
    for number, item in enumerate(islice(items, _MAX_ITEMS + 1)):
        if number == _MAX_ITEMS:
            raise InvalidInput(f"has more than {_MAX_ITEMS:,} items")
        yield item


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
