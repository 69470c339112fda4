"""The retriever, tools, chat history and vector store, with langchain-core alone."""

import asyncio
import copy
import logging
import multiprocessing
import pickle
import subprocess
import sys

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.utils.function_calling import convert_to_openai_tool
from tests.adapters.langchain_conversation import RunnableConversation
from tests.contracts.adapter_contract import HOSTILE_IDS, AdapterContract, Clearing
from tests.results import stored_texts

import holdfast_langchain
from holdfast import AsyncMemory, InvalidInput, StorageError
from holdfast.testing import ScriptedChatModel, memory_for_tests
from holdfast_langchain import (
    FROM_CONFIG,
    HoldfastChatMessageHistory,
    HoldfastRetriever,
    HoldfastVectorStore,
    memory_tools,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::langchain_core._api.deprecation.LangChainDeprecationWarning",
    # Python warns about forks with running threads; this test forks on purpose.
    "ignore:.*multi-threaded.*fork:DeprecationWarning",
)

NO_ONE = "00000000-0000-4000-8000-000000000000"


def tool(name, memory, **options):
    tools = {one.name: one for one in memory_tools(memory, **(options or {"user_id": "ana"}))}
    return tools[f"{name}_memory"]


def called(one, config=None, **arguments):
    """Return the `ToolMessage` that a model gets for a call."""
    return one.invoke({"type": "tool_call", "name": one.name, "id": "1", "args": arguments}, config)


def programs(source):
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)


# Importing


def test_the_public_names_are_these():
    assert sorted(holdfast_langchain.__all__) == [
        "FROM_CONFIG",
        "HoldfastChatMessageHistory",
        "HoldfastMemory",
        "HoldfastRetriever",
        "HoldfastVectorStore",
        "MemoryMiddleware",
        "memory_tools",
    ]
    with pytest.raises(AttributeError, match="HoldfastMemroy"):
        _ = holdfast_langchain.HoldfastMemroy


@pytest.mark.parametrize(
    ("missing", "name", "extra"),
    [
        ("langchain_core", "memory_tools", "langchain"),
        ("langchain_classic langchain_core.memory", "HoldfastMemory", "langchain-classic"),
        ("langchain.agents langchain", "MemoryMiddleware", "langchain-agents"),
    ],
)
def test_a_missing_package_is_an_import_error_that_says_what_to_install(missing, name, extra):
    source = (
        f"import sys; sys.modules.update(dict.fromkeys({missing.split()!r})); from holdfast_langchain import {name}"
    )
    assert programs(source).stderr.splitlines()[-1].endswith(f'pip install "holdfast[{extra}]"')


def test_importing_loads_only_what_is_used():
    heavy = ["langchain", "langchain_classic", "langgraph", "langchain_core.vectorstores"]
    source = f"import sys, holdfast_langchain; print([name for name in {heavy} if name in sys.modules])"
    assert programs(source).stdout.strip() == "[]"


# The chain of runnables: retriever and message history


