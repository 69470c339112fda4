"""The index on disk, so that a large store opens sooner: arrays and ids with a checksum, nothing executable.

A snapshot is a convenience. One that is damaged, of another version, of another store, of other dimensions or ahead
of the store is passed over, and the index is built from the store.
"""

from __future__ import annotations

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
from holdfast.scope import SCOPE_FIELDS
from holdfast.stores.protocol import STORE_ID_SETTING, Store

_log = logging.getLogger("holdfast")

_MAGIC = b"HOLDFAST-INDEX-3\n"
_WORTH_KEEPING = 20_000  # memories below which building anew takes less than half a second
_WORTH_RENEWING = 0.1  # share of changes that makes an old snapshot not worth catching up from


def snapshot_path(store_path: Path) -> Path:
    """Return where the index of the store at `store_path` is kept."""
    return store_path.with_name(store_path.name + ".index")


def save_snapshot(path: Path, index: MemoryIndex, store: Store, *, since: int) -> bool:
    """Write the index beside its store when that pays; return whether it did.

    Args:
        path: Replaced whole or not at all.
        index: What to keep.
        store: The store it was derived from.
        since: The change up to which an older snapshot stands there, 0 for none.
    """
    changed = index.sequence - since
    if len(index) < _WORTH_KEEPING or changed < _WORTH_RENEWING * len(index):
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(draft, index, store)
        draft.replace(path)
    except (OSError, StorageError) as error:
        _log.warning("the index was not kept (%s): the next start builds it from the store", error)
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def load_snapshot(path: Path, store: Store, *, dimensions: int) -> MemoryIndex | None:
    """Return the index kept at `path`, `None` when there is none that can be trusted."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    try:
        return _read(content, store, dimensions)
    except (ValueError, KeyError, TypeError, IndexError, StorageError) as reason:
        _log.warning("%s is not used (%s): the index is built from the store", path, reason)
        return None


def _write(path: Path, index: MemoryIndex, store: Store) -> None:
    alive = np.flatnonzero(index.alive.view)
    names, codes = _coded_scopes(index, alive)
    arrays: dict[str, NDArray[Any]] = {
        "rows": index.rows.view[alive],
        "expires": index.expires.view[alive],
        "codes": codes,
        "conversations": index.conversations.view[alive],
        "speakers": index.speakers.view[alive],
        "lengths": index.terms.lengths.view[alive],
        "words": index.terms.words_of(alive),
        "vectors": index.vectors.matrix()[alive],
    }
    header = {
        "store": store.get_setting(STORE_ID_SETTING),
        "sequence": index.sequence,
        "mark": store.get_change_id(index.sequence),
        "dimensions": index.dimensions,
        "names": names,
        "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()],
    }
    _write_checked(path, [_framed(json.dumps(header).encode()), *(array.tobytes() for array in arrays.values())])


def _write_checked(path: Path, parts: list[bytes]) -> None:
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
        raise ValueError("its checksum does not hold")
    size = int.from_bytes(body[:8], "little")
    header = json.loads(bytes(body[8 : 8 + size]))
    if header["store"] != store.get_setting(STORE_ID_SETTING) or header["dimensions"] != dimensions:
        raise ValueError("it belongs to another store")
    if header["mark"] is None or store.get_change_id(header["sequence"]) != header["mark"]:
        raise ValueError("it tells of changes the store does not have")
    return _rebuilt(header, _arrays(header["arrays"], body[8 + size :]), dimensions)


def _arrays(shapes: list[Any], body: memoryview) -> dict[str, NDArray[Any]]:
    arrays, offset = {}, 0
    for name, dtype, shape in shapes:
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(body, dtype=dtype, count=count, offset=offset).reshape(shape)
        offset += arrays[name].nbytes
    return arrays


def _rebuilt(header: dict[str, Any], arrays: dict[str, NDArray[Any]], dimensions: int) -> MemoryIndex:
    index = MemoryIndex(dimensions)
    index.vectors.append(arrays["vectors"])
    index.rows.extend(arrays["rows"])
    index.expires.extend(arrays["expires"])
    index.conversations.extend(arrays["conversations"])
    index.speakers.extend(arrays["speakers"])
    index.alive.extend(np.ones(len(arrays["rows"]), dtype=np.bool_))
    index.terms.append(arrays["words"], arrays["lengths"])
    for field, codes in zip(SCOPE_FIELDS, arrays["codes"].T, strict=True):
        order = codes.argsort(kind="stable")
        for positions in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
            if len(positions) and codes[positions[0]]:
                index.scopes.append(field, header["names"][codes[positions[0]] - 1], positions)
    index.sequence = header["sequence"]
    return index


def _coded_scopes(index: MemoryIndex, alive: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int32]]:
    """Return the distinct ids, and for each memory and field the place of its id counted from 1, 0 for none."""
    places = np.full(len(index.rows), -1, dtype=np.int64)
    places[alive] = np.arange(len(alive))
    names: list[str] = []
    codes = np.zeros((len(alive), len(SCOPE_FIELDS)), dtype=np.int32)
    for column, field in enumerate(SCOPE_FIELDS):
        for name, positions in index.scopes.lists(field):
            names.append(name)
            here = places[positions]
            codes[here[here >= 0], column] = len(names)
    return names, codes


def _framed(content: bytes) -> bytes:
    return len(content).to_bytes(8, "little") + content
