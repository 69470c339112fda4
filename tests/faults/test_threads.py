"""Threads that share one memory."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.torture.interrupts import interrupt_threads

from holdfast import AsyncMemory, Memory
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder


def test_eight_threads_add_and_search_on_one_memory(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:

        def work(thread):
            ids = []
            for number in range(40):
                text = f"thread {thread} says word{thread}x{number}"
                (added,) = memory.add(text, user_id=f"user{thread % 2}", infer=False)["results"]
                best = memory.search(text, user_id=f"user{thread % 2}", limit=1)["results"][0]
                assert (best["id"], best["memory"]) == (added["id"], text)
                ids.append(added["id"])
            return ids

        with ThreadPoolExecutor(8) as pool:
            acknowledged = [memory_id for ids in pool.map(work, range(8)) for memory_id in ids]
        kept = memory.get_all(filters={"user_id": "*"}, limit=1000)["results"]
        assert sorted(item["id"] for item in kept) == sorted(acknowledged)
        assert memory.doctor()["healthy"]


def test_the_same_fact_from_eight_threads_is_one_memory(tmp_path):
    model = ScriptedChatModel({"facts": [{"text": "Likes tea", "turn": 0, "attributed_to": "user"}]})
    with (
        Memory(tmp_path / "memory.db", llm=model, embedder="hashing") as memory,
        ThreadPoolExecutor(8) as pool,
    ):
        results = list(pool.map(lambda _: memory.add("I like tea", user_id="ana"), range(16)))
        assert sum(len(result["results"]) for result in results) == 1
        assert len(memory.get_all(user_id="ana")["results"]) == 1


@pytest.mark.parametrize("infer", [True, False])
def test_a_hundred_adds_in_flight_keep_every_text_on_its_own_id(tmp_path, infer):
    def one_fact(messages, _schema):
        word = messages[-1]["content"].split("word")[1].split()[0]
        return {"facts": [{"text": f"remember word{word}", "turn": 0, "attributed_to": "user"}]}

    async def add_all():
        model, embedder = ScriptedChatModel(one_fact, delay=0.01), ScriptedEmbedder(delay=0.01)
        async with AsyncMemory(tmp_path / "memory.db", llm=model, embedder=embedder) as memory:
            texts = [f"remember word{number} " for number in range(100)]
            adding = (memory.add(text, user_id=f"user{number}", infer=infer) for number, text in enumerate(texts))
            return [result["results"][0] for result in await asyncio.gather(*adding)]

    added = asyncio.run(add_all())
    with Memory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder()) as memory:
        for number, item in enumerate(added):
            (found,) = memory.search(f"word{number}", user_id=f"user{number}")["results"]
            assert (found["id"], found["memory"].strip()) == (item["id"], f"remember word{number}")
            assert found["score"] > 0.5
        assert memory.doctor()["healthy"]


def test_a_store_that_is_written_to_during_doctor_is_healthy(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        stop = threading.Event()

        def keep_adding():
            number = 0
            while not stop.is_set():
                memory.add(f"memory {number}", user_id="ana", infer=False)
                number += 1

        writer = threading.Thread(target=keep_adding)
        writer.start()
        try:
            diagnoses = [memory.doctor() for _ in range(30)]
        finally:
            stop.set()
            writer.join()
        assert [diagnosis["problems"] for diagnosis in diagnoses if not diagnosis["healthy"]] == []


def test_closing_while_threads_write_loses_nothing_acknowledged(tmp_path):
    memory = Memory(tmp_path / "memory.db", llm="rules", embedder="hashing")
    acknowledged, started = [], threading.Event()

    def keep_adding(thread):
        for number in range(100_000):
            try:
                added = memory.add(f"thread {thread} number {number}", user_id="ana", infer=False)["results"]
            except Exception as error:  # noqa: BLE001 - looked at below
                return error
            acknowledged.extend(item["id"] for item in added)
            started.set()
        return None

    with ThreadPoolExecutor(4) as pool:
        ends = [pool.submit(keep_adding, thread) for thread in range(4)]
        started.wait()
        memory.close()
        errors = [end.result() for end in ends]
    assert {type(error).__name__ for error in errors} == {"StorageError"}
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as reopened:
        kept = {item["id"] for item in reopened.get_all(user_id="ana", limit=1_000_000)["results"]}
    assert kept >= set(acknowledged)


@pytest.mark.slow
def test_an_interrupted_call_of_any_verb_is_done_whole_or_not_at_all_and_other_threads_go_on(tmp_path):
    tally = interrupt_threads(tmp_path, interrupts=30, seed=1)
    assert tally.is_clean, tally.failures()