class TestAChainOfRunnables(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return RunnableConversation(memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return HoldfastRetriever(memory=memory, **ids)

    def make_clearing(self, memory, *, clears_scope=False, **ids):
        store = HoldfastVectorStore(memory=memory, clears_scope=clears_scope, **ids)
        clearing = [Clearing(lambda text: store.add_texts([text]), store.delete)]
        if not clears_scope:  # a session is cleared of its messages alone
            session = HoldfastChatMessageHistory(memory=memory, run_id="monday", infer=False, **ids)
            clearing.append(Clearing(session.add_user_message, session.clear))
        return clearing


# The retriever


def test_documents_have_their_scope_and_score_as_metadata(memory):
    added = memory.add("I live in Lisbon.", user_id="ana", metadata={"source": "chat"})["results"][0]
    (found,) = HoldfastRetriever(memory=memory, user_id="ana").invoke("Where do I live?")
    assert (found.id, found.page_content) == (added["id"], "I live in Lisbon.")
    assert found.metadata["user_id"] == "ana"
    assert found.metadata["source"] == "chat"
    assert 0 < found.metadata["score"] <= 1
    assert found.metadata["created_at"].startswith("20")


async def test_limits_thresholds_and_filters_apply_per_object_and_per_call(memory):
    memory.add("I live in Lisbon.", user_id="ana", metadata={"topic": "home"})
    memory.add("I work in Porto.", user_id="ana", metadata={"topic": "work"})
    retriever = HoldfastRetriever(memory=memory, user_id="ana", k=1)
    assert len(retriever.invoke("Where?")) == 1
    assert len(await retriever.ainvoke("Where?", k=2)) == 2
    assert await retriever.ainvoke("Where?", score_threshold=1.0) == []
    (found,) = retriever.invoke("Where?", k=5, filters={"topic": "work"})
    assert found.page_content == "I work in Porto."
    assert HoldfastRetriever(memory=memory, user_id="ana", score_threshold=1.0).invoke("Where?") == []


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": 1001}, {"score_threshold": 1.5}, {"kk": 3}])
def test_options_out_of_range_are_refused_at_once(memory, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        HoldfastRetriever(memory=memory, user_id="ana", **wrong)


def test_a_configurable_retriever_stays_in_its_scope(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    memory.add("I live in Rome.", user_id="ben")
    retriever = HoldfastRetriever(memory=memory, user_id="ana").configurable_fields(k=ConfigurableField(id="k"))
    found = retriever.invoke("Where do I live?", {"configurable": {"k": 3}})
    assert [document.page_content for document in found] == ["I live in Lisbon."]


@pytest.mark.parametrize("filters", [{"user_id": "ben"}, {"OR": [{"user_id": "ben"}, {"user_id": "ana"}]}])
def test_no_filter_reaches_another_scope(memory, filters):
    memory.add("I live in Rome.", user_id="ben")
    assert HoldfastRetriever(memory=memory, user_id="ana", filters=filters).invoke("Where?") == []


def test_a_failing_memory_returns_nothing_or_raises(memory, caplog):
    gentle = HoldfastRetriever(memory=memory, user_id="ana")
    strict = HoldfastRetriever(memory=memory, user_id="ana", on_error="raise")
    memory.close()
    with caplog.at_level(logging.WARNING, logger="holdfast"):
        assert gentle.invoke("Where?") == []
    assert "closed" in caplog.text
    with pytest.raises(StorageError, match="closed"):
        strict.invoke("Where?")


def test_a_copied_or_pickled_retriever_reads_the_same_store(memory):
    retriever = HoldfastRetriever(memory=memory, user_id="ana")
    copies = [copy.copy(retriever), copy.deepcopy(retriever), pickle.loads(pickle.dumps(retriever))]  # noqa: S301 - our own
    memory.add("I live in Lisbon.", user_id="ana")
    assert [len(copied_retriever.invoke("Where?")) for copied_retriever in copies] == [1, 1, 1]


async def test_a_forked_worker_reads_and_writes_the_same_store(memory):
    retriever = HoldfastRetriever(memory=memory, user_id="ana", on_error="raise")
    add = tool("add", memory, user_id="ana", on_error="raise")
    await add.ainvoke({"text": "I live in Lisbon."})
    await retriever.ainvoke("Where?")  # its threads run now and do not exist in the fork

    def work():
        found = asyncio.run(retriever.ainvoke("Where do I live?"))
        asyncio.run(add.ainvoke({"text": f"My worker found {len(found)} memory."}))

    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    await asyncio.to_thread(worker.join, 60)
    assert worker.exitcode == 0
    assert "My worker found 1 memory." in stored_texts(memory)


# The tools


def test_the_tools_remember_find_correct_and_forget(memory):
    added = called(tool("add", memory), text="I live in Lisbon.")
    (event,) = added.artifact
    assert event["event"] == "ADD"
    found = called(tool("search", memory), query="Where do I live?")
    assert event["id"] in found.content
    assert [item["memory"] for item in found.artifact] == ["I live in Lisbon."]
    changed = called(tool("update", memory), memory_id=event["id"], text="I live in Porto.")
    assert changed.content == f"UPDATE [{event['id']}] I live in Porto."
    assert "I live in Porto." in called(tool("get_all", memory)).content
    gone = called(tool("delete", memory), memory_id=event["id"])
    assert (gone.content, gone.artifact[0]["memory"]) == (f"DELETE [{event['id']}]", "I live in Porto.")
    assert called(tool("get_all", memory)).content == "Nothing is remembered."


async def test_awaited_tools_await_the_memory():
    class Awaited(ScriptedChatModel):
        def complete(self, *_, **__):
            raise AssertionError("blocks the event loop")

    model = Awaited({"facts": [{"text": "Lives in Lisbon"}]})
    async with AsyncMemory(":memory:", llm=model, embedder="hashing") as memory:
        (event,) = (await tool("add", memory).ainvoke(_call("add_memory", text="I live in Lisbon."))).artifact
        found = await tool("search", memory).ainvoke(_call("search_memory", query="Where?"))
        assert found.artifact[0]["id"] == event["id"]
        await tool("update", memory).ainvoke({"memory_id": event["id"], "text": "Lives in Porto"})
        assert "Porto" in await tool("get_all", memory).ainvoke({})
        assert await tool("delete", memory).ainvoke({"memory_id": event["id"]}) == f"DELETE [{event['id']}]"
        assert await tool("get_all", memory).ainvoke({}) == "Nothing is remembered."


def _call(name, **arguments):
    return {"type": "tool_call", "name": name, "id": "1", "args": arguments}


def test_no_tool_shows_a_scope_id_to_the_model(memory):
    for one in memory_tools(memory, user_id=FROM_CONFIG, agent_id="helper"):
        assert set(one.args) <= {"text", "query", "limit", "memory_id"}
        assert "config" not in str(convert_to_openai_tool(one)).lower()


def test_a_scope_named_by_the_model_is_ignored(memory):
    memory.add("My cat is called Whiskers.", user_id="ben")
    found = called(tool("search", memory), query="cat", user_id="ben", config={"configurable": {"user_id": "ben"}})
    assert "Whiskers" not in found.content
    called(tool("add", memory), text="I live in Lisbon.", user_id="ben")
    assert stored_texts(memory, user_id="ben") == ["My cat is called Whiskers."]


def test_another_users_memory_id_finds_nothing(memory):
    theirs = memory.add("My cat is called Whiskers.", user_id="ben")["results"][0]["id"]
    for name, arguments in (("update", {"memory_id": theirs, "text": "mine"}), ("delete", {"memory_id": theirs})):
        answer = called(tool(name, memory), **arguments)
        assert answer.status == "error"
        assert "there is no memory" in answer.content
    assert stored_texts(memory, user_id="ben") == ["My cat is called Whiskers."]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("search", {}, "query"),
        ("search", {"query": "cat", "limit": 1000}, "limit"),
        ("search", {"query": "  "}, "blank"),
        ("search", {"query": "cat", "user_id": "ben"}, "takes no 'user_id'"),
        ("add", {"text": ""}, "blank|nothing to remember"),
        ("add", {"text": None}, "text"),
        ("delete", {"memory_id": NO_ONE}, "there is no memory"),
        ("update", {"memory_id": NO_ONE, "text": "x"}, "there is no memory"),
    ],
)
def test_invalid_arguments_are_answered_with_an_explanation(memory, name, arguments, words):
    answer = called(tool(name, memory), **arguments)
    assert answer.status == "error"
    assert any(word in answer.content for word in words.split("|")), answer.content


def test_the_program_sets_the_scope_of_each_run(memory):
    add = tool("add", memory, user_id=FROM_CONFIG)
    for user in ("ana", "ben"):
        called(add, {"configurable": {"user_id": user}}, text=f"My name is {user}.")
    assert stored_texts(memory, user_id="ana") == ["My name is ana."]
    assert stored_texts(memory, user_id="ben") == ["My name is ben."]


@pytest.mark.parametrize("config", [None, {}, {"configurable": {}}, {"configurable": {"user_id": " "}}])
def test_a_run_without_a_scope_is_refused(memory, config):
    with pytest.raises(InvalidInput, match="user_id"):
        called(tool("search", memory, user_id=FROM_CONFIG, agent_id="helper"), config, query="cat")


@pytest.mark.parametrize("user_id", HOSTILE_IDS)
def test_hostile_ids_in_a_run_reach_no_other_scope(memory, user_id):
    memory.add("My cat is called Whiskers.", user_id="ana")
    search = tool("search", memory, user_id=FROM_CONFIG)
    assert "Whiskers" not in called(search, {"configurable": {"user_id": user_id}}, query="cat").content


def test_a_failure_is_answered_or_raised(memory, caplog):
    gentle, strict = tool("delete", memory), tool("delete", memory, user_id="ana", on_error="raise")
    memory.close()
    with caplog.at_level(logging.WARNING, logger="holdfast"):
        answer = called(gentle, memory_id=NO_ONE)
    assert answer.status == "error"
    assert "memory failed" in answer.content
    assert caplog.records
    with pytest.raises(StorageError, match="closed"):
        called(strict, memory_id=NO_ONE)


@pytest.mark.parametrize("make", [memory_tools, lambda memory, **ids: HoldfastVectorStore(memory=memory, **ids)])
def test_a_missing_scope_is_refused_at_once(memory, make):
    with pytest.raises(InvalidInput, match="no scope is named"):
        make(memory)


# The chat history


def history(memory, **options):
    return HoldfastChatMessageHistory(memory=memory, **{"user_id": "ana", "run_id": "monday", **options})


def test_messages_are_read_back_unchanged_by_another_process(memory):
    messages = [
        SystemMessage("Be kind."),
        HumanMessage([{"type": "text", "text": "Look 🦊"}, {"type": "image_url", "image_url": {"url": "data:,"}}]),
        AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Lisbon"}, "id": "1"}], id="m1"),
        ToolMessage("sunny", tool_call_id="1", artifact={"degrees": 21.5}),
        AIMessage("It is sunny.", additional_kwargs={"nothing": None}),
    ]
    history(memory).add_messages(messages[:2])
    history(memory).add_messages(messages[2:])
    assert history(memory).messages == messages


def test_the_same_words_twice_are_two_messages(memory):
    for _ in range(3):
        history(memory).add_messages([HumanMessage("yes"), AIMessage("ok")])
    assert [message.content for message in history(memory).messages] == ["yes", "ok"] * 3


def test_facts_are_shared_across_sessions_and_messages_are_not(memory):
    history(memory).add_messages([HumanMessage("I live in Lisbon."), AIMessage("Noted.")])
    assert history(memory, run_id="tuesday").messages == []
    assert stored_texts(memory) == ["I live in Lisbon."]
    history(memory, run_id="tuesday").add_messages([HumanMessage("I live in Porto now."), AIMessage("Noted.")])
    assert stored_texts(memory) == ["I live in Porto now."]


def test_no_search_and_no_prompt_shows_a_transcript(memory):
    history(memory, infer=False).add_messages([HumanMessage("My cat is called Whiskers."), AIMessage("Noted.")])
    assert stored_texts(memory) == []
    assert memory.search("2 messages", user_id="ana")["results"] == []
    assert memory.context("2 messages", user_id="ana") == ""


def test_clearing_a_session_leaves_other_sessions_and_facts(memory):
    for day in ("monday", "tuesday"):
        history(memory, run_id=day).add_messages([HumanMessage("I live in Lisbon."), AIMessage("Noted.")])
    history(memory).clear()
    assert history(memory).messages == []
    assert len(history(memory, run_id="tuesday").messages) == 2
    assert stored_texts(memory) == ["I live in Lisbon."]


def test_deleting_a_user_deletes_the_transcripts_too(memory):
    history(memory).add_messages([HumanMessage("I live in Lisbon."), AIMessage("Noted.")])
    memory.delete_all(user_id="ana")
    assert history(memory).messages == []


def test_sessions_of_one_name_belong_to_different_users(memory):
    history(memory, user_id="ben").add_messages([HumanMessage("I live in Rome."), AIMessage("Noted.")])
    assert history(memory).messages == []
    assert history(memory, user_id=None).messages == []


def test_a_session_must_be_named(memory):
    with pytest.raises(InvalidInput, match="run_id"):
        HoldfastChatMessageHistory(memory=memory, user_id="ana")


async def test_an_awaited_history_stores_the_same(memory):
    await history(memory).aadd_messages([HumanMessage("I live in Lisbon."), AIMessage("Noted.")])
    assert await history(memory).aget_messages() == history(memory).messages
    assert stored_texts(memory) == ["I live in Lisbon."]
    await history(memory).aclear()
    assert await history(memory).aget_messages() == []


def test_empty_turns_and_tool_calls_store_nothing(memory):
    strict = history(memory, on_error="raise")
    strict.add_messages([])
    strict.add_messages([HumanMessage("  "), AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "1"}])])
    assert len(strict.messages) == 2
    assert stored_texts(memory) == []


