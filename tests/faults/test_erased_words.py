"""What is erased is in no file any more: the tests search the raw bytes of the store, log and index."""

import json
import sqlite3
import threading

import pytest
from tests.results import add_verbatim
from tests.scripted import OtherEmbedder, facts

from holdfast import Memory, ProviderError, StorageError
from holdfast.index import snapshot
from holdfast.stores.sqlite.disk import scrub
from holdfast.testing import ScriptedChatModel

WORDS = ("HIVPOSITIVE", "ÜBERSCHULDET", "ANAERASED")
ANA = "ANAERASED"
EVERYWHERE = {"user_id": ANA, "metadata": {"about": "HIVPOSITIVE"}, "expiration_date": "2999-01-01"}


def words_in(folder) -> dict[str, int]:
    """Return how often the words are in each file, as UTF-8 or escaped as in JSON; files without them are left out."""
    forms = {form for word in WORDS for form in (word.encode(), json.dumps(word)[1:-1].encode())}
    contents = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    counts = {name: sum(content.count(form) for form in forms) for name, content in contents.items()}
    return {name: count for name, count in counts.items() if count}


def fill(memory, *, count: int = 60) -> list[str]:
    """Store what names the words everywhere, among memories of others; return the ids of Ana's memories."""
    ids = []
    for number in range(count):
        long = " and ".join(WORDS) + f" {number} "
        said = {"role": "user", "name": "HIVPOSITIVE Ana", "content": long * (1, 7, 300)[number % 3]}
        ids += [item["id"] for item in memory.add(said, infer=False, actor_id="HIVPOSITIVE", **EVERYWHERE)["results"]]
        memory.add(f"I like tea number {number}", infer=False, user_id="ben")
    memory.add(f"I live in HIVPOSITIVE number {count}. What is ÜBERSCHULDET?", user_id=ANA, run_id="HIVPOSITIVE")
    memory.add("Is ÜBERSCHULDET a word?", user_id=ANA, run_id="without a memory")
    memory.put([{"memory_id": "HIVPOSITIVE/1", "text": "ÜBERSCHULDET"}], user_id=ANA)
    for memory_id in ids[::4]:
        memory.update(memory_id, f"HIVPOSITIVE no longer, {memory_id}")
    for memory_id in ids[::8]:
        memory.rollback(memory_id)
    for memory_id in ids[::5]:
        memory.delete(memory_id)
    return ids


def forget_one_by_one(memory):
    listed = memory.get_all(user_id=ANA, limit=1000)["results"]
    for item in listed:
        memory.forget(item["id"])
    memory.forget(user_id=ANA)


ERASURES = {
    "delete_users": lambda memory: memory.delete_users(user_id=ANA),
    "delete_all": lambda memory: memory.delete_all(user_id=ANA, erase=True),
    "forget": lambda memory: memory.forget(user_id=ANA),
    "forget one by one": forget_one_by_one,
    "reset": lambda memory: memory.reset(),
    "delete_all, then delete_users": lambda memory: (
        memory.delete_all(user_id=ANA),
        memory.delete_users(user_id=ANA),
    ),
}


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        yield memory


@pytest.mark.parametrize("erase", ERASURES.values(), ids=ERASURES.keys())
def test_erased_words_are_in_no_file(memory, tmp_path, erase):
    fill(memory)
    assert words_in(tmp_path)
    erase(memory)
    assert words_in(tmp_path) == {}
    assert memory.doctor()["healthy"]
    assert len(memory.search("tea", user_id="ben", limit=100)["results"]) == (0 if memory.users()["count"] == 0 else 60)
    memory.close()
    assert words_in(tmp_path) == {}


def test_words_of_a_memory_are_gone_while_others_of_the_user_stay(memory, tmp_path):
    add_verbatim(memory, "I like tea", user_id="ana")
    (secret,) = add_verbatim(memory, "I am HIVPOSITIVE " * 500, user_id="ana")
    memory.update(secret, "ÜBERSCHULDET")
    memory.delete(secret)
    memory.forget(secret)
    assert words_in(tmp_path) == {}
    assert len(memory.get_all(user_id="ana")["results"]) == 1


def test_pruned_words_are_in_no_file(memory, tmp_path):
    (changed,) = add_verbatim(memory, "I am HIVPOSITIVE " * 500, user_id="ana")
    memory.update(changed, "I am well")
    memory.prune_history(keep=0)
    assert words_in(tmp_path) == {}
    assert memory.get(changed)["memory"] == "I am well"


def test_words_of_a_fact_are_gone_with_its_turns(tmp_path):
    model = ScriptedChatModel([facts("Is HIVPOSITIVE")])
    talk = [{"role": "user", "content": "HIVPOSITIVE, me"}, {"role": "assistant", "content": "HIVPOSITIVE? Oh."}]
    with Memory(tmp_path / "memory.db", llm=model, embedder="hashing") as memory:
        (fact,) = memory.add(talk, user_id="ana", keep_turns=True)["results"]
        memory.forget(fact["id"])
        assert words_in(tmp_path) == {}
        assert memory.get_all(user_id="ana")["results"] == []


