"""`search` and `get_all`: the memories of a scope by relevance, or by time."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from typing_extensions import NotRequired

from holdfast.core import Core
from holdfast.errors import ConfigError, InvalidInput
from holdfast.filters import Filter, both, parse_filter
from holdfast.flow import Flow, embed_query, work
from holdfast.operations.indexing import slot_names_asked
from holdfast.operations.inputs import limit_of, matching_of, memory_id_of, switch_of, text_of, threshold_of
from holdfast.operations.items import item_of
from holdfast.operations.judging import relevant, reranked
from holdfast.operations.ranking import Explanation, Found, Query, find, reason_of
from holdfast.ports import ChatModel, Reranker
from holdfast.records import MemoryItem
from holdfast.retrieval.answers import answers_asked
from holdfast.retrieval.keys import slot_terms
from holdfast.retrieval.rerank import blended, depth
from holdfast.retrieval.tokens import term_ids, words

_log = logging.getLogger("holdfast")

DEFAULT_LIMIT = 10
DEFAULT_PAGE = 100
_MOST_LISTED = 1_000_000
_THE_USER = re.compile(r"\b(?:the|this) user\b|\buser(?='s\b)", re.IGNORECASE)
_MOST_EMBEDDED = 8_000  # characters of a question: what embedding models take in any language, and one topic has


class SearchResults(TypedDict):
    """Memories by falling score.

    With it `explanation` when one memory was asked about; `dropped`, of a filtered search that explains, what the model
    judged not to bear on the query; and `warnings`, in sentences, when a judge's answer could not be read.
    """

    results: list[MemoryItem]
    explanation: NotRequired[Explanation]
    dropped: NotRequired[list[MemoryItem]]
    warnings: NotRequired[list[str]]


class Listing(TypedDict):
    """Memories, newest first. With `page`, also the number of all of them and of the pages beside this one."""

    results: list[MemoryItem]
    count: NotRequired[int]
    next: NotRequired[int | None]
    previous: NotRequired[int | None]


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
    rerank: bool | None = None,
    keyword_search: bool = True,
    filter_memories: bool | None = None,
    show_expired: bool = False,
    explain: bool | str = False,
) -> Flow[SearchResults]:
    """Find the memories of one scope that bear on `query`, best first.

    Args:
        query: Plain text, not blank. Of a long one the 64 rarest words count, and the meaning of the first 8,000
            characters.
        user_id: Whose memories; at least one of the four scope ids must be named, here or in `filters`.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        actor_id: Only what this speaker said.
        filters: Conditions on ids, dates, categories, text and metadata (see `holdfast.filters`).
        limit: Most results, 1 to 1000; 10 by default.
        top_k: Another name for `limit`.
        threshold: Least score kept, 0.0 (all) to 1.0.
        rerank: Let the memory's reranker read the best four candidates for each result, at most 50; 0.7 of the score
            is then its own. As the memory was configured by default, which is no.
        keyword_search: Whether words count beside meaning; without them the vectors alone find.
        filter_memories: Let the chat model leave out results that do not bear on what the query is after. As the
            memory was configured by default, which is no.
        show_expired: Also show memories past their expiration date.
        explain: `True` adds `score_details` to every result, and what `filter_memories` left out as `dropped`; the id
            of a memory does so too and adds `explanation`, which says why that memory is or is not among the results.

    Returns:
        `{"results": [...]}` by falling score, 0..1; empty when nothing is known within the scope. `warnings` beside
        it say what a judge's unreadable answer left undone.

    Raises:
        InvalidInput: `query` is blank, no scope is named, or a number is out of range.
        ConfigError: `rerank` is asked of a memory without a reranker, `filter_memories` of one without a chat model.
        ProviderError: The embedding service, the reranker or the chat model failed.
        StorageError: The file cannot be read.
    """
    matching = matching_of(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    most = limit_of(limit, top_k, default=DEFAULT_LIMIT)
    return (
        yield from search_matching(
            core,
            query,
            matching,
            limit=most,
            threshold=threshold,
            rerank=rerank,
            keyword_search=keyword_search,
            filter_memories=filter_memories,
            show_expired=show_expired,
            explain=explain,
        )
    )


def search_matching(
    core: Core,
    query: str,
    matching: Filter,
    *,
    limit: int,
    threshold: float | None = None,
    rerank: bool | None = None,
    keyword_search: bool = True,
    filter_memories: bool | None = None,
    show_expired: bool = False,
    explain: bool | str = False,
) -> Flow[SearchResults]:
    """Find the memories that match a checked filter and bear on `query`, best first (see `search`)."""
    question = text_of(query, name="query")
    least = threshold_of(threshold)
    about = explain if isinstance(explain, bool) else memory_id_of(explain)
    reranker = _reranker(core) if switch_of(rerank, name="rerank", default=core.defaults.rerank) else None
    judged = switch_of(filter_memories, name="filter_memories", default=core.defaults.filter_memories)
    model = _judge(core) if judged else None
    topic = question[:_MOST_EMBEDDED]
    embedder = core.engines.embedder
    vector = yield from embed_query(embedder, topic)
    asked = Query(
        topic=topic,
        words=term_ids(_words_asked(question) if keyword_search else []),
        slots=slot_terms(slot_names_asked(topic) if keyword_search else []),
        answers=slot_terms(answers_asked(topic) if keyword_search else []),
        vector=vector,
        embedder=embedder,
        matching=matching,
        limit=limit,
        threshold=least,
        show_expired=bool(show_expired),
        explain=about,
    )
    if reranker is None:
        found = yield from work(find, core, asked)
    else:
        wider = yield from work(find, core, replace(asked, limit=depth(limit), threshold=-math.inf))
        found = yield from _reranked(reranker, topic, asked, wider)
    if model is not None:
        found = yield from _filtered(model, topic, found)
    return _results(asked, found)


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


def _words_asked(question: str) -> list[str]:
    # Whoever asks about "the user" asks about the one whose memories these are: the word tells none from another.
    return words(_THE_USER.sub(" ", question)) or words(question)


def _reranker(core: Core) -> Reranker:
    if core.engines.reranker is None:
        raise ConfigError(
            "rerank=True needs a reranker: open the memory with reranker='llm', reranker='sentence-transformers' or an"
            " object with the method score(query, texts)"
        )
    return core.engines.reranker


def _judge(core: Core) -> ChatModel:
    if core.engines.llm is None:
        raise ConfigError(
            "filter_memories=True needs a chat model, and the rules are none: open the memory with an llm"
        )
    return core.engines.llm


def _reranked(reranker: Reranker, topic: str, asked: Query, found: Found) -> Flow[Found]:
    candidates, warnings = yield from reranked(reranker, topic, found.candidates)
    places = {candidate.item["id"]: place for place, candidate in enumerate(candidates)}
    explanation = found.explanation
    if explanation is not None and "score" in explanation:
        place = places.get(explanation["id"])
        if place is not None:
            item = candidates[place].item
            explanation.update({"rank": place + 1, "score": item["score"], "score_details": item["score_details"]})
        elif not warnings:
            explanation["score"] = blended(explanation["score"], None)
        explanation["reason"] = reason_of(asked, explanation["rank"], explanation["score"])
    kept = [candidate for candidate in candidates if candidate.item["score"] >= asked.threshold]
    return Found(kept[: asked.limit], explanation, warnings=warnings)


def _filtered(model: ChatModel, topic: str, found: Found) -> Flow[Found]:
    kept, dropped, warnings = yield from relevant(model, topic, found.candidates)
    explanation = found.explanation
    if explanation is not None and any(candidate.item["id"] == explanation["id"] for candidate in dropped):
        explanation["reason"] = "not relevant"
    return Found(kept, explanation, dropped, [*found.warnings, *warnings])


def _results(asked: Query, found: Found) -> SearchResults:
    results: SearchResults = {"results": [candidate.item for candidate in found.candidates]}
    if found.explanation is not None:
        results["explanation"] = found.explanation
    if asked.explain and found.dropped:
        results["dropped"] = [candidate.item for candidate in found.dropped]
    if found.warnings:
        results["warnings"] = list(found.warnings)
        _log.warning("a search was judged in part only: %s", "; ".join(found.warnings))
    return results


def _unexpired(core: Core) -> Filter:
    today = core.today().isoformat()
    return parse_filter({"OR": [{"expiration_date": {"gte": today}}, {"NOT": {"expiration_date": "*"}}]})
