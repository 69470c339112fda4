"""`HoldfastStore` as a LangGraph store, compared with LangGraph's own."""

import asyncio
import copy
import itertools
import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"

import pytest
from hypothesis import given, settings, strategies as st
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)
from langgraph.store.base.batch import AsyncBatchedBaseStore
from langgraph.store.memory import InMemoryStore

from holdfast import AsyncMemory, InvalidFilter, InvalidInput, Memory, StorageError
from holdfast.testing import ScriptedEmbedder, memory_for_tests
from holdfast_langgraph import HoldfastStore, namespace_label


@pytest.fixture
def memory():
    with memory_for_tests() as memory:
        yield memory


@pytest.fixture
def store(memory):
    return HoldfastStore(memory, app_id="assistant")


def keys(items):
    return [item.key for item in items]


# Items


def test_an_item_is_found_only_under_its_namespace_and_key(store):
    value = {"text": "likes tea", "deep": {"list": [1, 2.5, None, True, {"x": "ü🦊"}]}, "none": None}
    store.put(("users", "ana"), "drink", value)
    item = store.get(("users", "ana"), "drink")
    assert (item.value, item.key, item.namespace) == (value, "drink", ("users", "ana"))
    assert store.get(("users", "ana"), "other") is None
    assert store.get(("users",), "drink") is None
    assert store.get(("users", "ana", "drink"), "drink") is None


def test_an_item_put_again_keeps_its_created_at(store):
    store.put(("a",), "k", {"v": 1, "old": True})
    first = store.get(("a",), "k")
    store.put(("a",), "k", {"v": 2})
    second = store.get(("a",), "k")
    assert second.value == {"v": 2}
    assert first.created_at == second.created_at <= first.updated_at < second.updated_at
    assert second.updated_at.tzinfo is not None
    assert len(store.search(("a",))) == 1


def test_a_deleted_item_is_gone_and_can_be_deleted_again(store, memory):
    store.put(("a",), "k", {"x": "one", "y": "two"}, index=["x", "y"])
    store.delete(("a",), "k")
    store.delete(("a",), "k")
    assert store.get(("a",), "k") is None
    assert store.search(("a",)) == store.search((), query="one") == []
    assert store.list_namespaces() == []
    assert memory.get_all(app_id="assistant")["results"] == []


