"""What erasing and pruning promise: the versions are gone, and whoever follows the changes misses nothing."""

from dataclasses import replace

import pytest
from tests.contracts.store.subject import ANA, BEN, OF_ANA, StoreSubject, delete, entry, insert, record, rows_of, update

from holdfast.errors import NotFound
from holdfast.filters import MATCH_ALL


def erase(*names: str):
    """Erase what is left of deleted memories, and the history of those that exist."""

    def work(transaction):
        rows = [row for name in names for row in transaction.find_rows_of(name)]
        return transaction.erase_history(rows, ids=[], recorded_at=9000)

    return work


def prune(*, keep=None, before=None, rows=None):
    return lambda transaction: transaction.prune_history(keep=keep, before=before, rows=rows, recorded_at=9000)


def change(store, name: str, *texts: str) -> None:
    """Give a memory these texts one after the other, the second from the time 2000 on."""
    one = record(name, text=texts[0])
    store.write(insert(one))
    for number, text in enumerate(texts[1:], 2):
        new = replace(one, text=text)
        store.write(update(one, new, index_entry=entry(number), at=number * 1000))
        one = new


def follow(store, since: int, known: dict[int, float]) -> int:
    """Bring `known`, the first number of each row's vector, up to date as an index does; return the sequence."""
    for batch in store.index_batches(since):
        if batch.restart:
            known.clear()
        for row in batch.deleted_rows:
            known.pop(row, None)
        known.update(zip(map(int, batch.rows), (float(vector[0]) for vector in batch.vectors), strict=True))
        since = batch.sequence
    return since


class ErasingContract(StoreSubject):
    def test_erased_memories_have_no_versions(self, store):
        change(store, "one", "a", "b", "c")
        store.write(insert(record("two")))
        store.write(delete(record("one", text="c")))
        erased = store.write(erase("one"))
        assert (erased.memories, erased.versions) == (1, 4)
        assert store.list_versions("one") == []
        assert store.write(erase("one")).versions == 0
        assert [version.event for version in store.list_versions("two")] == ["ADD"]
        assert store.find_damage() == []

    def test_the_history_of_an_existing_memory_can_be_erased(self, store):
        change(store, "one", "a", "b", "c")
        assert store.write(erase("one")).memories == 0
        (version,) = store.list_versions("one")
        assert (version.event, version.new_text) == ("ADD", "c")
        assert store.get(["one"])["one"].text == "c"

    def test_deleted_memories_are_found_by_their_last_state(self, store):
        store.write(insert(record("one"), record("two", scope=BEN)))
        change(store, "three", "a", "b")
        for one in (record("one"), record("two", scope=BEN), record("three", text="b")):
            store.write(delete(one))
        assert len(store.write(lambda transaction: transaction.find_rows(OF_ANA))) == 2
        assert len(store.write(lambda transaction: transaction.find_rows(MATCH_ALL))) == 3

    @pytest.mark.parametrize("behind", [0, 1, 2, 3, 4, 5])
    @pytest.mark.parametrize("cut", [erase("one", "two"), prune(keep=0), prune(keep=1), prune(before=2500)])
    def test_a_reader_that_was_anywhere_misses_nothing(self, store, behind, cut):
        known, since = {}, 0
        steps = [
            insert(record("one"), record("two")),
            update(record("one"), record("one", text="b"), index_entry=entry(8)),
            update(record("one", text="b"), record("one", text="c"), index_entry=entry(9)),
            delete(record("two"), at=2000),
            insert(record("three")),
        ]
        for number, step in enumerate(steps):
            store.write(step)
            if number < behind:
                since = follow(store, since, known)
        store.write(cut)
        store.write(prune(keep=0))
        store.write(insert(record("four")))
        since = follow(store, since, known)
        fresh = {}
        assert follow(store, 0, fresh) == since
        assert known == fresh
        assert sorted(fresh.values()) == [1, 1, 9]
        assert list(store.index_batches(since)) == []

    def test_rows_and_changes_keep_growing_after_everything_is_pruned(self, store):
        store.write(insert(record("one")))
        store.write(delete(record("one")))
        (first,) = store.index_batches(0)
        store.write(prune(keep=0))
        store.write(insert(record("two")))
        (second,) = rows_of(store.index_batches(0))
        assert second > first.sequence
        assert store.list_versions("one") == []

    def test_pruning_keeps_the_newest_former_states(self, store):
        change(store, "one", "a", "b", "c", "d")
        change(store, "two", "a", "b")
        assert store.write(prune(keep=1)) == 2
        assert [(one.event, one.old_text, one.new_text) for one in store.list_versions("one")] == [
            ("ADD", None, "c"),
            ("UPDATE", "c", "d"),
        ]
        assert len(store.list_versions("two")) == 2
        assert store.write(prune(before=4500, rows=rows_of(store.index_batches(0))[:1])) == 1
        assert (len(store.list_versions("one")), len(store.list_versions("two"))) == (1, 2)
        with pytest.raises(NotFound):
            store.get_before_change("one", 4)

    def test_scrubbing_changes_nothing_that_is_stored(self, store):
        change(store, "one", "a", "b")
        store.write(insert(record("two", scope=ANA)))
        store.write(delete(record("two")))
        before = [len(store.list_versions(name)) for name in ("one", "two")]
        store.scrub()
        assert [len(store.list_versions(name)) for name in ("one", "two")] == before
        assert store.find_damage() == []
