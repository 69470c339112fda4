"""Engines by name: ours, Mem0's mappings and presets, and clear errors for everything else."""

import json
import subprocess
import sys

import pytest
from tests.core.providers.openai_engines import HELLO, KEY

from holdfast.errors import ConfigError
from holdfast.providers.hashing import HashingEmbedder
from holdfast.providers.openai import OpenAIChat, OpenAIEmbeddings
from holdfast.providers.presets import PRESETS
from holdfast.providers.registry import chat_model, default_engines, embedder, ignored_settings, reranker, spec_of
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder, scripted_openai_server


def test_the_rules_need_no_model_and_hashing_no_key():
    assert chat_model("rules") is None
    assert isinstance(embedder("hashing"), HashingEmbedder)
    assert embedder({"provider": "hashing", "config": {"embedding_dims": 128}}).dimensions == 128


def test_mem0s_mapping_makes_an_engine():
    with scripted_openai_server("fine") as server:
        spec = {
            "provider": "openai_structured",
            "config": {
                "model": "gpt-4.1",
                "api_key": KEY,
                "openai_base_url": server.base_url,
                "temperature": 0.1,
                "max_tokens": 2000,
                "top_p": 0.1,
            },
        }
        model = chat_model(spec)
        assert model.complete(HELLO) == "fine"
        model.close()
    assert server.requests[0].body == {
        "model": "gpt-4.1",
        "messages": HELLO,
        "temperature": 0.1,
        "max_tokens": 2000,
    }
    assert ignored_settings("llm", spec) == ("top_p",)


def test_mem0s_azure_mapping_makes_an_engine():
    place = {
        "azure_endpoint": "https://team.example",
        "azure_deployment": "d",
        "api_version": "v",
        "api_key": KEY,
    }
    model = chat_model({"provider": "azure_openai", "config": {"model": "gpt-4o", "azure_kwargs": place}})
    assert (model.provider, model.model) == ("azure_openai", "gpt-4o")
    blank = {"model": "gpt-4o", "api_key": KEY, "azure_kwargs": {**place, "api_key": ""}}
    assert chat_model({"provider": "azure_openai_structured", "config": blank}).model == "gpt-4o"


def test_a_local_server_needs_no_key_and_only_its_address():
    with scripted_openai_server("fine", dimensions=768) as server:
        address = server.base_url.removesuffix("/v1")
        model = chat_model({"provider": "ollama", "config": {"model": "llama3", "ollama_base_url": address}})
        vectors = embedder({"provider": "ollama", "config": {"ollama_base_url": address}})
        assert model.complete(HELLO) == "fine"
        assert vectors.embed(["tea"]).shape == (1, 768)
        model.close()
        vectors.close()
    assert [request.path for request in server.requests] == ["/v1/chat/completions", "/v1/embeddings"]


@pytest.mark.parametrize(
    ("build", "spec", "words"),
    [
        (chat_model, "gtp", ["'gtp'", "rules", "openai"]),
        (chat_model, "olama", ["did you mean 'ollama'"]),
        (chat_model, "hashing", ["rules"]),
        (embedder, "rules", ["hashing"]),
        (embedder, {"provider": "nope"}, ["'nope'", "hashing"]),
        (chat_model, {"provider": "openai", "config": {"temprature": 1}}, ["'temprature'", "'temperature'"]),
        (chat_model, {"provider": "openai", "model": "gpt-4o"}, ["'model'", "config"]),
        (chat_model, {"provider": "rules", "config": {"model": "x"}}, ["'model'", "no settings"]),
        (chat_model, {"provider": 3}, ["provider"]),
        (chat_model, {"provider": "azure_openai", "config": {"azure_kwargs": "x"}}, ["config"]),
        (chat_model, object(), ["object", "complete("]),
        (embedder, ScriptedChatModel(), ["ScriptedChatModel", "embed("]),
        (chat_model, None, ["NoneType", "complete("]),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(build, spec, words):
    with pytest.raises(ConfigError) as caught:
        build(spec)
    assert all(word in str(caught.value) for word in words)


def test_objects_with_the_right_methods_are_taken_unchanged():
    model, vectors = ScriptedChatModel(), ScriptedEmbedder()
    assert chat_model(model) is model
    assert embedder(vectors) is vectors
    assert spec_of(model) is None
    assert spec_of(vectors) is None


def test_a_new_store_uses_openai_only_with_a_key():
    assert default_engines({})[0] is None
    assert isinstance(default_engines({"OPENAI_API_KEY": " "})[1], HashingEmbedder)
    model, vectors = default_engines({"OPENAI_API_KEY": KEY})
    assert isinstance(model, OpenAIChat)
    assert isinstance(vectors, OpenAIEmbeddings)


def test_engines_can_be_rebuilt_from_their_specs(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model = OpenAIChat("gpt-4.1", base_url="https://user:pass@proxy.example/v1", temperature=None, max_tokens=9)
    vectors = OpenAIEmbeddings(dimensions=256, batch_size=10)
    specs = [json.loads(json.dumps(spec_of(engine))) for engine in (model, vectors, HashingEmbedder(64), None)]
    assert "pass" not in json.dumps(specs)
    assert spec_of(chat_model(specs[0])) == specs[0]
    assert spec_of(embedder(specs[1])) == specs[1]
    assert embedder(specs[2]).fingerprint == "hashing:1:64"
    assert chat_model(specs[3]) is None


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_engines(name, monkeypatch):
    for variable in filter(None, (PRESETS[name].key_variable,)):
        monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://team.example")
    assert chat_model({"provider": name, "config": {"model": "m"}}).provider == name
    assert embedder({"provider": name, "config": {"model": "m", "dimensions": 8}}).fingerprint == f"{name}:m:8"
    if PRESETS[name].chat_model:
        assert chat_model(name).model == PRESETS[name].chat_model
    if PRESETS[name].embedding_model:
        assert embedder(name).dimensions > 0


def _python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_sdk_is_imported_before_an_engine_is_built():
    done = _python(
        "import sys, holdfast.providers, holdfast.config;"
        "print([name for name in ('openai', 'httpx', 'asyncio') if name in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_missing_sdk_says_what_to_install():
    done = _python(
        "import sys; sys.modules['openai'] = None\n"
        "from holdfast.providers.registry import chat_model\n"
        "chat_model({'provider': 'ollama', 'config': {}})"
    )
    assert 'ImportError: this engine needs the openai package: pip install "holdfast[openai]"' in done.stderr


@pytest.mark.parametrize("build", [chat_model, embedder, reranker])
def test_an_object_whose_attributes_cannot_be_read_is_refused(build):
    class Hostile:
        def __getattr__(self, name):
            raise RuntimeError(name)

    with pytest.raises(ConfigError, match="of type Hostile, cannot be used"):
        build(Hostile())