def test_items_outlive_the_process(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        HoldfastStore(memory, app_id="a").put(("n",), "k", {"text": "likes tea"})
    with Memory(tmp_path / "memory.db") as memory:
        store = HoldfastStore(memory, app_id="a")
        assert store.get(("n",), "k").value == {"text": "likes tea"}
        assert keys(store.search((), query="tea")) == ["k"]


def test_scopes_never_see_each_others_items(memory):
    stores = [
        HoldfastStore(memory, **ids)
        for ids in (
            {"app_id": "a"},
            {"app_id": "b"},
            {"user_id": "a"},
            {"app_id": "a", "user_id": "ana"},
            {"app_id": "a", "user_id": "ben"},
        )
    ]
    for number, store in enumerate(stores):
        store.put(("n",), "k", {"number": number, "text": "likes tea"})
    for number, store in enumerate(stores):
        assert store.get(("n",), "k").value["number"] == number
        assert [item.value["number"] for item in store.search((), query="tea")] == [number]
        assert [item.value["number"] for item in store.search(())] == [number]
    stores[0].delete(("n",), "k")
    assert [len(store.search(())) for store in stores] == [0, 1, 1, 1, 1]


def test_an_item_stored_for_a_user_is_a_memory_of_that_user(memory):
    HoldfastStore(memory, user_id="ana").put(("memories",), "1", {"content": "Ana's cat is called Whiskers"})
    assert "Whiskers" in memory.context("What is the cat called?", user_id="ana")
    assert memory.search("cat", user_id="ben")["results"] == []
    memory.delete_all(user_id="ana")
    assert HoldfastStore(memory, user_id="ana").get(("memories",), "1") is None


def test_no_conversation_changes_an_item(memory):
    store = HoldfastStore(memory, user_id="ana")
    store.put(("memories",), "home", {"content": "I live in Lisbon."})
    memory.add("I live in Porto now.", user_id="ana")
    assert store.get(("memories",), "home").value == {"content": "I live in Lisbon."}
    assert keys(store.search(("memories",), query="Lisbon")) == ["home"]
    assert store.search(("memories",), query="Porto")[0].value == {"content": "I live in Lisbon."}


def test_memories_of_conversations_are_not_items(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    memory.put([{"memory_id": "mine", "text": "I like tea.", "actor_id": ">a/"}], user_id="ana")
    store = HoldfastStore(memory, user_id="ana")
    assert store.search((), query="Lisbon") == store.search(()) == store.list_namespaces() == []


# Addresses


LABELS = ["a", "a/b", ">a", "a>", "/", "%2F", "*", "_%", " a ", "日本語", "a\nb", 'a" OR 1=1', "'", "~"]


def test_different_addresses_are_different_items_with_any_characters(store):
    addresses = [(namespace, key) for namespace in itertools.permutations(LABELS, 2) for key in ("k", "", " k")]
    store.batch([PutOp(namespace, key, {"at": [*namespace, key]}) for namespace, key in addresses])
    found = store.batch([GetOp(namespace, key) for namespace, key in addresses])
    assert [item.value["at"] for item in found] == [[*namespace, key] for namespace, key in addresses]
    assert sorted(store.list_namespaces(limit=1000)) == sorted(itertools.permutations(LABELS, 2))
    for label in LABELS:
        assert {item.namespace[0] for item in store.search((label,), limit=1000)} == {label}


def test_a_prefix_is_whole_labels_from_the_beginning(store):
    for namespace in (("a", "b"), ("ab",), ("x", "a"), ("a",)):
        store.put(namespace, "k", {"v": 1})
    assert {item.namespace for item in store.search(("a",))} == {("a",), ("a", "b")}


@pytest.mark.parametrize("namespace", [("ana@example.com",), ("a", ""), ("a\0",), ("a", 1)])
def test_labels_that_langgraph_refuses_are_refused_in_raw_operations_too(store, namespace):
    for op in (
        GetOp(namespace, "k"),
        PutOp(namespace, "k", {"v": 1}),
        SearchOp(namespace),
        ListNamespacesOp((MatchCondition("prefix", namespace),)),
    ):
        with pytest.raises(InvalidNamespaceError, match="cannot be used"):
            store.batch([op])


def test_any_text_can_become_a_label(store):
    texts = ["ana@example.com", "", "a.b", "a%2Eb", "\0", "%", "%00", "plain"]
    labels = [namespace_label(text) for text in texts]
    assert len(set(labels)) == len(texts)
    for number, label in enumerate(labels):
        store.put(("users", label), "k", {"number": number})
    assert [store.get(("users", label), "k").value["number"] for label in labels] == list(range(len(texts)))
    assert namespace_label("plain") == "plain"


def test_namespaces_can_be_lists(store):
    store.batch([PutOp(["a", "b"], "k", {"v": 1})])
    found, searched = store.batch([GetOp(["a", "b"], "k"), SearchOp(["a"])])
    assert found.namespace == searched[0].namespace == ("a", "b")


def test_namespaces_are_listed_by_prefix_suffix_wildcard_and_depth(store):
    for namespace in (("a", "b", "c"), ("a", "x", "c"), ("a", "b", "d", "e"), ("z",)):
        store.put(namespace, "k", {"v": 1})
    assert store.list_namespaces(prefix=("a", "*"), suffix=("c",)) == [("a", "b", "c"), ("a", "x", "c")]
    assert store.list_namespaces(suffix=("*", "c")) == [("a", "b", "c"), ("a", "x", "c")]
    assert store.list_namespaces(prefix=("a",), max_depth=2) == [("a", "b"), ("a", "x")]
    assert store.list_namespaces(limit=2, offset=1) == [("a", "b", "d", "e"), ("a", "x", "c")]
    assert store.list_namespaces(prefix=("*", "b", "c")) == [("a", "b", "c")]
    with pytest.raises(InvalidInput, match="match_type"):
        store.batch([ListNamespacesOp((MatchCondition("middle", ("a",)),))])


# Batches


def test_a_batch_answers_in_order_reads_first_and_the_last_put_wins(store):
    store.put(("a",), "k", {"v": 0})
    results = store.batch(
        [
            PutOp(("a",), "k", {"v": 1}),
            GetOp(("a",), "k"),
            PutOp(("b",), "new", {"v": 1}),
            SearchOp(("b",)),
            ListNamespacesOp(),
            PutOp(("a",), "k", {"v": 2}),
            PutOp(("b",), "new", None),
        ]
    )
    assert [results[place] for place in (0, 2, 5, 6)] == [None] * 4
    assert results[1].value == {"v": 0}
    assert results[3:5] == [[], [("a",)]]
    assert store.get(("a",), "k").value == {"v": 2}
    assert store.get(("b",), "new") is None
    assert store.batch([]) == []


def test_a_value_that_cannot_be_stored_undoes_its_batch(store):
    with pytest.raises(InvalidInput, match="JSON"):
        store.batch([PutOp(("a",), "good", {"v": 1}), PutOp(("a",), "bad", {"v": object()})])
    with pytest.raises(InvalidInput, match="namespace has"):
        store.batch([PutOp(("a",), "good", {"v": 1}), PutOp(("a" * 1000,), "bad", {"v": 1})])
    assert store.search(()) == []
    with pytest.raises(InvalidInput, match="not an operation"):
        store.batch(["get"])


def test_a_batch_of_thousands_is_stored(store):
    store.batch([PutOp(("a",), str(number), {"n": number}, index=False) for number in range(1_200)])
    assert len(store.search(("a",), limit=2_000)) == 1_200


async def test_awaited_operations_do_the_same(tmp_path):
    async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        store = HoldfastStore(memory, app_id="a")
        await asyncio.gather(*(store.aput(("n",), str(n), {"n": n, "text": f"word{n}"}) for n in range(50)))
        found = await asyncio.gather(*(store.aget(("n",), str(n)) for n in range(50)))
        assert [item.value["n"] for item in found] == list(range(50))
        assert keys(await store.asearch(("n",), query="word7", limit=1)) == ["7"]
        assert await store.alist_namespaces() == [("n",)]
        await store.adelete(("n",), "7")
        assert await store.aget(("n",), "7") is None
        with pytest.raises(InvalidNamespaceError):
            await store.aput(("a.b",), "k", {"v": 1})


async def test_one_store_serves_both_ways_inside_a_running_loop(store):
    await store.aput(("a",), "k", {"v": 1})
    store.put(("a",), "l", {"v": 2})  # a blocking tool inside an awaited agent
    await asyncio.to_thread(store.put, ("a",), "m", {"v": 3})
    assert sorted(keys(await store.asearch(("a",)))) == ["k", "l", "m"]


def test_one_store_serves_several_loops(store):
    for number in range(3):
        asyncio.run(store.aput(("a",), str(number), {"n": number}))
    assert len(asyncio.run(store.asearch(("a",)))) == 3


async def test_it_works_behind_langgraphs_batching(memory):
    class Batched(AsyncBatchedBaseStore):
        def __init__(self):
            super().__init__()
            self.store = HoldfastStore(memory, app_id="a")

        def batch(self, ops):
            return self.store.batch(ops)

        async def abatch(self, ops):
            return await self.store.abatch(ops)

    store = Batched()
    await asyncio.gather(*(store.aput(("n",), str(n % 5), {"n": n}) for n in range(20)))
    found = await asyncio.gather(*(store.aget(("n",), str(n)) for n in range(5)))
    assert [item.value["n"] for item in found] == [15, 16, 17, 18, 19]


def test_threads_at_once_lose_nothing_and_see_whole_items(memory):
    store = HoldfastStore(memory, app_id="a", index={"fields": ["x", "y"]})

    def keep(number):
        store.put(("n",), str(number % 4), {"x": f"left {number}", "y": f"right {number}", "n": number})
        store.put(("n", "own"), str(number), {"n": number})

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(keep, range(64)))
    for item in store.search(("n",), filter={"x": {"$ne": None}}):
        number = item.value["n"]
        assert item.value == {"x": f"left {number}", "y": f"right {number}", "n": number}
    assert len(store.search(("n", "own"), limit=100)) == 64


# Searching


def test_a_query_finds_items_by_text_best_first(store):
    store.put(("n",), "tea", {"text": "likes green tea"})
    store.put(("n",), "cat", {"text": "has a cat called Whiskers"})
    found = store.search(("n",), query="what is the cat called?")
    assert keys(found) == ["cat", "tea"]
    assert found[0].score > found[1].score >= 0
    assert [item.score for item in store.search(("n",))] == [None, None]


def test_items_with_the_same_text_are_all_found(store):
    for number in range(3):
        store.put(("n", str(number)), "k", {"text": "likes tea"})
    assert len(store.search(("n",), query="tea")) == 3


def test_only_the_indexed_fields_are_searched(memory):
    store = HoldfastStore(memory, app_id="a", index={"fields": ["title", "notes[*].text"]})
    store.put(("n",), "k", {"title": "Whiskers", "secret": "password", "notes": [{"text": "tea"}, {"text": "milk"}]})
    store.put(("n",), "own", {"title": "Whiskers", "secret": "password"}, index=["secret"])
    assert keys(store.search(("n",), query="password", limit=1)) == ["own"]
    for query in ("tea", "milk", "Whiskers"):
        assert keys(store.search(("n",), query=query, limit=1)) == ["k"]
        assert sorted(keys(store.search(("n",), query=query))) == ["k", "own"]


def test_an_item_with_many_texts_is_one_result_and_is_replaced_with_all_of_them(memory):
    store = HoldfastStore(memory, app_id="a", index={"fields": ["notes[*]"]})
    store.put(("n",), "many", {"notes": [f"tea number{number}" for number in range(40)]})
    store.put(("n",), "one", {"notes": ["tea number0 exactly"]})
    assert sorted(keys(store.search(("n",), query="tea", limit=2))) == ["many", "one"]
    assert keys(store.search(("n",), query="number39", limit=1)) == ["many"]
    store.put(("n",), "many", {"notes": ["coffee"]})
    assert keys(store.search(("n",), query="number39 tea", limit=1)) == ["one"]
    assert len(memory.get_all(app_id="a")["results"]) == 2


def test_without_default_fields_only_items_that_name_fields_are_indexed(memory):
    store = HoldfastStore(memory, app_id="a", index={"fields": []})
    store.put(("n",), "default", {"text": "Whiskers is a cat"})
    store.put(("n",), "named", {"text": "Rex is a dog", "secret": "cat"}, index=["text"])
    store.put(("n",), "whole", {"text": "Bubbles is a fish"}, index=["$"])
    store.put(("n",), "never", {"text": "cat"}, index=False)
    store.put(("n",), "none", {"text": "cat"}, index=[])
    found = {item.key: item.score for item in store.search(("n",), query="cat")}
    assert {key for key, score in found.items() if score is not None} == {"named", "whole"}
    assert found.keys() == {"default", "named", "whole", "never", "none"}
    assert keys(store.search(("n",), query="dog", limit=1)) == ["named"]
    assert keys(store.search(("n",), query="fish", limit=1)) == ["whole"]


@pytest.mark.parametrize("fields", [("title",), ["title"]])
def test_default_fields_are_a_list_or_a_tuple(memory, fields):
    store = HoldfastStore(memory, app_id="a", index={"fields": fields})
    store.put(("n",), "k", {"title": "Whiskers", "text": "cat"})
    assert store.search(("n",), query="Whiskers")[0].score is not None


@pytest.mark.parametrize("nothing", [None, {}, {"fields": None}, {"fields": ["$"]}])
def test_the_whole_value_is_indexed_by_default(memory, nothing):
    store = HoldfastStore(memory, app_id="a", index=nothing)
    store.put(("n",), "k", {"title": "Whiskers", "text": "cat"})
    store.put(("n",), "l", {"title": "Rex", "text": "dog"})
    assert keys(store.search(("n",), query="Rex", limit=1)) == ["l"]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({"fields": "text"}, r"fields is 'text': give a list of paths such as \['text'\]"),
        ({"fields": b"text"}, "fields is b'text'"),
        ({"fields": 5}, "fields is 5"),
        ({"fields": False}, "fields is False"),
        ({"fields": {"text": 1}}, "fields is {'text': 1}"),
        ({"fields": ["text", 5]}, "fields holds 5"),
        ({"fields": [""]}, "fields holds ''"),
        ({"fields": [["text"]]}, r"fields holds \['text'\]"),
        (True, "index is True"),
        ("text", "index is 'text'"),
        (["text"], r"index is \['text'\]"),
        ({"field": ["text"]}, "index names field"),
    ],
)
def test_an_unusable_index_is_refused(memory, index, words):
    with pytest.raises(InvalidInput, match=words):
        HoldfastStore(memory, app_id="a", index=index)


