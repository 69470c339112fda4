"""The memory tools of CrewAI's agents."""

from __future__ import annotations

import pytest
from tests.adapters.crewai_conversation import UNIFIED, crew_with, served_model

from holdfast import InvalidInput, StorageError
from holdfast.testing import ToolCall
from holdfast_crewai import memory_tools

pytestmark = [
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai"),
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]


@pytest.fixture
def tools(memory):
    return {tool.name: tool for tool in memory_tools(memory, user_id="ana")}


def test_the_tools_add_find_list_change_and_delete(tools, memory):
    assert tools["add_memory"].run(text="I live in Lisbon.").startswith("ADD [")
    memory_id = memory.get_all(user_id="ana")["results"][0]["id"]
    assert f"[{memory_id}] I live in Lisbon." in tools["search_memory"].run(query="Where do I live?")
    assert tools["update_memory"].run(memory_id=memory_id, text="I live in Porto.") == (
        f"UPDATE [{memory_id}] I live in Porto."
    )
    assert f"[{memory_id}] I live in Porto." in tools["get_all_memory"].run()
    assert tools["delete_memory"].run(memory_id=memory_id) == f"DELETE [{memory_id}]"
    assert tools["get_all_memory"].run() == "Nothing is remembered."


async def test_the_tools_can_be_awaited(tools, memory):
    assert (await tools["add_memory"]._arun(text="I live in Lisbon.")).startswith("ADD [")
    memory_id = memory.get_all(user_id="ana")["results"][0]["id"]
    assert memory_id in await tools["search_memory"]._arun(query="home")
    assert memory_id in await tools["get_all_memory"]._arun()
    assert await tools["update_memory"]._arun(memory_id=memory_id, text="I live in Porto.") == (
        f"UPDATE [{memory_id}] I live in Porto."
    )
    assert await tools["delete_memory"]._arun(memory_id=memory_id) == f"DELETE [{memory_id}]"
    assert "there is no memory" in await tools["delete_memory"]._arun(memory_id=memory_id)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("add_memory", {}, "text is missing"),
        ("search_memory", {"query": " "}, "blank"),
        ("search_memory", {"query": "tea", "limit": 1000}, "limit is 1000"),
        ("search_memory", {"query": "tea", "user_id": "ben"}, "takes no 'user_id'"),
        ("delete_memory", {"memory_id": 7}, "must be text"),
    ],
)
async def test_a_wrong_call_is_answered_with_an_explanation(tools, name, arguments, words):
    assert words in tools[name].run(**arguments)
    assert words in await tools[name]._arun(**arguments)


def test_a_failure_is_answered_or_raised(memory, caplog):
    logged, raised = (memory_tools(memory, user_id="ana", on_error=on_error)[1] for on_error in ("log", "raise"))
    memory.close()
    assert logged.run(query="tea") == "The memory failed: go on without it."
    assert "closed" in caplog.text
    with pytest.raises(StorageError):
        raised.run(query="tea")


def test_repeated_searches_are_not_cached(tools):
    assert not any(
        tool.cache_function({"query": "tea"}, "Nothing is remembered about this.") for tool in tools.values()
    )


def test_no_tool_changes_a_memory_of_another_user(tools, memory):
    theirs = memory.add("I live in Porto.", user_id="ben")["results"][0]["id"]
    assert "there is no memory" in tools["update_memory"].run(memory_id=theirs, text="I live in Berlin.")
    assert "there is no memory" in tools["delete_memory"].run(memory_id=theirs)
    assert memory.get(theirs)["memory"] == "I live in Porto."


def test_no_tool_takes_a_scope_id_from_the_model(tools):
    for tool in tools.values():
        shown = tool.args_schema.model_json_schema()
        assert shown["properties"].keys() == tool.args_schema.model_fields.keys()
        assert shown["properties"].keys() <= {"text", "query", "limit", "memory_id"}
        assert all(described["description"] for described in shown["properties"].values())


def test_tools_without_a_scope_are_refused(memory):
    with pytest.raises(InvalidInput, match="no scope is named"):
        memory_tools(memory)


@pytest.mark.skipif(not UNIFIED, reason="the client of CrewAI up to 1.9 needs another package")
def test_an_agent_uses_a_tool_to_remember(memory):
    asked = ToolCall("add_memory", {"text": "I'm allergic to peanuts."})
    with served_model([asked, "Noted."]) as (_, model):
        crew = crew_with(model, False)  # noqa: FBT003
        crew.agents[0].tools = memory_tools(memory, user_id="ana")
        assert crew.kickoff(inputs={"said": "Remember my allergy."}).raw == "Noted."
    assert [item["memory"] for item in memory.get_all(user_id="ana")["results"]] == ["I'm allergic to peanuts."]
