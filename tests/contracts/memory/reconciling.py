"""What `add` promises about reconciliation: facts update similar memories, and a model can do little harm."""

import json

import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import events, reasons, texts
from tests.scripted import decisions, facts, shown_memories

from holdfast.testing import ScriptedChatModel


class ReconciliationContract(MemorySubject):
    def test_without_a_model_a_correction_replaces_the_old_fact(self, memory):
        memory.add("I live in Berlin.", user_id="ana")
        result = memory.add("I moved to Lisbon.", user_id="ana")
        (update,) = result["results"]
        assert update["event"] == "UPDATE"
        assert "Berlin" in update["previous_memory"]
        assert "Lisbon" in update["memory"]
        assert len(texts(memory.get_all(user_id="ana"))) == 1

    def test_one_message_can_correct_the_same_memory_twice(self, memory):
        memory.add("I live in Berlin.", user_id="ana")
        result = memory.add("I moved to Lisbon. I live in Porto now.", user_id="ana")
        assert [item["event"] for item in result["results"]] == ["UPDATE", "UPDATE"]
        assert texts(memory.get_all(user_id="ana")) == ["I live in Porto now."]

    def test_facts_of_one_add_are_compared_with_each_other(self, memory):
        memory.add(["I live in Berlin.", "I have a dog.", "I moved to Lisbon.", "I live in Lisbon."], user_id="ana")
        assert sorted(texts(memory.get_all(user_id="ana"))) == ["I have a dog.", "I moved to Lisbon."]

    def test_without_a_model_a_duplicate_fact_is_skipped(self, memory):
        memory.add("I am allergic to peanuts.", user_id="ana")
        again = memory.add("I am allergic to peanuts.", user_id="ana")
        assert again["results"] == []
        assert again["skipped"]

    def test_a_similar_memory_causes_one_reconciliation_call(self, open_memory):
        update = decisions({"fact": 0, "event": "UPDATE", "memory": 0, "text": "Likes green tea very much"})
        model = ScriptedChatModel([facts("Likes tea very much"), facts("Likes green tea"), update])
        memory = open_memory(llm=model)
        memory.add("I like tea very much", user_id="ana")
        result = memory.add("Green tea, actually", user_id="ana")
        assert len(model.calls) == 3
        assert shown_memories(model, call=2) == ["Likes tea very much"]
        (item,) = result["results"]
        assert (item["event"], item["memory"]) == ("UPDATE", "Likes green tea very much")
        assert item["previous_memory"] == "Likes tea very much"
        assert texts(memory.get_all(user_id="ana")) == ["Likes green tea very much"]

    def test_the_model_never_sees_memories_of_another_scope(self, open_memory):
        model = ScriptedChatModel([facts("Likes tea very much"), facts("Likes tea very much")])
        memory = open_memory(llm=model)
        memory.add("I like tea very much", user_id="ana")
        result = memory.add("I like tea very much", user_id="ben")
        assert len(model.calls) == 2
        assert "Likes tea very much" not in json.dumps(model.calls[1].messages)
        assert events(result) == [("ADD", "Likes tea very much")]

    def test_an_exact_duplicate_needs_no_reconciliation_call(self, open_memory):
        model = ScriptedChatModel([facts("Likes tea"), facts("likes  TEA")])
        memory = open_memory(llm=model)
        memory.add("I like tea", user_id="ana")
        result = memory.add("tea!", user_id="ana")
        assert (result["results"], reasons(result), len(model.calls)) == ([], ["duplicate"], 2)

    def test_the_model_can_delete_and_rollback_restores(self, open_memory):
        forget = decisions({"fact": 0, "event": "DELETE", "memory": 0})
        model = ScriptedChatModel([facts("Likes black tea"), facts("Does not like black tea"), forget])
        memory = open_memory(llm=model)
        memory_id = memory.add("I like black tea", user_id="ana")["results"][0]["id"]
        result = memory.add("I don't", user_id="ana")
        assert events(result) == [("DELETE", "Likes black tea")]
        assert memory.get(memory_id) is None
        assert texts(memory.search("black tea", user_id="ana")) == []
        memory.rollback(memory_id)
        assert memory.get(memory_id)["memory"] == "Likes black tea"
        assert texts(memory.search("black tea", user_id="ana")) == ["Likes black tea"]

    def test_the_model_can_skip_a_fact_that_changes_nothing(self, open_memory):
        keep = decisions({"fact": 0, "event": "NONE", "memory": 0})
        model = ScriptedChatModel([facts("Likes black tea"), facts("Enjoys black tea"), keep])
        memory = open_memory(llm=model)
        memory_id = memory.add("I like black tea", user_id="ana")["results"][0]["id"]
        result = memory.add("I enjoy it", user_id="ana")
        assert result["results"] == []
        assert (result["skipped"][0]["text"], result["skipped"][0]["id"]) == ("Enjoys black tea", memory_id)

    @pytest.mark.parametrize("event", ["UPDATE", "DELETE"])
    @pytest.mark.parametrize("invented", [7, -1, "abc", 1.5, None, True])
    def test_a_decision_about_an_invented_memory_adds_the_fact_instead(self, open_memory, event, invented):
        wrong = decisions({"fact": 0, "event": event, "memory": invented, "text": "Likes green tea"})
        model = ScriptedChatModel([facts("Likes black tea"), facts("Likes green tea"), wrong, wrong])
        memory = open_memory(llm=model)
        memory.add("I like black tea", user_id="ana")
        result = memory.add("green tea", user_id="ana")
        assert events(result) == [("ADD", "Likes green tea")]
        assert sorted(texts(memory.get_all(user_id="ana"))) == ["Likes black tea", "Likes green tea"]

    def test_a_model_deletes_at_most_three_memories_in_one_add(self, open_memory):
        known = [f"Likes black tea number {number}" for number in range(5)]
        everything = decisions(*({"fact": 0, "event": "DELETE", "memory": number} for number in range(5)))
        model = ScriptedChatModel([facts(*known), facts("Likes no black tea number at all"), everything])
        memory = open_memory(llm=model)
        memory.add("tea", user_id="ana")
        result = memory.add("no tea", user_id="ana")
        assert [item["event"] for item in result["results"]] == ["DELETE"] * 3
        assert reasons(result) == ["too many deletes"] * 2
        assert len(texts(memory.get_all(user_id="ana"))) == 2
        for item in result["results"]:
            memory.rollback(item["id"])
        assert sorted(texts(memory.get_all(user_id="ana"))) == known

    @pytest.mark.parametrize("event", ["UPDATE", "DELETE"])
    def test_an_immutable_memory_is_never_changed_by_a_model(self, open_memory, event):
        change = decisions({"fact": 0, "event": event, "memory": 0, "text": "Likes green tea"})
        model = ScriptedChatModel([facts("Likes black tea"), facts("Likes green tea"), change])
        memory = open_memory(llm=model)
        (kept,) = memory.add("tea", user_id="ana", immutable=True)["results"]
        result = memory.add("green", user_id="ana")
        assert memory.get(kept["id"])["memory"] == "Likes black tea"
        assert "immutable" in reasons(result)

    def test_an_unreadable_decision_loses_no_fact(self, open_memory):
        model = ScriptedChatModel([facts("Likes black tea"), facts("Likes green tea"), "hm", "hm"])
        memory = open_memory(llm=model)
        memory.add("black", user_id="ana")
        result = memory.add("green", user_id="ana")
        assert events(result) == [("ADD", "Likes green tea")]
        assert reasons(result) == ["unreadable reply"]
