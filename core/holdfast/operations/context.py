"""`context`: what is known, as one block for a model's prompt."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from holdfast.errors import InvalidInput
from holdfast.extraction.fence import fenced_block, fenced_line, mark_instruction
from holdfast.filters import Filter
from holdfast.operations.arguments import check_scope
from holdfast.operations.index_entries import STANDING
from holdfast.operations.result_items import memory_item
from holdfast.operations.search import search_matching
from holdfast.results import MemoryItem
from holdfast.retrieval.index_text import label_terms
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime

DEFAULT_TOKENS = 1_000
_MOST_CHARACTERS = 16  # a token, in the mean of a whole memory: no tokenizer gets there, and most stay below six
_STANDING_SHARE = 0.25  # of the room, where that is more than the next; more of it would crowd out what was asked for
_STANDING_TOKENS = 100  # but never more than half of the room
_MOST_STANDING = 100
_LEAST_TOKENS = 8  # of a line, which has a date
_OF_KIND = ("instruction", "preference")
_ORDER = {"instruction": 0, "profile": 1, "preference": 2}
_MOST_RELEVANT = 50


def context(
    runtime: Runtime,
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
    rerank: bool | None = None,
    filter_memories: bool | None = None,
    found: Sequence[MemoryItem] | None = None,
) -> Flow[str]:
    """Return what is known within a scope as one block of text for a model's prompt.

    First the standing facts (how the user wants to be answered, who they are, what they like; of each the newest
    first), in at most a quarter of the room, of a small one up to half; then the memories that bear on `query`, the
    best first. Each with its day, all fenced and labelled as data. `add` knows the block again and never extracts
    from it.

    Args:
        query: What the conversation is about; blank for the standing facts alone.
        user_id: Whose memories; at least one of the four scope ids must be named, here or in `filters`.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        actor_id: Only what this speaker said.
        filters: Conditions (see `holdfast.filters`).
        max_tokens: Room for the block with its fence, at least 1; it is never above. Counted by the `count_tokens`
            of the configuration, else by the chat model's own tokenizer if that lies on this machine, else four bytes
            of UTF-8 are a token: 3 % too few for English talk by GPT-4o's count, 13 % for Chinese, too many for
            Russian or Hindi. `memory.tokens.counted_by` says which.
        threshold: Least score of the memories shown for `query`, 0.0 to 1.0.
        rerank: See `search`.
        filter_memories: See `search`; standing facts are shown all the same.
        found: What `search` has just found for the conversation: shown in the place of a search of its own.

    Returns:
        The block, `""` when nothing is known.

    Raises:
        InvalidInput: No scope is named, or a number is out of range.
        ConfigError: `rerank` or `filter_memories` is asked of a memory without the engine for it.
        ProviderError: A model service failed, or the counter did or gave no whole number from 0.
    """
    if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1:
        raise InvalidInput(f"max_tokens is {max_tokens!r}: it must be a whole number from 1")
    matching = check_scope(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    if found is None and isinstance(query, str) and query.strip():
        results = yield from search_matching(
            runtime,
            query,
            matching,
            limit=_MOST_RELEVANT,
            threshold=threshold,
            rerank=rerank,
            filter_memories=filter_memories,
        )
        found = results["results"]
    relevant = [item for item in found or [] if item.get("score", 1.0) > 0]
    return (yield from work(_composed, runtime, matching, relevant, max_tokens))


def _composed(runtime: Runtime, matching: Filter, relevant: Sequence[MemoryItem], max_tokens: int) -> str:
    """Return the block of the standing facts and of what is relevant."""
    room = _standing_room(max_tokens) if relevant else max_tokens
    most = min(_MOST_STANDING, int(room / _LEAST_TOKENS) + 1)
    return _block(runtime, _standing(runtime, matching, most), relevant, max_tokens)


def _standing(runtime: Runtime, matching: Filter, most: int) -> list[MemoryItem]:
    """Return the newest memories that say how things stand with the user, at most `most` of each kind."""
    with runtime.live_index as index:
        positions = runtime.live_index.candidates(index, matching, today=runtime.today())
        every, wishes, tastes = (
            index.terms.find_postings(label_terms([name]), positions)[0].places for name in (STANDING, *_OF_KIND)
        )
        others = np.setdiff1d(every, np.concatenate([wishes, tastes]), assume_unique=True)
        places = np.sort(np.concatenate([kind[-most:] for kind in (wishes, others, tastes)]))[::-1]
        records = runtime.live_index.records_at(index, positions[places]) if len(places) else []
    items = [memory_item(record) for record in records if record is not None]
    items.sort(key=lambda item: item["created_at"], reverse=True)
    return sorted(items, key=lambda item: _ORDER.get(item.get("standing", ""), 1))


def _block(runtime: Runtime, standing: Sequence[MemoryItem], relevant: Sequence[MemoryItem], max_tokens: int) -> str:
    """Return the block of what fits."""
    tokens = runtime.tokens.of
    wishes = any(_is_wish(item) for item in (*standing, *relevant))
    fence = tokens(fenced_block([""], instructions=wishes)) - tokens("\n")
    lines = list(_lines(standing, relevant, max_tokens - fence, tokens))
    # Lines together may have other tokens than each by itself.
    while lines and tokens(fenced_block(lines, instructions=wishes)) > max_tokens:
        lines.pop()
    return fenced_block(lines, instructions=wishes)


def _lines(
    standing: Sequence[MemoryItem], relevant: Sequence[MemoryItem], room: float, tokens: Callable[[str], float]
) -> Iterator[str]:
    """Yield what fits: a memory is shown whole or not at all, and nothing is told twice."""
    size_of = functools.cache(lambda line: tokens(f"{line}\n"))
    told: set[tuple[str | None, str]] = set()
    spent = 0.0
    for items, filled in ((standing, _standing_room(room) if relevant else room), (relevant, room)):
        for item in items:
            line, left, tells = _line(item), filled - spent, _told_by(item)
            if not tells <= told and len(line) <= left * _MOST_CHARACTERS and size_of(line) <= left:
                told |= tells
                spent += size_of(line)
                yield line


def _told_by(item: MemoryItem) -> set[tuple[str | None, str]]:
    """Return what a memory tells, and by whom: a kept turn its facts, anything else itself."""
    return {(item.get("speaker"), text) for text in item.get("facts") or [item["memory"]]}


def _standing_room(room: float) -> float:
    return min(room / 2, max(room * _STANDING_SHARE, _STANDING_TOKENS))


def _line(item: MemoryItem) -> str:
    who = f"{item['speaker']}: " if "speaker" in item else ""
    return fenced_line(
        f"- [{item['updated_at'][:10]}] {mark_instruction(who + item['memory'], instruction=_is_wish(item))}"
    )


def _is_wish(item: MemoryItem) -> bool:
    return item.get("standing") == "instruction"