# The vector store


def test_documents_with_one_id_in_two_scopes_are_separate(memory):
    for user, text in (("ana", "tea"), ("ben", "coffee")):
        HoldfastVectorStore(memory=memory, user_id=user).add_texts([text], ids=["1"])
    assert HoldfastVectorStore(memory=memory, user_id="ana").get_by_ids(["1"])[0].page_content == "tea"
    HoldfastVectorStore(memory=memory, user_id="ana").delete(["1"])
    assert HoldfastVectorStore(memory=memory, user_id="ben").get_by_ids(["1"])[0].page_content == "coffee"


def test_two_documents_can_have_the_same_text(memory):
    store = HoldfastVectorStore(memory=memory, user_id="ana")
    first, second = store.add_texts(["tea", "tea"], [{"page": 1}, {"page": 2}])
    assert [document.metadata for document in store.get_by_ids([second, first])] == [{"page": 2}, {"page": 1}]


def test_removed_metadata_stays_removed(memory):
    store = HoldfastVectorStore(memory=memory, user_id="ana")
    store.add_texts(["tea"], [{"page": 1, "draft": True}], ids=["1"])
    store.add_documents([Document("tea", id="1", metadata={"page": 2})])
    assert store.get_by_ids(["1"]) == [Document("tea", id="1", metadata={"page": 2})]