@pytest.mark.parametrize(
    ("put", "words"),
    [
        ({"index": "text"}, r"index is 'text': give a list of paths such as \['text'\], or False"),
        ({"index": True}, "index is True"),
        ({"index": [5]}, "index holds 5"),
        ({"index": {"fields": ["text"]}}, "index is {'fields'"),
        ({"value": "text"}, "the value of 'k' is str: it must be a dictionary"),
        ({"value": [("a", 1)]}, "the value of 'k' is list"),
        ({"value": {"a": {"b": object()}}}, r"^value\['a'\]\['b'\] is <object>"),
        ({"value": {"a": [b"x"]}}, r"^value\['a'\]\[0\] is b'x'"),
        ({"value": {5: 1}}, "^value has the key 5"),
        ({"value": {"a": "x\0"}}, "^a text of the value holds a NUL"),
        ({"value": {"a": "x\0"}, "index": False}, r"^value\['a'\] holds a NUL"),
        ({"value": {"a\0": 1}}, "^a key of value holds a NUL"),
        ({"value": {"a": list(range(10_001))}}, "^the value holds more than"),
        ({"key": "k\0"}, "^key holds a NUL"),
        ({"key": "\ud800"}, "^key holds half"),
        ({"namespace": ("\ud800",)}, "^the namespace holds half"),
    ],
)
def test_an_error_names_what_the_caller_gave_and_nothing_is_stored(store, put, words):
    arguments = {"namespace": ("n",), "key": "k", "value": {"text": "tea"}, "index": None, **put}
    with pytest.raises(InvalidInput, match=words) as caught:
        store.put(**arguments)
    assert "metadata" not in str(caught.value)
    assert "langgraph" not in str(caught.value)
    with pytest.raises(InvalidInput, match=words):
        asyncio.run(store.aput(**arguments))
    assert store.search(()) == []


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"filter": "text"}, "filter is str"),
        ({"filter": ["a"]}, "filter is list"),
        ({"filter": {"a": {"$in": [1]}}}, "Unsupported operator: '\\$in'"),
        ({"filter": {5: 1}}, "filter key 5"),
        ({"filter": {"a" * 151: 1}}, "filter key"),
        ({"filter": {"a": "\0"}}, None),
        ({"query": ["tea"]}, "query is list"),
        ({"limit": "5"}, "limit is '5'"),
        ({"offset": 1.5}, "offset is 1.5"),
    ],
)
def test_an_error_of_a_search_names_what_the_caller_gave(store, search, words):
    store.put(("n",), "k", {"a": 1})
    if words is None:
        assert store.search(("n",), **search) == []
        return
    with pytest.raises(InvalidInput, match=words) as caught:
        store.search(("n",), **search)
    assert "metadata" not in str(caught.value)


