"""What `forget`, `delete_users` and `delete_all(erase=True)` promise: nothing is left, and nothing else is lost."""

import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import add_verbatim, stored_texts, texts
from tests.scripted import FailingEmbedder, facts

from holdfast.errors import InvalidInput, NotFound
from holdfast.testing import ScriptedChatModel

ILLNESS = "I am HIVPOSITIVE"


class ErasingContract(MemorySubject):
    def test_a_forgotten_memory_has_no_history(self, memory):
        gone, kept = add_verbatim(memory, "green tea", "black tea", user_id="ana")
        memory.update(gone, "white tea")
        receipt = memory.forget(gone)
        assert (receipt["memories"], receipt["versions"]) == (1, 2)
        assert memory.get(gone) is None
        for call in (memory.history, memory.rollback, memory.forget, memory.delete):
            with pytest.raises(NotFound, match=gone):
                call(gone)
        assert [item["id"] for item in memory.search("tea", user_id="ana")["results"]] == [kept]
        assert memory.doctor()["healthy"]

    def test_a_deleted_memory_can_be_forgotten(self, memory):
        gone, _ = add_verbatim(memory, "green tea", "black tea", user_id="ana")
        memory.delete(gone)
        assert memory.forget(gone)["versions"] == 2
        with pytest.raises(NotFound):
            memory.history(gone)
        assert stored_texts(memory) == ["black tea"]

    def test_forgetting_a_scope_takes_all_of_it_and_nothing_else(self, memory):
        (deleted,) = add_verbatim(memory, "deleted", user_id="ana", run_id="r")
        add_verbatim(memory, "in a run", user_id="ana", run_id="r")
        (other,) = add_verbatim(memory, "elsewhere", user_id="ana")
        (of_ben,) = add_verbatim(memory, "of ben", user_id="ben", run_id="r")
        memory.delete(deleted)
        receipt = memory.forget(user_id="ana", run_id="r")
        assert (receipt["memories"], receipt["versions"]) == (2, 3)
        assert memory.forget(user_id="ana", run_id="r")["memories"] == 0
        with pytest.raises(NotFound):
            memory.history(deleted)
        assert len(memory.history(other)) == len(memory.history(of_ben)) == 1
        assert texts(memory.get_all(filters={"user_id": "*"})) == ["of ben", "elsewhere"]

    def test_forget_names_a_memory_or_a_scope(self, memory):
        (known,) = add_verbatim(memory, "tea", user_id="ana")
        for arguments, ids in (([], {}), ([known], {"user_id": "ana"})):
            with pytest.raises(InvalidInput):
                memory.forget(*arguments, **ids)
        with pytest.raises(NotFound, match="nobody"):
            memory.forget("nobody")
        assert stored_texts(memory) == ["tea"]

    def test_delete_all_erases_only_when_told_to(self, memory):
        first, second = add_verbatim(memory, "green tea", "black tea", user_id="ana")
        assert memory.delete_all(filters={"user_id": "ana", "text": {"contains": "green"}}, erase=True)["count"] == 1
        assert memory.delete_all(user_id="ana")["count"] == 1
        assert len(memory.history(second)) == 2
        with pytest.raises(NotFound):
            memory.history(first)
        assert memory.delete_all(user_id="ana", erase=True)["count"] == 0
        with pytest.raises(NotFound):
            memory.history(second)
        with pytest.raises(InvalidInput, match="erase"):
            memory.delete_all(user_id="ana", erase="yes")

    def test_delete_users_erases_a_user_whose_memories_are_all_deleted(self, memory):
        (gone,) = add_verbatim(memory, "green tea", user_id="ana")
        memory.delete(gone)
        assert memory.delete_users(user_id="ana")["count"] == 0
        with pytest.raises(NotFound):
            memory.history(gone)
        with pytest.raises(NotFound, match="ana"):
            memory.delete_users(user_id="ana")

    def test_an_id_that_was_forgotten_can_be_used_again(self, memory):
        page = {"memory_id": "faq", "text": "Refunds take five days."}
        memory.put([page], user_id="ana")
        memory.forget("faq")
        memory.put([page], user_id="ben")
        assert [version["event"] for version in memory.history("faq")] == ["ADD"]
        assert memory.search("refunds", user_id="ben")["results"][0]["id"] == "faq"

    def test_a_kept_turn_goes_with_its_last_fact(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts(ILLNESS, "Has HIVPOSITIVE friends")]))
        talk = [{"role": "user", "content": ILLNESS}, {"role": "assistant", "content": "Sorry for the HIVPOSITIVE"}]
        first, last = memory.add(talk, user_id="ana", keep_turns=True)["results"]
        memory.delete(first["id"])
        assert [item["facts"] for item in self.turns(memory)] == [[], ["Has HIVPOSITIVE friends"]]
        memory.delete(last["id"])
        assert texts(memory.get_all(user_id="ana")) == []
        assert memory.search("HIVPOSITIVE", user_id="ana")["results"] == []
        assert memory.context("HIVPOSITIVE", user_id="ana") == ""

    def test_a_kept_turn_is_not_found_by_a_deleted_fact(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts("Teo lives in Oslo", "Teo sails boats")]))
        home, _ = memory.add("Yes, he does", user_id="ana", keep_turns=True)["results"]
        memory.delete(home["id"])
        (turn,) = self.turns(memory)
        assert turn["facts"] == ["Teo sails boats"]
        assert memory.search("Oslo", user_id="ana", threshold=0.1)["results"] == []
        assert memory.search("boats", user_id="ana", filters={"memory_type": "episodic"})["results"][0]["score"] > 0.3
        assert memory.doctor()["healthy"]

    def test_a_failing_embedder_prevents_no_deletion(self, open_memory, tmp_path):
        path = tmp_path / "memory.db"
        first = open_memory(path, llm=ScriptedChatModel([facts("Teo lives in Oslo", "Teo sails boats")]))
        home, _ = first.add("Yes, he does", user_id="ana", keep_turns=True)["results"]
        first.close()
        memory = open_memory(path, embedder=FailingEmbedder())
        memory.delete(home["id"])
        (turn,) = self.turns(memory)
        assert turn["facts"] == ["Teo sails boats"]

    def test_an_updated_fact_still_leads_to_its_kept_turns(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts("Lives in Rome", "Has a cat")]))
        home, cat = memory.add("Rome, with my cat", user_id="ana", keep_turns=True)["results"]
        memory.update(home["id"], "Lives in Faro")
        memory.delete(cat["id"])
        assert [item["facts"] for item in self.turns(memory)] == [["Lives in Rome"]]
        memory.delete(home["id"])
        assert self.turns(memory) == []

    def test_deleting_a_kept_turn_leaves_its_facts(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts("Lives in Rome")]))
        (turn,) = memory.add("Rome it is", user_id="ana", keep_turns=True)["turns"]
        memory.delete(turn["id"])
        assert stored_texts(memory) == ["Lives in Rome"]

    def test_a_forgotten_fact_leaves_no_version_of_its_kept_turns(self, open_memory):
        memory = open_memory(llm=ScriptedChatModel([facts(ILLNESS, "Lives in Rome")]))
        result = memory.add("HIVPOSITIVE in Rome", user_id="ana", keep_turns=True)
        (turn,) = result["turns"]
        memory.delete(result["results"][0]["id"])
        assert len(memory.history(turn["id"])) == 2
        memory.forget(result["results"][0]["id"])
        assert [version["event"] for version in memory.history(turn["id"])] == ["ADD"]
        memory.delete(result["results"][1]["id"])
        assert memory.history(turn["id"])[-1]["is_deleted"]
        memory.forget(result["results"][1]["id"])
        with pytest.raises(NotFound):
            memory.history(turn["id"])

    def test_another_process_learns_what_was_forgotten(self, open_memory):
        ours, theirs = open_memory(), open_memory()
        gone, kept = add_verbatim(ours, "green tea", "black tea", user_id="ana")
        assert len(theirs.search("tea", user_id="ana")["results"]) == 2
        ours.forget(gone)
        assert [item["id"] for item in theirs.search("tea", user_id="ana")["results"]] == [kept]
        ours.delete_users(user_id="ana")
        assert theirs.search("tea", user_id="ana")["results"] == []
        assert theirs.doctor()["healthy"]

    def turns(self, memory):
        found = memory.get_all(user_id="ana", filters={"memory_type": "episodic"})["results"]
        return sorted(found, key=lambda item: item["facts"])


