"""Chat and embeddings from every service that speaks OpenAI's protocol, through the official SDK.

Services differ in how much of it they understand. What is known beforehand stands in `presets.PRESETS`, the
rest is found out: a refused request is sent again in plainer words, and the words that worked are remembered.
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
from holdfast.protocols import ChatMessage, Json, JsonObject
from holdfast.providers.connection import Connection, Exchange, Request
from holdfast.providers.presets import NATIVE_DIMENSIONS, JsonMode, resolve_endpoint
from holdfast.providers.tokenizers import tokenizer_of

_REFUSED = (400, 422)

# The service takes 2,048 inputs and 300,000 tokens a request; a token is rarely less than two bytes of UTF-8.
_MOST_INPUTS = 2048
_MOST_BYTES = 500_000


class _Service:
    """What the two engines share: a connection, and a description from which they can be built again."""

    provider: str
    model: str
    _connection: Connection
    _settings: Mapping[str, object]

    def spec(self) -> dict[str, object]:
        """Return what `holdfast.providers` needs to build this engine again, without its secrets."""
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
        model: The model's name; the Azure deployment or the preset's when left out.
        provider: A name in `PRESETS`.
        api_key: Taken from the preset's environment variable when left out.
        base_url: Another place that speaks the protocol.
        timeout: Seconds to wait for one answer.
        max_retries: How often a time-out, a rate limit or a server error is tried again, with growing pauses.
        max_tokens: Longest answer in tokens; `None` leaves it to the service.
        temperature: 0.0 (steady) to 2.0 (inventive); `None` leaves it to the service.
        structured: Whether the service may be asked for JSON by schema.
        default_headers: Sent with every request.
        azure_endpoint: The Azure resource's URL; makes this an Azure model.
        azure_deployment: The Azure deployment's name, when it is not the model's.
        api_version: Azure's protocol version.

    Raises:
        ConfigError: The provider is unknown, or a key, a model or the Azure endpoint is missing.
        ImportError: The `openai` package is not installed.
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
        place = resolve_endpoint(
            "LLM",
            provider=provider,
            api_key=api_key,
            base_url=base_url,
            azure_endpoint=azure_endpoint,
            azure_deployment=azure_deployment,
            api_version=api_version,
        )
        self.provider = place.provider
        self.model = place.model(model, place.preset.chat_model)
        self._max_tokens = max_tokens
        self._dialect = _Dialect(json=place.preset.json_mode if structured else "text", temperature=temperature)
        self._connection = Connection(place, timeout=timeout, max_retries=max_retries, headers=default_headers)
        self._settings = {
            **place.settings(),
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
            The answer, never blank. One cut off at `max_tokens` is returned as far as it goes.

        Raises:
            UnreadableReply: The model refused, or said nothing.
            ProviderError: The service failed.
        """
        return self._connection.run(self._exchange(messages, schema))

    async def acomplete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer `messages` as `complete` does, without blocking the event loop."""
        return await self._connection.arun(self._exchange(messages, schema))

    def count_tokens(self, text: str) -> int | None:
        """Return how many tokens `text` has, `None` unless the model's tokenizer lies on this machine.

        That is tiktoken with its table in the cache, or an open model's `tokenizer.json` in the Hugging Face cache;
        nothing is fetched.
        """
        counter = tokenizer_of(self.model)
        return None if counter is None else counter(text)

    def _exchange(self, messages: Sequence[ChatMessage], schema: JsonObject | None) -> Exchange[str]:
        dialect = self._dialect
        while True:
            try:
                reply = yield Request("chat.completions", self._parameters(dialect, messages, schema))
            except Exception as refusal:
                plainer = _plainer(dialect, refusal, asks_json=schema is not None)
                if plainer is None:
                    raise
                dialect = plainer
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
            parameters[dialect.length_word] = self._max_tokens
        return parameters


class OpenAIEmbeddings(_Service):
    """An embedding model behind OpenAI's embeddings protocol.

    Args:
        model: The model's name; the Azure deployment or the preset's when left out.
        provider: A name in `PRESETS`.
        dimensions: Length of the vectors; may be left out for the models of `NATIVE_DIMENSIONS`. OpenAI's
            third generation shortens its vectors to it, other models must give vectors of this length.
        api_key: Taken from the preset's environment variable when left out.
        base_url: Another place that speaks the protocol.
        timeout: Seconds to wait for one answer.
        max_retries: How often a time-out, a rate limit or a server error is tried again, with growing pauses.
        batch_size: Most texts in one request, 1 to 2048.
        default_headers: Sent with every request.
        azure_endpoint: The Azure resource's URL; makes this an Azure model.
        azure_deployment: The Azure deployment's name, when it is not the model's.
        api_version: Azure's protocol version.

    Raises:
        ConfigError: The provider is unknown, a number is out of range, or a key, a model, its dimensions or
            the Azure endpoint is missing.
        ImportError: The `openai` package is not installed.
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
        batch_size: int = _MOST_INPUTS,
        default_headers: Mapping[str, str] | None = None,
        azure_endpoint: str | None = None,
        azure_deployment: str | None = None,
        api_version: str | None = None,
    ) -> None:
        if not 1 <= batch_size <= _MOST_INPUTS:
            raise ConfigError(f"batch_size is {batch_size!r}: use 1 to {_MOST_INPUTS}")
        place = resolve_endpoint(
            "EMBEDDING",
            provider=provider,
            api_key=api_key,
            base_url=base_url,
            azure_endpoint=azure_endpoint,
            azure_deployment=azure_deployment,
            api_version=api_version,
        )
        self.provider = place.provider
        self.model = place.model(model, place.preset.embedding_model)
        self.dimensions = _known_dimensions(self.model, dimensions)
        self.fingerprint = f"{self.provider}:{self.model}:{self.dimensions}"
        self._batch_size = batch_size
        self._connection = Connection(place, timeout=timeout, max_retries=max_retries, headers=default_headers)
        self._settings = {
            **place.settings(),
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
            UnreadableReply: The answer does not hold one usable vector for each text.
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
        # Other models refuse the word, so it is only said where it changes something.
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
            raise self._unreadable(f"{self.model} returned a vector that points nowhere")
        unit: NDArray[np.float32] = vectors / norms
        return unit

    def _unreadable(self, message: str) -> UnreadableReply:
        return UnreadableReply(message, provider=self.provider, retryable=True)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What a service understands of the protocol, as far as it is known."""

    json: JsonMode
    temperature: float | None
    length_word: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"


def _plainer(dialect: _Dialect, refusal: Exception, *, asks_json: bool) -> _Dialect | None:
    """Return the next plainer dialect after `refusal`, `None` when plainer words would not help."""
    if getattr(refusal, "status_code", None) not in _REFUSED:
        return None
    if "max_completion_tokens" in str(refusal) and dialect.length_word == "max_tokens":
        return replace(dialect, length_word="max_completion_tokens")
    if "temperature" in str(refusal) and dialect.temperature is not None:
        return replace(dialect, temperature=None)
    if asks_json and dialect.json != "text":
        return replace(dialect, json="object" if dialect.json == "schema" else "text")
    return None


def _json_parameters(mode: JsonMode, messages: Sequence[ChatMessage], schema: JsonObject) -> dict[str, Any]:
    if mode == "schema":
        form = {"name": "answer", "schema": schema, "strict": _is_strict(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": form}}
    told = {"messages": [{"role": "system", "content": json_in_words(schema)}, *messages]}
    return told if mode == "text" else {**told, "response_format": {"type": "json_object"}}


def json_in_words(schema: JsonObject) -> str:
    """Return the request for JSON that follows `schema`, for services that can only be asked in the prompt."""
    return f"Answer with one JSON object that follows this JSON schema:\n{json.dumps(schema, ensure_ascii=False)}"


def _is_strict(schema: Json) -> bool:
    """Whether OpenAI's strict mode takes `schema`: each object closed, each of its properties required."""
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


def _answer_text(reply: Any, provider: str) -> str:
    if not getattr(reply, "choices", None):
        raise UnreadableReply(f"{provider} answered without any choice", provider=provider, retryable=True)
    choice = reply.choices[0]
    text: str | None = choice.message.content
    if text and text.strip():
        return text
    if choice.message.refusal:
        raise UnreadableReply(f"the model refused: {choice.message.refusal}", provider=provider)
    raise UnreadableReply(
        f"{provider} answered with no text, finish_reason {choice.finish_reason!r}",
        provider=provider,
        retryable=True,
    )


def _batches(texts: Sequence[str], batch_size: int) -> Iterator[list[str]]:
    """Split `texts` so that no request exceeds what the service takes; an empty text becomes one space."""
    batch: list[str] = []
    room = _MOST_BYTES
    for text in texts:
        length = len(text.encode("utf-8", "surrogatepass"))
        if batch and (len(batch) == batch_size or length > room):
            yield batch
            batch, room = [], _MOST_BYTES
        batch.append(text or " ")
        room -= length
    if batch:
        yield batch


def _known_dimensions(model: str, dimensions: int | None) -> int:
    known = NATIVE_DIMENSIONS.get(model) if dimensions is None else dimensions
    if known is None:
        raise ConfigError(f"the length of {model!r}'s vectors is not known: give the embedder's dimensions")
    if isinstance(known, bool) or not isinstance(known, int) or known < 1:
        raise ConfigError(f"dimensions is {dimensions!r}: use a whole number above 0")
    return known
