"""LangChain's models as engines, tested with its own classes and with objects that resemble them."""

import asyncio
import os
import subprocess
import sys

os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"

import httpx
import numpy as np
import pytest

from holdfast import (
    AsyncMemory,
    ConfigError,
    DimensionMismatch,
    EmbedderMismatch,
    Memory,
    ProviderError,
    UnreadableReply,
)
from holdfast.providers.registry import LangChainChat, LangChainEmbeddings, chat_model, embedder, spec_of
from holdfast.testing import ScriptedChatModel, scripted_openai_server

FACTS = '{"facts": [{"text": "Lives in Lisbon"}]}'
SCHEMA = {"type": "object", "properties": {"facts": {"type": "array"}}}


class Chat:
    """Only what all of LangChain's chat models have in common."""

    def __init__(self, reply=FACTS, model="some-model"):
        self.model, self.reply, self.asked = model, reply, []

    def invoke(self, messages):
        self.asked.append(messages)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    async def ainvoke(self, messages):
        return self.invoke(messages)


class Message:
    def __init__(self, content):
        self.content = content


class Vectors:
    """Only what all of LangChain's embeddings have in common."""

    def __init__(self, length=3):
        self.length, self.asked = length, []

    def embed_documents(self, texts):
        self.asked.append(texts)
        return [[float(len(text))] * self.length for text in texts]

    async def aembed_documents(self, texts):
        return self.embed_documents(texts)


class SidedVectors(Vectors):
    """Embeddings that embed queries differently, as LangChain's interface allows."""

    def embed_query(self, text):
        self.asked.append(text)
        return [1.0] * self.length

    async def aembed_query(self, text):
        return self.embed_query(text)


# With LangChain itself


def test_langchains_own_classes_work_as_engines(tmp_path):
    fakes = pytest.importorskip("langchain_core.language_models")
    embeddings = pytest.importorskip("langchain_core.embeddings")
    model = fakes.FakeListChatModel(responses=[FACTS])
    with Memory(tmp_path / "a.db", llm=model, embedder=embeddings.DeterministicFakeEmbedding(size=16)) as memory:
        added = memory.add("I live in Lisbon.", user_id="ana")
        assert (added["inference"], added["results"][0]["memory"]) == ("model", "Lives in Lisbon")
        assert memory.search("home", user_id="ana")["results"][0]["memory"] == "Lives in Lisbon"
        assert memory.engines["llm"].startswith("LangChainChat")


def test_mem0s_settings_for_langchain_are_understood(tmp_path):
    fakes = pytest.importorskip("langchain_core.language_models")
    embeddings = pytest.importorskip("langchain_core.embeddings")
    config = {
        "vector_store": {"provider": "faiss", "config": {"path": str(tmp_path)}},
        "llm": {"provider": "langchain", "config": {"model": fakes.FakeListChatModel(responses=[FACTS])}},
        "embedder": {
            "provider": "langchain",
            "config": {"model": embeddings.DeterministicFakeEmbedding(size=16), "embedding_dims": 16},
        },
    }
    with Memory.from_config(config) as memory:
        assert memory.add("I live in Lisbon.", user_id="ana")["results"][0]["memory"] == "Lives in Lisbon"


async def test_langchains_openai_classes_speak_to_a_server(tmp_path):
    package = pytest.importorskip("langchain_openai")
    # We close the clients; LangChain would leave them open.
    async with httpx.AsyncClient() as awaited:
        with scripted_openai_server(FACTS) as server, httpx.Client() as blocking:
            clients = {"http_client": blocking, "http_async_client": awaited}
            place = {"base_url": server.base_url, "api_key": "none", "max_retries": 0, **clients}
            model = package.ChatOpenAI(model="gpt-4o-mini", **place)
            vectors = package.OpenAIEmbeddings(
                model="text-embedding-3-small", check_embedding_ctx_length=False, **place
            )
            async with AsyncMemory(tmp_path / "a.db", llm=model, embedder=vectors) as memory:
                assert memory.engines["embedder"] == "langchain:text-embedding-3-small:1536"
                added = await memory.add("I live in Lisbon.", user_id="ana")
                found = await memory.search("home", user_id="ana")
    assert added["results"][0]["memory"] == found["results"][0]["memory"] == "Lives in Lisbon"
    chat = next(request for request in server.requests if request.path.endswith("/chat/completions"))
    assert [message["role"] for message in chat.body["messages"]].count("system") == 1


# With objects that only resemble LangChain's


