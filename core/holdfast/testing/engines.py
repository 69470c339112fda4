"""Engines that say what they are told to."""

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
"""Text, a mapping sent as JSON, or an error to raise."""


class ScriptExhausted(AssertionError):
    """More was asked of a script than it has replies for."""


class Script(Generic[R]):
    """Where replies come from: one for every call, a sequence played once, or a function asked each time."""

    def __init__(self, replies: R | Sequence[R] | Callable[..., R]) -> None:
        self._replies = replies
        self._played = 0
        self._lock = threading.Lock()

    def next(self, *question: Any) -> R:
        """Return the reply to `question`; threads take turns.

        Raises:
            ScriptExhausted: The sequence has come to its end.
        """
        if callable(self._replies):
            return self._replies(*question)
        if isinstance(self._replies, str) or not isinstance(self._replies, Sequence):
            return self._replies
        with self._lock:
            position, self._played = self._played, self._played + 1
        if position >= len(self._replies):
            raise ScriptExhausted(
                f"the script has {len(self._replies)} replies, this is call {position + 1}: {question[0]!r}"
            )
        return self._replies[position]


class ChatCall(NamedTuple):
    """One call of a scripted chat model."""

    messages: list[ChatMessage]
    schema: JsonObject | None


class ScriptedChatModel:
    """A chat model that says what it is told to.

    Args:
        replies: One reply for every call, a sequence played once, or a function of `messages` and `schema`.
        delay: Seconds each answer takes; awaited without blocking by `acomplete`.

    Attributes:
        calls: What it was asked, oldest first.
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
            ScriptExhausted: There is none left.
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
    """An embedder without surprises: texts are similar when they share words.

    Args:
        dimensions: Length of every vector, at least 16.
        delay: Seconds each call takes; awaited without blocking by `aembed`.

    Attributes:
        calls: The texts of each call, oldest first.
    """

    provider = "scripted"

    def __init__(self, dimensions: int = 64, *, delay: float = 0.0) -> None:
        self._words = HashingEmbedder(dimensions)
        self._delay = delay
        self.dimensions = dimensions
        self.fingerprint = f"scripted:{self._words.fingerprint}"
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
        return self._words.embed(texts)
