"""The plugin for AG2's agents."""

import asyncio
import json
import re
from pathlib import Path

import pytest
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

pytest.importorskip("ag2", reason="ag2 1.x has an environment of its own: make test-matrix")

from ag2 import Agent, ImageInput
from ag2.config import OpenAIConfig
from ag2.events import ToolCallEvent
from ag2.testing import TestClient, TestConfig

from holdfast_autogen import memory_plugin

# ag2 never closes its OpenAI client, which is garbage-collected at any time.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PAGE = Path(__file__).parents[2] / "adapters" / "holdfast_autogen" / "README.md"


class Watched(TestConfig):
    """A scripted model that records its messages."""

    __test__ = False

    def __init__(self, *turns):
        super().__init__(*turns)
        self.shown = []

    def create(self):
        answer = TestClient(*self.events)
        shown = self.shown

        async def client(messages, context, **options):
            shown.append("\n".join([*context.prompt, *map(str, messages)]))
            return await answer(messages, context=context, **options)

        return client


@pytest.fixture
def memory():
    with memory_for_tests() as memory:
        yield memory


def agent_with(memory, *turns, **options):
    config = Watched(*turns)
    plugin = memory_plugin(memory=memory, user_id="ana")
    return Agent("assistant", "You are kind.", config=config, plugins=[plugin], **options), config


class Ag2Conversation:
    def __init__(self, memory, *, user_id, on_error="log"):
        self.config = Watched("I see.")
        plugin = memory_plugin(memory=memory, user_id=user_id, on_error=on_error)
        self.agent = Agent("assistant", "You are kind.", config=self.config, plugins=[plugin])

    def say(self, text):
        asyncio.run(self.agent.ask(text))
        return self.config.shown[-1]


class TestAg2Face(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return Ag2Conversation(memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return memory_plugin(memory=memory, **ids)


async def test_recalled_memories_never_enter_ag2s_prompt_or_history(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    agent, config = agent_with(memory, "I see.", "I see.")
    reply = await agent.ask("Where do I live?")
    await reply.ask("Where do I live?")
    assert [shown.count("Lisbon") for shown in config.shown] == [1, 1]
    assert "Lisbon" not in str(await reply.context.stream.history.get_events())
    assert "Lisbon" not in str(reply.context.prompt)


def dish_of_the_day() -> str:
    """Tell today's dish."""
    return "satay"


async def test_a_turn_with_a_tool_call_searches_once_and_is_saved_whole():
    model, embedder = ScriptedChatModel({"facts": []}), ScriptedEmbedder()
    with memory_for_tests(llm=model, embedder=embedder) as memory:
        memory.add("I'm allergic to peanuts.", user_id="ana", infer=False)
        turns = ToolCallEvent("dish_of_the_day"), "Not the satay."
        agent, config = agent_with(memory, *turns, tools=[dish_of_the_day])
        await agent.ask("What can I eat with my allergy?")
    assert [shown.count("peanuts") for shown in config.shown] == [1, 1]
    assert sum("What can I eat with my allergy?" in texts for texts in embedder.calls) == 1
    (extraction,) = model.calls
    assert "What can I eat" in json.dumps(extraction.messages)
    assert "Not the satay." in json.dumps(extraction.messages)


async def test_a_real_client_sends_recalled_memories_as_a_system_message(memory):
    pytest.importorskip("httpx2", reason="needs the extra ag2[openai], which wants openai 3")
    memory.add("I'm allergic to peanuts.", user_id="ana")
    with scripted_openai_server([ToolCall("dish_of_the_day"), Completion("Not the satay.")]) as server:
        config = OpenAIConfig(model="scripted", api_key="none", base_url=server.base_url)
        plugin = memory_plugin(memory=memory, user_id="ana")
        agent = Agent("assistant", "You are kind.", config=config, tools=[dish_of_the_day], plugins=[plugin])
        reply = await agent.ask("What can I eat with my allergy? I like tea.")
    assert reply.body == "Not the satay."
    for request in server.requests:
        system = [message for message in request.body["messages"] if message["role"] == "system"]
        assert json.dumps(system).count("peanuts") == 1
    assert "I like tea." in stored_texts(memory)


async def test_the_text_of_a_message_with_images_is_searched_and_saved(memory):
    memory.add("I'm allergic to peanuts.", user_id="ana")
    agent, config = agent_with(memory, "I see.")
    await agent.ask("I live in Porto. Am I allergic to peanuts?", ImageInput("https://example.com/a.png"))
    assert "I'm allergic to peanuts." in config.shown[0]
    assert "I live in Porto." in stored_texts(memory)


async def test_a_turn_whose_model_failed_is_not_saved(memory):
    agent, _ = agent_with(memory, RuntimeError("the model is out"))
    with pytest.raises(RuntimeError, match="out"):
        await agent.ask("I live in Lisbon.")
    assert stored_texts(memory) == []


async def test_a_plugin_for_one_call_remembers_too(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    config = Watched("I see.")
    agent = Agent("assistant", config=config)
    await agent.ask("Where do I live? I like tea.", plugins=[memory_plugin(memory=memory, user_id="ana")])
    assert "Lisbon" in config.shown[0]
    assert "I like tea." in stored_texts(memory)


async def test_a_hundred_agents_at_once_stay_separate(tmp_path):
    async def talk(memory, number):
        for words in (f"My favourite word is word{number}x.", "What is my favourite word?"):
            config = Watched("I see.")
            plugin = memory_plugin(memory=memory, user_id=f"user{number}")
            await Agent("assistant", config=config, plugins=[plugin]).ask(words)
        return config.shown[-1]

    async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        shown = await asyncio.gather(*(talk(memory, number) for number in range(100)))
    for number, prompt in enumerate(shown):
        assert f"word{number}x" in prompt
        assert prompt.count("x.") == 1


def test_on_error_is_checked_at_once(memory):
    with pytest.raises(InvalidInput, match="on_error"):
        memory_plugin(memory=memory, user_id="ana", on_error="ignore")


def test_the_example_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = re.findall(r"```py\n(.*?)```", PAGE.read_text(), re.DOTALL)[-1]
    exec(compile(program, str(PAGE), "exec"), {})  # noqa: S102 - our own page
