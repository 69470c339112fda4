"""What reads promise: the records that match, in a fixed order."""

from tests.contracts.store.subject import ANA, BEN, OF_ANA, StoreSubject, insert, record

from holdfast.records import SourceMessage
from holdfast.scope import Scope


class ReadingContract(StoreSubject):
    def test_select_returns_the_newest_first_in_pages(self, store):
        store.write(insert(record("b", at=2), record("a", at=1), record("c", at=3), record("d", at=3)))
        store.write(insert(record("other", scope=BEN, at=9)))
        assert [one.id for one in store.select(OF_ANA)] == ["d", "c", "b", "a"]
        assert [one.id for one in store.select(OF_ANA, limit=2)] == ["d", "c"]
        assert [one.id for one in store.select(OF_ANA, limit=2, offset=1)] == ["c", "b"]
        assert store.select(OF_ANA, offset=4) == []

    def test_count_and_rows_agree_with_select(self, store):
        store.write(insert(record("a"), record("b", scope=BEN), record("c")))
        rows = store.find_rows(OF_ANA)
        assert list(rows) == sorted(rows)
        assert {one.id for one in store.get_rows([int(row) for row in rows]).values()} == {"a", "c"}
        assert store.count(OF_ANA) == 2
        assert store.get_rows([int(rows[-1]) + 100]) == {}

    def test_entities_are_counted_by_type_and_name(self, store):
        store.write(insert(record("a", at=1), record("b", scope=Scope(user_id="ana", run_id="r"), at=5)))
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

    def test_has_memories_looks_for_all_ids_of_a_scope(self, store):
        def found(scope):
            return store.write(lambda transaction: transaction.has_memories(scope))

        store.write(insert(record("one", scope=Scope(user_id="ana", run_id="r"))))
        assert [found(scope) for scope in (ANA, Scope(user_id="ana", run_id="r"), BEN)] == [True, True, False]