def test_words_staged_for_another_embedder_are_gone(memory, tmp_path):
    class Interrupted(OtherEmbedder):
        calls = 0

        def embed(self, texts):
            self.calls += 1
            if self.calls > 1:
                raise ConnectionError("no route")
            return super().embed(texts)

    fill(memory, count=5)
    with pytest.raises(ProviderError, match="no route"):
        memory.reembed(Interrupted(64), batch_size=8)
    memory.delete_users(user_id=ANA)
    assert words_in(tmp_path) == {}


def test_words_that_repair_has_set_aside_are_gone(tmp_path):
    path = tmp_path / "memory.db"
    with Memory(path, llm="rules", embedder="hashing") as memory:
        fill(memory, count=9)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE memories SET text = text || ' HIVPOSITIVE' WHERE user_id = ? AND row % 2", [ANA])
        connection.execute("UPDATE changes SET before = before || ' HIVPOSITIVE' WHERE before LIKE '%ANAERASED%'")
        connection.execute("UPDATE messages SET content = content || ' HIVPOSITIVE'")
    connection.close()
    with Memory(path) as memory:
        memory.doctor(repair=True)
        memory.delete_users(user_id=ANA)
        assert words_in(tmp_path) == {}
        assert memory.doctor()["healthy"]


def test_a_snapshot_of_the_index_keeps_no_name_of_an_erased_user(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "_LEAST_MEMORIES", 0)
    path = tmp_path / "memory.db"
    with Memory(path, llm="rules", embedder="hashing") as memory:
        fill(memory, count=5)
        memory.search("tea", user_id="ben")
    assert "memory.db.index" in words_in(tmp_path)
    with Memory(path) as ours, Memory(path) as theirs:
        for one in (ours, theirs):
            one.search("tea", user_id="ben")
        ours.delete_users(user_id=ANA)
        assert words_in(tmp_path) == {}
        theirs.close()
        assert (tmp_path / "memory.db.index").exists()
        assert words_in(tmp_path) == {}
    with Memory(path) as again:
        assert again.doctor()["healthy"]


def test_another_process_with_the_file_open_keeps_no_words(memory, tmp_path):
    fill(memory, count=5)
    with Memory(tmp_path / "memory.db") as other:
        other.search("HIVPOSITIVE", user_id=ANA)
        memory.delete_users(user_id=ANA)
        assert words_in(tmp_path) == {}
        assert other.search("HIVPOSITIVE", user_id=ANA)["results"] == []


def test_searches_and_adds_go_on_while_others_are_erased(memory, tmp_path):
    stop, done, failures = threading.Event(), [], []

    def work_on():
        while not stop.is_set():
            try:
                add_verbatim(memory, f"I like coffee number {len(done)}", user_id="ben", run_id=str(len(done)))
                assert memory.search("tea", user_id="ben")["results"]
                memory.history(memory.get_all(user_id="ben", limit=1)["results"][0]["id"])
            except Exception as error:  # noqa: BLE001 - shown by the assertion below
                failures.append(error)
            done.append(1)

    fill(memory, count=5)
    thread = threading.Thread(target=work_on)
    thread.start()
    try:
        for _ in range(5):
            memory.delete_users(user_id=ANA)
            assert words_in(tmp_path) == {}
            fill(memory, count=5)
        memory.forget(user_id=ANA)
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert len(done) > 1
    assert words_in(tmp_path) == {}
    assert memory.doctor()["healthy"]


def test_a_statement_that_an_interrupt_left_open_delays_an_erasure_only(memory, tmp_path):
    memory.add("I keep HIVPOSITIVE a secret. I live in Rome.", user_id="ana")
    writer = memory.runtime.store._connections.writer
    left_open = [writer.execute("SELECT id FROM memories UNION ALL SELECT id FROM memories")]
    left_open[0].fetchone()
    closing = threading.Timer(0.3, left_open.clear)
    closing.start()
    assert memory.forget(user_id="ana")["memories"] == 2
    closing.join()
    assert words_in(tmp_path) == {}


def test_a_reader_that_holds_the_log_is_named_and_the_call_finishes_later(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(scrub, "BUSY_TIMEOUT", 0.2)
    fill(memory, count=5)
    reader = sqlite3.connect(tmp_path / "memory.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM memories").fetchall()
    with pytest.raises(StorageError, match="the log still holds its words"):
        memory.delete_users(user_id=ANA)
    assert memory.get_all(user_id=ANA)["results"] == []
    memory.add("I like coffee", user_id="ben")
    reader.close()
    memory.forget(user_id=ANA)
    assert words_in(tmp_path) == {}


def test_the_history_of_many_updates_stays_small_when_it_is_pruned(memory, tmp_path):
    def size_after_updates():
        for number in range(300):
            memory.update(memory_id, f"Version {number} " * 50)
        for number in range(30):
            memory.delete(add_verbatim(memory, f"Short {number} " * 50, user_id="ana")[0])
        memory.prune_history(keep=2)
        memory.prune_history(keep=0)
        with sqlite3.connect(tmp_path / "memory.db") as connection:
            (rows,) = connection.execute("SELECT count(*) FROM changes").fetchone()
        connection.close()
        return rows, (tmp_path / "memory.db").stat().st_size

    (memory_id,) = add_verbatim(memory, "First", user_id="ana")
    rows, size = size_after_updates()
    assert rows <= 4
    assert size_after_updates() == (rows, size)
