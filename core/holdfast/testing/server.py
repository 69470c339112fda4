"""A real HTTP server on this machine with OpenAI's protocol and scripted answers."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from holdfast.providers.hashing import HashingEmbedder
from holdfast.testing.engines import Script


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool by the model: the tool's name and its arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Completion:
    """A chat completion in full, where a text alone is not enough.

    Attributes:
        text: The text of the model; `None` when it only calls tools or refuses.
        tool_calls: The tools it calls.
        finish_reason: Why it stopped; empty means `"tool_calls"` or `"stop"`, whichever applies.
        refusal: Why it refuses to answer.
        message: Further fields of the message, such as `reasoning_content`, or others in their place, such as a
            `content` in parts. They are not streamed.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""
    refusal: str | None = None
    message: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure of the scripted server.

    Attributes:
        status: The HTTP status; `None` drops the connection without an answer.
        message: The text of the error.
        body: Sent unchanged instead of the error, for malformed replies.
        headers: Sent with it, after a header that makes clients retry at once.
        delay: Seconds before the answer.
    """

    status: int | None = 500
    message: str = "scripted failure"
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


class RecordedRequest(NamedTuple):
    """One request the scripted server received; header names are in lower case."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


ServerReply = str | Mapping[str, Any] | ToolCall | Completion | Fault
"""A text, a mapping to send as JSON text, a tool call, a whole completion, or a fault."""


class ScriptedServer:
    """A running scripted server; `scripted_openai_server` starts and stops it.

    Attributes:
        base_url: Its address for OpenAI's client, such as `http://127.0.0.1:49152/v1`.
        requests: The requests so far, oldest first.
    """

    def __init__(
        self,
        reply: ServerReply | Sequence[ServerReply] | Callable[[dict[str, Any]], ServerReply],
        *,
        dimensions: int,
        faults: Iterable[Fault],
        delay: float,
    ) -> None:
        self.requests: list[RecordedRequest] = []
        self._script: Script[ServerReply] = Script(reply)
        self._dimensions = dimensions
        self._faults = iter(faults)
        self._delay = delay
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _HttpServer(self)
        self.base_url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def respond(self, request: RecordedRequest) -> _Response | None:
        """Return the answer to `request`, `None` to drop the connection."""
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
            fault = next(self._faults, None)
        self._stopping.wait(self._delay)
        if fault is not None:
            return self._fail(fault)
        try:
            return self._answer(request, number)
        except Exception as error:  # noqa: BLE001 - a mistake in the script must reach the test through the client
            return _error(500, f"{type(error).__name__}: {error}", {"x-should-retry": "false"})

    def start(self) -> None:
        """Start to answer requests."""
        self._http.start()

    def stop(self) -> None:
        """Drop all connections and free the port."""
        self._stopping.set()
        self._http.stop()

    def _fail(self, fault: Fault) -> _Response | None:
        self._stopping.wait(fault.delay)
        if fault.status is None:
            return None
        if fault.body is None:
            return _error(fault.status, fault.message, {"retry-after-ms": "1", **fault.headers})
        return _Response(fault.status, [fault.body], headers=fault.headers)

    def _answer(self, request: RecordedRequest, number: int) -> _Response | None:
        if request.path.endswith("/embeddings"):
            return _Response(200, [json.dumps(_embeddings(request.body, self._dimensions))])
        if not request.path.endswith("/chat/completions"):
            return _error(404, f"the scripted server has no {request.path}")
        reply = self._script.next(request.body)
        if isinstance(reply, Fault):
            return self._fail(reply)
        return _chat_response(_to_completion(reply), request.body, number)


@contextmanager
def scripted_openai_server(
    reply: ServerReply | Sequence[ServerReply] | Callable[[dict[str, Any]], ServerReply] = "ok",
    *,
    dimensions: int = 1536,
    faults: Iterable[Fault] = (),
    delay: float = 0.0,
) -> Iterator[ScriptedServer]:
    """Run a server for OpenAI's chat completions (also streamed) and embeddings until the block ends.

    Args:
        reply: The chat completions: one for every request, a sequence used once, or a function of the request's body. A
            script that fails or ends answers with status 500 and the reason.
        dimensions: The length of the vectors (those of `HashingEmbedder`) when a request names none.
        faults: Failures for the first requests, in order, before the script starts.
        delay: Seconds that each answer takes.

    >>> import json, urllib.request
    >>> with scripted_openai_server("Hello!") as server:
    ...     body = json.dumps({"model": "any", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    ...     with urllib.request.urlopen(f"{server.base_url}/chat/completions", data=body) as response:
    ...         json.load(response)["choices"][0]["message"]["content"]
    'Hello!'
    >>> server.requests[0].body["model"]
    'any'
    """
    server = ScriptedServer(reply, dimensions=dimensions, faults=faults, delay=delay)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Response(NamedTuple):
    """An HTTP answer in one part, or in several that are sent one after the other."""

    status: int
    parts: list[str]
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> _Response:
    body = {"error": {"message": message, "type": "scripted", "param": None, "code": None}}
    return _Response(status, [json.dumps(body)], headers or {})


