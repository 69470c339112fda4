"""The recall and remember nodes in real graphs."""

import asyncio
import copy
import pickle
from dataclasses import dataclass

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel
from tests.adapters.langgraph_conversation import build, conversation
from tests.contracts.adapter_contract import AdapterContract
from tests.results import stored_texts

import holdfast_langgraph
from holdfast import AsyncMemory, InvalidInput, Memory
from holdfast.testing import ScriptedChatModel, memory_for_tests, scripted_openai_server
from holdfast_langgraph import FROM_CONFIG, messages_with_memories, retrieve_node, update_node

BLOCK = "recalled-memory"


class TestGraph(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return conversation(memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return retrieve_node(memory, **ids)


@pytest.fixture
def memory():
    with memory_for_tests() as memory:
        yield memory


def finished_turns(*contents):
    """Return a state with `contents` as alternating messages, the user's first."""
    kinds = [HumanMessage, AIMessage]
    return {"messages": [kinds[place % 2](content, id=f"m{place}") for place, content in enumerate(contents)]}


# Scopes


@pytest.mark.parametrize("node", [retrieve_node, update_node])
@pytest.mark.parametrize("wrong", [{}, {"user_id": ""}, {"user_id": "ana", "on_error": "ignore"}])
def test_invalid_settings_are_refused_when_the_graph_is_built(memory, node, wrong):
    with pytest.raises(InvalidInput):
        node(memory, **wrong)


def test_a_missing_memory_is_refused_when_the_graph_is_built():
    with pytest.raises(InvalidInput):
        retrieve_node(None, user_id="ana")


@dataclass
class Context:
    user_id: str


async def test_a_run_sets_its_user_in_the_context_or_the_config(memory):
    memory.add("My cat is called Whiskers.", user_id="ana")
    memory.add("My cat is called Tom.", user_id="ben")
    shown = []
    graph = build(memory, shown=shown, context_schema=Context, user_id=FROM_CONFIG)
    ask = {"messages": [("user", "What is my cat called?")]}
    ben = {"configurable": {"user_id": "ben"}}
    graph.invoke(ask, ben)
    await graph.ainvoke(ask, ben)
    graph.invoke(ask, ben, context=Context("ana"))  # the context wins
    await graph.ainvoke(ask, ben, context=Context("ana"))
    assert ["Tom" in str(messages) for messages in shown] == [True, True, False, False]
    assert ["Whiskers" in str(messages) for messages in shown] == [False, False, True, True]


def test_a_run_without_ids_reaches_no_memory(memory):
    graph = build(memory, user_id=FROM_CONFIG, on_error="log")
    with pytest.raises(InvalidInput, match="does not say its user_id"):
        graph.invoke({"messages": [("user", "hello")]})


def test_an_id_named_by_the_program_is_not_changed_by_a_run(memory):
    memory.add("My cat is called Whiskers.", user_id="ana")
    shown = []
    build(memory, shown=shown, user_id="ben").invoke(
        {"messages": [("user", "What is my cat called?")]}, {"configurable": {"user_id": "ana"}}
    )
    assert "Whiskers" not in str(shown)


# Recalling


def test_recalled_memories_are_fenced_in_the_system_message():
    state = {"messages": [SystemMessage("Be kind."), HumanMessage("Hi")], "memories": "<block>"}
    system, human = messages_with_memories(state)
    assert (system.content, human.content) == ("Be kind.\n\n<block>", "Hi")
    assert state["messages"][0].content == "Be kind."
    assert [type(one) for one in messages_with_memories({**state, "messages": [HumanMessage("Hi")]})] == [
        SystemMessage,
        HumanMessage,
    ]
    parts = SystemMessage([{"type": "text", "text": "Be kind."}])
    assert len(messages_with_memories({**state, "messages": [parts]})[0].content) == 2


def test_without_memories_the_model_gets_only_the_messages(memory):
    shown = []
    build(memory, shown=shown, user_id="ana").invoke({"messages": [("user", "hello")]})
    assert [type(message) for message in shown[0]] == [HumanMessage]


def test_recalled_memories_never_enter_a_checkpoint_or_the_messages(memory):
    memory.add("My cat is called Whiskers.", user_id="ana")
    talk = conversation(memory, user_id="ana")
    assert BLOCK in talk.say("What is my cat called?")
    kept = pickle.dumps([dict(talk.saver.storage["one"]), dict(talk.saver.blobs), dict(talk.saver.writes)], protocol=2)
    assert b"What is my cat called?" in kept
    assert b"Whiskers" not in kept
    assert BLOCK.encode() not in kept
    assert "memories" not in talk.graph.get_state(talk.config).values


def test_one_turn_searches_once_even_if_the_graph_loops(memory):
    memory.add("My cat is called Whiskers.", user_id="ana")
    node, embedder = retrieve_node(memory, user_id="ana"), memory.runtime.engines.embedder
    asked = len(embedder.calls)
    state = {"messages": [HumanMessage("What is my cat called?")]}
    state |= node.invoke(state)
    state["messages"] += [
        AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "1"}]),
        ToolMessage("x", tool_call_id="1"),
    ]
    assert node.invoke(state) == {}
    assert len(embedder.calls) == asked + 1
    state["messages"] += [AIMessage("Whiskers."), HumanMessage("Who is my cat?")]
    assert "Whiskers" in node.invoke(state)["memories"]
    assert len(embedder.calls) == asked + 2


