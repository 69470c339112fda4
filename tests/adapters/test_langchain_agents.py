"""The middleware in real agents of `create_agent`."""

import asyncio
import copy
import pickle
import sys
from dataclasses import dataclass

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from tests.adapters.langchain_conversation import AgentConversation, ScriptedModel, call, conversation
from tests.contracts.adapter_contract import AdapterContract
from tests.results import stored_texts

from holdfast import AsyncMemory, InvalidInput
from holdfast.testing import (
    Completion,
    ScriptedChatModel,
    ScriptedEmbedder,
    ToolCall,
    memory_for_tests,
    scripted_openai_server,
)

pytest.importorskip("langchain.agents.middleware", reason="agents need langchain 1.x", exc_type=ImportError)

from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver

from holdfast_langchain import FROM_CONFIG, MemoryMiddleware, memory_tools

QUESTION = "Where do I live?"
ONE = {"configurable": {"thread_id": "one"}}


@tool
def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"It is sunny in {city}."


def says(text):
    return {"messages": [HumanMessage(text)]}


def tool_first(messages):
    """Call the tool, then answer."""
    return call("weather", city="Lisbon") if isinstance(messages[-1], HumanMessage) else "Sunny."


def agent(memory, *, reply=lambda _: "Noted.", tools=(), options=None, **settings):
    model = ScriptedModel(reply=reply)
    middleware = [MemoryMiddleware(memory=memory, **(options or {"user_id": "ana"}))]
    return create_agent(model, list(tools), middleware=middleware, **settings), model


class TestAnAgent(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return conversation(memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return MemoryMiddleware(memory=memory, **ids)


def two_memories(memory, **options):
    """An agent with the memory of a user and that of a team."""
    model = ScriptedModel(reply=lambda _: "Noted.")
    scopes = ({"user_id": "ana"}, {"app_id": "team"})
    return create_agent(model, middleware=[MemoryMiddleware(memory=memory, **one, **options) for one in scopes]), model


@pytest.mark.parametrize("awaited", [False, True])
def test_an_agent_can_have_a_personal_and_a_team_memory(memory, awaited):
    memory.add("I live in Lisbon.", user_id="ana")
    memory.add("The office is in Lisbon, at the harbour.", app_id="team", infer=False)
    runner, model = two_memories(memory)
    ask = (lambda said: asyncio.run(runner.ainvoke(said))) if awaited else runner.invoke
    state = ask(says("What is in Lisbon? I'm allergic to nuts."))
    shown = str(model.shown[-1][0].content)
    assert shown.count("<recalled-memory>") == 2
    assert "I live in Lisbon." in shown
    assert "The office is in Lisbon" in shown
    assert "holdfast_recalled" not in state
    assert any("nuts" in item["memory"] for item in memory.get_all(user_id="ana")["results"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"user_id": "ana"}, {"user_id": "ben"}),
        ({"user_id": "ana"}, {"agent_id": "ana"}),
        ({"user_id": "ana"}, {"user_id": "ana", "run_id": "monday"}),
        ({"user_id": "a|b:c"}, {"user_id": "a%7Cb"}),
        ({"user_id": FROM_CONFIG}, {"app_id": FROM_CONFIG}),
        ({"user_id": "ana"}, {"user_id": "ana", "name": "the other file"}),
    ],
)
def test_middlewares_of_different_scopes_are_in_one_agent(memory, one, other):
    middleware = [MemoryMiddleware(memory=memory, **ids) for ids in (one, other)]
    config = {"configurable": {"user_id": "ana", "app_id": "team"}}
    state = create_agent(ScriptedModel(reply=lambda _: "Noted."), middleware=middleware).invoke(says("Hello"), config)
    assert state["messages"][-1].content == "Noted."
    assert MemoryMiddleware(memory=memory, **one).name == middleware[0].name != middleware[1].name


