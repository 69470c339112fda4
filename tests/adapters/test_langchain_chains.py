"""The chain memory in LangChain's own chains."""

import asyncio
import copy
import logging
import pickle

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from tests.adapters.langchain_conversation import ChainConversation, ScriptedModel
from tests.contracts.adapter_contract import AdapterContract, Clearing
from tests.results import stored_texts

from holdfast import AsyncMemory, InvalidInput
from holdfast.testing import ScriptedChatModel, memory_for_tests
from holdfast_langchain import HoldfastMemory

try:
    from langchain_classic import chains, memory as classic_memory
except ImportError:
    chains = pytest.importorskip("langchain.chains")
    from langchain import memory as classic_memory

pytestmark = pytest.mark.filterwarnings(
    "ignore::langchain_core._api.deprecation.LangChainDeprecationWarning",
    # Raised by the module of the chains when it is first imported.
    "ignore:.*Pydantic.*:UserWarning",
)


class TestAChain(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return ChainConversation(memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return HoldfastMemory(memory=memory, **ids)

    def make_clearing(self, memory, **arguments):
        ours = HoldfastMemory(memory=memory, **arguments)
        return [Clearing(lambda text: ours.save_context({"input": text}, {"output": "Noted."}), ours.clear)]


def test_the_variable_is_the_one_named(memory):
    chain_memory = HoldfastMemory(memory=memory, user_id="ana", memory_key="known")
    chain_memory.save_context({"input": "I live in Lisbon."}, {"output": "Noted."})
    assert chain_memory.memory_variables == ["known"]
    assert "Lisbon" in chain_memory.load_memory_variables({"input": "Where do I live?"})["known"]


def test_without_an_input_the_variable_has_profile_facts(memory):
    memory.add("My name is Ana.", user_id="ana")
    assert "Ana" in HoldfastMemory(memory=memory, user_id="ana").load_memory_variables({})["history"]


def test_without_memories_the_variable_is_empty(memory):
    assert HoldfastMemory(memory=memory, user_id="ana").load_memory_variables({"input": "Hello"}) == {"history": ""}
    as_messages = HoldfastMemory(memory=memory, user_id="ana", return_messages=True)
    assert as_messages.load_memory_variables({"input": "Hello"}) == {"history": []}


def test_messages_fill_a_chat_prompts_placeholder(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    model = ScriptedModel()
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{input}")])
    chain_memory = HoldfastMemory(memory=memory, user_id="ana", return_messages=True)
    chains.LLMChain(llm=model, prompt=prompt, memory=chain_memory).invoke({"input": "Where do I live?"})
    recalled, asked = model.shown[-1]
    assert isinstance(recalled, SystemMessage)
    assert "Lisbon" in recalled.content
    assert asked.content == "Where do I live?"


def test_several_inputs_or_outputs_must_be_named(memory):
    chain_memory = HoldfastMemory(memory=memory, user_id="ana")
    with pytest.raises(InvalidInput, match="input_key"):
        chain_memory.load_memory_variables({"question": "a", "language": "b"})
    with pytest.raises(InvalidInput, match="output_key"):
        chain_memory.save_context({"question": "a"}, {"answer": "b", "sources": "c"})


def test_the_named_input_and_output_are_the_ones_saved():
    model = ScriptedChatModel({"facts": []})
    with memory_for_tests(llm=model) as memory:
        chain_memory = HoldfastMemory(memory=memory, user_id="ana", input_key="question", output_key="answer")
        inputs = {"question": "Where is my office?", "language": "pt", "history": "recalled"}
        chain_memory.save_context(inputs, {"answer": "In Lisbon.", "sources": "a map"})
    (call,) = model.calls
    asked = call.messages[-1]["content"]
    assert "Where is my office?" in asked
    assert "In Lisbon." in asked
    assert "recalled" not in asked
    assert "a map" not in asked


def test_a_turn_costs_one_extraction_and_one_model_call():
    extraction = ScriptedChatModel({"facts": []})
    with memory_for_tests(llm=extraction) as memory:
        conversation = ChainConversation(memory, user_id="ana")
        conversation.say("I live in Lisbon.")
        assert len(extraction.calls) == 1
        assert len(conversation.model.shown) == 1


def test_only_the_text_of_content_with_images_is_saved(memory):
    message = HumanMessage(
        [{"type": "text", "text": "I live in Lisbon."}, {"type": "image_url", "image_url": "data:,"}]
    )
    chain_memory = HoldfastMemory(memory=memory, user_id="ana", on_error="raise")
    chain_memory.save_context({"input": [AIMessage("Where?"), message]}, {"output": AIMessage("Noted.")})
    assert stored_texts(memory) == ["I live in Lisbon."]
    assert "Lisbon" in chain_memory.load_memory_variables({"input": message})["history"]


@pytest.mark.parametrize("content", ["", "   ", None, []])
def test_a_turn_without_text_is_ignored(memory, content, caplog):
    chain_memory = HoldfastMemory(memory=memory, user_id="ana", on_error="raise")
    with caplog.at_level(logging.WARNING, logger="holdfast"):
        chain_memory.save_context({"input": content}, {"output": ""})
    assert not caplog.records
    assert stored_texts(memory) == []


def test_it_works_beside_a_buffer_memory(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    model = ScriptedModel()
    both = classic_memory.CombinedMemory(
        memories=[
            classic_memory.ConversationBufferMemory(memory_key="buffer", input_key="input"),
            HoldfastMemory(memory=memory, user_id="ana", memory_key="known", input_key="input"),
        ]
    )
    prompt = ChatPromptTemplate.from_messages([("system", "{known}\n{buffer}"), ("human", "{input}")])
    chain = chains.LLMChain(llm=model, prompt=prompt, memory=both)
    chain.invoke({"input": "My cat is called Whiskers."})
    chain.invoke({"input": "Where do I live?"})
    assert "Lisbon" in model.shown_last()
    assert "Whiskers" in model.shown_last()


def test_clear_deletes_only_the_scope(memory):
    for user in ("ana", "ben"):
        HoldfastMemory(memory=memory, user_id=user).save_context({"input": "I live in Porto."}, {"output": "Noted."})
    HoldfastMemory(memory=memory, user_id="ana").clear()
    assert stored_texts(memory) == []
    assert stored_texts(memory, user_id="ben") == ["I live in Porto."]


def test_an_unknown_option_is_refused(memory):
    with pytest.raises(ValueError, match="memroy_key"):
        HoldfastMemory(memory=memory, user_id="ana", memroy_key="history")


def test_neither_repr_nor_dump_shows_scope_ids(memory):
    chain_memory = HoldfastMemory(memory=memory, user_id="ana-secret")
    assert "ana-secret" not in repr(chain_memory)
    assert "ana-secret" not in str(chain_memory.model_dump())


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: one.model_copy(deep=True)])
def test_a_copy_shares_the_store(memory, copied):
    copy_ = copied(HoldfastMemory(memory=memory, user_id="ana", memory_key="known"))
    copy_.save_context({"input": "I live in Lisbon."}, {"output": "Noted."})
    assert copy_.memory_key == "known"
    assert stored_texts(memory) == ["I live in Lisbon."]


def test_a_pickled_memory_opens_the_same_file(memory):
    copy_ = pickle.loads(pickle.dumps(HoldfastMemory(memory=memory, user_id="ana")))  # noqa: S301 - our own
    copy_.save_context({"input": "I live in Lisbon."}, {"output": "Noted."})
    assert stored_texts(memory) == ["I live in Lisbon."]


async def test_an_awaited_chain_awaits_the_memory():
    class Awaited(ScriptedChatModel):
        def complete(self, *_, **__):
            raise AssertionError("blocks the event loop")

    async with AsyncMemory(
        ":memory:", llm=Awaited({"facts": [{"text": "Lives in Lisbon"}]}), embedder="hashing"
    ) as memory:
        conversation = ChainConversation(memory, user_id="ana", on_error="raise")
        await conversation.chain.ainvoke({"input": "I live in Lisbon."})
        await conversation.chain.ainvoke({"input": "Where do I live?"})
        assert "Lives in Lisbon" in conversation.model.shown_last()
        await conversation.chain.memory.aclear()
        assert (await memory.get_all(user_id="ana"))["results"] == []


async def test_a_blocking_chain_works_inside_a_running_loop(memory):
    conversation = ChainConversation(memory, user_id="ana", on_error="raise")
    conversation.say("I live in Lisbon.")
    assert "Lisbon" in conversation.say("Where do I live?")


async def test_a_hundred_awaited_chains_at_once_stay_separate(memory):
    async def tell(number):
        chain = ChainConversation(memory, user_id=f"user{number}", on_error="raise").chain
        await chain.ainvoke({"input": f"My favourite word is word{number}x."})

    await asyncio.gather(*map(tell, range(100)))
    for number in range(100):
        assert stored_texts(memory, user_id=f"user{number}") == [f"My favourite word is word{number}x."]
