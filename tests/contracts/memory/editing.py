"""What `get`, `update` and the batch verbs promise."""

import uuid

import pytest
from tests.contracts.memory.subject import YESTERDAY, MemorySubject
from tests.results import add_verbatim, texts

from holdfast.errors import (
    InvalidInput,
    NotFound,
)


class EditingContract(MemorySubject):
    def test_get_returns_none_for_an_unknown_id_and_other_verbs_raise(self, memory):
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
    def test_update_changes_the_text_and_reindexes_it(self, memory, name):
        (memory_id,) = add_verbatim(memory, "The meeting is on Monday", user_id="ana", metadata={"kept": 1})
        memory.update(memory_id, **{name: "The wedding is on Friday"})
        item = memory.get(memory_id)
        assert (item["memory"], item["metadata"]) == ("The wedding is on Friday", {"kept": 1})
        assert item["updated_at"] > item["created_at"]
        best, *_ = memory.search("wedding friday", user_id="ana", explain=True)["results"]
        assert best["score_details"]["keyword"] > 0.9
        (old,) = memory.search("meeting monday", user_id="ana", explain=True)["results"]
        assert old["score_details"]["keyword"] == 0

    def test_update_merges_metadata_and_none_removes_a_key(self, memory):
        (memory_id,) = add_verbatim(memory, "tea", user_id="ana", metadata={"a": 1, "b": 2, "c": 3})
        memory.update(memory_id, metadata={"b": 20, "c": None, "d": 4})
        item = memory.get(memory_id)
        assert (item["memory"], item["metadata"]) == ("tea", {"a": 1, "b": 20, "d": 4})

    def test_update_sets_and_clears_the_expiration_date(self, memory):
        (memory_id,) = add_verbatim(memory, "tea", user_id="ana")
        memory.update(memory_id, expiration_date=YESTERDAY)
        assert texts(memory.search("tea", user_id="ana")) == []
        memory.update(memory_id, expiration_date=None)
        assert texts(memory.search("tea", user_id="ana")) == ["tea"]

    def test_an_update_without_a_change_is_refused(self, memory):
        (memory_id,) = add_verbatim(memory, "tea", user_id="ana")
        with pytest.raises(InvalidInput, match="nothing is to be updated"):
            memory.update(memory_id)

    def test_an_immutable_memory_refuses_updates(self, memory):
        (memory_id,) = add_verbatim(memory, "tea", user_id="ana", immutable=True)
        assert memory.get(memory_id)["immutable"] is True
        with pytest.raises(InvalidInput, match="immutable"):
            memory.update(memory_id, "coffee")
        assert memory.get(memory_id)["memory"] == "tea"

    def test_batches_change_all_or_nothing(self, memory):
        one, two = add_verbatim(memory, "tea one", "tea two", user_id="ana")
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
