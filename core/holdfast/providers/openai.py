"""Chat and embeddings from every service that speaks OpenAI's protocol, through the official SDK.

Services differ in how much of the protocol they support. What is known beforehand is in `presets.PRESETS`. The rest is
found out: a rejected request is sent again in a simpler form, and the form that worked is remembered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ConfigError, ProviderError, UnreadableReply
from holdfast.extraction.messages import content_text
from holdfast.protocols import ChatMessage, Json, JsonObject
from holdfast.providers.connection import Connection, Exchange, Request
from holdfast.providers.presets import NATIVE_DIMENSIONS, JsonMode, resolve_endpoint
from holdfast.providers.tokenizers import tokenizer_of

_BAD_REQUEST_STATUSES = (400, 422)

# OpenAI accepts 2,048 inputs and 300,000 tokens a request; a token is rarely less than two bytes of UTF-8.
_MAX_INPUTS = 2048
_MAX_BYTES = 500_000


class _Service:
    """The common part of both engines: a connection, and the description from which they can be built again."""

    provider: str
    model: str
    _connection: Connection
    _settings: Mapping[str, object]

    def spec(self) -> dict[str, object]:
        """Return the description from which `registry` builds this engine again, without secrets."""
        return {"provider": self.provider, "config": dict(self._settings)}

    def close(self) -> None:
        """Close the blocking client's connections; a later call opens new ones."""
        self._connection.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop's client; a later call opens new ones."""
        await self._connection.aclose()