def test_items_without_an_index_come_last_without_a_score(store):
    store.put(("n",), "hidden", {"text": "password"}, index=False)
    store.put(("n",), "empty", {})
    store.put(("n",), "shown", {"text": "tea"})
    found = store.search(("n",), query="password")
    assert keys(found)[0] == "shown"
    assert [item.score is None for item in found] == [False, True, True]
    assert keys(store.search(("n",), query="password", limit=1)) == ["shown"]


def test_without_an_index_a_query_lists(memory):
    store = HoldfastStore(memory, app_id="a", index=False)
    for key in "abc":
        store.put(("n",), key, {"text": key}, index=["text"])
    assert [(item.key, item.score) for item in store.search(("n",), query="a")] == [
        ("c", None),
        ("b", None),
        ("a", None),
    ]


@pytest.mark.parametrize("query", [None, "tea"])
def test_pages_return_every_item_once(store, query):
    for number in range(9):
        store.put(("n", str(number % 2)), str(number), {"text": f"tea {number}", "even": number % 2 == 0})
    whole = keys(store.search(("n",), query=query, limit=100))
    assert len(whole) == 9
    pages = [keys(store.search(("n",), query=query, limit=4, offset=offset)) for offset in (0, 4, 8, 12)]
    assert [*itertools.chain(*pages)] == whole
    even = keys(store.search(("n",), query=query, filter={"even": True}))
    assert keys(store.search(("n",), query=query, filter={"even": True}, limit=2, offset=1)) == even[1:3]
    assert store.search(("n",), query=query, limit=0) == []