def test_a_resumed_run_without_memories_searches_again(memory):
    memory.add("My cat is called Whiskers.", user_id="ana")
    messages = [
        HumanMessage("What is my cat called?"),
        AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "1"}]),
        ToolMessage("x", tool_call_id="1"),
    ]
    assert "Whiskers" in retrieve_node(memory, user_id="ana").invoke({"messages": messages})["memories"]


@pytest.mark.parametrize("messages", [[], [SystemMessage("Be kind.")], [HumanMessage("")]])
def test_without_a_question_there_is_no_search_and_no_error(memory, messages):
    assert retrieve_node(memory, user_id="ana", on_error="raise").invoke({"messages": messages}) == {"memories": ""}


def test_the_text_of_list_content_with_images_is_searched_and_stored(memory):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    shown = []
    graph = build(memory, shown=shown, user_id="ana")
    graph.invoke({"messages": [HumanMessage([{"type": "text", "text": "My cat is called Whiskers."}, image])]})
    assert stored_texts(memory) == ["My cat is called Whiskers."]
    graph.invoke({"messages": [HumanMessage([image, {"type": "text", "text": "What is my cat called?"}])]})
    assert "Whiskers" in str(shown[-1][0].content)
    graph.invoke({"messages": [HumanMessage([image])]})
    assert stored_texts(memory) == ["My cat is called Whiskers."]


def test_other_states_and_keys_work_too(memory):
    class Chat(BaseModel):
        chat: list = []
        known: str = ""

    memory.add("My cat is called Whiskers.", user_id="ana")
    graph = StateGraph(Chat)
    graph.add_node("recall", retrieve_node(memory, user_id="ana", state_key="known", messages_key="chat"))
    graph.add_node("answer", lambda state: {"chat": [*state.chat, {"role": "assistant", "content": "ok"}]})
    graph.add_node("remember", update_node(memory, user_id="ana", messages_key="chat"))
    graph.add_edge(START, "recall").add_edge("recall", "answer").add_edge("answer", "remember")
    result = graph.compile().invoke({"chat": [{"role": "user", "content": "My dog is called Rex. And my cat?"}]})
    assert "Whiskers" in result["known"]
    assert "My dog is called Rex." in stored_texts(memory)


# Remembering


def test_a_turn_is_stored_whole_without_tool_messages():
    model = ScriptedChatModel({"facts": []})
    with memory_for_tests(llm=model) as memory:
        messages = [
            *finished_turns("Old question", "Old answer")["messages"],
            HumanMessage("What is the weather?", id="h"),
            AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "1"}]),
            ToolMessage("The sky is green.", tool_call_id="1"),
            AIMessage("It rains."),
        ]
        update_node(memory, user_id="ana").invoke({"messages": messages})
        asked = str(model.calls[0].messages[-1]["content"])
    assert "What is the weather?" in asked
    assert "It rains." in asked
    assert "green" not in asked
    assert "Old" not in asked
    assert len(model.calls) == 1


