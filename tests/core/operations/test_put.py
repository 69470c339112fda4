"""`put` stores documents as they are, under the caller's ids."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from holdfast import AsyncMemory, InvalidInput, Memory, ProviderError
from holdfast.testing import ScriptedEmbedder, memory_for_tests


@pytest.fixture
def memory():
    with memory_for_tests() as memory:
        yield memory


def document(memory_id="tea", text="Ana likes tea", **more):
    return {"memory_id": memory_id, "text": text, **more}


def test_a_document_is_stored_word_for_word_under_its_id(memory):
    memory.put([document(metadata={"n": [1, {"a": None}]}, actor_id="ana")], user_id="ana")
    item = memory.get("tea")
    assert (item["memory"], item["metadata"], item["actor_id"]) == ("Ana likes tea", {"n": [1, {"a": None}]}, "ana")
    assert item["memory_type"] == "document"
    assert memory.search("tea", user_id="ana")["results"][0]["id"] == "tea"


def test_putting_a_document_again_replaces_all_but_created_at(memory):
    memory.put([document(metadata={"a": 1, "b": 2})], user_id="ana")
    before = memory.get("tea")
    memory.put([document(text="Ana likes coffee", metadata={"a": 3})], user_id="ana")
    after = memory.get("tea")
    assert (after["memory"], after["metadata"]) == ("Ana likes coffee", {"a": 3})
    assert after["created_at"] == before["created_at"] < after["updated_at"]
    assert [item["id"] for item in memory.get_all(user_id="ana")["results"]] == ["tea"]
    assert [version["event"] for version in memory.history("tea")] == ["ADD", "UPDATE"]


def test_documents_with_the_same_text_are_separate(memory):
    memory.put([document("a"), document("b")], user_id="ana")
    assert {item["id"] for item in memory.get_all(user_id="ana")["results"]} == {"a", "b"}
    assert not memory.doctor()["problems"]


def test_put_and_remove_happen_together_or_not_at_all(memory):
    memory.put([document("a"), document("b")], user_id="ana")
    memory.put([document("c")], user_id="ana", remove=["a", "never heard of", "c"])
    with pytest.raises(InvalidInput):
        memory.put([document("d"), document("e", text="")], user_id="ana", remove=["b"])
    assert {item["id"] for item in memory.get_all(user_id="ana")["results"]} == {"b", "c"}


def test_no_id_reaches_into_another_scope(memory):
    memory.put([document()], user_id="ana")
    with pytest.raises(InvalidInput, match="belongs to another"):
        memory.put([document(text="mine now")], user_id="ben")
    memory.put([], user_id="ben", remove=["tea"])
    assert memory.get("tea")["memory"] == "Ana likes tea"


def test_put_never_changes_a_memory_of_a_conversation(memory):
    (added,) = memory.add("I live in Lisbon.", user_id="ana")["results"]
    with pytest.raises(InvalidInput, match="belongs to another"):
        memory.put([document(added["id"])], user_id="ana")
    memory.put([], user_id="ana", remove=[added["id"]])
    assert memory.get(added["id"])["memory"] == added["memory"]


def test_an_add_never_changes_a_document_and_ignores_documents(memory):
    memory.put([document(str(number), "I live in Lisbon.") for number in range(20)], user_id="ana")
    memory.add("I live in Lisbon.", user_id="ana")
    memory.add("I live in Porto now.", user_id="ana")
    documents = memory.get_all(user_id="ana", filters={"memory_type": "document"})["results"]
    facts = memory.get_all(user_id="ana", filters={"NOT": {"memory_type": "document"}})["results"]
    assert [item["memory"] for item in documents] == ["I live in Lisbon."] * 20
    assert [item["memory"] for item in facts] == ["I live in Porto now."]


def test_only_a_new_text_is_embedded(memory):
    memory.put([document()], user_id="ana")
    embedder = memory.runtime.engines.embedder
    asked = len(embedder.calls)
    memory.put([document(metadata={"seen": True})], user_id="ana")
    assert len(embedder.calls) == asked


def test_of_two_documents_with_one_id_the_later_wins(memory):
    memory.put([document(text="first"), document(text="second")], user_id="ana")
    assert memory.get("tea")["memory"] == "second"


def test_a_failing_embedder_changes_nothing(tmp_path):
    class Failing(ScriptedEmbedder):
        def embed(self, texts):
            raise OSError(f"out of order for {len(texts)} texts")

    with Memory(tmp_path / "memory.db", llm="rules", embedder=Failing()) as memory:
        with pytest.raises(ProviderError):
            memory.put([document()], user_id="ana")
        assert memory.get("tea") is None


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"documents": [document()]}, "no scope"),
        ({"documents": "tea", "user_id": "ana"}, "must be a list"),
        ({"documents": ["tea"], "user_id": "ana"}, "must be a dictionary"),
        ({"documents": [{"text": "tea"}], "user_id": "ana"}, "memory_id"),
        ({"documents": [{"memory_id": "tea"}], "user_id": "ana"}, "text"),
        ({"documents": [document()] * 10_001, "user_id": "ana"}, "at most 10,000"),
        ({"documents": [document(metadata={"user_id": "ben"})], "user_id": "ana"}, "may not set user_id"),
    ],
)
def test_invalid_documents_are_refused(memory, arguments, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        memory.put(**arguments)


def test_threads_that_put_one_document_leave_one_whole_version(memory):
    def keep(number):
        memory.put([document(text=f"text {number}", metadata={"n": number})], user_id="ana")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(keep, range(64)))
    item = memory.get("tea")
    assert item["memory"] == f"text {item['metadata']['n']}"
    (found,) = memory.search(item["memory"], user_id="ana", explain=True)["results"]
    assert found["score_details"]["semantic"] == pytest.approx(1.0, abs=1e-5)


async def test_awaited_puts_at_once_lose_no_document(tmp_path):
    async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        await asyncio.gather(*(memory.put([document(str(n), f"text {n}")], user_id="ana") for n in range(100)))
        assert len((await memory.get_all(user_id="ana"))["results"]) == 100