def test_naming_the_provider_does_not_import_langchain():
    source = (
        "import sys; from holdfast.providers.registry import LangChainChat, LangChainEmbeddings;"
        "print([name for name in sys.modules if name.startswith('langchain')])"
    )
    printed = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "content",
    [FACTS, [FACTS], [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": FACTS}]],
    ids=["text", "list of texts", "parts"],
)
def test_the_text_of_a_message_is_read_in_every_form(content):
    assert LangChainChat(Chat(Message(content))).complete([]) == FACTS


def test_a_model_that_returns_plain_text_works():
    assert LangChainChat(Chat("Hello")).complete([{"role": "user", "content": "Hi"}]) == "Hello"


@pytest.mark.parametrize("nothing", ["", "  ", [], None, [{"type": "tool_use", "name": "x"}]])
def test_an_answer_without_text_is_unreadable(nothing):
    with pytest.raises(UnreadableReply, match="no text"):
        LangChainChat(Chat(Message(nothing))).complete([])


@pytest.mark.parametrize("given", [[], [{"role": "system", "content": "Be brief."}]])
def test_the_schema_is_asked_for_in_the_one_system_message(given):
    chat = Chat()
    LangChainChat(chat).complete([*given, {"role": "user", "content": "Hi"}], schema=SCHEMA)
    ((system, user),) = chat.asked
    assert system["role"] == "system"
    assert '"facts"' in system["content"]
    assert all(message["content"] in system["content"] for message in given)
    assert user == {"role": "user", "content": "Hi"}


async def test_a_failing_langchain_model_raises_a_provider_error_and_nothing_is_stored(tmp_path):
    async with AsyncMemory(tmp_path / "a.db", llm=Chat(RuntimeError("out of tokens")), embedder="hashing") as memory:
        with pytest.raises(ProviderError, match="langchain failed: RuntimeError: out of tokens"):
            await memory.add("I live in Lisbon.", user_id="ana")
        assert (await memory.get_all(user_id="ana"))["results"] == []


def test_vectors_have_unit_length_and_dimensions_are_measured_once():
    vectors = Vectors(3)
    engine = LangChainEmbeddings(vectors)
    assert (engine.dimensions, len(vectors.asked)) == (3, 1)
    given = engine.embed(["one", "three"])
    assert given.dtype == np.float32
    assert given.shape == (2, 3)
    assert np.allclose(np.linalg.norm(given, axis=1), 1)
    assert engine.embed([]).shape == (0, 3)


def test_named_dimensions_are_not_measured():
    vectors = Vectors(3)
    assert LangChainEmbeddings(vectors, dimensions=3).dimensions == 3
    assert not vectors.asked


def test_vectors_of_another_length_are_refused():
    with pytest.raises((ProviderError, DimensionMismatch), match="set dimensions to what the model gives"):
        LangChainEmbeddings(Vectors(3), dimensions=4).embed(["one"])


def test_embeddings_that_fail_at_construction_raise():
    class Broken(Vectors):
        def embed_documents(self, _texts):
            raise RuntimeError("no key")

    with pytest.raises(ProviderError, match="no key"):
        LangChainEmbeddings(Broken())


def test_other_embeddings_are_refused_by_the_store(tmp_path):
    with Memory(tmp_path / "a.db", llm="rules", embedder="hashing") as memory:
        memory.add("I live in Lisbon.", user_id="ana")
    with pytest.raises(EmbedderMismatch, match="hashing"):
        Memory(tmp_path / "a.db", llm="rules", embedder=Vectors(3))


@pytest.mark.parametrize(
    ("make", "spec", "message"),
    [
        (chat_model, {"provider": "langchain"}, "left out"),
        (chat_model, {"provider": "langchain", "config": {"model": "gpt-4o"}}, "model is str"),
        (chat_model, {"provider": "langchain", "config": {"model": Chat(), "temperature": 0}}, "temperature"),
        (embedder, {"provider": "langchain", "config": {"model": Chat()}}, "Embeddings"),
        (embedder, {"provider": "langchain", "config": {"model": Vectors(), "dimensions": 0}}, "dimensions is 0"),
    ],
)
def test_objects_that_are_not_engines_are_refused_with_the_way_out(make, spec, message):
    with pytest.raises(ConfigError, match=message):
        make(spec)


def test_a_langchain_engine_has_no_spec():
    assert spec_of(chat_model(Chat())) is None
    assert spec_of(embedder(Vectors())) is None


def test_our_own_engines_are_taken_unchanged():
    ours = ScriptedChatModel("ok")
    assert chat_model(ours) is ours


def test_searches_use_langchains_embed_query():
    async def awaited(vectors):
        async with AsyncMemory(":memory:", llm="rules", embedder=vectors) as memory:
            await memory.search("where?", user_id="ana")

    blocking, waiting = SidedVectors(), SidedVectors()
    blocking.dimensions = waiting.dimensions = 3
    with Memory(":memory:", llm="rules", embedder=blocking) as memory:
        memory.search("where?", user_id="ana")
    asyncio.run(awaited(waiting))
    assert blocking.asked == waiting.asked == ["where?"]
