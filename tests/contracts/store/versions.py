"""What the history of a memory promises: every version, whole, also after a delete."""

from dataclasses import replace

import pytest
from tests.contracts.store.subject import StoreSubject, delete, insert, record, update

from holdfast.errors import NotFound


class VersionsContract(StoreSubject):
    def test_history_keeps_every_version_whole(self, store):
        first = record("one", text="first", metadata={"version": 1}, categories=("a",))
        second = replace(first, text="second", metadata={"version": 2}, updated_at=2000)
        store.write(insert(first))
        store.write(update(first, second))
        store.write(delete(second))
        versions = store.list_versions("one")
        assert [(one.event, one.old_text, one.new_text) for one in versions] == [
            ("ADD", None, "first"),
            ("UPDATE", "first", "second"),
            ("DELETE", "second", None),
        ]
        assert [one.happened_at for one in versions] == [1000, 2000, 3000]
        assert [store.get_before_change("one", one.number) for one in versions] == [None, first, second]

    def test_a_restored_memory_continues_its_history(self, store):
        one = record("one", text="first")
        store.write(insert(one))
        store.write(delete(one))
        store.write(insert(replace(one, text="again")))
        versions = [(each.event, each.old_text, each.new_text) for each in store.list_versions("one")]
        assert versions == [("ADD", None, "first"), ("DELETE", "first", None), ("ADD", None, "again")]

    def test_an_id_that_was_never_used_has_no_history(self, store):
        assert store.list_versions("nobody") == []
        with pytest.raises(NotFound, match="nobody"):
            store.get_before_change("nobody", 1)

    def test_changing_a_memory_that_does_not_exist_is_refused(self, store):
        ghost = record("ghost")
        for work in (update(ghost, ghost), delete(ghost)):
            with pytest.raises(NotFound, match="ghost"):
                store.write(work)
        assert store.list_versions("ghost") == []