VALUE = {
    "n": 5,
    "real": 2.5,
    "word": "b",
    "flag": True,
    "none": None,
    "list": [1, 2],
    "deep": {"x": {"y-z": 1}},
    "a.b": 7,
}


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ({"n": 5}, True),
        ({"n": 5.0}, True),
        ({"n": "5"}, False),
        ({"n": {"$eq": 5}}, True),
        ({"n": {"$ne": 5}}, False),
        ({"n": {"$gt": 4, "$lte": 5}}, True),
        ({"n": {"$lt": 5}}, False),
        ({"real": {"$gte": 2.5}}, True),
        ({"word": {"$gt": "a"}}, True),
        ({"word": {"$gt": 1}}, False),
        ({"missing": {"$gt": 1}}, False),
        ({"missing": {"$ne": 1}}, True),
        ({"missing": None}, True),
        ({"none": None}, True),
        ({"none": 1}, False),
        ({"flag": True}, True),
        ({"flag": 1}, False),
        ({"flag": {"$gte": 0}}, False),
        ({"list": [1, 2]}, True),
        ({"list": [2, 1]}, False),
        ({"list": [1, {"$gt": 1}]}, True),
        ({"deep": {"x": {"y-z": 1}}}, True),
        ({"deep": {"x": {"y-z": {"$gt": 1}}}}, False),
        ({"deep.x.y-z": 1}, True),
        ({"deep.x.y-z.q": 1}, False),
        ({"a.b": 7}, True),
        ({"word": "*"}, False),
        ({"n": 5, "word": "c"}, False),
        ({"n": 2**70}, False),
        ({"n": float("nan")}, False),
        ({"word": "b\0"}, False),
        ({"word": "\ud800"}, False),
    ],
)
@pytest.mark.parametrize("query", [None, "b"])
def test_filters_compare_values_as_json(store, wanted, holds, query):
    store.put(("n",), "k", VALUE)
    store.put(("n",), "other", {"word": "other"})
    assert ("k" in keys(store.search(("n",), query=query, filter=wanted))) is holds


