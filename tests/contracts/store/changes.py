"""What the change sequence promises: a reader that follows it has what a new reader gets."""

from dataclasses import replace

import pytest
from tests.contracts.store.subject import ANA, BEN, StoreSubject, delete, entry, insert, record, rows_of, update

from holdfast.errors import StorageError
from holdfast.filters import MATCH_ALL
from holdfast.records import SourceMessage


class ChangesContract(StoreSubject):
    def test_a_reader_that_follows_the_changes_has_what_a_new_one_gets(self, store):
        one, two, three = record("one"), record("two"), record("three", expiration_date="2030-01-01")
        store.write(insert(one, two))
        (first,) = store.index_batches(0)
        store.write(insert(three))
        store.write(update(one, replace(one, text="new"), index_entry=entry(9)))
        store.write(delete(two))
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

    def test_rows_that_came_and_went_between_two_reads_are_left_out(self, store):
        store.write(insert(record("one")))
        (first,) = store.index_batches(0)
        store.write(insert(record("two")))
        store.write(delete(record("two")))
        parts = list(store.index_batches(first.sequence))
        assert rows_of(parts) == []

    def test_without_changes_there_is_nothing_to_read(self, store):
        store.write(insert(record("one")))
        (first,) = store.index_batches(0)
        assert list(store.index_batches(first.sequence)) == []

    def test_a_reader_ahead_of_the_store_is_refused(self, store):
        store.write(insert(record("one")))
        with pytest.raises(StorageError, match="older than its index"):
            list(store.index_batches(1000))

    def test_clear_makes_readers_start_again(self, store):
        store.write(insert(record("one"), record("two", scope=BEN)))
        store.write(lambda t: t.insert_messages(ANA, [SourceMessage("user", "hi", None, 1)], recorded_at=1))
        (first,) = store.index_batches(0)
        store.write(lambda t: t.clear(recorded_at=5))
        parts = list(store.index_batches(first.sequence))
        assert parts[0].restart
        assert rows_of(parts) == []
        store.write(insert(record("three")))
        (after,) = store.index_batches(first.sequence)
        assert after.restart
        assert len(after.rows) == 1
        assert after.rows[0] > max(first.rows)
        assert store.list_versions("one") == []
        assert store.list_recent_messages(ANA, 9) == []
        assert store.count(MATCH_ALL) == 1

    def test_row_numbers_are_never_reused(self, store):
        store.write(insert(record("one")))
        (first,) = rows_of(store.index_batches(0))
        store.write(delete(record("one")))
        store.write(insert(record("two")))
        (second,) = rows_of(store.index_batches(0))
        assert second > first

    def test_every_change_has_its_own_id(self, store):
        store.write(insert(record("one"), record("two")))
        one, two = rows_of(store.index_batches(0))
        assert store.get_change_id(one)
        assert store.get_change_id(one) != store.get_change_id(two)
        assert store.get_change_id(two + 1) is None
