"""Keys and addresses of OpenAI's protocol: found in the environment, never shown."""

import asyncio
import json
import traceback

import pytest
from tests.core.providers.openai_engines import HELLO, KEY, aembed_once, chat, embeddings

from holdfast.errors import ConfigError, ProviderError
from holdfast.providers.openai import OpenAIChat, OpenAIEmbeddings
from holdfast.providers.registry import chat_model, embedder
from holdfast.testing import Fault, scripted_openai_server


def test_the_api_key_is_never_shown():
    echo = [Fault(401, f"wrong key {KEY}"), Fault(200, body=KEY)]
    with scripted_openai_server(faults=echo) as server:
        model, vectors = chat(server, max_retries=0), embeddings(server)
        shown = [repr(model), repr(vectors), json.dumps(model.spec()), json.dumps(vectors.spec())]
        for _ in echo:
            with pytest.raises(ProviderError) as caught:
                model.complete(HELLO)
            shown += ["".join(traceback.format_exception(caught.value))]
        model.close()
    assert all(KEY not in text for text in shown)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_missing_key_is_refused_at_construction():
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAIChat()
    with pytest.raises(ConfigError, match="GROQ_API_KEY"):
        chat_model("groq")


def test_a_blank_key_counts_as_missing(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "  ")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAIEmbeddings()


def test_azure_gets_its_own_urls_and_headers():
    with scripted_openai_server("fine", dimensions=1536) as server:
        place = {
            "azure_endpoint": server.base_url.removesuffix("/v1"),
            "api_version": "2024-10-21",
            "api_key": KEY,
        }
        model = OpenAIChat("gpt-4o", azure_deployment="my-chat", default_headers={"x-team": "memory"}, **place)
        vectors = OpenAIEmbeddings(provider="azure_openai", azure_deployment="my-vectors", dimensions=1536, **place)
        assert model.complete(HELLO) == "fine"
        assert asyncio.run(aembed_once(vectors, ["tea"])).shape == (1, 1536)
        model.close()
    asked, embedded = server.requests
    assert asked.path == "/openai/deployments/my-chat/chat/completions"
    assert embedded.path == "/openai/deployments/my-vectors/embeddings"
    assert asked.query == embedded.query == {"api-version": "2024-10-21"}
    assert asked.headers["api-key"] == KEY
    assert asked.headers["x-team"] == "memory"
    assert (model.provider, model.model) == ("azure_openai", "gpt-4o")


def test_azure_reads_mem0s_environment(monkeypatch):
    monkeypatch.setenv("LLM_AZURE_OPENAI_API_KEY", KEY)
    monkeypatch.setenv("LLM_AZURE_ENDPOINT", "https://team.example")
    monkeypatch.setenv("LLM_AZURE_DEPLOYMENT", "my-chat")
    monkeypatch.setenv("LLM_AZURE_API_VERSION", "2024-10-21")
    model = chat_model("azure_openai")
    assert model.model == "my-chat"
    assert model.spec()["config"]["azure_endpoint"] == "https://team.example"
    with pytest.raises(ConfigError, match="azure_endpoint"):
        embedder("azure_openai")
