"""Made-up texts and their owners, and a deterministic embedder for them."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
TOPICS = 200
_TOPIC_COSINE = 0.67  # of two texts on one topic
_SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvwxyz" for vowel in "aeiou"]
_VOCABULARY = 5_000
_WORDS_PER_TEXT = 8

_precomputed: dict[str, NDArray[np.float32]] = {}


@dataclass(frozen=True)
class Corpus:
    """Made-up texts and their owners; owner and topic are drawn independently.

    If they depended on each other (`i % owners`), a search that filters after ranking would look worse than it is.
    """

    texts: list[str]
    owners: list[str]

    def by_owner(self) -> dict[str, list[str]]:
        """Return the texts of each owner, in order."""
        texts: dict[str, list[str]] = {}
        for owner, text in zip(self.owners, self.texts, strict=True):
            texts.setdefault(owner, []).append(text)
        return texts


def make_corpus(size: int, *, owners: int, first: int = 0) -> Corpus:
    """Return `size` different texts of about 70 characters.

    Args:
        size: The number of texts.
        owners: The number of owners, to whom the texts are assigned at random.
        first: The serial number of the first text, which is a word of the text: corpora of other numbers share no text.
    """
    random = np.random.default_rng(first)
    topics = random.integers(TOPICS, size=size)
    # As in natural language, few words are common and most are rare.
    words = (_VOCABULARY * random.random((size, _WORDS_PER_TEXT)) ** 3).astype(int)
    vocabulary = [_make_word(number) for number in range(_VOCABULARY)]
    texts = [
        " ".join([make_topic_word(topic), *(vocabulary[word] for word in row), _make_word(10**6 + first + place)])
        for place, (topic, row) in enumerate(zip(topics, words, strict=True))
    ]
    return Corpus(texts, [f"user-{number}" for number in random.integers(owners, size=size)])


def make_topic_word(topic: int) -> str:
    """Return the first word of every text on `topic`."""
    return _make_word(10**5 + topic)


def make_queries(count: int) -> list[str]:
    """Return queries on the topics, in words that memories contain too."""
    return [
        f"{make_topic_word(place % TOPICS)} {_make_word(place % 50)} {_make_word(place % _VOCABULARY)}"
        for place in range(count)
    ]


def reverse_words(query: str) -> str:
    """Return `query` with every word reversed: the embedder sees the same topic, and no memory contains the words."""
    return " ".join(word[::-1] for word in query.split())


def precompute_vectors(texts: Sequence[str]) -> None:
    """Compute the vectors of `texts` before the clock starts, because embedding is not measured."""
    _precomputed.update(zip(texts, TopicEmbedder().embed(texts), strict=True))


class TopicEmbedder:
    """A deterministic embedder whose vectors add a direction for the topic and one for the text.

    The topic is the first word, or the first word after the last colon, because a speaker or a question may precede it.
    A word and the reversed word are the same topic, so a query can be similar to a memory without sharing a word.

    Args:
        latency: The seconds each call takes, like a remote service.
    """

    dimensions = DIMENSIONS
    fingerprint = f"benchmark/topics/{DIMENSIONS}"

    def __init__(self, *, latency: float = 0.0) -> None:
        self._latency = latency
        pool = np.random.default_rng(7).standard_normal((4096, DIMENSIONS)).astype(np.float32)
        self._pool = pool / np.float32(4 * DIMENSIONS) ** 0.5  # the sum of four rows has about unit length
        self._topics: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`, of shape `(len(texts), 384)`, each of unit length."""
        if self._latency:
            time.sleep(self._latency)
        return self._vectors(texts)

    async def aembed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` after an awaited latency."""
        await asyncio.sleep(self._latency)
        return self._vectors(texts)

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if texts and all(text in _precomputed for text in texts):
            return np.stack([_precomputed[text] for text in texts])
        vectors = self._directions(texts)
        vectors *= (1 - _TOPIC_COSINE) ** 0.5
        for row, text in enumerate(texts):
            vectors[row] += self._topic(text.rpartition(": ")[2].split(maxsplit=1)[0])
        return _unit(vectors)

    def _topic(self, word: str) -> NDArray[np.float32]:
        topic = self._topics.get(word)
        if topic is None:
            name = "topic " + min(word, word[::-1])
            topic = self._topics[word] = _unit(self._directions([name]))[0] * _TOPIC_COSINE**0.5
        return topic

    def _directions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # The sum of four rows of a fixed random pool, chosen by hash: ten times faster than drawing 384 numbers.
        digests = b"".join([hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts])
        chosen = np.frombuffer(digests, np.uint16).reshape(-1, 4) % len(self._pool)
        directions: NDArray[np.float32] = self._pool[chosen[:, 0]]
        for column in chosen.T[1:]:
            directions += self._pool[column]
        return directions


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    unit: NDArray[np.float32] = vectors / lengths[:, None]
    return unit


def _make_word(number: int) -> str:
    """Return a made-up word that starts with a consonant and ends with a vowel, so that its reverse is not one."""
    syllables: list[str] = []
    while number or len(syllables) < 3:
        number, syllable = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[syllable])
    return "".join(syllables)
