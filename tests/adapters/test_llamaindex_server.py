"""LlamaIndex's engines and agents over HTTP, with the memory's model on the same server."""

import httpx
import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.chat_engine import SimpleChatEngine

pytest.importorskip("llama_index.llms.openai_like")

from llama_index.llms.openai_like import OpenAILike
from tests.adapters.llamaindex_conversation import WARNINGS, engine_or_agent, react

from holdfast import AsyncMemory, Memory
from holdfast.testing import Fault, ToolCall, scripted_openai_server
from holdfast_llamaindex import Mem0Memory, memory_tools

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

FACT = {"facts": [{"text": "Likes green tea", "turn": 0, "attributed_to": "user"}]}
KINDS = ["simple", "context", "condense", "function", "react"]


def is_extraction(body):
    return "response_format" in body


def shown(body):
    return "\n".join(str(message["content"]) for message in body["messages"])


def served(server, tmp_path):
    """A model of the framework and a memory that use one server."""
    config = {"model": "gpt-4.1-mini", "api_key": "none", "openai_base_url": server.base_url}
    memory = AsyncMemory(tmp_path / "memory.db", llm={"provider": "openai", "config": config}, embedder="hashing")
    # LlamaIndex never closes its connections, so none are kept.
    limits = httpx.Limits(max_keepalive_connections=0)
    clients = {"http_client": httpx.Client(limits=limits), "async_http_client": httpx.AsyncClient(limits=limits)}
    options = {"is_chat_model": True, "is_function_calling_model": True, "context_window": 8_000, "max_retries": 0}
    return OpenAILike(model="scripted", api_base=server.base_url, api_key="none", **options, **clients), memory


@pytest.mark.parametrize("kind", KINDS)
async def test_a_turn_costs_one_call_of_the_frameworks_model_and_one_extraction(tmp_path, kind):
    answer = react("Green tea.") if kind == "react" else "Green tea."
    with scripted_openai_server(lambda body: FACT if is_extraction(body) else answer) as server:
        llm, memory = served(server, tmp_path)
        async with memory:
            talk = engine_or_agent(kind, Mem0Memory(memory, user_id="ana"), llm)
            assert await talk.run("I like green tea.") == "Green tea."
        completion, extraction = [request.body for request in server.requests]
    assert not is_extraction(completion)
    assert "I like green tea." in shown(extraction)
    assert "Green tea." in shown(extraction)
    assert "Thought" not in shown(extraction)


@pytest.mark.parametrize("kind", KINDS)
async def test_memories_are_shown_in_the_one_system_message(tmp_path, kind):
    answer = react("Green tea.") if kind == "react" else "Green tea."
    with scripted_openai_server(lambda body: {"facts": []} if is_extraction(body) else answer) as server:
        llm, memory = served(server, tmp_path)
        async with memory:
            await memory.add("Likes green tea", user_id="ana", infer=False)
            chat_memory = Mem0Memory(memory, user_id="ana")
            talk = engine_or_agent(kind, chat_memory, llm, system_prompt="You make tea.")
            await talk.run("Which tea do I like?")
        *_, asked, extraction = [request.body for request in server.requests]
    assert is_extraction(extraction)
    assert "Likes green tea" in shown(asked)
    assert [message["role"] for message in asked["messages"]].count("system") == 1


def test_a_blocking_engine_works_over_the_wire(tmp_path):
    with scripted_openai_server(lambda body: FACT if is_extraction(body) else "Green tea.") as server:
        llm, memory = served(server, tmp_path)
        with Memory.over(memory) as blocking:
            engine = SimpleChatEngine.from_defaults(llm=llm, memory=Mem0Memory(blocking, user_id="ana"))
            assert "".join(engine.stream_chat("I like green tea.").response_gen) == "Green tea."
            assert [item["memory"] for item in blocking.get_all(user_id="ana")["results"]] == ["Likes green tea"]


async def test_an_agent_uses_its_tools_and_its_memory_over_the_wire(tmp_path):
    replies = iter([ToolCall("search_memory", {"query": "tea"}), "Green tea."])
    with scripted_openai_server(lambda body: {"facts": []} if is_extraction(body) else next(replies)) as server:
        llm, memory = served(server, tmp_path)
        async with memory:
            await memory.add("Likes green tea", user_id="ana", infer=False)
            agent = FunctionAgent(llm=llm, tools=memory_tools(memory, user_id="ana"))
            answer = await agent.run(user_msg="What shall I drink?", memory=Mem0Memory(memory, user_id="ana"))
        first, second, extraction = [request.body for request in server.requests]
    assert str(answer) == "Green tea."
    assert "user_id" not in str(first["tools"])
    assert "Likes green tea" in second["messages"][-1]["content"]
    assert "Green tea." in shown(extraction)


async def test_a_memory_whose_model_is_down_does_not_stop_an_agent(tmp_path, caplog):
    with scripted_openai_server(lambda body: Fault(500) if is_extraction(body) else "Hello, Ana.") as server:
        llm, memory = served(server, tmp_path)
        async with memory:
            agent = FunctionAgent(llm=llm, tools=[])
            answer = await agent.run(user_msg="I am Ana.", memory=Mem0Memory(memory, user_id="ana"))
    assert str(answer) == "Hello, Ana."
    assert "the conversation goes on" in caplog.text
