"""Where memories are kept. A store is the one truth; everything else is derived from its change sequence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from holdfast.filters import Filter
from holdfast.protocols import Embedder
from holdfast.records import Event, MemoryRecord, SourceMessage
from holdfast.scope import Scope

T = TypeVar("T")

STORE_ID_SETTING = "store_id"
"""The setting that tells a store from every other; made with it."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index needs of a memory, kept with the record so that opening never embeds or tokenises.

    Attributes:
        vector: Shape `(dimensions,)`, float32, unit length.
        terms: Shape `(n,)`, uint32: the hashed stems of its words, repetitions kept.
        embedder: Who made the vector; `None` where nobody asks.
    """

    vector: NDArray[np.float32]
    terms: NDArray[np.uint32]
    embedder: Embedder | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One line of a memory's history.

    Attributes:
        number: Its place in the store's change sequence.
        happened_at: When the change was observed, microseconds UTC.
        recorded_at: When the store heard of it, microseconds UTC.
    """

    number: int
    memory_id: str
    event: Event
    old_text: str | None
    new_text: str | None
    created_at: int
    happened_at: int
    recorded_at: int
    actor_id: str | None
    role: str | None


@dataclass(frozen=True, slots=True)
class IndexBatch:
    """Some rows of the store as the index wants them, ascending by row.

    Attributes:
        rows: Shape `(n,)`, int64.
        scopes: One per row.
        expiration_dates: One per row, `YYYY-MM-DD` or `None`.
        memory_types: One per row.
        speakers: One per row, a name or `None`.
        vectors: Shape `(n, dimensions)`, float32.
        terms: One array of uint32 per row.
        deleted_rows: Rows that are no longer there.
        sequence: The change up to which these entries tell the truth.
        restart: Whether whatever was read before holds no more.
    """

    rows: NDArray[np.int64]
    scopes: Sequence[Scope]
    expiration_dates: Sequence[str | None]
    memory_types: Sequence[str]
    speakers: Sequence[str | None]
    vectors: NDArray[np.float32]
    terms: Sequence[NDArray[np.uint32]]
    deleted_rows: Sequence[int]
    sequence: int
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """One user, agent, run or app that has memories."""

    type: str
    name: str
    count: int
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in the store that is not as it was written.

    Attributes:
        memory_id: The memory concerned, `None` when it cannot be told.
        row: Its row, `None` when no memory is concerned; the id may be what is damaged.
        setting: The name of the store-wide setting concerned, `None` when none is; it may be what is damaged.
        problem: A sentence for people.
    """

    problem: str
    memory_id: str | None = None
    row: int | None = None
    setting: str | None = None


@dataclass(slots=True)
class QueuedWrite(Generic[T]):
    """What became of a queued write: known once a `flush` of its store has returned, whoever committed it."""

    value: T | None = None
    failure: BaseException | None = None
    is_done: bool = False

    def result(self) -> T:
        """Return what the work returned, or raise what it raised.

        Raises:
            RuntimeError: It was not flushed yet.
        """
        if self.failure is not None:
            raise self.failure
        if not self.is_done:
            raise RuntimeError("the write was queued and not flushed yet")
        return self.value  # type: ignore[return-value]


class Transaction(Protocol):
    """What may be done inside one write. All of it happens, or none."""

    def get(self, memory_id: str) -> MemoryRecord | None:
        """Return the memory as this transaction sees it."""
        ...

    def select(self, matching: Filter) -> list[MemoryRecord]:
        """Return the memories that match as this transaction sees them, newest first."""
        ...

    def has_memories(self, scope: Scope) -> bool:
        """Return whether any memory carries all ids of `scope`."""
        ...

    def insert(
        self, record: MemoryRecord, index_entry: IndexEntry, *, content_hash: bytes, sources: Sequence[int] = ()
    ) -> str | None:
        """Store a new memory; return the id of the one that already has `content_hash`, and store nothing, if any.

        A removed memory may be stored again under its old id: its history goes on.
        """
        ...

    def update(
        self,
        old: MemoryRecord,
        new: MemoryRecord,
        *,
        index_entry: IndexEntry | None,
        content_hash: bytes,
        happened_at: int,
        recorded_at: int,
        sources: Sequence[int] = (),
    ) -> None:
        """Put `new` in the place of `old` and keep `old` in the history; without `index_entry` the vector stays."""
        ...

    def delete(self, record: MemoryRecord, *, happened_at: int, recorded_at: int) -> None:
        """Take a memory and its vector away; its last text stays in the history."""
        ...

    def insert_messages(self, scope: Scope, messages: Sequence[SourceMessage], *, recorded_at: int) -> list[int]:
        """Keep source messages; return their numbers."""
        ...

    def get_setting(self, name: str) -> Any:
        """Return a store-wide setting, `None` when it was never set; a damaged one is a `StorageError`."""
        ...

    def set_settings(self, settings: Mapping[str, Any]) -> None:
        """Set store-wide settings, JSON values by name."""
        ...

    def clear(self, *, recorded_at: int) -> None:
        """Remove every memory, version and message; settings and the change sequence go on."""
        ...

    def external_write_token(self) -> int:
        """Return a number that differs once another connection has written; costs a microsecond."""
        ...

    def begin_reembedding(self, fingerprint: str) -> None:
        """Make room for the vectors of another embedder; those of the same one, kept earlier, stay."""
        ...

    def stage_vectors(
        self, fingerprint: str, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[IndexEntry]
    ) -> None:
        """Keep the vectors of the embedder to come beside those there are.

        Raises:
            StorageError: It is another embedder's turn by now.
        """
        ...

    def adopt_vectors(self, fingerprint: str, *, recorded_at: int) -> int | None:
        """Put the kept vectors in the place of the others; return how many, `None` while a memory has none.

        Raises:
            StorageError: It is another embedder's turn by now.
        """
        ...


class Store(Protocol):
    """The truth: records, vectors, versions, source messages, settings and the change sequence.

    Every method may be called from any thread. Every failure to read or write is a `StorageError`; a record whose
    checksum does not hold is one too, never returned.

    Attributes:
        path: Where it is, for people.
        deriving_lock: Held by code that reads or updates what is derived from the store; a fork waits for it.
    """

    path: str
    deriving_lock: threading.RLock

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction and return its result once that is durable."""
        ...

    def submit(self, work: Callable[[Transaction], T]) -> QueuedWrite[T]:
        """Queue `work` for the next `flush`. Queued calls commit together, each whole or not at all."""
        ...

    def flush(self) -> None:
        """Commit what is queued."""
        ...

    def get_setting(self, name: str) -> Any:
        """Return a store-wide setting, `None` when it was never set; a damaged one is a `StorageError`."""
        ...

    def change_token(self) -> object:
        """Return a token that differs after any write by anyone; costs microseconds."""
        ...

    def get(self, memory_ids: Sequence[str]) -> dict[str, MemoryRecord]:
        """Return those of the memories that exist, by id."""
        ...

    def get_rows(self, rows: Sequence[int]) -> dict[int, MemoryRecord]:
        """Return those of the memories that exist, by row."""
        ...

    def select(self, matching: Filter, *, limit: int | None = None, offset: int = 0) -> list[MemoryRecord]:
        """Return the memories that match, newest first."""
        ...

    def count(self, matching: Filter) -> int:
        """Return how many memories match."""
        ...

    def find_rows(self, matching: Filter) -> NDArray[np.int64]:
        """Return the rows of the memories that match, ascending."""
        ...

    def list_versions(self, memory_id: str) -> list[Version]:
        """Return every version of a memory, oldest first; empty when the id was never used."""
        ...

    def get_before_change(self, memory_id: str, number: int) -> MemoryRecord | None:
        """Return the memory as it stood before change `number`; `None` when that change made it."""
        ...

    def find_duplicates(self, content_hashes: Sequence[bytes], *, today: str) -> dict[bytes, str]:
        """Return the ids of the memories, not expired by `today`, that have one of `content_hashes`."""
        ...

    def list_recent_messages(self, scope: Scope, limit: int) -> list[SourceMessage]:
        """Return the last source messages of exactly this scope, oldest first."""
        ...

    def list_entities(self) -> list[Entity]:
        """Return who has memories, the most recently changed first."""
        ...

    def index_batches(self, since: int) -> Iterator[IndexBatch]:
        """Yield in parts what changed after change `since`; one consistent state even while others write."""
        ...

    def count_memories_to_embed(self) -> int:
        """Return how many memories have no vector of the embedder to come."""
        ...

    def list_memories_to_embed(self, *, after: int, limit: int) -> list[tuple[int, MemoryRecord]]:
        """Return memories behind row `after` that have no vector of the embedder to come, with their rows."""
        ...

    def get_change_id(self, sequence: int) -> str | None:
        """Return what identifies change `sequence`, so that a copy can tell whether it stems from this history."""
        ...

    def find_damage(self) -> list[Damage]:
        """Read everything and report what does not match its definition, its checksum or its neighbours."""
        ...

    def repair(self, damages: Sequence[Damage]) -> int:
        """Move damaged memories out of the way, kept for inspection, and make lost indexes anew; return how many.

        Settings stay as they are: what they should be only their owner knows.
        """
        ...

    def restore_settings(self, settings: Mapping[str, Any]) -> int:
        """Put `settings` in the place of damaged ones of those names, `None` to drop one; return how many."""
        ...

    def close(self) -> None:
        """Commit what is queued and let go of the file."""
        ...


__all__ = [
    "STORE_ID_SETTING",
    "Damage",
    "Entity",
    "IndexBatch",
    "IndexEntry",
    "QueuedWrite",
    "Store",
    "Transaction",
    "Version",
]