def test_two_messages_before_one_answer_are_one_turn(memory):
    messages = [HumanMessage("I live in Lisbon."), HumanMessage("My cat is called Whiskers."), AIMessage("Nice.")]
    update_node(memory, user_id="ana").invoke({"messages": messages})
    assert sorted(stored_texts(memory)) == ["I live in Lisbon.", "My cat is called Whiskers."]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [HumanMessage("I live in Lisbon.")],
        [HumanMessage("I live in Lisbon."), AIMessage("")],
        [HumanMessage("I live in Lisbon."), AIMessage("Wait", tool_calls=[{"name": "t", "args": {}, "id": "1"}])],
        [HumanMessage("I live in Lisbon."), ToolMessage("x", tool_call_id="1")],
        [AIMessage("Welcome! I live in Lisbon.")],
        [HumanMessage("  "), AIMessage("I live in Lisbon.")],
    ],
)
def test_a_turn_without_question_or_answer_is_not_stored_yet(memory, messages):
    assert update_node(memory, user_id="ana", on_error="raise").invoke({"messages": messages}) == {}
    assert stored_texts(memory) == []


def test_a_replayed_turn_is_not_stored_twice():
    model = ScriptedChatModel({"facts": [{"text": "Ana lives in Lisbon", "turn": 0, "attributed_to": "user"}]})
    with memory_for_tests(llm=model) as memory:
        node = update_node(memory, user_id="ana")
        node.invoke(finished_turns("I live in Lisbon.", "Nice."))
        asked, before = len(model.calls), memory.get_all(user_id="ana")
        node.invoke(finished_turns("I live in Lisbon.", "Nice."))
        node.invoke(finished_turns("I live in Lisbon.", "How lovely!"))  # another answer
        assert memory.get_all(user_id="ana") == before
        assert len(model.calls) == asked


def test_a_run_from_an_old_checkpoint_stores_no_old_turn(memory):
    talk = conversation(memory, user_id="ana")
    talk.say("I live in Lisbon.")
    talk.say("I live in Porto now.")
    assert stored_texts(memory) == ["I live in Porto now."]
    first_update = [one for one in talk.graph.get_state_history(talk.config) if one.next == ("update",)][-1]
    talk.graph.invoke(None, first_update.config)
    assert stored_texts(memory) == ["I live in Porto now."]


def test_the_same_words_in_a_new_turn_are_stored_again(memory):
    talk = conversation(memory, user_id="ana")
    for words in ("I live in Lisbon.", "I live in Porto now.", "I live in Lisbon now."):
        talk.say(words)
    assert stored_texts(memory) == ["I live in Lisbon now."]


async def test_a_cancelled_run_stores_nothing_and_the_next_one_works(memory):
    waiting = asyncio.Event()

    async def answer(state):
        if len(state["messages"]) == 1:
            waiting.set()
            await asyncio.sleep(60)
        return {"messages": [AIMessage("ok")]}

    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.add_node("update", update_node(memory, user_id="ana"))
    graph.add_edge(START, "answer").add_edge("answer", "update")
    compiled = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "one"}}
    running = asyncio.create_task(compiled.ainvoke({"messages": [("user", "I live in Lisbon.")]}, config))
    await waiting.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stored_texts(memory) == []
    await compiled.ainvoke({"messages": [("user", "My cat is called Whiskers.")]}, config)
    assert len(stored_texts(memory)) == 2  # all messages before the answer belong to the turn


async def test_streamed_runs_recall_and_remember(memory):
    memory.add("My cat is called Whiskers.", user_id="ana")
    graph = build(memory, user_id="ana")
    updates = [
        part async for part in graph.astream({"messages": [("user", "I live in Lisbon.")]}, stream_mode="updates")
    ]
    assert [next(iter(part)) for part in updates] == ["retrieve", "answer", "update"]
    list(graph.stream({"messages": [("user", "I like tea.")]}, stream_mode=["values", "messages"]))
    assert sorted(stored_texts(memory)) == ["I like tea.", "I live in Lisbon.", "My cat is called Whiskers."]


