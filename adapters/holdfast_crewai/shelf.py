"""Where `crew_memory` keeps and finds: by text, with Holdfast's own extraction and retrieval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple
from uuid import uuid4

from crewai.memory.types import MemoryRecord

from holdfast import InvalidInput
from holdfast_crewai.records import hidden_from, record_of, visible_to
from holdfast_crewai.storage import HoldfastStorage
from holdfast_crewai.turns import turn_of_report


class Where(NamedTuple):
    """What a search may find: what is `inside` a filter, and of that what is private only as far as it says so."""

    inside: Mapping[str, Any]
    source: str | None
    include_private: bool

    @property
    def permitted(self) -> Mapping[str, Any]:
        """The filter for all of it."""
        return self.inside if self.include_private else {"AND": [self.inside, visible_to(self.source)]}

    def forbids(self, items: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether one of `items` is private and not for this search."""
        return not self.include_private and any(hidden_from(self.source, item) for item in items)


class Found(NamedTuple):
    """What a search found: the memories, and the fenced block in which a model is shown them."""

    items: Sequence[Mapping[str, Any]]
    block: str


class Shelf(HoldfastStorage):
    """A `HoldfastStorage` whose content goes through extraction, and which is searched by words."""

    def __init__(self, *args: Any, max_tokens: int, threshold: float | None, **options: Any) -> None:
        super().__init__(*args, **options)
        if max_tokens < 1:
            raise InvalidInput(f"max_tokens is {max_tokens!r}: it must be a whole number from 1")
        if threshold is not None and not 0 <= threshold <= 1:
            raise InvalidInput(f"threshold is {threshold!r}: it must be a number from 0 to 1")
        self._max_tokens = max_tokens
        self._threshold = threshold

    def find(self, query: str, limit: int, where: Where) -> Found:
        """Return the memories that bear on `query`, best first, and the block for a prompt."""
        if not query.strip():
            return Found([], "")
        # Hardly anything is private, and to ask it of each memory of a user reads them all: 5 ms of 10,000. So the
        # search goes without, and again with it only when it came upon what is not for this search.
        options: dict[str, Any] = {"limit": limit, "threshold": self._threshold}
        items = self.scoped.search(query, filters=where.inside, **options)
        if where.forbids(items):
            items = self.scoped.search(query, filters=where.permitted, **options)
        return Found(items, self.scoped.context(found=items, filters=where.permitted, max_tokens=self._max_tokens))

    async def afind(self, query: str, limit: int, where: Where) -> Found:
        """Await `find`."""
        if not query.strip():
            return Found([], "")
        options: dict[str, Any] = {"limit": limit, "threshold": self._threshold}
        items = await self.scoped.asearch(query, filters=where.inside, **options)
        if where.forbids(items):
            items = await self.scoped.asearch(query, filters=where.permitted, **options)
        block = await self.scoped.acontext(found=items, filters=where.permitted, max_tokens=self._max_tokens)
        return Found(items, block)

    def keep(self, content: str, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """Remember a turn, or a statement, and say what became of it.

        A statement from which nothing is extracted is kept word for word.
        """
        turn = turn_of_report(content)
        result = self.scoped.add(turn or content, metadata=metadata)
        if turn is None and _was_left_aside(result):
            result = self.scoped.add(content, metadata=metadata, infer=False)
        return result

    def kept(self, content: str, metadata: Mapping[str, Any]) -> MemoryRecord:
        """Do `keep`, and return the first memory it became; a record of what was said when all of it was known."""
        first = _first(self.keep(content, metadata))
        return _record(self.scoped.get(first) if first else None, content, metadata)

    async def akept(self, content: str, metadata: Mapping[str, Any]) -> MemoryRecord:
        """Await `kept`."""
        turn = turn_of_report(content)
        result = await self.scoped.aadd(turn or content, metadata=metadata)
        if turn is None and _was_left_aside(result):
            result = await self.scoped.aadd(content, metadata=metadata, infer=False)
        first = _first(result)
        return _record(await self.scoped.aget(first) if first else None, content, metadata)


def no_vectors(_texts: Sequence[str]) -> list[list[float]]:
    """Be CrewAI's embedder, of which nothing is wanted: what is changed here is embedded by Holdfast."""
    return []


class NoModel:
    """What stands where CrewAI keeps a model of its own: Holdfast decides, so nothing is ever asked."""

    def call(self, *_: Any, **__: Any) -> str:
        """Refuse, upon which CrewAI goes on without a model.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("Holdfast extracts and decides itself")


def _was_left_aside(result: Mapping[str, Any]) -> bool:
    """Return whether extraction read a text and nothing of it was kept, though nothing of it was known."""
    known = any(item["reason"] == "duplicate" or "id" in item for item in result["skipped"])
    return result["inference"] != "none" and _first(result) is None and not known


def _first(result: Mapping[str, Any]) -> str | None:
    """Return the id of the first memory a text became: a fact of it or, where turns are kept, the turn."""
    became: list[Mapping[str, Any]] = [*result["results"], *result.get("turns", ())]
    return became[0]["id"] if became else None


def _record(item: Mapping[str, Any] | None, content: str, metadata: Mapping[str, Any]) -> MemoryRecord:
    """Return a memory as CrewAI's record; it wants one for what was known already, too."""
    if item is not None:
        return record_of(item)
    now = datetime.now(timezone.utc).isoformat()
    said = {"id": str(uuid4()), "memory": content, "metadata": metadata, "categories": []}
    return record_of({**said, "created_at": now, "updated_at": now})
