"""From text to the terms that keyword search counts.

Words are case-folded, stripped of contractions and elisions, freed of stop words and stemmed: other scripts than Latin
by the stemmer of the language most written in them, Latin words by that of the language whose function words the text
has, else as English. Scripts that do not separate words (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and Korean,
whose words carry their particles, give overlapping pairs of characters, and Chinese characters each for itself too: in
Japanese they are what an inflection leaves as it is. A pair never joins two scripts.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial

import numpy as np
import Stemmer
from numpy.typing import NDArray

from holdfast.retrieval.stop_words import ARABIC, HAN, HINDI, KANA, LATIN, RUSSIAN, STOP_WORDS

_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

# Elsewhere a word is what stands between separators: `\w` would cut Indic and Thai words at their vowel signs
# and lose emoji, which people do search for.
_SEPARATORS = (
    r"\s\x00-\x1f!-&(-/:-@\[-`{-~\x7f-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\xd7\xf7"
    r"\u055a-\u055f\u0589\u05be\u05c0\u05c3\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u0970"
    r"\u0e2f\u0e5a\u0e5b\u104a-\u104f\u1361-\u1368\u17d4-\u17da\u200b\u200e\u200f\u2010-\u2018\u201a-\u206f"
    r"\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe0e\ufe0f\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_WORD = re.compile(f"[^{_SEPARATORS}]+")

_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u309f"
_KATAKANA = "\u30a0-\u30ff\u31f0-\u31ff"
_OTHER_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uac00-\ud7af"
_RUN = re.compile(
    f"(?P<han>[{_HAN}]+)|(?P<kana>[{_HIRAGANA}]+)|(?P<pairs>[{_KATAKANA}]+|[{_OTHER_UNSPACED}]+)"
    f"|[^{_HAN}{_HIRAGANA}{_KATAKANA}{_OTHER_UNSPACED}]+"
)
_SILENT = {"han": HAN, "kana": KANA, "pairs": frozenset[str]()}
_UNSPACED = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}{_OTHER_UNSPACED}]")

_CAPITALISED = re.compile(r"(?<=[^.!?:\s] )(?=[^\W\d_a-z])[^\W\d_]+(?:'[^\W\d_]+)?")
_CONTRACTIONS = frozenset(("s", "m", "d", "t", "ll", "re", "ve"))
_ELISIONS = frozenset("l d j m t s n c qu jusqu lorsqu puisqu quelqu un all dell dall nell sull quell".split())
_LONGEST_WORD = 64

_SCRIPTS = (
    ("\u0370", "\u03ff", "greek", frozenset[str]()),
    ("\u0400", "\u052f", "russian", RUSSIAN),
    ("\u0600", "\u06ff", "arabic", ARABIC),
    ("\u0900", "\u097f", "hindi", HINDI),
)
_FIRST_OF_OTHER_SCRIPTS = "\u0370"

# Vowel marks, the nukta and the lengthening stroke are mostly left out in writing, the chandrabindu often is.
_UNWRITTEN = dict.fromkeys([*range(0x064B, 0x0653), 0x0670, 0x0640, 0x093C]) | {0x0901: 0x0902}
_DIGITS = {zero + value: str(value) for zero in (0x0660, 0x06F0, 0x0966, 0x0E50) for value in range(10)}
_HALVES = dict.fromkeys(range(0xD800, 0xE000), " ")  # of a pair whose other half is missing: no stemmer takes them
_REWRITTEN = _UNWRITTEN | _DIGITS | _HALVES | {0x2019: "'"}

# English words and names that are function words elsewhere are no sign of those languages alone, and a weak one beside
# others ...
_LOOKALIKES = frozenset(
    """
    want come plus met ya son ton man car em ha word door non mag ad war ins die hat den pour sin con tot bent wart era
    mas van bin todo dos chi heel dan mit er mia ma eu di al ali ai hay hen hem u c y e o i j ed des yo ja nee dal
    """.split()
)
# ... and what is left of "won't" and "it's" is none of English.
_LEFTOVERS = frozenset("wo ca s t m d ll re ve".split())
_WEAK = {language: listed - _LEFTOVERS if listed is STOP_WORDS else listed for language, listed in LATIN.items()}
_STRONG = {language: listed - _LOOKALIKES for language, listed in _WEAK.items()}
_FOREIGN = frozenset[str]().union(*_STRONG.values()) - _WEAK["english"]


def stem_words(text: str) -> list[str]:
    """Return the content words of `text` as stems, in order and with repetitions; stop words are left out."""
    raw = list(_raw_words(text))
    stem = _stems[detect_language(raw)]
    return [stemmed for stemmed in map(stem, raw) if stemmed]


def first_name(name: str) -> str:
    """Return the first word of a speaker's name as `names_in_question` gives it, `""` when it has no words."""
    return next(map(_as_name, _raw_words(name)), "")


