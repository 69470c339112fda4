"""Split a text into the terms that keyword search counts.

Words are case-folded, freed of contractions and elisions, checked against the stop words and stemmed. Words in another
script than Latin are stemmed in the language that is most written in it; Latin words in the language whose function
words the text has, else in English.

Chinese, Japanese, Thai, Lao, Khmer and Burmese do not separate words, and Korean words carry their particles: these
give overlapping pairs of characters, and each Chinese character on its own as well, because in Japanese those are what
an inflection leaves unchanged. A pair never joins two scripts.
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

from holdfast.retrieval.normalize import normalize
from holdfast.retrieval.spelling import fold_spelling
from holdfast.retrieval.stop_words import ARABIC, HAN, HINDI, KANA, LATIN, RUSSIAN, STOP_WORDS

_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

# Beyond ASCII, a word is anything between separators: `\w` would cut Indic and Thai words at their vowel signs and
# lose emoji, which people do search for.
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
_NO_SUBJECT = {"han": HAN, "kana": KANA, "pairs": frozenset[str]()}
_UNSPACED = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}{_OTHER_UNSPACED}]")

_CAPITALISED_WORD = re.compile(r"(?<=[^.!?:\s] )(?=[^\W\d_a-z])[^\W\d_]+(?:'[^\W\d_]+)?")
_CONTRACTIONS = frozenset(("s", "m", "d", "t", "ll", "re", "ve"))
_ELISIONS = frozenset("l d j m t s n c qu jusqu lorsqu puisqu quelqu un all dell dall nell sull quell".split())
_MAX_WORD_LENGTH = 64  # characters that are stemmed: a pasted base64 text is one "word"

_SCRIPTS = (  # first and last letter, stemmer, stop words
    ("\u0370", "\u03ff", "greek", frozenset[str]()),
    ("\u0400", "\u052f", "russian", RUSSIAN),
    ("\u0600", "\u06ff", "arabic", ARABIC),
    ("\u0900", "\u097f", "hindi", HINDI),
)
_FIRST_NON_LATIN = "\u0370"

# Writers mostly omit vowel marks, the nukta and the lengthening stroke, and often the chandrabindu.
_OFTEN_OMITTED = dict.fromkeys([*range(0x064B, 0x0653), 0x0670, 0x0640, 0x093C]) | {0x0901: 0x0902}
_DIGITS = {zero + value: str(value) for zero in (0x0660, 0x06F0, 0x0966, 0x0E50) for value in range(10)}
_LONE_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), " ")  # no stemmer accepts them
_REPLACED_CHARACTERS = _OFTEN_OMITTED | _DIGITS | _LONE_SURROGATES | {0x2019: "'"}

# English words and names that are function words in another language: alone they are no sign of that language, next to
# others a weak one ...
_AMBIGUOUS = frozenset(
    """
    want come plus met ya son ton man car em ha word door non mag ad war ins die hat den pour sin con tot bent wart era
    mas van bin todo dos chi heel dan mit er mia ma eu di al ali ai hay hen hem u c y e o i j ed des yo ja nee dal
    """.split()
)
# ... and what remains of "won't" and "it's" is no sign of English.
_CONTRACTION_PARTS = frozenset("wo ca s t m d ll re ve".split())
_FUNCTION_WORDS = {
    language: words - _CONTRACTION_PARTS if words is STOP_WORDS else words for language, words in LATIN.items()
}
_UNAMBIGUOUS = {language: words - _AMBIGUOUS for language, words in _FUNCTION_WORDS.items()}
_FOREIGN_FUNCTION_WORDS = frozenset[str]().union(*_UNAMBIGUOUS.values()) - _FUNCTION_WORDS["english"]


def stem_words(text: str) -> list[str]:
    """Return the stems of the content words of `text`, in order and with repetitions; stop words are left out.

    >>> stem_words("When did Ana move to the cities of Portugal?")
    ['ana', 'move', 'citi', 'portug']
    >>> stem_words("東京タワー")
    ['東', '京', '東京', 'タワ', 'ワー']
    """
    return stem_as_written(fold_spelling(text))


def stem_question(text: str) -> list[str]:
    """Return `stem_words` of what is looked for, and the stems as it is spelled.

    A file that was written before all spellings were folded has those, until `reembed` computes its words again.

    >>> stem_question("Œuvres"), stem_question("light")
    (['oeuvr', 'œuvr'], ['light'])
    """
    stems = stem_words(text)
    return stems if text.isascii() else list(dict.fromkeys([*stems, *stem_as_written(text)]))


def stem_as_written(text: str) -> list[str]:
    """Return what `stem_words` does, but of each word in its own spelling."""
    words = list(_split_words(text))
    stem_word = _stem_functions[detect_language(words)]
    return [stem for stem in map(stem_word, words) if stem]


def first_name(name: str) -> str:
    """Return the first word of a speaker's name in the form of `names_in_question`, `""` if there is none.

    >>> first_name("Zoë Müller")
    'zoe'
    """
    return next(map(_name_form, _split_words(name)), "")


def names_in_question(question: str) -> set[str]:
    """Return what may be names in a question: its content words, unstemmed and as stems.

    Ben, Will and Sue are function words of some language. Capitalised after the first word, they count as names.

    >>> sorted(names_in_question("What did Will and Ana buy?"))
    ['ana', 'buy', 'will']
    """
    words = list(_split_words(question))
    stem_word = _stem_functions[detect_language(words)]
    capitalised = {_strip_contraction(word.casefold()) for word in _CAPITALISED_WORD.findall(question)}
    return {
        form
        for word in words
        if stem_word(word) or word in capitalised
        for form in (_name_form(word), stem_word(word))
        if form
    }


def _name_form(word: str) -> str:
    if word >= _FIRST_NON_LATIN:
        return _stem_non_latin(word[:_MAX_WORD_LENGTH]) or word
    return word if word.isascii() else _without_accents(word)


def detect_language(words: Sequence[str]) -> str:
    """Return the language, of those in Latin letters, with the most function words among `words`; English for none.

    Args:
        words: In lower case.

    Returns:
        A key of `LATIN`.

    >>> detect_language("ich habe einen hund".split())
    'german'
    """
    if _FOREIGN_FUNCTION_WORDS.isdisjoint(words):
        return "english"
    counts = {
        language: sum((word in function_words) + (word in _UNAMBIGUOUS[language]) for word in words)
        for language, function_words in _FUNCTION_WORDS.items()
    }
    return max(counts, key=counts.__getitem__)  # the first of equals, and English comes first


def hash_terms(terms: Iterable[str]) -> NDArray[np.uint32]:
    """Return the 32-bit hashes of `terms`, in order.

    Four bytes a term keep the index small. In a vocabulary of 100,000 words, one word in 43,000 shares its hash.

    >>> hash_terms(["tea"])
    array([2391201714], dtype=uint32)
    """
    return np.fromiter(map(_hash_term, terms), dtype=np.uint32)


def _split_words(text: str) -> Iterator[str]:
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())
        # Most texts have no apostrophe, and this runs for every word that is indexed.
        yield from map(_strip_contraction, words) if "'" in text else words
        return
    for word in _WORD.findall(normalize(text, "NFKC").translate(_REPLACED_CHARACTERS).casefold()):
        if _UNSPACED.search(word):
            yield from _split_unspaced(word)
        else:
            yield _strip_contraction(word.strip("'"))


def _strip_contraction(word: str) -> str:
    """Return `word` without what an apostrophe attaches to it: `it's` is `it`, `l'eau` is `eau`."""
    before, apostrophe, after = word.rpartition("'")
    if not apostrophe:
        return word
    if after in _CONTRACTIONS:
        return before[:-1] if after == "t" and before.endswith("n") else before
    return after if before in _ELISIONS else word


def _split_unspaced(word: str) -> Iterator[str]:
    """Yield the terms of a word that contains a script without spaces."""
    for run in _RUN.finditer(word):
        text, no_subject = run[0], _NO_SUBJECT.get(run.lastgroup or "")
        if no_subject is None:
            yield text
            continue
        if run.lastgroup == "han" or len(text) == 1:
            yield from (character for character in text if character not in no_subject)
        pairs = (text[start : start + 2] for start in range(len(text) - 1))
        yield from (pair for pair in pairs if no_subject.isdisjoint(pair))


def _stem_word(language: str, word: str) -> str:
    if word >= _FIRST_NON_LATIN:
        return _stem_non_latin(word[:_MAX_WORD_LENGTH])
    if word in LATIN[language]:
        return ""
    stem = _stemmer(language).stemWord(word[:_MAX_WORD_LENGTH])
    return stem if stem.isascii() else _without_accents(stem)


def _stem_non_latin(word: str) -> str:
    for first, last, language, stop_words in _SCRIPTS:
        if first <= word[0] <= last:
            return "" if word in stop_words else _stemmer(language).stemWord(word)
    return word


def _without_accents(word: str) -> str:
    return "".join(letter for letter in normalize(word, "NFD") if not unicodedata.combining(letter))


@lru_cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    stemmer = Stemmer.Stemmer(language)
    stemmer.maxCacheSize = 0  # `_stem_functions` have the cache
    return stemmer


# Stemming takes 1.4 µs a word, a look-up a quarter of that. The words beyond these are rare ones, and ids.
_CACHED_WORDS = 1 << 14  # 8 MB once all are used
_stem_functions = {language: lru_cache(maxsize=_CACHED_WORDS)(partial(_stem_word, language)) for language in LATIN}


@lru_cache(maxsize=_CACHED_WORDS)
def _hash_term(term: str) -> int:
    return zlib.crc32(term.encode("utf-8", "surrogatepass"))
