"""What every store promises: one truth, whole writes, and a change sequence that indexes can follow."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from tests.contracts.guard import Contract

from holdfast.errors import NotFound, StorageError
from holdfast.filters import MATCH_ALL, parse_filter
from holdfast.records import MemoryRecord, SourceMessage
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexEntry

ANA, BEN = Scope(user_id="ana"), Scope(user_id="ben")
OF_ANA = parse_filter({"user_id": "ana"})


def record(name: str, *, text: str | None = None, scope: Scope = ANA, at: int = 1000, **more) -> MemoryRecord:
    return MemoryRecord(
        id=name,
        text=text or f"text of {name}",
        scope=scope,
        created_at=at,
        updated_at=at,
        recorded_at=at,
        **more,
    )


def entry(number: float = 1.0) -> IndexEntry:
    return IndexEntry(np.array([number, 0, 0, 0], np.float32), np.array([7, 7, int(number)], np.uint32))


def inserting(*records: MemoryRecord):
    def work(transaction):
        for number, one in enumerate(records, 1):
            assert transaction.insert(one, entry(number), content_hash=one.id.encode()) is None

    return work


def revising(old: MemoryRecord, new: MemoryRecord, *, index_entry: IndexEntry | None = None, at: int = 2000):
    return lambda transaction: transaction.update(
        old, new, index_entry=index_entry, content_hash=new.text.encode(), happened_at=at, recorded_at=at
    )


def removing(one: MemoryRecord, *, at: int = 3000):
    return lambda transaction: transaction.delete(one, happened_at=at, recorded_at=at)


def rows_of(parts) -> list[int]:
    return [int(row) for part in parts for row in part.rows]


class StoreContract(Contract):
    """A subject has a fixture `store` that gives a new, empty store and closes it."""

    @pytest.fixture
    def store(self):
        raise NotImplementedError

    # Whole writes

    def test_what_was_written_is_read_back_as_it_was(self, store):
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
        store.write(inserting(full, record("bare")))
        assert store.get(["full", "bare", "nobody"]) == {"full": full, "bare": record("bare")}
        with_metadata = store.get(["full"])["full"].metadata
        assert [type(value) for value in with_metadata["deep"]["list"]] == [int, float, type(None), bool, str]

    def test_an_error_inside_a_write_leaves_nothing(self, store):
        def work(transaction):
            inserting(record("one"))(transaction)
            transaction.insert_messages(ANA, [SourceMessage("user", "hello", None, 1)], recorded_at=1)
            transaction.set_settings({"colour": "red"})
            raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            store.write(work)
        assert store.get(["one"]) == {}
        assert store.list_recent_messages(ANA, 10) == []
        assert store.get_setting("colour") is None
        assert rows_of(store.index_batches(0)) == []
        store.write(inserting(record("two")))
        assert list(store.get(["one", "two"])) == ["two"]

    def test_a_write_returns_what_its_work_returned(self, store):
        assert store.write(lambda _: 42) == 42

    def test_a_write_sees_itself(self, store):
        def work(transaction):
            inserting(record("one"))(transaction)
            return transaction.get("one"), transaction.select(OF_ANA), transaction.get("two")

        assert store.write(work) == (record("one"), [record("one")], None)

    def test_queued_writes_commit_together_and_one_failure_spares_the_others(self, store):
        def failing(transaction):
            inserting(record("lost"))(transaction)
            raise ValueError("only me")

        answers = [store.submit(inserting(record("first")))]
        answers.append(store.submit(failing))
        answers.append(store.submit(inserting(record("last"))))
        for answer in answers:
            with pytest.raises(RuntimeError, match="not flushed"):
                answer.result()
        store.flush()
        assert [answer.failure and str(answer.failure) for answer in answers] == [None, "only me", None]
        assert set(store.get(["first", "lost", "last"])) == {"first", "last"}

    def test_many_threads_write_and_nothing_is_lost(self, store):
        def add(thread):
            for number in range(25):
                store.write(inserting(record(f"{thread}/{number}")))

        threads = [threading.Thread(target=add, args=[thread]) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.count(MATCH_ALL) == 200
        assert len(set(rows_of(store.index_batches(0)))) == 200

    def test_the_state_moves_with_every_write_and_stands_still_otherwise(self, store):
        before = store.change_token()
        assert store.change_token() == before
        store.write(inserting(record("one")))
        assert store.change_token() != before

    def test_a_closed_store_says_so(self, store):
        store.close()
        store.close()
        for use in (lambda: store.get(["one"]), lambda: store.write(inserting(record("one")))):
            with pytest.raises(StorageError, match="closed"):
                use()

    # Duplicates

    def test_a_fingerprint_is_stored_once(self, store):
        store.write(inserting(record("one")))
        twin = store.write(lambda t: t.insert(record("two"), entry(), content_hash=b"one"))
        assert twin == "one"
        assert store.get(["two"]) == {}
        assert store.find_duplicates([b"one", b"nothing"], today="2026-01-01") == {b"one": "one"}

    def test_a_removed_memory_gives_its_fingerprint_free(self, store):
        store.write(inserting(record("one")))
        store.write(removing(record("one")))
        assert store.find_duplicates([b"one"], today="2026-01-01") == {}
        assert store.write(lambda t: t.insert(record("two"), entry(), content_hash=b"one")) is None

    def test_two_memories_may_come_to_say_the_same(self, store):
        one, two = record("one"), record("two")
        store.write(inserting(one, two))
        store.write(revising(two, replace(two, text="one")))
        assert store.get(["two"])["two"].text == "one"
        assert store.find_duplicates([b"one"], today="2026-01-01") == {b"one": "one"}

    # Reading

    def test_select_gives_the_newest_first_in_pages(self, store):
        store.write(inserting(record("b", at=2), record("a", at=1), record("c", at=3), record("d", at=3)))
        store.write(inserting(record("other", scope=BEN, at=9)))
        assert [one.id for one in store.select(OF_ANA)] == ["d", "c", "b", "a"]
        assert [one.id for one in store.select(OF_ANA, limit=2)] == ["d", "c"]
        assert [one.id for one in store.select(OF_ANA, limit=2, offset=1)] == ["c", "b"]
        assert store.select(OF_ANA, offset=4) == []

    def test_count_and_rows_agree_with_select(self, store):
        store.write(inserting(record("a"), record("b", scope=BEN), record("c")))
        rows = store.find_rows(OF_ANA)
        assert list(rows) == sorted(rows)
        assert {one.id for one in store.get_rows([int(row) for row in rows]).values()} == {"a", "c"}
        assert store.count(OF_ANA) == 2
        assert store.get_rows([int(rows[-1]) + 100]) == {}

    def test_entities_count_who_has_memories(self, store):
        store.write(inserting(record("a", at=1), record("b", scope=Scope(user_id="ana", run_id="r"), at=5)))
        found = {(one.type, one.name): (one.count, one.created_at, one.updated_at) for one in store.list_entities()}
        assert found == {("user", "ana"): (2, 1, 5), ("run", "r"): (1, 5, 5)}

    def test_recent_messages_are_those_of_exactly_one_scope(self, store):
        def message(text):
            return SourceMessage("user", text, "Ana", 5)

        wider = Scope(user_id="ana", run_id="r")
        store.write(lambda t: t.insert_messages(ANA, [message("1"), message("2")], recorded_at=1))
        store.write(lambda t: t.insert_messages(wider, [message("elsewhere")], recorded_at=1))
        store.write(lambda t: t.insert_messages(ANA, [message("3")], recorded_at=1))
        assert store.list_recent_messages(ANA, 2) == [message("2"), message("3")]
        assert store.list_recent_messages(wider, 9) == [message("elsewhere")]
        assert store.list_recent_messages(BEN, 9) == []

    def test_settings_are_json_and_the_last_one_counts(self, store):
        store.write(lambda t: t.set_settings({"one": {"deep": [1, None]}, "two": "x"}))
        store.write(lambda t: t.set_settings({"two": "y"}))
        assert [store.get_setting(name) for name in ("one", "two", "three")] == [{"deep": [1, None]}, "y", None]
        assert store.write(lambda t: (t.get_setting("two"), t.get_setting("three"))) == ("y", None)

    # History

    def test_history_keeps_every_version_whole(self, store):
        first = record("one", text="first", metadata={"version": 1}, categories=("a",))
        second = replace(first, text="second", metadata={"version": 2}, updated_at=2000)
        store.write(inserting(first))
        store.write(revising(first, second))
        store.write(removing(second))
        versions = store.list_versions("one")
        assert [(one.event, one.old_text, one.new_text) for one in versions] == [
            ("ADD", None, "first"),
            ("UPDATE", "first", "second"),
            ("DELETE", "second", None),
        ]
        assert [one.happened_at for one in versions] == [1000, 2000, 3000]
        assert [store.get_before_change("one", one.number) for one in versions] == [None, first, second]

    def test_a_memory_stored_again_goes_on_with_its_history(self, store):
        one = record("one", text="first")
        store.write(inserting(one))
        store.write(removing(one))
        store.write(inserting(replace(one, text="again")))
        versions = [(each.event, each.old_text, each.new_text) for each in store.list_versions("one")]
        assert versions == [("ADD", None, "first"), ("DELETE", "first", None), ("ADD", None, "again")]

    def test_an_id_that_was_never_used_has_no_history(self, store):
        assert store.list_versions("nobody") == []
        with pytest.raises(NotFound, match="nobody"):
            store.get_before_change("nobody", 1)

    def test_changing_what_is_not_there_is_refused(self, store):
        ghost = record("ghost")
        for work in (revising(ghost, ghost), removing(ghost)):
            with pytest.raises(NotFound, match="ghost"):
                store.write(work)
        assert store.list_versions("ghost") == []

    # The change sequence

    def test_a_reader_that_follows_the_changes_sees_what_a_new_one_sees(self, store):
        one, two, three = record("one"), record("two"), record("three", expiration_date="2030-01-01")
        store.write(inserting(one, two))
        (first,) = store.index_batches(0)
        store.write(inserting(three))
        store.write(revising(one, replace(one, text="new"), index_entry=entry(9)))
        store.write(removing(two))
        (later,) = store.index_batches(first.sequence)
        assert later.sequence > first.sequence
        assert list(later.deleted_rows) == [int(first.rows[1])]
        assert list(later.rows) == sorted(later.rows)
        assert int(first.rows[0]) in later.rows
        assert int(first.rows[1]) not in later.rows
        assert [vector[0] for vector in later.vectors] == [9, 1]
        assert [terms.tolist() for terms in later.terms] == [[7, 7, 9], [7, 7, 1]]
        assert list(later.expiration_dates) == [None, "2030-01-01"]
        assert not later.restart
        (whole,) = store.index_batches(0)
        assert list(whole.rows) == list(later.rows)
        assert whole.sequence == later.sequence

    def test_what_came_and_went_meanwhile_is_not_told(self, store):
        store.write(inserting(record("one")))
        (first,) = store.index_batches(0)
        store.write(inserting(record("two")))
        store.write(removing(record("two")))
        parts = list(store.index_batches(first.sequence))
        assert rows_of(parts) == []

    def test_nothing_new_is_nothing_to_read(self, store):
        store.write(inserting(record("one")))
        (first,) = store.index_batches(0)
        assert list(store.index_batches(first.sequence)) == []

    def test_a_reader_from_the_future_is_told(self, store):
        store.write(inserting(record("one")))
        with pytest.raises(StorageError, match="older than its index"):
            list(store.index_batches(1000))

    def test_clearing_tells_readers_to_start_again(self, store):
        store.write(inserting(record("one"), record("two", scope=BEN)))
        store.write(lambda t: t.insert_messages(ANA, [SourceMessage("user", "hi", None, 1)], recorded_at=1))
        (first,) = store.index_batches(0)
        store.write(lambda t: t.clear(recorded_at=5))
        parts = list(store.index_batches(first.sequence))
        assert parts[0].restart
        assert rows_of(parts) == []
        store.write(inserting(record("three")))
        (after,) = store.index_batches(first.sequence)
        assert after.restart
        assert len(after.rows) == 1
        assert after.rows[0] > max(first.rows)
        assert store.list_versions("one") == []
        assert store.list_recent_messages(ANA, 9) == []
        assert store.count(MATCH_ALL) == 1

    def test_rows_are_never_used_again(self, store):
        store.write(inserting(record("one")))
        (first,) = rows_of(store.index_batches(0))
        store.write(removing(record("one")))
        store.write(inserting(record("two")))
        (second,) = rows_of(store.index_batches(0))
        assert second > first

    def test_a_change_has_a_mark_of_its_own(self, store):
        store.write(inserting(record("one"), record("two")))
        one, two = rows_of(store.index_batches(0))
        assert store.get_change_id(one)
        assert store.get_change_id(one) != store.get_change_id(two)
        assert store.get_change_id(two + 1) is None

    def test_a_whole_store_has_no_damages(self, store):
        store.write(inserting(record("one"), record("two")))
        store.write(removing(record("two")))
        assert store.find_damage() == []
