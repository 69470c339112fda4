"""The official SDK's clients, and the one place where its errors become ours."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.errors import ProviderError, UnreadableReply
from holdfast.providers.presets import AZURE, Endpoint

if TYPE_CHECKING:
    import asyncio

Answer = TypeVar("Answer")

_RETRYABLE_STATUS = (408, 409, 429)
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the SDK: the resource, such as `"embeddings"`, and what its `create` is given."""

    resource: str
    parameters: Mapping[str, Any]


Exchange = Generator[Request, Any, Answer]
"""Requests out, replies in, the answer at the end: written once, carried by blocking or by awaited calls.

A reply with an error status is thrown in; what the exchange lets through becomes a `ProviderError`.
"""


class Connection:
    """The SDK's clients for one place: one that blocks, and one to await for each running event loop."""

    def __init__(self, place: Endpoint, *, timeout: float, max_retries: int, headers: Mapping[str, str] | None) -> None:
        self._sdk = _sdk()
        self._place = place
        self._options = {
            **place.client_options(),
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": headers,
        }
        self._lock = threading.Lock()
        self._blocking: Any = None
        self._awaitable: dict[asyncio.AbstractEventLoop, Any] = {}

    def run(self, exchange: Exchange[Answer]) -> Answer:
        """Carry `exchange` out with blocking calls."""
        with self._translated_errors():
            step = partial(exchange.send, None)
            while True:
                try:
                    request = step()
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                try:
                    reply = _method(self._client(), request)(**request.parameters)
                except self._sdk.APIStatusError as refusal:
                    step = partial(exchange.throw, refusal)
                else:
                    step = partial(exchange.send, reply)

    async def arun(self, exchange: Exchange[Answer]) -> Answer:
        """Carry `exchange` out with awaited calls."""
        with self._translated_errors():
            step = partial(exchange.send, None)
            while True:
                try:
                    request = step()
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                try:
                    reply = await _method(self._async_client(), request)(**request.parameters)
                except self._sdk.APIStatusError as refusal:
                    step = partial(exchange.throw, refusal)
                else:
                    step = partial(exchange.send, reply)

    def close(self) -> None:
        """Close the blocking client; the next call makes another."""
        with self._lock:
            client, self._blocking = self._blocking, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the running event loop's client; the next call makes another."""
        with self._lock:
            client = self._awaitable.pop(_running_loop(), None)
        if client is not None:
            await client.close()

    def _client(self) -> Any:
        with self._lock:
            if self._blocking is None:
                kind = self._sdk.AzureOpenAI if self._place.provider == AZURE else self._sdk.OpenAI
                self._blocking = kind(**self._options)
            return self._blocking

    def _async_client(self) -> Any:
        """Return this event loop's client: its connections cannot be awaited from another loop."""
        loop = _running_loop()
        with self._lock:
            if loop not in self._awaitable:
                self._awaitable = {known: c for known, c in self._awaitable.items() if not known.is_closed()}
                self._awaitable[loop] = self._new_async_client()
            return self._awaitable[loop]

    def _new_async_client(self) -> Any:
        kind = self._sdk.AsyncAzureOpenAI if self._place.provider == AZURE else self._sdk.AsyncOpenAI
        # The SDK's own HTTP client, when collected, tries to close connections whose loop may be gone.
        return kind(**self._options, http_client=self._sdk.DefaultAsyncHttpxClient())

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except self._sdk.OpenAIError as error:
            raise self._failure(error) from self._shown(error)
        except (ValueError, TypeError, AttributeError) as error:
            # What the SDK's own parser, or ours, stumbles over in a reply of another shape.
            raise UnreadableReply(
                f"{self._place.provider}'s reply cannot be read: {self._redacted(error)}",
                provider=self._place.provider,
                retryable=True,
            ) from self._shown(error)

    def _failure(self, error: Exception) -> ProviderError:
        may_pass = isinstance(error, self._sdk.APIConnectionError) or _may_pass(error)
        return ProviderError(
            f"{self._place.provider} failed: {self._redacted(error)}",
            provider=self._place.provider,
            retryable=may_pass,
        )

    def _redacted(self, error: Exception) -> str:
        return str(error).replace(self._place.api_key, "***")

    def _shown(self, error: Exception) -> Exception | None:
        """Return `error` as the cause to show, unless its text repeats the key."""
        return None if self._place.api_key in str(error) else error


def _running_loop() -> asyncio.AbstractEventLoop:
    import asyncio  # noqa: PLC0415 - a third of the start-up time: only who awaits pays it

    return asyncio.get_running_loop()


def _method(client: Any, request: Request) -> Any:
    return attrgetter(request.resource)(client).create


def _may_pass(error: Exception) -> bool:
    """Whether the answer with this error's status may be another one later."""
    if getattr(error, "code", None) == "insufficient_quota":
        return False
    status = getattr(error, "status_code", 0)
    return status in _RETRYABLE_STATUS or status >= _SERVER_ERROR


def _sdk() -> Any:
    try:
        import openai  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise ImportError(
            'this engine needs the openai package: pip install "holdfast[openai]" '
            '(or do without a model: llm="rules", embedder="hashing")'
        ) from error
    return openai
