"""What content hashes promise: a fact is stored once."""

from dataclasses import replace

from tests.contracts.store.subject import StoreSubject, delete, entry, insert, record, update


class DuplicatesContract(StoreSubject):
    def test_a_content_hash_is_stored_once(self, store):
        store.write(insert(record("one")))
        duplicate_of = store.write(lambda t: t.insert(record("two"), entry(), content_hash=b"one"))
        assert duplicate_of == "one"
        assert store.get(["two"]) == {}
        assert store.find_duplicates([b"one", b"nothing"], today="2026-01-01") == {b"one": "one"}

    def test_a_deleted_memory_frees_its_content_hash(self, store):
        store.write(insert(record("one")))
        store.write(delete(record("one")))
        assert store.find_duplicates([b"one"], today="2026-01-01") == {}
        assert store.write(lambda t: t.insert(record("two"), entry(), content_hash=b"one")) is None

    def test_an_update_may_make_two_memories_the_same(self, store):
        one, two = record("one"), record("two")
        store.write(insert(one, two))
        store.write(update(two, replace(two, text="one")))
        assert store.get(["two"])["two"].text == "one"
        assert store.find_duplicates([b"one"], today="2026-01-01") == {b"one": "one"}

    def test_an_expired_memory_is_not_a_duplicate(self, store):
        store.write(insert(record("one", expiration_date="2026-01-01")))
        assert store.find_duplicates([b"one"], today="2026-01-01") == {b"one": "one"}
        assert store.find_duplicates([b"one"], today="2026-01-02") == {}
