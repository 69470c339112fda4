"""`Mem0Memory` in LlamaIndex's engines and agents."""

import asyncio
import copy
import multiprocessing
import pickle
import subprocess
import sys

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.memory import ChatMemoryBuffer, Memory as ChatMemory
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.workflow import Context, JsonSerializer
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool
from tests.adapters.llamaindex_conversation import (
    WARNINGS,
    ScriptedLLM,
    engine_or_agent,
    loop_of_its_own,
    react,
    shown_text,
    tool_call,
)
from tests.results import stored_texts

from holdfast import AsyncMemory, ConfigError, InvalidInput, Memory
from holdfast.testing import ScriptedChatModel, memory_for_tests
from holdfast_llamaindex import Mem0Memory

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

KINDS = ["simple", "context", "condense", "function", "react"]
ENGINES = ["simple", "context", "condense"]


def user(text):
    return ChatMessage(role="user", content=text)


def assistant(text):
    return ChatMessage(role="assistant", content=text)


def searches(memory):
    return [text for call in memory.runtime.engines.embedder.calls for text in call]


def saved(memory):
    """Return the messages of each add as one text."""
    return [call.messages[-1]["content"] for call in memory.runtime.engines.llm.calls]


def answering(kind, text="It is Sencha."):
    return ScriptedLLM(reply=lambda _: react(text) if kind == "react" else text)


# One search and one add per turn


@pytest.mark.parametrize("kind", KINDS)
def test_a_turn_costs_one_search_and_one_add(memory_without_facts, kind):
    talk = engine_or_agent(kind, Mem0Memory(memory_without_facts, user_id="ana", search_msg_limit=1), answering(kind))
    for number, question in enumerate(["Which tea do I like?", "Which tea do I like?", "And why?"], start=1):
        assert "I like green tea" in talk.say(question)
        assert len(searches(memory_without_facts)) == number
        assert len(saved(memory_without_facts)) == number
        assert question in saved(memory_without_facts)[-1]
        assert "It is Sencha." in saved(memory_without_facts)[-1]


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_awaited_turn_costs_one_search_and_one_add(memory_without_facts, kind, streamed):
    talk = engine_or_agent(kind, Mem0Memory(memory_without_facts, user_id="ana"), answering(kind))
    if streamed:
        response = await talk.engine.astream_chat("Which tea do I like?")
        assert "".join([word async for word in response.async_response_gen()]) == "It is Sencha."
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))  # the task that writes the history
    else:
        await talk.engine.achat("Which tea do I like?")
    assert searches(memory_without_facts) == ["Which tea do I like?"]
    (one,) = saved(memory_without_facts)
    assert "Which tea do I like?" in one
    assert "It is Sencha." in one


@pytest.mark.parametrize("kind", ENGINES)
def test_a_streamed_turn_is_saved_when_the_stream_has_ended(memory_without_facts, kind):
    talk = engine_or_agent(kind, Mem0Memory(memory_without_facts, user_id="ana"), answering(kind))
    with loop_of_its_own():
        assert "".join(talk.engine.stream_chat("Which tea do I like?").response_gen) == "It is Sencha."
    assert searches(memory_without_facts) == ["Which tea do I like?"]
    (one,) = saved(memory_without_facts)
    assert "It is Sencha." in one


async def test_an_agent_that_calls_tools_costs_one_search_and_one_add(memory_without_facts):
    replies = iter([tool_call("steep", minutes=3), tool_call("steep", minutes=4), "It is ready."])
    llm = ScriptedLLM(reply=lambda _: next(replies))

    def steep(minutes: int) -> str:
        """Steep the tea."""
        return f"steeped {minutes} minutes"

    memory = Mem0Memory(memory_without_facts, user_id="ana")
    agent = FunctionAgent(llm=llm, tools=[steep], system_prompt="You make tea.")
    assert str(await agent.run(user_msg="Make my tea.", memory=memory)) == "It is ready."
    assert searches(memory_without_facts) == ["Make my tea."]
    (one,) = saved(memory_without_facts)
    assert "It is ready." in one
    assert "steeped" not in one
    assert all("I like green tea" in str(call) for call in llm.shown)