@pytest.mark.parametrize("name", ["", " ", "a|b", "a:b", 5])
def test_a_name_that_langgraph_cannot_use_is_refused(memory, name):
    with pytest.raises(InvalidInput, match="name is"):
        MemoryMiddleware(memory=memory, user_id="ana", name=name)


def test_a_run_searches_once_and_shows_the_result_in_every_call():
    embedder = ScriptedEmbedder()
    with memory_for_tests(embedder=embedder) as memory:
        memory.add("I live in Lisbon.", user_id="ana")
        embedder.calls.clear()
        runner, model = agent(memory, reply=tool_first, tools=[weather], system_prompt="Be kind.")
        runner.invoke(says(QUESTION))
    assert embedder.calls.count([QUESTION]) == 1
    assert len(model.shown) == 2
    for shown in model.shown:
        assert shown[0].content.startswith("Be kind.\n\n<recalled-memory>")
        assert [type(message) for message in shown].count(SystemMessage) == 1


def test_a_turn_is_remembered_whole_with_one_extraction():
    extraction = ScriptedChatModel({"facts": []})
    with memory_for_tests(llm=extraction) as memory:
        runner, _ = agent(memory, reply=tool_first, tools=[weather])
        runner.invoke(says("How is the weather?"))
    (only,) = extraction.calls
    prompt = only.messages[-1]["content"]
    assert "How is the weather?" in prompt
    assert "Sunny." in prompt
    assert "It is sunny in Lisbon." not in prompt


def test_only_the_last_turn_of_a_long_conversation_is_stored():
    extraction = ScriptedChatModel({"facts": []})
    with memory_for_tests(llm=extraction) as memory:
        runner, _ = agent(memory)
        runner.invoke({"messages": [HumanMessage("Earlier."), AIMessage("Indeed."), HumanMessage("Now.")]})
    prompt = extraction.calls[0].messages[-1]["content"]
    assert "Now." in prompt
    assert "Earlier." not in prompt


