"""The SQLite store keeps the contract in a file and in memory."""

import sqlite3

import pytest
from tests.contracts.store.subject import insert, record
from tests.contracts.store_contract import StoreContract

from holdfast.errors import StorageError
from holdfast.stores.sqlite.store import SqliteStore


class TestSqliteFile(StoreContract):
    def make_store(self, tmp_path):
        return SqliteStore(tmp_path / "memory.db")

    def test_a_closed_store_is_one_file(self, store, tmp_path):
        store.write(insert(record("one")))
        store.close()
        assert [path.name for path in tmp_path.iterdir()] == ["memory.db"]

    def test_acknowledged_writes_are_synced_to_the_disk_by_default(self, store):
        assert store._connections.writer.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._connections.writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_a_second_store_on_the_file_sees_every_write(self, store):
        other = SqliteStore(store.path)
        seen = other.change_token()
        store.write(insert(record("one")))
        assert other.change_token() != seen
        assert set(other.get(["one"])) == {"one"}
        other.close()

    def test_a_write_that_another_thread_closed_the_store_under_fails_as_closed(self, store):
        queued = store.submit(insert(record("late")))
        store._connections.close()  # as `close` does once it has flushed
        store.flush()
        with pytest.raises(StorageError, match="is closed: open it again"):
            queued.result()

    def test_missing_folders_are_created(self, tmp_path):
        store = SqliteStore(tmp_path / "deep" / "deeper" / "memory.db")
        store.close()
        assert (tmp_path / "deep" / "deeper" / "memory.db").is_file()

    def test_every_table_refuses_values_of_another_type(self, store):
        with pytest.raises(sqlite3.IntegrityError):
            store._connections.writer.execute("INSERT INTO damaged VALUES (1, 2, x'00')")


class TestSqliteInMemory(StoreContract):
    def make_store(self, tmp_path):  # noqa: ARG002 - the contract's signature
        return SqliteStore(":memory:")