async def test_a_react_agents_scratch_text_is_not_saved(memory_without_facts):
    replies = iter(
        [
            'Thought: I need a tool.\nAction: steep\nAction Input: {"minutes": 3}',
            "Thought: I can answer without using any more tools.\nAnswer: It is\nready.",
        ]
    )
    llm = ScriptedLLM(reply=lambda _: next(replies))

    def steep(minutes: int) -> str:
        """Steep the tea."""
        return f"Answer: steeped {minutes} minutes"

    talk = engine_or_agent("react", Mem0Memory(memory_without_facts, user_id="ana"), llm, tools=[steep])
    assert await talk.run("Make my tea.") == "It is\nready."
    (one,) = saved(memory_without_facts)
    assert "It is\nready." in one
    assert "Thought" not in one
    assert "steeped" not in one


async def test_a_workflow_of_agents_that_hand_over_costs_one_search_and_one_add(memory_without_facts):
    replies = iter([tool_call("handoff", to_agent="maker", reason="tea"), "It is ready."])
    llm = ScriptedLLM(reply=lambda _: next(replies))
    agents = [
        FunctionAgent(name="front", description="greets", llm=llm, tools=[], can_handoff_to=["maker"]),
        FunctionAgent(name="maker", description="makes tea", llm=llm, tools=[], system_prompt="You make tea."),
    ]
    workflow = AgentWorkflow(agents=agents, root_agent="front")
    await workflow.run(user_msg="Make my tea.", memory=Mem0Memory(memory_without_facts, user_id="ana"))
    assert searches(memory_without_facts) == ["Make my tea."]
    (one,) = saved(memory_without_facts)
    assert "Make my tea." in one
    assert "It is ready." in one
    assert "I like green tea" in str(llm.shown[-1])


async def test_an_agents_state_is_not_stored_as_the_users_words(memory_without_facts):
    memory = Mem0Memory(memory_without_facts, user_id="ana")
    agent = FunctionAgent(llm=answering("function"), tools=[], initial_state={"door": "open"})
    await agent.run(user_msg="Which tea do I like?", memory=memory)
    assert [message.content for message in memory.get_all()] == ["Which tea do I like?", "It is Sencha."]
    assert "door" not in saved(memory_without_facts)[0]


async def test_a_conversation_without_a_separate_question_is_answered_and_saved(memory_without_facts):
    history = [user("Hello."), assistant("Hi."), user("Which tea do I like?")]
    agent = FunctionAgent(llm=answering("function"), tools=[])
    await agent.run(chat_history=history, memory=Mem0Memory(memory_without_facts, user_id="ana", search_msg_limit=1))
    assert searches(memory_without_facts) == ["Which tea do I like?"]
    (one,) = saved(memory_without_facts)
    assert "It is Sencha." in one


def test_only_the_last_messages_are_searched_for(memory_without_facts):
    talk = engine_or_agent(
        "simple", Mem0Memory(memory_without_facts, user_id="ana", search_msg_limit=3), answering("simple", "Yes.")
    )
    for text in ["One.", "Two.", "Three."]:
        talk.say(text)
    assert searches(memory_without_facts) == ["One.", "One.\nYes.\nTwo.", "Two.\nYes.\nThree."]


# The prompt


