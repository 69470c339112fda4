"""The memory block and the tools in LlamaIndex."""

import asyncio
import logging

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import Memory as ChatMemory
from llama_index.core.workflow import Context
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool
from tests.adapters.llamaindex_conversation import WARNINGS, ScriptedLLM, loop_of_its_own, tool_call
from tests.contracts.adapter_contract import HOSTILE_IDS
from tests.results import stored_texts

from holdfast import InvalidInput, ProviderError, StorageError
from holdfast.testing import ScriptedChatModel, memory_for_tests
from holdfast_llamaindex import HoldfastMemoryBlock, Mem0Memory, memory_tools

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]


def user(text):
    return ChatMessage(role="user", content=text)


def assistant(text):
    return ChatMessage(role="assistant", content=text)


@pytest.fixture
async def database():
    """The database of LlamaIndex's own memory, which never closes it."""
    engine = create_async_engine("sqlite+aiosqlite:///:memory:", poolclass=StaticPool)
    yield engine
    await engine.dispose()


def chat_memory(block, database, **options):
    return ChatMemory.from_defaults(session_id="tea", memory_blocks=[block], async_engine=database, **options)


def tools_of(memory, **options):
    return {tool.metadata.name: tool for tool in memory_tools(memory, **{"user_id": "ana", **options})}


# The block


async def test_a_block_recalls_for_every_question(memory, database):
    memory.add("I like green tea", user_id="ana")
    llm = ScriptedLLM()
    engine = SimpleChatEngine.from_defaults(
        llm=llm, memory=chat_memory(HoldfastMemoryBlock(memory, user_id="ana"), database)
    )
    await engine.achat("Which tea do I like?")
    assert "<holdfast>" in str(llm.shown[0])
    assert "I like green tea" in str(llm.shown[0])


async def test_a_block_without_memories_shows_nothing(memory, database):
    llm = ScriptedLLM()
    engine = SimpleChatEngine.from_defaults(
        llm=llm, memory=chat_memory(HoldfastMemoryBlock(memory, user_id="ana"), database)
    )
    await engine.achat("Which tea do I like?")
    assert [message.content for message in llm.shown[0]] == ["Which tea do I like?"]


async def test_a_block_costs_an_agents_turn_one_search(memory_without_facts, database):
    replies = iter([tool_call("steep"), "It is ready.", "You are welcome."])

    def steep() -> str:
        """Steep the tea."""
        return "steeped"

    agent = FunctionAgent(llm=ScriptedLLM(reply=lambda _: next(replies)), tools=[steep])
    short_term = chat_memory(HoldfastMemoryBlock(memory_without_facts, user_id="ana", search_msg_limit=1), database)
    await agent.run(user_msg="Make my tea.", memory=short_term)
    await agent.run(user_msg="Thanks.", memory=short_term)
    searches = [text for call in memory_without_facts.runtime.engines.embedder.calls for text in call]
    assert searches == ["Make my tea.", "Thanks."]


async def test_a_short_chat_is_remembered_when_it_is_flushed(memory, database):
    block = HoldfastMemoryBlock(memory, user_id="ana")
    short_term = chat_memory(block, database)
    await short_term.aput_messages([user("I live in Lisbon."), assistant("Lovely.")])
    assert stored_texts(memory) == []
    await block.aflush(short_term)
    assert stored_texts(memory) == ["I live in Lisbon."]
    assert len(await short_term.aget_all()) == 2


def test_a_flush_can_be_blocking(memory):
    database = create_async_engine("sqlite+aiosqlite:///:memory:", poolclass=StaticPool)
    block = HoldfastMemoryBlock(memory, user_id="ana")
    short_term = chat_memory(block, database)
    with loop_of_its_own() as loop:
        short_term.put_messages([user("I live in Lisbon."), assistant("Lovely.")])
        block.flush(short_term)
        loop.run_until_complete(database.dispose())
    assert stored_texts(memory) == ["I live in Lisbon."]


async def test_flushed_messages_are_stored_once(memory_without_facts, database):
    block = HoldfastMemoryBlock(memory_without_facts, user_id="ana")
    short_term = chat_memory(block, database)
    await short_term.aput_messages([user("I live in Lisbon."), assistant("Lovely.")])
    await block.aflush(short_term)
    await block.aflush(short_term)
    await short_term.aput_messages([user("I like tea."), assistant("Good.")])
    await block.aflush(short_term)
    asked = [call.messages[-1]["content"] for call in memory_without_facts.runtime.engines.llm.calls]
    assert len(asked) == 2
    assert "I like tea." in asked[1].partition("<conversation>")[2]
    assert "Lisbon" not in asked[1].partition("<conversation>")[2]


