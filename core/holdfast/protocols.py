"""What Holdfast asks of the engines it is given: three small protocols.

The blocking half alone is enough. An engine that also has the awaitable half is awaited natively by
`AsyncMemory`; one that has not is run in a thread.
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
"""How many tokens a text has."""


class ChatMessage(TypedDict):
    """One message to a chat model, in OpenAI's shape."""

    role: str
    content: str


@runtime_checkable
class ChatModel(Protocol):
    """A language model that answers a conversation with text.

    An optional `acomplete` with the same parameters makes it natively awaitable. One that knows its tokens has an
    optional `count_tokens(text) -> int`, quick and without a request, by which `context` keeps to its room; it may
    return `None` for every text when it cannot tell.
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

    An optional `aembed` with the same parameters makes it natively awaitable. A model that wants queries prepared in
    another way than what is remembered has an optional `embed_queries` (and `aembed_queries`) with the same
    parameters: searches ask it in the place of `embed`.
    """

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Provider, model and dimensions in one string; two embedders with the same one give interchangeable vectors.

        It is asked for whenever a memory is opened.
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
            UnreadableReply: It answered, but no scores can be read from it; the search keeps its own order.
        """
        ...


Role = Literal["llm", "embedder", "reranker"]


Spec = Mapping[str, object]
"""`{"provider": name, "config": {...}}`, its settings in our words or in Mem0's."""
