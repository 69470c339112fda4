"""A chat model and an embedder with scripted answers."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from holdfast.providers.hashing import HashingEmbedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from holdfast.protocols import ChatMessage, JsonObject

R = TypeVar("R")

Reply = str | Mapping[str, Any] | Exception
"""A text, a mapping to send as JSON, or an error to raise."""


class ScriptExhausted(AssertionError):
    """A script was asked for more replies than it has."""


class Script(Generic[R]):
    """A source of replies: one for every call, a sequence used once, or a function called each time."""

    def __init__(self, replies: R | Sequence[R] | Callable[..., R]) -> None:
        self._replies = replies
        self._position = 0
        self._lock = threading.Lock()

    def next(self, *request: Any) -> R:
        """Return the next reply; safe to call from several threads.

        Args:
            request: The arguments for the function, if the script is one.

        Raises:
            ScriptExhausted: The sequence has ended.
        """
        if callable(self._replies):
            return self._replies(*request)
        if isinstance(self._replies, str) or not isinstance(self._replies, Sequence):
            return self._replies
        with self._lock:
            position, self._position = self._position, self._position + 1
        if position >= len(self._replies):
            raise ScriptExhausted(
                f"the script has {len(self._replies)} replies, this is call {position + 1}: {request[0]!r}"
            )
        return self._replies[position]


class ChatCall(NamedTuple):
    """One call of a scripted chat model: its arguments."""

    messages: list[ChatMessage]
    schema: JsonObject | None


class ScriptedChatModel:
    """A chat model with scripted replies.

    Args:
        replies: One reply for every call, a sequence used once, or a function of `messages` and `schema`.
        delay: Seconds that each answer takes; `acomplete` does not block the event loop meanwhile.

    Attributes:
        calls: The calls so far, oldest first.

    >>> model = ScriptedChatModel(["Hello!", {"facts": []}])
    >>> model.complete([{"role": "user", "content": "Hi"}]), model.complete([])
    ('Hello!', '{"facts": []}')
    >>> model.calls[0].messages[0]["content"]
    'Hi'
    """

    provider = "scripted"

    def __init__(
        self,
        replies: Reply | Sequence[Reply] | Callable[[Sequence[ChatMessage], JsonObject | None], Reply] = "",
        *,
        delay: float = 0.0,
    ) -> None:
        self._script: Script[Reply] = Script(replies)
        self._delay = delay
        self.calls: list[ChatCall] = []

    def complete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Return the next reply.

        Raises:
            ScriptExhausted: No reply is left.
        """
        time.sleep(self._delay)
        return self._next(messages, schema)

    async def acomplete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Return the next reply without blocking the event loop."""
        await asyncio.sleep(self._delay)
        return self._next(messages, schema)

    def _next(self, messages: Sequence[ChatMessage], schema: JsonObject | None) -> str:
        self.calls.append(ChatCall(list(messages), schema))
        reply = self._script.next(messages, schema)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)


class ScriptedEmbedder:
    """A predictable embedder: texts are similar when they have words in common.

    Args:
        dimensions: The length of every vector, at least 16.
        delay: Seconds that each call takes; `aembed` does not block the event loop meanwhile.

    Attributes:
        calls: The texts of each call, oldest first.

    >>> embedder = ScriptedEmbedder()
    >>> embedder.embed(["green tea", "a red bicycle"]).shape, embedder.calls
    ((2, 64), [['green tea', 'a red bicycle']])
    """

    provider = "scripted"

    def __init__(self, dimensions: int = 64, *, delay: float = 0.0) -> None:
        self._hashing = HashingEmbedder(dimensions)
        self._delay = delay
        self.dimensions = dimensions
        self.fingerprint = f"scripted:{self._hashing.fingerprint}"
        self.calls: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), dimensions)`, each of unit length."""
        time.sleep(self._delay)
        return self._next(texts)

    async def aembed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` without blocking the event loop."""
        await asyncio.sleep(self._delay)
        return self._next(texts)

    def _next(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        return self._hashing.embed(texts)