async def test_a_failed_flush_is_repeated_by_the_next(database):
    llm = ScriptedChatModel([RuntimeError("down"), {"facts": []}])
    with memory_for_tests(llm=llm) as memory:
        block = HoldfastMemoryBlock(memory, user_id="ana", on_error="raise")
        short_term = chat_memory(block, database)
        await short_term.aput_messages([user("I live in Lisbon."), assistant("Lovely.")])
        with pytest.raises(ProviderError):
            await block.aflush(short_term)
        await block.aflush(short_term)
    assert len(llm.calls) == 2


async def test_messages_that_leave_the_short_term_memory_are_stored(memory, database):
    block = HoldfastMemoryBlock(memory, user_id="ana")
    short_term = chat_memory(block, database, token_limit=100, token_flush_size=20)
    await short_term.aput_messages([user("I live in Lisbon."), assistant("Lovely.")])
    for number in range(8):
        await short_term.aput_messages([user(f"Tell me more about the weather, {number}."), assistant("It is sunny.")])
    assert "I live in Lisbon." in stored_texts(memory)


async def test_a_block_can_ignore_messages_that_leave_the_short_term_memory(memory):
    block = HoldfastMemoryBlock(memory, user_id="ana", accept_short_term_memory=False)
    await block.aput([user("I live in Lisbon."), assistant("Lovely.")], from_short_term_memory=True)
    assert stored_texts(memory) == []


async def test_a_block_follows_on_error(memory, caplog):
    logging_block = HoldfastMemoryBlock(memory, user_id="ana")
    raising_block = HoldfastMemoryBlock(memory, user_id="ana", on_error="raise")
    memory.close()
    with caplog.at_level(logging.WARNING, logger="holdfast"):
        assert await logging_block.aget([user("Hello.")]) == ""
    assert "closed" in caplog.text
    with pytest.raises(StorageError):
        await raising_block.aget([user("Hello.")])


# The tools


def test_the_tools_do_what_their_names_say(memory):
    tools = tools_of(memory)
    assert list(tools) == ["add_memory", "search_memory", "get_all_memory", "update_memory", "delete_memory"]
    (added,) = tools["add_memory"](text="I live in Lisbon.").raw_output.items
    assert added["event"] == "ADD"
    (found,) = tools["search_memory"](query="Where do I live?").raw_output.items
    assert found["memory"] == "I live in Lisbon."
    tools["update_memory"](memory_id=found["id"], text="I live in Porto.")
    assert f"[{found['id']}] I live in Porto." in tools["get_all_memory"]().content
    tools["delete_memory"](memory_id=found["id"])
    assert tools["get_all_memory"]().content == "Nothing is remembered."


async def test_the_awaited_tools_do_the_same(memory):
    tools = tools_of(memory)
    await tools["add_memory"].acall(text="I live in Lisbon.")
    (found,) = (await tools["search_memory"].acall(query="Where do I live?")).raw_output.items
    await tools["update_memory"].acall(memory_id=found["id"], text="I live in Porto.")
    assert "I live in Porto." in (await tools["get_all_memory"].acall()).content
    await tools["delete_memory"].acall(memory_id=found["id"])
    assert stored_texts(memory) == []


def test_the_model_sees_what_each_tool_takes_and_no_scope(memory):
    for tool in memory_tools(memory, user_id="ana", run_id="1"):
        parameters = tool.metadata.get_parameters_dict()["properties"]
        assert tool.metadata.description.endswith(".")
        assert all(described["description"] for described in parameters.values())
        assert not parameters.keys() & {"user_id", "agent_id", "run_id", "app_id", "self"}


async def test_the_model_can_never_choose_the_scope(memory):
    memory.add("My cat is called Whiskers.", user_id="ben")
    replies = iter(
        [
            tool_call("search_memory", query="cat", user_id="ben"),
            tool_call("search_memory", query="ben's cat"),
            "No idea.",
        ]
    )
    llm = ScriptedLLM(reply=lambda _: next(replies))
    agent = FunctionAgent(llm=llm, tools=memory_tools(memory, user_id="ana"))
    await agent.run(user_msg="What is Ben's cat called?")
    assert "Whiskers" not in str(llm.shown)


