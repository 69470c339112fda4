"""What scopes promise: no user sees, finds or deletes memories of another."""

import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import add_verbatim, texts


class ScopeContract(MemorySubject):
    def test_users_never_see_each_other(self, memory):
        add_verbatim(memory, "Ana hides the gold in the garden", user_id="ana")
        add_verbatim(memory, "Ben likes gold", user_id="ben")
        for filters in (None, {"user_id": "ben"}, {"OR": [{"user_id": "ben"}, {"user_id": "carl"}]}):
            ids = {"user_id": "ben"} if filters is None else {"filters": filters}
            assert texts(memory.search("gold in the garden", **ids)) == ["Ben likes gold"]
            assert texts(memory.get_all(**ids)) == ["Ben likes gold"]

    def test_several_ids_narrow_and_an_absent_id_never_matches(self, memory):
        add_verbatim(memory, "tea with nobody else", user_id="ana")
        add_verbatim(memory, "tea in a run", user_id="ana", run_id="r")
        add_verbatim(memory, "tea with an agent", user_id="ana", agent_id="a", run_id="r")
        add_verbatim(memory, "tea of the agent alone", agent_id="a")
        assert len(texts(memory.search("tea", user_id="ana"))) == 3
        assert texts(memory.get_all(user_id="ana", run_id="r", agent_id="a")) == ["tea with an agent"]
        assert sorted(texts(memory.search("tea", agent_id="a"))) == [
            "tea of the agent alone",
            "tea with an agent",
        ]
        assert texts(memory.search("tea", user_id="ana", app_id="x")) == []
        assert texts(memory.search("tea", user_id="None")) == []

    def test_a_star_is_a_literal_id_as_an_argument_and_any_id_in_a_filter(self, memory):
        add_verbatim(memory, "tea of ana", user_id="ana")
        add_verbatim(memory, "tea of the star", user_id="*")
        add_verbatim(memory, "tea of an agent", agent_id="a")
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
        add_verbatim(memory, "tea of ana", user_id="ana")
        (memory_id,) = add_verbatim(memory, "tea of someone odd", user_id=f"{hostile[:998]}!")
        found = memory.search("tea", user_id=f"{hostile[:998]}!")["results"]
        assert [item["id"] for item in found] == [memory_id]
        assert found[0]["user_id"] == f"{hostile[:998]}!"
        assert texts(memory.get_all(user_id="ana")) == ["tea of ana"]
