"""What re-embedding promises: the vectors of another embedder replace the old ones all at once or not at all."""

from dataclasses import replace

import pytest
from tests.contracts.store.subject import StoreSubject, delete, entry, insert, record, update

from holdfast.errors import StorageError


def begin(fingerprint):
    return lambda transaction: transaction.begin_reembedding(fingerprint)


def stage(fingerprint, memories, number):
    entries = [entry(number) for _ in memories]
    return lambda transaction: transaction.stage_vectors(fingerprint, memories, entries)


def adopt(fingerprint):
    return lambda transaction: transaction.adopt_vectors(fingerprint, recorded_at=9000)


def first_components(store):
    return [float(vector[0]) for batch in store.index_batches(0) for vector in batch.vectors]


class ReembeddingContract(StoreSubject):
    def test_new_vectors_are_adopted_once_every_memory_has_one(self, store):
        store.write(insert(record("one"), record("two")))
        store.write(begin("new"))
        assert store.count_memories_to_embed() == 2
        first = store.list_memories_to_embed(after=0, limit=1)
        assert [memory.id for _, memory in first] == ["one"]
        store.write(stage("new", first, 7))
        assert store.write(adopt("new")) is None
        assert first_components(store) == [1, 2]
        second = store.list_memories_to_embed(after=first[-1][0], limit=9)
        assert [memory.id for _, memory in second] == ["two"]
        store.write(stage("new", second, 8))
        assert store.write(adopt("new")) == 2
        assert first_components(store) == [7, 8]

    def test_readers_start_again_after_new_vectors_are_adopted(self, store):
        store.write(insert(record("one")))
        (before,) = store.index_batches(0)
        store.write(begin("new"))
        store.write(stage("new", store.list_memories_to_embed(after=0, limit=9), 7))
        store.write(adopt("new"))
        (after,) = store.index_batches(before.sequence)
        assert after.restart
        assert [vector[0] for vector in after.vectors] == [7]

    def test_a_memory_that_changed_meanwhile_is_embedded_again(self, store):
        one = record("one")
        store.write(insert(one, record("two")))
        store.write(begin("new"))
        store.write(stage("new", store.list_memories_to_embed(after=0, limit=9), 7))
        store.write(update(one, replace(one, text="changed"), index_entry=entry(3)))
        assert [memory.text for _, memory in store.list_memories_to_embed(after=0, limit=9)] == ["changed"]
        assert store.write(adopt("new")) is None

    def test_a_memory_that_was_deleted_meanwhile_is_left_out(self, store):
        one = record("one")
        store.write(insert(one, record("two")))
        store.write(begin("new"))
        listed = store.list_memories_to_embed(after=0, limit=9)
        store.write(delete(one))
        store.write(stage("new", listed, 7))
        assert store.write(adopt("new")) == 1

    def test_a_second_start_continues_with_the_same_embedder_and_drops_another_ones_vectors(self, store):
        store.write(insert(record("one"), record("two")))
        store.write(begin("new"))
        store.write(stage("new", store.list_memories_to_embed(after=0, limit=1), 7))
        store.write(begin("new"))
        assert store.count_memories_to_embed() == 1
        store.write(begin("other"))
        assert store.count_memories_to_embed() == 2

    def test_vectors_of_an_embedder_that_was_replaced_are_refused(self, store):
        store.write(insert(record("one")))
        store.write(begin("new"))
        listed = store.list_memories_to_embed(after=0, limit=9)
        store.write(begin("other"))
        for work in (stage("new", listed, 7), adopt("new")):
            with pytest.raises(StorageError):
                store.write(work)
        assert first_components(store) == [1]
