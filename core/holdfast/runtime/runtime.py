"""What every operation works on: the engines, the store and the index kept in step with it."""

from __future__ import annotations

import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.filters import Filter, split_scope
from holdfast.index.memory_index import MemoryIndex
from holdfast.index.protocol import Index, Positions
from holdfast.index.snapshot import load_snapshot, save_snapshot
from holdfast.protocols import ChatModel, Embedder, Reranker, TokenCounter
from holdfast.records import MemoryRecord
from holdfast.runtime.embedder_guard import EMBEDDER_SETTING, ENGINES_SETTING, embedder_setting, require_same_embedder
from holdfast.runtime.token_count import TokenCount, token_count
from holdfast.stores.protocol import IndexBatch, IndexEntry, Store, Transaction


@dataclass(frozen=True, slots=True)
class Engines:
    """The models a memory works with. Without an `llm` the key-free rules decide."""

    embedder: Embedder
    llm: ChatModel | None = None
    reranker: Reranker | None = None


@dataclass(frozen=True, slots=True)
class Prompts:
    """The caller's own words in the place of ours; empty means ours."""

    extraction: str | None = None
    reconciliation: str | None = None
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What calls do that do not say: see the parameters of `add` and `search` of the same names."""

    keep_turns: bool = False
    rerank: bool = False
    filter_memories: bool = False


def now_microseconds() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


def new_uuid() -> str:
    """Return a fresh id."""
    return str(uuid.uuid4())


@dataclass(eq=False)
class Runtime:
    """A store, its index and the engines, with clock and ids as parts that can be replaced.

    Attributes:
        snapshot: Where the index is kept between runs, `None` for a store without a file.
        count_tokens: The caller's own count of tokens; `None` leaves it to the chat model.
        engine_specs: How to make the engines again, without secrets; `None` where only the caller can.
        own_engines: Those that were made for this runtime, and are closed with it.
        reembedded: Whether the embedder is another than the runtime was made with.
        lock: Held while the index is read or brought up to date, never across a model call.
    """

    store: Store
    engines: Engines
    snapshot: Path | None = None
    prompts: Prompts = field(default_factory=Prompts)
    count_tokens: TokenCounter | None = None
    defaults: Defaults = field(default_factory=Defaults)
    engine_specs: Mapping[str, Any] = field(default_factory=dict)
    own_engines: Sequence[object] = ()
    clock: Callable[[], int] = now_microseconds
    new_id: Callable[[], str] = new_uuid
    lock: threading.RLock = field(default_factory=threading.RLock)
    reembedded: bool = False
    _index: MemoryIndex | None = None
    _seen: object = None
    _snapshot_sequence: int = 0
    _admitting: tuple[int, ...] = ()
    _admitted: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _open_runtimes.add(self)

    def today(self) -> date:
        """Return the day in UTC."""
        return datetime.fromtimestamp(self.clock() / 1_000_000, tz=timezone.utc).date()

    @property
    def tokens(self) -> TokenCount:
        """How tokens are counted; asking may take a moment, as the chat model may load its tokenizer."""
        return token_count(self.count_tokens, self.engines.llm)

    def index(self) -> Index:
        """Return the index as of the last committed change, by this process or another. Call it under `lock`."""
        state = self.store.change_token()
        if self._index is None:
            self.check_embedder()
            self._index = self._load_index()
        if state != self._seen:
            try:
                self._index.apply(self._news(self._index.sequence))
            except BaseException:
                self._index = self._seen = None  # half a change was taken in
                raise
            self._seen = state
        return self._index

    def _news(self, since: int) -> Iterator[IndexBatch]:
        for part in self.store.index_batches(since):
            if part.restart:  # after which the vectors may be another embedder's
                self.check_embedder()
            yield part

    def candidates(self, index: Index, matching: Filter, *, show_expired: bool = False) -> Positions:
        """Return the positions a search looks at: what matches, and nothing else."""
        today = None if show_expired else self.today()
        ids, rest = split_scope(matching)
        if rest is None:
            return index.filter_current(index.find_positions(ids), today=today)
        return index.filter_current(index.positions_of_rows(self.store.find_rows(matching)), today=today)

    def records_at(self, index: Index, positions: Sequence[int] | NDArray[np.int64]) -> list[MemoryRecord | None]:
        """Return the memories at `positions`, in order; `None` where one has gone meanwhile."""
        rows = [int(row) for row in index.rows_at(np.asarray(positions, dtype=np.int64))]
        records = self.store.get_rows(rows)
        return [records.get(row) for row in rows]

    def check_embedder(self) -> None:
        """See that the store's vectors come from the embedder at hand.

        Raises:
            EmbedderMismatch: They come from another one.
            StorageError: Where they come from is damaged.
        """
        require_same_embedder(self.store.get_setting(EMBEDDER_SETTING), self.engines.embedder)

    def admit(self, transaction: Transaction, entries: Iterable[IndexEntry]) -> None:
        """See that vectors on their way into the store come from the embedder its others come from.

        With the first ones it is noted which that is, and which engines are at work.

        Raises:
            EmbedderMismatch: They come from another one: the store was re-embedded since they were made.
        """
        makers = {id(entry.embedder): entry.embedder for entry in entries if entry.embedder is not None}
        admission = (transaction.external_write_token(), *makers)
        if admission == self._admitted:
            return
        recorded = transaction.get_setting(EMBEDDER_SETTING)
        for maker in makers.values():
            require_same_embedder(recorded, maker)
        if not self._admitted:
            self.record_engines(transaction)
        self._admitting = admission

    def admission_is_kept(self) -> None:
        """Take note that what `admit` saw was committed."""
        self._admitted = self._admitting

    def record_engines(self, transaction: Transaction) -> None:
        """Note which embedder the store's vectors come from, and which engines are at work."""
        transaction.set_settings(
            {EMBEDDER_SETTING: embedder_setting(self.engines.embedder), ENGINES_SETTING: dict(self.engine_specs)}
        )

    def adopt_embedder(self, embedder: Embedder, *, spec: Any, own: bool) -> None:
        """Go on with the embedder that the store's vectors come from by now; what is under way with another fails.

        Args:
            embedder: Which.
            spec: How to make it again, `None` where only the caller can.
            own: Whether it was made here, to be closed with this runtime.
        """
        with self.lock:
            if own and embedder is not self.engines.embedder:
                self.own_engines = (*self.own_engines, embedder)
            self.engines = replace(self.engines, embedder=embedder)
            self.engine_specs = {**self.engine_specs, "embedder": spec}
            self.reembedded = True
            self._admitted = ()
            self.drop_index()

    def drop_index(self) -> None:
        """Drop the index and its snapshot; the next search builds it from the store."""
        with self.lock:
            self._index, self._seen, self._snapshot_sequence = None, None, 0
            if self.snapshot is not None:
                self.snapshot.unlink(missing_ok=True)

    def close(self) -> None:
        """Keep the index for the next start where that pays, and let go of the store."""
        with self.lock:
            if self._index is not None and self.snapshot is not None:
                save_snapshot(self.snapshot, self._index, self.store, since=self._snapshot_sequence)
            self.store.close()
        for engine in self.own_engines:
            if hasattr(engine, "close"):
                engine.close()

    async def aclose_engines(self) -> None:
        """Close what the engines made for this runtime hold open on the running event loop."""
        for engine in self.own_engines:
            if hasattr(engine, "aclose"):
                await engine.aclose()

    def _load_index(self) -> MemoryIndex:
        # What is recorded comes first: asking a local model for its dimensions loads it.
        vectors = self.store.get_setting(EMBEDDER_SETTING) or embedder_setting(self.engines.embedder)
        dimensions = vectors["dimensions"]
        if self.snapshot is not None:
            loaded = load_snapshot(self.snapshot, self.store, dimensions=dimensions)
            if loaded is not None:
                self._snapshot_sequence = loaded.sequence
                return loaded
        return MemoryIndex(dimensions)


_open_runtimes: weakref.WeakSet[Runtime] = weakref.WeakSet()


def _lock_all() -> None:
    for runtime in list(_open_runtimes):
        runtime.lock.acquire()


def _release_all() -> None:
    for runtime in list(_open_runtimes):
        runtime.lock.release()


if hasattr(os, "register_at_fork"):
    # No index is forked while another thread changes it.
    os.register_at_fork(before=_lock_all, after_in_parent=_release_all, after_in_child=_release_all)
