"""Signals from the conversation around a turn: the neighbouring turns, the session and the speaker.

An answer follows the question it answers, and a session about something mentions it more than once. On LoCoMo, added
one after the other, neighbours are worth five points of recall@10, the session four, the speaker asked about three,
what neighbouring turns cover together and which turns only ask another one and a half (`holdfast eval` measures the
whole). All of them apply to the turns of a named session only: facts are scored on their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.retrieval.bm25 import Postings, bm25_scores, weigh_terms
from holdfast.retrieval.query_intent import MAX_QUESTION_LABELS

Scores = NDArray[np.float32]

_NEIGHBOUR_SHARES = (0.4, 0.2)  # of the score of the next turn on either side, and of the one after that


@dataclass(frozen=True, slots=True)
class Conversations:
    """Candidates, shape `(n,)`, grouped by the conversation they are turns of.

    Attributes:
        order: The places of the candidates, one conversation after the other, the turns of each in their order.
        groups: The number of the conversation of each item of `order`, from 0, ascending.
        first_turn: Where in `order` the turns start; the candidates before it belong to no conversation.
    """

    order: NDArray[np.int64]
    groups: NDArray[np.int64]
    first_turn: int


def group_by_conversation(numbers: NDArray[np.int64]) -> Conversations:
    """Return candidates grouped by conversation, even if several went on at the same time.

    Args:
        numbers: Shape `(n,)`, oldest candidate first: a number for the conversation of each, 0 for none.

    >>> group_by_conversation(np.array([7, 0, 9, 7])).order.tolist()
    [1, 0, 3, 2]
    """
    order = numbers.argsort(kind="stable")
    sorted_numbers = numbers[order]
    groups = np.zeros(len(order), dtype=np.int64)
    np.cumsum(sorted_numbers[1:] != sorted_numbers[:-1], out=groups[1:])
    return Conversations(order, groups, int(sorted_numbers.searchsorted(1)))


def neighbour_scores(scores: Scores, conversations: Conversations) -> Scores:
    """Return what the neighbouring turns add to each turn: a share of their own scores, 0 outside conversations.

    Args:
        scores: Shape `(n,)`: one per candidate.
        conversations: The same candidates, grouped.

    >>> conversations = group_by_conversation(np.array([7, 7, 9]))
    >>> neighbour_scores(np.array([1, 0, 1], dtype=np.float32), conversations).round(1).tolist()
    [0.0, 0.4..., 0.0]
    """
    first = conversations.first_turn
    order, groups = conversations.order[first:], conversations.groups[first:]
    own = scores[order]
    added = np.zeros_like(own)
    for distance, share in enumerate(_NEIGHBOUR_SHARES, start=1):
        same_group = np.float32(share) * (groups[distance:] == groups[:-distance])
        added[distance:] += own[:-distance] * same_group
        added[:-distance] += own[distance:] * same_group
    result = np.zeros_like(scores)
    result[order] = added
    return result


def passage_scores(postings: Sequence[Postings], conversations: Conversations) -> Scores:
    """Return how much of the query each turn covers together with the turns within two of it.

    `neighbour_scores` adds up repetitions: three turns about a dog count as much as one about a dog, one about a lake
    and one about a summer. Here each term counts once. A candidate outside conversations is its own passage.

    Args:
        postings: Where each term of the query occurs (see `bm25_scores`).
        conversations: The same candidates, grouped.

    Returns:
        Shape `(n,)`, 0..1: the weights of the terms that occur in the passage.
    """
    order, first = conversations.order, conversations.first_turn
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    weighted = weigh_terms(postings, len(order))
    has_term = np.zeros((len(weighted), len(order)), dtype=np.bool_)
    for row, (_, one) in zip(has_term, weighted, strict=True):
        row[rank[one.places]] = True
    passage_has_term = has_term.copy()
    turns, passages, groups = has_term[:, first:], passage_has_term[:, first:], conversations.groups[first:]
    for distance in range(1, len(_NEIGHBOUR_SHARES) + 1):
        same_group = groups[distance:] == groups[:-distance]
        passages[:, distance:] |= turns[:, :-distance] & same_group
        passages[:, :-distance] |= turns[:, distance:] & same_group
    scores = np.zeros(len(order), dtype=np.float32)
    for (weight, _), row in zip(weighted, passage_has_term, strict=True):
        scores += np.float32(weight) * row
    return np.minimum(scores, 1)[rank]


def question_scores(question_counts: NDArray[np.uint8], conversations: Conversations) -> Scores:
    """Return how much of each turn is a question, 0..1; 0 outside conversations.

    Args:
        question_counts: Shape `(n,)`: the number of question labels of each candidate (see `question_labels`).
        conversations: The same candidates, grouped.
    """
    scores: Scores = question_counts.astype(np.float32) / np.float32(MAX_QUESTION_LABELS)
    scores[conversations.order[: conversations.first_turn]] = 0
    return scores


def session_scores(postings: Sequence[Postings], lengths: NDArray[np.int32], conversations: Conversations) -> Scores:
    """Return the keyword score of the whole conversation each turn belongs to, 0 outside conversations.

    Args:
        postings: Where each term of the query occurs (see `bm25_scores`).
        lengths: Shape `(n,)`: the number of terms of each candidate.
        conversations: The same candidates, grouped.
    """
    session = np.empty_like(conversations.groups)
    session[conversations.order] = conversations.groups
    session_lengths = np.bincount(session, weights=lengths).astype(np.int32)
    session_postings = []
    for one in postings:
        counts = np.bincount(session[one.places], weights=one.counts, minlength=len(session_lengths)).astype(np.int64)
        places = np.flatnonzero(counts)
        session_postings.append(Postings(places, counts[places]))
    by_session = bm25_scores(session_postings, session_lengths)
    if conversations.first_turn:
        by_session[0] = 0  # the group of the candidates that belong to none
    scores: Scores = by_session[session]
    return scores


def speaker_scores(speakers: NDArray[np.uint32], names: NDArray[np.uint32]) -> Scores:
    """Return 1 for what someone named in the query said, else 0.

    Args:
        speakers: Shape `(n,)`: the hashed first name of each speaker, 0 for none.
        names: The hashed names in the query.

    >>> speaker_scores(np.array([11, 0, 22], dtype=np.uint32), np.array([22], dtype=np.uint32)).tolist()
    [0.0, 0.0, 1.0]
    """
    is_named: NDArray[np.bool_] = np.isin(speakers, names) & (speakers != 0)
    return is_named.astype(np.float32)
