"""Open a `Memory` or an `AsyncMemory` for a test, with blocking verbs either way, and close it when the test ends."""

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from holdfast import AsyncMemory


class Blocking:
    """An awaited memory that looks like a blocking one: each verb runs on an event loop that this object owns."""

    def __init__(self, make: Callable[[], Any]):
        self._loop = asyncio.new_event_loop()
        try:
            self._memory = make()
        except BaseException:
            self._loop.close()
            raise

    def __getattr__(self, name):
        attribute = getattr(self._memory, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute
        return lambda *args, **kwargs: self._loop.run_until_complete(attribute(*args, **kwargs))

    def __enter__(self):
        self._loop.run_until_complete(self._memory.__aenter__())
        return self

    def __exit__(self, *error):
        self._loop.run_until_complete(self._memory.__aexit__(*error))

    def release(self):
        """Close the memory and the event loop."""
        self._loop.run_until_complete(self._memory.close())
        self._loop.close()


def blocking(memory_class, *arguments, **options):
    """Return a `memory_class` with blocking verbs."""
    if memory_class is AsyncMemory:
        return Blocking(lambda: AsyncMemory(*arguments, **options))
    return memory_class(*arguments, **options)


@contextlib.contextmanager
def closing_at_the_end(make: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Give a function like `make` and close everything it made when the block ends."""
    with contextlib.ExitStack() as opened:

        def make_and_remember(*arguments, **options):
            memory = make(*arguments, **options)
            opened.callback(getattr(memory, "release", memory.close))
            return memory

        yield make_and_remember