@pytest.mark.parametrize("key", ["a'b", 'a"b', "a;b", "a\\b", "", ".a", "a..b", "a\0", 1])
def test_unsafe_filter_keys_are_refused(store, key):
    store.put(("n",), "k", {"a": 1})
    with pytest.raises(ValueError, match="Invalid filter key"):
        store.search(("n",), filter={key: 1})


def test_unknown_operators_are_refused(store):
    store.put(("n",), "k", {"a": 1})
    with pytest.raises(InvalidFilter, match="Unsupported operator"):
        store.search(("n",), filter={"a": {"$regex": "x"}})


def test_a_filter_and_a_query_find_the_one_among_many(memory):
    store = HoldfastStore(memory, app_id="a")
    store.batch([PutOp(("n",), str(n), {"text": f"tea {n}", "n": n}) for n in range(1_100)])
    assert keys(store.search(("n",), query="tea", filter={"n": {"$gte": 1_099}})) == ["1099"]
    assert keys(store.search(("n",), query="tea 1042", filter={"n": {"$gt": 50}}, limit=1)) == ["1042"]


# Time to live


class Clock:
    """A clock that the test sets."""

    def __init__(self, monkeypatch):
        self.moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
        for module in ("items", "store_reads", "store_writes"):
            monkeypatch.setattr(f"holdfast_langgraph.{module}.now", lambda: self.moment)

    def pass_minutes(self, minutes):
        self.moment += timedelta(minutes=minutes)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_an_item_expires_after_its_ttl(store, clock):
    store.put(("n",), "short", {"text": "tea"}, ttl=10)
    store.put(("n",), "long", {"text": "tea"})
    clock.pass_minutes(9)
    assert store.get(("n",), "short", refresh_ttl=False)
    clock.pass_minutes(1)
    assert store.get(("n",), "short") is None
    assert keys(store.search(("n",))) == keys(store.search(("n",), query="tea")) == ["long"]
    assert keys(store.search(("n",), filter={"text": "tea"})) == ["long"]
    store.delete(("n",), "long")
    assert store.list_namespaces() == []


@pytest.mark.parametrize(
    "read",
    [
        lambda store, **how: store.get(("n",), "k", **how),
        lambda store, **how: store.search(("n",), **how),
        lambda store, **how: store.search(("n",), query="left", **how),
    ],
)
def test_reading_refreshes_the_ttl_unless_switched_off(memory, clock, read):
    store = HoldfastStore(memory, app_id="a", index={"fields": ["x", "y"]})
    store.put(("n",), "k", {"x": "left", "y": "right"}, ttl=10)
    written = store.get(("n",), "k", refresh_ttl=False).updated_at
    clock.pass_minutes(8)
    assert read(store)
    clock.pass_minutes(8)
    assert read(store, refresh_ttl=False)
    assert keys(store.search(("n",), query="right", refresh_ttl=False)) == ["k"]
    assert store.get(("n",), "k", refresh_ttl=False).updated_at == written
    clock.pass_minutes(2)
    assert not read(store)


