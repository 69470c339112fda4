"""`search` and `get_all`: the memories of a scope by relevance, or by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from typing_extensions import NotRequired

from holdfast.core import Core
from holdfast.errors import InvalidInput
from holdfast.filters import Comparison, Filter, both, parse_filter, predicate
from holdfast.flow import Flow, embed, work
from holdfast.index import MemoryIndex, Positions
from holdfast.operations.indexing import slot_names_asked
from holdfast.operations.inputs import limit_of, matching_of, memory_id_of, text_of, threshold_of
from holdfast.operations.items import item_of
from holdfast.records import MemoryItem
from holdfast.retrieval.fusion import Signals, WordSignals, best, contenders
from holdfast.retrieval.keys import slot_terms
from holdfast.retrieval.keyword import keyword_scores
from holdfast.retrieval.neighbourhood import neighbour_scores, session_scores, speaker_scores
from holdfast.retrieval.tokens import term_ids, words

DEFAULT_LIMIT = 10
DEFAULT_PAGE = 100
_MOST_LISTED = 1_000_000
_MANY = 20_000  # candidates from which it pays to look for the nearest first
_HEAD = 256  # how many of those


class Explanation(TypedDict):
    """Why one memory is, or is not, among the results.

    `reason` is one of `"found"`, `"unknown id"`, `"outside the filter"`, `"expired"`, `"below the threshold"` and
    `"outranked"`; `rank` counts from 1 among everything the filter lets through.
    """

    id: str
    reason: str
    rank: NotRequired[int]
    score: NotRequired[float]
    score_details: NotRequired[dict[str, float]]


class SearchResults(TypedDict):
    """Memories by falling score; `explanation` only when one memory was asked about."""

    results: list[MemoryItem]
    explanation: NotRequired[Explanation]


class Listing(TypedDict):
    """Memories, newest first. With `page`, also the number of all of them and of the pages beside this one."""

    results: list[MemoryItem]
    count: NotRequired[int]
    next: NotRequired[int | None]
    previous: NotRequired[int | None]


@dataclass(frozen=True, slots=True)
class Query:
    """A search, checked and embedded."""

    words: NDArray[np.uint32]
    slots: NDArray[np.uint32]
    vector: NDArray[np.float32]
    matching: Filter
    limit: int
    threshold: float
    show_expired: bool
    explain: bool | str


def search(
    core: Core,
    query: str,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    actor_id: str | None = None,
    filters: Mapping[str, Any] | None = None,
    limit: int | None = None,
    top_k: int | None = None,
    threshold: float | None = None,
    show_expired: bool = False,
    explain: bool | str = False,
) -> Flow[SearchResults]:
    """Find the memories of one scope that bear on `query`, best first.

    Args:
        query: Plain text, not blank.
        user_id: Whose memories; at least one of the four scope ids must be named, here or in `filters`.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        actor_id: Only what this speaker said.
        filters: Conditions on ids, dates, categories, text and metadata (see `holdfast.filters`).
        limit: Most results, 1 to 1000; 10 by default.
        top_k: Another name for `limit`.
        threshold: Least score kept, 0.0 (all) to 1.0.
        show_expired: Also show memories past their expiration date.
        explain: `True` adds `score_details` to every result; the id of a memory adds `explanation`, which says why
            that memory is or is not among the results.

    Returns:
        `{"results": [...]}` by falling score, 0..1; empty when nothing is known within the scope.

    Raises:
        InvalidInput: `query` is blank, no scope is named, or a number is out of range.
        ProviderError: The embedding service failed.
        StorageError: The file cannot be read.
    """
    matching = matching_of(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    most = limit_of(limit, top_k, default=DEFAULT_LIMIT)
    return (
        yield from search_matching(
            core, query, matching, limit=most, threshold=threshold, show_expired=show_expired, explain=explain
        )
    )


def search_matching(
    core: Core,
    query: str,
    matching: Filter,
    *,
    limit: int,
    threshold: float | None = None,
    show_expired: bool = False,
    explain: bool | str = False,
) -> Flow[SearchResults]:
    """Find the memories that match a checked filter and bear on `query`, best first (see `search`)."""
    question = text_of(query, name="query")
    least = threshold_of(threshold)
    about = explain if isinstance(explain, bool) else memory_id_of(explain)
    vectors = yield from embed(core.engines.embedder, [question])
    asked = Query(
        words=term_ids(words(question)),
        slots=slot_terms(slot_names_asked(question)),
        vector=vectors[0],
        matching=matching,
        limit=limit,
        threshold=least,
        show_expired=bool(show_expired),
        explain=about,
    )
    return (yield from work(_find, core, asked))


def get_all(
    core: Core,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    actor_id: str | None = None,
    filters: Mapping[str, Any] | None = None,
    limit: int | None = None,
    top_k: int | None = None,
    page: int | None = None,
    page_size: int | None = None,
    show_expired: bool = False,
) -> Flow[Listing]:
    """Return the memories of one scope, newest first.

    Args:
        user_id: Whose memories; at least one of the four scope ids must be named, here or in `filters`.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        actor_id: Only what this speaker said.
        filters: Conditions (see `holdfast.filters`).
        limit: Most results; 100 by default.
        top_k: Another name for `limit`.
        page: Number of the page, from 1; with it the result also has `count`, `next` and `previous`.
        page_size: Memories per page; 100 by default.
        show_expired: Also show memories past their expiration date.

    Raises:
        InvalidInput: No scope is named, or a number is out of range.
        StorageError: The file cannot be read.
    """
    matching = matching_of(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    if not show_expired:
        matching = both(matching, _unexpired(core))
    if page is None and page_size is None:
        most = limit_of(limit, top_k, default=DEFAULT_PAGE, most=_MOST_LISTED)
        records = yield from work(core.store.select, matching, limit=most)
        return {"results": [item_of(record) for record in records]}
    number = limit_of(page, default=1, most=_MOST_LISTED)
    size = limit_of(page_size, default=DEFAULT_PAGE, most=_MOST_LISTED)
    if limit is not None or top_k is not None:
        raise InvalidInput("limit and page are given together: use page and page_size, or limit alone")
    records = yield from work(core.store.select, matching, limit=size, offset=(number - 1) * size)
    count = yield from work(core.store.count, matching)
    return {
        "count": count,
        "next": number + 1 if number * size < count else None,
        "previous": number - 1 if number > 1 else None,
        "results": [item_of(record) for record in records],
    }


def _find(core: Core, asked: Query) -> SearchResults:
    with core.lock:
        index = core.index()
        positions = core.candidates(index, asked.matching, show_expired=asked.show_expired)
        positions, signals = _ranked(index, asked, positions)
        scores = signals.fused()
        places = best(scores, asked.limit, threshold=asked.threshold)
        records = core.records_at(index, positions[places])
    holds = predicate(asked.matching)
    results: list[MemoryItem] = []
    for place, record in zip(places, records, strict=True):
        # The filter chose the candidates; here it vouches for each result, should the two ever disagree.
        if record is None or not holds(record):
            continue
        item = item_of(record)
        item["score"] = max(0.0, float(scores[place]))
        if asked.explain:
            item["score_details"] = signals.at(int(place))
        results.append(item)
    found: SearchResults = {"results": results}
    if isinstance(asked.explain, str):
        found["explanation"] = _explanation(core, asked, asked.explain)
    return found


def _ranked(index: MemoryIndex, asked: Query, positions: Positions) -> tuple[Positions, Signals]:
    """Return the candidates worth scoring and their signals: all of them, or of very many those that can win."""
    words = _word_signals(index, asked, positions)
    wide = len(positions) > max(_MANY, len(index) // 4) and asked.limit <= _HEAD // 4
    if wide:
        places, ceiling = index.head(asked.vector, positions, _HEAD)
        head = _scored(index, asked, positions[places], words.take(places))
        kept = contenders(words, head, places, count=len(positions), ceiling=ceiling, limit=asked.limit)
        if len(kept) < len(positions) // 4:
            positions, words = positions[kept], words.take(kept)
    return positions, _scored(index, asked, positions, words)


def _scored(index: MemoryIndex, asked: Query, positions: Positions, words: WordSignals) -> Signals:
    return Signals(words, index.vectors.scores(asked.vector, positions))


def _word_signals(index: MemoryIndex, asked: Query, positions: Positions) -> WordSignals:
    hits = index.terms.hits(asked.words, positions)
    if len(asked.slots):
        # A word nobody used counts against the memories; a property nobody stated does not.
        hits += [hit for hit in index.terms.hits(asked.slots, positions) if len(hit.places)]
    if not hits:
        return WordSignals()
    lengths = index.terms.lengths.view[positions]
    keyword = keyword_scores(hits, lengths)
    conversations = index.conversations.view[positions]
    if not conversations.any():
        return WordSignals(keyword)
    return WordSignals(
        keyword,
        neighbours=neighbour_scores(keyword, conversations),
        session=session_scores(hits, lengths, conversations),
        speaker=speaker_scores(index.speakers.view[positions], asked.words),
    )


def _explanation(core: Core, asked: Query, memory_id: str) -> Explanation:
    record = core.store.get([memory_id]).get(memory_id)
    if record is None:
        return {"id": memory_id, "reason": "unknown id"}
    if not predicate(asked.matching)(record):
        return {"id": memory_id, "reason": "outside the filter"}
    with core.lock:
        index = core.index()
        positions = core.candidates(index, asked.matching, show_expired=asked.show_expired)
        row = core.store.rows(Comparison("id", "eq", memory_id))
        place = np.flatnonzero(np.isin(positions, index.positions_of(row)))
        if not len(place):
            return {"id": memory_id, "reason": "expired"}
        signals = _scored(index, asked, positions, _word_signals(index, asked, positions))
    scores = signals.fused()
    score = float(scores[place[0]])
    rank = int((scores > score).sum()) + 1
    reason = "below the threshold" if score < asked.threshold else "found" if rank <= asked.limit else "outranked"
    return {
        "id": memory_id,
        "reason": reason,
        "rank": rank,
        "score": score,
        "score_details": signals.at(int(place[0])),
    }


def _unexpired(core: Core) -> Filter:
    today = core.today().isoformat()
    return parse_filter({"OR": [{"expiration_date": {"gte": today}}, {"NOT": {"expiration_date": "*"}}]})
