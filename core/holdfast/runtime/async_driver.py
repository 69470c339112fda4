"""The async driver: await models, and do the local work of all flows under way together in a few threads.

Flows that wake in the same turn of the event loop hand over their local work as one batch: one thread switch for all
of them, and their writes commit together. A thousand concurrent adds cost a handful of `fsync`s and no thread each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from typing_extensions import Concatenate, ParamSpec

from holdfast.errors import HoldfastError, StorageError, provider_error
from holdfast.runtime.blocking_driver import present_as_method
from holdfast.runtime.effects import Effect, Flow, LocalWork, ModelCall, Write
from holdfast.runtime.runtime import Runtime
from holdfast.runtime.start import start
from holdfast.stores.protocol import QueuedWrite, Store

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
        return await self.driver.run(start(operation, self.runtime, args, kwargs))

    return present_as_method(method, operation)


class Driver:
    """Runs flows on the event loop they are awaited on; one driver serves several loops."""

    def __init__(self) -> None:
        self._local = ThreadPoolExecutor(_LOCAL_THREADS, thread_name_prefix="holdfast-local")
        self._engines = ThreadPoolExecutor(_ENGINE_THREADS, thread_name_prefix="holdfast-engine")
        self._pending: dict[asyncio.AbstractEventLoop, list[Pending]] = {}
        self._calls: set[_Call] = set()
        self._is_stopped = False
        self._closing: Future[object] | None = None
        self._lock = threading.Lock()

    async def run(self, flow: Flow[T]) -> T:
        """Run `flow` to its end and return its result; engines are awaited where they can be.

        Raises:
            StorageError: The driver was closed before the end.
        """
        loop = asyncio.get_running_loop()
        call = _Call(loop, asyncio.current_task(), loop.create_future())
        self._calls.add(call)
        try:
            return await self._drive(flow, call)
        finally:
            flow.close()
            self._calls.discard(call)
            if not loop.is_closed():
                call.finished.set_result(None)

    async def wait_until_idle(self) -> None:
        """Wait for every call that runs on this loop, but the one that may have made this call."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        here = [call.finished for call in self._calls.copy() if call.loop is loop and call.task is not task]
        if here:
            await asyncio.wait(here)

    def stop(self) -> None:
        """Let no call wait for a model any more: it raises a `StorageError` instead, on whichever loop it runs."""
        self._is_stopped = True
        for call in self._calls.copy():
            _call_soon(call.loop, call.stop)

    async def close(self, close_memory: Callable[[], object]) -> None:
        """Close the memory in a thread, and end the threads once their work is done; all callers wait for that."""
        with self._lock:
            if self._closing is None:
                self._closing = self._local.submit(close_memory)
                self._local.shutdown(wait=False)
                self._engines.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(self._closing))

    async def _drive(self, flow: Flow[T], call: _Call) -> T:
        try:
            effect = next(flow)
            while True:
                try:
                    result = await self._perform(effect, call)
                except Exception as error:  # noqa: BLE001 - the flow decides what to do about it
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as stop:
            result = stop.value
        return result  # type: ignore[no-any-return]

    def _perform(self, effect: Effect, call: _Call) -> Awaitable[Any]:
        return self._call_engine(effect, call) if isinstance(effect, ModelCall) else self._enqueue(effect)

    async def _call_engine(self, effect: ModelCall, call: _Call) -> Any:
        if self._is_stopped:
            raise _closed()
        call.waits_for_model = True
        try:
            return await self._answer_of(effect, call.loop)
        except HoldfastError:
            raise
        except asyncio.CancelledError:
            if call.is_stopped and not call.take_back_stop():
                raise _closed() from None
            raise
        except Exception as error:
            raise (_closed() if self._is_stopped else provider_error(error, effect.provider)) from error
        finally:
            call.waits_for_model = False
            if call.is_stopped:  # and the engine has answered all the same
                call.take_back_stop()

    async def _answer_of(self, effect: ModelCall, loop: asyncio.AbstractEventLoop) -> Any:
        if effect.acall is not None:
            return await effect.acall()
        result, failure = await loop.run_in_executor(self._engines, _call_and_catch, effect.call)
        if failure is not None:
            raise failure
        return result

    def _enqueue(self, effect: LocalWork | Write) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        pending = self._pending.get(loop)
        if pending is None:
            for other in [other for other in list(self._pending) if other.is_closed()]:
                self._pending.pop(other, None)  # it was closed before it came to `_dispatch`
            pending = self._pending[loop] = []
            loop.call_soon(self._dispatch, loop)
        pending.append((effect, answer))
        return answer

    def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._pending.pop(loop)
        threads = min(_LOCAL_THREADS, -(-len(batch) // _EFFECTS_PER_THREAD))
        for thread in range(threads):
            part = batch[thread::threads]
            try:
                self._local.submit(_perform_batch, part, loop)
            except RuntimeError:  # the driver is closed, or the program ends
                _deliver(part, [(None, _closed()) for _ in part])


@dataclass(eq=False, slots=True)
class _Call:
    """A flow on its way.

    Attributes:
        task: What awaits it; `None` outside of tasks.
        finished: Done when the flow is.
        waits_for_model: Whether it awaits an engine, so that it can be stopped.
        is_stopped: Whether it was cancelled by `stop` and not by its caller.
    """

    loop: asyncio.AbstractEventLoop
    task: asyncio.Task[Any] | None
    finished: asyncio.Future[None]
    waits_for_model: bool = False
    is_stopped: bool = False

    def stop(self) -> None:
        """End the wait for a model; runs on the loop of the call."""
        if self.waits_for_model and self.task is not None and not self.is_stopped:
            self.is_stopped = self.task.cancel()

    def take_back_stop(self) -> int:
        """Let the task go on after `stop`; return how many other requests to cancel it there are."""
        self.is_stopped = False
        return self.task.uncancel() if self.task is not None and hasattr(self.task, "uncancel") else 0


def _closed() -> StorageError:
    return StorageError("the memory was closed during this call, which wrote nothing: open it again")


def _call_and_catch(call: Callable[[], Any]) -> Outcome:
    # A future cannot hold a `StopIteration`, which an engine made of an iterator raises at its end.
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - raised by `_call_engine`
        return None, error


def _perform_batch(batch: Sequence[Pending], loop: asyncio.AbstractEventLoop) -> None:
    _call_soon(loop, _deliver, batch, _perform_all([effect for effect, _ in batch]))


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: Any) -> None:
    with contextlib.suppress(RuntimeError):  # on a closed loop nobody waits any more
        loop.call_soon_threadsafe(callback, *args)


def _perform_all(effects: Sequence[LocalWork | Write]) -> list[Outcome]:
    """Queue all writes, do all other work, then commit once per store."""
    answers: list[QueuedWrite[Any] | Outcome] = []
    stores = {id(effect.store): effect.store for effect in effects if isinstance(effect, Write)}.values()
    try:
        answers.extend(map(_start, effects))
        _flush(stores)
    except BaseException:  # noqa: BLE001 - an interrupt of this thread is nobody's: all get an answer
        _flush(stores)
    return [*map(_outcome_of, answers), *[(None, _interrupted())] * (len(effects) - len(answers))]


def _flush(stores: Iterable[Store]) -> None:
    for store in stores:
        store.flush()


def _start(effect: LocalWork | Write) -> QueuedWrite[Any] | Outcome:
    try:
        if isinstance(effect, Write):
            return effect.store.submit(effect.work)
        return effect.call(), None
    except BaseException as error:  # noqa: BLE001 - raised in the flow that yielded it
        return None, error


def _outcome_of(answer: QueuedWrite[Any] | Outcome) -> Outcome:
    if not isinstance(answer, QueuedWrite):
        return answer
    return (answer.value, answer.failure) if answer.is_done else (None, _interrupted())


def _interrupted() -> StorageError:
    return StorageError("the call was interrupted, and wrote nothing: call again")


def _deliver(batch: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
    for (_, answer), (result, failure) in zip(batch, outcomes, strict=True):
        if answer.done():  # the caller was cancelled
            continue
        if failure is None:
            answer.set_result(result)
        elif isinstance(failure, Exception) and not isinstance(failure, StopIteration):
            answer.set_exception(failure)
        else:  # an interrupt belongs to the thread it has stopped; raised here, it would end the event loop
            interrupted = _interrupted()
            interrupted.__cause__ = failure
            answer.set_exception(interrupted)
