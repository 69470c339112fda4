"""The open memory that every operation works on: its store, its engines and its search index."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from holdfast.protocols import ChatModel, Embedder, Reranker, TokenCounter
from holdfast.runtime.live_index import LiveIndex
from holdfast.runtime.token_count import TokenCount, token_count
from holdfast.stores.protocol import Store
from holdfast.timestamps import to_datetime


@dataclass(frozen=True, slots=True)
class Engines:
    """The models a memory works with. Without an `llm` the key-free rules extract and reconcile."""

    embedder: Embedder
    llm: ChatModel | None = None
    reranker: Reranker | None = None


@dataclass(frozen=True, slots=True)
class Prompts:
    """The caller's prompts; `None` and `""` keep the built-in ones."""

    extraction: str | None = None
    reconciliation: str | None = None
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The values of options that a call leaves out: see the parameters of `add` and `search` of the same names."""

    keep_turns: bool = False
    rerank: bool = False
    filter_memories: bool = False


def now_microseconds() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


def new_uuid() -> str:
    """Return a new id."""
    return str(uuid.uuid4())


@dataclass(eq=False)
class Runtime:
    """An open memory. Clock and ids are fields, so that a test can replace them.

    Attributes:
        store: The records, the one truth.
        engines: The models.
        live_index: The search index, derived from the store.
        count_tokens: The caller's own count of tokens; `None` leaves it to the chat model.
        engine_specs: How to make the engines again, without secrets; `None` where only the caller can.
        own_engines: The engines made here; they are closed with the runtime.
        clock: Returns the time in microseconds since 1970, UTC.
        new_id: Returns a new memory id.
        reembedded: Whether `reembed` has replaced the embedder the runtime was opened with.
        last_embedder_check: What the last committed write has checked (see `write_with_embedder_check`).
    """

    store: Store
    engines: Engines
    live_index: LiveIndex
    prompts: Prompts = field(default_factory=Prompts)
    count_tokens: TokenCounter | None = None
    defaults: Defaults = field(default_factory=Defaults)
    engine_specs: Mapping[str, Any] = field(default_factory=dict)
    own_engines: Sequence[object] = ()
    clock: Callable[[], int] = now_microseconds
    new_id: Callable[[], str] = new_uuid
    reembedded: bool = False
    last_embedder_check: tuple[int, ...] = ()

    def today(self) -> date:
        """Return the day in UTC."""
        return to_datetime(self.clock()).date()

    @property
    def tokens(self) -> TokenCount:
        """How tokens are counted; the first use may load the chat model's tokenizer."""
        return token_count(self.count_tokens, self.engines.llm)

    def adopt_embedder(self, embedder: Embedder, *, spec: Any, own: bool) -> None:
        """Use the embedder that the store's vectors now come from; writes under way with another embedder fail.

        Args:
            embedder: The new embedder.
            spec: How to make it again, `None` where only the caller can.
            own: Whether it was made here, to be closed with this runtime.
        """
        with self.store.index_lock:
            if own and embedder is not self.engines.embedder:
                self.own_engines = (*self.own_engines, embedder)
            self.engines = replace(self.engines, embedder=embedder)
            self.engine_specs = {**self.engine_specs, "embedder": spec}
            self.reembedded = True
            self.last_embedder_check = ()
            self.live_index.embedder = embedder
            self.live_index.drop()

    def close(self) -> None:
        """Save the index where that pays, and close the store and the engines made here."""
        with self.store.index_lock:
            self.live_index.save()
            self.store.close()
        for engine in self.own_engines:
            if hasattr(engine, "close"):
                engine.close()

    async def aclose_engines(self) -> None:
        """Close the connections that the engines made here hold on the running event loop."""
        for engine in self.own_engines:
            if hasattr(engine, "aclose"):
                await engine.aclose()
