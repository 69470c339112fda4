"""Models that run on this machine through sentence-transformers: an embedder and a cross-encoder.

Loading one takes seconds and hundreds of megabytes, so it is loaded when it is first used, not when it is named: a
store can be opened, listed and changed back without it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ConfigError

PROVIDER = "sentence-transformers"

_LIBRARY = "sentence_transformers"
_EMBEDDER = "sentence-transformers/all-MiniLM-L6-v2"
_CROSS_ENCODER = "cross-encoder/ms-marco-MiniLM-L6-v2"
_PROBE = "How long is a vector?"


class SentenceTransformersEmbedder:
    """An embedder that runs here: any model of sentence-transformers', by its name or from a folder.

    Texts longer than the model reads (256 tokens for MiniLM) are cut by it.

    Args:
        model: A name on Hugging Face, fetched once and then found in its cache, or a folder.
        device: Such as `"cpu"`, `"cuda"` or `"mps"`; left out, the library takes the best there is.
        batch_size: Texts per pass through the model.
        query_prompt: Put before every query; left out, what the model itself prescribes, which is mostly nothing.
        document_prompt: The same for what is remembered. Another prompt makes other vectors.
        dimensions: Cut the vectors to this length, for models trained for it (Matryoshka); left out, the model's own.

    Attributes:
        fingerprint: The model's name, for a folder a digest of the model in it, so that copies agree; beside it what
            else changes the vectors.

    Raises:
        ConfigError: There is no such folder, or a number is none above 0.
        ImportError: The package `sentence-transformers` is not installed.
    """

    provider = PROVIDER

    def __init__(
        self,
        model: str | os.PathLike[str] = _EMBEDDER,
        *,
        device: str | None = None,
        batch_size: int = 32,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        dimensions: int | None = None,
    ) -> None:
        self.model = _place(model)
        self._batch_size = _positive("batch_size", batch_size)
        self._prompts = {"query": query_prompt, "document": document_prompt}
        self._cut_to = None if dimensions is None else _positive("dimensions", dimensions)
        self._loaded = _Loaded("SentenceTransformer", self.model, device=device, truncate_dim=self._cut_to)
        self._settings = {
            "model": self.model,
            "device": device,
            "batch_size": batch_size,
            "query_prompt": query_prompt,
            "document_prompt": document_prompt,
            "dimensions": dimensions,
        }
        marks = [] if document_prompt is None else [f"prompt-{_digest(document_prompt.encode())}"]
        marks += [] if dimensions is None else [str(dimensions)]
        self.fingerprint = ":".join([PROVIDER, _identity(self.model), *marks])

    @cached_property
    def dimensions(self) -> int:
        """Length of every vector; asking for it loads the model unless it was given."""
        return self._cut_to or self.embed([_PROBE]).shape[1]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` to remember: shape `(len(texts), dimensions)`, each of unit length.

        Raises:
            ConfigError: The model can be neither found nor fetched.
        """
        return self._encoded("document", texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` to search with, in the same shape.

        Raises:
            ConfigError: The model can be neither found nor fetched.
        """
        return self._encoded("query", texts)

    def spec(self) -> dict[str, object]:
        """Return what `holdfast.providers.embedder` needs to build this embedder again."""
        return {"provider": PROVIDER, "config": _given(self._settings)}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), _given(self._settings))

    def __repr__(self) -> str:
        return f"SentenceTransformersEmbedder({self.fingerprint!r})"

    def _encoded(self, side: str, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._loaded.held() as model:
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
    """A reranker that runs here and reads query and text together: any cross-encoder with one output.

    Args:
        model: A name on Hugging Face, fetched once and then found in its cache, or a folder.
        device: Such as `"cpu"`, `"cuda"` or `"mps"`; left out, the library takes the best there is.
        batch_size: Pairs per pass through the model.
        max_length: Most tokens of query and text together; left out, the model's own.

    Raises:
        ConfigError: There is no such folder, or a number is none above 0.
        ImportError: The package `sentence-transformers` is not installed.
    """

    provider = PROVIDER

    def __init__(
        self,
        model: str | os.PathLike[str] = _CROSS_ENCODER,
        *,
        device: str | None = None,
        batch_size: int = 32,
        max_length: int | None = None,
    ) -> None:
        self.model = _place(model)
        self._batch_size = _positive("batch_size", batch_size)
        longest = None if max_length is None else _positive("max_length", max_length)
        self._loaded = _Loaded("CrossEncoder", self.model, device=device, max_length=longest)
        self._settings = {
            "model": self.model,
            "device": device,
            "batch_size": batch_size,
            "max_length": max_length,
        }

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one relevance in 0..1 for each of `texts`: the sigmoid of what the model says.

        Raises:
            ConfigError: The model can be neither found nor fetched, or gives several numbers a pair.
        """
        if not texts:
            return []
        with self._loaded.held() as model:
            if model.num_labels != 1:
                raise ConfigError(f"{self.model} gives {model.num_labels} numbers a pair: a reranker gives one")
            # Models trained for ranking leave their output unbounded.
            sigmoid = import_module("torch").nn.Sigmoid()
            pairs = [(query, text) for text in texts]
            scores = model.predict(pairs, activation_fn=sigmoid, batch_size=self._batch_size, show_progress_bar=False)
        return [float(score) for score in scores]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), _given(self._settings))

    def __repr__(self) -> str:
        return f"CrossEncoderReranker({self.model!r})"


class _Loaded:
    """A model that is loaded when it is first held, by one thread at a time."""

    def __init__(self, kind: str, model: str, **options: object) -> None:
        if find_spec(_LIBRARY) is None:
            raise ImportError('local models need sentence-transformers: pip install "holdfast[local]"')
        self._kind = kind
        self._model = model
        self._options = _given(options)
        # The tokenizers are written in Rust and refuse to be used by two threads at once ("Already borrowed").
        self._lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[Any]:
        """Hold the model.

        Raises:
            ConfigError: It can be neither found nor fetched.
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
                f"the model {self._model!r} is not in the Hugging Face cache and could not be fetched: check its name;"
                " without a network (or with HF_HUB_OFFLINE=1) give the folder of a copy, or fetch it once with"
                f" `hf download {self._model}`. It said: {error}"
            ) from error


def _place(model: str | os.PathLike[str]) -> str:
    """Return the folder, its path whole, or the name that `model` is."""
    if not isinstance(model, (str, os.PathLike)) or not os.fspath(model).strip():
        raise ConfigError(f"model is {model!r}: give a model's name on Hugging Face, or a folder")
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder.resolve())
    name = os.fspath(model)
    if isinstance(model, os.PathLike) or name.startswith((".", "~")) or name.count("/") > 1 or "\\" in name:
        raise ConfigError(f"there is no folder {name}: give that of a model, or a model's name on Hugging Face")
    return name


def _identity(model: str) -> str:
    """Return what tells `model` from others: its full name, or for a folder a digest of what lies in it."""
    if Path(model).is_dir():
        return f"folder-{_folder_digest(Path(model))}"
    return model if "/" in model else f"sentence-transformers/{model}"


_SAMPLES = 64
_SAMPLE = 4096  # bytes


def _folder_digest(folder: Path) -> str:
    """Return a digest of the modules, the way they are pooled and samples of the weights.

    Samples, because weights have gigabytes; training moves all of them, so two models differ in nearly every one.
    """
    modules = [folder, *sorted(inner for inner in folder.iterdir() if inner.is_dir())]
    described = [folder / "modules.json", *(inner / "config.json" for inner in modules[1:])]
    weights = [path for module in modules for path in _weights(module)]
    parts = [path.read_bytes() for path in described if path.is_file()]
    parts += [sample for path in weights for sample in _sampled(path)]
    return _digest(*parts)


def _weights(module: Path) -> list[Path]:
    """Return the files that hold a module's weights; of two formats, the one the library loads."""
    return sorted(module.glob("*.safetensors")) or sorted(module.glob("pytorch_model*.bin"))


def _sampled(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield size.to_bytes(8, "little")
    with path.open("rb") as file:
        for number in range(_SAMPLES):
            file.seek(size * number // _SAMPLES)
            yield file.read(_SAMPLE)


def _digest(*parts: bytes) -> str:
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _positive(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} is {value!r}: use a whole number above 0")
    return value


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _rebuilt(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    return kind(**settings)
