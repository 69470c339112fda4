"""What the check for damage promises."""

from tests.contracts.store.subject import StoreSubject, delete, insert, record


class DamageContract(StoreSubject):
    def test_an_intact_store_has_no_damage(self, store):
        store.write(insert(record("one"), record("two")))
        store.write(delete(record("two")))
        assert store.find_damage() == []
