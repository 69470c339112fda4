"""Engines that speak OpenAI's protocol: the real SDK against a scripted server."""

import asyncio
import gc
import json
import threading

import numpy as np
import pytest
from tests.core.providers.openai_engines import HELLO, KEY, aembed_once, chat, embeddings

from holdfast.errors import ConfigError, ProviderError, UnreadableReply
from holdfast.protocols import ChatModel, Embedder
from holdfast.providers.openai import OpenAIChat, OpenAIEmbeddings
from holdfast.testing import Completion, Fault, scripted_openai_server

STRICT = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": {"type": "string"}}},
    "required": ["facts"],
    "additionalProperties": False,
}
LOOSE = {"type": "object", "properties": {"name": {"type": "string"}}}


def forms_asked(server) -> list[str]:
    return [request.body.get("response_format", {}).get("type", "text") for request in server.requests]


# Chat


def test_the_model_answers_a_conversation():
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
def test_an_endpoint_without_schemas_gets_simpler_requests_from_then_on(understood):
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
    messages = server.requests[-1].body["messages"]
    assert json.dumps(STRICT) in messages[0]["content"]
    assert messages[1:] == HELLO


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


def test_a_bad_request_for_another_reason_keeps_the_schema():
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
def test_a_temporary_failure_is_retried(status):
    with scripted_openai_server("fine", faults=[Fault(status), Fault(status)]) as server:
        model = chat(server)
        assert model.complete(HELLO) == "fine"
        model.close()
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (404, False), (429, True), (500, True), (None, True)])
def test_a_lasting_failure_says_whether_it_is_retryable(status, retryable):
    with scripted_openai_server(faults=[Fault(status)]) as server:
        model = chat(server, max_retries=0)
        with pytest.raises(ProviderError) as caught:
            model.complete(HELLO)
        model.close()
    assert caught.value.retryable is retryable
    assert caught.value.provider == "openai"
    assert caught.value.__cause__ is not None


def test_an_exhausted_quota_is_not_retryable():
    body = json.dumps({"error": {"message": "no credit left", "code": "insufficient_quota"}})
    with scripted_openai_server(faults=[Fault(429, body=body)]) as server:
        model = chat(server, max_retries=0)
        with pytest.raises(ProviderError, match="no credit left") as caught:
            model.complete(HELLO)
        model.close()
    assert not caught.value.retryable


def test_a_timeout_is_retryable():
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


def test_a_truncated_answer_is_returned():
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

        # Nothing is closed in between: a later event loop must not use an earlier one's connections.
        assert [asyncio.run(run()) for run in (both, both, both_and_close)] == ["fine"] * 3
        gc.collect()
    assert len(server.requests) == 6


def test_awaited_calls_run_concurrently():
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


def test_a_closed_engine_reopens_when_it_is_used():
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
        awaited = asyncio.run(aembed_once(engine, ["plays piano"]))
        engine.close()
    assert isinstance(engine, Embedder)
    assert (vectors.shape, vectors.dtype) == ((3, 1536), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert (awaited[0] == vectors[2]).all()
    assert engine.fingerprint == "openai:text-embedding-3-small:1536"
    assert "dimensions" not in server.requests[0].body


def test_vectors_are_normalised():
    data = [{"index": 1, "embedding": [0, 3, 4]}, {"index": 0, "embedding": [2, 0, 0]}]
    with scripted_openai_server(faults=[Fault(200, body=json.dumps({"data": data}))]) as server:
        engine = embeddings(server, model="small", dimensions=3)
        assert engine.embed(["a", "b"]).tolist() == [[1, 0, 0], [0, pytest.approx(0.6), pytest.approx(0.8)]]
        engine.close()


def test_shorter_vectors_are_requested_from_openai():
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


def test_embedding_no_texts_sends_no_request():
    with scripted_openai_server() as server:
        assert embeddings(server).embed([]).shape == (0, 1536)
    assert server.requests == []


def test_an_empty_text_is_sent_as_a_space():
    with scripted_openai_server() as server:
        engine = embeddings(server)
        engine.embed(["", "tea"])
        engine.close()
    assert server.requests[0].body["input"] == [" ", "tea"]


def test_vectors_of_another_length_raise_with_both_lengths():
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
def test_invalid_embedder_settings_are_refused(options):
    with pytest.raises(ConfigError):
        OpenAIEmbeddings(api_key=KEY, **options)
