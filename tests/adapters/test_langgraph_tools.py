"""The memory tools of an agent in LangGraph, and what they refuse."""

import logging
import os
from dataclasses import dataclass

os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from tests.results import stored_texts

from holdfast import InvalidInput
from holdfast.testing import Completion, ToolCall, memory_for_tests, scripted_openai_server
from holdfast_langgraph import FROM_CONFIG, HoldfastStore, MemoryState, memory_tools, retrieve_node, update_node

NAMES = ["add_memory", "search_memory", "get_all_memory", "update_memory", "delete_memory"]


@dataclass
class Context:
    user_id: str


@pytest.fixture
def memory():
    with memory_for_tests() as memory:
        yield memory


def node(memory, **ids):
    """Return a graph that runs the tool calls in its messages."""
    graph = StateGraph(MessagesState, context_schema=Context)
    graph.add_node("tools", ToolNode(memory_tools(memory, **ids)))
    graph.add_edge(START, "tools")
    return graph.compile()


def calls(*asked):
    listed = [{"name": name, "args": args, "id": str(place)} for place, (name, args) in enumerate(asked)]
    return {"messages": [AIMessage("", tool_calls=listed)]}


def answers(state):
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


def test_the_model_cannot_choose_the_scope(memory):
    for ids in ({"user_id": "ana"}, {"user_id": FROM_CONFIG}):
        tools = memory_tools(memory, **ids)
        assert [tool.name for tool in tools] == NAMES
        seen = {name for tool in tools for name in convert_to_openai_tool(tool)["function"]["parameters"]["properties"]}
        assert seen == {"text", "query", "limit", "memory_id"}
        assert all(tool.description for tool in tools)


@pytest.mark.parametrize("awaited", [False, True])
async def test_a_model_that_names_another_user_reaches_no_other_memory(memory, awaited):
    memory.add("My cat is called Whiskers.", user_id="ben")
    sly = {"user_id": "ben", "runtime": {"context": {"user_id": "ben"}}, "config": {"configurable": {"user_id": "ben"}}}
    asked = calls(
        ("search_memory", {"query": "cat", **sly}),
        ("get_all_memory", sly),
        ("add_memory", {"text": "I live in Lisbon.", **sly}),
    )
    for ids in ({"user_id": "ana"}, {"user_id": FROM_CONFIG}):
        graph = node(memory, **ids)
        run = {"context": Context("ana")}
        state = await graph.ainvoke(asked, **run) if awaited else graph.invoke(asked, **run)
        assert "Whiskers" not in str(answers(state))
    assert stored_texts(memory, user_id="ben") == ["My cat is called Whiskers."]
    tool = memory_tools(memory, user_id=FROM_CONFIG)[1]
    with pytest.raises(InvalidInput, match="does not say its user_id"):
        tool.invoke({"query": "cat", **sly})


async def test_the_tools_do_what_their_names_say(memory):
    graph = node(memory, user_id=FROM_CONFIG)
    ana = {"configurable": {"user_id": "ana"}}
    (added,) = answers(graph.invoke(calls(("add_memory", {"text": "I live in Lisbon."})), ana))
    (event,) = added.artifact
    assert (event["event"], event["memory"]) == ("ADD", "I live in Lisbon.")
    assert event["id"] in added.content
    found, listed = answers(
        await graph.ainvoke(calls(("search_memory", {"query": "Where do I live?"}), ("get_all_memory", {})), ana)
    )
    assert found.artifact[0]["score"] > 0
    assert f"[{event['id']}] I live in Lisbon." in found.content
    assert [item["id"] for item in listed.artifact] == [event["id"]]
    await graph.ainvoke(calls(("update_memory", {"memory_id": event["id"], "text": "I live in Porto."})), ana)
    assert stored_texts(memory) == ["I live in Porto."]
    graph.invoke(calls(("delete_memory", {"memory_id": event["id"]})), ana)
    assert stored_texts(memory) == []
    (nothing,) = answers(graph.invoke(calls(("search_memory", {"query": "home"})), ana))
    assert nothing.content == "Nothing is remembered about this."