class OpenAIChat(_Service):
    """A chat model behind OpenAI's chat completions protocol.

    Args:
        model: The model's name; `None` takes the Azure deployment's or the preset's.
        provider: A name in `PRESETS`.
        api_key: The key; `None` reads the preset's environment variable.
        base_url: Another address that speaks the protocol.
        timeout: Seconds to wait for one answer.
        max_retries: How often a time-out, a rate limit or a server error is tried again, with growing pauses.
        max_tokens: The longest answer in tokens; `None` leaves it to the service.
        temperature: 0.0 (steady) to 2.0 (inventive); `None` leaves it to the service.
        structured: Whether the service may be asked for JSON by schema.
        default_headers: Sent with every request.
        azure_endpoint: The Azure resource's URL; makes this an Azure model.
        azure_deployment: The name of the Azure deployment, if not the model's.
        api_version: Azure's protocol version.

    Raises:
        ConfigError: The provider is unknown, or a key, a model or the Azure endpoint is missing.
        ImportError: The `openai` package is not installed.

    >>> from holdfast.testing import scripted_openai_server
    >>> with scripted_openai_server("Hello!") as server:
    ...     OpenAIChat(base_url=server.base_url).complete([{"role": "user", "content": "Hi"}])
    'Hello!'
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        provider: str = "openai",
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 2,
        max_tokens: int | None = None,
        temperature: float | None = 0.0,
        structured: bool = True,
        default_headers: Mapping[str, str] | None = None,
        azure_endpoint: str | None = None,
        azure_deployment: str | None = None,
        api_version: str | None = None,
    ) -> None:
        endpoint = resolve_endpoint(
            "LLM",
            provider=provider,
            api_key=api_key,
            base_url=base_url,
            azure_endpoint=azure_endpoint,
            azure_deployment=azure_deployment,
            api_version=api_version,
        )
        self.provider = endpoint.provider
        self.model = endpoint.model(model, endpoint.preset.chat_model)
        self._max_tokens = max_tokens
        self._dialect = _Dialect(json=endpoint.preset.json_mode if structured else "text", temperature=temperature)
        self._connection = Connection(endpoint, timeout=timeout, max_retries=max_retries, headers=default_headers)
        self._settings = {
            **endpoint.settings(),
            "model": self.model,
            "timeout": timeout,
            "max_retries": max_retries,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "structured": structured,
        }

    def __repr__(self) -> str:
        return f"OpenAIChat(model={self.model!r}, provider={self.provider!r})"

    def complete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer `messages`, with JSON that follows `schema` if one is given and the service can.

        Returns:
            The answer, never blank. One cut off at `max_tokens` is returned as far as it goes. Without a text it is the
            arguments of the tools that the model calls, or the JSON in its reasoning.

        Raises:
            UnreadableReply: The model refused, or answered without text.
            ProviderError: The service failed.
        """
        return self._connection.run(self._exchange(messages, schema))

    async def acomplete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer `messages` as `complete` does, without blocking the event loop."""
        return await self._connection.arun(self._exchange(messages, schema))

    def count_tokens(self, text: str) -> int | None:
        """Return how many tokens `text` has, `None` unless the model's tokenizer is on this machine.

        That is tiktoken with its table in the cache, or an open model's `tokenizer.json` in the Hugging Face cache.
        Nothing is downloaded.
        """
        counter = tokenizer_of(self.model)
        return None if counter is None else counter(text)

    def _exchange(self, messages: Sequence[ChatMessage], schema: JsonObject | None) -> Exchange[str]:
        dialect = self._dialect
        while True:
            try:
                reply = yield Request("chat.completions", self._parameters(dialect, messages, schema))
            except Exception as error:
                written = _failed_generation(error)
                if written:
                    return written
                simpler = _simpler_dialect(dialect, error, wants_json=schema is not None)
                if simpler is None:
                    raise
                dialect = simpler
            else:
                self._dialect = dialect
                return _answer_text(reply, self.provider)

    def _parameters(
        self, dialect: _Dialect, messages: Sequence[ChatMessage], schema: JsonObject | None
    ) -> dict[str, Any]:
        parameters: dict[str, Any] = {"model": self.model, "messages": list(messages)}
        if schema is not None:
            parameters |= _json_parameters(dialect.json, messages, schema)
        if dialect.temperature is not None:
            parameters["temperature"] = dialect.temperature
        if self._max_tokens is not None:
            parameters[dialect.length_parameter] = self._max_tokens
        return parameters


class OpenAIEmbeddings(_Service):
    """An embedding model behind OpenAI's embeddings protocol.

    Args:
        model: The model's name; `None` takes the Azure deployment's or the preset's.
        provider: A name in `PRESETS`.
        dimensions: The length of the vectors; optional for the models of `NATIVE_DIMENSIONS`. The third generation of
            OpenAI's models shortens its vectors to it; other models must return vectors of this length.
        api_key: The key; `None` reads the preset's environment variable.
        base_url: Another address that speaks the protocol.
        timeout: Seconds to wait for one answer.
        max_retries: How often a time-out, a rate limit or a server error is tried again, with growing pauses.
        batch_size: Most texts in one request, 1 to 2048.
        default_headers: Sent with every request.
        azure_endpoint: The Azure resource's URL; makes this an Azure model.
        azure_deployment: The name of the Azure deployment, if not the model's.
        api_version: Azure's protocol version.

    Raises:
        ConfigError: The provider is unknown, a number is out of range, or a key, a model, its dimensions or
            the Azure endpoint is missing.
        ImportError: The `openai` package is not installed.

    >>> from holdfast.testing import scripted_openai_server
    >>> with scripted_openai_server() as server:
    ...     OpenAIEmbeddings(base_url=server.base_url).embed(["I like tea", "I like coffee"]).shape
    (2, 1536)
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        provider: str = "openai",
        dimensions: int | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 2,
        batch_size: int = _MAX_INPUTS,
        default_headers: Mapping[str, str] | None = None,
        azure_endpoint: str | None = None,
        azure_deployment: str | None = None,
        api_version: str | None = None,
    ) -> None:
        if not 1 <= batch_size <= _MAX_INPUTS:
            raise ConfigError(f"batch_size is {batch_size!r}: use 1 to {_MAX_INPUTS}")
        endpoint = resolve_endpoint(
            "EMBEDDING",
            provider=provider,
            api_key=api_key,
            base_url=base_url,
            azure_endpoint=azure_endpoint,
            azure_deployment=azure_deployment,
            api_version=api_version,
        )
        self.provider = endpoint.provider
        self.model = endpoint.model(model, endpoint.preset.embedding_model)
        self.dimensions = _known_dimensions(self.model, dimensions)
        self.fingerprint = f"{self.provider}:{self.model}:{self.dimensions}"
        self._batch_size = batch_size
        self._connection = Connection(endpoint, timeout=timeout, max_retries=max_retries, headers=default_headers)
        self._settings = {
            **endpoint.settings(),
            "model": self.model,
            "dimensions": self.dimensions,
            "timeout": timeout,
            "max_retries": max_retries,
            "batch_size": batch_size,
        }

    def __repr__(self) -> str:
        return f"OpenAIEmbeddings({self.fingerprint!r})"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), dimensions)`, each of unit length.

        Raises:
            UnreadableReply: The answer does not contain one usable vector for each text.
            ProviderError: The service failed, or its vectors have another length.
        """
        return self._connection.run(self._exchange(texts))

    async def aembed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` as `embed` does, without blocking the event loop."""
        return await self._connection.arun(self._exchange(texts))

    def _exchange(self, texts: Sequence[str]) -> Exchange[NDArray[np.float32]]:
        parts = [np.zeros((0, self.dimensions), dtype=np.float32)]
        for batch in _batches(texts, self._batch_size):
            reply = yield Request("embeddings", self._parameters(batch))
            parts.append(self._vectors(reply, len(batch)))
        return np.concatenate(parts)

    def _parameters(self, batch: list[str]) -> dict[str, Any]:
        parameters: dict[str, Any] = {"model": self.model, "input": batch}
        # Other models reject the parameter, so it is sent only where it has an effect.
        if self.model.startswith("text-embedding-3") and self.dimensions != NATIVE_DIMENSIONS.get(self.model):
            parameters["dimensions"] = self.dimensions
        return parameters

    def _vectors(self, reply: Any, count: int) -> NDArray[np.float32]:
        rows = [row.embedding for row in sorted(reply.data, key=attrgetter("index"))]
        if len(rows) != count:
            raise self._unreadable(f"{self.model} returned {len(rows)} vectors for {count} texts")
        lengths = {len(row) for row in rows}
        if lengths != {self.dimensions}:
            raise ProviderError(
                f"{self.model} returned vectors of {' or '.join(map(str, sorted(lengths)))} numbers where"
                f" {self.dimensions} are expected: set the embedder's dimensions to what the model gives",
                provider=self.provider,
            )
        vectors = np.array(rows, dtype=np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(norms).all() and norms.all()):
            raise self._unreadable(f"{self.model} returned a vector of length zero or without a finite length")
        unit: NDArray[np.float32] = vectors / norms
        return unit

    def _unreadable(self, message: str) -> UnreadableReply:
        return UnreadableReply(message, provider=self.provider, retryable=True)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What a service supports of the protocol, as far as it is known."""

    json: JsonMode
    temperature: float | None
    length_parameter: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"


