"""`context`: what is known, as one block for a model's prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.core import Core
from holdfast.errors import InvalidInput
from holdfast.extraction.recalled import recalled_block
from holdfast.filters import Filter
from holdfast.flow import Flow, work
from holdfast.operations.indexing import STANDING
from holdfast.operations.inputs import matching_of
from holdfast.operations.items import item_of
from holdfast.operations.searching import search_matching
from holdfast.records import MemoryItem
from holdfast.retrieval.keys import slot_terms

DEFAULT_TOKENS = 1_000
_CHARACTERS_PER_TOKEN = 4
_STANDING_SHARE = 0.5
_MOST_STANDING = 100
_MOST_RELEVANT = 50


def context(
    core: Core,
    query: str = "",
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    actor_id: str | None = None,
    filters: Mapping[str, Any] | None = None,
    max_tokens: int = DEFAULT_TOKENS,
    threshold: float | None = None,
    found: Sequence[MemoryItem] | None = None,
) -> Flow[str]:
    """Return what is known within a scope as one block of text for a model's prompt.

    First the standing facts (who the user is, what they like, how they want to be answered), the newest first, in at
    most half of the room; then the memories that bear on `query`, the best first. Each with its day, all fenced and
    labelled as data. `add` knows the block again and never extracts from it.

    Args:
        query: What the conversation is about; blank for the standing facts alone.
        user_id: Whose memories; at least one of the four scope ids must be named, here or in `filters`.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        actor_id: Only what this speaker said.
        filters: Conditions (see `holdfast.filters`).
        max_tokens: Room for the block, at least 1; a token is counted as four bytes of UTF-8, an upper estimate for
            prose.
        threshold: Least score of the memories shown for `query`, 0.0 to 1.0.
        found: What `search` has just found for the conversation: shown in the place of a search of its own.

    Returns:
        The block, `""` when nothing is known.

    Raises:
        InvalidInput: No scope is named, or a number is out of range.
        ProviderError: The embedding service failed.
    """
    if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1:
        raise InvalidInput(f"max_tokens is {max_tokens!r}: it must be a whole number from 1")
    matching = matching_of(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    standing = yield from work(_standing, core, matching)
    if found is None and isinstance(query, str) and query.strip():
        results = yield from search_matching(core, query, matching, limit=_MOST_RELEVANT, threshold=threshold)
        found = results["results"]
    relevant = [item for item in found or [] if item.get("score", 1.0) > 0]
    room = max_tokens * _CHARACTERS_PER_TOKEN - len(recalled_block(["-"]))
    return recalled_block(list(_lines(standing, relevant, room)))


def _standing(core: Core, matching: Filter) -> list[MemoryItem]:
    """Return the newest memories that say how things stand with the user."""
    with core.lock:
        index = core.index()
        positions = core.candidates(index, matching)
        (hit,) = index.terms.hits(slot_terms([STANDING]), positions)
        records = core.records_at(index, positions[hit.places[-_MOST_STANDING:]]) if len(hit.places) else []
    latest_first = [item_of(record) for record in reversed(records) if record is not None]
    return sorted(latest_first, key=lambda item: item["created_at"], reverse=True)


def _lines(standing: Sequence[MemoryItem], relevant: Sequence[MemoryItem], room: int) -> Iterator[str]:
    """Yield what fits: a memory is shown whole or not at all, and once."""
    shown: set[str] = set()
    left = room * _STANDING_SHARE if relevant else room
    spent = 0
    for items, least_left in ((standing, room - left), (relevant, 0)):
        for item in items:
            line = _line(item)
            size = len(line.encode()) + 1
            if item["id"] not in shown and spent + size <= room - least_left:
                shown.add(item["id"])
                spent += size
                yield line


def _line(item: MemoryItem) -> str:
    who = f"{item['speaker']}: " if "speaker" in item else ""
    return f"- [{item['updated_at'][:10]}] {who}{item['memory']}"
