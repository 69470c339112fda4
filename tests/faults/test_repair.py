"""After `doctor(repair=True)` the store is healthy, and nothing that was whole is lost."""

import contextlib
import itertools
import random
import sqlite3
import uuid

import pytest
from tests.torture.damages import can_be_read, read_definitions

from holdfast import HashingEmbedder, Memory, NotFound, StorageError
from holdfast.operations.index_entries import embed_records
from holdfast.runtime.blocking_driver import run_blocking

HASHING = {"provider": "hashing", "config": {"dimensions": 64}}
USERS = ("u0", "u1", "u2", "u3")
FLIPS = 120


def open_memory(path):
    return Memory(path, llm="rules", embedder=HASHING)


def fill(path):
    """Make a file with every kind of row: facts, turns, documents, updates, deletions, rollbacks, staged vectors."""
    chance = random.Random(6)
    with open_memory(path) as memory:
        memory.runtime.new_id = lambda: str(uuid.UUID(int=chance.getrandbits(128)))
        memory.runtime.clock = itertools.count(1_700_000_000_000_000, 1_000_000).__next__
        for number in range(24):
            text = f"{USERS[number % 4]} keeps number {number} in box{number % 7}. " + "long " * (
                600 * (number % 9 == 0)
            )
            memory.add(text, user_id=USERS[number % 4], metadata={"number": number}, infer=False)
        talk = [{"role": "user", "content": "I live in Berlin."}, {"role": "assistant", "content": "A fine city."}]
        memory.add(talk, user_id="u0", keep_turns=True)
        memory.add("I'm allergic to peanuts.", user_id="u1", run_id="monday")
        memory.put([{"memory_id": f"doc{n}", "text": f"Office {n} closes at {n}"} for n in range(6)], app_id="handbook")
        memory.put([{"memory_id": "doc1", "text": "The office moved"}], app_id="handbook", remove=["doc2"])
        ids = [item["id"] for item in memory.get_all(user_id="u1")["results"]]
        for memory_id in ids[:4]:
            memory.update(memory_id, f"u1 changed {memory_id[:4]}")
        for memory_id in ids[4:]:
            memory.delete(memory_id)
        memory.rollback(ids[1])
        memory.rollback(ids[4])
        stage_some_vectors(memory, HashingEmbedder(dimensions=32))


def stage_some_vectors(memory, embedder):
    store = memory.runtime.store
    store.write(lambda transaction: transaction.begin_reembedding(embedder.fingerprint))
    memories = store.list_memories_to_embed(after=0, limit=12)
    entries = run_blocking(embed_records(memory.runtime, [record for _, record in memories], embedder=embedder))
    store.write(lambda transaction: transaction.stage_vectors(embedder.fingerprint, memories, entries))