def _simpler_dialect(dialect: _Dialect, error: Exception, *, wants_json: bool) -> _Dialect | None:
    """Return the next simpler dialect after `error`, `None` when none would help."""
    if getattr(error, "status_code", None) not in _BAD_REQUEST_STATUSES:
        return None
    if "max_completion_tokens" in str(error) and dialect.length_parameter == "max_tokens":
        return replace(dialect, length_parameter="max_completion_tokens")
    if "temperature" in str(error) and dialect.temperature is not None:
        return replace(dialect, temperature=None)
    if wants_json and dialect.json != "text":
        return replace(dialect, json="object" if dialect.json == "schema" else "text")
    return None


def _json_parameters(mode: JsonMode, messages: Sequence[ChatMessage], schema: JsonObject) -> dict[str, Any]:
    if mode == "schema":
        answer_format = {"name": "answer", "schema": schema, "strict": _is_strict(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": answer_format}}
    prompted = {"messages": [{"role": "system", "content": json_request(schema)}, *messages]}
    return prompted if mode == "text" else {**prompted, "response_format": {"type": "json_object"}}


def json_request(schema: JsonObject) -> str:
    """Return a request in words for JSON that follows `schema`, for services that have no parameter for it."""
    return f"Answer with one JSON object that follows this JSON schema:\n{json.dumps(schema, ensure_ascii=False)}"


def _is_strict(schema: Json) -> bool:
    """Return whether OpenAI's strict mode accepts `schema`: every object closed, all of its properties required."""
    if isinstance(schema, Mapping):
        is_object = schema.get("type") == "object"
        return (not is_object or _is_closed(schema)) and all(map(_is_strict, schema.values()))
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return all(map(_is_strict, schema))
    return True


def _is_closed(schema: JsonObject) -> bool:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    return (
        schema.get("additionalProperties") is False
        and isinstance(properties, Mapping)
        and isinstance(required, Sequence)
        and set(properties) == set(required)
    )


def _failed_generation(error: Exception) -> str:
    """Return what the model wrote, when Groq refuses it as JSON that does not follow the schema; else `""`."""
    body = getattr(error, "body", None)
    written = body.get("failed_generation") if isinstance(body, Mapping) else None
    return written if isinstance(written, str) and written.strip() else ""


def _answer_text(reply: Any, provider: str) -> str:
    choices = getattr(reply, "choices", None)
    if not choices:
        raise UnreadableReply(
            f"{provider} answered without any choice",
            provider=provider,
            retryable=True,
            reply=None if choices is None else "",
        )
    choice = choices[0]
    text = _message_text(choice.message, is_cut=choice.finish_reason == "length")
    if text.strip():
        return text
    if choice.message.refusal:
        raise UnreadableReply(
            f"the model refused: {choice.message.refusal}", provider=provider, reply=choice.message.refusal
        )
    raise UnreadableReply(
        f"{provider} answered with no text, finish_reason {choice.finish_reason!r}{_advice(choice.finish_reason)}",
        provider=provider,
        retryable=True,
        reply="",
    )


def _advice(finish_reason: Any) -> str:
    return ": raise max_tokens, it may all have gone into reasoning" if finish_reason == "length" else ""


def _message_text(message: Any, *, is_cut: bool) -> str:
    """Return the text of a message, or else the JSON that some services send elsewhere.

    Args:
        message: The message of a choice.
        is_cut: Whether it ends at the limit of tokens; then what it reasoned holds no answer.
    """
    content = message.content
    is_json = isinstance(content, Mapping) and "text" not in content and "type" not in content
    text = json.dumps(content, ensure_ascii=False) if is_json else content_text(content)
    if text.strip():
        return text
    functions = [getattr(call, "function", None) for call in getattr(message, "tool_calls", None) or ()]
    arguments = [getattr(one, "arguments", None) for one in (*functions, getattr(message, "function_call", None))]
    written = [
        one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in arguments if one is not None
    ]
    if any(one.strip() for one in written):
        return "\n".join(written)
    reasoning = [getattr(message, field, None) for field in ("reasoning_content", "reasoning")]
    return next((one for one in reasoning if isinstance(one, str) and "{" in one and not is_cut), "")


def _batches(texts: Sequence[str], batch_size: int) -> Iterator[list[str]]:
    """Split `texts` to respect the limits of the service. It rejects empty texts, so they become one space."""
    batch: list[str] = []
    free_bytes = _MAX_BYTES
    for text in texts:
        length = len(text.encode("utf-8", "surrogatepass"))
        if batch and (len(batch) == batch_size or length > free_bytes):
            yield batch
            batch, free_bytes = [], _MAX_BYTES
        batch.append(text or " ")
        free_bytes -= length
    if batch:
        yield batch


def _known_dimensions(model: str, dimensions: int | None) -> int:
    known = NATIVE_DIMENSIONS.get(model) if dimensions is None else dimensions
    if known is None:
        raise ConfigError(f"the length of {model!r}'s vectors is not known: give the embedder's dimensions")
    if isinstance(known, bool) or not isinstance(known, int) or known < 1:
        raise ConfigError(f"dimensions is {dimensions!r}: use a whole number above 0")
    return known