@pytest.mark.parametrize("kind", KINDS)
def test_without_memories_nothing_is_inserted(memory, kind):
    llm = answering(kind)
    shown = engine_or_agent(kind, Mem0Memory(memory, user_id="ana"), llm).say("Which tea do I like?")
    assert "recalled" not in shown
    assert [one.content for one in llm.shown[-1] if one.role == "user"] == ["Which tea do I like?"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_engine_and_no_agent_gets_a_second_system_message(memory, kind):
    memory.add("I like green tea", user_id="ana")
    llm = answering(kind)
    talk = engine_or_agent(kind, Mem0Memory(memory, user_id="ana"), llm, system_prompt="You make tea.")
    for question in ["Which tea do I like?", "And why?"]:
        assert "I like green tea" in talk.say(question)
        assert [one.role for one in llm.shown[-1]].count("system") == 1


def test_the_block_comes_before_the_last_user_message(memory):
    memory.add("I like green tea", user_id="ana")
    chat_memory = Mem0Memory(memory, user_id="ana", chat_history=[user("Hello."), assistant("Hi.")])
    chat_memory.put(user("Which tea do I like?"))
    first, second, last = chat_memory.get()
    assert (first.content, second.content) == ("Hello.", "Hi.")
    assert last.content.startswith("<recalled-memory>")
    assert last.content.endswith("</recalled-memory>\n\nWhich tea do I like?")


def test_the_block_is_added_to_an_existing_system_message(memory):
    memory.add("I like green tea", user_id="ana")
    history = [ChatMessage(role="system", content="You make tea.")]
    chat_memory = Mem0Memory(memory, user_id="ana", chat_history=history, insert_method="system")
    chat_memory.put(user("Which tea do I like?"))
    system, question = chat_memory.get()
    assert system.content.startswith("You make tea.")
    assert "I like green tea" in system.content
    assert question.content == "Which tea do I like?"
    assert history[0].content == "You make tea."


def test_without_a_system_message_the_block_becomes_one(memory):
    memory.add("I like green tea", user_id="ana")
    chat_memory = Mem0Memory(memory, user_id="ana", insert_method="system")
    chat_memory.put(user("Which tea do I like?"))
    assert [message.role for message in chat_memory.get()] == ["system", "user"]


@pytest.mark.parametrize("kind", KINDS)
def test_recalled_memories_are_nowhere_in_the_history(memory, kind, tmp_path):
    memory.add("I like green tea", user_id="ana")
    chat_store = SimpleChatStore()
    chat_memory = Mem0Memory(memory, user_id="ana", chat_store=chat_store)
    assert "I like green tea" in engine_or_agent(kind, chat_memory, answering(kind)).say("Which tea do I like?")
    chat_store.persist(str(tmp_path / "chats.json"))
    assert "green" not in (tmp_path / "chats.json").read_text()
    assert "green" not in chat_memory.to_json()


def test_the_block_fits_its_token_limit(memory):
    memory.add([{"role": "user", "content": f"I like tea number {number}."} for number in range(200)], user_id="ana")
    chat_memory = Mem0Memory(memory, user_id="ana", max_tokens=100, insert_method="system")
    chat_memory.put(user("Which tea do I like?"))
    assert 100 < len(chat_memory.get()[0].content) <= 400


# Unusual messages


def test_the_text_of_a_question_with_a_picture_is_searched_and_saved(memory_without_facts):
    picture = ImageBlock(image=b"iVBORw0KGgo=", image_mimetype="image/png")
    chat_memory = Mem0Memory(memory_without_facts, user_id="ana")
    chat_memory.put(ChatMessage(role="user", blocks=[picture, TextBlock(text="Is this my tea?")]))
    shown = chat_memory.get()[-1]
    assert [block.block_type for block in shown.blocks] == ["text", "image", "text"]
    chat_memory.put(assistant("It is."))
    assert searches(memory_without_facts) == ["Is this my tea?"]
    assert "Is this my tea?" in saved(memory_without_facts)[0]


def test_a_message_with_only_a_picture_is_harmless(memory_without_facts):
    chat_memory = Mem0Memory(memory_without_facts, user_id="ana")
    chat_memory.put(ChatMessage(role="user", blocks=[ImageBlock(url="https://example.com/tea.png")]))
    assert len(chat_memory.get()) == 1
    chat_memory.put(assistant("A cup of tea."))
    assert searches(memory_without_facts) == saved(memory_without_facts) == []


def test_tool_calls_without_content_are_harmless(memory_without_facts):
    chat_memory = Mem0Memory(memory_without_facts, user_id="ana")
    call = tool_call("steep")
    result = ChatMessage(role="tool", content="steeped", additional_kwargs={"tool_call_id": "call-1"})
    nothing = ChatMessage(role="assistant", blocks=[])
    chat_memory.put(user("Make tea."))
    chat_memory.put_messages([call, result, nothing, assistant("It is ready."), assistant("Anything else?")])
    (one,) = saved(memory_without_facts)
    assert "It is ready." in one
    assert "Anything" not in one
    assert "steeped" not in one


async def test_a_cancelled_turn_is_saved_with_the_next_answer(memory_without_facts):
    llm = answering("function")
    chat_memory = Mem0Memory(memory_without_facts, user_id="ana", search_msg_limit=1)
    hanging = asyncio.Event()

    async def hang(*_args, **_kwargs):
        hanging.set()
        await asyncio.Event().wait()

    engine = SimpleChatEngine.from_defaults(llm=llm, memory=chat_memory)
    object.__setattr__(llm, "achat", hang)
    turn = asyncio.create_task(engine.achat("I am in a hurry."))
    await hanging.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    object.__delattr__(llm, "achat")
    await engine.achat("Which tea do I like?")
    assert searches(memory_without_facts) == ["I am in a hurry.", "Which tea do I like?"]
    (one,) = saved(memory_without_facts)
    assert "I am in a hurry." in one
    assert "Which tea do I like?" in one


def test_a_question_after_a_failed_turn_is_a_new_turn(memory_without_facts):
    chat_memory = Mem0Memory(memory_without_facts, user_id="ana", search_msg_limit=1)
    chat_memory.put(user("Make coffee."))
    chat_memory.get()
    chat_memory.get(input="Make tea.")
    assert searches(memory_without_facts) == ["Make coffee.", "Make tea."]


def test_a_message_that_cannot_be_stored_does_not_stop_the_conversation(memory, caplog):
    talk = engine_or_agent("simple", Mem0Memory(memory, user_id="ana"), answering("simple"))
    assert "half" in talk.say("I like \ud83e half a fox.")
    assert "surrogate" in caplog.text


# Set and reset


def test_set_replaces_the_history(memory):
    chat_memory = Mem0Memory(memory, user_id="ana")
    given = [user("I live in Lisbon."), assistant("Lovely.")]
    chat_memory.set(given)
    chat_memory.put(user("Where do I live?"))
    assert [message.content for message in chat_memory.get_all()] == [
        "I live in Lisbon.",
        "Lovely.",
        "Where do I live?",
    ]
    assert len(given) == 2


def test_an_edited_history_is_stored_as_edited(memory):
    chat_memory = Mem0Memory(memory, user_id="ana")
    chat_memory.put_messages([user("Hello."), assistant("Hi."), user("I live in Lisbon."), assistant("Lovely.")])
    assert stored_texts(memory) == ["I live in Lisbon."]
    chat_memory.set([user("Hello."), assistant("Hi."), user("I live in Porto now."), assistant("Lovely.")])
    assert stored_texts(memory) == ["I live in Porto now."]


def test_a_shorter_history_stores_nothing_and_forgets_nothing(memory):
    chat_memory = Mem0Memory(memory, user_id="ana")
    chat_memory.put_messages([user("I live in Lisbon."), assistant("Lovely."), user("I like tea."), assistant("Good.")])
    before = stored_texts(memory)
    chat_memory.set([user("I live in Lisbon."), assistant("Lovely.")])
    assert stored_texts(memory) == before
    assert len(chat_memory.get_all()) == 2


def test_a_history_given_with_every_request_does_not_restore_deleted_memories(memory):
    history = [user("I live in Lisbon."), assistant("Lovely.")]
    Mem0Memory(memory, user_id="ana").put_messages(history)
    memory.delete_all(user_id="ana")
    engine = SimpleChatEngine.from_defaults(llm=answering("simple"), memory=Mem0Memory(memory, user_id="ana"))
    engine.chat("Which tea do I like?", chat_history=history)
    assert stored_texts(memory) == []


def test_reset_starts_a_new_conversation_and_deletes_no_memory(memory_without_facts):
    chat_memory = Mem0Memory(memory_without_facts, user_id="ana")
    chat_memory.put(user("Make tea."))
    chat_memory.get()
    chat_memory.reset()
    assert chat_memory.get_all() == chat_memory.get() == []
    chat_memory.put(assistant("It is ready."))
    assert saved(memory_without_facts) == []
    chat_memory.reset()
    chat_memory.put(user("Make tea."))
    assert "I like green tea" in chat_memory.get()[-1].content
    assert searches(memory_without_facts) == ["Make tea.", "Make tea."]


async def test_awaited_set_and_reset_do_the_same(memory):
    chat_memory = Mem0Memory(memory, user_id="ana")
    await chat_memory.aput_messages([user("I live in Lisbon."), assistant("Lovely.")])
    await chat_memory.aset([user("I live in Porto now."), assistant("Lovely.")])
    assert stored_texts(memory) == ["I live in Porto now."]
    await chat_memory.areset()
    assert await chat_memory.aget_all() == []
    assert stored_texts(memory) == ["I live in Porto now."]


# The chat store


def test_a_conversation_continues_from_a_persisted_chat_store(memory, tmp_path):
    chat_store = SimpleChatStore()
    Mem0Memory(memory, user_id="ana", chat_store=chat_store).put_messages([user("Hello."), assistant("Hi.")])
    chat_store.persist(str(tmp_path / "chats.json"))
    again = SimpleChatStore.from_persist_path(str(tmp_path / "chats.json"))
    chat_memory = Mem0Memory.from_defaults(memory=memory, user_id="ana", chat_store=again, chat_history=[])
    assert [message.content for message in chat_memory.get_all()] == ["Hello.", "Hi."]


def test_users_who_share_a_chat_store_never_see_each_other(memory):
    chat_store = SimpleChatStore()
    Mem0Memory(memory, user_id="ana", chat_store=chat_store).put(user("I have a secret."))
    assert Mem0Memory(memory, user_id="ben", chat_store=chat_store).get_all() == []
    assert Mem0Memory(memory, user_id="ana", run_id="2", chat_store=chat_store).get_all() == []


def test_a_conversation_is_shown_within_its_limit(memory):
    chat_memory = Mem0Memory(memory, user_id="ana", token_limit=20)
    chat_memory.put_messages([message for _ in range(9) for message in (user("one two three"), assistant("four five"))])
    chat_memory.put(user("six"))
    assert len(chat_memory.get()) < 10
    assert len(chat_memory.get_all()) == 19


async def test_llamaindexs_own_memory_can_hold_the_conversation(memory_without_facts):
    database = create_async_engine("sqlite+aiosqlite:///:memory:", poolclass=StaticPool)
    own = ChatMemory.from_defaults(session_id="tea", token_limit=400, async_engine=database)
    talk = engine_or_agent(
        "simple", Mem0Memory(memory_without_facts, user_id="ana", primary_memory=own), answering("simple")
    )
    for number in range(1, 4):
        await talk.engine.achat(f"Which tea do I like? Number {number}.")
    assert len(searches(memory_without_facts)) == len(saved(memory_without_facts)) == 3
    assert len(await own.aget_all()) == 6
    await database.dispose()


def test_a_token_limit_beside_a_primary_memory_is_refused(memory):
    with pytest.raises(InvalidInput, match="give token_limit to it"):
        Mem0Memory(memory, user_id="ana", token_limit=9, primary_memory=ChatMemoryBuffer.from_defaults(token_limit=9))


# Copies, files and processes


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: one.model_copy(deep=True)])
def test_copies_share_the_store(memory, copied):
    chat_memory = Mem0Memory(memory, user_id="ana")
    copied(chat_memory).put_messages([user("I live in Lisbon."), assistant("Lovely.")])
    assert stored_texts(memory) == ["I live in Lisbon."]


