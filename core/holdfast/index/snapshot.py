"""The index in a file beside the store, so that a large store opens sooner.

A snapshot holds arrays and ids under a checksum, nothing executable. It is a cache: one that is damaged, of another
version, store or length of vectors, or ahead of the store is ignored, and the index is built from the store.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import StorageError
from holdfast.index.memory_index import MemoryIndex
from holdfast.index.protocol import Positions
from holdfast.paths import PRIVATE_FILE, create_draft
from holdfast.scope import SCOPE_FIELDS
from holdfast.stores.protocol import STORE_ID_SETTING, Store

_log = logging.getLogger("holdfast")

_MAGIC = b"HOLDFAST-INDEX-3\n"
_LEAST_MEMORIES = 20_000
"""Memories from which a snapshot is written; fewer are indexed from the store in less than half a second."""

_LEAST_CHANGED_SHARE = 0.1
"""Share of changed memories from which an older snapshot is replaced; a smaller share is read from the store."""


def snapshot_path(store_path: Path) -> Path:
    """Return the path of the snapshot of the store at `store_path`.

    >>> snapshot_path(Path("memory.db")).name
    'memory.db.index'
    """
    return store_path.with_name(store_path.name + ".index")


def save_snapshot(path: Path, index: MemoryIndex, store: Store, *, since: int) -> bool:
    """Write the index to `path` when that pays; return whether it was written.

    A failure to write is logged, not raised: the next start builds the index from the store.

    Args:
        path: Replaced whole or not at all.
        index: The index to write.
        store: The store it was derived from.
        since: The change number of the snapshot that is already at `path`, 0 for none.
    """
    changed = index.sequence - since
    if len(index) < _LEAST_MEMORIES or changed < _LEAST_CHANGED_SHARE * len(index):
        return False
    draft = None
    try:
        draft = create_draft(path, mode=_mode_of_store(path))
        _write(draft, index, store)
        draft.replace(path)
    except (OSError, StorageError) as error:
        _log.warning("the index was not saved (%s): the next start builds it from the store", error)
        return False
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
    return True


def delete_snapshot(path: Path) -> None:
    """Delete the snapshot at `path`, and the drafts of it that killed processes have left."""
    for file in (path, *path.parent.glob(f".{glob.escape(path.name)}.*")):
        file.unlink(missing_ok=True)


def load_snapshot(path: Path, store: Store, *, dimensions: int) -> MemoryIndex | None:
    """Return the index saved at `path`, `None` when there is none or it cannot be trusted."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    try:
        return _read(content, store, dimensions)
    except _UNUSABLE as reason:
        _log.warning("%s is not used (%s): the index is built from the store", path, reason)
        return None


def _mode_of_store(snapshot: Path) -> int:
    """Return the permissions of the store's file: who may read the store may read its snapshot, and nobody else."""
    try:
        return snapshot.with_suffix("").stat().st_mode & 0o666
    except FileNotFoundError:
        return PRIVATE_FILE


# What reading made-up content under a right checksum can raise, beside our own errors.
_UNUSABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RecursionError,
    StorageError,
)


def _write(path: Path, index: MemoryIndex, store: Store) -> None:
    existing = np.flatnonzero(index.exists.values)
    names, codes = _encode_scopes(index, existing)
    arrays: dict[str, NDArray[Any]] = {
        "rows": index.rows.values[existing],
        "expires": index.expires.values[existing],
        "codes": codes,
        "conversations": index.conversations.values[existing],
        "speakers": index.speakers.values[existing],
        "lengths": index.terms.lengths.values[existing],
        "words": index.terms.terms_of(existing),
        "vectors": index.vectors.matrix()[existing],
    }
    header = {
        "store": store.get_setting(STORE_ID_SETTING),
        "sequence": index.sequence,
        # A store restored from a backup may reach the same sequence with other changes.
        "mark": store.get_change_id(index.sequence),
        "dimensions": index.dimensions,
        "names": names,
        "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()],
    }
    _write_with_checksum(
        path, [_with_length(json.dumps(header).encode()), *(array.tobytes() for array in arrays.values())]
    )


def _write_with_checksum(path: Path, parts: list[bytes]) -> None:
    checksum = 0
    with path.open("wb") as file:
        file.write(_MAGIC)
        for part in parts:
            file.write(part)
            checksum = zlib.crc32(part, checksum)
        file.write(checksum.to_bytes(4, "little"))
        file.flush()
        os.fsync(file.fileno())


