"""What `history` and `rollback` promise: every version stays readable and can be restored."""

import pytest
from tests.contracts.memory.subject import TOMORROW, MemorySubject
from tests.results import add_verbatim, texts
from tests.scripted import facts

from holdfast.errors import (
    InvalidInput,
    NotFound,
)
from holdfast.testing import ScriptedChatModel


class HistoryContract(MemorySubject):
    def test_history_lists_every_version(self, memory):
        (memory_id,) = add_verbatim(memory, "first", user_id="ana", timestamp="2026-05-01")
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

    @pytest.mark.parametrize("verb", ["update", "batch_update"])
    def test_a_change_without_a_new_text_shows_in_the_history_and_leaves_the_time_of_the_text(self, memory, verb):
        (memory_id,) = add_verbatim(memory, "first", user_id="ana", metadata={"a": 1, "b": 2}, timestamp="2026-05-01")
        for change in ({"metadata": {"a": None, "c": [3]}}, {"expiration_date": TOMORROW}, {"text": "first"}):
            if verb == "update":
                memory.update(memory_id, **change)
            else:
                memory.batch_update([{"memory_id": memory_id, **change}])
        added, updated, dated, same = memory.history(memory_id)
        assert (added["old_metadata"], added["new_metadata"]) == (None, {"a": 1, "b": 2})
        assert (updated["old_metadata"], updated["new_metadata"]) == ({"a": 1, "b": 2}, {"b": 2, "c": [3]})
        assert updated["old_memory"] == updated["new_memory"] == "first"
        assert (dated["old_expiration_date"], dated["new_expiration_date"]) == (None, TOMORROW)
        assert same["old_metadata"] == same["new_metadata"] == {"b": 2, "c": [3]}
        assert updated["updated_at"] == updated["recorded_at"] > added["updated_at"]
        (item,) = memory.search("first", user_id="ana")["results"]
        assert item["updated_at"] == memory.get(memory_id)["updated_at"] == "2026-05-01T00:00:00+00:00"
        assert "- [2026-05-01] first" in memory.context("first", user_id="ana")
        memory.delete(memory_id)
        deleted = memory.history(memory_id)[-1]
        assert (deleted["old_metadata"], deleted["new_metadata"]) == ({"b": 2, "c": [3]}, None)

    def test_undoing_a_change_of_metadata_leaves_the_time_of_the_text(self, memory):
        (memory_id,) = add_verbatim(memory, "first", user_id="ana", metadata={"a": 1}, timestamp="2026-05-01")
        before = memory.get(memory_id)
        memory.update(memory_id, metadata={"a": 2})
        memory.rollback(memory_id)
        assert memory.get(memory_id) == before
        assert [one["new_metadata"] for one in memory.history(memory_id)] == [{"a": 1}, {"a": 2}, {"a": 1}]

    def test_a_document_put_with_other_metadata_keeps_the_time_of_its_text(self, memory):
        page = {"memory_id": "page", "text": "Refunds take five days."}
        memory.put([page], user_id="ana")
        before = memory.get("page")
        memory.put([{**page, "metadata": {"a": 1}}], user_id="ana")
        assert memory.get("page") == {**before, "metadata": {"a": 1}}
        assert memory.history("page")[-1]["new_metadata"] == {"a": 1}

    def test_rollback_undoes_an_update(self, memory):
        (memory_id,) = add_verbatim(memory, "first", user_id="ana", metadata={"a": 1})
        memory.update(memory_id, "second", metadata={"a": 2})
        memory.rollback(memory_id)
        item = memory.get(memory_id)
        assert (item["memory"], item["metadata"]) == ("first", {"a": 1})
        assert texts(memory.search("first", user_id="ana", threshold=0.5)) == ["first"]
        assert [one["event"] for one in memory.history(memory_id)] == ["ADD", "UPDATE", "UPDATE"]

    def test_rollback_restores_the_state_before_any_version(self, memory):
        (memory_id,) = add_verbatim(memory, "first", user_id="ana")
        for text in ("second", "third"):
            memory.update(memory_id, text)
        memory.rollback(memory_id, version=memory.history(memory_id)[1]["version"])
        assert memory.get(memory_id)["memory"] == "first"
        with pytest.raises(InvalidInput, match="use delete"):
            memory.rollback(memory_id, version=memory.history(memory_id)[0]["version"])
        with pytest.raises(NotFound, match="999"):
            memory.rollback(memory_id, version=999)

    def test_rollback_undoes_a_delete(self, memory):
        (memory_id,) = add_verbatim(
            memory, "I play the cello", user_id="ana", metadata={"a": 1}, expiration_date=TOMORROW
        )
        before = memory.get(memory_id)
        memory.delete(memory_id)
        memory.rollback(memory_id)
        after = memory.get(memory_id)
        assert {**after, "updated_at": None} == {**before, "updated_at": None}
        assert [item["id"] for item in memory.search("cello", user_id="ana")["results"]] == [memory_id]

    def test_rollback_restores_one_of_several_identical_turns(self, memory):
        ids = add_verbatim(memory, "yes", "yes", "yes", user_id="ana")
        for memory_id in ids:
            memory.delete(memory_id)
            memory.rollback(memory_id)
        assert sorted(item["id"] for item in memory.get_all(user_id="ana")["results"]) == sorted(ids)

    def test_rollback_is_refused_when_the_fact_was_added_again(self, open_memory):
        model = ScriptedChatModel(facts("Likes tea"))
        memory = open_memory(llm=model)
        first = memory.add("tea", user_id="ana")["results"][0]["id"]
        memory.delete(first)
        second = memory.add("tea", user_id="ana")["results"][0]["id"]
        with pytest.raises(InvalidInput, match=second):
            memory.rollback(first)
        assert texts(memory.get_all(user_id="ana")) == ["Likes tea"]
