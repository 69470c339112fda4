"""The open memory that every operation works on: its store, its engines and its search index."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from holdfast.protocols import ChatModel, Embedder, Reranker, TokenCounter
from holdfast.runtime.effects import Flow, write
from holdfast.runtime.embedder_guard import EMBEDDER_SETTING, engine_settings, require_same_embedder
from holdfast.runtime.live_index import LiveIndex
from holdfast.runtime.recent_writes import RecentWrites
from holdfast.runtime.token_count import TokenCount, token_count
from holdfast.stores.protocol import IndexEntry, Store, Transaction
from holdfast.timestamps import to_datetime

T = TypeVar("T")


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
        adoptions: How often this process has replaced all vectors, counted inside the transaction that does it.
        recent_writes: What this process has written lately.
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
    adoptions: int = 0
    recent_writes: RecentWrites = field(default_factory=RecentWrites)
    last_embedder_check: tuple[int, ...] = ()

    def today(self) -> date:
        """Return the day in UTC."""
        return to_datetime(self.clock()).date()

    @property
    def tokens(self) -> TokenCount:
        """How tokens are counted; the first use may load the chat model's tokenizer."""
        return token_count(self.count_tokens, self.engines.llm)

    def write_with_embedder_check(self, task: Callable[[Transaction], T], entries: Iterable[IndexEntry]) -> Flow[T]:
        """Run `task` in one transaction and return its result once it is durable.

        The transaction first checks that the vectors of `entries` come from the store's embedder: another process may
        have re-embedded the store since they were made. The first write of a process records its engines.

        Raises:
            EmbedderMismatch: The vectors come from another embedder; nothing was written.
        """
        embedders = {id(entry.embedder): entry.embedder for entry in entries if entry.embedder is not None}

        def checked(transaction: Transaction) -> tuple[T, tuple[int, ...]]:
            # The token costs 1 µs, the setting 16 µs: while no other process has written, and this one has not
            # re-embedded, the last check holds.
            check = (transaction.external_write_token(), self.adoptions, *embedders)
            if check != self.last_embedder_check:
                recorded = transaction.get_setting(EMBEDDER_SETTING)
                for embedder in embedders.values():
                    require_same_embedder(recorded, embedder)
                if not self.last_embedder_check:
                    transaction.set_settings(engine_settings(self.engines.embedder, self.engine_specs))
            before = transaction.last_sequence()
            result = task(transaction)
            self.recent_writes.note(before, transaction.last_sequence(), transaction.written)
            return result, check

        # Only a committed check is remembered: one that was rolled back has recorded nothing.
        result, self.last_embedder_check = yield from write(self.store, checked)
        return result

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

    def scrub(self) -> None:
        """Take what was deleted out of every file: the snapshot of the index, the store and its log.

        Raises:
            StorageError: See `Store.scrub`; call it again to finish.
        """
        self.live_index.drop_snapshot()
        self.store.scrub()

    def close(self) -> None:
        """Save the index where that pays, and close the store and the engines made here."""
        with self.store.index_lock:
            try:
                self.live_index.save()
            finally:
                self.store.close()
        for engine in self.own_engines:
            if hasattr(engine, "close"):
                engine.close()

    async def aclose_engines(self) -> None:
        """Close the connections that the engines made here hold on the running event loop."""
        for engine in self.own_engines:
            if hasattr(engine, "aclose"):
                await engine.aclose()