def test_recalled_memories_are_in_no_state_and_no_checkpoint(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    saver = InMemorySaver()
    runner, model = agent(memory, reply=tool_first, tools=[weather], checkpointer=saver)
    state = runner.invoke(says(QUESTION), ONE)
    assert "recalled-memory" in model.shown_last()
    assert set(state) == {"messages"}
    kept = [saver.storage, saver.writes, saver.blobs, list(saver.list(ONE)), runner.get_state(ONE)]
    assert not any("recalled-memory" in repr(part) for part in kept)


def test_an_interrupted_run_resumes_with_current_memories(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    runner, model = agent(
        memory, reply=tool_first, tools=[weather], checkpointer=InMemorySaver(), interrupt_before=["tools"]
    )
    runner.invoke(says("I like figs. How is the weather where I live?"), ONE)
    assert stored_texts(memory) == ["I live in Lisbon."]
    runner.invoke(None, ONE)
    assert all("Lisbon" in str(shown[0].content) for shown in model.shown)
    assert sorted(stored_texts(memory)) == ["I like figs.", "I live in Lisbon."]


def test_each_turn_of_a_thread_searches_again(memory):
    conversation = AgentConversation(memory, user_id="ana")
    conversation.say("I live in Lisbon.")
    conversation.say("I live in Porto now.")
    conversation.say(QUESTION)
    assert "Porto" in conversation.model.shown[-1][0].content
    assert [type(message) for message in conversation.model.shown[-1]].count(SystemMessage) == 1


@pytest.mark.parametrize("prompt", [None, "Be kind.", SystemMessage([{"type": "text", "text": "Be kind."}])])
def test_the_system_prompt_comes_first_in_every_form(memory, prompt):
    memory.add("I live in Lisbon.", user_id="ana")
    runner, model = agent(memory, system_prompt=prompt)
    runner.invoke(says(QUESTION))
    shown = str(model.shown[-1][0].content)
    assert "Lisbon" in shown
    assert prompt is None or shown.index("Be kind.") < shown.index("Lisbon")


def test_without_memories_the_models_prompt_is_unchanged(memory):
    runner, model = agent(memory, system_prompt="Be kind.")
    runner.invoke(says(QUESTION))
    assert [message.content for message in model.shown[-1]] == ["Be kind.", QUESTION]


def test_message_content_with_images_and_answers_in_parts(memory):
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    thought = {"type": "thinking", "thinking": "My cat is called Secret."}
    reply = AIMessage([thought, {"type": "text", "text": "Lovely."}])
    runner, _ = agent(memory, reply=lambda _: reply, options={"user_id": "ana", "on_error": "raise"})
    runner.invoke({"messages": [HumanMessage([{"type": "text", "text": "I live in Lisbon."}, picture])]})
    runner.invoke({"messages": [HumanMessage([picture])]})
    assert stored_texts(memory) == ["I live in Lisbon."]


def test_a_streamed_turn_is_stored_when_it_has_ended(memory):
    runner, _ = agent(memory)
    for _ in runner.stream(says("I live in Lisbon."), stream_mode="messages"):
        pass
    assert stored_texts(memory) == ["I live in Lisbon."]
    abandoned = runner.stream(says("I like figs."), stream_mode="updates")
    next(abandoned)
    abandoned.close()
    assert stored_texts(memory) == ["I live in Lisbon."]


async def test_a_cancelled_turn_stores_nothing(memory):
    asked = asyncio.Event()

    @tool
    async def wait() -> str:
        """Wait for ever."""
        asked.set()
        await asyncio.Event().wait()

    runner, _ = agent(memory, reply=lambda _: call("wait"), tools=[wait])
    turn = asyncio.create_task(runner.ainvoke(says("I live in Lisbon.")))
    await asked.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert stored_texts(memory) == []


def test_a_failing_model_stores_nothing(memory):
    def fail(_):
        raise RuntimeError("no answer today")

    runner, _ = agent(memory, reply=fail)
    with pytest.raises(RuntimeError, match="no answer today"):
        runner.invoke(says("I live in Lisbon."))
    assert stored_texts(memory) == []


# Scopes


@dataclass
class Visitor:
    user_id: str


def test_one_agent_serves_many_users_named_in_each_run(memory):
    runner, model = agent(memory, options={"user_id": FROM_CONFIG, "agent_id": "helper"}, context_schema=Visitor)
    runner.invoke(says("My cat is called Whiskers."), context=Visitor("ana"))
    runner.invoke(says("My parrot is called Captain."), {"configurable": {"user_id": "ben"}})
    runner.invoke(says("What is my pet called?"), context=Visitor("ben"))
    assert "Captain" in model.shown_last()
    assert "Whiskers" not in model.shown_last()


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="LangGraph shows awaited tools no context there: name the user in configurable"
)
async def test_the_context_sets_the_user_in_awaited_runs_and_tools(memory):
    def reply(messages):
        return call("add_memory", text="I live in Lisbon.") if isinstance(messages[-1], HumanMessage) else "Done."

    tools = memory_tools(memory, user_id=FROM_CONFIG)
    runner, _ = agent(memory, reply=reply, tools=tools, options={"user_id": FROM_CONFIG}, context_schema=Visitor)
    await runner.ainvoke(says("Hello!"), context=Visitor("ana"))
    runner.invoke(says("Hello!"), context=Visitor("ben"))
    assert stored_texts(memory, user_id="ana") == stored_texts(memory, user_id="ben") == ["I live in Lisbon."]


async def test_awaited_and_streamed_runs_set_their_user_too(memory):
    runner, _ = agent(memory, options={"user_id": FROM_CONFIG})
    await runner.ainvoke(says("I live in Lisbon."), {"configurable": {"user_id": "ana"}})
    async for _ in runner.astream(says("I live in Rome."), {"configurable": {"user_id": "ben"}}):
        pass
    assert stored_texts(memory, user_id="ana") == ["I live in Lisbon."]
    assert stored_texts(memory, user_id="ben") == ["I live in Rome."]


def test_a_run_without_a_scope_is_refused(memory):
    runner, model = agent(memory, options={"user_id": FROM_CONFIG, "agent_id": "helper"})
    with pytest.raises(InvalidInput, match="user_id"):
        runner.invoke(says(QUESTION))
    assert not model.shown


# Awaiting, copying and pickling


async def test_an_awaited_agent_awaits_the_memory():
    class Awaited(ScriptedChatModel):
        def complete(self, *_, **__):
            raise AssertionError("blocks the event loop")

    model = Awaited({"facts": [{"text": "Lives in Lisbon"}]})
    async with AsyncMemory(":memory:", llm=model, embedder="hashing") as memory:
        runner, shown = agent(memory, options={"user_id": "ana", "on_error": "raise"})
        await runner.ainvoke(says("I live in Lisbon."))
        await runner.ainvoke(says(QUESTION))
    assert "Lives in Lisbon" in shown.shown_last()


async def test_a_hundred_awaited_turns_at_once_stay_separate(memory):
    async def tell(number):
        runner, _ = agent(memory, options={"user_id": f"user{number}", "on_error": "raise"})
        await runner.ainvoke(says(f"My favourite word is word{number}x."))

    await asyncio.gather(*map(tell, range(100)))
    for number in range(100):
        assert stored_texts(memory, user_id=f"user{number}") == [f"My favourite word is word{number}x."]


async def test_a_blocking_agent_works_inside_a_running_loop(memory):
    conversation = AgentConversation(memory, user_id="ana", on_error="raise")
    conversation.say("I live in Lisbon.")
    assert "Lisbon" in conversation.say(QUESTION)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])  # noqa: S301 - our own
