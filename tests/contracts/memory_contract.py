"""What every face of the memory promises, whether it blocks, is awaited or speaks over a wire.

The tests are written once, as blocking calls; a face that is awaited comes in `Blocking`.
"""

import asyncio
import inspect
import json
import uuid
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.guard import Contract

from holdfast.errors import (
    DimensionMismatch,
    EmbedderMismatch,
    InvalidInput,
    NotFound,
    ProviderError,
    StorageError,
)
from holdfast.providers.hashing import HashingEmbedder
from holdfast.testing import ScriptedChatModel

YESTERDAY = (datetime.now(timezone.utc) - timedelta(days=1)).date().isoformat()
TOMORROW = (datetime.now(timezone.utc) + timedelta(days=1)).date().isoformat()


class Blocking:
    """A face that is awaited, driven on an event loop of its own so that its verbs look blocking."""

    def __init__(self, make):
        self._loop = asyncio.new_event_loop()
        try:
            self._face = make()
        except BaseException:
            self._loop.close()
            raise

    def __getattr__(self, name):
        attribute = getattr(self._face, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute
        return lambda *args, **kwargs: self._loop.run_until_complete(attribute(*args, **kwargs))

    def __enter__(self):
        self._loop.run_until_complete(self._face.__aenter__())
        return self

    def __exit__(self, *error):
        self._loop.run_until_complete(self._face.__aexit__(*error))

    def release(self):
        """Let go of the loop; the face must be closed."""
        self._loop.close()


class OtherEmbedder(HashingEmbedder):
    """As long as the hashing embedder's vectors, and not interchangeable with them."""

    def __init__(self, dimensions=384):
        super().__init__(dimensions)
        self.fingerprint = f"other:{dimensions}"


class FailingEmbedder(HashingEmbedder):
    def embed(self, texts):
        raise ConnectionError(f"no route for {len(texts)} texts")


def facts(*texts: str) -> dict:
    return {"facts": [{"text": text, "turn": 0, "attributed_to": "user"} for text in texts]}


def decisions(*items: dict) -> dict:
    return {"decisions": [{"fact": None, "memory": None, "text": None, **item} for item in items]}


def texts(found) -> list[str]:
    return [item["memory"] for item in found["results"]]


def events(result) -> list[tuple[str, str]]:
    return [(item["event"], item["memory"]) for item in result["results"]]


def reasons(result) -> list[str]:
    return [item["reason"] for item in result["skipped"]]


def tell(memory, *said: str, **more) -> list[str]:
    """Add `said` word for word; return the ids."""
    result = memory.add([{"role": "user", "content": one} for one in said], **{"infer": False, **more})
    assert len(result["results"]) == len(said), result
    return [item["id"] for item in result["results"]]


def known_to(model: ScriptedChatModel, *, call: int) -> list[str]:
    """Return the memories the model was shown in a reconciliation, by their number."""
    prompt = model.calls[call].messages[-1]["content"]
    block = prompt.split("<memories>")[1].split("</memories>")[0]
    return [line.split(">", 1)[1].rsplit("<", 1)[0] for line in block.strip().splitlines()]


class MemoryContract(Contract):
    """A subject says how a face is made; `path` is the file it keeps everything in."""

    def face(self, path, **options):
        """Return a new face with blocking verbs."""
        raise NotImplementedError

    @pytest.fixture
    def open_memory(self, tmp_path):
        """A function that opens the test's file, closed again at its end."""
        opened = []

        def open_(path=None, **options):
            memory = self.face(path or tmp_path / "memory.db", **{"embedder": "hashing", "llm": "rules", **options})
            opened.append(memory)
            return memory

        yield open_
        for memory in opened:
            memory.close()
            if isinstance(memory, Blocking):
                memory.release()

    @pytest.fixture
    def memory(self, open_memory):
        return open_memory()

    # Adding word for word

    def test_what_is_added_is_found_again(self, memory):
        result = memory.add("The spare key is under the blue flowerpot", user_id="ana", infer=False)
        (added,) = result["results"]
        assert (added["event"], added["memory"]) == ("ADD", "The spare key is under the blue flowerpot")
        assert uuid.UUID(added["id"])
        assert (result["skipped"], result["inference"]) == ([], "none")
        (found,) = memory.search("where is the spare key?", user_id="ana")["results"]
        assert (found["id"], found["memory"]) == (added["id"], added["memory"])

    def test_every_message_is_kept_as_it_came(self, memory):
        said = [
            {"role": "system", "content": "Be kind"},
            {"role": "user", "content": "  I like  tea ", "name": "Ana"},
            {"role": "assistant", "content": "Noted 👍"},
            {"role": "assistant", "content": None},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {}}],
            },
        ]
        result = memory.add(said, user_id="ana", infer=False)
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
    def test_a_string_a_message_and_a_list_are_the_same(self, memory, shape):
        message = {"role": "user", "content": "I play the cello"}
        messages = {"string": message["content"], "message": message, "list": [message]}[shape]
        assert events(memory.add(messages, user_id="ana", infer=False)) == [("ADD", "I play the cello")]

    def test_a_memory_has_every_field_of_mem0s_shape(self, memory):
        (memory_id,) = tell(memory, "I play the cello", user_id="ana", run_id="r", metadata={"mood": "good"})
        item = memory.get(memory_id)
        assert item["id"] == memory_id
        assert (item["user_id"], item["run_id"]) == ("ana", "r")
        assert (item["metadata"], item["categories"]) == ({"mood": "good"}, [])
        assert len(item["hash"]) == 32
        for name in ("created_at", "updated_at", "recorded_at"):
            assert datetime.fromisoformat(item[name]).utcoffset() == timedelta(0)
        assert not {"agent_id", "app_id", "expiration_date", "immutable", "score"} & set(item)

    def test_the_same_add_twice_is_one_memory(self, memory):
        (first,) = tell(memory, "I like tea", user_id="ana")
        again = memory.add("I like tea", user_id="ana", infer=False)
        assert again["results"] == []
        assert (reasons(again), again["skipped"][0]["id"]) == (["duplicate"], first)
        tell(memory, "I like tea", user_id="ben")
        assert len(texts(memory.get_all(user_id="ana"))) == 1

    def test_a_conversation_that_repeats_itself_is_kept_whole(self, memory):
        tell(memory, "yes", "really?", "yes", user_id="ana")
        assert sorted(texts(memory.get_all(user_id="ana"))) == ["really?", "yes", "yes"]
        again = memory.add([{"role": "user", "content": "yes"}] * 2, user_id="ana", infer=False)
        assert reasons(again) == ["duplicate", "duplicate"]

    def test_the_same_words_at_two_times_are_two_memories(self, memory):
        tell(memory, "Good morning", user_id="ana", timestamp="2026-05-01")
        tell(memory, "Good morning", user_id="ana", timestamp="2026-05-02")
        repeated = memory.add("Good morning", user_id="ana", timestamp="2026-05-02", infer=False)
        assert reasons(repeated) == ["duplicate"]
        assert len(texts(memory.get_all(user_id="ana"))) == 2

    @pytest.mark.parametrize(
        "timestamp",
        [1_778_248_560, "2026-05-08T13:56:00Z", "2026-05-08T15:56:00+02:00", datetime(2026, 5, 8, 13, 56)],  # noqa: DTZ001
    )
    def test_the_timestamp_is_when_it_was_said(self, memory, timestamp):
        (memory_id,) = tell(memory, "I planted a fig tree", user_id="ana", timestamp=timestamp)
        item = memory.get(memory_id)
        assert item["created_at"] == item["updated_at"] == "2026-05-08T13:56:00+00:00"
        assert item["recorded_at"] > item["created_at"]
        found = memory.search("8 May 2026", user_id="ana")["results"][0]
        assert found["score"] > 0

    def test_ids_may_come_inside_filters(self, memory):
        result = memory.add("I like tea", filters={"user_id": "ana", "run_id": "r"}, infer=False)
        item = memory.get(result["results"][0]["id"])
        assert (item["user_id"], item["run_id"]) == ("ana", "r")

    def test_the_actor_is_who_spoke(self, memory):
        (named,) = tell(memory, "I like tea", user_id="ana", actor_id="carl")
        assert memory.get(named)["actor_id"] == "carl"
        tell(memory, "I like coffee", user_id="ana", actor_id="dora")
        assert texts(memory.search("like", user_id="ana", actor_id="dora")) == ["I like coffee"]
        assert texts(memory.get_all(user_id="ana", actor_id="carl")) == ["I like tea"]

    # Adding with the rules

    def test_without_a_model_the_rules_extract_and_say_so(self, memory):
        result = memory.add("I live in Berlin. What time is it?", user_id="ana")
        assert result["inference"] == "rules"
        assert [item["event"] for item in result["results"]] == ["ADD"]
        assert "Berlin" in result["results"][0]["memory"]
        assert "question" in reasons(result)

    def test_without_a_model_a_correction_replaces_what_was_known(self, memory):
        memory.add("I live in Berlin.", user_id="ana")
        result = memory.add("I moved to Lisbon.", user_id="ana")
        (update,) = result["results"]
        assert update["event"] == "UPDATE"
        assert "Berlin" in update["previous_memory"]
        assert "Lisbon" in update["memory"]
        assert len(texts(memory.get_all(user_id="ana"))) == 1

    def test_one_message_may_correct_the_same_memory_twice(self, memory):
        memory.add("I live in Berlin.", user_id="ana")
        result = memory.add("I moved to Lisbon. I live in Porto now.", user_id="ana")
        assert [item["event"] for item in result["results"]] == ["UPDATE", "UPDATE"]
        assert texts(memory.get_all(user_id="ana")) == ["I live in Porto now."]

    def test_facts_of_one_add_are_compared_with_each_other(self, memory):
        memory.add(["I live in Berlin.", "I have a dog.", "I moved to Lisbon.", "I live in Lisbon."], user_id="ana")
        assert sorted(texts(memory.get_all(user_id="ana"))) == ["I have a dog.", "I moved to Lisbon."]

    def test_without_a_model_a_known_fact_is_not_stored_again(self, memory):
        memory.add("I am allergic to peanuts.", user_id="ana")
        again = memory.add("I am allergic to peanuts.", user_id="ana")
        assert again["results"] == []
        assert again["skipped"]

    # Adding with a model

    def test_one_model_call_when_nothing_similar_is_known(self, open_memory):
        model = ScriptedChatModel([facts("Likes tea", "Lives in Berlin")])
        result = open_memory(llm=model).add("I like tea and live in Berlin", user_id="ana")
        assert events(result) == [("ADD", "Likes tea"), ("ADD", "Lives in Berlin")]
        assert (result["inference"], len(model.calls)) == ("model", 1)

    def test_a_second_call_only_when_something_similar_is_known(self, open_memory):
        update = decisions({"fact": 0, "event": "UPDATE", "memory": 0, "text": "Likes green tea very much"})
        model = ScriptedChatModel([facts("Likes tea very much"), facts("Likes green tea"), update])
        memory = open_memory(llm=model)
        memory.add("I like tea very much", user_id="ana")
        result = memory.add("Green tea, actually", user_id="ana")
        assert len(model.calls) == 3
        assert known_to(model, call=2) == ["Likes tea very much"]
        (item,) = result["results"]
        assert (item["event"], item["memory"]) == ("UPDATE", "Likes green tea very much")
        assert item["previous_memory"] == "Likes tea very much"
        assert texts(memory.get_all(user_id="ana")) == ["Likes green tea very much"]

    def test_another_scope_is_never_shown_to_the_model(self, open_memory):
        model = ScriptedChatModel([facts("Likes tea very much"), facts("Likes tea very much")])
        memory = open_memory(llm=model)
        memory.add("I like tea very much", user_id="ana")
        result = memory.add("I like tea very much", user_id="ben")
        assert len(model.calls) == 2
        assert "Likes tea very much" not in json.dumps(model.calls[1].messages)
        assert events(result) == [("ADD", "Likes tea very much")]

    def test_a_fact_known_word_for_word_costs_no_second_call(self, open_memory):
        model = ScriptedChatModel([facts("Likes tea"), facts("likes  TEA")])
        memory = open_memory(llm=model)
        memory.add("I like tea", user_id="ana")
        result = memory.add("tea!", user_id="ana")
        assert (result["results"], reasons(result), len(model.calls)) == ([], ["duplicate"], 2)

    def test_the_model_may_delete_and_rollback_brings_it_back(self, open_memory):
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

    def test_the_model_may_leave_things_as_they_are(self, open_memory):
        keep = decisions({"fact": 0, "event": "NONE", "memory": 0})
        model = ScriptedChatModel([facts("Likes black tea"), facts("Enjoys black tea"), keep])
        memory = open_memory(llm=model)
        memory_id = memory.add("I like black tea", user_id="ana")["results"][0]["id"]
        result = memory.add("I enjoy it", user_id="ana")
        assert result["results"] == []
        assert (result["skipped"][0]["text"], result["skipped"][0]["id"]) == ("Enjoys black tea", memory_id)

    @pytest.mark.parametrize("event", ["UPDATE", "DELETE"])
    @pytest.mark.parametrize("invented", [7, -1, "abc", 1.5, None, True])
    def test_an_invented_id_changes_nothing_and_loses_nothing(self, open_memory, event, invented):
        wrong = decisions({"fact": 0, "event": event, "memory": invented, "text": "Likes green tea"})
        model = ScriptedChatModel([facts("Likes black tea"), facts("Likes green tea"), wrong, wrong])
        memory = open_memory(llm=model)
        memory.add("I like black tea", user_id="ana")
        result = memory.add("green tea", user_id="ana")
        assert events(result) == [("ADD", "Likes green tea")]
        assert sorted(texts(memory.get_all(user_id="ana"))) == ["Likes black tea", "Likes green tea"]

    def test_a_model_deletes_at_most_three_memories_at_once(self, open_memory):
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

    def test_an_unreadable_reply_is_asked_for_once_more(self, open_memory):
        model = ScriptedChatModel(["I would rather talk about the weather.", facts("Likes tea")])
        result = open_memory(llm=model).add("I like tea", user_id="ana")
        assert events(result) == [("ADD", "Likes tea")]
        assert len(model.calls) == 2

    @pytest.mark.parametrize("reply", ["", "no", "[[[", '{"facts": "x', "null", '{"unknown": 1}'])
    def test_replies_that_stay_unreadable_are_told_not_swallowed(self, open_memory, reply):
        model = ScriptedChatModel(reply)
        memory = open_memory(llm=model)
        result = memory.add("I like tea", user_id="ana")
        assert (result["results"], reasons(result), len(model.calls)) == ([], ["unreadable reply"], 2)
        assert texts(memory.get_all(user_id="ana")) == []

    def test_an_unreadable_decision_loses_no_fact(self, open_memory):
        model = ScriptedChatModel([facts("Likes black tea"), facts("Likes green tea"), "hm", "hm"])
        memory = open_memory(llm=model)
        memory.add("black", user_id="ana")
        result = memory.add("green", user_id="ana")
        assert events(result) == [("ADD", "Likes green tea")]
        assert reasons(result) == ["unreadable reply"]

    def test_nothing_to_remember_is_no_failure(self, open_memory):
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

    def test_a_prompt_of_ones_own_is_used_for_one_call(self, open_memory):
        model = ScriptedChatModel([facts(), facts()])
        memory = open_memory(llm=model)
        memory.add("one", user_id="ana", prompt="Collect only colours.")
        memory.add("two", user_id="ana")
        used = ["Collect only colours." in json.dumps(call.messages) for call in model.calls]
        assert used == [True, False]

    def test_an_agents_own_memory_keeps_what_the_assistant_said(self, open_memory):
        model = ScriptedChatModel(
            [{"facts": [{"text": "Promised a summary", "turn": 1, "attributed_to": "assistant"}]}]
        )
        memory = open_memory(llm=model)
        said = [
            {"role": "user", "content": "please"},
            {"role": "assistant", "content": "I will send a summary"},
        ]
        (added,) = memory.add(said, agent_id="helper")["results"]
        item = memory.get(added["id"])
        assert (item["attributed_to"], item["role"], item["agent_id"]) == ("assistant", "assistant", "helper")

    def test_what_one_add_says_goes_with_every_fact(self, open_memory):
        model = ScriptedChatModel([facts("Likes tea", "Lives in Berlin")])
        memory = open_memory(llm=model)
        more = {"metadata": {"source": "chat"}, "expiration_date": TOMORROW, "timestamp": "2026-05-08"}
        for item in memory.add("hi", user_id="ana", app_id="app", **more)["results"]:
            kept = memory.get(item["id"])
            assert kept["metadata"] == {"source": "chat"}
            assert (kept["app_id"], kept["expiration_date"]) == ("app", TOMORROW)
            assert kept["created_at"].startswith("2026-05-08T00:00:00")

    # Keeping turns beside their facts

    def test_a_kept_turn_is_found_by_the_facts_it_told(self, open_memory):
        model = ScriptedChatModel([facts("Ana's brother Teo moved to Oslo in May 2026"), facts()])
        memory = open_memory(llm=model)
        said = {"role": "user", "name": "Ana", "content": "Yes, he left last month!"}
        result = memory.add(said, user_id="ana", timestamp="2026-06-03", keep_turns=True)
        memory.add("What a day", user_id="ana", keep_turns=True)
        assert events(result) == [("ADD", "Ana's brother Teo moved to Oslo in May 2026")]
        (turn,) = result["turns"]
        assert (turn["memory"], turn["facts"]) == (said["content"], ["Ana's brother Teo moved to Oslo in May 2026"])
        found = memory.search("brother in Oslo", user_id="ana", filters={"memory_type": "episodic"})["results"]
        assert (found[0]["id"], found[0]["facts"]) == (turn["id"], turn["facts"])
        assert found[0]["score"] > 2 * found[1]["score"]
        assert (found[1]["memory"], found[1]["facts"]) == ("What a day", [])

    def test_turns_and_facts_are_kept_in_one_call_of_each_engine(self, open_memory):
        class Counting(HashingEmbedder):
            calls = 0

            def embed(self, said):
                self.calls += 1
                return super().embed(said)

        model, embedder = ScriptedChatModel([facts("Likes tea", "Lives in Berlin")]), Counting()
        memory = open_memory(llm=model, embedder=embedder)
        said = [{"role": "user", "content": "I like tea and live in Berlin"}, {"role": "assistant", "content": "Noted"}]
        result = memory.add([{"role": "system", "content": "Be kind"}, *said], user_id="ana", keep_turns=True)
        assert (len(model.calls), embedder.calls) == (1, 1)
        assert [item["memory"] for item in result["turns"]] == ["I like tea and live in Berlin", "Noted"]
        assert len(texts(memory.get_all(user_id="ana"))) == 4

    def test_no_conversation_changes_a_kept_turn(self, open_memory):
        wrong = decisions({"fact": 0, "event": "UPDATE", "memory": 0, "text": "Lives in Porto"})
        model = ScriptedChatModel([facts("Lives in Lisbon"), facts("Lives in Porto"), wrong])
        memory = open_memory(llm=model)
        memory.add("Lives in Lisbon", user_id="ana", keep_turns=True)
        memory.add("Porto now, no longer Lisbon", user_id="ana", keep_turns=True)
        assert known_to(model, call=2) == ["Lives in Lisbon"]
        assert "Lives in Lisbon</memory>" in model.calls[1].messages[-1]["content"]
        assert model.calls[1].messages[-1]["content"].count("</memory>") == 1
        kept = memory.get_all(user_id="ana", filters={"memory_type": "episodic"})
        assert sorted(texts(kept)) == ["Lives in Lisbon", "Porto now, no longer Lisbon"]
        assert texts(memory.get_all(user_id="ana", filters={"memory_type": "semantic"})) == ["Lives in Porto"]

    def test_turns_are_kept_without_a_model_too(self, memory):
        result = memory.add(["I moved to Lisbon.", "How are you?"], user_id="ana", keep_turns=True)
        assert [(item["memory"], item["facts"]) for item in result["turns"]] == [
            ("I moved to Lisbon.", ["I moved to Lisbon."]),
            ("How are you?", []),
        ]
        again = memory.add(["I moved to Lisbon.", "How are you?"], user_id="ana", keep_turns=True)
        assert (again["results"], again["turns"], reasons(again).count("duplicate")) == ([], [], 3)

    def test_turns_survive_a_model_that_cannot_be_read(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel(["no facts here", "nor here"]))
        result = memory.add("I live in Lisbon", user_id="ana", keep_turns=True)
        assert ([item["memory"] for item in result["turns"]], reasons(result)) == (
            ["I live in Lisbon"],
            ["unreadable reply"],
        )

    def test_a_memory_may_be_configured_to_keep_turns(self, open_memory):
        memory = open_memory(config={"keep_turns": True})
        assert "turns" in memory.add("I live in Lisbon.", user_id="ana")
        assert "turns" not in memory.add("I play the cello.", user_id="ana", keep_turns=False)
        with pytest.raises(InvalidInput, match="keep_turns is 'yes'"):
            memory.add("I play the cello.", user_id="ana", keep_turns="yes")

    def test_a_kept_turn_brought_back_is_found_by_its_facts_again(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts("Teo lives in Oslo")]))
        (turn,) = memory.add("Yes, he does", user_id="ana", keep_turns=True)["turns"]
        memory.delete(turn["id"])
        memory.rollback(turn["id"])
        found = memory.search("Oslo", user_id="ana", filters={"memory_type": "episodic"})["results"]
        assert (found[0]["id"], found[0]["facts"]) == (turn["id"], ["Teo lives in Oslo"])
        assert found[0]["score"] > 0.3

    def test_a_kept_turn_said_anew_has_no_facts_of_what_it_said(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts("Teo lives in Oslo")]))
        (turn,) = memory.add("Yes, he does", user_id="ana", keep_turns=True)["turns"]
        memory.update(turn["id"], "No, he does not")
        assert memory.get(turn["id"])["facts"] == []
        memory.rollback(turn["id"])
        assert memory.get(turn["id"])["facts"] == ["Teo lives in Oslo"]

    # Scopes

    def test_users_never_see_each_other(self, memory):
        tell(memory, "Ana hides the gold in the garden", user_id="ana")
        tell(memory, "Ben likes gold", user_id="ben")
        for filters in (None, {"user_id": "ben"}, {"OR": [{"user_id": "ben"}, {"user_id": "carl"}]}):
            ids = {"user_id": "ben"} if filters is None else {"filters": filters}
            assert texts(memory.search("gold in the garden", **ids)) == ["Ben likes gold"]
            assert texts(memory.get_all(**ids)) == ["Ben likes gold"]

    def test_several_ids_narrow_and_an_absent_id_never_matches(self, memory):
        tell(memory, "tea with nobody else", user_id="ana")
        tell(memory, "tea in a run", user_id="ana", run_id="r")
        tell(memory, "tea with an agent", user_id="ana", agent_id="a", run_id="r")
        tell(memory, "tea of the agent alone", agent_id="a")
        assert len(texts(memory.search("tea", user_id="ana"))) == 3
        assert texts(memory.get_all(user_id="ana", run_id="r", agent_id="a")) == ["tea with an agent"]
        assert sorted(texts(memory.search("tea", agent_id="a"))) == [
            "tea of the agent alone",
            "tea with an agent",
        ]
        assert texts(memory.search("tea", user_id="ana", app_id="x")) == []
        assert texts(memory.search("tea", user_id="None")) == []

    def test_a_star_is_a_literal_id_as_an_argument_and_any_id_in_a_filter(self, memory):
        tell(memory, "tea of ana", user_id="ana")
        tell(memory, "tea of the star", user_id="*")
        tell(memory, "tea of an agent", agent_id="a")
        assert texts(memory.search("tea", user_id="*")) == ["tea of the star"]
        assert texts(memory.get_all(user_id="*")) == ["tea of the star"]
        assert sorted(texts(memory.search("tea", filters={"user_id": "*"}))) == [
            "tea of ana",
            "tea of the star",
        ]
        memory.delete_all(user_id="*")
        assert texts(memory.get_all(user_id="ana")) == ["tea of ana"]

    @pytest.mark.parametrize(
        "hostile", ["ana' OR 1=1 --", 'x"y', "%", "a_a", "ana\n", "../ana", "名前", "{}", "A" * 1000]
    )
    def test_ids_are_taken_literally(self, memory, hostile):
        tell(memory, "tea of ana", user_id="ana")
        (memory_id,) = tell(memory, "tea of someone odd", user_id=f"{hostile[:998]}!")
        found = memory.search("tea", user_id=f"{hostile[:998]}!")["results"]
        assert [item["id"] for item in found] == [memory_id]
        assert found[0]["user_id"] == f"{hostile[:998]}!"
        assert texts(memory.get_all(user_id="ana")) == ["tea of ana"]

    # Finding

    def test_scores_fall_from_one_to_zero(self, memory):
        tell(memory, "The cat sleeps", "The dog barks", "Taxes are due", "cat cat cat", user_id="ana")
        scores = [item["score"] for item in memory.search("the cat sleeps", user_id="ana")["results"]]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        assert scores[0] > 0.9
        assert len(scores) == 4

    def test_limit_and_top_k_are_the_same(self, memory):
        tell(memory, *(f"tea number {number}" for number in range(12)), user_id="ana")
        assert len(texts(memory.search("tea", user_id="ana"))) == 10
        assert len(texts(memory.search("tea", user_id="ana", limit=3))) == 3
        assert memory.search("tea", user_id="ana", top_k=3) == memory.search("tea", user_id="ana", limit=3)
        assert memory.search("tea", filters={"user_id": "ana"}, top_k=3) == memory.search("tea", user_id="ana", limit=3)
        assert len(texts(memory.get_all(user_id="ana", top_k=5))) == 5
        assert len(texts(memory.get_all(user_id="ana"))) == 12

    def test_the_threshold_is_the_least_score(self, memory):
        tell(memory, "The cat sleeps", "Taxes are due", user_id="ana")
        everything = memory.search("cat", user_id="ana", threshold=0)["results"]
        best, worst = everything[0]["score"], everything[-1]["score"]
        assert worst < best
        assert texts(memory.search("cat", user_id="ana", threshold=best)) == ["The cat sleeps"]
        assert memory.search("cat", user_id="ana", threshold=1.0)["results"] == []

    def test_words_and_meaning_both_find(self, memory):
        tell(memory, "My locker code is XK-4471", "I bake sourdough bread", user_id="ana")
        assert texts(memory.search("xk 4471", user_id="ana", limit=1)) == ["My locker code is XK-4471"]
        assert texts(memory.search("baking breads", user_id="ana", limit=1)) == ["I bake sourdough bread"]

    @pytest.mark.parametrize(
        ("said", "asked"),
        [
            ("我住在里斯本", "里斯本"),
            ("東京に住んでいます", "東京"),
            ("ฉันชอบดื่มชา", "ชา"),
            ("Ich wohne in Köln", "köln"),
        ],
    )
    def test_every_language_is_found(self, memory, said, asked):
        tell(memory, "Completely different", said, "Quelque chose d'autre", user_id="ana")
        assert texts(memory.search(asked, user_id="ana", limit=1)) == [said]

    def test_filters_narrow_a_search(self, memory):
        tell(memory, "tea at work", user_id="ana", metadata={"place": {"kind": "work"}, "stars": 3})
        tell(memory, "tea at home", user_id="ana", metadata={"place": {"kind": "home"}, "stars": 5})
        for filters, expected in [
            ({"stars": {"gte": 4}}, ["tea at home"]),
            ({"metadata": {"stars": 3}}, ["tea at work"]),
            ({"place.kind": {"in": ["home"]}}, ["tea at home"]),
            ({"NOT": [{"stars": 5}]}, ["tea at work"]),
            ({"text": {"contains": "work"}}, ["tea at work"]),
            ({"missing": "*"}, []),
        ]:
            assert texts(memory.search("tea", user_id="ana", filters=filters)) == expected, filters
            assert texts(memory.get_all(user_id="ana", filters=filters)) == expected, filters

    def test_explain_gives_every_signal(self, memory):
        tell(memory, "The cat sleeps", "Taxes are due", user_id="ana")
        for item in memory.search("cat", user_id="ana", explain=True)["results"]:
            assert set(item["score_details"]) >= {"semantic", "keyword"}
            assert all(0 <= value <= 1 for value in item["score_details"].values())
        assert "score_details" not in memory.search("cat", user_id="ana")["results"][0]

    def test_explain_says_why_a_memory_is_not_there(self, memory):
        cat, taxes = tell(memory, "The cat sleeps", "Taxes are due", user_id="ana")
        (gone,) = tell(memory, "The cat slept", user_id="ana", expiration_date=YESTERDAY)
        (other,) = tell(memory, "The cat of ben", user_id="ben")

        def reason(memory_id, **more):
            return memory.search("cat", user_id="ana", explain=memory_id, **more)["explanation"]["reason"]

        assert reason(cat) == "found"
        assert reason(taxes, limit=1) == "outranked"
        assert reason(taxes, threshold=0.9) == "below the threshold"
        assert reason(gone) == "expired"
        assert reason(gone, show_expired=True) == "found"
        assert reason(other) == "outside the filter"
        assert reason(str(uuid.uuid4())) == "unknown id"
        explanation = memory.search("cat", user_id="ana", explain=taxes, limit=1)["explanation"]
        assert (explanation["id"], explanation["rank"]) == (taxes, 2)

    def test_a_search_that_explains_another_users_memory_tells_nothing_of_it(self, memory):
        (other,) = tell(memory, "The cat of ben", user_id="ben")
        explanation = memory.search("cat", user_id="ana", explain=other)["explanation"]
        assert explanation == {"id": other, "reason": "outside the filter"}

    def test_expired_memories_are_shown_only_when_asked_for(self, memory):
        (old,) = tell(memory, "tea until yesterday", user_id="ana", expiration_date=YESTERDAY)
        tell(memory, "tea until tomorrow", user_id="ana", expiration_date=TOMORROW)
        today = datetime.now(timezone.utc).date()
        tell(memory, "tea until today", user_id="ana", expiration_date=today)
        for find in (lambda **more: memory.search("tea", **more), memory.get_all):
            assert sorted(texts(find(user_id="ana"))) == ["tea until today", "tea until tomorrow"]
            assert len(texts(find(user_id="ana", show_expired=True))) == 3
        assert memory.get(old)["expiration_date"] == YESTERDAY

    def test_get_all_gives_the_newest_first(self, memory):
        for day in (2, 3, 1):
            tell(memory, f"day {day}", user_id="ana", timestamp=f"2026-05-0{day}")
        assert texts(memory.get_all(user_id="ana")) == ["day 3", "day 2", "day 1"]
        assert texts(memory.get_all(user_id="ana", limit=1)) == ["day 3"]

    def test_pages_cover_everything_once(self, memory):
        tell(memory, *(f"number {number}" for number in range(7)), user_id="ana")
        tell(memory, "someone else's", user_id="ben")
        pages = [memory.get_all(user_id="ana", page=page, page_size=3) for page in (1, 2, 3)]
        assert [(page["count"], page["previous"], page["next"]) for page in pages] == [
            (7, None, 2),
            (7, 1, 3),
            (7, 2, None),
        ]
        assert sorted(text for page in pages for text in texts(page)) == [f"number {number}" for number in range(7)]
        assert texts(memory.get_all(user_id="ana", page=9, page_size=3)) == []

    def test_an_empty_store_finds_nothing(self, memory):
        assert memory.search("anything", user_id="ana") == {"results": []}
        assert memory.get_all(user_id="ana") == {"results": []}
        assert memory.users() == {"count": 0, "results": []}

    # Single memories

    def test_get_of_an_unknown_id_is_none_and_other_verbs_say_so(self, memory):
        unknown = str(uuid.uuid4())
        assert memory.get(unknown) is None
        uses = (
            lambda: memory.update(unknown, "x"),
            lambda: memory.delete(unknown),
            lambda: memory.history(unknown),
            lambda: memory.rollback(unknown),
        )
        for use in uses:
            with pytest.raises(NotFound, match=unknown):
                use()

    @pytest.mark.parametrize("name", ["text", "data"])
    def test_update_changes_the_text_and_what_finds_it(self, memory, name):
        (memory_id,) = tell(memory, "The meeting is on Monday", user_id="ana", metadata={"kept": 1})
        memory.update(memory_id, **{name: "The wedding is on Friday"})
        item = memory.get(memory_id)
        assert (item["memory"], item["metadata"]) == ("The wedding is on Friday", {"kept": 1})
        assert item["updated_at"] > item["created_at"]
        best, *_ = memory.search("wedding friday", user_id="ana", explain=True)["results"]
        assert best["score_details"]["keyword"] > 0.9
        (old,) = memory.search("meeting monday", user_id="ana", explain=True)["results"]
        assert old["score_details"]["keyword"] == 0

    def test_update_merges_metadata_and_none_removes_a_key(self, memory):
        (memory_id,) = tell(memory, "tea", user_id="ana", metadata={"a": 1, "b": 2, "c": 3})
        memory.update(memory_id, metadata={"b": 20, "c": None, "d": 4})
        item = memory.get(memory_id)
        assert (item["memory"], item["metadata"]) == ("tea", {"a": 1, "b": 20, "d": 4})

    def test_update_sets_and_clears_the_expiration_date(self, memory):
        (memory_id,) = tell(memory, "tea", user_id="ana")
        memory.update(memory_id, expiration_date=YESTERDAY)
        assert texts(memory.search("tea", user_id="ana")) == []
        memory.update(memory_id, expiration_date=None)
        assert texts(memory.search("tea", user_id="ana")) == ["tea"]

    def test_an_update_without_a_change_is_refused(self, memory):
        (memory_id,) = tell(memory, "tea", user_id="ana")
        with pytest.raises(InvalidInput, match="nothing is to be updated"):
            memory.update(memory_id)

    def test_an_immutable_memory_refuses_updates(self, memory):
        (memory_id,) = tell(memory, "tea", user_id="ana", immutable=True)
        assert memory.get(memory_id)["immutable"] is True
        with pytest.raises(InvalidInput, match="immutable"):
            memory.update(memory_id, "coffee")
        assert memory.get(memory_id)["memory"] == "tea"

    def test_a_deleted_memory_is_gone_everywhere_but_in_its_history(self, memory):
        kept, gone = tell(memory, "black tea", "green tea", user_id="ana")
        memory.delete(gone)
        assert memory.get(gone) is None
        assert [item["id"] for item in memory.search("green tea", user_id="ana")["results"]] == [kept]
        assert [item["id"] for item in memory.get_all(user_id="ana")["results"]] == [kept]
        assert memory.history(gone)[-1]["is_deleted"] is True
        with pytest.raises(NotFound):
            memory.delete(gone)

    def test_batches_change_all_or_nothing(self, memory):
        one, two = tell(memory, "tea one", "tea two", user_id="ana")
        with pytest.raises(NotFound):
            memory.batch_update([{"memory_id": one, "text": "changed"}, {"memory_id": str(uuid.uuid4()), "text": "x"}])
        with pytest.raises(NotFound):
            memory.batch_delete([one, str(uuid.uuid4())])
        assert sorted(texts(memory.get_all(user_id="ana"))) == ["tea one", "tea two"]
        changed = memory.batch_update([{"memory_id": one, "text": "1"}, {"memory_id": two, "metadata": {"n": 2}}])
        assert changed["count"] == 2
        assert (memory.get(one)["memory"], memory.get(two)["metadata"]) == ("1", {"n": 2})
        assert memory.batch_delete([{"memory_id": one}, two, two])["count"] == 2
        assert texts(memory.get_all(user_id="ana")) == []

    # History

    def test_history_is_a_chain_of_every_version(self, memory):
        (memory_id,) = tell(memory, "first", user_id="ana", timestamp="2026-05-01")
        memory.update(memory_id, "second", timestamp="2026-05-02")
        memory.update(memory_id, metadata={"a": 1})
        memory.delete(memory_id)
        versions = memory.history(memory_id)
        assert [(one["event"], one["old_memory"], one["new_memory"]) for one in versions] == [
            ("ADD", None, "first"),
            ("UPDATE", "first", "second"),
            ("UPDATE", "second", "second"),
            ("DELETE", "second", None),
        ]
        assert [one["is_deleted"] for one in versions] == [False, False, False, True]
        assert versions[1]["updated_at"].startswith("2026-05-02")
        assert {one["memory_id"] for one in versions} == {memory_id}
        numbers = [one["version"] for one in versions]
        assert numbers == sorted(set(numbers))

    def test_rollback_undoes_an_update(self, memory):
        (memory_id,) = tell(memory, "first", user_id="ana", metadata={"a": 1})
        memory.update(memory_id, "second", metadata={"a": 2})
        memory.rollback(memory_id)
        item = memory.get(memory_id)
        assert (item["memory"], item["metadata"]) == ("first", {"a": 1})
        assert texts(memory.search("first", user_id="ana", threshold=0.5)) == ["first"]
        assert [one["event"] for one in memory.history(memory_id)] == ["ADD", "UPDATE", "UPDATE"]

    def test_rollback_goes_back_to_before_any_version(self, memory):
        (memory_id,) = tell(memory, "first", user_id="ana")
        for text in ("second", "third"):
            memory.update(memory_id, text)
        memory.rollback(memory_id, version=memory.history(memory_id)[1]["version"])
        assert memory.get(memory_id)["memory"] == "first"
        with pytest.raises(InvalidInput, match="use delete"):
            memory.rollback(memory_id, version=memory.history(memory_id)[0]["version"])
        with pytest.raises(NotFound, match="999"):
            memory.rollback(memory_id, version=999)

    def test_rollback_undoes_a_delete(self, memory):
        (memory_id,) = tell(memory, "I play the cello", user_id="ana", metadata={"a": 1}, expiration_date=TOMORROW)
        before = memory.get(memory_id)
        memory.delete(memory_id)
        memory.rollback(memory_id)
        after = memory.get(memory_id)
        assert {**after, "updated_at": None} == {**before, "updated_at": None}
        assert [item["id"] for item in memory.search("cello", user_id="ana")["results"]] == [memory_id]

    def test_rollback_brings_back_one_of_several_equal_turns(self, memory):
        said = tell(memory, "yes", "yes", "yes", user_id="ana")
        for memory_id in said:
            memory.delete(memory_id)
            memory.rollback(memory_id)
        assert sorted(item["id"] for item in memory.get_all(user_id="ana")["results"]) == sorted(said)

    def test_rollback_of_a_fact_that_is_known_again_is_refused(self, open_memory):
        model = ScriptedChatModel(facts("Likes tea"))
        memory = open_memory(llm=model)
        first = memory.add("tea", user_id="ana")["results"][0]["id"]
        memory.delete(first)
        second = memory.add("tea", user_id="ana")["results"][0]["id"]
        with pytest.raises(InvalidInput, match=second):
            memory.rollback(first)
        assert texts(memory.get_all(user_id="ana")) == ["Likes tea"]

    # Whole scopes

    def test_delete_all_takes_the_scope_and_nothing_else(self, memory):
        tell(memory, "one", "two", user_id="ana")
        tell(memory, "expired", user_id="ana", expiration_date=YESTERDAY)
        tell(memory, "in a run", user_id="ana", run_id="r")
        tell(memory, "of ben", user_id="ben", run_id="r")
        assert memory.delete_all(user_id="ana", run_id="r")["count"] == 1
        assert memory.delete_all(filters={"user_id": "ana", "text": {"contains": "one"}})["count"] == 1
        assert memory.delete_all(user_id="ana")["count"] == 2
        assert texts(memory.get_all(user_id="ana", show_expired=True)) == []
        assert texts(memory.get_all(user_id="ben")) == ["of ben"]

    @settings(
        max_examples=15,
        deadline=None,
        # One store serves all examples, emptied before each; several subjects inherit the test.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        of_ana=st.lists(st.sampled_from(["r", "s", None]), max_size=4),
        of_ben=st.lists(st.sampled_from(["r", "s", None]), max_size=4),
        ids=st.sampled_from([{"user_id": "ana"}, {"user_id": "ana", "run_id": "r"}, {"run_id": "r"}]),
        spelling=st.sampled_from(["arguments", "filters"]),
    )
    def test_delete_all_never_crosses_its_filter(self, memory, of_ana, of_ben, ids, spelling):
        memory.reset()
        for user, runs in (("ana", of_ana), ("ben", of_ben)):
            for number, run in enumerate(runs):
                tell(memory, f"{user} {number}", user_id=user, run_id=run)
        everyone = {"filters": {"user_id": "*"}}
        before = memory.get_all(**everyone)["results"]
        memory.delete_all(**(ids if spelling == "arguments" else {"filters": ids}))
        left = [item for item in before if any(item.get(field) != value for field, value in ids.items())]
        assert memory.get_all(**everyone)["results"] == left
        found = memory.search("ana ben", **everyone)["results"]
        assert {item["id"] for item in found} == {item["id"] for item in left}

    def test_users_lists_who_has_memories(self, memory):
        tell(memory, "one", "two", user_id="ana")
        tell(memory, "three", agent_id="helper", run_id="r")
        listed = memory.users()
        counts = {(item["type"], item["name"]): item["total_memories"] for item in listed["results"]}
        assert counts == {("user", "ana"): 2, ("agent", "helper"): 1, ("run", "r"): 1}
        assert listed["count"] == 3

    def test_delete_users_takes_exactly_one(self, memory):
        tell(memory, "one", "two", user_id="ana")
        tell(memory, "three", user_id="ben")
        assert memory.delete_users(user_id="ana")["count"] == 2
        assert [item["name"] for item in memory.users()["results"]] == ["ben"]
        with pytest.raises(NotFound, match="ana"):
            memory.delete_users(user_id="ana")
        for ids in ({}, {"user_id": "ben", "run_id": "r"}):
            with pytest.raises(InvalidInput, match="exactly one"):
                memory.delete_users(**ids)
        assert texts(memory.get_all(user_id="ben")) == ["three"]

    def test_reset_empties_the_store_and_it_goes_on(self, memory):
        (memory_id,) = tell(memory, "one", user_id="ana")
        memory.search("one", user_id="ana")
        memory.reset()
        assert memory.search("one", user_id="ana") == {"results": []}
        assert memory.users()["count"] == 0
        with pytest.raises(NotFound):
            memory.history(memory_id)
        (again,) = tell(memory, "one", user_id="ana")
        assert [item["id"] for item in memory.search("one", user_id="ana")["results"]] == [again]

    def test_doctor_finds_a_whole_store_healthy(self, memory):
        one, two = tell(memory, "one", "two", user_id="ana")
        memory.update(one, "two")
        memory.search("one", user_id="ana")
        memory.delete(two)
        diagnosis = memory.doctor()
        assert (diagnosis["healthy"], diagnosis["memories"], diagnosis["problems"]) == (True, 1, [])
        assert memory.doctor(repair=True)["repaired"] == 0

    # Opening and closing

    def test_everything_is_there_after_reopening(self, open_memory):
        first = open_memory()
        tell(first, "I play the cello", user_id="ana", metadata={"a": 1})
        before = first.search("cello", user_id="ana")
        first.close()
        second = open_memory()
        assert second.search("cello", user_id="ana") == before

    def test_the_store_remembers_its_engines(self, open_memory):
        first = open_memory(embedder={"provider": "hashing", "config": {"dimensions": 64}})
        tell(first, "I play the cello", user_id="ana")
        engines = first.engines
        first.close()
        second = open_memory(llm=None, embedder=None)
        assert second.engines == engines
        assert "64" in engines["embedder"]
        assert len(texts(second.search("cello", user_id="ana"))) == 1

    @pytest.mark.parametrize(
        ("embedder", "error"), [(OtherEmbedder(), EmbedderMismatch), (HashingEmbedder(64), DimensionMismatch)]
    )
    def test_another_embedder_is_refused(self, open_memory, embedder, error):
        first = open_memory()
        tell(first, "I play the cello", user_id="ana")
        first.close()
        with pytest.raises(error, match=embedder.fingerprint):
            open_memory(embedder=embedder)
        assert len(texts(open_memory().search("cello", user_id="ana"))) == 1

    def test_another_embedder_is_refused_while_both_are_open(self, open_memory):
        first, second = open_memory(), open_memory(embedder=OtherEmbedder())
        tell(first, "I play the cello", user_id="ana")
        with pytest.raises(EmbedderMismatch):
            second.add("I play the flute", user_id="ana", infer=False)
        with pytest.raises(EmbedderMismatch):
            second.search("cello", user_id="ana")
        assert texts(first.get_all(user_id="ana")) == ["I play the cello"]

    def test_two_memories_on_one_file_see_each_other(self, open_memory):
        one, two = open_memory(), open_memory()
        for number in range(5):
            writer, reader = (one, two) if number % 2 else (two, one)
            (memory_id,) = tell(writer, f"word{number}", user_id="ana")
            best = reader.search(f"word{number}", user_id="ana", limit=1)["results"][0]
            assert best["id"] == memory_id
        one.delete(memory_id)
        assert memory_id not in [item["id"] for item in two.search("word4", user_id="ana")["results"]]

    def test_a_memory_in_ram_needs_no_file(self, open_memory, tmp_path):
        memory = open_memory(":memory:")
        tell(memory, "I play the cello", user_id="ana")
        assert texts(memory.search("cello", user_id="ana")) == ["I play the cello"]
        assert list(tmp_path.iterdir()) == []

    def test_closing_twice_does_nothing_and_use_after_it_says_so(self, memory):
        tell(memory, "I play the cello", user_id="ana")
        memory.close()
        memory.close()
        for use in (
            lambda: memory.get_all(user_id="ana"),
            lambda: memory.add("x", user_id="ana", infer=False),
        ):
            with pytest.raises(StorageError, match="closed"):
                use()

    def test_a_with_block_closes(self, open_memory):
        with open_memory() as memory:
            tell(memory, "I play the cello", user_id="ana")
        with pytest.raises(StorageError, match="closed"):
            memory.search("cello", user_id="ana")

    def test_vectors_are_made_unit_length(self, open_memory):
        class Long(HashingEmbedder):
            def embed(self, said):
                return super().embed(said) * np.float32(7)

        memory = open_memory(embedder=Long())
        tell(memory, "I play the cello", user_id="ana")
        assert memory.search("I play the cello", user_id="ana")["results"][0]["score"] <= 1
