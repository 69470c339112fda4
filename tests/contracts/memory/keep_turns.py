"""What `add(..., keep_turns=True)` promises: turns are stored beside the facts extracted from them."""

import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import events, reasons, texts
from tests.scripted import decisions, facts, shown_memories

from holdfast.errors import (
    InvalidInput,
)
from holdfast.providers.hashing import HashingEmbedder
from holdfast.testing import ScriptedChatModel


class KeepTurnsContract(MemorySubject):
    def test_a_kept_turn_is_found_by_the_facts_extracted_from_it(self, open_memory):
        model = ScriptedChatModel([facts("Ana's brother Teo moved to Oslo in May 2026"), facts()])
        memory = open_memory(llm=model)
        message = {"role": "user", "name": "Ana", "content": "Yes, he left last month!"}
        result = memory.add(message, user_id="ana", timestamp="2026-06-03", keep_turns=True)
        memory.add("What a day", user_id="ana", keep_turns=True)
        assert events(result) == [("ADD", "Ana's brother Teo moved to Oslo in May 2026")]
        (turn,) = result["turns"]
        assert (turn["memory"], turn["facts"]) == (message["content"], ["Ana's brother Teo moved to Oslo in May 2026"])
        found = memory.search("brother in Oslo", user_id="ana", filters={"memory_type": "episodic"})["results"]
        assert (found[0]["id"], found[0]["facts"]) == (turn["id"], turn["facts"])
        assert found[0]["score"] > 2 * found[1]["score"]
        assert (found[1]["memory"], found[1]["facts"]) == ("What a day", [])

    def test_keeping_turns_needs_one_call_of_each_engine(self, open_memory):
        class Counting(HashingEmbedder):
            calls = 0

            def embed(self, texts):
                self.calls += 1
                return super().embed(texts)

        model, embedder = ScriptedChatModel([facts("Likes tea", "Lives in Berlin")]), Counting()
        memory = open_memory(llm=model, embedder=embedder)
        turns = [
            {"role": "user", "content": "I like tea and live in Berlin"},
            {"role": "assistant", "content": "Noted"},
        ]
        result = memory.add([{"role": "system", "content": "Be kind"}, *turns], user_id="ana", keep_turns=True)
        assert (len(model.calls), embedder.calls) == (1, 1)
        assert [item["memory"] for item in result["turns"]] == ["I like tea and live in Berlin", "Noted"]
        assert len(texts(memory.get_all(user_id="ana"))) == 4

    def test_reconciliation_never_changes_a_kept_turn(self, open_memory):
        wrong = decisions({"fact": 0, "event": "UPDATE", "memory": 0, "text": "Lives in Porto"})
        model = ScriptedChatModel([facts("Lives in Lisbon"), facts("Lives in Porto"), wrong])
        memory = open_memory(llm=model)
        memory.add("Lives in Lisbon", user_id="ana", keep_turns=True)
        memory.add("Porto now, no longer Lisbon", user_id="ana", keep_turns=True)
        assert shown_memories(model, call=2) == ["Lives in Lisbon"]
        assert "Lives in Lisbon</memory>" in model.calls[1].messages[-1]["content"]
        assert model.calls[1].messages[-1]["content"].count("</memory>") == 1
        kept = memory.get_all(user_id="ana", filters={"memory_type": "episodic"})
        assert sorted(texts(kept)) == ["Lives in Lisbon", "Porto now, no longer Lisbon"]
        assert texts(memory.get_all(user_id="ana", filters={"memory_type": "semantic"})) == ["Lives in Porto"]

    def test_turns_are_kept_without_a_model(self, memory):
        result = memory.add(["I moved to Lisbon.", "How are you?"], user_id="ana", keep_turns=True)
        assert [(item["memory"], item["facts"]) for item in result["turns"]] == [
            ("I moved to Lisbon.", ["I moved to Lisbon."]),
            ("How are you?", []),
        ]
        again = memory.add(["I moved to Lisbon.", "How are you?"], user_id="ana", keep_turns=True)
        assert (again["results"], again["turns"], reasons(again).count("duplicate")) == ([], [], 3)

    def test_turns_are_kept_when_the_reply_is_unreadable(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel(["no facts here", "nor here"]))
        result = memory.add("I live in Lisbon", user_id="ana", keep_turns=True)
        assert ([item["memory"] for item in result["turns"]], reasons(result)) == (
            ["I live in Lisbon"],
            ["unreadable reply"],
        )

    def test_keep_turns_can_be_set_in_the_config(self, open_memory):
        memory = open_memory(config={"keep_turns": True})
        assert "turns" in memory.add("I live in Lisbon.", user_id="ana")
        assert "turns" not in memory.add("I play the cello.", user_id="ana", keep_turns=False)
        with pytest.raises(InvalidInput, match="keep_turns is 'yes'"):
            memory.add("I play the cello.", user_id="ana", keep_turns="yes")

    def test_a_restored_turn_is_found_by_its_facts(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts("Teo lives in Oslo")]))
        (turn,) = memory.add("Yes, he does", user_id="ana", keep_turns=True)["turns"]
        memory.delete(turn["id"])
        memory.rollback(turn["id"])
        found = memory.search("Oslo", user_id="ana", filters={"memory_type": "episodic"})["results"]
        assert (found[0]["id"], found[0]["facts"]) == (turn["id"], ["Teo lives in Oslo"])
        assert found[0]["score"] > 0.3

    def test_updating_a_turn_clears_its_facts_until_a_rollback(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts("Teo lives in Oslo")]))
        (turn,) = memory.add("Yes, he does", user_id="ana", keep_turns=True)["turns"]
        memory.update(turn["id"], "No, he does not")
        assert memory.get(turn["id"])["facts"] == []
        memory.rollback(turn["id"])
        assert memory.get(turn["id"])["facts"] == ["Teo lives in Oslo"]
