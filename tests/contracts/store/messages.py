"""What source messages promise: a deleted memory takes those it came from with it, and no number is used twice."""

from tests.contracts.store.subject import ANA, StoreSubject, delete, entry, record

from holdfast.records import SourceMessage
from holdfast.scope import Scope

MONDAY = Scope(user_id="ana", run_id="monday")


def messages(*contents: str, scope: Scope = ANA):
    told = [SourceMessage("user", content, None, 1) for content in contents]
    return lambda transaction: transaction.insert_messages(scope, told, recorded_at=1)


def insert_from(sources, name: str):
    one = record(name)
    return lambda transaction: transaction.insert(one, entry(), content_hash=name.encode(), sources=sources)


def contents(store, scope: Scope = ANA) -> list[str]:
    return [message.content for message in store.list_recent_messages(scope, 100)]


class MessagesContract(StoreSubject):
    def test_a_deleted_memory_takes_every_message_it_may_come_from(self, store):
        numbers = store.write(messages("a", "b", "c", "d"))
        store.write(insert_from(numbers[:1], "one"))
        store.write(insert_from(numbers[2:], "two"))
        store.write(lambda transaction: transaction.link_sources("one", numbers[2:3]))
        store.write(lambda transaction: transaction.link_sources("nobody", numbers))
        store.write(delete(record("one")))
        assert contents(store) == ["b", "d"]
        store.write(delete(record("two")))
        assert contents(store) == ["b"]

    def test_uncited_messages_are_those_that_are_not_known_to_be_a_source(self, store):
        numbers = store.write(messages("question", "told", "perhaps", "answer"))
        store.write(insert_from(numbers[1:2], "one"))
        store.write(insert_from(numbers[2:], "two"))
        store.write(messages("elsewhere", scope=MONDAY))
        store.write(lambda transaction: transaction.delete_uncited_messages(ANA))
        assert (contents(store), contents(store, MONDAY)) == (["told"], ["elsewhere"])

    def test_messages_are_deleted_in_every_scope_that_has_the_ids(self, store):
        store.write(messages("a", "b"))
        store.write(messages("c", scope=MONDAY))
        store.write(messages("d", scope=Scope(user_id="ben", run_id="monday")))
        store.write(lambda transaction: transaction.delete_messages(MONDAY.ids()))
        assert (contents(store), contents(store, MONDAY)) == (["a", "b"], [])
        store.write(lambda transaction: transaction.delete_messages(ANA.ids(), before=1))
        assert store.write(lambda transaction: transaction.count_messages()) == 3
        store.write(lambda transaction: transaction.delete_messages(ANA.ids()))
        assert contents(store, Scope(user_id="ben", run_id="monday")) == ["d"]

    def test_the_number_of_a_deleted_message_is_not_used_again(self, store):
        numbers = store.write(messages("a", "b"))
        store.write(insert_from(numbers, "one"))
        store.write(insert_from(numbers[1:], "two"))
        store.write(delete(record("one")))
        (new,) = store.write(messages("c"))
        store.write(delete(record("two")))
        assert (new > numbers[1], contents(store)) == (True, ["c"])
