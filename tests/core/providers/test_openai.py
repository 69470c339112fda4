"""Promises of the engines behind OpenAI's protocol, kept by the real SDK against a scripted server."""

import asyncio
import gc
import json
import subprocess
import sys
import threading
import traceback

import numpy as np
import pytest

from holdfast.errors import ConfigError, ProviderError, UnreadableReply
from holdfast.protocols import ChatModel, Embedder
from holdfast.providers.hashing import HashingEmbedder
from holdfast.providers.openai import OpenAIChat, OpenAIEmbeddings
from holdfast.providers.presets import PRESETS
from holdfast.providers.registry import chat_model, default_engines, embedder, ignored_settings, spec_of
from holdfast.testing import Completion, Fault, ScriptedChatModel, ScriptedEmbedder, scripted_openai_server

HELLO = [{"role": "user", "content": "hello"}]
STRICT = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": {"type": "string"}}},
    "required": ["facts"],
    "additionalProperties": False,
}
LOOSE = {"type": "object", "properties": {"name": {"type": "string"}}}
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch):
    for name in (
        "OPENAI_BASE_URL",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_API_VERSION",
        "AZURE_OPENAI_ENDPOINT",
    ):
        monkeypatch.delenv(name, raising=False)
    for preset in PRESETS.values():
        if preset.key_variable:
            monkeypatch.delenv(preset.key_variable, raising=False)


def chat(server, **options) -> OpenAIChat:
    return OpenAIChat(**{"api_key": KEY, "base_url": server.base_url, **options})


def embeddings(server, **options) -> OpenAIEmbeddings:
    return OpenAIEmbeddings(**{"api_key": KEY, "base_url": server.base_url, **options})


def forms_asked(server) -> list[str]:
    return [request.body.get("response_format", {}).get("type", "text") for request in server.requests]


# Chat


def test_a_conversation_is_answered():
    with scripted_openai_server("good morning") as server:
        model = chat(server)
        assert model.complete(HELLO) == "good morning"
        assert asyncio.run(_acomplete_once(model)) == "good morning"
        model.close()
    assert isinstance(model, ChatModel)
    assert [request.body for request in server.requests] == [
        {"model": "gpt-4o-mini", "messages": HELLO, "temperature": 0.0}
    ] * 2


def test_a_schema_is_sent_strict_when_strict_mode_takes_it():
    with scripted_openai_server({"facts": []}) as server:
        model = chat(server, max_tokens=500)
        replies = [model.complete(HELLO, schema=schema) for schema in (STRICT, LOOSE)]
        model.close()
    assert replies == ['{"facts": []}'] * 2
    forms = [request.body["response_format"]["json_schema"] for request in server.requests]
    assert [form["schema"] for form in forms] == [STRICT, LOOSE]
    assert [form["strict"] for form in forms] == [True, False]
    assert server.requests[0].body["max_tokens"] == 500


@pytest.mark.parametrize("understood", ["json_object", "text"])
def test_an_endpoint_without_schemas_is_asked_in_plainer_words_ever_after(understood):
    def endpoint(body):
        form = body.get("response_format", {}).get("type", "text")
        return {"facts": []} if form in (understood, "text") else Fault(400, f"no {form} here")

    with scripted_openai_server(endpoint) as server:
        model = chat(server)
        first, second = (model.complete(HELLO, schema=STRICT) for _ in range(2))
        model.close()
    assert first == second == '{"facts": []}'
    way_down = ["json_schema", "json_object", "text"]
    assert forms_asked(server) == [*way_down[: way_down.index(understood) + 1], understood]
    told = server.requests[-1].body["messages"]
    assert json.dumps(STRICT) in told[0]["content"]
    assert told[1:] == HELLO


def test_parameters_a_model_refuses_are_left_out_or_renamed():
    def reasoning_model(body):
        if "max_tokens" in body:
            return Fault(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return Fault(400, "'temperature' does not support 0.0") if "temperature" in body else {"facts": []}

    with scripted_openai_server(reasoning_model) as server:
        model = chat(server, max_tokens=99)
        model.complete(HELLO, schema=STRICT)
        model.complete(HELLO, schema=STRICT)
        model.close()
    assert len(server.requests) == 4
    assert server.requests[-1].body["max_completion_tokens"] == 99
    assert forms_asked(server) == ["json_schema"] * 4


def test_a_bad_request_is_not_blamed_on_the_schema():
    too_long = Fault(400, "context length exceeded")
    with scripted_openai_server([too_long, too_long, too_long, {"facts": []}]) as server:
        model = chat(server)
        with pytest.raises(ProviderError, match="context length") as caught:
            model.complete(HELLO, schema=STRICT)
        model.complete(HELLO, schema=STRICT)
        model.close()
    assert not caught.value.retryable
    assert forms_asked(server)[-1] == "json_schema"


def test_structured_output_can_be_switched_off():
    with scripted_openai_server({"facts": []}) as server:
        model = chat(server, structured=False)
        model.complete(HELLO, schema=STRICT)
        model.close()
    assert forms_asked(server) == ["text"]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, None])