async def test_scores_thresholds_and_filters(memory):
    store = HoldfastVectorStore(memory=memory, user_id="ana")
    store.add_texts(["green tea", "black coffee"], [{"page": 1}, {"page": 2}])
    (best, score), (_, least) = await store.asimilarity_search_with_relevance_scores("green tea", k=2)
    assert best.page_content == "green tea"
    assert 0 <= least < score <= 1
    assert [found.metadata for found in store.similarity_search("tea", filter={"page": 2})] == [{"page": 2}]
    picky = store.as_retriever(search_type="similarity_score_threshold", search_kwargs={"score_threshold": score})
    assert [found.page_content for found in picky.invoke("green tea")] == ["green tea"]


def test_memories_of_conversations_are_documents_too(memory):
    added = memory.add("I live in Lisbon.", user_id="ana")["results"][0]
    store = HoldfastVectorStore(memory=memory, user_id="ana")
    assert store.get_by_ids([added["id"]])[0].page_content == "I live in Lisbon."
    assert store.similarity_search("Where do I live?", k=1)[0].id == added["id"]
    store.delete([added["id"]])
    assert stored_texts(memory) == []


def test_delete_without_ids_empties_only_the_scope(memory):
    for user in ("ana", "ben"):
        HoldfastVectorStore(memory=memory, user_id=user).add_texts(["tea", "coffee"])
    HoldfastVectorStore(memory=memory, user_id="ana").delete()
    assert stored_texts(memory) == []
    assert len(stored_texts(memory, user_id="ben")) == 2
    HoldfastVectorStore(memory=memory, user_id="ben").delete([])
    assert len(stored_texts(memory, user_id="ben")) == 2


