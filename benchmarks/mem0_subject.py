"""Mem0 as a `Subject`, with its default settings and the benchmark's embedder."""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from benchmarks.corpus import DIMENSIONS, Corpus, TopicEmbedder
from benchmarks.measurement import RESULTS

VectorStore = Literal["faiss", "qdrant"]


class Mem0:
    """A `mem0.Memory` over FAISS or Qdrant's local mode, driven as a `Subject`."""

    def __init__(self, folder: Path, vector_store: VectorStore) -> None:
        self.folder = folder
        self._memory = make_mem0_memory(folder, vector_store)

    def add(self, texts: Sequence[str], *, owner: str) -> list[str]:
        """Add `texts` unchanged in one call and return their ids."""
        messages = [{"role": "user", "content": text} for text in texts]
        return [row["id"] for row in self._memory.add(messages, user_id=owner, infer=False)["results"]]

    def search(self, query: str, *, owner: str) -> list[str]:
        """Return the texts found for `query` among the memories of `owner`, best first."""
        found = self._memory.search(query, filters={"user_id": owner}, top_k=RESULTS)
        return [row["memory"] for row in found["results"]]

    def get_text(self, memory_id: str) -> str | None:
        """Return the text of one memory, `None` if it does not exist."""
        item = self._memory.get(memory_id)
        return None if item is None else str(item["memory"])

    def load(self, corpus: Corpus) -> dict[str, str]:
        """Add a whole corpus through Mem0's vector store and history, and return its texts by id.

        Not through `add`, which rewrites the whole FAISS file for every memory: 100,000 of them would take half a day.
        """
        if not corpus.texts:
            return {}
        ids = [str(uuid.uuid4()) for _ in corpus.texts]
        vectors = TopicEmbedder().embed(corpus.texts).tolist()
        payloads = [_make_payload(text, owner) for text, owner in zip(corpus.texts, corpus.owners, strict=True)]
        with _without_fsync(self._memory.vector_store):
            self._memory.vector_store.insert(vectors=vectors, payloads=payloads, ids=ids)
        history = [_make_history(key, payload) for key, payload in zip(ids, payloads, strict=True)]
        self._memory.db.batch_add_history(history)
        return dict(zip(ids, corpus.texts, strict=True))

    def close(self) -> None:
        """Close the files."""
        self._memory.close()
        client = getattr(self._memory.vector_store, "client", None)
        if client is not None:
            client.close()


class Mem0Embedder:
    """`TopicEmbedder` with Mem0's interface: one text at a time, vectors as lists."""

    def __init__(self, *, latency: float = 0.0) -> None:
        self._embedder = TopicEmbedder(latency=latency)

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:  # noqa: ARG002
        """Return the vector of one text."""
        return self.embed_batch([text])[0]

    def embed_batch(self, texts: Sequence[str], memory_action: str | None = None) -> list[list[float]]:  # noqa: ARG002
        """Return the vectors of `texts`."""
        vectors: list[list[float]] = self._embedder.embed(texts).tolist()
        return vectors


def make_mem0_memory(folder: Path, vector_store: VectorStore) -> Any:
    """Return a blocking `mem0.Memory` in `folder` with the benchmark's embedder."""
    memory = _import_mem0().Memory.from_config(make_configuration(folder, vector_store))
    memory.embedding_model = Mem0Embedder()
    return memory


def make_async_mem0_memory(folder: Path, vector_store: VectorStore, *, latency: float) -> Any:
    """Return a `mem0.AsyncMemory` in `folder`, with an embedder that takes `latency` seconds per call."""
    memory = _import_mem0().AsyncMemory.from_config(make_configuration(folder, vector_store))
    memory.embedding_model = Mem0Embedder(latency=latency)
    return memory


def make_configuration(folder: Path, vector_store: VectorStore) -> dict[str, Any]:
    """Return the argument of `Memory.from_config`, with all files inside `folder`.

    Mem0 always makes OpenAI clients; they are never called.
    """
    store = {"collection_name": "bench", "path": str(folder / "vectors"), "embedding_model_dims": DIMENSIONS}
    key = {"api_key": "none"}
    return {
        "vector_store": {"provider": vector_store, "config": store},
        "llm": {"provider": "openai", "config": key},
        "embedder": {"provider": "openai", "config": key},
        "history_db_path": str(folder / "history.db"),
    }


def _import_mem0() -> Any:
    """Import Mem0 when it is measured, without its warnings about missing extras."""
    logging.getLogger("mem0").setLevel(logging.ERROR)
    return import_module("mem0")


def _make_payload(text: str, owner: str) -> dict[str, str]:
    """Return what Mem0's `add(infer=False)` stores with the vector."""
    now = datetime.now(timezone.utc).isoformat()
    return {
        "user_id": owner,
        "role": "user",
        "data": text,
        "hash": uuid.uuid4().hex,
        "created_at": now,
        "updated_at": now,
        "text_lemmatized": text,
    }


def _make_history(memory_id: str, payload: dict[str, str]) -> dict[str, str]:
    copied = {name: payload[name] for name in ("created_at", "updated_at", "role")}
    return {"memory_id": memory_id, "new_memory": payload["data"], "event": "ADD", **copied}


@contextmanager
def _without_fsync(vector_store: Any) -> Iterator[None]:
    """Turn off syncing for Qdrant's local mode, which commits every point in its own transaction."""
    connections = list(_connections(vector_store))
    for connection in connections:
        connection.execute("PRAGMA synchronous=OFF")
    yield
    for connection in connections:
        connection.execute("PRAGMA synchronous=FULL")


def _connections(vector_store: Any) -> Iterator[sqlite3.Connection]:
    local = getattr(getattr(vector_store, "client", None), "_client", None)
    for collection in getattr(local, "collections", {}).values():
        yield collection.storage.storage
