"""What a conversation around a turn says about it: the turns beside it, its session, and who speaks.

An answer stands next to the question it answers, and a session that speaks of something speaks of it more than once.
On LoCoMo, added one after the other, neighbours are worth five points of recall@10, the session four, the speaker
asked about three, what turns hold together and what they only ask another one and a half (`holdfast eval` measures
the whole). All look at turns of a named session alone: facts stand for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.retrieval.bm25 import Postings, bm25_scores, weigh_terms
from holdfast.retrieval.query_intent import MAX_QUESTION_LABELS

Scores = NDArray[np.float32]

_SHARES = (0.4, 0.2)  # of the score of the turn beside, and of the one after that


@dataclass(frozen=True, slots=True)
class Conversations:
    """Candidates, shape `(n,)`, as the turns of conversations.

    Attributes:
        order: The places of the candidates, one conversation after the other, each in the order it was said.
        codes: The conversation of each place of `order`, counted from 0; ascending.
        first: Where in `order` the turns begin: before it stands what belongs to no conversation.
    """

    order: NDArray[np.int64]
    codes: NDArray[np.int64]
    first: int


def group_by_conversation(numbers: NDArray[np.int64]) -> Conversations:
    """Return candidates by conversation; several may have gone on at a time, with other memories in between.

    Args:
        numbers: Shape `(n,)`, in the order in which it was said: one number per conversation, 0 for none.
    """
    order = numbers.argsort(kind="stable")
    grouped = numbers[order]
    codes = np.zeros(len(order), dtype=np.int64)
    np.cumsum(grouped[1:] != grouped[:-1], out=codes[1:])
    return Conversations(order, codes, int(grouped.searchsorted(1)))


def neighbour_scores(scores: Scores, conversations: Conversations) -> Scores:
    """Return what each turn is lent by the turns around it in its conversation, 0 for what belongs to none.

    Args:
        scores: Shape `(n,)`: one per candidate.
        conversations: Of the same candidates.
    """
    order, codes = conversations.order[conversations.first :], conversations.codes[conversations.first :]
    own = scores[order]
    lent = np.zeros_like(own)
    for distance, share in enumerate(_SHARES, start=1):
        together = np.float32(share) * (codes[distance:] == codes[:-distance])
        lent[distance:] += own[:-distance] * together
        lent[:-distance] += own[distance:] * together
    spread = np.zeros_like(scores)
    spread[order] = lent
    return spread


def passage_scores(hits: Sequence[Postings], conversations: Conversations) -> Scores:
    """Return how much of the query each turn and those beside it in its conversation hold together.

    Neighbours lend what they repeat as well as what they add: three turns about a dog lend as much as one about a dog,
    one about a lake and one about a summer. Here each word counts once. What belongs to no conversation stands alone.

    Args:
        hits: Where the query's terms occur (see `bm25_scores`).
        conversations: Of the same candidates.

    Returns:
        Shape `(n,)`, 0..1: the terms that occur within two turns, weighted by rarity.
    """
    order, first = conversations.order, conversations.first
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    told = weigh_terms(hits, len(order))
    held = np.zeros((len(told), len(order)), dtype=np.bool_)
    for row, (_, hit) in zip(held, told, strict=True):
        row[rank[hit.places]] = True
    passages = held.copy()
    turns, around, codes = held[:, first:], passages[:, first:], conversations.codes[first:]
    for distance in range(1, len(_SHARES) + 1):
        together = codes[distance:] == codes[:-distance]
        around[:, distance:] |= turns[:, :-distance] & together
        around[:, :-distance] |= turns[:, distance:] & together
    scores = np.zeros(len(order), dtype=np.float32)
    for (share, _), row in zip(told, passages, strict=True):
        scores += np.float32(share) * row
    return np.minimum(scores, 1)[rank]


def question_scores(marks: NDArray[np.uint8], conversations: Conversations) -> Scores:
    """Return how much of each turn is a question, 0 for what belongs to no conversation.

    Args:
        marks: Shape `(n,)`: how many question marks each candidate bears (see `question_marks`).
        conversations: Of the same candidates.
    """
    scores: Scores = marks.astype(np.float32) / np.float32(MAX_QUESTION_LABELS)
    scores[conversations.order[: conversations.first]] = 0
    return scores


def session_scores(hits: Sequence[Postings], lengths: NDArray[np.int32], conversations: Conversations) -> Scores:
    """Return the keyword score of the whole conversation each turn belongs to, 0 for what belongs to none.

    Args:
        hits: Where the query's terms occur (see `bm25_scores`).
        lengths: Shape `(n,)`: the number of terms of each candidate.
        conversations: Of the same candidates.
    """
    session = np.empty_like(conversations.codes)
    session[conversations.order] = conversations.codes
    session_lengths = np.bincount(session, weights=lengths).astype(np.int32)
    session_hits = []
    for hit in hits:
        counts = np.bincount(session[hit.places], weights=hit.counts, minlength=len(session_lengths)).astype(np.int64)
        places = np.flatnonzero(counts)
        session_hits.append(Postings(places, counts[places]))
    of_session = bm25_scores(session_hits, session_lengths)
    if conversations.first:
        of_session[0] = 0  # those that belong to none come first
    scores: Scores = of_session[session]
    return scores


def speaker_scores(speakers: NDArray[np.uint32], names: NDArray[np.uint32]) -> Scores:
    """Return 1 for what was said by someone the query names, else 0.

    Args:
        speakers: Shape `(n,)`: the hashed first name of each speaker, 0 for none.
        names: The hashed names of the query.
    """
    named: NDArray[np.bool_] = np.isin(speakers, names) & (speakers != 0)
    return named.astype(np.float32)
