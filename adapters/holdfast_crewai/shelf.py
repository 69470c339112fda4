"""Where `crew_memory` keeps and finds: by text, with Holdfast's own extraction and retrieval."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from crewai.memory.types import MemoryRecord

from holdfast import HashingEmbedder, InvalidInput
from holdfast_crewai.records import conditions, labelled, path_of, record_of
from holdfast_crewai.storage import HoldfastStorage
from holdfast_crewai.turns import turn_of_report

_VECTORS_KNOWN = 1_000


class Found(NamedTuple):
    """What a search found: the memories, and the fenced block in which a model is shown them."""

    items: Sequence[Mapping[str, Any]]
    block: str


class Shelf(HoldfastStorage):
    """A `HoldfastStorage` whose content goes through extraction, and which is searched by words.

    CrewAI copies an agent by building a plain `Memory` of its own from the fields of ours. What that copy stores and
    looks for arrives here too: its texts are extracted from like ours, and its vectors stand for the texts they were
    made of, since `vectors` made them.
    """

    def __init__(self, *args: Any, max_tokens: int, threshold: float | None, **options: Any) -> None:
        super().__init__(*args, **options)
        if max_tokens < 1:
            raise InvalidInput(f"max_tokens is {max_tokens!r}: it must be a whole number from 1")
        if threshold is not None and not 0 <= threshold <= 1:
            raise InvalidInput(f"threshold is {threshold!r}: it must be a number from 0 to 1")
        self.vectors = SpokenVectors()
        self._max_tokens = max_tokens
        self._threshold = threshold

    def find(self, query: str, limit: int, filters: Mapping[str, Any]) -> Found:
        """Return the memories that bear on `query`, best first, and the block for a prompt."""
        if not query.strip():
            return Found([], "")
        items = self.scoped.search(query, limit=limit, threshold=self._threshold, filters=filters)
        return Found(items, self.scoped.context(found=items, filters=filters, max_tokens=self._max_tokens))

    async def afind(self, query: str, limit: int, filters: Mapping[str, Any]) -> Found:
        """Await `find`."""
        if not query.strip():
            return Found([], "")
        items = await self.scoped.asearch(query, limit=limit, threshold=self._threshold, filters=filters)
        return Found(items, await self.scoped.acontext(found=items, filters=filters, max_tokens=self._max_tokens))

    def keep(self, content: str, metadata: Mapping[str, Any]) -> MemoryRecord:
        """Remember a turn, or a statement; a statement from which nothing is extracted is kept word for word."""
        turn = turn_of_report(content)
        result = self.scoped.add(turn or content, metadata=metadata)
        if turn is None and _was_left_aside(result):
            result = self.scoped.add(content, metadata=metadata, infer=False)
        item = self.scoped.get(result["results"][0]["id"]) if result["results"] else None
        return _record(item, content, metadata)

    async def akeep(self, content: str, metadata: Mapping[str, Any]) -> MemoryRecord:
        """Await `keep`."""
        turn = turn_of_report(content)
        result = await self.scoped.aadd(turn or content, metadata=metadata)
        if turn is None and _was_left_aside(result):
            result = await self.scoped.aadd(content, metadata=metadata, infer=False)
        item = await self.scoped.aget(result["results"][0]["id"]) if result["results"] else None
        return _record(item, content, metadata)

    def save(self, records: list[MemoryRecord]) -> None:
        """Remember what a copy's records say."""
        for record in records:
            self.keep(record.content, labelled(record.metadata, path=path_of(record.scope)))

    def search(
        self,
        query_embedding: list[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """Return what bears on the text that a vector stands for, best first, with scores from 0 to 1."""
        filters = conditions(path_of(scope_prefix), categories=categories, metadata=metadata_filter)
        found = self.find(self.vectors.text_of(query_embedding), limit, filters)
        return [(record_of(item), item["score"]) for item in found.items if item["score"] >= min_score]


class SpokenVectors:
    """An embedder as CrewAI wants one, which knows what text each of its latest vectors stands for."""

    def __init__(self) -> None:
        self._words = HashingEmbedder()
        self._texts: OrderedDict[bytes, str] = OrderedDict()

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each text."""
        vectors = self._words.embed(texts)
        self._texts.update(zip((vector.tobytes() for vector in vectors), texts, strict=True))
        while len(self._texts) > _VECTORS_KNOWN:
            self._texts.popitem(last=False)
        return [list(map(float, vector)) for vector in vectors]

    def text_of(self, vector: Sequence[float]) -> str:
        """Return the text `vector` was made of, `""` when that is not known."""
        return self._texts.get(np.asarray(vector, np.float32).tobytes(), "")


class NoModel:
    """What stands where CrewAI keeps a model of its own: Holdfast decides, so nothing is ever asked."""

    def call(self, *_: Any, **__: Any) -> str:
        """Refuse, upon which CrewAI goes on without a model.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("Holdfast extracts and decides itself")


def _was_left_aside(result: Mapping[str, Any]) -> bool:
    """Return whether extraction read a text and took nothing from it, though nothing of it was known."""
    known = any(item["reason"] == "duplicate" or "id" in item for item in result["skipped"])
    return result["inference"] != "none" and not result["results"] and not known


def _record(item: Mapping[str, Any] | None, content: str, metadata: Mapping[str, Any]) -> MemoryRecord:
    """Return a memory as CrewAI's record; it wants one for what was known already, too."""
    if item is not None:
        return record_of(item)
    now = datetime.now(timezone.utc).isoformat()
    said = {"id": str(uuid4()), "memory": content, "metadata": metadata, "categories": []}
    return record_of({**said, "created_at": now, "updated_at": now})
