"""Which properties a question asks for, so that "where do I live?" finds "we moved to Antwerp"."""

from __future__ import annotations

import re

_LONGEST_QUESTION = 500


def _asks(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_ANSWERS = r"(?:answers?|repl(?:y|ies)|respon(?:d|ses?)|messages)"
_QUESTIONS = (
    ("home", _asks(r"\bwhere\b.*\b(?:liv(?:e|es|ing)|based|resides?|home)\b")),
    ("home", _asks(r"\b(?:which|what) (?:city|town)\b|\bhome ?town\b")),
    ("country", _asks(r"\b(?:which|what) country\b")),
    ("employer", _asks(r"\bwh(?:ere|o)\b.*\bwork(?:s|ing)?\b")),
    ("employer", _asks(r"\b(?:employer|workplace|job|(?:which|what) company)\b")),
    ("job", _asks(r"\b(?:job|occupation|profession|for a living|for work)\b|\bwork(?:s|ing)? as\b")),
    ("diet", _asks(r"\b(?:diet|eat|eats|eating|vegetarian|vegan|pescatarian)\b")),
    ("name", _asks(r"\b(?:my|your|his|her|their|the user'?s) (?:full |first |real )?name\b|\bwho am i\b")),
    ("nickname", _asks(r"\b(?:nickname|call (?:me|him|her|them|the user)|(?:be|like to be) called)\b")),
    ("birthday", _asks(r"\b(?:birthday|born)\b")),
    ("age", _asks(r"\bhow old\b|\bage\b")),
    (
        "relationship status",
        _asks(r"\b(?:married|single|engaged|dating|divorced|relationship|seeing some(?:one|body))\b"),
    ),
    ("language of replies", _asks(rf"\b(?:which|what) language\b|\blanguage\b.*\b{_ANSWERS}\b")),
    ("length of replies", _asks(rf"\b(?:how (?:long|short|detailed)|length)\b.*\b{_ANSWERS}\b")),
    ("units", _asks(r"\b(?:units?|metric|imperial)\b")),
)


_ANY = _asks(
    r"\b(?:where|who|city|town|hometown|country|employer|workplace|company|job|occupation|profession|living|work|works"
    r"|working|diet|eats?|eating|vegetarian|vegan|pescatarian|name|nickname|calle?d?|birthday|born|old|age|married|single"
    r"|engaged|dating|divorced|relationship|seeing|language|long|short|detailed|length|units?|metric|imperial)\b"
)


def properties_asked(question: str) -> tuple[str, ...]:
    """Return the properties (see `Slot.property`) that an English question asks for, none when it asks for no such."""
    asked = question[:_LONGEST_QUESTION]
    if not _ANY.search(asked):
        return ()
    return tuple(dict.fromkeys(name for name, pattern in _QUESTIONS if pattern.search(asked)))
