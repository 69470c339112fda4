"""Use any LangChain chat model as the chat model, and any LangChain `Embeddings` as the embedder.

LangChain's objects are recognised by their methods, so this module never imports LangChain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ConfigError, ProviderError, UnreadableReply
from holdfast.protocols import ChatMessage, JsonObject
from holdfast.providers.openai import json_request
from holdfast.providers.presets import NATIVE_DIMENSIONS
from holdfast.providers.tokenizers import tokenizer_of

_PROVIDER = "langchain"
_MODEL_NAME_FIELDS = ("model", "model_name", "model_id", "deployment", "repo_id")
_PROBE_TEXT = "How long is a vector?"


class LangChainChat:
    """A chat model of LangChain.

    Its own settings (temperature, length, retries) apply.

    Args:
        model: A LangChain chat model, or any runnable that takes messages and returns a message or a text.

    Raises:
        ConfigError: It has no `invoke`.

    >>> class Model:
    ...     def invoke(self, messages):
    ...         return messages[-1]["content"].upper()
    >>> LangChainChat(Model()).complete([{"role": "user", "content": "tea"}])
    'TEA'
    """

    provider = _PROVIDER

    def __init__(self, model: Any = None) -> None:
        if not callable(getattr(model, "invoke", None)):
            raise ConfigError(f"model is {_type_name(model)}: give a LangChain chat model, such as ChatOpenAI(...)")
        self._model = model
        self.model = _model_name(model)

    def __repr__(self) -> str:
        return f"LangChainChat({self.model!r})"

    def complete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer `messages`; a JSON `schema` becomes a part of the prompt, which every model understands.

        Raises:
            UnreadableReply: The answer has no text.
        """
        return _message_text(self._model.invoke(_to_langchain(messages, schema)))

    async def acomplete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer `messages` as `complete` does, without blocking the event loop."""
        return _message_text(await self._model.ainvoke(_to_langchain(messages, schema)))

    def count_tokens(self, text: str) -> int | None:
        """Return how many tokens `text` has, `None` if that is unknown without downloading a tokenizer.

        Uses the object's `custom_get_token_ids`, else the tokenizer on this machine for the model of that name. Not its
        `get_num_tokens`: in most classes, that downloads the tables of tiktoken or GPT-2, or calls the service.
        """
        own = getattr(self._model, "custom_get_token_ids", None)
        if callable(own):
            return len(own(text))
        counter = tokenizer_of(self.model)
        return None if counter is None else counter(text)


class LangChainEmbeddings:
    """An embedder of LangChain.

    Args:
        model: An object with LangChain's `embed_documents`.
        dimensions: The length of its vectors; `None` takes the object's own `dimensions` or the known length of its
            model, or else embeds one text to find out.

    Raises:
        ConfigError: It has no `embed_documents`, or `dimensions` is not a whole number above 0.
        ProviderError: Embedding that text failed.
    """

    provider = _PROVIDER

    def __init__(self, model: Any = None, *, dimensions: int | None = None) -> None:
        if not callable(getattr(model, "embed_documents", None)):
            raise ConfigError(
                f"model is {_type_name(model)}: give a LangChain Embeddings, such as OpenAIEmbeddings(...)"
            )
        self._model = model
        self.model = _model_name(model)
        self.dimensions = _vector_length(model, self.model, dimensions)
        self.fingerprint = f"{_PROVIDER}:{self.model}:{self.dimensions}"

    def __repr__(self) -> str:
        return f"LangChainEmbeddings({self.fingerprint!r})"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), dimensions)`, each of unit length."""
        return _to_unit_vectors(self._model.embed_documents(list(texts)), self.dimensions)

    async def aembed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` as `embed` does, without blocking the event loop."""
        return _to_unit_vectors(await self._model.aembed_documents(list(texts)), self.dimensions)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` to search with; some models embed queries differently."""
        if not hasattr(self._model, "embed_query"):
            return self.embed(texts)
        return _to_unit_vectors([self._model.embed_query(text) for text in texts], self.dimensions)

    async def aembed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` as `embed_queries` does, without blocking the event loop."""
        if not hasattr(self._model, "aembed_query"):
            return await self.aembed(texts)
        return _to_unit_vectors([await self._model.aembed_query(text) for text in texts], self.dimensions)


