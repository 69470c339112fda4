"""Keep the vectors of two embedders apart: record which embedder a store belongs to, and check every write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.errors import DimensionMismatch, EmbedderMismatch
from holdfast.protocols import Embedder
from holdfast.runtime.effects import Flow, write
from holdfast.stores.protocol import IndexEntry, Transaction

if TYPE_CHECKING:
    from holdfast.runtime.runtime import Runtime

T = TypeVar("T")

EMBEDDER_SETTING = "embedder"
"""The setting that records which embedder the store's vectors come from, and their length."""

ENGINES_SETTING = "engines"
"""The setting that records how to make the engines the store was built with."""


def write_with_embedder_check(
    runtime: Runtime, task: Callable[[Transaction], T], entries: Iterable[IndexEntry]
) -> Flow[T]:
    """Run `task` in one transaction and return its result once it is durable.

    The transaction first checks that the vectors of `entries` come from the store's embedder: another process may have
    re-embedded the store since they were made. The first write of a process records its engines.

    Raises:
        EmbedderMismatch: The vectors come from another embedder; nothing was written.
    """
    embedders = {id(entry.embedder): entry.embedder for entry in entries if entry.embedder is not None}

    def checked(transaction: Transaction) -> tuple[T, tuple[int, ...]]:
        # Reading the setting costs 20 µs; while nobody else has written, the last answer holds.
        check = (transaction.external_write_token(), *embedders)
        if check != runtime.last_embedder_check:
            recorded = transaction.get_setting(EMBEDDER_SETTING)
            for embedder in embedders.values():
                require_same_embedder(recorded, embedder)
            if not runtime.last_embedder_check:
                transaction.set_settings(engine_settings(runtime.engines.embedder, runtime.engine_specs))
        return task(transaction), check

    # Only a committed check is remembered: a rolled back one has recorded nothing.
    result, runtime.last_embedder_check = yield from write(runtime.store, checked)
    return result


def engine_settings(embedder: Embedder, engine_specs: Any) -> dict[str, Any]:
    """Return the settings that record a store's embedder and how to make its engines."""
    return {EMBEDDER_SETTING: embedder_setting(embedder), ENGINES_SETTING: dict(engine_specs)}


def embedder_setting(embedder: Embedder) -> dict[str, Any]:
    """Return what a store records of its embedder."""
    return {"fingerprint": embedder.fingerprint, "dimensions": embedder.dimensions}


def require_same_embedder(recorded: Any, embedder: Embedder) -> None:
    """Raise unless the recorded vectors come from `embedder`; nothing recorded fits every embedder.

    Raises:
        DimensionMismatch: They come from an embedder of another length.
        EmbedderMismatch: They come from another embedder of the same length.
    """
    if not recorded or recorded["fingerprint"] == embedder.fingerprint:
        return
    kind = DimensionMismatch if recorded["dimensions"] != embedder.dimensions else EmbedderMismatch
    raise kind(
        f"the store's vectors come from {recorded['fingerprint']} ({recorded['dimensions']} dimensions), not from"
        f" {embedder.fingerprint} ({embedder.dimensions}): open it with that embedder, or without naming one;"
        " `reembed` gives it another"
    )