@pytest.mark.parametrize("user_id", HOSTILE_IDS)
def test_no_tool_reaches_a_memory_of_another_user(memory, user_id):
    (bens,) = memory.add("My cat is called Whiskers.", user_id="ben")["results"]
    tools = tools_of(memory, user_id=user_id)
    for refused in (
        tools["update_memory"](memory_id=bens["id"], text="My cat is called Tom."),
        tools["delete_memory"](memory_id=bens["id"]),
    ):
        assert "there is no memory" in refused.content
    assert tools["search_memory"](query="What is my cat called?").content == "Nothing is remembered about this."
    assert stored_texts(memory, user_id="ben") == ["My cat is called Whiskers."]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("add_memory", {"text": ""}, "blank"),
        ("add_memory", {"text": "Hello!"}, "Not stored (greeting)"),
        ("add_memory", {}, "text is missing"),
        ("search_memory", {"query": " "}, "blank"),
        ("search_memory", {"query": "tea", "user_id": "ben"}, "takes no 'user_id'"),
        ("update_memory", {"memory_id": "1", "text": "I like tea."}, "there is no memory 1 here"),
        ("delete_memory", {"memory_id": ""}, "must be the id of a memory"),
    ],
)
async def test_a_wrong_call_is_answered_with_an_explanation(memory, name, arguments, words):
    for on_error in ("log", "raise"):
        tool = tools_of(memory, on_error=on_error)[name]
        assert words in tool(**arguments).content
        assert words in (await tool.acall(**arguments)).content


async def test_a_tool_whose_memory_fails_follows_on_error(memory, caplog):
    tools = {on_error: tools_of(memory, on_error=on_error)["search_memory"] for on_error in ("log", "raise")}
    memory.close()
    with caplog.at_level(logging.WARNING, logger="holdfast"):
        assert "The memory failed" in tools["log"](query="tea").content
        assert "The memory failed" in (await tools["log"].acall(query="tea")).content
    assert "closed" in caplog.text
    with pytest.raises(StorageError):
        tools["raise"](query="tea")
    with pytest.raises(StorageError):
        await tools["raise"].acall(query="tea")


async def test_an_agent_remembers_with_a_tool_what_another_finds(memory):
    replies = iter([tool_call("add_memory", text="I live in Lisbon."), "Noted."])
    agent = FunctionAgent(llm=ScriptedLLM(reply=lambda _: next(replies)), tools=memory_tools(memory, user_id="ana"))
    await agent.run(user_msg="Remember where I live: Lisbon.")
    replies = iter([tool_call("search_memory", query="home"), "In Lisbon."])
    llm = ScriptedLLM(reply=lambda _: next(replies))
    agent = FunctionAgent(llm=llm, tools=memory_tools(memory, user_id="ana"))
    await agent.run(user_msg="Where do I live?")
    assert "I live in Lisbon." in str(llm.shown[-1])


async def test_memories_that_a_tool_found_are_not_saved_with_the_turn(memory_without_facts):
    replies = iter([tool_call("search_memory", query="tea"), "It is ready."])
    agent = FunctionAgent(
        llm=ScriptedLLM(reply=lambda _: next(replies)), tools=memory_tools(memory_without_facts, user_id="ana")
    )
    await agent.run(user_msg="Make my drink.", memory=Mem0Memory(memory_without_facts, user_id="ana"))
    (one,) = [call.messages[-1]["content"] for call in memory_without_facts.runtime.engines.llm.calls]
    assert "green tea" not in one.partition("<conversation>")[2]


async def test_a_hundred_calls_at_once_are_all_stored(memory):
    add = tools_of(memory)["add_memory"]
    await asyncio.gather(*(add.acall(text=f"I own book number {number}x.") for number in range(100)))
    assert len(memory.get_all(user_id="ana", limit=1000)["results"]) == 100


def test_the_program_sets_how_many_memories_a_model_is_shown_at_most(memory):
    for number in range(4):
        memory.add(f"I own book number {number}x.", user_id="ana")
    tools = tools_of(memory, limit=2)
    assert len(tools["get_all_memory"]().raw_output.items) == len(tools["search_memory"]("book").raw_output.items) == 2
    assert len(tools["search_memory"](query="book", limit=1).raw_output.items) == 1
    assert "from 1 to 2" in tools["search_memory"](query="book", limit=3).content
    assert tools["search_memory"].metadata.get_parameters_dict()["properties"]["limit"]["maximum"] == 2
    with pytest.raises(InvalidInput, match="limit is 0"):
        memory_tools(memory, user_id="ana", limit=0)


async def test_a_conversation_with_tool_calls_can_be_serialised(memory):
    replies = iter([tool_call("add_memory", text="I live in Lisbon."), "Noted."])
    agent = FunctionAgent(llm=ScriptedLLM(reply=lambda _: next(replies)), tools=memory_tools(memory, user_id="ana"))
    context = Context(agent)
    await agent.run(user_msg="Remember where I live: Lisbon.", ctx=context)
    assert "I live in Lisbon." in str(context.to_dict())


@pytest.mark.parametrize("make", [HoldfastMemoryBlock, memory_tools])
def test_an_object_that_is_not_a_memory_is_refused(make):
    with pytest.raises(InvalidInput, match=r"give a holdfast\.Memory"):
        make({"path": "memory.db"}, user_id="ana")
