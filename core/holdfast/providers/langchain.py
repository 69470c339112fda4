"""Any LangChain chat model as the chat model, any LangChain `Embeddings` as the embedder.

Their objects are known by what they can do, so nothing here imports LangChain: whoever has such an object has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ConfigError, ProviderError, UnreadableReply
from holdfast.protocols import ChatMessage, JsonObject
from holdfast.providers.openai import json_in_words
from holdfast.providers.presets import NATIVE_DIMENSIONS
from holdfast.providers.tokenizers import tokenizer_of

_PROVIDER = "langchain"
_NAMES = ("model", "model_name", "model_id", "deployment", "repo_id")
_PROBE = "How long is a vector?"


class LangChainChat:
    """A chat model that LangChain speaks to.

    How it is asked (temperature, length, retries) is a matter of the object itself.

    Args:
        model: A LangChain chat model, or any runnable that takes messages and gives a message or text.

    Raises:
        ConfigError: It has no `invoke`.
    """

    provider = _PROVIDER

    def __init__(self, model: Any = None) -> None:
        if not callable(getattr(model, "invoke", None)):
            raise ConfigError(f"model is {_kind(model)}: give a LangChain chat model, such as ChatOpenAI(...)")
        self._model = model
        self.model = _name(model)

    def __repr__(self) -> str:
        return f"LangChainChat({self.model!r})"

    def complete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer `messages`; a JSON `schema` is asked for in words, which every model understands.

        Raises:
            UnreadableReply: The model said nothing.
        """
        return _text(self._model.invoke(_asking(messages, schema)))

    async def acomplete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer `messages` as `complete` does, without blocking the event loop."""
        return _text(await self._model.ainvoke(_asking(messages, schema)))

    def count_tokens(self, text: str) -> int | None:
        """Return how many tokens `text` has, `None` where that cannot be told without fetching a tokenizer.

        The object's `custom_get_token_ids` is asked, else what lies on this machine for the model of that name. Its
        `get_num_tokens` is not: most classes fetch tiktoken's or GPT-2's tables with it, or ask their service.
        """
        own = getattr(self._model, "custom_get_token_ids", None)
        if callable(own):
            return len(own(text))
        counter = tokenizer_of(self.model)
        return None if counter is None else counter(text)


class LangChainEmbeddings:
    """An embedder that LangChain speaks to.

    Args:
        model: An object with LangChain's `embed_documents`.
        dimensions: Length of its vectors. When left out, what the object says or what is known of its model is taken;
            failing both, the object is asked for one vector.

    Raises:
        ConfigError: It has no `embed_documents`, or `dimensions` is no whole number above 0.
        ProviderError: It was asked for a vector, and failed.
    """

    provider = _PROVIDER

    def __init__(self, model: Any = None, *, dimensions: int | None = None) -> None:
        if not callable(getattr(model, "embed_documents", None)):
            raise ConfigError(f"model is {_kind(model)}: give a LangChain Embeddings, such as OpenAIEmbeddings(...)")
        self._model = model
        self.model = _name(model)
        self.dimensions = _length(model, self.model, dimensions)
        self.fingerprint = f"{_PROVIDER}:{self.model}:{self.dimensions}"

    def __repr__(self) -> str:
        return f"LangChainEmbeddings({self.fingerprint!r})"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), dimensions)`, each of unit length."""
        return _unit(self._model.embed_documents(list(texts)), self.dimensions)

    async def aembed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` as `embed` does, without blocking the event loop."""
        return _unit(await self._model.aembed_documents(list(texts)), self.dimensions)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` to search with, which some models prepare in another way."""
        if not hasattr(self._model, "embed_query"):
            return self.embed(texts)
        return _unit([self._model.embed_query(text) for text in texts], self.dimensions)

    async def aembed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` as `embed_queries` does, without blocking the event loop."""
        if not hasattr(self._model, "aembed_query"):
            return await self.aembed(texts)
        return _unit([await self._model.aembed_query(text) for text in texts], self.dimensions)


def is_chat_model(value: object) -> bool:
    """Return whether `value` is a chat model of LangChain's kind, and none of ours."""
    return hasattr(value, "invoke") and not hasattr(value, "complete")


def is_embeddings(value: object) -> bool:
    """Return whether `value` embeds in LangChain's words, and not in ours."""
    return hasattr(value, "embed_documents") and not hasattr(value, "embed")


def _asking(messages: Sequence[ChatMessage], schema: JsonObject | None) -> list[dict[str, str]]:
    """Return `messages` for LangChain; several services refuse a second system message, so there stays one."""
    asked = [{"role": message["role"], "content": message["content"]} for message in messages]
    if schema is None:
        return asked
    form = json_in_words(schema)
    if not asked or asked[0]["role"] != "system":
        return [{"role": "system", "content": form}, *asked]
    return [{"role": "system", "content": f"{asked[0]['content']}\n\n{form}"}, *asked[1:]]


def _text(reply: Any) -> str:
    """Return what a message says; its content is text or, with reasoning or tool calls, a list of parts."""
    content = getattr(reply, "content", reply)
    parts = content if isinstance(content, Sequence) and not isinstance(content, str) else [content]
    text = "".join(part if isinstance(part, str) else _part_text(part) for part in parts)
    if not text.strip():
        raise UnreadableReply("the model answered with no text", provider=_PROVIDER, retryable=True)
    return text


def _part_text(part: Any) -> str:
    is_text = isinstance(part, Mapping) and part.get("type") == "text"
    return str(part.get("text") or "") if is_text else ""


def _length(model: Any, name: str, dimensions: int | None) -> int:
    said = getattr(model, "dimensions", None) if dimensions is None else dimensions
    known = NATIVE_DIMENSIONS.get(name) if said is None else said
    if known is None:
        known = _probed(model)
    if isinstance(known, bool) or not isinstance(known, int) or known < 1:
        raise ConfigError(f"dimensions is {known!r}: use a whole number above 0")
    return known


def _probed(model: Any) -> int:
    try:
        return len(model.embed_documents([_PROBE])[0])
    except Exception as error:
        raise ProviderError(
            f"the embeddings failed when asked for a first vector: {type(error).__name__}: {error}", provider=_PROVIDER
        ) from error


def _unit(vectors: Sequence[Sequence[float]], dimensions: int) -> NDArray[np.float32]:
    given = {len(vector) for vector in vectors}
    if given - {dimensions}:
        raise ProviderError(
            f"the embeddings gave vectors of {' or '.join(map(str, sorted(given)))} numbers where {dimensions} are"
            " expected: set dimensions to what the model gives",
            provider=_PROVIDER,
        )
    found = np.array(vectors, dtype=np.float32).reshape(len(vectors), dimensions)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    unit: NDArray[np.float32] = found / lengths
    return unit


def _name(model: Any) -> str:
    """Return the model's own name for itself, else its class."""
    named = (getattr(model, field, None) for field in _NAMES)
    return next((name for name in named if isinstance(name, str) and name), type(model).__name__)


def _kind(value: object) -> str:
    return "left out" if value is None else type(value).__name__
