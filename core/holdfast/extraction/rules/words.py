"""The words of a sentence: written out, stemmed, and in which language they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from holdfast.extraction.rules.language import Language, Rule, load_language
from holdfast.extraction.rules.other_languages import is_said
from holdfast.retrieval.spelling import fold_spelling
from holdfast.retrieval.tokenize import detect_language

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@lru_cache(maxsize=1024)  # a sentence is judged, compared and indexed
def write_out(language: Language, text: str) -> str:
    """Return `text` with straight apostrophes and its contractions written out (`I'm` → `I am`)."""
    text = text.replace("\u2019", "'")
    if "'" in text:
        lowered = text.lower()
        for cue, rule in _contractions(language):
            if cue in lowered:
                text = rule.compiled.sub(rule.outcome, text)
    unmarked = language.forms.without_apostrophe
    if unmarked.keys().isdisjoint(WORD.findall(text.lower())):
        return text
    return WORD.sub(lambda found: unmarked.get(found[0].lower(), found[0]), text)


@lru_cache(maxsize=8)
def _contractions(language: Language) -> tuple[tuple[str, Rule], ...]:
    return tuple((cue, rule) for rule in language.tables.contraction for cue in rule.cues)


def first_person(language: Language, verb: str) -> str:
    """Return what "he" or "they" do as what "I" do: `is` and `are` give `am`, `studies` gives `study`."""
    whole = language.forms.first_person
    shortest = 3
    if verb.lower() in whole or len(verb) <= shortest:
        return whole.get(verb.lower(), verb)
    return _inflect(verb, language.forms.first_person_endings, verb)


def third_person(language: Language, verb: str) -> str:
    """Return what "they" do as what "the user" does: `have` gives `has`, `study` gives `studies`."""
    whole = language.forms.third_person
    if verb.lower() in whole:
        return whole[verb.lower()]
    return _inflect(verb, language.forms.third_person_endings, verb + "s")


def _inflect(verb: str, endings: Mapping[str, str], otherwise: str) -> str:
    lowered = verb.lower()
    fitting = next((ending for ending in endings if lowered.endswith(ending)), None)
    return otherwise if fitting is None else verb[: len(verb) - len(fitting)] + endings[fitting]


@lru_cache(maxsize=4096)  # comparing two sentences asks three times for each word
def stem(language: Language, word: str) -> str:
    """Return `word` without its inflection, roughly: `moved`, `moves` and `moving` all give `mov`."""
    word = word.removesuffix("'s")
    if not word.isalpha():
        return word  # "11" and "1" are two numbers
    whole = word
    for ending in _inflections(language):
        if word.endswith(ending) and len(word) - len(ending) > 2 and not word.endswith("ss"):  # noqa: PLR2004
            word = word.removesuffix(ending)
            break
    # "stopped" has doubled its last letter, "Matt" has not.
    if word != whole and len(word) > 3 and word[-1] == word[-2] and word[-1] in _DOUBLED:  # noqa: PLR2004
        word = word[:-1]
    return word.rstrip("e") if len(word) > 3 else word  # noqa: PLR2004


_DOUBLED = frozenset("bdgklmnprt")


@lru_cache(maxsize=8)
def _inflections(language: Language) -> tuple[str, ...]:
    return tuple(sorted(language.words.inflections, key=lambda ending: (-len(ending), ending)))


@lru_cache(maxsize=64)
def stems(language: Language, name: str) -> frozenset[str]:
    """Return the stems of the word list called `name`."""
    return frozenset(stem(language, word) for word in getattr(language.words, name))


def content(language: Language, text: str) -> tuple[str, ...]:
    """Return the stems of the words that carry content, in order."""
    empty, own = language.words.stop_words, language.words.self
    return tuple(
        stem(language, word) for word in tokens(write_out(language, text)) if word not in empty and word not in own
    )


def tokens(text: str) -> list[str]:
    """Return the words and values of `text` as they count where two statements are compared.

    A word is in lower case and free of the punctuation around it. What has a digit, a sign or a symbol stays whole:
    `O+` and `O-`, `$5` and `€5`, `C++` and `C#` are different values.

    >>> tokens('I said: "My well-known blood type is O-."')
    ['i', 'said', 'my', 'well', 'known', 'blood', 'type', 'is', 'o-']
    """
    return [token.casefold() for token in written_tokens(text)]


def written_tokens(text: str) -> list[str]:
    """Return `tokens` with the capitals of the writer."""
    if not text.isascii():
        text = fold_spelling(text).translate(_SAME_SIGNS)
    if "*" in text:
        text = _EMPHASIS.sub(r"\g<said>", text)
    found: list[str] = []
    chunks = text.split()
    for place, chunk in enumerate(chunks, 1):
        if chunk.isalpha():
            found.append(chunk)
            continue
        bare = _bare(chunk)
        if bare and (bare not in _DASHES or place == len(chunks)):  # a dash between words says nothing
            found.extend(WORD.findall(bare) if _HYPHENATED.fullmatch(bare) else [bare])
    return found


_SAME_SIGNS = {0x2212: "-", 0x2019: "'", 0x2018: "'", 0xFE0E: None, 0xFE0F: None}
_EMPHASIS = re.compile(r"(?<![^\s(])(?P<mark>\*{1,3})(?=[^\s*])(?P<said>[^*]*[^\s*])(?P=mark)(?=[\s.,!?;:)]|$)")
_DASHES = frozenset(("-", "--", "\u2013", "\u2014", "|", "\u2022"))
_OPENING = "\"'([{\u201c\u201e\u00ab\u2039\u00bf\u00a1\u300c\u300e\uff08"
_CLOSING = (
    ".,!?;:\u2026\"')]}\u201d\u00bb\u203a"
    "\u3002\uff01\uff1f\u3001\uff0c\uff1b\uff1a\u300d\u300f\uff09\u061f\u060c\u061b\u0964"
)
_PRIME = re.compile(r"[^\"']*\d['\"]")  # feet and inches, minutes and seconds
_HYPHENATED = re.compile(r"[^\W\d_]+(?:['\u2010-\u2014-]+[^\W\d_]+)*")


def _bare(chunk: str) -> str:
    """Return `chunk` without the punctuation around it."""
    closed = chunk.rstrip(".,!?;:")
    return closed if _PRIME.fullmatch(closed) else chunk.rstrip(_CLOSING).lstrip(_OPENING)


def squeeze(word: str, *, to: int = 1) -> str:
    """Return `word` with a letter that is written three times or more written once, or `to` times.

    >>> squeeze("sooo"), squeeze("coool", to=2), squeeze("viii"), squeeze("1000")
    ('so', 'cool', 'viii', '1000')
    """
    if _ELONGATED.search(word) is None or not word.isalpha() or len(set(word)) == 1 or _ROMAN_NUMERAL.fullmatch(word):
        return word
    return _ELONGATED.sub(lambda found: found[1] * to if found[1].upper() != found[1] else found[0], word)


_ELONGATED = re.compile(r"([^\W\d_])\1{2,}")
_ROMAN_NUMERAL = re.compile(r"[ivxlcdm]+")


def repetition_key(text: str) -> str:
    """Return what two texts have in common when one repeats the other: all but case, blanks and punctuation around.

    >>> repetition_key("I LIVE  in Lisbon!!") == repetition_key("i live in Lisbon")
    True
    """
    return " ".join(map(squeeze, tokens(text))) or text


def is_function_word(word: str, *, language: str = "english") -> bool:
    """Return whether `word`, in lower case, says nothing of what a text is about.

    >>> is_function_word("would"), is_function_word("bonn")
    (True, False)
    """
    return word in load_language(language).words.function_words


# In scripts without spaces between words, each character counts as one.
_UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_CONTENT_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+")
_PREFIX_LENGTH = 4


def content_words(text: str) -> set[str]:
    """Return the content words of `text`, cut to a prefix so that the forms of one word are equal.

    >>> sorted(content_words("She moved to Bonn."))
    ['bonn', 'move', 'she']
    """
    words = [word for word in _CONTENT_WORD.findall(text.casefold()) if not is_function_word(word)]
    return {
        word[:_PREFIX_LENGTH] if word.isalpha() else word
        for word in words
        if len(word) > 2 or not word.isascii() or not word.isalpha()  # noqa: PLR2004 - "a", "is", "of"
    }


def is_foreign(language: Language, text: str, words: Sequence[str]) -> bool:
    """Return whether `text` is in another language, by its script and its function words.

    Args:
        language: The language the rules are for.
        text: A sentence.
        words: Its words in lower case, contractions written out.
    """
    if not text.isascii() and _mostly_other_script(text):
        return True
    known, others = _function_words(language)
    own = sum(map(known.__contains__, words))
    foreign = sum(map(others.__contains__, words))
    if foreign > own or detect_language(words) != language.name:
        return True
    if own > 1 or (own and text.isascii()):
        return False
    # "Her" and "can" are Turkish words, too.
    return is_said(words) or (not own and (len(words) > 3 or not text.isascii()))  # noqa: PLR2004


@lru_cache(maxsize=8)
def _function_words(language: Language) -> tuple[frozenset[str], frozenset[str]]:
    lists = language.words
    return lists.common | lists.stop_words | lists.self, lists.foreign


def _mostly_other_script(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    latin_end = "\u0250"
    return sum(character >= latin_end for character in letters) * 2 > len(letters)