def test_a_deep_copy_has_its_own_conversation(memory):
    chat_memory = Mem0Memory(memory, user_id="ana")
    copy.deepcopy(chat_memory).put(user("Hello."))
    assert chat_memory.get_all() == []


def test_a_pickled_memory_continues_with_conversation_and_store(memory):
    chat_memory = Mem0Memory(memory, user_id="ana", max_tokens=77)
    chat_memory.put(user("I live in Lisbon."))
    again = pickle.loads(pickle.dumps(chat_memory))  # noqa: S301 - our own bytes
    again.put(assistant("Lovely."))
    assert stored_texts(memory) == ["I live in Lisbon."]
    assert again.max_tokens == 77


def test_a_memory_in_ram_says_that_it_cannot_be_serialised():
    chat_memory = Mem0Memory(memory_for_tests(), user_id="ana")
    with pytest.raises(TypeError, match="kept in memory"):
        pickle.dumps(chat_memory)
    with pytest.raises(InvalidInput, match="in RAM"):
        chat_memory.to_dict()


def test_a_memory_from_json_continues_with_conversation_and_store(memory):
    chat_memory = Mem0Memory(memory, user_id="ana", run_id="1", on_error="raise", insert_method="system")
    chat_memory.put(user("I live in Lisbon."))
    again = Mem0Memory.from_json(chat_memory.to_json())
    again.put(assistant("Lovely."))
    assert stored_texts(memory) == ["I live in Lisbon."]
    assert again.to_dict() == {**chat_memory.to_dict(), "primary_memory": again.to_dict()["primary_memory"]}
    assert again.context == {"user_id": "ana", "run_id": "1"}
    same = Mem0Memory.from_dict(chat_memory.to_dict(), memory=memory)
    assert [message.content for message in same.get_all()] == ["I live in Lisbon."]