def test_a_copied_or_pickled_middleware_shares_the_store(memory, copied):
    memory.add("I live in Lisbon.", user_id="ana")
    model = ScriptedModel()
    create_agent(model, middleware=[copied(MemoryMiddleware(memory=memory, user_id="ana"))]).invoke(says(QUESTION))
    assert "Lisbon" in model.shown_last()


# Over the wire


def test_an_agent_on_a_real_client_with_tools_and_middleware(memory):
    chat_openai = pytest.importorskip("langchain_openai").ChatOpenAI
    replies = [
        Completion("Noted."),
        ToolCall("search_memory", {"query": "home", "user_id": "ben"}),
        ToolCall("search_memory", {"query": "home"}),
        Completion("In Lisbon."),
    ]
    memory.add("My cat is called Whiskers.", user_id="ben-secret")
    # We close the client; LangChain would leave it open.
    with scripted_openai_server(replies) as server, httpx.Client() as client:
        place = {"base_url": server.base_url, "http_client": client}
        model = chat_openai(model="gpt-4o-mini", api_key="none", max_retries=0, **place)
        middleware = [MemoryMiddleware(memory=memory, user_id="ana-secret")]
        runner = create_agent(model, memory_tools(memory, user_id="ana-secret"), middleware=middleware)
        runner.invoke(says("I live in Lisbon."))
        state = runner.invoke(says(QUESTION))
    assert state["messages"][-1].content == "In Lisbon."
    assert len(server.requests) == 4  # only the agent's own
    first, second, third, fourth = (request.body["messages"] for request in server.requests)
    assert [message["role"] for message in first] == ["user"]
    assert "Lisbon" in second[0]["content"]
    assert fourth[0] == third[0] == second[0]
    assert third[-1]["content"] == "That did not work: search_memory takes no 'user_id': it takes query and limit"
    assert "Lisbon" in fourth[-1]["content"]
    assert not any(word in str(server.requests) for word in ("ana-secret", "ben-secret", "Whiskers"))
