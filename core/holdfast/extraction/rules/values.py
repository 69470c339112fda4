"""From the words after "I live in ..." to the value they state, empty when they state none.

Rules name these readers as their `value`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from holdfast.extraction.rules.language import Language

NOTHING = "-"
"""What `nothing` returns: the sentence names no value, and says just that."""

_MOST_WORDS_OF_A_NAME = 5
_MOST_WORDS_OF_A_THING = 8
_OLDEST = 120


def short(language: Language, text: str) -> str:
    """Read a name or a few words, as in "my name is ..."."""
    kept = _before(text, language.patterns.value_end)
    return kept.lower() if 0 < len(kept.split()) <= _MOST_WORDS_OF_A_NAME else ""


def proper(language: Language, text: str) -> str:
    """Read a proper name: capitalised, unless the writer uses no capitals at all."""
    kept = _before(text, language.patterns.value_end)
    bare = _without(language.patterns.definite_article, kept)
    capital = bare[:1].isupper() or bare[:1].isdigit()
    return short(language, bare) if capital and not language.patterns.date.fullmatch(bare) else ""


def given_name(language: Language, text: str) -> str:
    """Read a person's name where a nationality or a faith can be named as well ("I am German")."""
    kept = _before(text, language.patterns.value_end)
    return "" if language.patterns.nationality.match(kept.split()[-1]) else kept.lower()


def place(language: Language, text: str) -> str:
    """Read a town; a country is no town, for "I live in Spain" and "I live in Madrid" are both true."""
    kept = _before(text, language.patterns.value_end)
    if language.patterns.article.match(kept) and not language.patterns.definite_article.match(kept):
        return ""
    name = proper(language, kept)
    return "" if _is_country(language, name) else name


def country(language: Language, text: str) -> str:
    """Read one of the countries the rules know."""
    kept = _before(text, language.patterns.value_end).lower()
    return kept if _is_country(language, kept) else ""


def role(language: Language, text: str) -> str:
    """Read what somebody works as."""
    return short(language, _without(language.patterns.article, text))


def occupation(language: Language, text: str) -> str:
    """Read an occupation the rules know; "a runner" is not one."""
    found = language.patterns.occupation.match(text)
    return found["role"].lower() if found else ""


def diet(language: Language, text: str) -> str:
    """Read one of the diets that exclude each other; "a vegan chef" need not follow one."""
    named, *rest = _before(text, language.patterns.value_end).lower().split() or [""]
    alone = not rest or (len(rest) == 1 and rest[0] in language.words.diet_nouns)
    return language.forms.diets.get(named, "") if alone else ""


def status(language: Language, text: str) -> str:
    """Read whether somebody is single, married and so on."""
    return _first_of(language.forms.statuses, text.lower())


def transport(language: Language, text: str) -> str:
    """Read a way to travel."""
    named, *_ = _before(text, language.patterns.value_end).lower().split() or [""]
    return language.forms.transport.get(named, "")


def age(_language: Language, text: str) -> str:
    """Read an age in years."""
    found = re.match(r"\d{1,3}(?![\d%°€$£²³'\"]|[.,:/]\d)", text)
    return found[0] if found and int(found[0]) <= _OLDEST else ""


def date(language: Language, text: str) -> str:
    """Read a day, a month or a season, as it was said."""
    end = language.patterns.date_end.search(text)
    kept = (text[: end.start()] if end else text).strip(" .!")
    few = len(kept.split()) <= _MOST_WORDS_OF_A_THING
    return kept.lower() if few and language.patterns.date.search(kept) else ""


def digits(_language: Language, text: str) -> str:
    """Read a number in its digits alone, however it is grouped."""
    found = re.match(r"[+(\d][\d\s()/.-]*", text)
    return re.sub(r"[^+\d]", "", found[0]) if found else ""


def word(_language: Language, text: str) -> str:
    """Read one word."""
    return next(iter(text.split()), "").rstrip(",;:.!").lower()


def phrase(language: Language, text: str) -> str:
    """Read what comes up to the end of the clause."""
    kept = _without(language.patterns.article, _before(text, language.patterns.thing_end)).lower()
    words = kept.split()
    one = language.words.conjunctions.isdisjoint(words)
    return kept if one and 0 < len(words) <= _MOST_WORDS_OF_A_THING else ""


def thing(language: Language, text: str) -> str:
    """Read what somebody likes or is allergic to, with all that belongs to it ("cooking for friends")."""
    kept = _without(language.patterns.article, _before(text, language.patterns.thing_end)).lower()
    return "" if kept in language.words.pronouns_for_things else kept


def particular(language: Language, text: str) -> str:
    """Read a name, a number, "a Volvo" or "an iPhone", but no mere description ("my car is broken")."""
    bare = _without(language.patterns.indefinite_article, text)
    named = bare[:1].isupper() or bare[:1].isdigit() or re.match(r"\w+/\w+|[a-z]+[A-Z]", bare)
    return short(language, bare) if named else ""


def length(language: Language, text: str) -> str:
    """Read how long answers should be."""
    lowered = text.lower()
    found = ((re.search(rf"\b{word}", lowered), word) for word in language.forms.lengths)
    places = [(match.start(), -len(word), word) for match, word in found if match]
    return language.forms.lengths[min(places)[2]] if places else ""


def nothing(_language: Language, _text: str) -> str:
    """Read no value: the sentence only says that the old one has ended."""
    return NOTHING


READERS: dict[str, Callable[[Language, str], str]] = {
    reader.__name__: reader
    for reader in (
        *(short, proper, given_name, place, country, role, occupation, diet, status, transport, age),
        *(date, digits, word, phrase, thing, particular, length, nothing),
    )
}
"""The readers by the names that rules call them by."""


def _before(text: str, boundary: re.Pattern[str]) -> str:
    end = boundary.search(text)
    kept = (text[: end.start()] if end else text).strip()
    if _INCHES.fullmatch(kept):
        return kept
    return kept.lstrip(" \"'“”").rstrip(" \"'“”.")


_INCHES = re.compile(r"[^\"'“]*\d['\"]")


def _without(article: re.Pattern[str], text: str) -> str:
    found = article.match(text)
    return text[found.end() :] if found else text


def _is_country(language: Language, name: str) -> bool:
    return name.replace(" ", "_") in language.words.countries


def _first_of(values: dict[str, str], text: str) -> str:
    return next((values[word] for word in values if re.match(word + r"\b", text)), "")
