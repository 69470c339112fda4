"""Texts that only repeat the form that a reply was asked for, or say that there is nothing."""

from __future__ import annotations

import re

_NOTHING = "n/a na none null nil nothing unknown undefined empty".split()
_WORDS = """string str text fact facts value content memory statement sentence placeholder todo tbd
the_fact a_fact fact_here your_fact_here fact_text text_of_the_fact the_text user_fact insert_fact_here""".split()
_BARE = frozenset([*_NOTHING, *(word.replace("_", " ") for word in _WORDS)])
_NUMBERED = re.compile(r"(?:fact|text|memory|statement|string)[ _-]?(?:\d{1,3}|n|x|one|two|three)", re.IGNORECASE)
# A slot of a template fills the whole text: "<fact>", "{{fact}}", "[insert fact]", "${fact}".
_SLOT = re.compile(
    r"\$?(?:<[^<>]{2,80}>|\{{1,3}[^{}]{2,80}\}{1,3}|\[{1,2}[^\[\]]{2,80}\]{1,2})",
)
_NO_FACTS = re.compile(
    r"(?:there (?:are|were|is) )?no (?:new |other |relevant |personal |user |further |important )*"
    r"(?:facts?|information|memories|details)"
    r"(?: (?:was|were|are|is|to|about|found|extracted|available|provided|mentioned|given|stated|in|worth)\b.{0,80})?",
    re.IGNORECASE,
)
_FIRST_WORDS = re.compile(
    "|".join(sorted({*_BARE, "no", "there", "fact", "text", "memory", "statement"})), re.IGNORECASE
)
_MOST_CHARACTERS = 200
_AROUND = " \t\r\n\"'`“”‘’.,;:!?*_…"


def is_placeholder(text: str) -> bool:
    """Return whether `text` says nothing: a slot of a template, the name of a type, or a word for nothing.

    >>> [is_placeholder(text) for text in ("<fact>", "String", "N/A", "No facts found.", "Likes <b> tags", "Is single")]
    [True, True, True, True, False, False]
    """
    bare = text.strip(_AROUND)
    if not bare or len(bare) > _MOST_CHARACTERS:
        return False
    if bare[0] not in "<{[$" and not _FIRST_WORDS.match(bare):
        return False  # nearly every fact: the patterns below take ten times as long
    words = " ".join(bare.casefold().replace("_", " ").split())
    return words in _BARE or any(
        pattern.fullmatch(one) for pattern in (_SLOT, _NUMBERED, _NO_FACTS) for one in (bare, text.strip())
    )
