"""The search index of one open store, brought up to date before every use."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import HoldfastError
from holdfast.filters import Filter, split_scope
from holdfast.index.memory_index import MemoryIndex
from holdfast.index.protocol import Index, Positions
from holdfast.index.snapshot import delete_snapshot, load_snapshot, save_snapshot
from holdfast.protocols import Embedder
from holdfast.records import MemoryRecord
from holdfast.runtime.embedder_guard import EMBEDDER_SETTING, embedder_setting, require_same_embedder
from holdfast.stores.protocol import IndexBatch, Store

_log = logging.getLogger("holdfast")


class LiveIndex:
    """The index of `store` as of its last committed change, by this process or another.

    Hold `lock`, and `catch_up` gives the index. The lock is held for local work only, never across a model call: FAISS
    is not safe to read while another thread adds to it. `with` takes the lock itself, which is written in C: a context
    manager in Python may be stopped by Ctrl-C after it has taken the lock and before it can release it.

    Args:
        store: The store the index is derived from.
        embedder: The embedder whose vectors the store holds.
        snapshot: The file that keeps the index between runs, `None` for a store without a file.

    Attributes:
        lock: The store's `index_lock`.
    """

    def __init__(self, store: Store, embedder: Embedder, *, snapshot: Path | None = None) -> None:
        self.embedder = embedder
        self.lock = store.index_lock
        self._store = store
        self._snapshot = snapshot
        self._snapshot_sequence = 0
        self._index: MemoryIndex | None = None
        self._seen: object = None

    def catch_up(self) -> Index:
        """Return the index as of the last committed change; the caller holds `lock`.

        Raises:
            EmbedderMismatch: The store's vectors come from another embedder.
            StorageError: The store cannot be read.
        """
        # Read before the changes are: a write in between is caught up with twice rather than never.
        state = self._store.change_token()
        if self._index is None:
            self.check_embedder()
            self._index = self._load()
        if state != self._seen:
            changes = self._changes_since(self._index.sequence)
            try:
                self._index.apply(changes)
            except BaseException:
                self._index = self._seen = None  # half of a change was applied
                changes.close()
                raise
            self._seen = state
        return self._index

    def candidates(self, index: Index, matching: Filter, *, today: date | None) -> Positions:
        """Return the positions a search ranks, ascending: those that match and, given `today`, have not expired."""
        ids, rest = split_scope(matching)
        # The posting lists answer a filter on ids alone; anything else is a question for SQL.
        positions = (
            index.find_positions(ids) if rest is None else index.positions_of_rows(self._store.find_rows(matching))
        )
        return index.filter_current(positions, today=today)

    def records_at(self, index: Index, positions: Sequence[int] | NDArray[np.int64]) -> list[MemoryRecord | None]:
        """Return the memories at `positions`, in order; `None` for one that another process has just deleted."""
        rows = index.rows_at(np.asarray(positions, dtype=np.int64)).tolist()
        records = self._store.get_rows(rows)
        return [records.get(row) for row in rows]

    def check_embedder(self) -> None:
        """Raise unless the store's vectors come from the embedder in use.

        Raises:
            EmbedderMismatch: They come from another embedder.
            StorageError: The record of where they come from is damaged.
        """
        require_same_embedder(self._store.get_setting(EMBEDDER_SETTING), self.embedder)

    def read_snapshot(self) -> Index | None:
        """Return the index of the snapshot, as the next process would load it; `None` when it would not use one."""
        if self._snapshot is None:
            return None
        with self.lock:
            return load_snapshot(self._snapshot, self._store, dimensions=self._dimensions())

    def drop(self) -> None:
        """Drop the index and its snapshot; the next use builds it from the store."""
        with self.lock:
            self._index, self._seen = None, None
            self.drop_snapshot()

    def drop_snapshot(self) -> None:
        """Delete the snapshot, and those that a killed process left half written."""
        with self.lock:
            self._snapshot_sequence = 0
            if self._snapshot is not None:
                delete_snapshot(self._snapshot)

    def save(self) -> None:
        """Write the snapshot where that makes the next start faster."""
        with self.lock:
            if self._index is None or self._snapshot is None:
                return
            try:
                # Not the index of an earlier state: what was erased since must not come back in a file.
                self.catch_up()
                index = self._index
                saved = save_snapshot(self._snapshot, index, self._store, since=self._snapshot_sequence)
                later = self._store.index_batches(index.sequence) if saved else ()
                if any(batch.restart or batch.deleted_rows for batch in later):
                    delete_snapshot(self._snapshot)  # another process has deleted something meanwhile
            except HoldfastError as error:
                _log.warning("the index was not saved (%s): the next start builds it from the store", error)

    def _changes_since(self, sequence: int) -> Generator[IndexBatch, None, None]:
        for batch in self._store.index_batches(sequence):
            if batch.restart:  # a re-embedding restarts the index too: the vectors may be another embedder's
                self.check_embedder()
            yield batch

    def _dimensions(self) -> int:
        # The recorded dimensions come first: asking a local model for its dimensions loads the model.
        vectors = self._store.get_setting(EMBEDDER_SETTING) or embedder_setting(self.embedder)
        return int(vectors["dimensions"])

    def _load(self) -> MemoryIndex:
        dimensions = self._dimensions()
        if self._snapshot is not None:
            loaded = load_snapshot(self._snapshot, self._store, dimensions=dimensions)
            if loaded is not None:
                self._snapshot_sequence = loaded.sequence
                return loaded
        return MemoryIndex(dimensions)
