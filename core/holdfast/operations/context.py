"""`context`: what is known of a scope, as one block for a model's prompt."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from holdfast.errors import InvalidInput, short_repr
from holdfast.extraction.fence import fenced_block, fenced_line
from holdfast.filters import Filter, split_scope
from holdfast.operations.arguments import check_found, check_query, check_scope
from holdfast.operations.index_entries import PROFILE_FACT
from holdfast.operations.result_items import memory_item
from holdfast.operations.search import check_search_options, find_relevant
from holdfast.records import is_own_user
from holdfast.results import MemoryItem
from holdfast.retrieval.index_text import label_terms
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime

DEFAULT_TOKENS = 1_000
"""Size of the block when the caller does not say."""

_MOST_RELEVANT = 50
_MOST_PER_KIND = 100  # profile facts of one kind
_KIND_ORDER = {"instruction": 0, "profile": 1, "preference": 2}

# Profile facts get a quarter of the block; more would crowd out what was asked for. In a small block they get 100
# tokens, but never more than half.
_PROFILE_SHARE = 0.25
_PROFILE_TOKENS = 100

_LEAST_LINE_TOKENS = 8  # every line has a date
# No tokenizer packs more characters into a token, averaged over a memory; most stay below six. A line that is longer
# than its room allows at this rate is skipped without being tokenised.
_MOST_CHARACTERS_PER_TOKEN = 16


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
    """Return what is known of a scope as one block of text for a model's prompt.

    Profile facts come first: how the user wants to be answered, who they are, what they like, of each the newest
    first. They take at most a quarter of the block, up to half of a small one. Then come the memories relevant to
    `query`, best first. Every line has its day; the whole block is fenced and labelled as data. `add` recognises the
    block and never extracts from it.

    Args:
        query: What the conversation is about; blank for the profile facts alone.
        user_id: The user; at least one of the four scope ids must be given, here or in `filters`.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        actor_id: Only what this speaker said.
        filters: Conditions (see `holdfast.filters`).
        max_tokens: Most tokens of the block with its fence, at least 1. Counted by the `count_tokens` of the
            configuration, else by the chat model's own tokenizer if it is on this machine, else as four bytes of UTF-8
            a token: compared with GPT-4o's count 3 % too few for English talk, 13 % for Chinese, too many for Russian
            or Hindi. `memory.tokens.counted_by` says which.
        threshold: Least score of the memories shown for `query`, 0.0 to 1.0.
        rerank: See `search`.
        filter_memories: See `search`; profile facts are shown all the same.
        found: Results that `search` has just returned for this conversation, used instead of another search.

    Returns:
        The block, `""` when nothing is known.

    Raises:
        InvalidInput: No scope is named, or a number is out of range.
        ConfigError: `rerank` or `filter_memories` is on, and the memory has no engine for it.
        ProviderError: A model service or the token counter failed.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I am allergic to peanuts.", user_id="ana", timestamp="2026-05-01")
    >>> print(memory.context("dinner", user_id="ana"))  # doctest: +ELLIPSIS
    <recalled-memory>
    ...
    - [2026-05-01] I am allergic to peanuts.
    </recalled-memory>
    """
    if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1:
        raise InvalidInput(f"max_tokens is {short_repr(max_tokens)}: it must be a whole number from 1")
    matching = check_scope(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    if query is not None and not isinstance(query, str):
        check_query(query)
    if found is None and query is not None and query.strip():
        options = check_search_options(
            runtime, limit=_MOST_RELEVANT, threshold=threshold, rerank=rerank, filter_memories=filter_memories
        )
        results = yield from find_relevant(runtime, query, matching, options)
        found = results["results"]
    relevant = [item for item in check_found(found) if item.get("score", 1.0) > 0]
    return (yield from work(_compose, runtime, matching, relevant, max_tokens))


def _compose(runtime: Runtime, matching: Filter, relevant: Sequence[MemoryItem], max_tokens: int) -> str:
    """Return the block of the profile facts and the relevant memories that fit."""
    user_id = split_scope(matching)[0].get("user_id")
    room = _profile_room(max_tokens) if relevant else max_tokens
    limit = min(_MOST_PER_KIND, int(room / _LEAST_LINE_TOKENS) + 1)
    profile = [_for_user(item, user_id) for item in _profile_facts(runtime, matching, limit)]
    relevant = [_for_user(item, user_id) for item in relevant]
    count = runtime.tokens.of
    instructions = any(_is_instruction(item) for item in (*profile, *relevant))
    fence = count(fenced_block([""], instructions=instructions)) - count("\n")
    lines = list(_lines_that_fit(profile, relevant, max_tokens - fence, count))
    # Lines joined may have more tokens than the sum of each by itself.
    while lines and count(fenced_block(lines, instructions=instructions)) > max_tokens:
        lines.pop()
    return fenced_block(lines, instructions=instructions)


def _profile_facts(runtime: Runtime, matching: Filter, limit: int) -> list[MemoryItem]:
    """Return the newest profile facts, at most `limit` of each kind: instructions, then profile, then preferences."""
    with runtime.live_index.lock:
        index = runtime.live_index.catch_up()
        positions = runtime.live_index.candidates(index, matching, today=runtime.today())
        every, instructions, preferences = (
            index.terms.find_postings(label_terms([name]), positions)[0].places
            for name in (PROFILE_FACT, "instruction", "preference")
        )
        others = np.setdiff1d(every, np.concatenate([instructions, preferences]), assume_unique=True)
        newest = np.concatenate([kind[-limit:] for kind in (instructions, others, preferences)])
        places = np.sort(newest)[::-1]
        records = runtime.live_index.records_at(index, positions[places]) if len(places) else []
    items = [memory_item(record) for record in records if record is not None]
    items.sort(key=lambda item: item["created_at"], reverse=True)
    return sorted(items, key=lambda item: _KIND_ORDER.get(item.get("standing", ""), 1))


def _lines_that_fit(
    profile: Sequence[MemoryItem], relevant: Sequence[MemoryItem], room: float, count: Callable[[str], float]
) -> Iterator[str]:
    """Yield the lines of the block. A memory is shown whole or not at all, and no fact is shown twice."""
    tokens_of = functools.cache(lambda line: count(f"{line}\n"))
    shown: set[tuple[str | None, str]] = set()
    spent = 0.0
    for items, limit in ((profile, _profile_room(room) if relevant else room), (relevant, room)):
        for item in items:
            line, left, facts = _line(item), limit - spent, _facts_of(item)
            if not facts <= shown and len(line) <= left * _MOST_CHARACTERS_PER_TOKEN and tokens_of(line) <= left:
                shown |= facts
                spent += tokens_of(line)
                yield line


def _facts_of(item: MemoryItem) -> set[tuple[str | None, str]]:
    """Return what a memory states, with its speaker: the facts of a kept turn, else the memory itself."""
    return {(item.get("speaker"), text) for text in item.get("facts") or [item["memory"]]}


def _profile_room(room: float) -> float:
    return min(room / 2, max(room * _PROFILE_SHARE, _PROFILE_TOKENS))


def _line(item: MemoryItem) -> str:
    speaker = f"{item['speaker']}: " if "speaker" in item else ""
    day = f"- [{item['updated_at'][:10]}] "
    return fenced_line(speaker + item["memory"], before=day, instruction=_is_instruction(item))


def _for_user(item: MemoryItem, user_id: str | None) -> MemoryItem:
    """Return `item`, and an instruction of anybody but the user whose context it is as a plain memory.

    The context of an agent or an application, or of several users, shows what many people have said.
    """
    names = [name for name in (item.get("speaker"), item.get("actor_id")) if name is not None]
    said_by_user = item.get("role") == "user" and item.get("user_id") == user_id and is_own_user(user_id, names)
    return item if said_by_user or not _is_instruction(item) else {**item, "standing": "other"}


def _is_instruction(item: MemoryItem) -> bool:
    return item.get("standing") == "instruction"
