"""What `add` promises about extraction: facts come from the model or the rules, and no failure is silent."""

import json

import pytest
from tests.contracts.memory.subject import TOMORROW, MemorySubject
from tests.results import events, reasons, texts
from tests.scripted import FailingEmbedder, facts

from holdfast.errors import (
    ProviderError,
)
from holdfast.testing import ScriptedChatModel


class ExtractionContract(MemorySubject):
    def test_without_a_model_the_rules_extract_facts(self, memory):
        result = memory.add("I live in Berlin. What time is it?", user_id="ana")
        assert result["inference"] == "rules"
        assert [item["event"] for item in result["results"]] == ["ADD"]
        assert "Berlin" in result["results"][0]["memory"]
        assert "question" in reasons(result)

    def test_one_model_call_when_no_similar_memory_exists(self, open_memory):
        model = ScriptedChatModel([facts("Likes tea", "Lives in Berlin")])
        result = open_memory(llm=model).add("I like tea and live in Berlin", user_id="ana")
        assert events(result) == [("ADD", "Likes tea"), ("ADD", "Lives in Berlin")]
        assert (result["inference"], len(model.calls)) == ("model", 1)

    def test_an_unreadable_reply_is_retried_once(self, open_memory):
        model = ScriptedChatModel(["I would rather talk about the weather.", facts("Likes tea")])
        result = open_memory(llm=model).add("I like tea", user_id="ana")
        assert events(result) == [("ADD", "Likes tea")]
        assert len(model.calls) == 2

    @pytest.mark.parametrize("reply", ["", "no", "[[[", '{"facts": "x', "null", '{"unknown": 1}'])
    def test_unreadable_replies_are_reported_in_skipped(self, open_memory, reply):
        model = ScriptedChatModel(reply)
        memory = open_memory(llm=model)
        result = memory.add("I like tea", user_id="ana")
        assert (result["results"], reasons(result), len(model.calls)) == ([], ["unreadable reply"], 2)
        assert texts(memory.get_all(user_id="ana")) == []

    def test_a_conversation_without_facts_is_not_an_error(self, open_memory):
        model = ScriptedChatModel([facts()])
        result = open_memory(llm=model).add("hello", user_id="ana")
        assert (result["results"], result["skipped"], len(model.calls)) == ([], [], 1)

    @pytest.mark.parametrize("calls_before", [0, 1])
    def test_a_failing_model_is_a_provider_error_and_nothing_is_stored(self, open_memory, calls_before):
        script = [
            facts("Likes black tea"),
            *[facts("Likes green tea")] * calls_before,
            TimeoutError("too slow"),
        ]
        memory = open_memory(llm=ScriptedChatModel(script))
        memory.add("tea", user_id="ana")
        with pytest.raises(ProviderError, match="too slow") as caught:
            memory.add("green", user_id="ana")
        assert caught.value.provider == "scripted"
        assert texts(memory.get_all(user_id="ana")) == ["Likes black tea"]

    def test_a_failing_embedder_is_a_provider_error_and_nothing_is_stored(self, open_memory):
        memory = open_memory(embedder=FailingEmbedder())
        with pytest.raises(ProviderError, match="no route for 1 texts") as caught:
            memory.add("I like tea", user_id="ana", infer=False)
        assert caught.value.provider == "FailingEmbedder"
        with pytest.raises(ProviderError, match="no route"):
            memory.search("tea", user_id="ana")
        assert texts(memory.get_all(user_id="ana")) == []

    def test_earlier_turns_of_the_session_reach_the_model(self, open_memory):
        model = ScriptedChatModel([facts(), facts(), facts()])
        memory = open_memory(llm=model)
        memory.add("My sister Wilhelmina visits on Friday", user_id="ana", run_id="r")
        memory.add("She is allergic to cats", user_id="ana", run_id="r")
        memory.add("Somebody else speaks", user_id="ben", run_id="r")
        assert "Wilhelmina" in model.calls[1].messages[-1]["content"]
        assert "Wilhelmina" not in json.dumps(model.calls[2].messages)

    def test_the_day_of_the_conversation_reaches_the_model(self, open_memory):
        model = ScriptedChatModel([facts()])
        open_memory(llm=model).add("yesterday I ran", user_id="ana", timestamp="2023-05-08T13:56:00Z")
        assert "2023-05-08" in json.dumps(model.calls[0].messages)

    def test_a_custom_prompt_applies_to_one_call(self, open_memory):
        model = ScriptedChatModel([facts(), facts()])
        memory = open_memory(llm=model)
        memory.add("one", user_id="ana", prompt="Collect only colours.")
        memory.add("two", user_id="ana")
        used = ["Collect only colours." in json.dumps(call.messages) for call in model.calls]
        assert used == [True, False]

    def test_agent_memory_stores_facts_about_the_assistant(self, open_memory):
        model = ScriptedChatModel(
            [{"facts": [{"text": "Promised a summary", "turn": 1, "attributed_to": "assistant"}]}]
        )
        memory = open_memory(llm=model)
        messages = [
            {"role": "user", "content": "please"},
            {"role": "assistant", "content": "I will send a summary"},
        ]
        (added,) = memory.add(messages, agent_id="helper")["results"]
        item = memory.get(added["id"])
        assert (item["attributed_to"], item["role"], item["agent_id"]) == ("assistant", "assistant", "helper")

    def test_metadata_and_dates_of_an_add_apply_to_every_fact(self, open_memory):
        model = ScriptedChatModel([facts("Likes tea", "Lives in Berlin")])
        memory = open_memory(llm=model)
        more = {"metadata": {"source": "chat"}, "expiration_date": TOMORROW, "timestamp": "2026-05-08"}
        for item in memory.add("hi", user_id="ana", app_id="app", **more)["results"]:
            kept = memory.get(item["id"])
            assert kept["metadata"] == {"source": "chat"}
            assert (kept["app_id"], kept["expiration_date"]) == ("app", TOMORROW)
            assert kept["created_at"].startswith("2026-05-08T00:00:00")
