"""What only the awaiting driver promises: closing waits for calls, and for nothing else."""

import asyncio

from holdfast import AsyncMemory
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


async def test_closing_does_not_wait_for_what_a_caller_does_afterwards():
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