def test_an_external_conversation_must_be_given_again(memory):
    own = ChatMemory.from_defaults()
    written = Mem0Memory(memory, user_id="ana", primary_memory=own).to_dict()
    with pytest.raises(InvalidInput, match="primary_memory="):
        Mem0Memory.from_dict(written)
    assert Mem0Memory.from_dict(written, primary_memory=own).primary_memory is own


async def test_a_workflows_context_can_be_serialised_and_continues(memory):
    memory.add("I like green tea", user_id="ana")
    agent = FunctionAgent(llm=answering("function"), tools=[])
    context = Context(agent)
    await agent.run(user_msg="I live in Lisbon.", memory=Mem0Memory(memory, user_id="ana"), ctx=context)
    written = context.to_dict(serializer=JsonSerializer())
    assert "green" not in str(written["state"])
    again = Context.from_dict(agent, written, serializer=JsonSerializer())
    await agent.run(user_msg="Where do I live?", ctx=again)
    shown = shown_text(agent.llm)
    assert "I live in Lisbon." in shown
    assert len((await again.store.get("memory")).get_all()) == 4


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_recalls_and_remembers(memory):
    chat_memory = Mem0Memory(memory, user_id="ana")
    chat_memory.put_messages([user("I live in Lisbon."), assistant("Lovely.")])
    forked = multiprocessing.get_context("fork").Process(target=_say_where, args=(chat_memory,))
    forked.start()
    forked.join(60)
    assert forked.exitcode == 0
    assert "I like tea." in stored_texts(memory)


