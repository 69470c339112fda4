"""`AsyncMemory`, the awaitable face: the same verbs."""

from __future__ import annotations

import os
from functools import cached_property
from types import TracebackType

from typing_extensions import Self

from holdfast import operations
from holdfast.memory import Face
from holdfast.runtime.async_driver import Driver, awaitable


class AsyncMemory(Face):
    """A long-term memory for agents; every verb is awaited.

    Engines that can be awaited are awaited, so a thousand concurrent calls need no thread each. Use it as an
    asynchronous context manager, or await `close`.

    >>> import asyncio
    >>> from holdfast import AsyncMemory
    >>> async def remember() -> str:
    ...     async with AsyncMemory(":memory:", llm="rules", embedder="hashing") as memory:
    ...         await memory.add("I am allergic to peanuts.", user_id="ana")
    ...         return (await memory.search("allergies", user_id="ana"))["results"][0]["memory"]
    >>> asyncio.run(remember())
    'I am allergic to peanuts.'
    """

    @property
    def driver(self) -> Driver:
        """The driver of this process. Threads do not survive a fork, so a forked process gets a driver of its own."""
        process = os.getpid()
        return self._drivers.get(process) or self._drivers.setdefault(process, Driver())

    @cached_property
    def _drivers(self) -> dict[int, Driver]:
        return {}

    add = awaitable(operations.add)
    put = awaitable(operations.put)
    search = awaitable(operations.search)
    context = awaitable(operations.context)
    get = awaitable(operations.get)
    get_all = awaitable(operations.get_all)
    update = awaitable(operations.update)
    delete = awaitable(operations.delete)
    delete_all = awaitable(operations.delete_all)
    forget = awaitable(operations.forget)
    history = awaitable(operations.history)
    rollback = awaitable(operations.rollback)
    prune_history = awaitable(operations.prune_history)
    reset = awaitable(operations.reset)
    batch_update = awaitable(operations.batch_update)
    batch_delete = awaitable(operations.batch_delete)
    users = awaitable(operations.users)
    delete_users = awaitable(operations.delete_users)
    doctor = awaitable(operations.doctor)
    reembed = awaitable(operations.reembed)

    async def close(self) -> None:
        """Wait for the calls that run on this loop, then close the file. Closing twice does nothing.

        Calls on other loops do not hold it up: each ends normally, or with a `StorageError` and without effect.
        """
        driver = self.driver
        await driver.wait_until_idle()
        driver.stop()
        await self._runtime.aclose_engines()
        await driver.close(self._close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
