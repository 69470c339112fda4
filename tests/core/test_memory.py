"""Both faces of the core keep the contract."""

import asyncio

import pytest
from tests.contracts.memory_contract import MemoryContract
from tests.memories import Blocking
from tests.results import texts
from tests.scripted import facts

from holdfast import AsyncMemory, HashingEmbedder, Memory
from holdfast.errors import ProviderError, StorageError
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder


class TestMemory(MemoryContract):
    def make_memory(self, location, **options):
        return Memory(location, **options)


class TestAsyncMemory(MemoryContract):
    def make_memory(self, location, **options):
        return Blocking(lambda: AsyncMemory(location, **options))


def test_both_faces_have_the_same_verbs():
    def verbs(face):
        return {name for name in dir(face) if not name.startswith("_")} - {"driver"}

    assert verbs(Memory) == verbs(AsyncMemory)


def test_closing_waits_for_the_calls_under_way(tmp_path):
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


def test_a_cancelled_add_leaves_the_others_whole(tmp_path):
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


def test_an_awaitable_memory_serves_one_loop_after_another(tmp_path):
    memory = AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing")
    asyncio.run(memory.add("I play the cello", user_id="ana", infer=False))
    assert texts(asyncio.run(memory.search("cello", user_id="ana"))) == ["I play the cello"]
    asyncio.run(memory.close())


def test_engines_with_the_blocking_half_alone_are_enough_for_awaiting():
    class BlockingModel:
        def complete(self, messages, *, schema=None):
            return ScriptedChatModel(facts("Likes tea")).complete(messages, schema=schema)

    async def add():
        async with AsyncMemory(":memory:", llm=BlockingModel(), embedder=HashingEmbedder()) as memory:
            return await memory.add("I like tea", user_id="ana")

    assert texts(asyncio.run(add())) == ["Likes tea"]


def test_a_model_that_returns_no_text_is_a_provider_error():
    class Odd:
        def complete(self, messages, *, schema=None):
            return {"facts": len(messages), "schema": schema}

    with (
        Memory(":memory:", llm=Odd(), embedder="hashing") as memory,
        pytest.raises(ProviderError, match="dict, not text"),
    ):
        memory.add("I like tea", user_id="ana")
