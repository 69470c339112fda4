"""What `add(..., infer=False)` promises: messages are stored word for word."""

import uuid
from datetime import datetime, timedelta

import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import add_verbatim, events, reasons, texts


class AddingContract(MemorySubject):
    def test_an_added_memory_is_found_by_a_search(self, memory):
        result = memory.add("The spare key is under the blue flowerpot", user_id="ana", infer=False)
        (added,) = result["results"]
        assert (added["event"], added["memory"]) == ("ADD", "The spare key is under the blue flowerpot")
        assert uuid.UUID(added["id"])
        assert (result["skipped"], result["inference"]) == ([], "none")
        (found,) = memory.search("where is the spare key?", user_id="ana")["results"]
        assert (found["id"], found["memory"]) == (added["id"], added["memory"])

    def test_messages_are_stored_word_for_word(self, memory):
        messages = [
            {"role": "system", "content": "Be kind"},
            {"role": "user", "content": "  I like  tea ", "name": "Ana"},
            {"role": "assistant", "content": "Noted 👍"},
            {"role": "assistant", "content": None},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {}}],
            },
        ]
        result = memory.add(messages, user_id="ana", infer=False)
        kept = [memory.get(item["id"]) for item in result["results"]]
        assert [(item["memory"], item["role"]) for item in kept] == [
            ("  I like  tea ", "user"),
            ("Noted 👍", "assistant"),
            ("Look", "user"),
        ]
        assert (kept[0]["speaker"], kept[0]["actor_id"]) == ("Ana", "Ana")
        assert [item["attributed_to"] for item in kept] == ["user", "assistant", "user"]
        assert sorted(reasons(result)) == ["not text", "system message"]

    @pytest.mark.parametrize("shape", ["string", "message", "list"])
    def test_add_takes_a_string_a_message_or_a_list(self, memory, shape):
        message = {"role": "user", "content": "I play the cello"}
        messages = {"string": message["content"], "message": message, "list": [message]}[shape]
        assert events(memory.add(messages, user_id="ana", infer=False)) == [("ADD", "I play the cello")]

    def test_a_memory_has_every_field_of_mem0s_shape(self, memory):
        (memory_id,) = add_verbatim(memory, "I play the cello", user_id="ana", run_id="r", metadata={"mood": "good"})
        item = memory.get(memory_id)
        assert item["id"] == memory_id
        assert (item["user_id"], item["run_id"]) == ("ana", "r")
        assert (item["metadata"], item["categories"]) == ({"mood": "good"}, [])
        assert len(item["hash"]) == 32
        for name in ("created_at", "updated_at", "recorded_at"):
            assert datetime.fromisoformat(item[name]).utcoffset() == timedelta(0)
        assert not {"agent_id", "app_id", "expiration_date", "immutable", "score"} & set(item)

    def test_adding_the_same_text_twice_stores_one_memory(self, memory):
        (first,) = add_verbatim(memory, "I like tea", user_id="ana")
        again = memory.add("I like tea", user_id="ana", infer=False)
        assert again["results"] == []
        assert (reasons(again), again["skipped"][0]["id"]) == (["duplicate"], first)
        add_verbatim(memory, "I like tea", user_id="ben")
        assert len(texts(memory.get_all(user_id="ana"))) == 1

    def test_repeated_turns_of_one_conversation_are_all_stored(self, memory):
        add_verbatim(memory, "yes", "really?", "yes", user_id="ana")
        assert sorted(texts(memory.get_all(user_id="ana"))) == ["really?", "yes", "yes"]
        again = memory.add([{"role": "user", "content": "yes"}] * 2, user_id="ana", infer=False)
        assert reasons(again) == ["duplicate", "duplicate"]

    def test_the_same_text_at_two_times_is_two_memories(self, memory):
        add_verbatim(memory, "Good morning", user_id="ana", timestamp="2026-05-01")
        add_verbatim(memory, "Good morning", user_id="ana", timestamp="2026-05-02")
        repeated = memory.add("Good morning", user_id="ana", timestamp="2026-05-02", infer=False)
        assert reasons(repeated) == ["duplicate"]
        assert len(texts(memory.get_all(user_id="ana"))) == 2

    @pytest.mark.parametrize(
        "timestamp",
        [1_778_248_560, "2026-05-08T13:56:00Z", "2026-05-08T15:56:00+02:00", datetime(2026, 5, 8, 13, 56)],  # noqa: DTZ001
    )
    def test_the_timestamp_is_created_at_and_can_be_searched(self, memory, timestamp):
        (memory_id,) = add_verbatim(memory, "I planted a fig tree", user_id="ana", timestamp=timestamp)
        item = memory.get(memory_id)
        assert item["created_at"] == item["updated_at"] == "2026-05-08T13:56:00+00:00"
        assert item["recorded_at"] > item["created_at"]
        found = memory.search("8 May 2026", user_id="ana")["results"][0]
        assert found["score"] > 0

    def test_add_takes_ids_from_filters(self, memory):
        result = memory.add("I like tea", filters={"user_id": "ana", "run_id": "r"}, infer=False)
        item = memory.get(result["results"][0]["id"])
        assert (item["user_id"], item["run_id"]) == ("ana", "r")

    def test_the_actor_is_stored_and_filters_results(self, memory):
        (named,) = add_verbatim(memory, "I like tea", user_id="ana", actor_id="carl")
        assert memory.get(named)["actor_id"] == "carl"
        add_verbatim(memory, "I like coffee", user_id="ana", actor_id="dora")
        assert texts(memory.search("like", user_id="ana", actor_id="dora")) == ["I like coffee"]
        assert texts(memory.get_all(user_id="ana", actor_id="carl")) == ["I like tea"]
