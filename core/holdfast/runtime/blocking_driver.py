"""The blocking driver: run a flow with calls that block."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from typing_extensions import Concatenate, ParamSpec

from holdfast.errors import HoldfastError, provider_error
from holdfast.runtime.effects import Effect, Flow, LocalWork, Write
from holdfast.runtime.start import start

if TYPE_CHECKING:
    from holdfast.runtime.runtime import Runtime

T = TypeVar("T")
P = ParamSpec("P")
Method = TypeVar("Method", bound=Callable[..., Any])


class HasRuntime(Protocol):
    """A face: an object with an open memory behind it."""

    @property
    def runtime(self) -> Runtime:
        """The engines, the store and the index; raises `StorageError` when closed."""
        ...


def blocking(operation: Callable[Concatenate[Runtime, P], Flow[T]]) -> Callable[Concatenate[HasRuntime, P], T]:
    """Return `operation` as a method that returns when the work is done."""

    def method(self: HasRuntime, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run_blocking(start(operation, self.runtime, args, kwargs))

    return present_as_method(method, operation)


def present_as_method(method: Method, operation: Callable[..., Any]) -> Method:
    """Give `method` the name, docstring and signature of `operation`: `self` first, and the result of the flow.

    >>> def double(runtime: Runtime, number: int) -> Flow[int]:
    ...     return (yield from work(lambda: 2 * number))
    >>> str(inspect.signature(blocking(double)))
    "(self, number: 'int') -> 'int'"
    """
    functools.update_wrapper(method, operation)
    signature = inspect.signature(operation)
    first, *others = signature.parameters.values()
    # Annotations stay text, as modules write them: resolving them would cost every start, and few programs ask.
    result = signature.return_annotation.removeprefix("Flow[").removesuffix("]")
    parameters = [first.replace(name="self", annotation=inspect.Parameter.empty), *others]
    method.__signature__ = signature.replace(parameters=parameters, return_annotation=result)  # type: ignore[attr-defined]
    method.__annotations__ = {one.name: one.annotation for one in others} | {"return": result}
    return method


def run_blocking(flow: Flow[T]) -> T:
    """Run `flow` to its end and return its result."""
    try:
        effect = next(flow)
        while True:
            try:
                result = _perform(effect)
            except Exception as error:  # noqa: BLE001 - the flow decides what to do about it
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        result = stop.value
    return result  # type: ignore[no-any-return]


def _perform(effect: Effect) -> Any:
    if isinstance(effect, LocalWork):
        return effect.call()
    if isinstance(effect, Write):
        return effect.store.write(effect.work)
    try:
        return effect.call()
    except HoldfastError:
        raise
    except Exception as error:
        raise provider_error(error, effect.provider) from error
