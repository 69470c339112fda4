"""Vectors of two embedders never meet: which one the store belongs to, and who checks it."""

from __future__ import annotations

from typing import Any

from holdfast.errors import DimensionMismatch, EmbedderMismatch
from holdfast.protocols import Embedder

EMBEDDER_SETTING = "embedder"
"""The setting that says which embedder the store's vectors come from, and how long they are."""


ENGINES_SETTING = "engines"
"""The setting that says how to make the engines the store was built with."""


def embedder_setting(embedder: Embedder) -> dict[str, Any]:
    """Return what the store records of the embedder its vectors come from."""
    return {"fingerprint": embedder.fingerprint, "dimensions": embedder.dimensions}


def require_same_embedder(recorded: Any, embedder: Embedder) -> None:
    """Raise `EmbedderMismatch` unless the recorded vectors come from `embedder`."""
    if not recorded or recorded["fingerprint"] == embedder.fingerprint:
        return
    kind = DimensionMismatch if recorded["dimensions"] != embedder.dimensions else EmbedderMismatch
    raise kind(
        f"the store's vectors come from {recorded['fingerprint']} ({recorded['dimensions']} dimensions), not from"
        f" {embedder.fingerprint} ({embedder.dimensions}): open it with that embedder, or without naming one;"
        " `reembed` gives it another"
    )
