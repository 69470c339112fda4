"""An embedder of static word vectors: the mean of the vectors of a text's tokens, looked up in a table.

Such vectors know which words mean something similar ("physician", "doctor") without a model, a key or a network. They
know nothing of the order of words. A text takes some 20 µs, a hundredth of what a small transformer takes.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ConfigError
from holdfast.providers.model_files import digest, samples_of

PROVIDER = "static"

_PACKAGE = "wordllama"
"""The package whose vectors are the default: 32,000 tokens, 256 dimensions, 16 MB, trained on English text mostly."""

_LIBRARIES = ("safetensors", "tokenizers")
_MAX_CHARACTERS = 20_000  # of a text: the mean over a longer one says nothing more
_MAX_HEADER = 1 << 20  # bytes


class StaticEmbedder:
    """Embed texts with static vectors, by default those of the package `wordllama`.

    The files are read when the first text is embedded, in about 0.1 s. Of a text the first 20,000 characters count.

    Args:
        model: A folder as model2vec saves them: one `.safetensors` file, whose one matrix has a row for each token, and
            `tokenizer.json`. `None` takes the vectors of `wordllama`.

    Attributes:
        dimensions: The length of every vector.
        fingerprint: The name of the file of vectors, and a digest of its content.

    Raises:
        ConfigError: The folder has no such files.
        ImportError: A package is not installed.
    """

    provider = PROVIDER

    def __init__(self, model: str | os.PathLike[str] | None = None) -> None:
        if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
            raise ImportError(f'static vectors need {" and ".join(missing)}: pip install "holdfast[semantic]"')
        self._folder = None if model is None else str(Path(model).expanduser().resolve())
        self._weights, self._tokens = _package_files() if model is None else _folder_files(Path(model).expanduser())
        self.dimensions = _read_shape(self._weights)[1]
        self.fingerprint = f"{PROVIDER}:{self._weights.stem}:{digest(*samples_of(self._weights))}"
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"StaticEmbedder({self.fingerprint!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._folder,)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), dimensions)`, each of unit length.

        A text without a known token gets the first unit vector.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = self._vector(text)
        return vectors

    def spec(self) -> dict[str, object]:
        """Return the description from which `registry.embedder` builds this embedder again."""
        return {"provider": PROVIDER, "config": {} if self._folder is None else {"model": self._folder}}

    def _vector(self, text: str) -> NDArray[np.float32]:
        table, tokenizer = self._loaded
        readable = text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()  # half a surrogate pair has no token
        tokens = tokenizer.encode(readable, add_special_tokens=False).ids
        total: NDArray[np.float32] = table[[token for token in tokens if token < len(table)]].sum(0, dtype=np.float32)
        length = np.sqrt(total @ total)
        if length == 0:
            total[0] = length = 1
        unit: NDArray[np.float32] = total / np.float32(length)
        return unit

    @property
    def _loaded(self) -> tuple[NDArray[Any], Any]:
        with self._lock:  # two threads at once would both load
            return self._files

    @cached_property
    def _files(self) -> tuple[NDArray[Any], Any]:
        (table,) = import_module("safetensors.numpy").load_file(self._weights).values()
        tokenizer = import_module("tokenizers").Tokenizer.from_file(str(self._tokens))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return table, tokenizer


def _package_files() -> tuple[Path, Path]:
    # The package is found and not imported: its own loader looks for the files elsewhere, and downloads them.
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f'static vectors need {_PACKAGE}: pip install "holdfast[semantic]"')
    folder = Path(next(iter(found.submodule_search_locations)))
    return _only(folder / "weights", "*.safetensors"), _only(folder / "tokenizers", "*.json")


def _folder_files(folder: Path) -> tuple[Path, Path]:
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}: give one with a .safetensors file and tokenizer.json")
    return _only(folder, "*.safetensors"), _only(folder, "tokenizer.json")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise ConfigError(f"{folder} has {len(found)} files {pattern}: static vectors need one")
    return found[0]


def _read_shape(path: Path) -> tuple[int, int]:
    """Return the numbers of rows and columns, from the header: https://github.com/huggingface/safetensors#format."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _MAX_HEADER)))
        ((rows, columns),) = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path} is not a file of one matrix of vectors: {error}") from error
    return int(rows), int(columns)
