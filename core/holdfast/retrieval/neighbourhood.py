"""What a conversation around a turn says about it: the turns beside it, its session, and who speaks.

An answer stands next to the question it answers, and a session that speaks of something speaks of it more than once.
On LoCoMo, added one after the other, neighbours are worth five points of recall@10, the session four and the speaker
asked about three (`holdfast eval` measures the whole). All three look at turns of a named session alone: facts stand
for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.retrieval.keyword import Hits, keyword_scores

Scores = NDArray[np.float32]

_SHARES = (0.4, 0.2)  # of the score of the turn beside, and of the one after that


def neighbour_scores(scores: Scores, conversations: NDArray[np.int64]) -> Scores:
    """Return what each turn is lent by the turns around it.

    Args:
        scores: Shape `(n,)`, in the order of the conversation.
        conversations: Shape `(n,)`: one number per conversation, 0 for what belongs to none.
    """
    lent = np.zeros_like(scores)
    for distance, share in enumerate(_SHARES, start=1):
        together = (conversations[distance:] == conversations[:-distance]) & (conversations[distance:] != 0)
        lent[distance:] += np.float32(share) * scores[:-distance] * together
        lent[:-distance] += np.float32(share) * scores[distance:] * together
    return lent


def session_scores(hits: Sequence[Hits], lengths: NDArray[np.int32], conversations: NDArray[np.int64]) -> Scores:
    """Return the keyword score of the whole conversation each turn belongs to, 0 for what belongs to none.

    Args:
        hits: Where the query's terms occur (see `keyword_scores`).
        lengths: Shape `(n,)`: the number of terms of each candidate.
        conversations: Shape `(n,)`: one number per conversation, 0 for none.
    """
    _, session = np.unique(conversations, return_inverse=True)
    session_lengths = np.bincount(session, weights=lengths).astype(np.int32)
    session_hits = []
    for hit in hits:
        counts = np.bincount(session[hit.places], weights=hit.counts, minlength=len(session_lengths)).astype(np.int64)
        places = np.flatnonzero(counts)
        session_hits.append(Hits(places, counts[places]))
    of_session = keyword_scores(session_hits, session_lengths)
    scores: Scores = np.where(conversations != 0, of_session[session], np.float32(0))
    return scores


def speaker_scores(speakers: NDArray[np.uint32], query: NDArray[np.uint32]) -> Scores:
    """Return 1 for what was said by someone the query names, else 0.

    Args:
        speakers: Shape `(n,)`: the hashed first name of each speaker, 0 for none.
        query: The hashed terms of the query.
    """
    named: NDArray[np.bool_] = np.isin(speakers, query) & (speakers != 0)
    return named.astype(np.float32)