def test_a_passing_failure_is_tried_again(status):
    with scripted_openai_server("fine", faults=[Fault(status), Fault(status)]) as server:
        model = chat(server)
        assert model.complete(HELLO) == "fine"
        model.close()
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (404, False), (429, True), (500, True), (None, True)])
def test_a_lasting_failure_says_whether_to_try_again(status, retryable):
    with scripted_openai_server(faults=[Fault(status)]) as server:
        model = chat(server, max_retries=0)
        with pytest.raises(ProviderError) as caught:
            model.complete(HELLO)
        model.close()
    assert caught.value.retryable is retryable
    assert caught.value.provider == "openai"
    assert caught.value.__cause__ is not None


def test_an_exhausted_quota_is_not_worth_another_try():
    body = json.dumps({"error": {"message": "no credit left", "code": "insufficient_quota"}})
    with scripted_openai_server(faults=[Fault(429, body=body)]) as server:
        model = chat(server, max_retries=0)
        with pytest.raises(ProviderError, match="no credit left") as caught:
            model.complete(HELLO)
        model.close()
    assert not caught.value.retryable


def test_a_time_out_is_a_retryable_failure():
    with scripted_openai_server(delay=60) as server:
        model = chat(server, timeout=0.05, max_retries=0)
        with pytest.raises(ProviderError, match="timed out") as caught:
            model.complete(HELLO)
        model.close()
    assert caught.value.retryable


@pytest.mark.parametrize(
    "body", ["{", "", "null", "[]", '"text"', "{}", '{"choices": []}', '{"choices": [{}]}', "<html>"]
)
def test_a_malformed_answer_is_unreadable(body):
    with scripted_openai_server(faults=[Fault(200, body=body)] * 2) as server:
        model = chat(server)
        with pytest.raises(UnreadableReply):
            model.complete(HELLO)
        with pytest.raises(UnreadableReply):
            asyncio.run(_acomplete_once(model))
        model.close()


def test_an_answer_cut_off_is_returned_as_far_as_it_goes():
    with scripted_openai_server(Completion('{"facts": ["likes t', finish_reason="length")) as server:
        model = chat(server)
        assert model.complete(HELLO, schema=STRICT) == '{"facts": ["likes t'
        model.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Completion(refusal="I cannot help with that"), "I cannot help with that"),
        (Completion(None, finish_reason="length"), "length"),
        (Completion(" \n", finish_reason="content_filter"), "content_filter"),
    ],
)
def test_an_answer_without_text_says_why(answer, reason):
    with scripted_openai_server(answer) as server:
        model = chat(server)
        with pytest.raises(UnreadableReply, match=reason):
            model.complete(HELLO)
        model.close()


# Event loops


async def _acomplete_once(model: OpenAIChat) -> str:
    try:
        return await model.acomplete(HELLO)
    finally:
        await model.aclose()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_one_engine_serves_one_event_loop_after_another():
    with scripted_openai_server("fine") as server:
        model, vectors = chat(server), embeddings(server)

        async def both() -> str:
            assert (await vectors.aembed(["tea"])).shape == (1, 1536)
            return await model.acomplete(HELLO)

        async def close() -> None:
            await model.aclose()
            await vectors.aclose()

        async def both_and_close() -> str:
            reply = await both()
            await close()
            return reply

        # Nothing is closed in between: a later loop must not touch an earlier one's connections.
        assert [asyncio.run(run()) for run in (both, both, both_and_close)] == ["fine"] * 3
        gc.collect()
    assert len(server.requests) == 6


def test_awaited_calls_wait_side_by_side():
    together = 8
    everyone = threading.Barrier(together, timeout=10)

    def reply(_body):
        everyone.wait()
        return "fine"

    async def ask(model) -> list[str]:
        try:
            return await asyncio.gather(*(model.acomplete(HELLO) for _ in range(together)))
        finally:
            await model.aclose()

    with scripted_openai_server(reply) as server:
        assert asyncio.run(ask(chat(server, max_retries=0))) == ["fine"] * together


def test_a_closed_engine_opens_again_when_asked():
    with scripted_openai_server("fine") as server:
        model = chat(server)
        for _ in range(2):
            assert model.complete(HELLO) == "fine"
            model.close()
        for _ in range(2):
            assert asyncio.run(_acomplete_once(model)) == "fine"


# Embeddings


