"""Operations of the store written once, for callers that block and for those that await."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, TypeVar

from holdfast import ScopedMemory

T = TypeVar("T")


class Ask(NamedTuple):
    """One verb of the memory that an operation needs done."""

    verb: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]


Task = Generator[Ask, Any, T]
"""An operation: it asks for verbs, is sent their results, and returns its own."""


def ask(verb: str, *arguments: Any, **options: Any) -> Task[Any]:
    """Return what `verb` of the memory returns."""
    return (yield Ask(verb, arguments, options))


def answered(memory: ScopedMemory, task: Task[T]) -> T:
    """Carry out `task` with calls that block."""
    try:
        asked = next(task)
        while True:
            try:
                answer = getattr(memory, asked.verb)(*asked.arguments, **asked.options)
            except Exception as error:  # noqa: BLE001 - the task decides what to do about it
                asked = task.throw(error)
            else:
                asked = task.send(answer)
    except StopIteration as stop:
        result: T = stop.value
    return result


async def awaited(memory: ScopedMemory, task: Task[T]) -> T:
    """Carry out `task` with calls that are awaited."""
    try:
        asked = next(task)
        while True:
            try:
                answer = await getattr(memory, f"a{asked.verb}")(*asked.arguments, **asked.options)
            except Exception as error:  # noqa: BLE001 - the same
                asked = task.throw(error)
            else:
                asked = task.send(answer)
    except StopIteration as stop:
        result: T = stop.value
    return result
