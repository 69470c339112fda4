"""What every framework adapter promises, tested with the real framework and a scripted model."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import pytest
from tests.contracts.guard import Contract

from holdfast import InvalidInput, Memory

HOSTILE_IDS = [
    "../x",
    'a" OR 1=1',
    "*",
    "ana@example.com",
    "🦊",
    "a.b/c",
    "None",
    "user'; DROP TABLE memories",
]


class Conversation(Protocol):
    """A real agent, chain or chat of a framework, with a scripted model and our memory."""

    def say(self, text: str) -> str:
        """Send `text` as the user and let the model answer; return all messages the model got for it as one text."""
        ...


class Clearing(NamedTuple):
    """One verb of a framework that deletes everything, and the verb that stored it.

    Attributes:
        store: Stores a text.
        delete_all: Deletes what `store` has stored.
    """

    store: Callable[[str], object]
    delete_all: Callable[[], object]


class AdapterContract(Contract):
    """A subject defines `conversation` and `make_adapter` and inherits the tests."""

    @abstractmethod
    def conversation(self, memory: Memory, *, user_id: str, on_error: str = "log") -> Conversation:
        """Return a new conversation in a new session, which shares only the memory with earlier ones."""

    @abstractmethod
    def make_adapter(self, memory: Memory, **ids: str) -> object:
        """Return the adapter's main object for these ids; without ids it must be refused."""

    def make_clearing(self, memory: Memory, *, user_id: str, **options: bool) -> Sequence[Clearing]:  # noqa: ARG002
        """Return every verb of the framework that deletes all it has stored; none by default."""
        return []

    @pytest.fixture
    def memory(self, tmp_path):
        with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
            yield memory

    def test_a_fact_is_recalled_in_another_session(self, memory):
        self.conversation(memory, user_id="ana").say("I live in Lisbon.")
        assert "Lisbon" in self.conversation(memory, user_id="ana").say("Where do I live?")

    def test_a_fact_is_recalled_by_another_instance(self, memory, tmp_path):
        self.conversation(memory, user_id="ana").say("I'm allergic to peanuts.")
        with Memory(tmp_path / "memory.db") as reopened:
            assert "peanuts" in self.conversation(reopened, user_id="ana").say("What am I allergic to?")

    def test_users_never_see_each_other(self, memory):
        self.conversation(memory, user_id="ana").say("My cat is called Whiskers.")
        assert "Whiskers" not in self.conversation(memory, user_id="ben").say("What is my cat called?")

    @pytest.mark.parametrize("user_id", HOSTILE_IDS)
    def test_no_user_id_reaches_the_memory_of_another_user(self, memory, user_id):
        self.conversation(memory, user_id="ana").say("My cat is called Whiskers.")
        self.conversation(memory, user_id=user_id).say("My parrot is called Captain.")
        shown = self.conversation(memory, user_id=user_id).say("What are my cat and my parrot called?")
        assert "Whiskers" not in shown
        assert "Captain" in shown

    def test_a_correction_replaces_the_old_fact(self, memory):
        self.conversation(memory, user_id="ana").say("I live in Lisbon.")
        self.conversation(memory, user_id="ana").say("I live in Porto now.")
        shown = self.conversation(memory, user_id="ana").say("Where do I live?")
        assert "Porto" in shown
        assert "Lisbon" not in shown

    def test_a_deleted_memory_is_never_recalled(self, memory):
        self.conversation(memory, user_id="ana").say("I live in Lisbon.")
        memory.delete_all(user_id="ana")
        assert "Lisbon" not in self.conversation(memory, user_id="ana").say("Where do I live?")

    def test_deleting_everything_leaves_what_others_have_stored(self, memory):
        for clearing in self.make_clearing(memory, user_id="ana"):
            memory.add("I live in Lisbon.", user_id="ana")
            memory.put([{"memory_id": "note", "text": "Ana's own note"}], user_id="ana")
            others = {item["id"]: item for item in memory.get_all(user_id="ana")["results"]}
            clearing.store("I'm allergic to peanuts.")
            stored = memory.get_all(user_id="ana", show_expired=True)["results"]
            assert len(stored) > len(others), "nothing was stored"
            clearing.delete_all()
            left = memory.get_all(user_id="ana", show_expired=True)["results"]
            assert {item["id"]: item for item in left} == others

    def test_deleting_everything_reaches_the_whole_scope_where_the_program_wants_it(self, memory):
        for clearing in self.make_clearing(memory, user_id="ana", clears_scope=True):
            memory.add("I live in Lisbon.", user_id="ana")
            memory.add("I live in Rome.", user_id="ben")
            clearing.store("I'm allergic to peanuts.")
            clearing.delete_all()
            assert memory.get_all(user_id="ana")["results"] == []
            assert len(memory.get_all(user_id="ben")["results"]) == 1

    def test_recalled_memories_are_not_saved_again(self, memory):
        self.conversation(memory, user_id="ana").say("I live in Lisbon.")
        before = [item["memory"] for item in memory.get_all(user_id="ana")["results"]]
        for _ in range(3):
            self.conversation(memory, user_id="ana").say("Where do I live?")
        assert [item["memory"] for item in memory.get_all(user_id="ana")["results"]] == before

    def test_unicode_and_long_text_survive(self, memory):
        self.conversation(memory, user_id="ana").say("My motto is 日本語 🦊 naïve. " + "I like long walks. " * 200)
        assert "日本語 🦊 naïve" in self.conversation(memory, user_id="ana").say("What is my motto?")

    def test_a_failing_memory_does_not_stop_the_conversation(self, memory, caplog):
        conversation = self.conversation(memory, user_id="ana", on_error="log")
        memory.close()
        with caplog.at_level(logging.WARNING, logger="holdfast"):
            assert "hello there" in conversation.say("hello there")
        assert caplog.records

    def test_a_failing_memory_raises_with_on_error_raise(self, memory):
        conversation = self.conversation(memory, user_id="ana", on_error="raise")
        memory.close()
        with pytest.raises(Exception, match="closed"):
            conversation.say("hello there")

    def test_a_missing_scope_is_refused_at_once(self, memory):
        with pytest.raises(InvalidInput, match="no scope is named"):
            self.make_adapter(memory)

    def test_sixteen_conversations_at_once_stay_separate(self, memory):
        def remember(number):
            self.conversation(memory, user_id=f"user{number}").say(f"My favourite word is word{number}x.")
            return self.conversation(memory, user_id=f"user{number}").say("What is my favourite word?")

        with ThreadPoolExecutor(16) as threads:
            for number, shown in enumerate(threads.map(remember, range(16))):
                assert f"word{number}x" in shown
                assert not any(f"word{other}x" in shown for other in range(16) if other != number)
