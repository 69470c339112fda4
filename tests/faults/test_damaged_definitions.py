"""Damaged settings and tables: the store opens, `doctor` reports the damage and repairs what it can."""

import contextlib
import logging
import sqlite3

import pytest

from holdfast import ConfigError, Memory, StorageError
from holdfast.scope import Scope
from holdfast.stores.sqlite.schema import STEPS

HASHING = {"provider": "hashing", "config": {"dimensions": 64}}


@pytest.fixture
def path(tmp_path):
    """A store with two memories, one of them changed."""
    path = tmp_path / "memory.db"
    with Memory(path, llm="rules", embedder=HASHING) as memory:
        (cello,) = memory.add("I play the cello", user_id="ana", infer=False)["results"]
        memory.add("I live in Lisbon", user_id="ana")
        memory.update(cello["id"], "I play the viola")
    return path


def damage(path, statement, values=()):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement, values)


def rewrite(path, name, old, new):
    """Change the definition of one table or index behind SQLite's back."""
    damage(path, "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ?", [old, new, name])


def problems(path, *, repair=False, **engines):
    with Memory(path, **engines) as memory:
        return [finding["problem"] for finding in memory.doctor(repair=repair)["problems"]]


def works(path, **engines):
    with Memory(path, **engines) as memory:
        memory.add("I drink green tea", user_id="ana", infer=False)
        found = memory.search("what do I play?", user_id="ana")["results"]
        return memory.doctor()["healthy"] and found[0]["memory"] == "I play the viola"


# Settings


@pytest.mark.parametrize("name", ["engines", "embedder", "store_id"])
def test_a_store_with_a_damaged_setting_can_be_read_and_doctor_names_it(path, name, caplog):
    damage(path, "UPDATE settings SET value = value || ' ' WHERE name = ?", [name])
    with caplog.at_level(logging.WARNING, logger="holdfast"), Memory(path) as memory:
        assert len(memory.get_all(user_id="ana")["results"]) == 2
        diagnosis = memory.doctor()
    assert diagnosis["memories"] == 2
    assert [f"'{name}'" in finding["problem"] for finding in diagnosis["problems"]] == [True]
    assert len(caplog.records) == (name != "store_id")


def test_damaged_engines_are_not_guessed(path):
    damage(path, "UPDATE settings SET value = '{}' WHERE name = 'engines'")
    with Memory(path) as memory:
        assert "unavailable" in memory.engines["llm"]
        with pytest.raises(ConfigError, match="name the engine when you open the store"):
            memory.add("I live in Porto", user_id="ana")
        with pytest.raises(ConfigError, match="what can be made here is hashing:1:384"):
            memory.search("Porto", user_id="ana")
        assert len(memory.get_all(user_id="ana")["results"]) == 2


def test_repair_drops_damaged_engines_and_the_next_opening_stores_them(path):
    damage(path, "UPDATE settings SET value = '{}' WHERE name = 'engines'")
    assert problems(path, repair=True)
    assert problems(path) == []
    with Memory(path) as memory, pytest.raises(ConfigError, match="the embedder it was built with"):
        memory.search("cello", user_id="ana")
    assert works(path, llm="rules", embedder=HASHING)
    assert works(path)


def test_a_damaged_embedder_is_restored_from_the_engines(path):
    damage(path, "UPDATE settings SET value = replace(value, '64', '65') WHERE name = 'embedder'")
    with Memory(path) as memory:
        for verb in (memory.add, memory.search):
            with pytest.raises(StorageError, match="'embedder' is damaged"):
                verb("I live in Porto", user_id="ana")
        assert memory.doctor(repair=True)["repaired"] == 1
    assert works(path)


LOSSES = {
    "values": "UPDATE settings SET value = '{}' WHERE name <> 'store_id'",
    "names": "UPDATE settings SET name = 'x' || name WHERE name <> 'store_id'",
    "bytes that are no text": "UPDATE settings SET value = CAST(x'ff' AS TEXT), name = CAST(x'fe' AS TEXT)"
    " WHERE name = 'embedder'",
}


@pytest.mark.parametrize("loss", LOSSES)
def test_an_explicit_embedder_that_makes_the_vectors_is_stored(path, loss):
    damage(path, LOSSES[loss])
    assert problems(path, repair=True, llm="rules", embedder=HASHING)
    assert works(path, llm="rules", embedder=HASHING)
    assert works(path)


def test_an_embedder_that_makes_other_vectors_is_never_stored(path):
    class Other:
        dimensions, fingerprint = 64, "other:64"

        def embed(self, texts):
            return [[1.0] * 64 for _ in texts]

    damage(path, LOSSES["values"])
    for wrong in (Other(), "hashing", None):
        assert problems(path, repair=True, llm="rules", embedder=wrong)
        (problem,) = problems(path, llm="rules", embedder=wrong)
        assert "open the store with the embedder it was built with" in problem
    assert problems(path, repair=True, llm="rules", embedder=HASHING)
    assert works(path, llm="rules", embedder=HASHING)


