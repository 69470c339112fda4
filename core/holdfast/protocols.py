"""The protocols of the engines: chat models, embedders and rerankers.

The blocking methods alone are enough. `AsyncMemory` awaits the awaitable ones if an engine has them, and runs the
blocking ones in a thread if not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypedDict, Union, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Json = Union[None, bool, int, float, str, "Sequence[Json]", "Mapping[str, Json]"]
JsonObject = Mapping[str, Json]

TokenCounter = Callable[[str], int]
"""A function that returns how many tokens a text has."""


class ChatMessage(TypedDict):
    """One message to a chat model, in OpenAI's shape."""

    role: str
    content: str


@runtime_checkable
class ChatModel(Protocol):
    """A language model that answers a conversation with text.

    An optional `acomplete` with the same parameters makes it natively awaitable. An optional
    `count_tokens(text) -> int | None`, fast and without a request, lets `context` keep to its limit; `None` for every
    text means that the model cannot count.

    >>> class Echo:
    ...     def complete(self, messages, *, schema=None):
    ...         return messages[-1]["content"]
    >>> isinstance(Echo(), ChatModel)
    True
    """

    def complete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer `messages`; with a JSON `schema`, answer with JSON that follows it if the model can.

        Raises:
            ProviderError: The service failed.
        """
        ...


@runtime_checkable
class Embedder(Protocol):
    """A function from texts to unit vectors.

    An optional `aembed` with the same parameters makes it natively awaitable. A model that embeds queries differently
    from memories has an optional `embed_queries` (and `aembed_queries`) with the same parameters, which searches call
    instead of `embed`.
    """

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Provider, model and dimensions in one string; two embedders with the same one give interchangeable vectors.

        Every opening of a memory reads it.
        """
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), dimensions)`, each of unit length.

        Raises:
            ProviderError: The service failed.
        """
        ...


@runtime_checkable
class Reranker(Protocol):
    """A model that scores how well texts answer a query.

    An optional `ascore` with the same parameters makes it natively awaitable.
    """

    def score(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return one relevance in 0..1 for each of `texts`, higher is better.

        Raises:
            ProviderError: The service failed.
            UnreadableReply: It answered without readable scores; the search keeps its own order.
        """
        ...


Role = Literal["llm", "embedder", "reranker"]


Spec = Mapping[str, object]
"""`{"provider": name, "config": {...}}`, with the names of Holdfast or of Mem0 for the settings."""
