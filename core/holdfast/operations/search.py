"""`search`: the memories of a scope that are relevant to a query.

    query → embedded → candidates of the scope → signals → one score → reranked → filtered

Only the embedding, the reranker and the filter ask a model; everything else is local work.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from holdfast.errors import ConfigError
from holdfast.extraction import rules
from holdfast.filters import Filter
from holdfast.operations.arguments import (
    check_limit,
    check_memory_id,
    check_query,
    check_scope,
    check_switch,
    check_threshold,
)
from holdfast.operations.index_entries import labels_asked
from holdfast.operations.search_steps.rank import Query, Ranking, SearchOptions, rank_candidates
from holdfast.operations.search_steps.rerank import drop_irrelevant, rerank, widen
from holdfast.protocols import ChatModel, Reranker
from holdfast.results import SearchResults
from holdfast.retrieval.tokenize import hash_terms, stem_question
from holdfast.runtime.effects import Flow, embed_query, work
from holdfast.runtime.runtime import Runtime

_log = logging.getLogger("holdfast")

DEFAULT_LIMIT = 10
_MOST_EMBEDDED = 8_000  # characters of a query: embedding models take that much in any language


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
    """Find the memories of one scope that are relevant to `query`, best first.

    Args:
        query: Plain text, not blank. Of a long query the 64 rarest words count, and the meaning of the first 8,000
            characters.
        user_id: The user; at least one of the four scope ids must be given, here or in `filters`.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        actor_id: Only what this speaker said.
        filters: Conditions on ids, dates, categories, text and metadata (see `holdfast.filters`).
        limit: Most results, 1 to 1000; 10 by default.
        top_k: Another name for `limit`.
        threshold: Least score kept, 0.0 (all) to 1.0.
        rerank: Let the memory's reranker rate four candidates for each result, at most 50; its rating makes 0.7 of the
            score. `None` takes the value the memory was configured with, by default `False`.
        keyword_search: Count words as well as meaning; `False` searches by vectors alone.
        filter_memories: Let the chat model drop results that are not relevant. `None` takes the value the memory was
            configured with, by default `False`.
        show_expired: Also return memories past their expiration date.
        explain: `True` adds `score_details` to every result, and `dropped` with what `filter_memories` left out. The
            id of a memory does the same and adds `explanation`: why that memory is, or is not, among the results.

    Returns:
        `{"results": [...]}` by falling score, 0..1; empty when the scope has no memories. `warnings` lists answers of
        a reranker or chat model that could not be read.

    Raises:
        InvalidInput: `query` is blank, no scope is named, or a number is out of range.
        ConfigError: `rerank` without a reranker, or `filter_memories` without a chat model.
        ProviderError: The embedder, the reranker or the chat model failed.
        StorageError: The file cannot be read.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon. I am allergic to peanuts.", user_id="ana")
    >>> memory.search("Where does she live?", user_id="ana", limit=1)["results"][0]["memory"]
    'I live in Lisbon.'
    >>> memory.search("Where does she live?", user_id="bob")
    {'results': []}
    """
    matching = check_scope(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    options = check_search_options(
        runtime,
        limit=check_limit(limit, top_k, default=DEFAULT_LIMIT),
        threshold=threshold,
        rerank=rerank,
        keyword_search=keyword_search,
        filter_memories=filter_memories,
        show_expired=show_expired,
        explain=explain,
    )
    return (yield from find_relevant(runtime, query, matching, options))


def check_search_options(
    runtime: Runtime,
    *,
    limit: int,
    threshold: float | None = None,
    rerank: bool | None = None,
    keyword_search: bool = True,
    filter_memories: bool | None = None,
    show_expired: bool = False,
    explain: bool | str = False,
) -> SearchOptions:
    """Return the options of a search, checked and with the memory's defaults (see `search`).

    Raises:
        InvalidInput: A value cannot be used.
        ConfigError: `rerank` or `filter_memories` is on, and the memory has no engine for it.
    """
    defaults = runtime.defaults
    return SearchOptions(
        limit=limit,
        threshold=check_threshold(threshold),
        reranker=_reranker(runtime) if check_switch(rerank, name="rerank", default=defaults.rerank) else None,
        relevance_model=(
            _chat_model(runtime)
            if check_switch(filter_memories, name="filter_memories", default=defaults.filter_memories)
            else None
        ),
        keyword_search=keyword_search,
        show_expired=bool(show_expired),
        explain=explain if isinstance(explain, bool) else check_memory_id(explain),
    )


def find_relevant(runtime: Runtime, query: str, matching: Filter, options: SearchOptions) -> Flow[SearchResults]:
    """Find the memories that match a checked filter and are relevant to `query`, best first (see `search`)."""
    checked = check_query(query)
    text, embedder = checked[:_MOST_EMBEDDED], runtime.engines.embedder
    by_words = options.keyword_search
    asked = Query(
        text=text,
        matching=matching,
        options=options,
        vector=(yield from embed_query(embedder, text)),
        embedder=embedder,
        words=hash_terms(_query_words(checked) if by_words else []),
        attributes=labels_asked(text) if by_words else (),
        answer_kinds=rules.answers_asked(text) if by_words else (),
    )
    if options.reranker is None:
        ranking = yield from work(rank_candidates, runtime, asked)
    else:
        candidates = yield from work(rank_candidates, runtime, widen(asked))
        ranking = yield from rerank(options.reranker, asked, candidates)
    if options.relevance_model is not None:
        ranking = yield from drop_irrelevant(options.relevance_model, asked, ranking)
    return _results(options, ranking)


def _query_words(question: str) -> list[str]:
    # "The user" in a question is the one whose memories these are: the words distinguish no memory from another.
    return stem_question(rules.without_user(question)) or stem_question(question)


def _reranker(runtime: Runtime) -> Reranker:
    if runtime.engines.reranker is None:
        raise ConfigError(
            "rerank=True needs a reranker: open the memory with reranker='llm', reranker='sentence-transformers' or an"
            " object with the method score(query, texts)"
        )
    return runtime.engines.reranker


def _chat_model(runtime: Runtime) -> ChatModel:
    if runtime.engines.llm is None:
        raise ConfigError(
            "filter_memories=True needs a chat model, and the rules are not one: open the memory with an llm"
        )
    return runtime.engines.llm


def _results(options: SearchOptions, ranking: Ranking) -> SearchResults:
    results: SearchResults = {"results": [memory.item for memory in ranking.memories]}
    if ranking.explanation is not None:
        results["explanation"] = ranking.explanation
    if options.explain and ranking.dropped:
        results["dropped"] = [memory.item for memory in ranking.dropped]
    if ranking.warnings:
        results["warnings"] = list(ranking.warnings)
        _log.warning("a search was reranked or filtered only in part: %s", "; ".join(ranking.warnings))
    return results
