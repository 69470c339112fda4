"""What writes promise: each is whole or not there, durable when it returns, and read back as it was."""

import threading

import pytest
from tests.contracts.store.subject import ANA, OF_ANA, StoreSubject, insert, record, rows_of

from holdfast.errors import StorageError
from holdfast.filters import MATCH_ALL
from holdfast.records import SourceMessage
from holdfast.scope import Scope


class WritingContract(StoreSubject):
    def test_a_record_is_read_back_as_it_was_written(self, store):
        full = record(
            "full",
            scope=Scope("ana", "agent", "run", "app"),
            actor_id="anna",
            role="user",
            attributed_to="user",
            speaker="Ána",
            memory_type="episodic",
            metadata={"deep": {"list": [1, 2.5, None, True, "ü"]}, "": ""},
            categories=("food", "health"),
            expiration_date="2030-01-31",
            immutable=True,
        )
        store.write(insert(full, record("bare")))
        assert store.get(["full", "bare", "nobody"]) == {"full": full, "bare": record("bare")}
        with_metadata = store.get(["full"])["full"].metadata
        assert [type(value) for value in with_metadata["deep"]["list"]] == [int, float, type(None), bool, str]

    def test_an_error_inside_a_write_undoes_all_of_it(self, store):
        def work(transaction):
            insert(record("one"))(transaction)
            transaction.insert_messages(ANA, [SourceMessage("user", "hello", None, 1)], recorded_at=1)
            transaction.set_settings({"colour": "red"})
            raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            store.write(work)
        assert store.get(["one"]) == {}
        assert store.list_recent_messages(ANA, 10) == []
        assert store.get_setting("colour") is None
        assert rows_of(store.index_batches(0)) == []
        store.write(insert(record("two")))
        assert list(store.get(["one", "two"])) == ["two"]

    def test_a_write_returns_the_result_of_its_work(self, store):
        assert store.write(lambda _: 42) == 42

    def test_a_write_sees_its_own_changes(self, store):
        def work(transaction):
            insert(record("one"))(transaction)
            return transaction.get("one"), transaction.select(OF_ANA), transaction.get("two")

        assert store.write(work) == (record("one"), [record("one")], None)

    def test_queued_writes_commit_together_and_a_failed_one_alone_is_undone(self, store):
        def failing(transaction):
            insert(record("lost"))(transaction)
            raise ValueError("only me")

        answers = [store.submit(insert(record("first")))]
        answers.append(store.submit(failing))
        answers.append(store.submit(insert(record("last"))))
        for answer in answers:
            with pytest.raises(RuntimeError, match="not flushed"):
                answer.result()
        store.flush()
        assert [answer.failure and str(answer.failure) for answer in answers] == [None, "only me", None]
        assert set(store.get(["first", "lost", "last"])) == {"first", "last"}

    def test_threads_that_write_at_once_lose_nothing(self, store):
        def add(thread):
            for number in range(25):
                store.write(insert(record(f"{thread}/{number}")))

        threads = [threading.Thread(target=add, args=[thread]) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.count(MATCH_ALL) == 200
        assert len(set(rows_of(store.index_batches(0)))) == 200

    def test_the_change_token_differs_after_every_write(self, store):
        before = store.change_token()
        assert store.change_token() == before
        store.write(insert(record("one")))
        assert store.change_token() != before

    def test_a_closed_store_refuses_every_call(self, store):
        store.close()
        store.close()
        for use in (lambda: store.get(["one"]), lambda: store.write(insert(record("one")))):
            with pytest.raises(StorageError, match="closed"):
                use()

    def test_settings_are_json_and_the_last_value_wins(self, store):
        store.write(lambda t: t.set_settings({"one": {"deep": [1, None]}, "two": "x"}))
        store.write(lambda t: t.set_settings({"two": "y"}))
        assert [store.get_setting(name) for name in ("one", "two", "three")] == [{"deep": [1, None]}, "y", None]
        assert store.write(lambda t: (t.get_setting("two"), t.get_setting("three"))) == ("y", None)