def test_embeddings_are_unit_vectors_in_order():
    with scripted_openai_server(dimensions=1536) as server:
        engine = embeddings(server)
        vectors = engine.embed(["likes tea", "likes green tea", "plays piano"])
        awaited = asyncio.run(_aembed_once(engine, ["plays piano"]))
        engine.close()
    assert isinstance(engine, Embedder)
    assert (vectors.shape, vectors.dtype) == ((3, 1536), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert (awaited[0] == vectors[2]).all()
    assert engine.fingerprint == "openai:text-embedding-3-small:1536"
    assert "dimensions" not in server.requests[0].body


async def _aembed_once(engine: OpenAIEmbeddings, texts: list[str]) -> np.ndarray:
    try:
        return await engine.aembed(texts)
    finally:
        await engine.aclose()


def test_vectors_that_are_not_of_unit_length_are_made_so():
    data = [{"index": 1, "embedding": [0, 3, 4]}, {"index": 0, "embedding": [2, 0, 0]}]
    with scripted_openai_server(faults=[Fault(200, body=json.dumps({"data": data}))]) as server:
        engine = embeddings(server, model="small", dimensions=3)
        assert engine.embed(["a", "b"]).tolist() == [[1, 0, 0], [0, pytest.approx(0.6), pytest.approx(0.8)]]
        engine.close()


def test_openai_is_asked_for_shorter_vectors():
    with scripted_openai_server() as server:
        engine = embeddings(server, dimensions=256)
        assert engine.embed(["tea"]).shape == (1, 256)
        engine.close()
    assert server.requests[0].body["dimensions"] == 256


def test_large_requests_are_split_by_count_and_by_size():
    texts = [f"memory {number}" for number in range(7)]
    long = ["x" * 200_000] * 3
    with scripted_openai_server() as server:
        engine = embeddings(server, dimensions=64, batch_size=3)
        vectors = engine.embed(texts)
        assert (vectors == np.concatenate([engine.embed([text]) for text in texts])).all()
        counts = [len(request.body["input"]) for request in server.requests[:3]]
        del server.requests[:]
        engine.embed(long)
        engine.close()
    assert counts == [3, 3, 1]
    assert [len(request.body["input"]) for request in server.requests] == [2, 1]


def test_no_texts_need_no_request():
    with scripted_openai_server() as server:
        assert embeddings(server).embed([]).shape == (0, 1536)
    assert server.requests == []


def test_an_empty_text_is_sent_as_a_space():
    with scripted_openai_server() as server:
        engine = embeddings(server)
        engine.embed(["", "tea"])
        engine.close()
    assert server.requests[0].body["input"] == [" ", "tea"]


def test_vectors_of_another_length_name_both_lengths():
    with scripted_openai_server(dimensions=768) as server:
        engine = embeddings(server, model="nomic-embed-text", dimensions=512)
        with pytest.raises(ProviderError, match=r"768 .*512"):
            engine.embed(["tea"])
        engine.close()


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{}",
        "<html>",
        '{"data": []}',
        '{"data": [{"index": 0, "embedding": [0, 0, 0]}]}',
        '{"data": [{"index": 0, "embedding": [1e999, 0, 0]}]}',
        '{"data": [{"index": 0}]}',
        '{"data": [{"index": 0, "embedding": [1, 0, 0]}, {"index": 1, "embedding": [1, 0, 0]}]}',
    ],
)
def test_malformed_vectors_are_unreadable(body):
    with scripted_openai_server(faults=[Fault(200, body=body)]) as server:
        engine = embeddings(server, model="small", dimensions=3)
        with pytest.raises(UnreadableReply):
            engine.embed(["tea"])
        engine.close()


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"batch_size": 4096}, {"dimensions": 0}, {"model": "unheard-of"}]
)
def test_embedder_settings_that_cannot_work_are_refused(options):
    with pytest.raises(ConfigError):
        OpenAIEmbeddings(api_key=KEY, **options)


# Keys and places


def test_the_key_never_shows():
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


def test_a_missing_key_is_named_at_once():
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAIChat()
    with pytest.raises(ConfigError, match="GROQ_API_KEY"):
        chat_model("groq")


def test_a_blank_key_counts_as_missing(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "  ")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAIEmbeddings()


def test_azure_is_asked_in_azures_way():
    with scripted_openai_server("fine", dimensions=1536) as server:
        place = {
            "azure_endpoint": server.base_url.removesuffix("/v1"),
            "api_version": "2024-10-21",
            "api_key": KEY,
        }
        model = OpenAIChat("gpt-4o", azure_deployment="my-chat", default_headers={"x-team": "memory"}, **place)
        vectors = OpenAIEmbeddings(provider="azure_openai", azure_deployment="my-vectors", dimensions=1536, **place)
        assert model.complete(HELLO) == "fine"
        assert asyncio.run(_aembed_once(vectors, ["tea"])).shape == (1, 1536)
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


# Engines by name


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
def test_what_is_not_known_is_named_with_what_is(build, spec, words):
    with pytest.raises(ConfigError) as caught:
        build(spec)
    assert all(word in str(caught.value) for word in words)


def test_objects_with_the_methods_are_taken_as_they_are():
    model, vectors = ScriptedChatModel(), ScriptedEmbedder()
    assert chat_model(model) is model
    assert embedder(vectors) is vectors
    assert spec_of(model) is None
    assert spec_of(vectors) is None


def test_a_new_store_takes_openai_only_with_a_key():
    assert default_engines({})[0] is None
    assert isinstance(default_engines({"OPENAI_API_KEY": " "})[1], HashingEmbedder)
    model, vectors = default_engines({"OPENAI_API_KEY": KEY})
    assert isinstance(model, OpenAIChat)
    assert isinstance(vectors, OpenAIEmbeddings)


def test_engines_can_be_built_again_from_their_description(monkeypatch):
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


# Imports


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
