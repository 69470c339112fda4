"""Second opinions on what a search found: a reranker on the order, a chat model on what is relevant."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

from holdfast.errors import UnreadableReply
from holdfast.extraction import replies
from holdfast.extraction.facts import Skipped
from holdfast.extraction.prompts import RELEVANCE_SCHEMA, relevance_messages
from holdfast.operations.ask import ask_and_parse
from holdfast.operations.search_steps.rank import Query, RankedMemory, Ranking, SearchOptions, why_at_rank
from holdfast.protocols import ChatModel, Reranker
from holdfast.results import MemoryItem
from holdfast.runtime.effects import Flow, score_relevance

MOST_RERANKED = 50
"""Most candidates that a reranker rates."""

RERANK_WEIGHT = 0.7
"""Share of the reranker in the score.

A reranker reads query and memory together and is mostly right where it is sure. It reads one turn at a time, though:
among turns it rates as equally empty ("Yes, since March!") the neighbouring turns and the session decide.
"""

_CANDIDATES_PER_RESULT = 4


def widen(query: Query) -> Query:
    """Return the query that collects what the reranker is to rate: four candidates for each result, at most 50."""
    limit = query.options.limit
    depth = max(limit, min(_CANDIDATES_PER_RESULT * limit, MOST_RERANKED))
    return replace(query, options=replace(query.options, limit=depth, threshold=-math.inf))


def rerank(reranker: Reranker, query: Query, ranking: Ranking) -> Flow[Ranking]:
    """Return the memories with the scores, and in the order, that the reranker gives them.

    Only the first 50 are rated, the others follow. When no scores can be read from the reranker's answer, the ranking
    stays as it is, with a warning.

    Raises:
        ProviderError: The reranker failed.
    """
    memories = ranking.memories
    rated = memories[:MOST_RERANKED]
    try:
        ratings = yield from score_relevance(reranker, query.text, [memory.text for memory in rated])
    except UnreadableReply as problem:
        warning = f"not reranked, the reranker's answer could not be read: {problem}"
        _update_explanation(ranking, query.options, memories, rated=False)
        return _cut(Ranking(memories, ranking.explanation, warnings=[warning]), query.options)
    for memory, rating in zip(rated, ratings, strict=True):
        _rescore(memory.item, rating)
    for memory in memories[MOST_RERANKED:]:
        _rescore(memory.item, None)
    memories = sorted(memories, key=lambda memory: -memory.item["score"])
    _update_explanation(ranking, query.options, memories, rated=True)
    return _cut(Ranking(memories, ranking.explanation), query.options)


def drop_irrelevant(model: ChatModel, query: Query, ranking: Ranking) -> Flow[Ranking]:
    """Return the ranking without the memories that the model finds irrelevant to the query.

    When its answer cannot be read twice in a row, all memories stay, with a warning.

    Raises:
        ProviderError: The model failed.
    """
    if not ranking.memories:
        return ranking
    memories = ranking.memories
    kept, unread = yield from ask_and_parse(
        model,
        relevance_messages(query.text, [memory.text for memory in memories]),
        RELEVANCE_SCHEMA,
        functools.partial(_parse_relevant, count=len(memories)),
        list(range(len(memories))),
    )
    dropped = [memories[place] for place in sorted(set(range(len(memories))) - set(kept))]
    explanation = ranking.explanation
    if explanation is not None and any(memory.item["id"] == explanation["id"] for memory in dropped):
        explanation["reason"] = "not relevant"
    warnings = [f"not filtered, the model's answer could not be read: {one.detail}" for one in unread]
    return Ranking([memories[place] for place in kept], explanation, dropped, [*ranking.warnings, *warnings])


def blend_scores(score: float, rating: float | None) -> float:
    """Return the score in 0..1 of a candidate that the search scores `score` and the reranker `rating`.

    A missing rating counts as 0, so that no unrated candidate overtakes a rated one with a higher search score.

    >>> blend_scores(0.5, 1.0), blend_scores(0.5, None)
    (0.85, 0.15000000000000002)
    """
    return (1 - RERANK_WEIGHT) * score + RERANK_WEIGHT * (rating or 0.0)


def _parse_relevant(reply: str, *, count: int) -> tuple[list[int], list[Skipped]]:
    return replies.parse_relevant(reply, count=count), []


def _rescore(item: MemoryItem, rating: float | None) -> None:
    item["score"] = blend_scores(item["score"], rating)
    if rating is not None and "score_details" in item:
        item["score_details"]["rerank"] = rating


def _update_explanation(ranking: Ranking, options: SearchOptions, memories: list[RankedMemory], *, rated: bool) -> None:
    """Give the explained memory its new rank and score."""
    explanation = ranking.explanation
    if explanation is None or "score" not in explanation:
        return
    place = next((place for place, one in enumerate(memories) if one.item["id"] == explanation["id"]), None)
    if place is not None:
        item = memories[place].item
        explanation.update({"rank": place + 1, "score": item["score"], "score_details": item["score_details"]})
    elif rated:
        explanation["score"] = blend_scores(explanation["score"], None)
    explanation["reason"] = why_at_rank(options, explanation["rank"], explanation["score"])


def _cut(ranking: Ranking, options: SearchOptions) -> Ranking:
    kept = [memory for memory in ranking.memories if memory.item["score"] >= options.threshold]
    return replace(ranking, memories=kept[: options.limit])
