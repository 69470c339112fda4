"""What `AsyncMemory` adds: concurrent calls, cancellation, closing, and engines without awaitable methods."""

import asyncio

import pytest
from tests.results import texts
from tests.scripted import facts
from tests.torture.cancellations import CASES, cancel_calls

from holdfast import AsyncMemory, HashingEmbedder, Memory
from holdfast.errors import StorageError
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder


async def test_closing_waits_for_the_calls_under_way(tmp_path):
    model = ScriptedChatModel([{"facts": [{"text": "Likes tea", "turn": 0, "attributed_to": "user"}]}], delay=0.1)
    memory = AsyncMemory(tmp_path / "memory.db", llm=model, embedder=ScriptedEmbedder())
    adding = asyncio.create_task(memory.add("I like tea", user_id="ana"))
    await asyncio.sleep(0.01)
    await memory.close()
    assert (await adding)["results"][0]["event"] == "ADD"
    async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder()) as reopened:
        assert (await reopened.get_all(user_id="ana"))["results"][0]["memory"] == "Likes tea"


async def test_closing_does_not_wait_for_the_rest_of_a_callers_task():
    memory = AsyncMemory(":memory:", llm="rules", embedder="hashing")
    added = asyncio.Event()

    async def caller():
        await memory.add("I like tea", user_id="ana")
        added.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(caller())
    await added.wait()
    await asyncio.wait_for(memory.close(), timeout=30)
    task.cancel()


async def test_a_cancelled_call_leaves_the_memory_usable():
    model = ScriptedChatModel(['{"facts": []}'], delay=30)
    async with AsyncMemory(":memory:", llm=model, embedder=ScriptedEmbedder()) as memory:
        adding = asyncio.create_task(memory.add("I like tea", user_id="ana"))
        await asyncio.sleep(0.01)
        adding.cancel()
        await memory.add("I like tea", user_id="ana", infer=False)
        assert len((await memory.get_all(user_id="ana"))["results"]) == 1


def test_closing_waits_for_twenty_calls_under_way(tmp_path):
    async def add_and_close():
        memory = AsyncMemory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder(delay=0.05))
        adding = [asyncio.create_task(memory.add(f"tea {number}", user_id="ana", infer=False)) for number in range(20)]
        await asyncio.sleep(0)
        await memory.close()
        with pytest.raises(StorageError, match="closed"):
            await memory.search("tea", user_id="ana")
        return await asyncio.gather(*adding)

    results = asyncio.run(add_and_close())
    assert sum(len(result["results"]) for result in results) == 20
    with Memory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder()) as memory:
        assert len(texts(memory.get_all(user_id="ana"))) == 20


def test_a_cancelled_add_does_not_affect_the_others(tmp_path):
    async def add_and_cancel():
        async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder(delay=0.02)) as memory:
            adding = [
                asyncio.create_task(memory.add(f"tea {number}", user_id="ana", infer=False)) for number in range(20)
            ]
            await asyncio.sleep(0)
            for task in adding[::2]:
                task.cancel()
            outcomes = await asyncio.gather(*adding, return_exceptions=True)
            return outcomes, texts(await memory.get_all(user_id="ana"))

    outcomes, kept = asyncio.run(add_and_cancel())
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[::2])
    assert sorted(kept) == sorted(f"tea {number}" for number in range(1, 20, 2))


def test_an_async_memory_works_on_one_event_loop_after_another(tmp_path):
    memory = AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing")
    asyncio.run(memory.add("I play the cello", user_id="ana", infer=False))
    assert texts(asyncio.run(memory.search("cello", user_id="ana"))) == ["I play the cello"]
    asyncio.run(memory.close())


def test_engines_with_only_blocking_methods_work_with_async_memory():
    class BlockingModel:
        def complete(self, messages, *, schema=None):
            return ScriptedChatModel(facts("Likes tea")).complete(messages, schema=schema)

    async def add():
        async with AsyncMemory(":memory:", llm=BlockingModel(), embedder=HashingEmbedder()) as memory:
            return await memory.add("I like tea", user_id="ana")

    assert texts(asyncio.run(add())) == ["Likes tea"]


@pytest.mark.slow
def test_a_call_that_is_cancelled_at_any_await_is_done_whole_or_not_at_all(tmp_path):
    some = [case for case in CASES if case[0] in ("add", "forget", "reembed", "search")]
    tally = cancel_calls(tmp_path, rounds=1, seed=1, cases=some)
    assert tally.is_clean, tally.failures()
