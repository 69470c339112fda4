"""`reembed`: from one embedder to another, every memory, and no search in between that mixes the two."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from holdfast.errors import InvalidInput, short_repr
from holdfast.filters import MATCH_ALL
from holdfast.operations.index_entries import embed_records
from holdfast.protocols import Embedder, Spec
from holdfast.providers.registry import embedder as embedder_of
from holdfast.providers.registry import spec_of
from holdfast.records import MemoryRecord
from holdfast.results import ReembedResult
from holdfast.runtime.effects import Flow, work, write
from holdfast.runtime.embedder_guard import engine_settings
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import IndexEntry, Transaction

_MOST_AT_ONCE = 10_000

Progress = Callable[[int, int], object]
"""Called with how many memories have their new vector, and how many there are."""


def reembed(
    runtime: Runtime,
    embedder: str | Spec | Embedder | None = None,
    *,
    batch_size: int = 100,
    progress: Progress | None = None,
) -> Flow[ReembedResult]:
    """Give every memory the vector of another embedder, and go on with that one.

    The new vectors are kept beside the old ones and take their place in one transaction when no memory is without:
    until then everything works as before, here and in other processes. When it is interrupted, the same call goes on
    where it stopped. Other processes are told afterwards that the store has another embedder, and open it anew.

    Args:
        embedder: A preset's name, a mapping, or an embedder; by default the one at work, which makes vectors and
            words anew as this version of Holdfast makes them.
        batch_size: Memories embedded in one call, 1 to 10,000.
        progress: Told after every batch.

    Returns:
        `count` memories now have vectors of `embedder`, a fingerprint.

    Raises:
        InvalidInput: `batch_size` is out of range.
        ConfigError: The embedder cannot be made.
        ProviderError: It failed; what is done is kept for the next call, and the store works on with the old vectors.
        StorageError: The file cannot be written, or somebody else has begun, or finished, with another embedder.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or not 1 <= batch_size <= _MOST_AT_ONCE:
        raise InvalidInput(
            f"batch_size is {short_repr(batch_size)}: it must be a whole number from 1 to {_MOST_AT_ONCE:,}"
        )
    maker = runtime.engines.embedder if embedder is None else embedder_of(embedder)
    yield from write(runtime.store, lambda transaction: transaction.begin_reembedding(maker.fingerprint))
    count: int | None = None
    while count is None:  # others may add while this goes on
        yield from _catch_up(runtime, maker, batch_size, progress)
        count = yield from write(runtime.store, lambda transaction: _adopt(runtime, transaction, maker))
    yield from work(runtime.adopt_embedder, maker, spec=spec_of(maker), own=maker is not embedder)
    return {"message": f"Successfully re-embedded {count} memories", "count": count, "embedder": maker.fingerprint}


def _catch_up(runtime: Runtime, maker: Embedder, batch_size: int, progress: Progress | None) -> Flow[None]:
    """Embed every memory that has no new vector."""
    total = yield from work(runtime.store.count, MATCH_ALL)
    done = total - (yield from work(runtime.store.count_memories_to_embed))
    row = 0
    while memories := (yield from work(runtime.store.list_memories_to_embed, after=row, limit=batch_size)):
        entries = yield from embed_records(runtime, [record for _, record in memories], embedder=maker)
        keep = functools.partial(_keep, maker=maker, memories=memories, entries=entries)
        yield from write(runtime.store, keep)
        row = memories[-1][0]
        done += len(memories)
        if progress is not None:
            progress(done, max(total, done))


def _keep(
    transaction: Transaction,
    *,
    maker: Embedder,
    memories: Sequence[tuple[int, MemoryRecord]],
    entries: Sequence[IndexEntry],
) -> None:
    transaction.stage_vectors(maker.fingerprint, memories, entries)


def _adopt(runtime: Runtime, transaction: Transaction, maker: Embedder) -> int | None:
    """Let the new vectors take the place of the old ones, unless a memory has none."""
    count = transaction.adopt_vectors(maker.fingerprint, recorded_at=runtime.clock())
    if count is not None:
        specs = {**runtime.engine_specs, "embedder": spec_of(maker)}
        transaction.set_settings({**engine_settings(maker, specs)})
    return count
