"""What a store is: the one source of truth. Everything else, such as the index, is derived from its changes."""

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
"""The setting that holds the store's own random id, set when the store is created."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index needs of a memory; stored with it, so that opening a store never embeds or tokenises.

    Attributes:
        vector: Shape `(dimensions,)`, float32, unit length.
        terms: Shape `(n,)`, uint32: the hashed stems of its words, repetitions included.
        embedder: The embedder that made the vector; `None` leaves the check against the store's embedder out.
    """

    vector: NDArray[np.float32]
    terms: NDArray[np.uint32]
    embedder: Embedder | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One entry in the history of a memory.

    Attributes:
        number: The number of the change, in one sequence for the whole store.
        old: The memory before the change; `None` for the one that made it, or when it is pruned.
        new: The memory after the change; `None` for a deletion.
        happened_at: When the change was observed, microseconds since 1970 in UTC.
        recorded_at: When the store recorded it, microseconds since 1970 in UTC.
    """

    number: int
    memory_id: str
    event: Event
    old: MemoryRecord | None
    new: MemoryRecord | None
    created_at: int
    happened_at: int
    recorded_at: int
    actor_id: str | None
    role: str | None

    @property
    def old_text(self) -> str | None:
        """The text before the change, `None` without one."""
        return None if self.old is None else self.old.text

    @property
    def new_text(self) -> str | None:
        """The text after the change, `None` without one."""
        return None if self.new is None else self.new.text


@dataclass(frozen=True, slots=True)
class IndexBatch:
    """Some memories of the store as columns for the index, ascending by row.

    Attributes:
        rows: Shape `(n,)`, int64.
        scopes: One per row.
        expiration_dates: One per row, `YYYY-MM-DD` or `None`.
        memory_types: One per row.
        speakers: One per row, a name or `None`.
        vectors: Shape `(n, dimensions)`, float32.
        terms: One array of uint32 per row.
        deleted_rows: Rows that no longer exist.
        sequence: The number of the last change that the batches up to this one include.
        restart: Whether the index must drop everything it has read before.
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
class KeptTurn:
    """A turn that was kept beside its facts.

    Attributes:
        record: The turn.
        told: The texts, present and former, of the memories that may come from it.
    """

    record: MemoryRecord
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took out of the history: memories of which nothing remains, and versions."""

    memories: int
    versions: int


@dataclass(frozen=True, slots=True)
class Entity:
    """One user, agent, run or app that has memories, with the number of them."""

    type: str
    name: str
    count: int
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in the store that is not as it was written.

    Attributes:
        problem: A sentence for people.
        memory_id: The damaged memory; `None` when no memory is affected or its id is unreadable.
        row: The row of that memory, `None` when no memory is affected. Repair goes by the row, as the id itself may
            be damaged.
        setting: The name of the damaged setting as far as it is readable, `None` when no setting is affected.
    """

    problem: str
    memory_id: str | None = None
    row: int | None = None
    setting: str | None = None


@dataclass(slots=True)
class QueuedWrite(Generic[T]):
    """The outcome of a queued write, set by the `flush` that commits it, in whichever thread.

    >>> from holdfast.stores.sqlite.store import SqliteStore
    >>> store = SqliteStore(":memory:")
    >>> queued = store.submit(lambda transaction: transaction.has_memories(Scope(user_id="ana")))
    >>> store.flush()
    >>> queued.result()
    False
    """

    value: T | None = None
    failure: BaseException | None = None
    is_done: bool = False

    def result(self) -> T:
        """Return what the work returned, or raise what it raised.

        Raises:
            RuntimeError: The write was not flushed yet.
        """
        if self.failure is not None:
            raise self.failure
        if not self.is_done:
            raise RuntimeError("the write was queued and not flushed yet")
        return self.value  # type: ignore[return-value]


