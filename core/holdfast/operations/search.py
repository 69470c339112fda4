"""`search` and `get_all`: the memories of a scope by relevance, or by time."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from holdfast.errors import ConfigError
from holdfast.filters import Filter
from holdfast.operations.arguments import (
    check_limit,
    check_memory_id,
    check_scope,
    check_switch,
    check_text,
    check_threshold,
)
from holdfast.operations.index_entries import slot_names_asked
from holdfast.operations.search_steps.rank import Found, Query, find, reason_of
from holdfast.operations.search_steps.rerank import blended, depth, relevant, reranked
from holdfast.protocols import ChatModel, Reranker
from holdfast.results import SearchResults
from holdfast.retrieval.index_text import label_terms
from holdfast.retrieval.query_intent import answers_asked
from holdfast.retrieval.tokenize import hash_terms, stem_words
from holdfast.runtime.effects import Flow, embed_query, work
from holdfast.runtime.runtime import Runtime

_log = logging.getLogger("holdfast")

DEFAULT_LIMIT = 10
_THE_USER = re.compile(r"\b(?:the|this) user\b|\buser(?='s\b)", re.IGNORECASE)
_MOST_EMBEDDED = 8_000  # characters of a question: what embedding models take in any language, and one topic has


def search(
    runtime: Runtime,
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
    matching = check_scope(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    most = check_limit(limit, top_k, default=DEFAULT_LIMIT)
    return (
        yield from search_matching(
            runtime,
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
    runtime: Runtime,
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
    question = check_text(query, name="query")
    least = check_threshold(threshold)
    about = explain if isinstance(explain, bool) else check_memory_id(explain)
    reranker = _reranker(runtime) if check_switch(rerank, name="rerank", default=runtime.defaults.rerank) else None
    judged = check_switch(filter_memories, name="filter_memories", default=runtime.defaults.filter_memories)
    model = _judge(runtime) if judged else None
    topic = question[:_MOST_EMBEDDED]
    embedder = runtime.engines.embedder
    vector = yield from embed_query(embedder, topic)
    asked = Query(
        topic=topic,
        words=hash_terms(_words_asked(question) if keyword_search else []),
        slots=label_terms(slot_names_asked(topic) if keyword_search else []),
        answers=label_terms(answers_asked(topic) if keyword_search else []),
        vector=vector,
        embedder=embedder,
        matching=matching,
        limit=limit,
        threshold=least,
        show_expired=bool(show_expired),
        explain=about,
    )
    if reranker is None:
        found = yield from work(find, runtime, asked)
    else:
        wider = yield from work(find, runtime, replace(asked, limit=depth(limit), threshold=-math.inf))
        found = yield from _reranked(reranker, topic, asked, wider)
    if model is not None:
        found = yield from _filtered(model, topic, found)
    return _results(asked, found)


def _words_asked(question: str) -> list[str]:
    # Whoever asks about "the user" asks about the one whose memories these are: the word tells none from another.
    return stem_words(_THE_USER.sub(" ", question)) or stem_words(question)


def _reranker(runtime: Runtime) -> Reranker:
    if runtime.engines.reranker is None:
        raise ConfigError(
            "rerank=True needs a reranker: open the memory with reranker='llm', reranker='sentence-transformers' or an"
            " object with the method score(query, texts)"
        )
    return runtime.engines.reranker


def _judge(runtime: Runtime) -> ChatModel:
    if runtime.engines.llm is None:
        raise ConfigError(
            "filter_memories=True needs a chat model, and the rules are none: open the memory with an llm"
        )
    return runtime.engines.llm


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