def _say_where(chat_memory):
    chat_memory.put(user("Where do I live? I like tea."))
    assert "Lisbon" in chat_memory.get()[-1].content
    chat_memory.put(assistant("In Lisbon."))


# Event loops


async def test_a_hundred_conversations_at_once_stay_separate(tmp_path):
    async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:

        async def one(number):
            chat_memory = Mem0Memory(memory, user_id=f"user{number}")
            llm = answering("simple")
            engine = SimpleChatEngine.from_defaults(llm=llm, memory=chat_memory)
            await engine.achat(f"My favourite word is word{number}x.")
            engine = SimpleChatEngine.from_defaults(llm=llm, memory=Mem0Memory(memory, user_id=f"user{number}"))
            await engine.achat("What is my favourite word?")
            return str(llm.shown[-1])

        for number, shown in enumerate(await asyncio.gather(*map(one, range(100)))):
            assert f"word{number}x" in shown
            assert shown.count("favourite word is") == 1


async def test_a_blocking_engine_works_inside_a_running_loop(memory):
    talk = engine_or_agent("context", Mem0Memory(memory, user_id="ana"), answering("context"))
    talk.engine.chat("I live in Lisbon.")
    assert stored_texts(memory) == ["I live in Lisbon."]


async def test_a_slow_model_of_the_memory_does_not_block_the_event_loop():
    slow = ScriptedChatModel({"facts": []}, delay=0.2)
    with memory_for_tests(llm=slow) as memory:
        talk = engine_or_agent("simple", Mem0Memory(memory, user_id="ana"), answering("simple"))
        turn = asyncio.create_task(talk.engine.achat("Hello."))
        beats = 0
        while not turn.done():
            await asyncio.sleep(0.005)
            beats += 1
    assert beats > 3


