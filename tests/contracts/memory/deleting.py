"""What `delete`, `delete_all` and `reset` promise: exactly what they name is gone."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.contracts.memory.subject import YESTERDAY, MemorySubject
from tests.results import add_verbatim, texts

from holdfast.errors import (
    NotFound,
)


class DeletingContract(MemorySubject):
    def test_a_deleted_memory_remains_only_in_its_history(self, memory):
        kept, gone = add_verbatim(memory, "black tea", "green tea", user_id="ana")
        memory.delete(gone)
        assert memory.get(gone) is None
        assert [item["id"] for item in memory.search("green tea", user_id="ana")["results"]] == [kept]
        assert [item["id"] for item in memory.get_all(user_id="ana")["results"]] == [kept]
        assert memory.history(gone)[-1]["is_deleted"] is True
        with pytest.raises(NotFound):
            memory.delete(gone)

    def test_delete_all_deletes_exactly_its_scope(self, memory):
        add_verbatim(memory, "one", "two", user_id="ana")
        add_verbatim(memory, "expired", user_id="ana", expiration_date=YESTERDAY)
        add_verbatim(memory, "in a run", user_id="ana", run_id="r")
        add_verbatim(memory, "of ben", user_id="ben", run_id="r")
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
                add_verbatim(memory, f"{user} {number}", user_id=user, run_id=run)
        everyone = {"filters": {"user_id": "*"}}
        before = memory.get_all(**everyone)["results"]
        memory.delete_all(**(ids if spelling == "arguments" else {"filters": ids}))
        left = [item for item in before if any(item.get(field) != value for field, value in ids.items())]
        assert memory.get_all(**everyone)["results"] == left
        found = memory.search("ana ben", **everyone)["results"]
        assert {item["id"] for item in found} == {item["id"] for item in left}

    def test_doctor_checks_a_store_whose_memories_are_all_deleted(self, memory):
        add_verbatim(memory, "one", user_id="ana")
        memory.search("one", user_id="ana")
        memory.delete_all(user_id="ana")
        assert memory.doctor()["healthy"]

    def test_reset_empties_the_store_and_leaves_it_usable(self, memory):
        (memory_id,) = add_verbatim(memory, "one", user_id="ana")
        memory.search("one", user_id="ana")
        memory.reset()
        assert memory.search("one", user_id="ana") == {"results": []}
        assert memory.users()["count"] == 0
        with pytest.raises(NotFound):
            memory.history(memory_id)
        (again,) = add_verbatim(memory, "one", user_id="ana")
        assert [item["id"] for item in memory.search("one", user_id="ana")["results"]] == [again]
