"""What `users` and `delete_users` promise."""

import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import add_verbatim, texts

from holdfast.errors import (
    InvalidInput,
    NotFound,
)


class UsersContract(MemorySubject):
    def test_users_lists_who_has_memories(self, memory):
        add_verbatim(memory, "one", "two", user_id="ana")
        add_verbatim(memory, "three", agent_id="helper", run_id="r")
        listed = memory.users()
        counts = {(item["type"], item["name"]): item["total_memories"] for item in listed["results"]}
        assert counts == {("user", "ana"): 2, ("agent", "helper"): 1, ("run", "r"): 1}
        assert listed["count"] == 3

    def test_delete_users_deletes_exactly_one_user(self, memory):
        add_verbatim(memory, "one", "two", user_id="ana")
        add_verbatim(memory, "three", user_id="ben")
        assert memory.delete_users(user_id="ana")["count"] == 2
        assert [item["name"] for item in memory.users()["results"]] == ["ben"]
        with pytest.raises(NotFound, match="ana"):
            memory.delete_users(user_id="ana")
        for ids in ({}, {"user_id": "ben", "run_id": "r"}):
            with pytest.raises(InvalidInput, match="exactly one"):
                memory.delete_users(**ids)
        assert texts(memory.get_all(user_id="ben")) == ["three"]