def test_a_memory_of_another_user_cannot_be_changed_or_deleted(memory):
    (added,) = memory.add("I live in Lisbon.", user_id="ben")["results"]
    asked = calls(
        ("update_memory", {"memory_id": added["id"], "text": "mine"}), ("delete_memory", {"memory_id": added["id"]})
    )
    for answer in answers(node(memory, user_id="ana").invoke(asked)):
        assert "there is no memory" in answer.content
    assert stored_texts(memory, user_id="ben") == ["I live in Lisbon."]


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("add_memory", {}),
        ("add_memory", {"text": ""}),
        ("add_memory", {"text": None}),
        ("search_memory", {"query": " "}),
        ("search_memory", {"query": "tea", "limit": 0}),
        ("search_memory", {"query": "tea", "limit": "many"}),
        ("update_memory", {"memory_id": "x", "text": "y"}),
        ("delete_memory", {"memory_id": ""}),
    ],
)
def test_a_call_without_usable_content_is_answered_with_an_explanation(memory, name, args):
    (answer,) = answers(node(memory, user_id="ana").invoke(calls((name, args))))
    assert answer.status == "error"
    assert answer.content


def test_a_failure_is_answered_or_raised(memory, caplog):
    logged, raised = node(memory, user_id="ana"), node(memory, user_id="ana", on_error="raise")
    memory.close()
    with caplog.at_level(logging.WARNING, logger="holdfast"):
        (answer,) = answers(logged.invoke(calls(("search_memory", {"query": "tea"}))))
    assert "failed" in answer.content
    assert caplog.records
    with pytest.raises(Exception, match="closed"):
        raised.invoke(calls(("search_memory", {"query": "tea"})))


@pytest.mark.parametrize("wrong", [{}, {"user_id": "ana", "on_error": "ignore"}])
def test_invalid_settings_are_refused_when_the_tools_are_made(memory, wrong):
    with pytest.raises(InvalidInput):
        memory_tools(memory, **wrong)


def test_the_tools_can_be_called_outside_a_graph(memory):
    add, search, *_ = memory_tools(memory, user_id="ana")
    assert "ADD" in add.invoke({"text": "I live in Lisbon."})
    assert "Lisbon" in search.invoke({"query": "home"})


@pytest.mark.parametrize("awaited", [False, True])
async def test_a_real_agent_remembers_with_its_tools_and_recalls_in_another_session(memory, awaited):
    script = [
        ToolCall("add_memory", {"text": "I am allergic to peanuts."}),
        "Noted.",
        Completion(tool_calls=(ToolCall("search_memory", {"query": "allergic"}),)),
        "You are allergic to peanuts.",
    ]
    with scripted_openai_server(script) as server:
        model = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key="k")
        agent = create_agent(model, memory_tools(memory, user_id=FROM_CONFIG), context_schema=Context)

        async def say(text):
            asked, run = {"messages": [("user", text)]}, {"context": Context("ana")}
            return await agent.ainvoke(asked, **run) if awaited else agent.invoke(asked, **run)

        await say("I am allergic to peanuts.")
        state = await say("What am I allergic to?")
        offered = server.requests[0].body["tools"]
    assert {tool["function"]["name"] for tool in offered} == set(NAMES)
    assert "user_id" not in str(offered)
    assert "peanuts" in answers(state)[0].content
    assert stored_texts(memory) == ["I am allergic to peanuts."]


def test_memories_that_the_tools_recalled_are_not_stored_again(memory):
    memory.add("My cat is called Whiskers.", user_id="ana")
    script = [Completion(tool_calls=(ToolCall("search_memory", {"query": "cat"}),)), "It is called Whiskers."]
    with scripted_openai_server(script) as server:
        model = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key="k")
        graph = StateGraph(MemoryState)
        graph.add_node("retrieve", retrieve_node(memory, user_id="ana"))
        graph.add_node("agent", create_agent(model, memory_tools(memory, user_id="ana")))
        graph.add_node("update", update_node(memory, user_id="ana"))
        graph.add_edge(START, "retrieve").add_edge("retrieve", "agent").add_edge("agent", "update")
        state = graph.compile().invoke({"messages": [("user", "What is my cat called?")]})
    assert "Whiskers" in answers(state)[0].content
    assert stored_texts(memory) == ["My cat is called Whiskers."]


def test_an_agents_tool_reaches_the_store_through_its_runtime(memory):
    from langchain.tools import ToolRuntime, tool  # noqa: PLC0415 - a name the decorator must see here

    @tool
    def note(text: str, runtime: ToolRuntime) -> str:
        """Keep a note."""
        runtime.store.put(("notes", "ana"), "last", {"text": text})
        return "kept"

    store = HoldfastStore(memory, app_id="assistant")
    with scripted_openai_server([ToolCall("note", {"text": "buy tea"}), "Done."]) as server:
        model = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key="k")
        create_agent(model, [note], store=store).invoke({"messages": [("user", "Note: buy tea")]})
    assert store.search(("notes",), query="tea")[0].value == {"text": "buy tea"}
