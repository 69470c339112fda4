"""Memories as CrewAI's records: what it says of one beside the text is kept under a single metadata key."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
from crewai.memory.types import MemoryRecord
from numpy.typing import NDArray

LABEL = "crewai"
ROOT = "/"


def path_of(*parts: str | None) -> str:
    """Return the parts of a scope as one path; `"/"` is everything."""
    names = [name for part in parts if part for name in part.split("/") if name]
    return ROOT + "/".join(names)


def labelled(metadata: Mapping[str, Any] | None, *, path: str = ROOT, **said: Any) -> dict[str, Any]:
    """Return the metadata of a memory: the caller's own, and what CrewAI says of it as far as it says anything.

    Args:
        metadata: The caller's own.
        path: Where it belongs; it is kept with all paths above it, so that a filter finds it from each.
        said: The other attributes of a record; those that are `None` are left out.
    """
    names = path.split("/")[1:] if path != ROOT else []
    above = ["/" + "/".join(names[: depth + 1]) for depth in range(len(names))]
    label = {name: value for name, value in {"scope": above or None, **said}.items() if value is not None}
    return {**(metadata or {}), **({LABEL: label} if label else {})}


def metadata_of(record: MemoryRecord) -> dict[str, Any]:
    """Return everything `record` says beside its text, its vector among it."""
    vector = None if record.embedding is None else base64.b64encode(np.asarray(record.embedding, "<f4").tobytes())
    return labelled(
        record.metadata,
        path=path_of(record.scope),
        categories=record.categories or None,
        importance=record.importance,
        source=record.source,
        private=record.private or None,
        created_at=record.created_at.isoformat(),
        vector=vector and vector.decode(),
    )


def record_of(item: Mapping[str, Any]) -> MemoryRecord:
    """Return a memory of Holdfast's as a record, without its vector."""
    metadata = dict(item["metadata"] or {})
    label = metadata.pop(LABEL, {})
    return MemoryRecord(
        id=item["id"],
        content=item["memory"],
        scope=label.get("scope", [ROOT])[-1],
        categories=label.get("categories", item["categories"]),
        metadata=metadata,
        importance=label.get("importance", 0.5),
        created_at=_without_zone(label.get("created_at", item["created_at"])),
        last_accessed=_without_zone(item["updated_at"]),
        source=label.get("source"),
        private=label.get("private", False),
    )


def vector_of(item: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return the vector a memory was saved with, shape `(dimensions,)`; `(0,)` when there was none."""
    encoded = (item["metadata"] or {}).get(LABEL, {}).get("vector", "")
    return np.frombuffer(base64.b64decode(encoded), "<f4")


def conditions(
    *paths: str,
    categories: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    ids: Sequence[str] | None = None,
    older_than: datetime | None = None,
) -> dict[str, Any]:
    """Return the filter for what CrewAI's methods narrow a scope down with; `{}` when that is nothing."""
    every: list[dict[str, Any]] = []
    if paths and ROOT not in paths:
        every.append({"OR": [{f"{LABEL}.scope": {"contains": path}} for path in paths]})
    if categories:
        every.append({"OR": [{f"{LABEL}.categories": {"contains": category}} for category in categories]})
    if metadata:
        every.append({"metadata": dict(metadata)})
    if ids is not None:
        every.append({"memory_ids": {"in": list(ids)}})
    if older_than is not None:
        every.append(_older(older_than.isoformat()))
    return {"AND": every} if every else {}


def visible_to(source: str | None) -> dict[str, Any]:
    """Return the filter for records that are not private, or of `source` itself."""
    public = {"NOT": {f"{LABEL}.private": True}}
    return public if source is None else {"OR": [public, {f"{LABEL}.source": source}]}


def hidden_from(source: str | None, item: Mapping[str, Any]) -> bool:
    """Return whether `visible_to` keeps a memory back."""
    label = (item["metadata"] or {}).get(LABEL, {})
    return label.get("private") is True and (source is None or label.get("source") != source)


def _older(moment: str) -> dict[str, Any]:
    own, ours = f"{LABEL}.created_at", "created_at"
    return {"OR": [{own: {"lt": moment}}, {"NOT": {own: "*"}, ours: {"lt": moment}}]}


def _without_zone(moment: str) -> datetime:
    # CrewAI compares with `datetime.utcnow()`, and an aware time would make it fail.
    parsed = datetime.fromisoformat(moment)
    return parsed.astimezone(timezone.utc).replace(tzinfo=None) if parsed.tzinfo else parsed
