"""An embedder without a model, key or network: signed feature hashing of words and their letters.

Words are hashed as stems and as the letter groups inside them, so that a typo, an inflection or a language without
spaces still has something in common with the original (Weinberger et al. 2009, "Feature hashing for large scale
multitask learning"). The weights maximise the recall@10 of the cosine alone on five LoCoMo conversations, indexed as
"speaker: text", at 384 dimensions: stems alone 43, with letter groups 47, with capitalised words at 0.7 as well 51.
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

_VERSION = 1  # part of the fingerprint: raise it with any change that moves a vector
_MIN_DIMENSIONS = 16

# There are no word statistics here. But capitalised words mostly say who and where, which many memories of a scope have
# in common, and a stop word matters only when there is little else.
_CAPITALISED_WEIGHT = 0.7
_STOP_WORD_WEIGHT = 0.1
_LETTER_GROUPS_WEIGHT = 1.0
_GROUP_SIZES = (2, 3)
_HASHES_PER_STEM = 4

# Features and weights are whole numbers, so their sums are exact in any order, and the vectors are the same bit for bit
# on every machine.
_FEATURE_UNIT = 256
_WEIGHT_UNIT = 16

_CACHED_WORDS = 1 << 14  # 12 MB once all are used
_MAX_CACHED_LENGTH = 32  # characters; longer words are mostly unique, such as addresses

_Features = tuple[NDArray[np.intp], NDArray[np.float64]]


class HashingEmbedder:
    """Embed texts by their words and letter groups. The same text gets the same vector on every machine.

    Args:
        dimensions: The length of every vector, at least 16. More mean fewer collisions.

    Attributes:
        knows_meaning: Whether texts without a common word can be near to each other: never.

    Raises:
        ConfigError: `dimensions` is too small or not a whole number.

    >>> embedder = HashingEmbedder(dimensions=256)
    >>> tea, same, other = embedder.embed(["I like green tea", "I like green tee", "The train leaves at noon"])
    >>> bool(tea @ same > 0.5 > tea @ other)
    True
    """

    knows_meaning = False

    def __init__(self, dimensions: int = 384) -> None:
        if isinstance(dimensions, bool) or not isinstance(dimensions, int) or dimensions < _MIN_DIMENSIONS:
            raise ConfigError(f"dimensions is {dimensions!r}: the hashing embedder takes {_MIN_DIMENSIONS} or more")
        self.dimensions = dimensions
        self.fingerprint = f"hashing:{_VERSION}:{dimensions}"

    def __repr__(self) -> str:
        return f"HashingEmbedder(dimensions={self.dimensions})"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: shape `(len(texts), dimensions)`, each of unit length.

        A text without words (blank, or punctuation only) gets the first unit vector.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = self._vector(text)
        return vectors

    def spec(self) -> dict[str, object]:
        """Return the description from which `registry.embedder` builds this embedder again."""
        return {"provider": "hashing", "config": {"dimensions": self.dimensions}}

    def _vector(self, text: str) -> NDArray[np.float64]:
        weights = _weights(text)
        if not weights:
            return _first_unit_vector(self.dimensions)
        features = [_features(term, self.dimensions) for term in weights]
        places = np.concatenate([feature[0] for feature in features])
        values = np.concatenate(
            [feature[1] * weight for feature, weight in zip(features, weights.values(), strict=True)]
        )
        sums = np.bincount(places, weights=values, minlength=self.dimensions)
        length = math.sqrt(float(sums @ sums))
        return sums / length if length else _first_unit_vector(self.dimensions)


def _weights(text: str) -> dict[str, int]:
    """Return the terms of `text` with their weights in sixteenths; repetitions count logarithmically."""
    totals: dict[str, float] = {}
    for word in text.split():
        for term, weight in _cached_word_terms(word) if len(word) <= _MAX_CACHED_LENGTH else _word_terms(word):
            totals[term] = totals.get(term, 0.0) + weight
    return {term: round(_WEIGHT_UNIT * _sublinear(total)) for term, total in totals.items()}


def _sublinear(count: float) -> float:
    return count if count <= 1 else 1 + math.log(count)


def _word_terms(word: str) -> tuple[tuple[str, float], ...]:
    stems = tokenize.stem_as_written(word)  # the vectors in files stay what they are
    if stems:
        weight = _CAPITALISED_WEIGHT if next(filter(str.isalpha, word), "").isupper() else 1.0
        return tuple((stem, weight) for stem in stems)
    letters = "".join(filter(str.isalnum, word.casefold()))
    return ((letters, _STOP_WORD_WEIGHT),) if letters else ()


_cached_word_terms = lru_cache(maxsize=_CACHED_WORDS)(_word_terms)


@lru_cache(maxsize=_CACHED_WORDS)
def _features(term: str, dimensions: int) -> _Features:
    """Return the places at which `term` adds to the vector, and the values it adds."""
    stem_size = _FEATURE_UNIT / math.sqrt(_HASHES_PER_STEM)
    pairs = [(number, stem_size) for number in _hashes("=" + term, _HASHES_PER_STEM)]
    groups = list(_letter_groups(term))
    for group in groups:
        pairs += [
            (number, _FEATURE_UNIT * _LETTER_GROUPS_WEIGHT / math.sqrt(len(groups))) for number in _hashes(group, 1)
        ]
    places = np.array([(number >> 1) % dimensions for number, _ in pairs], dtype=np.intp)
    values = np.array([round(-size if number & 1 else size) for number, size in pairs], dtype=np.float64)
    return places, values


def _hashes(feature: str, count: int) -> Iterator[int]:
    digest = blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=4 * count).digest()
    return (int.from_bytes(digest[start : start + 4], "little") for start in range(0, 4 * count, 4))


def _letter_groups(term: str) -> Iterator[str]:
    """Yield the groups of two and three letters of `term` with its ends marked; each character of an unspaced pair."""
    if len(term) <= min(_GROUP_SIZES) and not term.isascii():
        yield from term
        return
    marked = f"<{term}>"
    for size in _GROUP_SIZES:
        yield from (marked[start : start + size] for start in range(len(marked) - size + 1))


def _first_unit_vector(dimensions: int) -> NDArray[np.float64]:
    axis = np.zeros(dimensions)
    axis[0] = 1.0
    return axis