def test_an_empty_store_takes_any_embedder_when_its_own_is_lost(path):
    damage(path, LOSSES["values"])
    with Memory(path, llm="rules", embedder="hashing") as memory:
        memory.reset()
        memory.doctor(repair=True)
        memory.add("I play the viola", user_id="ana", infer=False)
    assert works(path)


def test_a_damaged_store_id_is_replaced(path):
    damage(path, "UPDATE settings SET value = '\"x\"' WHERE name = 'store_id'")
    assert works(path) is False
    assert problems(path, repair=True)
    assert works(path)


# Tables and indexes


def definitions(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute("SELECT type, name, sql FROM sqlite_master"))


@pytest.mark.parametrize(
    "index", ["memories_of_user", "later_changes", "removals", "messages_of_scope", "sources_of_message"]
)
def test_a_missing_sql_index_is_reported_and_rebuilt(path, index):
    whole = definitions(path)
    damage(path, f"DROP INDEX {index}")
    assert problems(path) == [f"the index {index} is missing: repair creates it again"]
    assert problems(path, repair=True)
    assert [name for _, name, _ in definitions(path)] == [name for _, name, _ in whole]
    assert works(path)


def test_an_altered_sql_index_is_reported_and_rebuilt(path):
    rewrite(path, "memories_of_user", "IS NOT NULL", "IS NULL")
    assert any("the index memories_of_user is defined differently" in problem for problem in problems(path))
    assert problems(path, repair=True)
    assert works(path)


@pytest.mark.parametrize("table", ["settings", "memories", "vectors", "changes", "messages", "sources", "damaged"])
def test_a_missing_table_is_reported_and_never_created_empty(path, table):
    damage(path, f"DROP TABLE {table}")
    with Memory(path) as memory:
        diagnosis = memory.doctor()
        assert f"the table {table} is missing" in " ".join(finding["problem"] for finding in diagnosis["problems"])
        assert not diagnosis["healthy"]
        with pytest.raises(StorageError, match=rf"cannot be repaired, restore a backup.*{table}"):
            memory.doctor(repair=True)


def test_intact_tables_can_be_read_when_another_is_missing(path):
    damage(path, "DROP TABLE settings")
    damage(path, "DROP TABLE messages")
    with Memory(path) as memory:
        assert len(memory.get_all(user_id="ana")["results"]) == 2
        with pytest.raises(ConfigError, match="holdfast doctor"):
            memory.search("cello", user_id="ana")
        with pytest.raises(StorageError, match=r"no such table: messages.*holdfast doctor"):
            memory.runtime.store.list_recent_messages(Scope(user_id="ana"), 1)


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [("memories", "STRICT", ""), ("memories", "text  ", "texu  "), ("changes", "happened_at", "happened_bt")],
)
def test_an_altered_table_is_reported(path, table, old, new):
    rewrite(path, table, old, new)
    reported = problems(path)
    assert f"the table {table} is defined differently than it was created" in " ".join(reported)


def test_damaged_rows_are_reported_when_a_table_is_missing(path):
    damage(path, "DROP TABLE damaged")
    damage(path, "UPDATE memories SET text = 'I play the drums' WHERE text LIKE '%viola'")
    assert "the record does not match its checksum" in problems(path)


@pytest.mark.parametrize("table", ["settings", "messages"])
def test_a_table_with_broken_pages_is_reported_page_by_page(path, table):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(content)
    assert any(problem.startswith("the file itself") for problem in problems(path))
    with Memory(path) as memory:
        assert len(memory.get_all(user_id="ana")["results"]) == 2
        with pytest.raises(StorageError, match="cannot be repaired, restore a backup"):
            memory.doctor(repair=True)


def test_foreign_tables_are_reported_and_left_alone(path):
    damage(path, "CREATE TRIGGER thief AFTER INSERT ON memories BEGIN DELETE FROM changes; END")
    for repair in (False, True):
        (problem,) = problems(path, repair=repair)
        assert problem.startswith("the trigger thief is not Holdfast's")


def test_the_statistics_of_the_query_planner_are_not_damage(path):
    damage(path, "ANALYZE")
    assert problems(path) == []


def test_a_store_of_any_earlier_schema_is_healthy_once_it_is_opened(tmp_path, monkeypatch):
    path = tmp_path / "memory.db"
    monkeypatch.setattr("holdfast.stores.sqlite.schema.STEPS", STEPS[:1])
    with Memory(path, llm="rules", embedder="hashing"):
        pass
    monkeypatch.undo()
    with Memory(path) as memory:
        assert memory.doctor()["healthy"]
