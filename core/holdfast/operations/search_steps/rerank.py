"""Second opinions on what a search found: a reranker's on the order, a chat model's on what bears on the query."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.errors import UnreadableReply
from holdfast.extraction import replies
from holdfast.extraction.facts import Skipped
from holdfast.extraction.prompts import RELEVANCE_SCHEMA, relevance_messages
from holdfast.operations.ask import ask_and_parse
from holdfast.protocols import ChatModel, Reranker
from holdfast.records import MemoryRecord
from holdfast.results import MemoryItem
from holdfast.retrieval.index_text import text_to_embed
from holdfast.runtime.effects import Flow, score_relevance


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that was found.

    Attributes:
        item: As the caller will see it, with its score.
        record: As the store keeps it.
    """

    item: MemoryItem
    record: MemoryRecord

    @property
    def text(self) -> str:
        """As a judge is shown it: with its speaker, and for a turn its day and the facts it told."""
        return text_to_embed(self.record)


def reranked(
    reranker: Reranker, query: str, candidates: Sequence[Candidate]
) -> Flow[tuple[list[Candidate], list[str]]]:
    """Return the candidates with the scores and in the order that the reranker gives them, and warnings.

    Only the first 50 are rated; the others follow. When no scores can be read from the reranker's answer everything
    stays as it is, with a warning.

    Raises:
        ProviderError: The reranker failed.
    """
    rated = candidates[:MOST_RERANKED]
    try:
        ratings = yield from score_relevance(reranker, query, [candidate.text for candidate in rated])
    except UnreadableReply as problem:
        return list(candidates), [f"not reranked, the reranker's answer could not be read: {problem}"]
    for candidate, rating in zip(rated, ratings, strict=True):
        _rescore(candidate.item, rating)
    for candidate in candidates[MOST_RERANKED:]:
        _rescore(candidate.item, None)
    return sorted(candidates, key=lambda candidate: -candidate.item["score"]), []


def relevant(
    model: ChatModel, query: str, candidates: Sequence[Candidate]
) -> Flow[tuple[list[Candidate], list[Candidate], list[str]]]:
    """Return those that the model finds to bear on the query, those it does not, and warnings.

    When its answer cannot be read, asked twice, all are kept, with a warning.

    Raises:
        ProviderError: The model failed.
    """
    if not candidates:
        return [], [], []
    messages = relevance_messages(query, [candidate.text for candidate in candidates])
    kept, unread = yield from ask_and_parse(
        model,
        messages,
        RELEVANCE_SCHEMA,
        functools.partial(_named, count=len(candidates)),
        list(range(len(candidates))),
    )
    chosen = set(kept)
    warnings = [f"not filtered, the model's answer could not be read: {one.detail}" for one in unread]
    dropped = [candidate for place, candidate in enumerate(candidates) if place not in chosen]
    return [candidates[place] for place in kept], dropped, warnings


def _named(reply: str, *, count: int) -> tuple[list[int], list[Skipped]]:
    return replies.parse_relevant(reply, count=count), []


def _rescore(item: MemoryItem, rating: float | None) -> None:
    item["score"] = blended(item["score"], rating)
    if rating is not None and "score_details" in item:
        item["score_details"]["rerank"] = rating


MOST_RERANKED = 50
"""Most candidates a reranker is asked about."""


RERANK_WEIGHT = 0.7
"""Share of the reranker in the score.

It reads query and memory together and is mostly right where it is sure. It sees one turn at a time, though: of the
turns it calls equally empty ("Yes, since March!") the neighbours and the session know which answers.
"""


_PER_RESULT = 4  # candidates


def depth(limit: int) -> int:
    """Return how many candidates to look at for `limit` results: four for each, as long as a reranker reads them."""
    return max(limit, min(_PER_RESULT * limit, MOST_RERANKED))


def blended(score: float, rating: float | None) -> float:
    """Return the score in 0..1 of a candidate that the search scores `score` and the reranker `rating`.

    Without a rating it counts as 0, so that none overtakes a candidate that was rated and stood before it.
    """
    return (1 - RERANK_WEIGHT) * score + RERANK_WEIGHT * (rating or 0.0)