class PruningContract(MemorySubject):
    def changed(self, memory, *texts: str) -> str:
        (memory_id,) = add_verbatim(memory, texts[0], user_id="ana", timestamp="2026-01-01")
        for month, text in enumerate(texts[1:], 2):
            memory.update(memory_id, text, timestamp=f"2026-{month:02}-01")
        return memory_id

    def versions(self, memory, memory_id: str) -> list[tuple[str, str | None]]:
        return [(version["event"], version["new_memory"]) for version in memory.history(memory_id)]

    def test_pruning_keeps_the_newest_versions_and_the_memory(self, memory):
        memory_id = self.changed(memory, "one", "two", "three", "four")
        assert memory.prune_history(keep=1)["versions"] == 2
        assert self.versions(memory, memory_id) == [("ADD", "three"), ("UPDATE", "four")]
        number = memory.history(memory_id)[-1]["version"]
        assert memory.prune_history(keep=0)["versions"] == 1
        assert self.versions(memory, memory_id) == [("ADD", "four")]
        with pytest.raises(NotFound, match=f"no version {number}"):
            memory.rollback(memory_id, version=number)
        with pytest.raises(InvalidInput, match="nothing before it"):
            memory.rollback(memory_id)
        assert memory.search("four", user_id="ana")["results"][0]["id"] == memory_id
        assert memory.doctor()["healthy"]

    def test_pruning_takes_versions_that_were_replaced_before_a_moment(self, memory):
        memory_id = self.changed(memory, "one", "two", "three", "four")
        assert memory.prune_history(before="2026-03-15")["versions"] == 2
        assert self.versions(memory, memory_id) == [("ADD", "three"), ("UPDATE", "four")]
        memory.rollback(memory_id)
        assert memory.get(memory_id)["memory"] == "three"

    def test_pruning_with_both_limits_keeps_what_fits_both(self, memory):
        memory_id = self.changed(memory, "one", "two", "three", "four")
        assert memory.prune_history(keep=2, before="2026-01-15")["versions"] == 1
        assert memory.prune_history(keep=2, before="2026-03-15")["versions"] == 1
        assert self.versions(memory, memory_id) == [("ADD", "three"), ("UPDATE", "four")]

    def test_pruning_takes_deleted_memories(self, memory):
        gone, kept = add_verbatim(memory, "green tea", "black tea", user_id="ana")
        memory.delete(gone)
        memory.prune_history(keep=1)
        assert memory.history(gone)[-1]["old_memory"] == "green tea"
        assert memory.prune_history(keep=0)["versions"] == 1
        with pytest.raises(NotFound):
            memory.history(gone)
        assert len(memory.history(kept)) == 1

    def test_pruning_is_limited_to_a_memory_or_a_scope(self, memory):
        first, second = self.changed(memory, "one", "two"), self.changed(memory, "three", "four")
        (of_ben,) = add_verbatim(memory, "five", user_id="ben")
        memory.update(of_ben, "six")
        assert memory.prune_history(keep=0, memory_id=first)["versions"] == 1
        assert memory.prune_history(keep=0, user_id="ana")["versions"] == 1
        assert [len(memory.history(one)) for one in (first, second, of_ben)] == [1, 1, 2]
        with pytest.raises(NotFound, match="nobody"):
            memory.prune_history(keep=0, memory_id="nobody")

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"keep": -1},
            {"keep": 1.5},
            {"keep": True},
            {"before": "soon"},
            {"keep": 1, "memory_id": "a", "user_id": "b"},
        ],
    )
    def test_pruning_refuses_what_it_cannot_use(self, memory, wrong):
        memory_id = self.changed(memory, "one", "two")
        with pytest.raises(InvalidInput):
            memory.prune_history(**wrong)
        assert len(memory.history(memory_id)) == 2

    def test_another_process_follows_past_a_pruning(self, open_memory):
        ours, theirs = open_memory(), open_memory()
        gone, kept = add_verbatim(ours, "green tea", "black tea", user_id="ana")
        assert len(theirs.search("tea", user_id="ana")["results"]) == 2
        ours.update(kept, "white tea")
        ours.delete(gone)
        ours.prune_history(keep=0)
        assert texts(theirs.search("tea", user_id="ana")) == ["white tea"]
        add_verbatim(ours, "red tea", user_id="ana")
        assert texts(theirs.search("red tea", user_id="ana"))[0] == "red tea"
        assert theirs.doctor()["healthy"]
