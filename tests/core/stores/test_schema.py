"""A file of any earlier schema is migrated when it is opened, and loses nothing."""

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast import Memory
from holdfast.scope import Scope
from holdfast.stores.sqlite.schema import STEPS

SCHEMAS = Path(__file__).with_name("schemas")
EARLIER = range(1, len(STEPS))


@pytest.fixture(params=EARLIER)
def path(request, tmp_path):
    """A store written under that schema: "I live in Lisbon.", changed to Porto, and a turn with metadata.

    From the second schema on there is a memory of mangoes, which was deleted.
    """
    path = tmp_path / "memory.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript((SCHEMAS / f"{request.param}.sql").read_text("utf-8"))
    return path


def schema_of(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_a_migrated_store_has_all_its_memories(path):
    with Memory(path) as memory:
        home, key = sorted(memory.get_all(user_id="ana")["results"], key=lambda item: item["created_at"])
        assert (home["memory"], key["memory"]) == (
            "I live in Porto now.",
            "The spare key is under the blue flowerpot",
        )
        assert (key["speaker"], key["metadata"], key["run_id"]) == ("Ana", {"room": "garden"}, "r1")
        assert [version["new_memory"] for version in memory.history(home["id"])] == [
            "I live in Lisbon.",
            "I live in Porto now.",
        ]
        assert memory.search("where is the spare key?", user_id="ana")["results"][0]["id"] == key["id"]
        assert memory.doctor()["problems"] == []
    assert schema_of(path) == len(STEPS)


def test_the_memories_of_a_migrated_store_can_be_changed(path):
    with Memory(path) as memory:
        (key,) = memory.search("spare key", user_id="ana", limit=1)["results"]
        memory.update(key["id"], "The spare key is with the neighbour")
        (home,) = memory.search("live", user_id="ana", limit=1)["results"]
        memory.rollback(home["id"])
        turns = memory.add("I play the cello.", user_id="ana", keep_turns=True)["turns"]
        assert turns[0]["facts"] == ["I play the cello."]
    with Memory(path) as memory:
        assert memory.get(key["id"])["memory"] == "The spare key is with the neighbour"
        assert memory.get(home["id"])["memory"] == "I live in Lisbon."


def test_a_migrated_store_shows_the_turns_of_its_memories_and_of_no_deleted_ones(path):
    with Memory(path) as memory:
        store = memory.runtime.store
        turns = [message.content for message in store.list_recent_messages(Scope(user_id="ana"), 10)]
        assert turns == ["I live in Lisbon.", "I live in Porto now."]
        (home,) = memory.search("live", user_id="ana", limit=1)["results"]
        memory.delete(home["id"])
        assert store.list_recent_messages(Scope(user_id="ana"), 10) == []


def test_threads_that_migrate_one_file_at_once_agree(path):
    def count(_):
        with Memory(path) as memory:
            return len(memory.get_all(user_id="ana")["results"])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(count, range(8))) == {2}
    assert schema_of(path) == len(STEPS)
