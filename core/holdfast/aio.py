"""The awaitable face: the same list of operations."""

from __future__ import annotations

import asyncio
import os
from functools import cached_property
from types import TracebackType

from typing_extensions import Self

from holdfast.awaiting import Driver, awaitable
from holdfast.memory import Face
from holdfast.operations import adding, composing, curating, keeping, reembedding, searching, upkeep


class AsyncMemory(Face):
    """A long-term memory for agents; every verb is awaited.

    Models that can be awaited are awaited, so a thousand calls in flight need no thread each. Use it as an
    asynchronous context manager, or await `close`.
    """

    @property
    def driver(self) -> Driver:
        """What carries out the operations; a forked process, in which threads do not live on, gets one of its own."""
        process = os.getpid()
        return self._drivers.get(process) or self._drivers.setdefault(process, Driver())

    @cached_property
    def _drivers(self) -> dict[int, Driver]:
        return {}

    add = awaitable(adding.add)
    put = awaitable(keeping.put)
    search = awaitable(searching.search)
    context = awaitable(composing.context)
    get = awaitable(curating.get)
    get_all = awaitable(searching.get_all)
    update = awaitable(curating.update)
    delete = awaitable(curating.delete)
    delete_all = awaitable(curating.delete_all)
    history = awaitable(curating.history)
    rollback = awaitable(curating.rollback)
    reset = awaitable(curating.reset)
    batch_update = awaitable(curating.batch_update)
    batch_delete = awaitable(curating.batch_delete)
    users = awaitable(curating.users)
    delete_users = awaitable(curating.delete_users)
    doctor = awaitable(upkeep.doctor)
    reembed = awaitable(reembedding.reembed)

    async def close(self) -> None:
        """Wait for the calls under way on this loop, then let go of the file. Closing twice does nothing."""
        await self.driver.drained()
        await self._core.aclose_engines()
        await asyncio.to_thread(self._close)
        self.driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