def test_reading_often_does_not_write_often(memory, clock):
    store = HoldfastStore(memory, app_id="a")
    store.put(("n",), "k", {"x": 1}, ttl=100)
    memory_id = memory.get_all(app_id="a")["results"][0]["id"]
    for _ in range(50):
        clock.pass_minutes(1)
        assert store.get(("n",), "k")
    assert len(memory.history(memory_id)) <= 6


def test_putting_again_sets_a_new_ttl(store, clock):
    store.put(("n",), "k", {"v": 1}, ttl=10)
    store.put(("n",), "k", {"v": 2})
    clock.pass_minutes(60)
    assert store.get(("n",), "k").value == {"v": 2}


@pytest.mark.parametrize("ttl", [float("nan"), 1e300, "soon"])
def test_an_invalid_ttl_is_refused(store, ttl):
    with pytest.raises(InvalidInput, match="ttl"):
        store.put(("n",), "k", {"v": 1}, ttl=ttl)
    assert store.search(()) == []


def test_the_default_ttl_applies_when_none_is_given(memory, clock):
    store = HoldfastStore(memory, app_id="a", ttl={"default_ttl": 5, "refresh_on_read": False})
    store.put(("n",), "k", {"v": 1})
    store.put(("n",), "kept", {"v": 1}, ttl=None)
    clock.pass_minutes(4)
    assert store.get(("n",), "k")
    clock.pass_minutes(1)
    assert keys(store.search(("n",))) == ["kept"]


async def test_only_expired_items_are_swept(memory, clock):
    store, other = HoldfastStore(memory, app_id="a", index={"fields": ["x", "y"]}), HoldfastStore(memory, app_id="b")
    for one in (store, other):
        one.put(("n",), "short", {"x": "left", "y": "right"}, ttl=1)
        one.put(("n",), "long", {"x": "left"}, ttl=100)
    memory.add("I live in Lisbon.", app_id="a", metadata={"expires_at": "2020-01-01"})
    clock.pass_minutes(2)
    assert (store.sweep_ttl(), store.sweep_ttl()) == (1, 0)
    assert len(memory.get_all(app_id="a")["results"]) == 2
    assert await other.asweep_ttl() == 1


def test_a_write_sweeps_when_it_is_time(memory, clock):
    store = HoldfastStore(memory, app_id="a", ttl={"sweep_interval_minutes": 0})
    store.put(("n",), "short", {"v": 1}, ttl=1)
    clock.pass_minutes(2)
    store.put(("n",), "other", {"v": 1})
    assert len(memory.get_all(app_id="a")["results"]) == 1


# Construction, failures and copies


@pytest.mark.parametrize("wrong", [{}, {"user_id": " "}, {"app_id": "a", "index": {"dims": 3, "embed": len}}])
def test_invalid_settings_are_refused_at_construction(memory, wrong):
    with pytest.raises(InvalidInput):
        HoldfastStore(memory, **wrong)


def test_a_failing_memory_is_never_an_empty_answer(memory, store):
    store.put(("n",), "k", {"v": 1})
    memory.close()
    for call in (
        lambda: store.get(("n",), "k"),
        lambda: store.search(("n",)),
        lambda: store.put(("n",), "l", {"v": 1}),
    ):
        with pytest.raises(StorageError, match="closed"):
            call()


def test_a_failing_embedder_leaves_the_item_unchanged(tmp_path):
    class Failing(ScriptedEmbedder):
        broken = False

        def embed(self, texts):
            if self.broken:
                raise OSError("out of order")
            return super().embed(texts)

    embedder = Failing()
    with Memory(tmp_path / "memory.db", llm="rules", embedder=embedder) as memory:
        store = HoldfastStore(memory, app_id="a")
        store.put(("n",), "k", {"text": "tea"})
        embedder.broken = True
        with pytest.raises(Exception, match="out of order"):
            store.put(("n",), "k", {"text": "coffee"})
        assert store.get(("n",), "k").value == {"text": "tea"}


