"""Convert memories to CrewAI's records and back.

The fields of a record other than its text are stored under one metadata key.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
from crewai.memory.types import MemoryRecord
from numpy.typing import NDArray

LABEL = "crewai"
"""The metadata key that holds the fields of a record."""

ROOT = "/"
"""The path of everything."""

OWN = {LABEL: "*"}
"""The filter for memories that were stored through CrewAI."""


def to_path(*parts: str | None) -> str:
    """Return the parts of a scope as one path.

    >>> to_path("/crew/", None, "research")
    '/crew/research'
    """
    names = [name for part in parts if part for name in part.split("/") if name]
    return ROOT + "/".join(names)


def to_metadata(metadata: Mapping[str, Any] | None, *, path: str = ROOT, **fields: Any) -> dict[str, Any]:
    """Return the metadata of a memory: the caller's own, and CrewAI's fields under one key.

    Args:
        metadata: The caller's own.
        path: The path of the record; it is stored with all paths above it, so that a filter on any of them matches. A
            record at the root has the root as its only path, which also says that it was stored through CrewAI.
        fields: The other fields of the record; those that are `None` are left out.
    """
    label = {name: value for name, value in {"scope": _with_parents(path), **fields}.items() if value is not None}
    return {**(metadata or {}), LABEL: label}


def add_label(known: Mapping[str, Any] | None, told: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the label of a known memory that is told once more, `None` if it has all of the new one.

    Args:
        known: The metadata of the memory. If it was stored by other means than CrewAI, `remove_paths` takes away the
            label only.
        told: The metadata with which it was told.
    """
    label, new = (known or {}).get(LABEL, {"foreign": True}), told[LABEL]
    paths, categories = get_paths(label), label.get("categories", [])
    further = [path for path in get_paths(new) if path not in paths]
    further_categories = [category for category in new.get("categories", []) if category not in categories]
    if not further and not further_categories:
        return None
    labels = {"categories": [*categories, *further_categories]} if further_categories else {}
    return {**label, **labels, **_label_of_paths([*paths, *further])}


def remove_paths(metadata: Mapping[str, Any] | None, *, below: str) -> dict[str, Any] | None:
    """Return the changes of metadata that take away all paths at `below` and under it, and leave the memory.

    `None` if nothing else holds the memory: it has no other path, and was stored through CrewAI.
    """
    label = (metadata or {}).get(LABEL, {})
    rest = [path for path in get_paths(label) if not is_below(path, below)]
    if rest:
        return {LABEL: {**label, **_label_of_paths(rest)}}
    return {LABEL: None} if label.get("foreign") else None


def keep_paths(metadata: dict[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the metadata of a changed record with all paths of the `known` one, unless it has moved elsewhere."""
    paths, label = get_paths((known or {}).get(LABEL, {})), metadata[LABEL]
    moved = label["scope"][-1] not in paths
    return metadata if moved or len(paths) == 1 else {**metadata, LABEL: {**label, **_label_of_paths(paths)}}


def _label_of_paths(paths: Sequence[str]) -> dict[str, Any]:
    return {"scope": list(dict.fromkeys(one for path in paths for one in _with_parents(path))), "paths": list(paths)}


def get_paths(label: Mapping[str, Any]) -> list[str]:
    """Return the paths under which a memory was told, oldest first; `paths` is there if they may be several."""
    return list(label.get("paths") or label.get("scope", [])[-1:])


def _with_parents(path: str) -> list[str]:
    names = path.split("/")[1:] if path != ROOT else []
    return ["/" + "/".join(names[: depth + 1]) for depth in range(len(names))] or [ROOT]


def is_below(path: str, parent: str) -> bool:
    """Return whether a path is at or under another one."""
    return parent in (ROOT, path) or path.startswith(f"{parent}/")


def metadata_of_record(record: MemoryRecord) -> dict[str, Any]:
    """Return the metadata that hold every field of `record` except its text, including its vector."""
    vector = None if record.embedding is None else base64.b64encode(np.asarray(record.embedding, "<f4").tobytes())
    return to_metadata(
        record.metadata,
        path=to_path(record.scope),
        categories=record.categories or None,
        importance=record.importance,
        source=record.source,
        private=record.private or None,
        created_at=record.created_at.isoformat(),
        vector=vector and vector.decode(),
    )


def to_record(item: Mapping[str, Any], *, below: Sequence[str] = (ROOT,)) -> MemoryRecord:
    """Return a memory as a record, without its vector.

    Args:
        item: The memory.
        below: Of several paths, the record has the first one that is at or under one of these.
    """
    metadata = dict(item["metadata"] or {})
    label = metadata.pop(LABEL, {})
    paths = get_paths(label)
    path = next((one for one in paths if any(is_below(one, parent) for parent in below)), [*paths, ROOT][0])
    return MemoryRecord(
        id=item["id"],
        content=item["memory"],
        scope=path,
        categories=label.get("categories", item["categories"]),
        metadata=metadata,
        importance=label.get("importance", 0.5),
        created_at=_to_naive_utc(label.get("created_at", item["created_at"])),
        last_accessed=_to_naive_utc(item["updated_at"]),
        source=label.get("source"),
        private=label.get("private", False),
    )


def get_vector(item: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return the vector a record was saved with, of shape `(dimensions,)`, or `(0,)` if it had none."""
    encoded = (item["metadata"] or {}).get(LABEL, {}).get("vector", "")
    return np.frombuffer(base64.b64decode(encoded), "<f4")


def record_filter(
    *paths: str,
    categories: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    ids: Sequence[str] | None = None,
    older_than: datetime | None = None,
) -> dict[str, Any]:
    """Return the filter that matches all the given arguments of CrewAI's methods; `{}` if there are none."""
    conditions: list[dict[str, Any]] = []
    if paths and ROOT not in paths:
        conditions.append({"OR": [{f"{LABEL}.scope": {"contains": path}} for path in paths]})
    if categories:
        conditions.append({"OR": [{f"{LABEL}.categories": {"contains": category}} for category in categories]})
    if metadata:
        conditions.append({"metadata": dict(metadata)})
    if ids is not None:
        conditions.append({"memory_ids": {"in": list(ids)}})
    if older_than is not None:
        conditions.append(_older_than(older_than.isoformat()))
    return {"AND": conditions} if conditions else {}


def visibility_filter(source: str | None) -> dict[str, Any]:
    """Return the filter for records that are not private or that belong to `source`."""
    public = {"NOT": {f"{LABEL}.private": True}}
    return public if source is None else {"OR": [public, {f"{LABEL}.source": source}]}


def is_hidden_from(source: str | None, item: Mapping[str, Any]) -> bool:
    """Return whether `visibility_filter` does not match a memory."""
    label = (item["metadata"] or {}).get(LABEL, {})
    return label.get("private") is True and (source is None or label.get("source") != source)


def _older_than(moment: str) -> dict[str, Any]:
    own, ours = f"{LABEL}.created_at", "created_at"
    return {"OR": [{own: {"lt": moment}}, {"NOT": {own: "*"}, ours: {"lt": moment}}]}


def _to_naive_utc(moment: str) -> datetime:
    # CrewAI compares with `datetime.utcnow()`, which raises for a time with a zone.
    parsed = datetime.fromisoformat(moment)
    return parsed.astimezone(timezone.utc).replace(tzinfo=None) if parsed.tzinfo else parsed
