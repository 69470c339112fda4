"""`reembed`: replace the embedder of a store, without a moment in which a search mixes two embedders."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from holdfast.errors import InvalidInput, short_repr
from holdfast.filters import MATCH_ALL
from holdfast.operations.index_entries import embed_records
from holdfast.protocols import Embedder, Spec
from holdfast.providers.registry import embedder as embedder_of, spec_of
from holdfast.records import MemoryRecord
from holdfast.results import ReembedResult
from holdfast.runtime.effects import Flow, work, write
from holdfast.runtime.embedder_guard import engine_settings
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import IndexEntry, Transaction

_MOST_PER_BATCH = 10_000

Progress = Callable[[int, int], object]
"""Called with the number of memories that have their new vector, and the number of all memories."""


def reembed(
    runtime: Runtime,
    embedder: str | Spec | Embedder | None = None,
    *,
    batch_size: int = 100,
    progress: Progress | None = None,
) -> Flow[ReembedResult]:
    """Embed every memory with another embedder, and use that embedder from then on.

    New vectors are staged beside the old ones and replace them in one transaction once every memory has one. Until
    then everything works as before, here and in other processes. An interrupted call continues where it stopped. Other
    processes get an `EmbedderMismatch` afterwards and open the store again.

    Args:
        embedder: A preset's name, a mapping, or an embedder. By default the present one, which computes vectors and
            words again as this version of Holdfast does.
        batch_size: Memories embedded in one call, 1 to 10,000.
        progress: Called after every batch.

    Returns:
        `count` is the number of memories, `embedder` the fingerprint of their vectors.

    Raises:
        InvalidInput: `batch_size` is out of range.
        ConfigError: The embedder cannot be made.
        ProviderError: The embedder failed. Finished batches are kept for the next call, and the store keeps its old
            vectors.
        StorageError: The file cannot be written, or another process re-embeds with another embedder.

    >>> from holdfast import HashingEmbedder, Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> memory.reembed(HashingEmbedder(dimensions=64))["count"]
    1
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or not 1 <= batch_size <= _MOST_PER_BATCH:
        raise InvalidInput(
            f"batch_size is {short_repr(batch_size)}: it must be a whole number from 1 to {_MOST_PER_BATCH:,}"
        )
    new_embedder = runtime.engines.embedder if embedder is None else embedder_of(embedder)
    yield from write(runtime.store, lambda transaction: transaction.begin_reembedding(new_embedder.fingerprint))
    count: int | None = None
    while count is None:  # other processes may add memories meanwhile
        yield from _embed_missing(runtime, new_embedder, batch_size, progress)
        count = yield from work(_switch, runtime, new_embedder, own=new_embedder is not embedder)
    return {
        "message": f"Successfully re-embedded {count} memories",
        "count": count,
        "embedder": new_embedder.fingerprint,
    }


def _embed_missing(runtime: Runtime, new_embedder: Embedder, batch_size: int, progress: Progress | None) -> Flow[None]:
    """Embed every memory that has no new vector."""
    total = yield from work(runtime.store.count, MATCH_ALL)
    done = total - (yield from work(runtime.store.count_memories_to_embed))
    row = 0
    while memories := (yield from work(runtime.store.list_memories_to_embed, after=row, limit=batch_size)):
        entries = yield from embed_records(runtime, [record for _, record in memories], embedder=new_embedder)
        stage = functools.partial(_stage, new_embedder.fingerprint, memories, entries)
        yield from write(runtime.store, stage)
        row = memories[-1][0]
        done += len(memories)
        if progress is not None:
            progress(done, max(total, done))


def _stage(
    fingerprint: str,
    memories: Sequence[tuple[int, MemoryRecord]],
    entries: Sequence[IndexEntry],
    transaction: Transaction,
) -> None:
    transaction.stage_vectors(fingerprint, memories, entries)


def _switch(runtime: Runtime, new_embedder: Embedder, *, own: bool) -> int | None:
    """Use the new embedder from now on; return the number of memories, `None` while one has no new vector.

    One step for store and runtime: a call that is cancelled between two would leave a memory with the old embedder.
    """
    count = runtime.store.write(lambda transaction: _adopt(runtime, transaction, new_embedder))
    if count is not None:
        runtime.adopt_embedder(new_embedder, spec=spec_of(new_embedder), own=own)
    return count


def _adopt(runtime: Runtime, transaction: Transaction, new_embedder: Embedder) -> int | None:
    """Replace the old vectors by the new ones; return how many, `None` while a memory has no new vector."""
    count = transaction.adopt_vectors(new_embedder.fingerprint, recorded_at=runtime.clock())
    if count is not None:
        runtime.adoptions += 1  # the next transaction may be that of an add with the old embedder
        specs = {**runtime.engine_specs, "embedder": spec_of(new_embedder)}
        transaction.set_settings(engine_settings(new_embedder, specs))
    return count
