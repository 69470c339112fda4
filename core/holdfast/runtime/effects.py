"""Flows: each operation is written once, as a generator that yields what takes time and is sent the result.

A flow yields effects: a model call, local work, a write. By itself it neither blocks nor awaits. `blocking_driver`
and `async_driver` run it, one with blocking calls and one with awaits. Errors of an effect are thrown into the flow.

>>> from holdfast.runtime.blocking_driver import run_blocking
>>> def add_up(numbers: list[int]) -> Flow[int]:
...     return (yield from work(sum, numbers))
>>> run_blocking(add_up([1, 2, 3]))
6
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from typing_extensions import ParamSpec

from holdfast.errors import DimensionMismatch, ProviderError
from holdfast.extraction.messages import reply_text
from holdfast.protocols import ChatMessage, ChatModel, Embedder, JsonObject, Reranker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holdfast.stores.protocol import Store, Transaction

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class ModelCall:
    """Call an engine, which may take a second. Without `acall` the async driver runs `call` in a thread."""

    call: Callable[[], Any]
    acall: Callable[[], Awaitable[Any]] | None
    provider: str


@dataclass(frozen=True, slots=True)
class LocalWork:
    """Call a function on this machine that takes well under a second."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Write:
    """Run `work` in one transaction of `store`; the result is sent when it is durable."""

    store: Store
    work: Callable[[Transaction], Any]


Effect = ModelCall | LocalWork | Write
Flow = Generator[Effect, Any, T]
"""A generator that yields effects, is sent their results, and returns `T`."""


def complete(model: ChatModel, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> Flow[str]:
    """Return the model's reply to `messages`; of a reply in parts, the text.

    Raises:
        ProviderError: The model failed.
        UnreadableReply: The reply is not text.
    """
    reply = yield _model_call(model, "complete", messages, schema=schema)
    return reply_text(reply, _name(model))


def embed(embedder: Embedder, texts: Sequence[str]) -> Flow[NDArray[np.float32]]:
    """Return the unit vectors of `texts`, shape `(len(texts), embedder.dimensions)`.

    Without texts the embedder is not called.

    Raises:
        ProviderError: The embedder failed, or returned numbers that are not finite.
        DimensionMismatch: It returned another shape.
    """
    if not texts:
        return np.zeros((0, embedder.dimensions), dtype=np.float32)
    vectors = yield _model_call(embedder, "embed", list(texts))
    return _unit_vectors(vectors, len(texts), embedder)


def embed_query(embedder: Embedder, query: str) -> Flow[NDArray[np.float32]]:
    """Return the unit vector of a query, shape `(embedder.dimensions,)`; raises the errors of `embed`."""
    verb = "embed_queries" if hasattr(embedder, "embed_queries") else "embed"
    vectors = yield _model_call(embedder, verb, [query])
    unit: NDArray[np.float32] = _unit_vectors(vectors, 1, embedder)[0]
    return unit


def score_relevance(reranker: Reranker, query: str, texts: Sequence[str]) -> Flow[list[float]]:
    """Return how well each of `texts` answers `query`, 0..1; without texts the reranker is not called.

    Raises:
        ProviderError: The reranker failed, or did not return one number in 0..1 per text.
        UnreadableReply: No scores can be read from the answer of its model.
    """
    if not texts:
        return []
    scores = yield _model_call(reranker, "score", query, list(texts))
    return _unit_scores(scores, len(texts), reranker)


def work(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Flow[T]:
    """Return `function(*args, **kwargs)`, called as local work."""
    result: T = yield LocalWork(functools.partial(function, *args, **kwargs))
    return result


def write(store: Store, task: Callable[[Transaction], T]) -> Flow[T]:
    """Return `task(transaction)` once it is durable."""
    result: T = yield Write(store, task)
    return result


def _model_call(engine: object, verb: str, *args: Any, **kwargs: Any) -> ModelCall:
    awaitable = getattr(engine, f"a{verb}", None)
    return ModelCall(
        call=functools.partial(getattr(engine, verb), *args, **kwargs),
        acall=functools.partial(awaitable, *args, **kwargs) if awaitable is not None else None,
        provider=_name(engine),
    )


def _name(engine: object) -> str:
    return str(getattr(engine, "provider", type(engine).__name__))


def _unit_vectors(values: Any, count: int, embedder: Embedder) -> NDArray[np.float32]:
    try:
        vectors = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ProviderError(f"the embedder returned no numbers: {error}", provider=_name(embedder)) from error
    if vectors.shape != (count, embedder.dimensions):
        raise DimensionMismatch(
            f"{_name(embedder)} returned vectors of shape {vectors.shape}, expected {(count, embedder.dimensions)}:"
            " set its `dimensions` to what the model gives"
        )
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    if not np.isfinite(lengths).all():
        raise ProviderError("the embedder returned numbers that are not finite", provider=_name(embedder))
    lengths[lengths == 0] = 1
    unit: NDArray[np.float32] = vectors / lengths[:, np.newaxis]
    return unit


_ROUNDING = 1e-3  # further outside 0..1 than this a score is on another scale, not a rounding error


def _unit_scores(values: Any, count: int, reranker: Reranker) -> list[float]:
    try:
        scores = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProviderError(f"the reranker returned no numbers: {error}", provider=_name(reranker)) from error
    if scores.shape != (count,):
        raise ProviderError(
            f"the reranker returned scores of shape {scores.shape}, expected {(count,)}", provider=_name(reranker)
        )
    if not ((scores >= -_ROUNDING) & (scores <= 1 + _ROUNDING)).all():
        raise ProviderError(
            f"the reranker returned {scores.min():g} to {scores.max():g}: scores must lie in 0..1 (a sigmoid brings"
            " unbounded ones there)",
            provider=_name(reranker),
        )
    within: list[float] = scores.clip(0.0, 1.0).tolist()
    return within
