"""Ask questions about plain memories, and rank the memories by each part of the search: vectors, words, both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast import Document, Memory
from holdfast_cli.evaluation.metrics import Ranks
from holdfast_cli.evaluation.question_sets import PlainQuestion

FUSED, VECTORS, WORDS = PARTS = ("fused", "vectors", "words")
"""A search as it is by default, by vectors alone, and by words and the attributes that the rules read in them."""

_MOST_PUT = 10_000
_MOST_FOUND = 1_000  # results of one search: the rank by words alone is that among them


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """The results of one question.

    Attributes:
        id: The id of the question.
        groups: Its domain and its kind, those it has.
        ranks: By part, the position of each answer among the results, from 1, or `None`.
        answering: The score of each result of the default search, best first, and whether it is an answer.
    """

    id: str
    groups: Sequence[str]
    ranks: Mapping[str, Ranks]
    answering: Sequence[tuple[float, bool]]


@dataclass(frozen=True, slots=True)
class PartRun:
    """The results of all questions with one embedder.

    Attributes:
        embedder: The name it was asked for by.
        fingerprint: The name that the memory records.
        outcomes: One per question.
    """

    embedder: str
    fingerprint: str
    outcomes: Sequence[PartOutcome]


def run_parts(
    memory: Memory, questions: Sequence[PlainQuestion], *, embedder: str, depth: int, on_step: Callable[[], object]
) -> PartRun:
    """Store every list of memories for a user of its own, and ask every question once by each part.

    Args:
        memory: An empty memory.
        questions: Questions that share a list share the object.
        embedder: The name of the memory's embedder.
        depth: The number of results to look at.
        on_step: Called after each question.

    Raises:
        HoldfastError: The embedder failed, or a text cannot be stored.
    """
    users = {id(one.memories): one.memories for one in questions}
    names = {key: f"memories {number}" for number, key in enumerate(users, 1)}
    for key, memories in users.items():
        _put_all(memory, memories, user=names[key])
    outcomes = []
    for question in questions:
        outcomes.append(_ask(memory, question, user=names[id(question.memories)], depth=depth))
        on_step()
    return PartRun(embedder, str(memory.engines["embedder"]), outcomes)


def _put_all(memory: Memory, memories: Sequence[str], *, user: str) -> None:
    # `put` stores what it is given: `add` would skip a text that is there twice, and the places would shift.
    documents: list[Document] = [{"memory_id": f"{user}/{place}", "text": text} for place, text in enumerate(memories)]
    for start in range(0, len(documents), _MOST_PUT):
        memory.put(documents[start : start + _MOST_PUT], user_id=user)


def _ask(memory: Memory, question: PlainQuestion, *, user: str, depth: int) -> PartOutcome:
    most = max(depth, min(len(question.memories), _MOST_FOUND))
    fused = memory.search(question.text, user_id=user, limit=most, explain=True)["results"]
    nearest = memory.search(question.text, user_id=user, limit=depth, keyword_search=False)["results"]
    found = {
        FUSED: [_place_of(item) for item in fused[:depth]],
        VECTORS: [_place_of(item) for item in nearest],
        WORDS: _order_by_words(fused)[:depth],
    }
    return PartOutcome(
        id=question.id,
        groups=[label for label in (question.domain, question.kind) if label is not None],
        ranks={part: [_rank_of(answer, places) for answer in question.answers] for part, places in found.items()},
        answering=[(item["score"], _place_of(item) in question.answers) for item in fused[:depth]],
    )


def _order_by_words(results: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the places of the results that have a word of the question, best first, equal ones as they were stored."""
    scores = {_place_of(item): item["score_details"].get("keyword", 0.0) for item in results}
    return sorted((place for place, score in scores.items() if score > 0), key=lambda place: (-scores[place], place))


def _rank_of(answer: int, places: Sequence[int]) -> int | None:
    return places.index(answer) + 1 if answer in places else None


def _place_of(item: Mapping[str, Any]) -> int:
    return int(item["id"].rpartition("/")[2])
