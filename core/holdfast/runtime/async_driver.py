"""The async driver: await models, and do the local work of all flows under way together in a few threads.

Flows that wake in the same turn of the event loop hand over their local work as one batch: one thread switch for all
of them, and their writes commit together. A thousand concurrent adds cost a handful of `fsync`s and no thread each.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from typing_extensions import Concatenate, ParamSpec

from holdfast.errors import HoldfastError, provider_error
from holdfast.runtime.blocking_driver import present_as_method
from holdfast.runtime.effects import Effect, Flow, LocalWork, ModelCall, Write
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import QueuedWrite

T = TypeVar("T")
P = ParamSpec("P")

_LOCAL_THREADS = min(4, os.cpu_count() or 1)
_ENGINE_THREADS = 64  # for engines without an awaitable half
_EFFECTS_PER_THREAD = 16  # fewer are done faster by one thread than handed to two

Outcome = tuple[Any, BaseException | None]
Pending = tuple[LocalWork | Write, "asyncio.Future[Any]"]


class HasDriver(Protocol):
    """An awaitable face."""

    @property
    def runtime(self) -> Runtime:
        """The engines, the store and the index."""
        ...

    @property
    def driver(self) -> Driver:
        """The driver that runs its flows."""
        ...


def awaitable(
    operation: Callable[Concatenate[Runtime, P], Flow[T]],
) -> Callable[Concatenate[HasDriver, P], Coroutine[Any, Any, T]]:
    """Return `operation` as a method to be awaited."""

    async def method(self: HasDriver, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.driver.run(operation(self.runtime, *args, **kwargs))

    return present_as_method(method, operation)


class Driver:
    """Runs flows on the event loop they are awaited on; one driver serves several loops."""

    def __init__(self) -> None:
        self._local = ThreadPoolExecutor(_LOCAL_THREADS, thread_name_prefix="holdfast-local")
        self._engines = ThreadPoolExecutor(_ENGINE_THREADS, thread_name_prefix="holdfast-engine")
        self._pending: dict[asyncio.AbstractEventLoop, list[Pending]] = {}
        self._running: set[asyncio.Future[None]] = set()

    async def run(self, flow: Flow[T]) -> T:
        """Run `flow` to its end and return its result; engines are awaited where they can be."""
        finished = asyncio.get_running_loop().create_future()
        self._running.add(finished)
        try:
            return await self._drive(flow)
        finally:
            flow.close()
            self._running.discard(finished)
            finished.set_result(None)

    async def wait_until_idle(self) -> None:
        """Wait for every flow that runs on this loop."""
        loop = asyncio.get_running_loop()
        here = [flow for flow in self._running if flow.get_loop() is loop]
        if here:
            await asyncio.wait(here)

    def close(self) -> None:
        """Stop the threads once their work is done."""
        self._local.shutdown()
        self._engines.shutdown(wait=False)

    async def _drive(self, flow: Flow[T]) -> T:
        try:
            effect = next(flow)
            while True:
                try:
                    result = await self._perform(effect)
                except Exception as error:  # noqa: BLE001 - the flow decides what to do about it
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as stop:
            result = stop.value
        return result  # type: ignore[no-any-return]

    def _perform(self, effect: Effect) -> Awaitable[Any]:
        return self._call_engine(effect) if isinstance(effect, ModelCall) else self._enqueue(effect)

    async def _call_engine(self, effect: ModelCall) -> Any:
        try:
            if effect.acall is not None:
                return await effect.acall()
            return await asyncio.get_running_loop().run_in_executor(self._engines, effect.call)
        except HoldfastError:
            raise
        except Exception as error:
            raise provider_error(error, effect.provider) from error

    def _enqueue(self, effect: LocalWork | Write) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        pending = self._pending.get(loop)
        if pending is None:
            pending = self._pending[loop] = []
            loop.call_soon(self._dispatch, loop)
        pending.append((effect, answer))
        return answer

    def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._pending.pop(loop)
        threads = min(_LOCAL_THREADS, -(-len(batch) // _EFFECTS_PER_THREAD))
        for thread in range(threads):
            self._local.submit(_perform_batch, batch[thread::threads], loop)


def _perform_batch(batch: Sequence[Pending], loop: asyncio.AbstractEventLoop) -> None:
    outcomes = _perform_all([effect for effect, _ in batch])
    loop.call_soon_threadsafe(_deliver, batch, outcomes)


def _perform_all(effects: Sequence[LocalWork | Write]) -> list[Outcome]:
    """Queue all writes, do all other work, then commit once per store."""
    answers = [_start(effect) for effect in effects]
    for store in {id(effect.store): effect.store for effect in effects if isinstance(effect, Write)}.values():
        store.flush()
    return [_outcome_of(answer) for answer in answers]


def _start(effect: LocalWork | Write) -> QueuedWrite[Any] | Outcome:
    try:
        if isinstance(effect, Write):
            return effect.store.submit(effect.work)
        return effect.call(), None
    except BaseException as error:  # noqa: BLE001 - raised in the flow that yielded it
        return None, error


def _outcome_of(answer: QueuedWrite[Any] | Outcome) -> Outcome:
    return (answer.value, answer.failure) if isinstance(answer, QueuedWrite) else answer


def _deliver(batch: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
    for (_, answer), (result, failure) in zip(batch, outcomes, strict=True):
        if answer.done():  # the caller was cancelled
            continue
        if failure is None:
            answer.set_result(result)
        else:
            answer.set_exception(failure)