def _to_completion(reply: str | Mapping[str, Any] | ToolCall | Completion) -> Completion:
    if isinstance(reply, Completion):
        return reply
    if isinstance(reply, ToolCall):
        return Completion(tool_calls=(reply,))
    return Completion(reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False))


def _chat_response(completion: Completion, body: Mapping[str, Any], number: int) -> _Response:
    if not body.get("stream"):
        return _Response(200, [json.dumps(_completion_object(completion, body, number))])
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in _chunks(completion, body, number)]
    return _Response(200, [*events, "data: [DONE]\n\n"], content_type="text/event-stream")


def _completion_object(completion: Completion, body: Mapping[str, Any], number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": completion.text, "refusal": completion.refusal}
    if completion.tool_calls:
        message["tool_calls"] = _tool_calls(completion, number)
    message.update(completion.message)
    choice = {"index": 0, "message": message, "finish_reason": _finish_reason(completion), "logprobs": None}
    return _envelope("chat.completion", body, number, choices=[choice], usage=_usage(completion, body))


def _chunks(completion: Completion, body: Mapping[str, Any], number: int) -> Iterator[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if completion.text is None else ""}]
    deltas += [{"content": word} for word in re.findall(r"\s*\S+|\s+$", completion.text or "")]
    deltas += [{"tool_calls": [call]} for call in _tool_calls(completion, number)]
    for delta in deltas:
        yield _chunk(body, number, delta, None)
    yield _chunk(body, number, {}, _finish_reason(completion))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _envelope("chat.completion.chunk", body, number, choices=[], usage=_usage(completion, body))


def _chunk(body: Mapping[str, Any], number: int, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return _envelope("chat.completion.chunk", body, number, choices=[choice])


def _envelope(kind: str, body: Mapping[str, Any], number: int, **content: Any) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 0, "model": body.get("model"), **content}


def _tool_calls(completion: Completion, number: int) -> list[dict[str, Any]]:
    return [
        {
            "index": index,
            "id": f"call_{number}_{index}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for index, call in enumerate(completion.tool_calls)
    ]


def _finish_reason(completion: Completion) -> str:
    return completion.finish_reason or ("tool_calls" if completion.tool_calls else "stop")


def _usage(completion: Completion, body: Mapping[str, Any]) -> dict[str, int]:
    """Return the usage with words counted as tokens."""
    prompt = len(json.dumps(body.get("messages", [])).split())
    answer = len((completion.text or "").split())
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _embeddings(body: Mapping[str, Any], dimensions: int) -> dict[str, Any]:
    inputs = body["input"]
    texts = [inputs] if isinstance(inputs, str) else [str(text) for text in inputs]
    vectors = HashingEmbedder(body.get("dimensions", dimensions)).embed(texts)
    as_base64 = body.get("encoding_format") == "base64"
    rows = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.tobytes()).decode() if as_base64 else vector.tolist(),
        }
        for index, vector in enumerate(vectors)
    ]
    count = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "model": body.get("model"), "data": rows, "usage": usage}


class _HttpServer(ThreadingHTTPServer):
    """The sockets and threads of a scripted server."""

    daemon_threads = False
    request_queue_size = 1024  # with the default of 5, the sixth of several clients at once waits a second

    def __init__(self, script: ScriptedServer) -> None:
        super().__init__(("127.0.0.1", 0), _RequestHandler)
        self.script = script
        self._open_connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def server_bind(self) -> None:
        # HTTPServer looks up the name of this machine here, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        # Clients keep connections open, and the threads that serve them would wait for another request.
        for connection in list(self._open_connections):
            drop_connection(connection)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open_connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open_connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a client may drop its connection first."""


class _RequestHandler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        address = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.server.script.respond(
            RecordedRequest(address.path, dict(parse_qsl(address.query)), headers, body)
        )
        if response is None:
            self.close_connection = True
            drop_connection(self.connection)
        else:
            self._send(response)

    def _send(self, response: _Response) -> None:
        parts = [part.encode() for part in response.parts]
        self.send_response(response.status)
        self.send_header("content-type", response.content_type)
        self.send_header("content-length", str(sum(map(len, parts))))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Print nothing; `requests` has everything."""


def drop_connection(connection: socket.socket) -> None:
    """End `connection` in both directions, even while another thread waits for data from it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