def test_copies_and_pickles_share_one_store(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        store = HoldfastStore(memory, app_id="a", ttl={"default_ttl": 5})
        copy.deepcopy({"agent": [store]})["agent"][0].put(("n",), "k", {"v": 1})
        elsewhere = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own
        assert elsewhere.get(("n",), "k").value == {"v": 1}
        elsewhere.put(("n",), "l", {"v": 2})
        assert keys(store.search(("n",))) == ["l", "k"]


def test_a_forked_worker_writes_to_the_same_store(output_of, tmp_path):
    program = """
import os, sys
from holdfast import Memory
from holdfast_langgraph import HoldfastStore
with Memory(sys.argv[1], llm="rules", embedder="hashing") as memory:
    store = HoldfastStore(memory, app_id="a")
    store.put(("n",), "parent", {"v": 1})
    child = os.fork()
    if not child:
        store.put(("n",), "child", {"v": store.get(("n",), "parent").value["v"] + 1})
        os._exit(0)
    os.waitpid(child, 0)
    print(store.get(("n",), "child").value["v"])
"""
    assert output_of(program, tmp_path / "memory.db") == ["2"]


def test_a_graph_hands_the_store_to_its_nodes(store):
    def node(state, *, store: BaseStore):
        store.put(("notes",), "last", {"text": state["messages"][-1].content})
        return {"messages": [AIMessage(store.search(("notes",), query="tea")[0].value["text"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    result = graph.compile(store=store).invoke({"messages": [("user", "I like tea")]})
    assert result["messages"][-1].content == "I like tea"


def test_other_adapters_see_the_readable_text(store, memory):
    store.put(("n",), "one", {"content": "Ana likes tea"})
    store.put(("n",), "two", {"kind": "pet", "about": {"name": "Whiskers", "tags": ["cat", "grey"]}, "none": None})
    store.put(("n",), "three", {"x": 1}, index=False)
    shown = {
        item["metadata"]["langgraph"]["key"]: item["memory"] for item in memory.get_all(app_id="assistant")["results"]
    }
    assert shown == {
        "one": "Ana likes tea",
        "two": "kind: pet; about name: Whiskers; about tags: cat, grey",
        "three": "n/three",
    }


def test_a_value_larger_than_the_indexed_text_is_stored_whole(store):
    text = "word " * 50_000
    store.put(("n",), "k", {"text": text})
    assert store.get(("n",), "k").value == {"text": text}
    assert keys(store.search(("n",), query="word")) == ["k"]


# Compared with LangGraph's own store

NAMESPACES = st.lists(st.sampled_from(["a", "b", "*", "é/"]), min_size=1, max_size=3).map(tuple)
VALUES = st.dictionaries(
    st.sampled_from(["x", "y", "z"]),
    st.one_of(st.none(), st.integers(-3, 3), st.text("ab", max_size=2), st.lists(st.integers(0, 2), max_size=2)),
)
PUTS = st.tuples(NAMESPACES, st.sampled_from(["k", "l"]), st.one_of(st.none(), VALUES)).map(lambda parts: PutOp(*parts))
READS = st.one_of(
    st.tuples(NAMESPACES, st.sampled_from(["k", "l"])).map(lambda parts: GetOp(*parts)),
    st.builds(
        lambda prefix, wanted: SearchOp(prefix, wanted, limit=100),
        st.one_of(st.just(()), NAMESPACES),
        st.one_of(st.none(), VALUES, st.fixed_dictionaries({"x": st.fixed_dictionaries({"$ne": st.integers(-3, 3)})})),
    ),
)


def plain(result):
    """Return a result without times and without the order of a listing."""
    if isinstance(result, list):
        return sorted(json.dumps([item.namespace, item.key, item.value], sort_keys=True) for item in result)
    return None if result is None else (result.namespace, result.key, result.value)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.one_of(PUTS, READS), max_size=4), max_size=8))
def test_every_batch_answers_as_langgraphs_own_store_does(batches):
    with memory_for_tests() as memory:
        ours, theirs = HoldfastStore(memory, app_id="a"), InMemoryStore()
        for batch in batches:
            assert [plain(one) for one in ours.batch(batch)] == [plain(one) for one in theirs.batch(batch)]
        alive = {item.namespace for item in theirs.search((), limit=1000)}
        assert set(ours.list_namespaces(limit=1000)) == alive
