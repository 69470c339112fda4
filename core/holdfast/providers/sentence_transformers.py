"""Models that run on this machine through sentence-transformers: an embedder and a cross-encoder.

Loading a model takes seconds and hundreds of megabytes, so it happens when the model is first used, not when it is
named: a store can be opened and listed without it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ConfigError
from holdfast.providers.model_files import digest, samples_of

PROVIDER = "sentence-transformers"

_LIBRARY = "sentence_transformers"
_DEFAULT_EMBEDDER = "sentence-transformers/all-MiniLM-L6-v2"
_DEFAULT_CROSS_ENCODER = "cross-encoder/ms-marco-MiniLM-L6-v2"
_PROBE_TEXT = "How long is a vector?"


class SentenceTransformersEmbedder:
    """An embedder on this machine: any model of sentence-transformers, by name or from a folder.

    The model cuts texts that are too long for it (256 tokens for MiniLM).

    Args:
        model: A name on Hugging Face, downloaded once and then found in its cache, or a folder.
        device: Such as `"cpu"`, `"cuda"` or `"mps"`; `None` takes the best available.
        batch_size: Texts per pass through the model.
        query_prompt: Text put before every query; `None` takes the model's own, which most models do not have.
        document_prompt: The same for memories. Another prompt gives other vectors.
        dimensions: Cuts the vectors to this length, for models trained for it (Matryoshka); `None` takes the model's
            length.

    Attributes:
        fingerprint: The name of the model, or for a folder a digest of its content, so that copies are equal; followed
            by the settings that change the vectors.

    Raises:
        ConfigError: There is no such folder, or a number is not above 0.
        ImportError: The package `sentence-transformers` is not installed.
    """

    provider = PROVIDER

    def __init__(
        self,
        model: str | os.PathLike[str] = _DEFAULT_EMBEDDER,
        *,
        device: str | None = None,
        batch_size: int = 32,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        dimensions: int | None = None,
    ) -> None:
        self.model = _resolve_model(model)
        self._batch_size = _positive("batch_size", batch_size)
        self._prompts = {"query": query_prompt, "document": document_prompt}
        self._cut_to = None if dimensions is None else _positive("dimensions", dimensions)
        self._lazy_model = _LazyModel("SentenceTransformer", self.model, device=device, truncate_dim=self._cut_to)
        self._settings = {
            "model": self.model,
            "device": device,
            "batch_size": batch_size,
            "query_prompt": query_prompt,
            "document_prompt": document_prompt,
            "dimensions": dimensions,
        }
        variants = [] if document_prompt is None else [f"prompt-{digest(document_prompt.encode())}"]
        variants += [] if dimensions is None else [str(dimensions)]
        self.fingerprint = ":".join([PROVIDER, _identity(self.model), *variants])

    @cached_property
    def dimensions(self) -> int:
        """The length of every vector; reading it loads the model unless `dimensions` was given."""
        return self._cut_to or self.embed([_PROBE_TEXT]).shape[1]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` as memories: shape `(len(texts), dimensions)`, each of unit length.

        Raises:
            ConfigError: The model is not on this machine and cannot be downloaded.
        """
        return self._encode("document", texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` to search with, in the same shape.

        Raises:
            ConfigError: The model is not on this machine and cannot be downloaded.
        """
        return self._encode("query", texts)

    def spec(self) -> dict[str, object]:
        """Return the description from which `registry.embedder` builds this embedder again."""
        return {"provider": PROVIDER, "config": _without_none(self._settings)}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), _without_none(self._settings))

    def __repr__(self) -> str:
        return f"SentenceTransformersEmbedder({self.fingerprint!r})"

    def _encode(self, side: str, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._lazy_model.locked() as model:
            encode = model.encode_query if side == "query" else model.encode_document
            vectors = encode(
                list(texts),
                prompt=self._prompts[side],
                batch_size=self._batch_size,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float32)


class CrossEncoderReranker:
    """A reranker on this machine that reads query and text together: any cross-encoder with one output.

    Args:
        model: A name on Hugging Face, downloaded once and then found in its cache, or a folder.
        device: Such as `"cpu"`, `"cuda"` or `"mps"`; `None` takes the best available.
        batch_size: Pairs per pass through the model.
        max_length: Most tokens of query and text together; `None` takes the model's limit.

    Raises:
        ConfigError: There is no such folder, or a number is not above 0.
        ImportError: The package `sentence-transformers` is not installed.
    """

    provider = PROVIDER

    def __init__(
        self,
        model: str | os.PathLike[str] = _DEFAULT_CROSS_ENCODER,
        *,
        device: str | None = None,
        batch_size: int = 32,
        max_length: int | None = None,
    ) -> None:
        self.model = _resolve_model(model)
        self._batch_size = _positive("batch_size", batch_size)
        longest = None if max_length is None else _positive("max_length", max_length)
        self._lazy_model = _LazyModel("CrossEncoder", self.model, device=device, max_length=longest)
        self._settings = {
            "model": self.model,
            "device": device,
            "batch_size": batch_size,
            "max_length": max_length,
        }

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one relevance in 0..1 for each of `texts`: the sigmoid of the model's output.

        Raises:
            ConfigError: The model is not on this machine and cannot be downloaded, or has several outputs.
        """
        if not texts:
            return []
        with self._lazy_model.locked() as model:
            if model.num_labels != 1:
                raise ConfigError(f"{self.model} has {model.num_labels} outputs: a reranker has one")
            # The output of models trained for ranking is unbounded.
            sigmoid = import_module("torch").nn.Sigmoid()
            pairs = [(query, text) for text in texts]
            scores = model.predict(pairs, activation_fn=sigmoid, batch_size=self._batch_size, show_progress_bar=False)
        return [float(score) for score in scores]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), _without_none(self._settings))

    def __repr__(self) -> str:
        return f"CrossEncoderReranker({self.model!r})"


class _LazyModel:
    """A model that is loaded when it is first used, and used by one thread at a time."""

    def __init__(self, kind: str, model: str, **options: object) -> None:
        if find_spec(_LIBRARY) is None:
            raise ImportError('local models need sentence-transformers: pip install "holdfast[local]"')
        self._kind = kind
        self._model = model
        self._options = _without_none(options)
        # The tokenizers are written in Rust and raise "Already borrowed" when two threads use one at once.
        self._lock = threading.Lock()

    @contextmanager
    def locked(self) -> Iterator[Any]:
        """Yield the model while no other thread uses it.

        Raises:
            ConfigError: It is not on this machine and cannot be downloaded.
        """
        with self._lock:
            yield self._instance

    @cached_property
    def _instance(self) -> Any:
        build = getattr(import_module(_LIBRARY), self._kind)
        try:
            return build(self._model, **self._options)
        except OSError as error:
            raise ConfigError(
                f"the model {self._model!r} is not in the Hugging Face cache and could not be downloaded: check its"
                " name; without a network (or with HF_HUB_OFFLINE=1) give the folder of a copy, or download it once"
                f" with `hf download {self._model}`. The cause: {error}"
            ) from error


def _resolve_model(model: str | os.PathLike[str]) -> str:
    """Return the absolute path if `model` is a folder, else the name."""
    if not isinstance(model, (str, os.PathLike)) or not os.fspath(model).strip():
        raise ConfigError(f"model is {model!r}: give a model's name on Hugging Face, or a folder")
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder.resolve())
    name = os.fspath(model)
    if isinstance(model, os.PathLike) or name.startswith((".", "~")) or name.count("/") > 1 or "\\" in name:
        raise ConfigError(f"there is no folder {name}: give the folder of a model, or a model's name on Hugging Face")
    return name


def _identity(model: str) -> str:
    """Return the fingerprint of `model`: its full name, or a digest of the folder."""
    if Path(model).is_dir():
        return f"folder-{_folder_digest(Path(model))}"
    return model if "/" in model else f"sentence-transformers/{model}"


def _folder_digest(folder: Path) -> str:
    """Return a digest of the list of modules, their settings and samples of their weights."""
    modules = [folder, *sorted(inner for inner in folder.iterdir() if inner.is_dir())]
    descriptions = [folder / "modules.json", *(inner / "config.json" for inner in modules[1:])]
    weights = [path for module in modules for path in _weights(module)]
    parts = [path.read_bytes() for path in descriptions if path.is_file()]
    parts += [sample for path in weights for sample in samples_of(path)]
    return digest(*parts)


def _weights(module: Path) -> list[Path]:
    """Return the files with a module's weights; of two formats, the one that the library loads."""
    return sorted(module.glob("*.safetensors")) or sorted(module.glob("pytorch_model*.bin"))


def _positive(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} is {value!r}: use a whole number above 0")
    return value


def _without_none(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _rebuild(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    return kind(**settings)
