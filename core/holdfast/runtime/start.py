"""Start an operation with the arguments of a caller."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.extraction.messages import MESSAGE_FIELDS
from holdfast.plain_values import to_plain
from holdfast.runtime.argument_names import check_names
from holdfast.runtime.effects import Flow

if TYPE_CHECKING:
    from holdfast.runtime.runtime import Runtime

T = TypeVar("T")

_OBJECTS = ("embedder", "progress")
"""The arguments that are objects of the caller, to be used as they are."""


def start(
    operation: Callable[..., Flow[T]], runtime: Runtime, args: Sequence[Any], options: Mapping[str, Any]
) -> Flow[T]:
    """Return the flow of `operation`, its arguments copied as plain values (see `to_plain`).

    Raises:
        InvalidInput: An argument cannot be read.
        UnknownArgument: The operation has no parameter of this name, or takes it only by name.
    """
    names, by_position = _parameters_of(operation)
    if len(args) > by_position or not options.keys() <= names.keys():
        check_names(operation.__name__, list(names), len(args), options, by_position=by_position)
    plain = [_plain(name, value) for name, value in zip(names, args, strict=False)]
    return operation(runtime, *plain, **{name: _plain(name, value) for name, value in options.items()})


def _plain(name: str, value: Any) -> Any:
    if name in _OBJECTS:
        return value
    return to_plain(value, name, fields=MESSAGE_FIELDS if name == "messages" else ())


@lru_cache(maxsize=64)
def _parameters_of(operation: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], int]:
    """Return the parameters of an operation after the runtime, and how many can be given by position."""
    names = dict(list(inspect.signature(operation).parameters.items())[1:])
    return names, sum(one.kind is not inspect.Parameter.KEYWORD_ONLY for one in names.values())
