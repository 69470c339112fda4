"""Keep the vectors of two embedders apart: which embedder a store belongs to, as it is recorded and checked."""

from __future__ import annotations

from typing import Any

from holdfast.errors import DimensionMismatch, EmbedderMismatch
from holdfast.protocols import Embedder

EMBEDDER_SETTING = "embedder"
"""The setting that records which embedder the store's vectors come from, and their length."""

ENGINES_SETTING = "engines"
"""The setting that records how to make the engines the store was built with."""


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