def test_a_document_that_was_not_stored_is_not_reported_as_stored(memory):
    store = HoldfastVectorStore(memory=memory, user_id="ana")
    with pytest.raises(InvalidInput, match="metadata"):
        store.add_texts(["tea"], [{"page": object()}])
    with pytest.raises(InvalidInput, match="one for each text"):
        store.add_texts(["tea", "coffee"], [{}])
    memory.close()
    with pytest.raises(StorageError, match="closed"):
        store.add_texts(["tea"])


async def test_from_texts_embeds_with_the_embeddings_given():
    embedding = DeterministicFakeEmbedding(size=32)
    store = HoldfastVectorStore.from_texts(
        ["tea", "coffee"], embedding, [{"n": 1}, {"n": 2}], ids=["a", "b"], app_id="x"
    )
    assert store.get_by_ids(["b"]) == [Document("coffee", id="b", metadata={"n": 2})]
    awaited = await HoldfastVectorStore.afrom_texts(["tea"], embedding, app_id="x")
    assert awaited.similarity_search("tea")[0].page_content == "tea"


def test_from_texts_uses_a_given_memory(memory):
    store = HoldfastVectorStore.from_texts(["tea"], DeterministicFakeEmbedding(size=32), memory=memory, user_id="ana")
    assert stored_texts(memory) == ["tea"]
    assert store.similarity_search("tea")[0].page_content == "tea"


def test_two_adapters_on_one_store_share_memories():
    with memory_for_tests() as memory:
        called(tool("add", memory), text="I live in Lisbon.")
        assert HoldfastRetriever(memory=memory, user_id="ana").invoke("Where do I live?")
        assert "Lisbon" in RunnableConversation(memory, user_id="ana").say("Where do I live?")