class Transaction(Protocol):
    """The operations available inside one write. All of them take effect, or none.

    Attributes:
        written: What this call has inserted so far, or updated with a new index entry.
    """

    written: list[tuple[MemoryRecord, IndexEntry]]

    def get(self, memory_id: str) -> MemoryRecord | None:
        """Return the memory as this transaction sees it, `None` if there is none."""
        ...

    def select(self, filters: Filter) -> list[MemoryRecord]:
        """Return the memories that match `filters` as this transaction sees them, newest first."""
        ...

    def has_memories(self, scope: Scope) -> bool:
        """Return whether any memory has all ids of `scope`."""
        ...

    def last_sequence(self) -> int:
        """Return the number of the store's last change, 0 for none."""
        ...

    def written_since(self, sequence: int, scope: Scope) -> list[tuple[MemoryRecord, IndexEntry]]:
        """Return the memories with all ids of `scope` that were inserted or updated after change `sequence`."""
        ...

    def insert(
        self, record: MemoryRecord, index_entry: IndexEntry, *, content_hash: bytes, sources: Sequence[int] = ()
    ) -> str | None:
        """Insert a new memory, unless another one has the same `content_hash`: then return that one's id.

        A deleted memory may be inserted again under its old id; its history continues.

        Args:
            record: The memory.
            index_entry: Its vector and terms.
            content_hash: 16 bytes that duplicates share (see `holdfast.retrieval.index_text.content_hash`).
            sources: The number of the source message it comes from (see `insert_messages`); several in a row when it
                comes from one of them and nobody knows which.
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
        """Replace `old` by `new` and keep `old` in the history; without an `index_entry` the vector stays.

        Raises:
            NotFound: There is no such memory any more.
        """
        ...

    def link_sources(self, memory_id: str, sources: Sequence[int]) -> None:
        """Add source messages to a known memory that repeat it; without effect when there is no such memory."""
        ...

    def delete(self, record: MemoryRecord, *, happened_at: int, recorded_at: int) -> None:
        """Delete a memory, its vector and its source messages; its last text stays in the history.

        Raises:
            NotFound: There is no such memory any more.
        """
        ...

    def insert_messages(self, scope: Scope, messages: Sequence[SourceMessage], *, recorded_at: int) -> list[int]:
        """Store source messages; return their numbers."""
        ...

    def count_messages(self) -> int:
        """Return how many source messages there are."""
        ...

    def delete_uncited_messages(self, scope: Scope) -> None:
        """Delete the messages of exactly this scope that are not known to be the source of a memory."""
        ...

    def delete_messages(self, ids: Mapping[str, str], *, before: int | None = None) -> None:
        """Delete the messages of every scope that has all of `ids`, by field name.

        Args:
            ids: Empty for all scopes.
            before: Only what was said before this moment, microseconds since 1970.
        """
        ...

    def list_kept_turns(self, record: MemoryRecord) -> list[MemoryRecord]:
        """Return the turns kept beside their facts that the memory may come from."""
        ...

    def list_turns_kept_with(self, turn: MemoryRecord) -> list[KeptTurn]:
        """Return the turns that were kept in the same add as `turn`, this one included."""
        ...

    def find_rows(self, filters: Filter) -> list[int]:
        """Return the rows of memories that match `filters`, and of deleted ones that did when they were deleted."""
        ...

    def find_rows_of(self, memory_id: str) -> list[int]:
        """Return the row of a memory, and those it had before it was deleted."""
        ...

    def erase_history(self, rows: Sequence[int], *, ids: Sequence[str], recorded_at: int) -> Erased:
        """Delete every version of the memories in `rows`, and of the turns kept in the adds they come from.

        Of memories that exist only the present state remains. `Store.scrub` takes the words out of the file itself.

        Args:
            rows: See `find_rows`.
            ids: What repair has set aside goes as well when it has all of these ids, of a scope or of a memory.
            recorded_at: The time of this call.
        """
        ...

    def prune_history(
        self, *, keep: int | None, before: int | None, rows: Sequence[int] | None, recorded_at: int
    ) -> int:
        """Delete former states of memories; return how many.

        Args:
            keep: How many of each memory stay at most, the newest ones; `None` for any number.
            before: Those replaced before this moment go, microseconds since 1970; `None` for any age.
            rows: Only of memories in these rows; `None` for all.
            recorded_at: The time of this call.
        """
        ...

    def get_setting(self, name: str) -> Any:
        """Return a store-wide setting, `None` if it was never set.

        Raises:
            StorageError: The setting is damaged.
        """
        ...

    def set_settings(self, settings: Mapping[str, Any]) -> None:
        """Set store-wide settings, JSON values by name."""
        ...

    def clear(self, *, recorded_at: int) -> None:
        """Delete every memory, version and message; settings stay, and the change sequence goes on."""
        ...

    def external_write_token(self) -> int:
        """Return a number that changes whenever another connection has written; takes about a microsecond."""
        ...

    def begin_reembedding(self, fingerprint: str) -> None:
        """Start, or resume, staging the vectors of another embedder. Vectors staged for a different one are dropped."""
        ...

    def stage_vectors(
        self, fingerprint: str, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[IndexEntry]
    ) -> None:
        """Store vectors of the new embedder next to the current ones, which searches still use.

        Raises:
            StorageError: A re-embedding with another embedder has started since.
        """
        ...

    def restore_vectors(
        self, memories: Sequence[tuple[int, MemoryRecord]], entries: Sequence[IndexEntry], *, recorded_at: int
    ) -> None:
        """Store vectors of `memories` that lack one and have not changed since they were read."""
        ...

    def adopt_vectors(self, fingerprint: str, *, recorded_at: int) -> int | None:
        """Replace all vectors by the staged ones; return how many, or `None` while some memory has no staged one.

        Raises:
            StorageError: A re-embedding with another embedder has started since.
        """
        ...


class Store(Protocol):
    """Records, vectors, versions, source messages, settings and the change sequence.

    Every method may be called from any thread. Every failure to read or write raises a `StorageError`; so does a
    record whose checksum does not match, which is never returned.

    Attributes:
        path: Where the store is, for people.
        index_lock: Held while anything derived from the store, such as its index, is read or brought up to date. A fork
            takes it before the store's own locks, in the order every search takes them.
    """

    path: str
    index_lock: threading.RLock

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction and return its result once that is durable."""
        ...

    def submit(self, work: Callable[[Transaction], T]) -> QueuedWrite[T]:
        """Queue `work` for the next `flush`. Queued calls commit together; each takes effect whole or not at all."""
        ...

    def flush(self) -> None:
        """Commit what is queued."""
        ...

    def get_setting(self, name: str) -> Any:
        """Return a store-wide setting, `None` if it was never set.

        Raises:
            StorageError: The setting is damaged.
        """
        ...

    def change_token(self) -> object:
        """Return a token that differs after any write by anyone; takes microseconds."""
        ...

    def get(self, memory_ids: Sequence[str]) -> dict[str, MemoryRecord]:
        """Return those of the memories that exist, by id."""
        ...

    def get_rows(self, rows: Sequence[int]) -> dict[int, MemoryRecord]:
        """Return those of the memories that exist, by row."""
        ...

    def select(self, filters: Filter, *, limit: int | None = None, offset: int = 0) -> list[MemoryRecord]:
        """Return the memories that match `filters`, newest first."""
        ...

    def count(self, filters: Filter) -> int:
        """Return how many memories match `filters`."""
        ...

    def find_rows(self, filters: Filter) -> NDArray[np.int64]:
        """Return the rows of the memories that match `filters`, ascending."""
        ...

    def list_versions(self, memory_id: str) -> list[Version]:
        """Return every version of a memory, oldest first; empty when the id was never used."""
        ...

    def get_before_change(self, memory_id: str, number: int) -> MemoryRecord | None:
        """Return the memory as it was before change `number`; `None` when that change inserted it.

        Raises:
            NotFound: The memory has no such version.
        """
        ...

    def find_duplicates(self, content_hashes: Sequence[bytes], *, today: str) -> dict[bytes, str]:
        """Return the ids of memories, not expired by `today` (`YYYY-MM-DD`), by those of `content_hashes` they have."""
        ...

    def list_recent_messages(self, scope: Scope, limit: int) -> list[SourceMessage]:
        """Return the last `limit` source messages of exactly this scope, oldest first."""
        ...

    def list_entities(self) -> list[Entity]:
        """Return the users, agents, runs and apps that have memories, the most recently changed first."""
        ...

    def index_batches(self, since: int) -> Iterator[IndexBatch]:
        """Yield what changed after change `since`, in batches of one consistent state even while others write.

        Raises:
            StorageError: The store has not reached change `since`: another file has replaced it.
        """
        ...

    def count_memories_to_embed(self) -> int:
        """Return how many memories have no staged vector of the new embedder."""
        ...

    def list_memories_to_embed(self, *, after: int, limit: int) -> list[tuple[int, MemoryRecord]]:
        """Return memories without a staged vector in rows above `after`, each with its row, ascending."""
        ...

    def get_change_id(self, sequence: int) -> str | None:
        """Return a text that identifies change `sequence`, `None` if there is no such change.

        Two stores that share a past, such as a store and its backup, differ in it from where they part.
        """
        ...

    def scrub(self) -> None:
        """Rewrite the file, so that nothing deleted remains in it, and empty its log; other reads may go on.

        Raises:
            StorageError: There is no room for the rewritten file, or another process reads the log all the time.
        """
        ...

    def find_damage(self) -> list[Damage]:
        """Read everything and return what does not match its definition, its checksum or the rows it belongs to."""
        ...

    def repair(self) -> tuple[list[Damage], int]:
        """Settle all damage that the store can settle alone, and rebuild lost database indexes.

        What cannot be saved is set aside, kept for inspection. Damaged vectors are dropped: see
        `list_memories_without_vector`. Settings stay as they are: `restore_settings` takes the values they should have.

        Returns:
            What was settled, including what showed only in the course of it, and how many repairs were made.

        Raises:
            StorageError: The store is too damaged to be repaired; nothing was changed.
        """
        ...

    def list_memories_without_vector(self, *, limit: int) -> list[tuple[int, MemoryRecord]]:
        """Return memories that lack a vector, at most `limit`, each with its row."""
        ...

    def restore_settings(self, settings: Mapping[str, Any]) -> int:
        """Replace damaged settings by those of `settings`, `None` to drop one; return how many were damaged."""
        ...

    def close(self) -> None:
        """Commit what is queued and close the store; further calls raise a `StorageError`."""
        ...