def test_objects_of_two_frameworks_work_on_one_store(memory):
    first = Mem0Memory(memory, user_id="ana")
    second = Mem0Memory(AsyncMemory.over(memory), user_id="ana")
    first.put_messages([user("I live in Lisbon."), assistant("Lovely.")])
    second.put(user("Where do I live?"))
    assert "Lisbon" in second.get()[-1].content


# Construction


def test_the_constructors_of_the_replaced_package_exist(tmp_path):
    context = {"user_id": "ana", "agent_id": None}
    config = {"path": str(tmp_path / "memory.db"), "llm": {"provider": "rules"}, "embedder": {"provider": "hashing"}}
    chat_memory = Mem0Memory.from_config(context=context, config=config, search_msg_limit=4)
    assert chat_memory.context == {"user_id": "ana"}
    assert chat_memory.search_msg_limit == 4
    chat_memory.put_messages([user("I live in Lisbon."), assistant("Lovely.")])
    with Memory(tmp_path / "memory.db") as memory:
        given = Mem0Memory.from_client(context=context, client=memory, search_msg_limit=4)
        given.put(user("Where do I live?"))
        assert "Lisbon" in given.get()[-1].content


def test_a_client_for_a_mem0_server_is_refused_with_the_way_out():
    with pytest.raises(ConfigError, match=r"client=holdfast\.Memory"):
        Mem0Memory.from_client({"user_id": "ana"}, api_key="m0-key", host="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "no scope is named"),
        ({"context": {}}, "no scope is named"),
        ({"context": {"user_id": None}}, "no scope is named"),
        ({"user_id": " "}, "user_id is blank"),
        ({"context": {"user": "ana"}}, "context has the key 'user'"),
        ({"user_id": "ana", "context": {"user_id": "ben"}}, "give one"),
        ({"user_id": "ana", "on_error": "ignore"}, "on_error is 'ignore'"),
        ({"user_id": "ana", "search_msg_limit": 0}, "search_msg_limit"),
        ({"user_id": "ana", "max_tokens": 0}, "max_tokens"),
        ({"user_id": "ana", "insert_method": "assistant"}, "insert_method"),
    ],
)
def test_a_wrong_argument_is_refused_at_construction(memory, arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Mem0Memory.from_defaults(memory=memory, **arguments)


def test_an_object_that_is_not_a_memory_is_refused():
    with pytest.raises(InvalidInput, match=r"give a holdfast\.Memory"):
        Mem0Memory.from_defaults(memory="memory.db", user_id="ana")


def test_without_llamaindex_the_import_says_what_to_install(tmp_path):
    (tmp_path / "llama_index").mkdir()
    (tmp_path / "llama_index" / "__init__.py").touch()
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import holdfast_llamaindex"
    failed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert 'pip install "holdfast[llamaindex]"' in failed.stderr