def everything(memory):
    found = [memory.get_all(filters={field: "*"}, limit=1000)["results"] for field in ("user_id", "app_id")]
    return {item["id"]: item for items in found for item in items}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a store, and its memories by id."""
    path = tmp_path_factory.mktemp("whole") / "memory.db"
    fill(path)
    with open_memory(path) as memory:
        known = everything(memory)
    return path.read_bytes(), known


@pytest.fixture
def path(whole, tmp_path):
    path = tmp_path / "memory.db"
    path.write_bytes(whole[0])
    return path


def query(path, statement, values=()):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


def page_size(content):
    size = int.from_bytes(content[16:18], "big")
    return 65536 if size == 1 else size


def check_repaired(path, known, where):
    """Repair the file and check that it is healthy; return what the report says and the ids that were lost."""
    try:
        memory = open_memory(path)
    except StorageError:
        return None
    with memory:
        try:
            report = memory.doctor(repair=True)
        except StorageError as error:
            if "cannot be repaired, restore a backup" not in str(error):
                raise
            return None
        assert memory.doctor()["problems"] == [], where
        kept = everything(memory)
        for memory_id, item in kept.items():
            assert item == known.get(memory_id), f"{where}: a memory has changed"
        for user in USERS:
            assert memory.search("number box", user_id=user)["results"], where
        memory.add("after the repair", user_id="u9", infer=False)
        assert memory.doctor()["healthy"], where
    return report["problems"], set(known) - set(kept)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_a_store_with_a_flipped_bit_is_healthy_after_the_repair(whole, tmp_path, part):
    content, known = whole
    chance = random.Random(part)
    path = tmp_path / "memory.db"
    path.write_bytes(content)
    definitions = read_definitions(path)
    filled = [place for place, byte in enumerate(content) if byte and place >= page_size(content)]
    for place in chance.sample(filled, FLIPS // 2):
        damaged = bytearray(content)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        settled = check_repaired(path, known, f"byte {place}")
        if settled is None:
            assert not can_be_read(path, definitions), f"byte {place} is beyond repair"
        else:
            problems, lost = settled
            assert problems or not lost, f"byte {place}: {lost} are lost silently"


@pytest.mark.slow
def test_a_store_with_overwritten_bytes_or_swapped_pages_is_healthy_or_refused(whole, tmp_path):
    content, known = whole
    chance = random.Random(7)
    path, size = tmp_path / "memory.db", page_size(content)
    for number in range(FLIPS // 2):
        damaged = bytearray(content)
        if number % 2:
            place = chance.randrange(size, len(content) - 64)
            damaged[place : place + 64] = chance.randbytes(64)
        else:
            place, other = (page * size for page in chance.sample(range(1, len(content) // size), 2))
            damaged[place : place + size] = content[other : other + size]
            damaged[other : other + size] = content[place : place + size]
        path.write_bytes(damaged)
        check_repaired(path, known, f"damage {number} at {place}")


ROWS = {
    "a version": ("changes", "UPDATE changes SET before = replace(before, 'keeps', 'seeps') WHERE before IS NOT NULL"),
    "the version that added a memory": ("changes", "UPDATE changes SET recorded_at = 1 WHERE event = 'ADD'"),
    "the version that deleted a memory": ("changes", "UPDATE changes SET memory_id = 'x' WHERE event = 'DELETE'"),
    "a source message": ("messages", "UPDATE messages SET content = 'I live in Merlin.' WHERE content LIKE '%Berlin.'"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_damaged_history_and_messages_are_set_aside_and_no_memory_with_them(path, whole, kind):
    table, statement = ROWS[kind]
    query(path, statement)
    problems, lost = check_repaired(path, whole[1], kind)
    assert problems
    assert not lost
    assert [row for row in query(path, "SELECT content FROM damaged") if f'"table":"{table}"' in row[0]]


def test_the_other_versions_of_a_damaged_history_stay(path):
    ((number, memory_id),) = query(
        path, "SELECT sequence, memory_id FROM changes WHERE event = 'UPDATE' AND memory_id <> 'doc1' LIMIT 1"
    )
    with open_memory(path) as memory:
        before = memory.history(memory_id)
    query(path, "UPDATE changes SET before = before || ' ' WHERE sequence = ?", [number])
    with open_memory(path) as memory:
        with pytest.raises(StorageError, match="damaged"):
            memory.history(memory_id)
        memory.doctor(repair=True)
        kept = memory.history(memory_id)
    assert [version["event"] for version in kept] == [
        version["event"] for version in before if version["event"] != "UPDATE"
    ]
    assert kept[-1]["new_memory"] == before[-1]["new_memory"]


VECTORS = {
    "a changed vector": "UPDATE vectors SET vector = zeroblob(256)",
    "a changed list of terms": "UPDATE vectors SET terms = x'00'",
    "no vector at all": "DELETE FROM vectors",
    "a vector of another memory": "UPDATE vectors SET row = row + 100000",
}


@pytest.mark.parametrize("loss", VECTORS)
def test_a_memory_with_a_damaged_vector_is_embedded_again(path, whole, loss):
    query(path, f"{VECTORS[loss]} WHERE row = (SELECT min(row) FROM vectors)")  # noqa: S608
    problems, lost = check_repaired(path, whole[1], loss)
    assert problems
    assert not lost
    with open_memory(path) as memory:
        assert "number 0 " in memory.search("number 0", user_id="u0", limit=1)["results"][0]["memory"]


def test_vectors_of_a_wrong_length_with_a_right_checksum_never_reach_the_index(path, whole):
    from holdfast.stores.sqlite.rows import vector_checksum  # noqa: PLC0415 - the only forgery here

    wrong = {
        "short": bytes(8),
        "odd": bytes(255),
        "not a number": b"\0\0\xc0\x7f" * 64,
        "infinite": b"\0\0\x80\x7f" * 64,
    }
    for name, vector in wrong.items():
        path.write_bytes(whole[0])
        query(
            path,
            "UPDATE vectors SET vector = ?, terms = x'', checksum = ? WHERE row = (SELECT min(row) FROM vectors)",
            [vector, vector_checksum(vector, b"")],
        )
        with open_memory(path) as memory, pytest.raises(StorageError, match="doctor"):
            memory.search("number", user_id="u0")
        _, lost = check_repaired(path, whole[1], name)
        assert not lost


def test_without_its_embedder_a_store_keeps_the_memory_and_says_what_to_do(path, whole):
    query(path, "UPDATE vectors SET vector = zeroblob(256) WHERE row = (SELECT min(row) FROM vectors)")
    query(path, "UPDATE settings SET value = '{}' WHERE name = 'engines'")
    with Memory(path) as memory:
        memory.doctor(repair=True)
        (problem,) = memory.doctor()["problems"]
        assert "repair with the embedder of the store" in problem["problem"]
        assert everything(memory) == whole[1]
    _, lost = check_repaired(path, whole[1], "with the embedder")
    assert not lost


def test_a_memory_in_a_wrong_row_is_moved_back(path, whole):
    query(path, "UPDATE memories SET row = 77777 WHERE row = (SELECT min(row) FROM memories)")
    problems, lost = check_repaired(path, whole[1], "row")
    assert problems
    assert not lost
    with open_memory(path) as memory:
        memory_id = next(id_ for id_, item in whole[1].items() if "number 0 " in item["memory"])
        assert [version["event"] for version in memory.history(memory_id)] == ["ADD"]


def test_a_memory_that_vanished_is_named(path):
    ((row, memory_id),) = query(path, "SELECT row, id FROM memories LIMIT 1")
    query(path, "DELETE FROM memories WHERE row = ?", [row])
    with open_memory(path) as memory:
        report = memory.doctor(repair=True)
        assert memory_id in [problem["id"] for problem in report["problems"]]
        assert memory.doctor()["healthy"]
        with pytest.raises(NotFound):
            memory.update(memory_id, "still there?")


def test_links_and_staged_vectors_that_lead_nowhere_are_dropped(path, whole):
    query(path, "INSERT INTO sources VALUES (99999, 1, 1)")
    query(path, "INSERT INTO reembedded VALUES (99999, 0, x'', x'', 0)")
    query(path, "UPDATE reembedded SET checksum = 0 WHERE row = (SELECT min(row) FROM reembedded)")
    problems, lost = check_repaired(path, whole[1], "links")
    assert len(problems) >= 3
    assert not lost


@pytest.mark.parametrize("column", ["user_id = 'x'", "key = x'00'"])
def test_a_damaged_scope_of_source_messages_is_restored(path, whole, column):
    named = "SELECT * FROM scopes WHERE key IN (SELECT scope FROM messages)"
    before = query(path, named)
    query(path, f"UPDATE scopes SET {column} WHERE user_id = 'u0' AND run_id IS NULL")  # noqa: S608
    problems, lost = check_repaired(path, whole[1], "scopes")
    assert problems
    assert not lost
    assert set(before) <= set(query(path, named))
    assert not query(path, "SELECT * FROM damaged")


def test_another_process_searches_the_repaired_store(path):
    with open_memory(path) as other, open_memory(path) as memory:
        assert other.search("number", user_id="u0")["results"]
        ((row, memory_id),) = query(path, "SELECT row, id FROM memories WHERE user_id = 'u0' LIMIT 1")
        query(path, "UPDATE memories SET text = text || '!' WHERE row = ?", [row])
        memory.doctor(repair=True)
        found = [item["id"] for item in other.search("number", user_id="u0", limit=100)["results"]]
        assert found
        assert memory_id not in found


@pytest.mark.parametrize("table", ["memories", "changes", "messages"])
def test_a_table_whose_definition_has_a_damaged_number_is_written_again(path, whole, table):
    query(path, "CREATE TABLE notes (text)")  # of another program, and still there afterwards
    content = bytearray(path.read_bytes())
    values = content.find(f"table{table}{table}".encode())
    header = next(place for place in range(values - 4, values - 12, -1) if content[place] == values - place)
    content[header - 1] = 0x7F  # the number of the row is before its header
    path.write_bytes(content)
    with open_memory(path) as memory:
        assert any("out of order" in finding["problem"] for finding in memory.doctor()["problems"])
        memory.doctor(repair=True)
        (foreign,) = memory.doctor()["problems"]
        assert "notes" in foreign["problem"]
        assert everything(memory) == whole[1]
