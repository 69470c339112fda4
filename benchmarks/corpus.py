"""What both sides remember: made-up texts, whose they are, and an embedder that knows their topics."""

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
_TOPIC_SHARE = 0.67  # the cosine of two texts on one topic
_SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvwxyz" for vowel in "aeiou"]
_VOCABULARY = 5_000
_WORDS_PER_TEXT = 8

_prepared: dict[str, NDArray[np.float32]] = {}


@dataclass(frozen=True)
class Corpus:
    """Made-up texts and whose they are; owner and topic are drawn independently.

    Tying them together (`i % owners`) would make a search that filters afterwards look worse than it is.
    """

    texts: list[str]
    owners: list[str]

    def by_owner(self) -> dict[str, list[str]]:
        """Return the texts of each owner, in order."""
        texts: dict[str, list[str]] = {}
        for owner, text in zip(self.owners, self.texts, strict=True):
            texts.setdefault(owner, []).append(text)
        return texts


def corpus(size: int, *, owners: int, first: int = 0) -> Corpus:
    """Return `size` different texts of some 70 characters; two corpora with other `first` share none.

    Args:
        size: Number of texts.
        owners: Number of owners they are spread over at random.
        first: Serial number of the first text; every text carries its own as a word.
    """
    random = np.random.default_rng(first)
    topics = random.integers(TOPICS, size=size)
    # Few words are common and most are rare, as in speech.
    words = (_VOCABULARY * random.random((size, _WORDS_PER_TEXT)) ** 3).astype(int)
    vocabulary = [_word(number) for number in range(_VOCABULARY)]
    texts = [
        " ".join([topic_word(topic), *(vocabulary[word] for word in row), _word(10**6 + first + place)])
        for place, (topic, row) in enumerate(zip(topics, words, strict=True))
    ]
    return Corpus(texts, [f"user-{number}" for number in random.integers(owners, size=size)])


def topic_word(topic: int) -> str:
    """Return the word that begins every text on `topic`."""
    return _word(10**5 + topic)


def queries(count: int) -> list[str]:
    """Return questions on the topics, in words that memories hold too."""
    return [f"{topic_word(place % TOPICS)} {_word(place % 50)} {_word(place % _VOCABULARY)}" for place in range(count)]


def mirrored(query: str) -> str:
    """Return `query` with every word reversed: the same topic to the embedder, no word of any memory."""
    return " ".join(word[::-1] for word in query.split())


def prepare(texts: Sequence[str]) -> None:
    """Compute the vectors of `texts` before the clock starts: embedding is not what is measured."""
    _prepared.update(zip(texts, TopicEmbedder().embed(texts), strict=True))


class TopicEmbedder:
    """A deterministic embedder: one direction for the topic, one for the text itself.

    The topic is the first word, or the first after the last colon: before it stands who speaks or what is asked.

    A word and its mirror image are the same topic, so that a query can mean a memory without sharing a
    word with it.

    Args:
        latency: Seconds every call takes, as a remote service would.
    """

    dimensions = DIMENSIONS
    fingerprint = f"benchmark/topics/{DIMENSIONS}"

    def __init__(self, *, latency: float = 0.0) -> None:
        self._latency = latency
        pool = np.random.default_rng(7).standard_normal((4096, DIMENSIONS)).astype(np.float32)
        self._pool = pool / np.float32(4 * DIMENSIONS) ** 0.5  # so that four rows together are of unit length
        self._topics: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), 384)`, each of unit length."""
        if self._latency:
            time.sleep(self._latency)
        return self._vectors(texts)

    async def aembed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts` after an awaited latency."""
        await asyncio.sleep(self._latency)
        return self._vectors(texts)

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if texts and all(text in _prepared for text in texts):
            return np.stack([_prepared[text] for text in texts])
        vectors = self._directions(texts)
        vectors *= (1 - _TOPIC_SHARE) ** 0.5
        for row, text in enumerate(texts):
            vectors[row] += self._topic(text.rpartition(": ")[2].split(maxsplit=1)[0])
        return _unit(vectors)

    def _topic(self, word: str) -> NDArray[np.float32]:
        topic = self._topics.get(word)
        if topic is None:
            name = "topic " + min(word, word[::-1])
            topic = self._topics[word] = _unit(self._directions([name]))[0] * _TOPIC_SHARE**0.5
        return topic

    def _directions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # Four rows of a fixed random pool, chosen by hash: a tenth of the price of drawing 384 numbers.
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


def _word(number: int) -> str:
    """Return a made-up word. It ends in a vowel and begins with none, so its mirror image is no such word."""
    syllables: list[str] = []
    while number or len(syllables) < 3:
        number, syllable = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[syllable])
    return "".join(syllables)
