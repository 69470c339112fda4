"""Closing a memory while calls wait, from anywhere: each call is answered, and what was acknowledged stays."""

import asyncio
import sys
import threading
import time

import pytest
from tests.results import texts

from holdfast import AsyncMemory, Memory
from holdfast.errors import ProviderError, StorageError
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder

ADDS = 100


class BlockingEmbedder:
    """An embedder without awaitable methods: the driver calls it in a thread."""

    fingerprint, dimensions = ScriptedEmbedder().fingerprint, ScriptedEmbedder().dimensions

    def __init__(self, delay):
        self._embedder, self._delay = ScriptedEmbedder(), delay

    def embed(self, texts):
        time.sleep(self._delay)
        return self._embedder.embed(texts)


class Adds:
    """Adds that wait on an event loop in a thread of its own."""

    def __init__(self, memory):
        self._memory = memory
        self._started = threading.Event()
        self._outcomes = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._add_all()), daemon=True)
        self._thread.start()
        assert self._started.wait(30)

    async def _add_all(self):
        adding = [
            asyncio.create_task(self._memory.add(f"tea {number}", user_id="ana", infer=False)) for number in range(ADDS)
        ]
        await asyncio.sleep(0)
        self._started.set()
        self._outcomes = await asyncio.gather(*adding, return_exceptions=True)

    def outcomes(self):
        self._thread.join(30)
        assert not self._thread.is_alive(), "calls wait for ever"
        return self._outcomes


def acknowledged_of(outcomes):
    """Return the ids of the adds that succeeded; all others were told that the memory was closed."""
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert {type(failure) for failure in failures} <= {StorageError}
    assert all("closed" in str(failure) for failure in failures)
    return {item["id"] for outcome in outcomes if isinstance(outcome, dict) for item in outcome["results"]}


@pytest.mark.parametrize("wait", [0, 0.03, 0.2])
@pytest.mark.parametrize(
    "embedder", [ScriptedEmbedder(), ScriptedEmbedder(delay=0.03), ScriptedEmbedder(delay=20), BlockingEmbedder(0.03)]
)
def test_closing_from_other_loops_answers_every_waiting_call(tmp_path, embedder, wait):
    memory = AsyncMemory(tmp_path / "memory.db", llm="rules", embedder=embedder)
    adds = Adds(memory)
    time.sleep(wait)

    async def close_twice():
        await asyncio.gather(memory.close(), memory.close())

    closers = [threading.Thread(target=lambda: asyncio.run(close_twice()), daemon=True) for _ in range(2)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(30)
        assert not closer.is_alive(), "close waits for ever"
    acknowledged = acknowledged_of(adds.outcomes())
    with Memory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder()) as reopened:
        kept = {item["id"] for item in reopened.get_all(user_id="ana", limit=ADDS)["results"]}
    assert kept >= acknowledged


async def test_a_call_stopped_by_closing_can_be_handled_by_its_task():
    memory = AsyncMemory(":memory:", llm=ScriptedChatModel(["{}"], delay=20), embedder=ScriptedEmbedder())

    async def add():
        try:
            await memory.add("I like tea", user_id="ana")
        except StorageError:
            await asyncio.sleep(0)  # not cancelled any more
            return "handled"

    adding = asyncio.create_task(add())
    await asyncio.sleep(0.01)
    memory.driver.stop()
    assert await adding == "handled"
    await memory.close()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="a task does not yet count the requests to cancel it")
async def test_cancelling_a_call_while_it_is_closed_stays_a_cancellation():
    memory = AsyncMemory(":memory:", llm=ScriptedChatModel(["{}"], delay=20), embedder=ScriptedEmbedder())
    adding = asyncio.create_task(memory.add("I like tea", user_id="ana"))
    await asyncio.sleep(0.01)
    adding.cancel()
    memory.driver.stop()
    with pytest.raises(asyncio.CancelledError):
        await adding
    await memory.close()


async def test_a_model_may_close_the_memory_that_asks_it():
    class ClosingModel(ScriptedChatModel):
        async def acomplete(self, messages, *, schema=None):
            await memory.close()
            return await super().acomplete(messages, schema=schema)

    memory = AsyncMemory(":memory:", llm=ClosingModel(['{"facts": []}']), embedder=ScriptedEmbedder())
    with pytest.raises(StorageError, match="closed"):
        await asyncio.wait_for(memory.add("I like tea", user_id="ana"), 30)


def test_a_loop_that_ends_amid_calls_leaves_the_memory_usable(tmp_path):
    memory = AsyncMemory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder())

    async def leave():
        for number in range(ADDS):
            asyncio.ensure_future(memory.add(f"tea {number}", user_id="ana", infer=False))  # noqa: RUF006
        await asyncio.sleep(0)

    for _ in range(3):
        asyncio.run(leave())
    asyncio.run(memory.add("the last", user_id="ana", infer=False))
    assert "the last" in texts(asyncio.run(memory.get_all(user_id="ana", limit=1000)))
    asyncio.run(memory.close())


def test_a_loop_closed_amid_calls_does_not_disturb_another(tmp_path):
    memory = AsyncMemory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder(delay=0.01))
    loop = asyncio.new_event_loop()
    abandoned = [loop.create_task(memory.add(f"lost {number}", user_id="ana", infer=False)) for number in range(ADDS)]
    loop.run_until_complete(asyncio.sleep(0.012))  # they are embedded, and on their way to the store
    for task in abandoned:
        task._log_destroy_pending = False  # that they never end is what is tested
    loop.close()
    outcomes = Adds(memory).outcomes()
    assert len(acknowledged_of(outcomes)) == ADDS
    asyncio.run(memory.close())


def test_an_engine_that_raises_stop_iteration_in_a_thread_is_answered():
    class Exhausted(BlockingEmbedder):
        def embed(self, texts):
            return next(iter(texts[len(texts) :]))

    async def add():
        async with AsyncMemory(":memory:", llm="rules", embedder=Exhausted(0)) as memory:
            await asyncio.wait_for(memory.add("I like tea", user_id="ana", infer=False), 30)

    with pytest.raises(ProviderError, match="StopIteration"):
        asyncio.run(add())


def test_closing_while_threads_wait_for_a_model_tells_each_of_them(tmp_path):
    memory = Memory(tmp_path / "memory.db", llm="rules", embedder=BlockingEmbedder(0.2))
    outcomes = []

    def add():
        try:
            outcomes.append(memory.add("I like tea", user_id="ana", infer=False))
        except StorageError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    memory.close()
    for thread in threads:
        thread.join(30)
    assert len(outcomes) == 8
    assert acknowledged_of(outcomes) == set()
