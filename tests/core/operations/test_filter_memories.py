"""What `filter_memories=True` promises: the chat model drops results that are not relevant."""

import pytest
from tests.core.judges import ABOUT_FOOD
from tests.results import add_verbatim, texts
from tests.scripted import facts

from holdfast import (
    ConfigError,
    Memory,
    ProviderError,
    ScopedMemory,
)
from holdfast.testing import ScriptedChatModel


def test_filter_memories_can_be_set_in_the_config():
    model = ScriptedChatModel(lambda _messages, _schema: {"relevant": []})
    with Memory(":memory:", llm=model, embedder="hashing", config={"filter_memories": True}) as memory:
        add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
        scoped = ScopedMemory(memory, user_id="ana", on_error="raise")
        assert scoped.search("tea") == []
        assert len(scoped.search("tea", filter_memories=False)) == 3
        assert scoped.context("tea") == ""


def test_the_model_drops_memories_that_are_not_relevant(open_in_ram):
    model = ScriptedChatModel({"relevant": [1]})
    memory = open_in_ram(llm=model)
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    before = texts(memory.search("tea", user_id="ana"))
    found = memory.search("tea", user_id="ana", filter_memories=True)
    assert texts(found) == [before[1]]
    assert set(found) == {"results"}
    assert len(model.calls) == 1


def test_explain_lists_dropped_memories(open_in_ram):
    memory = open_in_ram(llm=ScriptedChatModel({"relevant": [0]}))
    ids = add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = memory.search("tea", user_id="ana", filter_memories=True, explain=True)
    assert {item["id"] for item in (*found["results"], *found["dropped"])} == set(ids)
    assert all("score_details" in item for item in found["dropped"])
    kept, dropped = found["results"][0]["id"], found["dropped"][0]["id"]

    def reason(memory_id):
        found = memory.search("tea", user_id="ana", filter_memories=True, explain=memory_id)
        return found["explanation"]["reason"]

    assert (reason(kept), reason(dropped)) == ("found", "not relevant")


def test_no_relevant_memory_gives_an_empty_result(open_in_ram):
    memory = open_in_ram(llm=ScriptedChatModel({"relevant": []}))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    assert memory.search("tea", user_id="ana", filter_memories=True) == {"results": []}


def test_an_unreadable_judgement_drops_nothing_and_adds_a_warning(open_in_ram):
    model = ScriptedChatModel("Hard to say.")
    memory = open_in_ram(llm=model)
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = memory.search("tea", user_id="ana", filter_memories=True)
    assert len(found["results"]) == 3
    assert found["warnings"] == ["not filtered, the model's answer could not be read: the reply holds no JSON"]
    assert len(model.calls) == 2


def test_an_empty_result_is_not_judged(open_in_ram):
    model = ScriptedChatModel({"relevant": []})
    assert open_in_ram(llm=model).search("tea", user_id="ana", filter_memories=True) == {"results": []}
    assert model.calls == []


def test_filtering_without_a_chat_model_is_refused(open_in_ram):
    memory = open_in_ram()
    with pytest.raises(ConfigError, match="filter_memories=True needs a chat model"):
        memory.search("tea", user_id="ana", filter_memories=True)


def test_a_model_that_fails_to_judge_raises_a_provider_error(open_in_ram):
    memory = open_in_ram(llm=ScriptedChatModel(RuntimeError("quota")))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    with pytest.raises(ProviderError, match="quota"):
        memory.search("tea", user_id="ana", filter_memories=True)


def test_one_model_extracts_and_judges(open_in_ram):
    memory = open_in_ram(llm=ScriptedChatModel([facts("Drinks tea"), {"relevant": [0]}]))
    memory.add("I drink tea", user_id="ana")
    assert texts(memory.search("tea", user_id="ana", filter_memories=True)) == ["Drinks tea"]
