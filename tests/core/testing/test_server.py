"""The scripted server speaks OpenAI's protocol, plays its script and misbehaves on demand."""

import json

import openai
import pytest

from holdfast.testing import (
    Completion,
    Fault,
    ToolCall,
    scripted_openai_server,
)

HELLO = [{"role": "user", "content": "hello"}]
TOOL = {
    "type": "function",
    "function": {"name": "search", "parameters": {"type": "object", "properties": {}}},
}


def client_of(server) -> openai.OpenAI:
    return openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0)


def test_server_plays_the_script_and_records_requests():
    with scripted_openai_server(["one", {"two": 2}]) as server, client_of(server) as client:
        replies = [client.chat.completions.create(model="m", messages=HELLO) for _ in range(2)]
    assert [reply.choices[0].message.content for reply in replies] == ["one", '{"two": 2}']
    assert replies[0].choices[0].finish_reason == "stop"
    request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer test"
    assert request.body["messages"] == HELLO


def test_server_script_may_look_at_the_request():
    form = {"type": "json_object"}
    with scripted_openai_server(lambda body: body["response_format"]) as server, client_of(server) as client:
        reply = client.chat.completions.create(model="m", messages=HELLO, response_format=form)
    assert json.loads(reply.choices[0].message.content) == form


def test_server_streams_text_and_tool_calls():
    answer = Completion("I will look  it up\n", (ToolCall("search", {"query": "tea"}),))
    with scripted_openai_server(answer) as server, client_of(server) as client:
        stream = client.chat.completions.create(
            model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == answer.text
    call = next(delta.tool_calls[0] for delta in deltas if delta.tool_calls)
    assert (call.function.name, json.loads(call.function.arguments)) == ("search", {"query": "tea"})
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "tool_calls"
    assert chunks[-1].usage.total_tokens > 0


def test_server_calls_tools():
    with scripted_openai_server(ToolCall("search", {"query": "tea"})) as server, client_of(server) as client:
        reply = client.chat.completions.create(model="m", messages=HELLO, tools=[TOOL])
    call = reply.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("search", {"query": "tea"})
    assert reply.choices[0].finish_reason == "tool_calls"


def test_server_embeds_in_both_encodings_and_any_length():
    with scripted_openai_server(dimensions=48) as server, client_of(server) as client:
        packed = client.embeddings.create(model="m", input=["tea", "milk"]).data
        plain = client.embeddings.create(model="m", input="tea", encoding_format="float").data
        short = client.embeddings.create(model="m", input="tea", dimensions=16).data
    assert server.requests[0].body["encoding_format"] == "base64"
    assert packed[0].embedding == pytest.approx(plain[0].embedding)
    assert packed[0].embedding != packed[1].embedding
    assert (len(plain[0].embedding), len(short[0].embedding)) == (48, 16)


def test_server_plays_its_faults_first():
    faults = [Fault(429), Fault(status=None), Fault(200, body="{")]
    with scripted_openai_server("fine", faults=faults) as server, client_of(server) as client:
        with pytest.raises(openai.RateLimitError, match="scripted failure"):
            client.chat.completions.create(model="m", messages=HELLO)
        with pytest.raises(openai.APIConnectionError):
            client.chat.completions.create(model="m", messages=HELLO)
        with pytest.raises(ValueError, match="Expecting"):
            client.chat.completions.create(model="m", messages=HELLO)
        reply = client.chat.completions.create(model="m", messages=HELLO)
    assert reply.choices[0].message.content == "fine"


def test_server_answers_an_error_when_its_script_has_ended():
    with (
        scripted_openai_server([]) as server,
        client_of(server) as client,
        pytest.raises(openai.InternalServerError, match="ScriptExhausted"),
    ):
        client.chat.completions.create(model="m", messages=HELLO)


def test_server_stops_while_an_answer_is_still_due():
    with scripted_openai_server(delay=600) as server:
        impatient = openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0, timeout=0.05)
        with impatient as client, pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(model="m", messages=HELLO)
    assert len(server.requests) == 1