def _read(content: bytes, store: Store, dimensions: int) -> MemoryIndex:
    body = memoryview(content)[len(_MAGIC) : -4]
    if not content.startswith(_MAGIC):
        raise ValueError("another format")
    if zlib.crc32(body) != int.from_bytes(content[-4:], "little"):
        raise ValueError("its checksum does not match")
    size = int.from_bytes(body[:8], "little")
    header = json.loads(bytes(body[8 : 8 + size]))
    if header["store"] != store.get_setting(STORE_ID_SETTING) or header["dimensions"] != dimensions:
        raise ValueError("it belongs to another store")
    if header["mark"] is None or store.get_change_id(header["sequence"]) != header["mark"]:
        raise ValueError("it has changes that the store does not have")
    arrays = _read_arrays(header["arrays"], body[8 + size :])
    _check_arrays(arrays, header["names"], dimensions)
    return _build_index(header, arrays, dimensions)


_DTYPES = {
    "rows": "<i8",
    "expires": "<i4",
    "codes": "<i4",
    "conversations": "<i8",
    "speakers": "<u4",
    "lengths": "<i4",
    "words": "<u4",
    "vectors": "<f4",
}


def _read_arrays(shapes: list[Any], body: memoryview) -> dict[str, NDArray[Any]]:
    arrays, offset = {}, 0
    for name, dtype, shape in shapes:
        if dtype != _DTYPES[name] or min(shape) < 0:
            raise ValueError(f"its {name} have another form")
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(body, dtype=dtype, count=count, offset=offset).reshape(shape)
        offset += arrays[name].nbytes
    return arrays


def _check_arrays(arrays: dict[str, NDArray[Any]], names: list[str], dimensions: int) -> None:
    """Raise unless the arrays fit together: FAISS and NumPy would read beyond them.

    Raises:
        ValueError: They do not.
    """
    count = len(arrays["rows"])
    shapes = {name: array.shape for name, array in arrays.items() if name != "words"}
    expected = dict.fromkeys(shapes, (count,)) | {
        "codes": (count, len(SCOPE_FIELDS)),
        "vectors": (count, dimensions),
    }
    lengths, codes = arrays["lengths"], arrays["codes"]
    if (
        shapes != expected
        or (np.diff(arrays["rows"]) <= 0).any()
        or (lengths < 0).any()
        or lengths.sum(dtype=np.int64) != len(arrays["words"])
        or not np.isfinite(arrays["vectors"].sum())
        or not all(isinstance(name, str) for name in names)
        or (count and not 0 <= codes.min() <= codes.max() <= len(names))
    ):
        raise ValueError("its parts do not fit together")


def _build_index(header: dict[str, Any], arrays: dict[str, NDArray[Any]], dimensions: int) -> MemoryIndex:
    index = MemoryIndex(dimensions)
    index.vectors.append(arrays["vectors"])
    index.rows.extend(arrays["rows"])
    index.expires.extend(arrays["expires"])
    index.conversations.extend(arrays["conversations"])
    index.speakers.extend(arrays["speakers"])
    index.exists.extend(np.ones(len(arrays["rows"]), dtype=np.bool_))
    index.terms.append(arrays["words"], arrays["lengths"])
    for field, codes in zip(SCOPE_FIELDS, arrays["codes"].T, strict=True):
        order = codes.argsort(kind="stable")
        for positions in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
            if len(positions) and codes[positions[0]]:
                index.scopes.append(field, header["names"][codes[positions[0]] - 1], positions)
    index.sequence = header["sequence"]
    return index


def _encode_scopes(index: MemoryIndex, existing: Positions) -> tuple[list[str], NDArray[np.int32]]:
    """Return the distinct ids; and for each memory and scope field the number of its id from 1, 0 for none.

    Columns of numbers load in one step, whereas ids would be parsed one by one.
    """
    places = np.full(len(index.rows), -1, dtype=np.int64)
    places[existing] = np.arange(len(existing))
    names: list[str] = []
    codes = np.zeros((len(existing), len(SCOPE_FIELDS)), dtype=np.int32)
    for column, field in enumerate(SCOPE_FIELDS):
        for name, positions in index.scopes.lists(field):
            places_of_id = places[positions]
            existing_places = places_of_id[places_of_id >= 0]
            if len(existing_places):  # the id of a deleted user may be a name, too
                names.append(name)
                codes[existing_places, column] = len(names)
    return names, codes


def _with_length(content: bytes) -> bytes:
    return len(content).to_bytes(8, "little") + content
