"""The scripted engines: they play their script, record their calls and implement the protocols."""

import asyncio
import json
import threading

import pytest

from holdfast.protocols import ChatModel, Embedder
from holdfast.testing import (
    ScriptedChatModel,
    ScriptedEmbedder,
    ScriptExhausted,
    memory_for_tests,
)

HELLO = [{"role": "user", "content": "hello"}]


def test_replies_are_played_in_order_and_calls_are_recorded():
    model = ScriptedChatModel(["one", {"two": 2}])
    assert model.complete(HELLO) == "one"
    assert json.loads(model.complete(HELLO, schema={"type": "object"})) == {"two": 2}
    assert [call.schema for call in model.calls] == [None, {"type": "object"}]
    assert model.calls[0].messages == HELLO


def test_running_out_of_replies_raises():
    model = ScriptedChatModel(["only"])
    model.complete(HELLO)
    with pytest.raises(ScriptExhausted, match="1 replies, this is call 2"):
        model.complete(HELLO)


def test_one_reply_answers_every_call():
    model = ScriptedChatModel({"facts": []})
    assert [model.complete(HELLO) for _ in range(3)] == ['{"facts": []}'] * 3


def test_a_function_decides_from_messages_and_schema():
    model = ScriptedChatModel(lambda messages, schema: f"{messages[-1]['content']} {schema}")
    assert model.complete(HELLO) == "hello None"


def test_an_exception_in_the_script_is_raised():
    model = ScriptedChatModel([TimeoutError("late"), "fine"])
    with pytest.raises(TimeoutError, match="late"):
        model.complete(HELLO)
    assert model.complete(HELLO) == "fine"


def test_threads_never_get_the_same_reply():
    model = ScriptedChatModel([str(number) for number in range(200)])
    heard: list[str] = []
    threads = [
        threading.Thread(target=lambda: heard.extend(model.complete(HELLO) for _ in range(50))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard, key=int) == [str(number) for number in range(200)]


def test_a_delayed_answer_does_not_block_the_event_loop():
    model, happened = ScriptedChatModel("answer", delay=0.01), []

    async def ask() -> None:
        happened.append(await model.acomplete(HELLO))

    async def meanwhile() -> None:
        happened.append("meanwhile")

    async def both() -> None:
        await asyncio.gather(ask(), meanwhile())

    asyncio.run(both())
    assert happened == ["meanwhile", "answer"]


def test_scripted_embedder_is_deterministic_and_scores_shared_words():
    embedder = ScriptedEmbedder()
    tea, green_tea, piano = embedder.embed(["likes tea", "likes green tea", "plays piano"])
    assert tea @ green_tea > tea @ piano + 0.3
    awaited = asyncio.run(embedder.aembed(["likes tea"]))
    assert (awaited[0] == tea).all()
    assert embedder.calls == [["likes tea", "likes green tea", "plays piano"], ["likes tea"]]


def test_scripted_engines_implement_the_protocols():
    assert isinstance(ScriptedChatModel(), ChatModel)
    assert isinstance(ScriptedEmbedder(), Embedder)


def test_memory_for_tests_keeps_nothing_and_asks_no_model():
    with memory_for_tests() as memory:
        memory.add("I am allergic to peanuts", user_id="ana", infer=False)
        found = memory.search("peanuts", user_id="ana")["results"]
    assert [item["memory"] for item in found] == ["I am allergic to peanuts"]


def test_memory_for_tests_takes_scripted_engines():
    model = ScriptedChatModel("{}")
    with memory_for_tests(llm=model, embedder=ScriptedEmbedder(32)) as memory:
        assert memory.runtime.engines.llm is model
        assert memory.runtime.engines.embedder.dimensions == 32
