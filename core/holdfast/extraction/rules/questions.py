"""What a question asks for: attributes, so that "where do I live?" finds "we moved to Antwerp"; a time, a number.

Of two turns about the same thing, "when did you" is answered by the one that says "last week". Worth 0.6 points of
recall@10 on five LoCoMo conversations, and at worst nothing in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from holdfast.extraction.rules.language import load_language
from holdfast.extraction.rules.words import WORD
from holdfast.retrieval.tokenize import stem_words

WHEN = "when"
HOW_MANY = "how many"

_LONGEST_QUESTION = 500
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")


def attributes_asked(question: str, *, language: str = "english") -> tuple[str, ...]:
    """Return the names of the attributes (see `Attribute.name`) that a question asks for, empty when it asks for none.

    >>> attributes_asked("Where does Ana live?")
    ('home',)
    """
    asked = question[:_LONGEST_QUESTION]
    present = frozenset(WORD.findall(asked.lower().replace("'s", "")))
    rules = load_language(language).tables.asked.with_cues(present)
    return tuple(dict.fromkeys(rule.outcome for rule in rules if rule.find(asked)))


def people_asked(question: str, *, language: str = "english") -> tuple[str, ...]:
    """Return the people a question may be about, in lower case: names and relations.

    >>> people_asked("Where does my sister Ana live?")
    ('ana', 'sister')
    """
    patterns = load_language(language).patterns
    found = (*patterns.person_asked.findall(question), *patterns.relation_asked.findall(question))
    return tuple(person.lower() for person in found)


def without_user(question: str, *, language: str = "english") -> str:
    """Return `question` without "the user", which distinguishes none of the user's memories.

    >>> without_user("Where does the user live?").split()
    ['Where', 'does', 'live?']
    """
    return load_language(language).patterns.the_user.sub(" ", question)


def answers_asked(question: str, *, language: str = "english") -> tuple[str, ...]:
    """Return the kinds of answers a question may want: a time, a number.

    >>> answers_asked("When did we move?")
    ('when',)
    """
    return tuple(rule.outcome for rule in load_language(language).tables.answer if rule.find(question))


def answers_in(stems: Iterable[str], *, language: str = "english") -> tuple[str, ...]:
    """Return the kinds of answers a text with these stems (see `stem_words`) can give.

    >>> answers_in(["move", "yesterday"])
    ('when',)
    """
    distinct = set(stems)
    figures = [stem for stem in distinct if "0" <= stem[0] <= "9"]
    times, numbers = _answering(language)
    time = not times.isdisjoint(distinct) or any(map(_YEAR.fullmatch, figures))
    return (WHEN,) * time + (HOW_MANY,) * (bool(figures) or not numbers.isdisjoint(distinct))


@lru_cache(maxsize=8)
def _answering(language: str) -> tuple[frozenset[str], frozenset[str]]:
    lists = load_language(language).words
    return frozenset(stem_words(" ".join(lists.answers_when))), frozenset(stem_words(" ".join(lists.answers_how_many)))