def is_chat_model(value: object) -> bool:
    """Return whether `value` has the methods of a LangChain chat model, and not those of `ChatModel`."""
    return hasattr(value, "invoke") and not hasattr(value, "complete")


def is_embeddings(value: object) -> bool:
    """Return whether `value` has the methods of LangChain's `Embeddings`, and not those of `Embedder`."""
    return hasattr(value, "embed_documents") and not hasattr(value, "embed")


def _to_langchain(messages: Sequence[ChatMessage], schema: JsonObject | None) -> list[dict[str, str]]:
    """Return `messages` for LangChain, with the schema in the system message: several services accept only one."""
    copied = [{"role": message["role"], "content": message["content"]} for message in messages]
    if schema is None:
        return copied
    request = json_request(schema)
    if not copied or copied[0]["role"] != "system":
        return [{"role": "system", "content": request}, *copied]
    return [{"role": "system", "content": f"{copied[0]['content']}\n\n{request}"}, *copied[1:]]


def _message_text(reply: Any) -> str:
    """Return the text of a message, or else the arguments of the tools it calls.

    Its content is a text or, with reasoning or tool calls, a list.
    """
    content = getattr(reply, "content", reply)
    parts = content if isinstance(content, Sequence) and not isinstance(content, str) else [content]
    text = "".join(part if isinstance(part, str) else _part_text(part) for part in parts)
    if text.strip():
        return text
    calls = getattr(reply, "tool_calls", None) or ()
    arguments = [json.dumps(call.get("args"), ensure_ascii=False) for call in calls if isinstance(call, Mapping)]
    if arguments:
        return "\n".join(arguments)
    raise UnreadableReply("the model answered with no text", provider=_PROVIDER, retryable=True, reply="")


def _part_text(part: Any) -> str:
    is_text = isinstance(part, Mapping) and part.get("type") == "text"
    return str(part.get("text") or "") if is_text else ""


def _vector_length(model: Any, name: str, dimensions: int | None) -> int:
    own = getattr(model, "dimensions", None) if dimensions is None else dimensions
    length = NATIVE_DIMENSIONS.get(name) if own is None else own
    if length is None:
        length = _measure_length(model)
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise ConfigError(f"dimensions is {length!r}: use a whole number above 0")
    return length


def _measure_length(model: Any) -> int:
    try:
        return len(model.embed_documents([_PROBE_TEXT])[0])
    except Exception as error:
        raise ProviderError(
            f"the embeddings failed when asked for a first vector: {type(error).__name__}: {error}", provider=_PROVIDER
        ) from error


def _to_unit_vectors(vectors: Sequence[Sequence[float]], dimensions: int) -> NDArray[np.float32]:
    lengths = {len(vector) for vector in vectors}
    if lengths - {dimensions}:
        raise ProviderError(
            f"the embeddings gave vectors of {' or '.join(map(str, sorted(lengths)))} numbers where {dimensions} are"
            " expected: set dimensions to what the model gives",
            provider=_PROVIDER,
        )
    matrix = np.array(vectors, dtype=np.float32).reshape(len(vectors), dimensions)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    norms[norms == 0] = 1
    unit: NDArray[np.float32] = matrix / norms
    return unit


def _model_name(model: Any) -> str:
    """Return the name that the model has in one of its fields, else the name of its class."""
    names = (getattr(model, field, None) for field in _MODEL_NAME_FIELDS)
    return next((name for name in names if isinstance(name, str) and name), type(model).__name__)


def _type_name(value: object) -> str:
    return "left out" if value is None else type(value).__name__