def names_in_question(question: str) -> set[str]:
    """Return what may be names in a question: its content words as they stand and as stems.

    Ben, Will and Sue are function words of some language: they are names where they stand with a capital, other than
    at the beginning.
    """
    raw = list(_raw_words(question))
    stem = _stems[detect_language(raw)]
    capitalised = {_bare(word.casefold()) for word in _CAPITALISED.findall(question)}
    return {form for word in raw if stem(word) or word in capitalised for form in (_as_name(word), stem(word)) if form}


def _as_name(word: str) -> str:
    if word >= _FIRST_OF_OTHER_SCRIPTS:
        return _stem_of_script(word[:_LONGEST_WORD]) or word
    return word if word.isascii() else _without_accents(word)


def detect_language(raw: Sequence[str]) -> str:
    """Return the language written in Latin letters whose function words there are most of; without any, English.

    Args:
        raw: Words in lower case.

    Returns:
        A key of `LATIN`.
    """
    if _FOREIGN.isdisjoint(raw):
        return "english"
    found = {
        language: sum((word in weak) + (word in _STRONG[language]) for word in raw) for language, weak in _WEAK.items()
    }
    return max(found, key=found.__getitem__)  # the first of equals, and English is the first of all


def hash_terms(terms: Iterable[str]) -> NDArray[np.uint32]:
    """Return the 32-bit hashes of `terms`, in order.

    In a vocabulary of 100,000 words a given word shares its hash with another one once in 43,000 times.
    """
    return np.fromiter(map(_term_id, terms), dtype=np.uint32)


def _raw_words(text: str) -> Iterator[str]:
    if text.isascii():
        yield from map(_bare, _ASCII_WORD.findall(text.lower()))
        return
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).translate(_REWRITTEN).casefold()):
        if _UNSPACED.search(word):
            yield from _cut(word)
        else:
            yield _bare(word.strip("'"))


def _bare(word: str) -> str:
    """Return `word` without what an apostrophe joins to it."""
    head, apostrophe, tail = word.rpartition("'")
    if not apostrophe:
        return word
    if tail in _CONTRACTIONS:
        return head[:-1] if tail == "t" and head.endswith("n") else head
    return tail if head in _ELISIONS else word


def _cut(word: str) -> Iterator[str]:
    """Yield the terms of a word in which scripts without blanks take part."""
    for run in _RUN.finditer(word):
        text, silent = run[0], _SILENT.get(run.lastgroup or "")
        if silent is None:
            yield text
            continue
        if run.lastgroup == "han" or len(text) == 1:
            yield from (character for character in text if character not in silent)
        pairs = (text[start : start + 2] for start in range(len(text) - 1))
        yield from (pair for pair in pairs if silent.isdisjoint(pair))


def _stem_of(language: str, word: str) -> str:
    if word >= _FIRST_OF_OTHER_SCRIPTS:
        return _stem_of_script(word[:_LONGEST_WORD])
    if word in LATIN[language]:
        return ""
    stem = _stemmer(language).stemWord(word[:_LONGEST_WORD])
    return stem if stem.isascii() else _without_accents(stem)


def _stem_of_script(word: str) -> str:
    for first, last, language, stop_words in _SCRIPTS:
        if first <= word[0] <= last:
            return "" if word in stop_words else _stemmer(language).stemWord(word)
    return word


def _without_accents(word: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFD", word) if not unicodedata.combining(mark))


@lru_cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    stemmer = Stemmer.Stemmer(language)
    stemmer.maxCacheSize = 0  # `_stems` keep the cache
    return stemmer


_stems = {language: lru_cache(maxsize=1 << 16)(partial(_stem_of, language)) for language in LATIN}


@lru_cache(maxsize=1 << 16)
def _term_id(term: str) -> int:
    return zlib.crc32(term.encode("utf-8", "surrogatepass"))
