"""From text to the terms that keyword search counts.

Words are case-folded, stripped of English contractions, freed of stop words and stemmed (Snowball English on
words in Latin letters). Scripts that do not separate words (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and
Korean, whose words carry their particles, give overlapping pairs of characters instead.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import Stemmer
from numpy.typing import NDArray

from holdfast.retrieval.stop_words import STOP_WORDS

_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

# Elsewhere a word is what stands between separators: `\w` would cut Indic and Thai words at their vowel signs
# and lose emoji, which people do search for.
_SEPARATORS = (
    r"\s\x00-\x1f!-&(-/:-@\[-`{-~\x7f-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\xd7\xf7"
    r"\u055a-\u055f\u0589\u05be\u05c0\u05c3\u060c\u061b\u061f\u0640\u066a-\u066d\u06d4\u0964\u0965\u0970"
    r"\u0e2f\u0e5a\u0e5b\u104a-\u104f\u1361-\u1368\u17d4-\u17da\u200b\u200e\u200f\u2010-\u2018\u201a-\u206f"
    r"\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe0e\ufe0f\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_WORD = re.compile(f"[^{_SEPARATORS}]+")

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]")

_CONTRACTIONS = frozenset(("s", "m", "d", "t", "ll", "re", "ve"))
_LONGEST_WORD = 64

_stemmer = Stemmer.Stemmer("english")
_stemmer.maxCacheSize = 0  # `_stem` below keeps the cache, shared with the hashes


def words(text: str) -> list[str]:
    """Return the content words of `text` as stems, in order and with repetitions; stop words are left out."""
    return [stem for stem in map(_stem, _raw_words(text)) if stem]


def term_ids(terms: Iterable[str]) -> NDArray[np.uint32]:
    """Return the 32-bit hashes of `terms`, in order.

    In a vocabulary of 100,000 words a given word shares its hash with another one once in 43,000 times.
    """
    return np.fromiter(map(_term_id, terms), dtype=np.uint32)


def _raw_words(text: str) -> Iterator[str]:
    if text.isascii():
        yield from map(_without_contraction, _ASCII_WORD.findall(text.lower()))
        return
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()):
        if _UNSPACED_RUN.search(word):
            yield from _pairs(word)
        else:
            yield _without_contraction(word.strip("'"))


def _without_contraction(word: str) -> str:
    head, apostrophe, tail = word.rpartition("'")
    if not apostrophe or tail not in _CONTRACTIONS:
        return word
    return head[:-1] if tail == "t" and head.endswith("n") else head


def _pairs(word: str) -> Iterator[str]:
    for run in _RUN.findall(word):
        if len(run) == 1 or not _UNSPACED_RUN.match(run):
            yield run
        else:
            yield from (run[start : start + 2] for start in range(len(run) - 1))


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    if word in STOP_WORDS:
        return ""
    word = word[:_LONGEST_WORD]
    return _stemmer.stemWord(word) if word[:1] <= "\u024f" else word


@lru_cache(maxsize=1 << 16)
def _term_id(term: str) -> int:
    return zlib.crc32(term.encode("utf-8", "surrogatepass"))
