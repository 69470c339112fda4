"""What opening, closing and `doctor` promise."""

import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import add_verbatim, texts

from holdfast.errors import (
    StorageError,
)


class LifecycleContract(MemorySubject):
    def test_everything_is_there_after_reopening(self, open_memory):
        first = open_memory()
        add_verbatim(first, "I play the cello", user_id="ana", metadata={"a": 1})
        before = first.search("cello", user_id="ana")
        first.close()
        second = open_memory()
        assert second.search("cello", user_id="ana") == before

    def test_two_memories_on_one_file_see_each_others_writes(self, open_memory):
        one, two = open_memory(), open_memory()
        for number in range(5):
            writer, reader = (one, two) if number % 2 else (two, one)
            (memory_id,) = add_verbatim(writer, f"word{number}", user_id="ana")
            best = reader.search(f"word{number}", user_id="ana", limit=1)["results"][0]
            assert best["id"] == memory_id
        one.delete(memory_id)
        assert memory_id not in [item["id"] for item in two.search("word4", user_id="ana")["results"]]

    def test_a_memory_in_ram_needs_no_file(self, open_memory, tmp_path):
        memory = open_memory(":memory:")
        add_verbatim(memory, "I play the cello", user_id="ana")
        assert texts(memory.search("cello", user_id="ana")) == ["I play the cello"]
        assert list(tmp_path.iterdir()) == []

    def test_close_is_idempotent_and_later_calls_raise(self, memory):
        add_verbatim(memory, "I play the cello", user_id="ana")
        memory.close()
        memory.close()
        for use in (
            lambda: memory.get_all(user_id="ana"),
            lambda: memory.add("x", user_id="ana", infer=False),
        ):
            with pytest.raises(StorageError, match="closed"):
                use()

    def test_a_with_block_closes_the_memory(self, open_memory):
        with open_memory() as memory:
            add_verbatim(memory, "I play the cello", user_id="ana")
        with pytest.raises(StorageError, match="closed"):
            memory.search("cello", user_id="ana")

    def test_doctor_reports_an_intact_store_as_healthy(self, memory):
        one, two = add_verbatim(memory, "one", "two", user_id="ana")
        memory.update(one, "two")
        memory.search("one", user_id="ana")
        memory.delete(two)
        diagnosis = memory.doctor()
        assert (diagnosis["healthy"], diagnosis["memories"], diagnosis["problems"]) == (True, 1, [])
        assert memory.doctor(repair=True)["repaired"] == 0
