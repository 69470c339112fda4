"""The storage below `crew_memory`: it takes and finds text, with Holdfast's own extraction and retrieval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple
from uuid import uuid4

from crewai.memory.types import MemoryRecord

from holdfast import AddResult, Flow, InvalidInput
from holdfast_crewai.records import LABEL, add_label, is_hidden_from, to_record, visibility_filter
from holdfast_crewai.storage import HoldfastStorage
from holdfast_crewai.task_report import parse_task_report

_KNOWN = ("duplicate", "already known")
"""The reasons for which something is skipped that a memory says already."""


class RecallFilter(NamedTuple):
    """The memories a search may find.

    Attributes:
        conditions: The filter for paths and categories.
        source: The source whose private memories may be found.
        include_private: Whether all private memories may be found.
    """

    conditions: Mapping[str, Any]
    source: str | None
    include_private: bool

    @property
    def visible_conditions(self) -> Mapping[str, Any]:
        """The filter for paths, categories and privacy."""
        if self.include_private:
            return self.conditions
        return {"AND": [self.conditions, visibility_filter(self.source)]}

    def hides_any(self, items: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether one of `items` is private and must not be found."""
        return not self.include_private and any(is_hidden_from(self.source, item) for item in items)


class RecallResult(NamedTuple):
    """The memories a search found, and the fenced block that shows them to a model."""

    items: Sequence[Mapping[str, Any]]
    block: str


class TextStorage(HoldfastStorage):
    """A `HoldfastStorage` that extracts facts from what it is given, and searches by text instead of by vector."""

    def __init__(self, *args: Any, max_tokens: int, threshold: float | None, **options: Any) -> None:
        super().__init__(*args, **options)
        if max_tokens < 1:
            raise InvalidInput(f"max_tokens is {max_tokens!r}: it must be a whole number from 1")
        if threshold is not None and not 0 <= threshold <= 1:
            raise InvalidInput(f"threshold is {threshold!r}: it must be a number from 0 to 1")
        self._max_tokens = max_tokens
        self._threshold = threshold

    def recall(self, query: str, limit: int, allowed: RecallFilter) -> Flow[RecallResult]:
        """Return the memories relevant to `query`, best first, and the block for a prompt."""
        if not query.strip():
            return RecallResult([], "")
        options: dict[str, Any] = {"limit": limit, "threshold": self._threshold}
        # Few memories are private, and a filter on metadata reads every memory of a user: 5 ms for 10,000. So the
        # search runs without the privacy filter, and again with it only if it found something that must stay hidden.
        items = yield from self.scoped.flows.search(query, filters=allowed.conditions, **options)
        if allowed.hides_any(items):
            items = yield from self.scoped.flows.search(query, filters=allowed.visible_conditions, **options)
        block = yield from self.scoped.flows.context(
            found=items, filters=allowed.visible_conditions, max_tokens=self._max_tokens
        )
        return RecallResult(items, block)

    def remember(self, content: str, metadata: Mapping[str, Any]) -> Flow[AddResult]:
        """Remember the report of a task as a turn, or a statement; return what was added.

        A statement from which no fact is extracted is stored word for word.
        """
        turn = parse_task_report(content)
        if turn is not None:
            result = yield from self.scoped.flows.add(turn, metadata=metadata)
        else:
            # A crew writes its statements itself: none of them is the user's word.
            note: dict[str, Any] = {"metadata": metadata, "attributed_to": "assistant"}
            result = yield from self.scoped.flows.add(content, **note)
            if _found_nothing_new(result):
                result = yield from self.scoped.flows.add(content, **note, infer=False)
        yield from self._label_known(result, metadata)
        return result

    def _label_known(self, result: AddResult, metadata: Mapping[str, Any]) -> Flow[None]:
        """Give the memories that were told once more the path under which they were."""
        known = {item["id"] for item in result["skipped"] if "id" in item and item["reason"] in _KNOWN}
        for memory_id in sorted(known):
            memory = yield from self.scoped.flows.get(memory_id)
            label = None if memory is None or memory.get("immutable") else add_label(memory["metadata"], metadata)
            if label is not None:
                yield from self.scoped.flows.update(memory_id, metadata={LABEL: label})

    def remember_as_record(self, content: str, metadata: Mapping[str, Any]) -> Flow[MemoryRecord]:
        """Do `remember`, and return the first memory that was added.

        CrewAI expects a record even if nothing was added: then it is one of `content` itself.
        """
        result = yield from self.remember(content, metadata)
        memory_id = _first_id(result)
        item = (yield from self.scoped.flows.get(memory_id)) if memory_id else None
        return _make_record(content, metadata) if item is None else to_record(item)


def embed_nothing(_texts: Sequence[str]) -> list[list[float]]:
    """Take the place of CrewAI's embedder: Holdfast embeds what it stores itself."""
    return []


class UnusedModel:
    """Takes the place of CrewAI's model: Holdfast extracts and reconciles, so CrewAI's analysis is not needed."""

    def call(self, *_: Any, **__: Any) -> str:
        """Refuse the call; CrewAI then continues without a model.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("Holdfast extracts and decides itself")


def _found_nothing_new(result: AddResult) -> bool:
    """Return whether a text was read, nothing was stored, and nothing in it was a duplicate."""
    is_known = any(item["reason"] == "duplicate" or "id" in item for item in result["skipped"])
    return result["inference"] != "none" and _first_id(result) is None and not is_known


def _first_id(result: AddResult) -> str | None:
    """Return the id of the first fact or, where turns are kept, of the first turn; `None` if nothing was added."""
    added: list[Mapping[str, Any]] = [*result["results"], *result.get("turns", ())]
    return added[0]["id"] if added else None


def _make_record(content: str, metadata: Mapping[str, Any]) -> MemoryRecord:
    now = datetime.now(timezone.utc).isoformat()
    item = {"id": str(uuid4()), "memory": content, "metadata": metadata, "categories": []}
    return to_record({**item, "created_at": now, "updated_at": now})
