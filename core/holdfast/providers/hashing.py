"""The embedder that needs no model, no key and no network: signed feature hashing of words and their letters.

Words are hashed as stems and as the letter groups inside them, so that a typo, an inflection or a language
without spaces still finds its neighbour (Weinberger et al. 2009, "Feature hashing for large scale multitask
learning"). The weights were chosen by the recall@10 of cosine alone on five LoCoMo conversations, keyed by
"speaker: text", at 384 dimensions: stems alone 43, with letter groups 47, with capitalised words at 0.7 as
well 51.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ConfigError
from holdfast.retrieval import tokenize

_VERSION = 1  # part of the fingerprint: count it up with any change that moves a vector
_LEAST_DIMENSIONS = 16

# There are no word statistics here, but what is capitalised is mostly who and where, which many memories of a
# scope share; a stop word only has a say when there is little else.
_CAPITALISED = 0.7
_STOP_WORD = 0.1
_LETTER_GROUPS = 1.0
_GROUP_SIZES = (2, 3)
_HASHES_PER_STEM = 4

# Features and weights are whole numbers, so their sums are exact in any order and the vectors the same, bit
# for bit, on every machine.
_FEATURE_UNIT = 256
_WEIGHT_UNIT = 16

_CACHED_WORDS = 1 << 15
_LONGEST_CACHED = 32

_Features = tuple[NDArray[np.intp], NDArray[np.float64]]


class HashingEmbedder:
    """Embed texts by the words and letter groups they share; deterministic everywhere, for ever.

    Args:
        dimensions: Length of every vector, at least 16. More means fewer chance collisions.

    Raises:
        ConfigError: `dimensions` is too small or no whole number.
    """

    def __init__(self, dimensions: int = 384) -> None:
        if isinstance(dimensions, bool) or not isinstance(dimensions, int) or dimensions < _LEAST_DIMENSIONS:
            raise ConfigError(f"dimensions is {dimensions!r}: the hashing embedder takes {_LEAST_DIMENSIONS} or more")
        self.dimensions = dimensions
        self.fingerprint = f"hashing:{_VERSION}:{dimensions}"

    def __repr__(self) -> str:
        return f"HashingEmbedder(dimensions={self.dimensions})"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), dimensions)`, each of unit length.

        A text in which nothing can be counted (blank, or punctuation only) gets the first axis.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = self._vector(text)
        return vectors

    def spec(self) -> dict[str, object]:
        """Return what `holdfast.providers.embedder` needs to build this embedder again."""
        return {"provider": "hashing", "config": {"dimensions": self.dimensions}}

    def _vector(self, text: str) -> NDArray[np.float64]:
        weights = _weights(text)
        if not weights:
            return _first_axis(self.dimensions)
        features = [_features(term, self.dimensions) for term in weights]
        places = np.concatenate([feature[0] for feature in features])
        values = np.concatenate(
            [feature[1] * weight for feature, weight in zip(features, weights.values(), strict=True)]
        )
        sums = np.bincount(places, weights=values, minlength=self.dimensions)
        length = math.sqrt(float(sums @ sums))
        return sums / length if length else _first_axis(self.dimensions)


def _weights(text: str) -> dict[str, int]:
    """Return the terms of `text` with their weights in sixteenths; repetitions count logarithmically."""
    totals: dict[str, float] = {}
    for word in text.split():
        for term, weight in _terms(word) if len(word) <= _LONGEST_CACHED else _terms_of(word):
            totals[term] = totals.get(term, 0.0) + weight
    return {term: round(_WEIGHT_UNIT * _sublinear(total)) for term, total in totals.items()}


def _sublinear(count: float) -> float:
    return count if count <= 1 else 1 + math.log(count)


def _terms_of(word: str) -> tuple[tuple[str, float], ...]:
    stems = tokenize.stem_words(word)
    if stems:
        weight = _CAPITALISED if next(filter(str.isalpha, word), "").isupper() else 1.0
        return tuple((stem, weight) for stem in stems)
    bare = "".join(filter(str.isalnum, word.casefold()))
    return ((bare, _STOP_WORD),) if bare else ()


_terms = lru_cache(maxsize=_CACHED_WORDS)(_terms_of)


@lru_cache(maxsize=_CACHED_WORDS)
def _features(term: str, dimensions: int) -> _Features:
    """Return where `term` adds to the vector, and how much."""
    whole = _FEATURE_UNIT / math.sqrt(_HASHES_PER_STEM)
    pairs = [(number, whole) for number in _hashes("=" + term, _HASHES_PER_STEM)]
    groups = list(_letter_groups(term))
    for group in groups:
        pairs += [(number, _FEATURE_UNIT * _LETTER_GROUPS / math.sqrt(len(groups))) for number in _hashes(group, 1)]
    places = np.array([(number >> 1) % dimensions for number, _ in pairs], dtype=np.intp)
    values = np.array([round(-size if number & 1 else size) for number, size in pairs], dtype=np.float64)
    return places, values


def _hashes(feature: str, count: int) -> Iterator[int]:
    digest = blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=4 * count).digest()
    return (int.from_bytes(digest[start : start + 4], "little") for start in range(0, 4 * count, 4))


def _letter_groups(term: str) -> Iterator[str]:
    """Yield the groups of two and three letters of `term`, its ends marked; of a pair of characters, each."""
    if len(term) <= min(_GROUP_SIZES) and not term.isascii():
        yield from term
        return
    marked = f"<{term}>"
    for size in _GROUP_SIZES:
        yield from (marked[start : start + size] for start in range(len(marked) - size + 1))


def _first_axis(dimensions: int) -> NDArray[np.float64]:
    axis = np.zeros(dimensions)
    axis[0] = 1.0
    return axis