# Concurrency, copies and other frameworks


async def test_a_hundred_awaited_runs_stay_separate(tmp_path):
    async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        shown = []
        graph = build(memory, shown=shown, user_id=FROM_CONFIG)

        async def say(number, text):
            await graph.ainvoke({"messages": [("user", text)]}, {"configurable": {"user_id": f"user{number}"}})

        await asyncio.gather(*(say(number, f"My favourite word is word{number}x.") for number in range(100)))
        for number in range(100):
            (item,) = (await memory.get_all(user_id=f"user{number}"))["results"]
            assert f"word{number}x" in item["memory"]


async def test_an_awaited_graph_never_blocks_its_loop(tmp_path):
    model = ScriptedChatModel(
        {"facts": [{"text": "Ana lives in Lisbon", "turn": 0, "attributed_to": "user"}]}, delay=0.2
    )
    async with AsyncMemory(tmp_path / "memory.db", llm=model, embedder="hashing") as memory:
        node = update_node(memory, user_id="ana")
        beats = 0
        running = asyncio.create_task(node.ainvoke(finished_turns("I live in Lisbon.", "Nice.")))
        while not running.done():
            await asyncio.sleep(0.01)
            beats += 1
        assert beats >= 5


def test_a_blocking_graph_runs_inside_a_running_loop(memory):
    async def inside():
        return build(memory, user_id="ana").invoke({"messages": [("user", "I live in Lisbon.")]})

    asyncio.run(inside())
    assert stored_texts(memory) == ["I live in Lisbon."]


def test_copies_of_a_node_share_one_memory(memory):
    node = copy.deepcopy(update_node(memory, user_id="ana"))
    node.invoke(finished_turns("I live in Lisbon.", "Nice."))
    assert stored_texts(memory) == ["I live in Lisbon."]


def test_real_chains_of_calls_reach_the_model_and_cost_no_more_than_one_extraction(tmp_path):
    def reply(body):
        if "response_format" in body:
            return {"facts": [{"text": "The user is allergic to peanuts", "turn": 0, "attributed_to": "user"}]}
        return "I will remember that."

    with scripted_openai_server(reply) as server:
        engines = {"llm": {"provider": "openai", "config": {"model": "m", "api_key": "k", "base_url": server.base_url}}}
        with Memory(tmp_path / "memory.db", embedder="hashing", **engines) as memory:
            model = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key="k")
            graph = build(memory, model=model, user_id="ana", on_error="raise")
            graph.invoke({"messages": [("user", "I am allergic to peanuts.")]})
            assert len(server.requests) == 2
            graph.invoke({"messages": [("user", "What am I allergic to?")]})
            shown = server.requests[2].body["messages"]
    assert shown[0]["role"] == "system"
    assert BLOCK in shown[0]["content"]
    assert "allergic to peanuts" in shown[0]["content"]


# Installing


def test_without_langgraph_the_error_says_what_to_install(output_of):
    program = """
import sys
sys.modules["langgraph"] = None
try:
    import holdfast_langgraph
except ImportError as error:
    print(error)
"""
    assert output_of(program) == ['LangGraph is not installed: pip install "holdfast[langgraph]"']


def test_importing_the_adapter_loads_nothing_before_it_is_used(output_of):
    program = (
        "import sys, langgraph.graph, holdfast_langgraph; print('numpy' in sys.modules, 'holdfast' in sys.modules)"
    )
    assert output_of(program) == ["False False"]


def test_every_public_name_exists():
    assert sorted(holdfast_langgraph.__all__) == [
        "FROM_CONFIG",
        "HoldfastStore",
        "MemoryState",
        "Recalled",
        "memory_tools",
        "messages_with_memories",
        "namespace_label",
        "retrieve_node",
        "update_node",
    ]
    assert all(hasattr(holdfast_langgraph, name) for name in holdfast_langgraph.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = holdfast_langgraph.nothing
