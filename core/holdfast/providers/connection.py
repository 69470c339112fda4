"""The clients of the official OpenAI SDK, and the one place where its errors become Holdfast's."""

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
_SHORTEST_SECRET = 8  # characters of a key
_ANSWERS = ("choices", "data", "output", "content")


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the SDK.

    Attributes:
        resource: The client's attribute that has `create`, such as `"embeddings"`.
        parameters: The arguments of `create`.
    """

    resource: str
    parameters: Mapping[str, Any]


Exchange = Generator[Request, Any, Answer]
"""A generator that yields requests, receives replies and returns the answer. Written once, it serves both blocking and
awaited calls.

A reply with an error status is raised inside it; what it does not catch becomes a `ProviderError`.
"""


class Connection:
    """The SDK's clients for one endpoint: a blocking one, and an awaitable one for each event loop.

    Each client is made when it is first used.

    Args:
        endpoint: Where the service answers.
        timeout: Seconds to wait for one answer.
        max_retries: How often the SDK repeats a request after a time-out, a rate limit or a server error.
        headers: Sent with every request.
    """

    def __init__(
        self, endpoint: Endpoint, *, timeout: float, max_retries: int, headers: Mapping[str, str] | None
    ) -> None:
        self._sdk = _import_sdk()
        self._endpoint = endpoint
        self._options = {
            **endpoint.client_options(),
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": headers,
        }
        self._lock = threading.Lock()
        self._blocking: Any = None
        self._awaitable: dict[asyncio.AbstractEventLoop, Any] = {}

    def run(self, exchange: Exchange[Answer]) -> Answer:
        """Run `exchange` with blocking calls."""
        with self._translated_errors():
            step = partial(exchange.send, None)
            while True:
                try:
                    request = step()
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                try:
                    reply = _create_method(self._client(), request)(**request.parameters)
                except self._sdk.APIStatusError as error:
                    step = partial(exchange.throw, error)
                else:
                    self._raise_reported_error(reply)
                    step = partial(exchange.send, reply)

    async def arun(self, exchange: Exchange[Answer]) -> Answer:
        """Run `exchange` with awaited calls."""
        with self._translated_errors():
            step = partial(exchange.send, None)
            while True:
                try:
                    request = step()
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                try:
                    reply = await _create_method(self._async_client(), request)(**request.parameters)
                except self._sdk.APIStatusError as error:
                    step = partial(exchange.throw, error)
                else:
                    self._raise_reported_error(reply)
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
                kind = self._sdk.AzureOpenAI if self._endpoint.provider == AZURE else self._sdk.OpenAI
                self._blocking = kind(**self._options)
            return self._blocking

    def _async_client(self) -> Any:
        """Return this event loop's client; the connections of another loop's client cannot be awaited here."""
        loop = _running_loop()
        with self._lock:
            if loop not in self._awaitable:
                self._awaitable = {other: client for other, client in self._awaitable.items() if not other.is_closed()}
                self._awaitable[loop] = self._new_async_client()
            return self._awaitable[loop]

    def _new_async_client(self) -> Any:
        kind = self._sdk.AsyncAzureOpenAI if self._endpoint.provider == AZURE else self._sdk.AsyncOpenAI
        # The SDK's own HTTP client, when garbage-collected, closes its connections, perhaps after their event loop.
        return kind(**self._options, http_client=self._sdk.DefaultAsyncHttpxClient())

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except self._sdk.OpenAIError as error:
            raise self._to_provider_error(error) from self._presentable_cause(error)
        except (ValueError, TypeError, AttributeError) as error:
            # A reply of another shape fails in the SDK's parser or in ours with one of these.
            raise UnreadableReply(
                f"{self._endpoint.provider}'s reply cannot be read: {self._redact_key(error)}",
                provider=self._endpoint.provider,
                retryable=True,
            ) from self._presentable_cause(error)

    def _to_provider_error(self, error: Exception) -> ProviderError:
        retryable = isinstance(error, self._sdk.APIConnectionError) or _is_retryable(error)
        return ProviderError(
            f"{self._endpoint.provider} failed: {self._redact_key(error)}",
            provider=self._endpoint.provider,
            retryable=retryable,
        )

    def _redact_key(self, error: object) -> str:
        text = str(error)
        return text.replace(self._endpoint.api_key, "***") if self._shows_key(text) else text

    def _presentable_cause(self, error: Exception) -> Exception | None:
        """Return `error` as the cause of ours, unless its text contains the key: a traceback may end up in a log."""
        return None if self._shows_key(str(error)) else error

    def _shows_key(self, text: str) -> bool:
        # Servers on one's own machine take any key: "x", "test" or "none" is a part of ordinary words.
        return len(self._endpoint.api_key) >= _SHORTEST_SECRET and self._endpoint.api_key in text

    def _raise_reported_error(self, reply: Any) -> None:
        """Raise the error that a service reports in an answer with status 200, in the service's own words."""
        error = _reported_error(reply)
        if error is None:
            return
        code = error.get("code") if isinstance(error, Mapping) else None
        status = int(str(code)) if str(code).isdecimal() else 0
        raise ProviderError(
            f"{self._endpoint.provider} failed: {self._redact_key(_words_of(error))}",
            provider=self._endpoint.provider,
            retryable=status in _RETRYABLE_STATUS or status >= _SERVER_ERROR,
        )


def _running_loop() -> asyncio.AbstractEventLoop:
    import asyncio  # noqa: PLC0415 - a third of the start-up time, for those who await only

    return asyncio.get_running_loop()


def _create_method(client: Any, request: Request) -> Any:
    return attrgetter(request.resource)(client).create


def _reported_error(reply: Any) -> Any:
    """Return what an answer says of an error, `None` for an answer without one."""
    first = next(iter(getattr(reply, "choices", None) or ()), None)
    error = getattr(reply, "error", None) or getattr(first, "error", None)  # the second is OpenRouter's
    if error or any(getattr(reply, name, None) for name in _ANSWERS):
        return error or None
    return getattr(reply, "errors", None) or getattr(reply, "detail", None) or getattr(reply, "message", None)


def _words_of(error: Any) -> str:
    if isinstance(error, Mapping):
        words = error.get("message") or error.get("detail") or error.get("msg")
        code = error.get("code")
        if isinstance(words, str) and words:
            return words if code is None else f"{words} (code {code})"
    if isinstance(error, (list, tuple)) and error:
        return "; ".join(map(_words_of, error))
    words = getattr(error, "message", None)
    return words if isinstance(words, str) else str(error)


def _is_retryable(error: Exception) -> bool:
    """Return whether the same request may succeed later, by the error's status.

    The same as the SDK's own retries (409 is a lock that timed out), except for an exhausted quota: a 429 that stays.
    """
    if getattr(error, "code", None) == "insufficient_quota":
        return False
    status = getattr(error, "status_code", 0)
    return status in _RETRYABLE_STATUS or status >= _SERVER_ERROR


def _import_sdk() -> Any:
    try:
        import openai  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise ImportError(
            'this engine needs the openai package: pip install "holdfast[openai]" '
            '(or do without a model: llm="rules", embedder="hashing")'
        ) from error
    return openai
