"""Facts and decisions without a model: an engine of rules, and the rules of a language as data.

`extract` reads a conversation and keeps what its speakers say about themselves, and what notes say of them
("The user lives in Bonn"); `reconcile` compares one fact with what is known. Both are deterministic and take linear
time. The rules keep a sentence too many rather than replace one that may still be true.

The folder `english` holds the rules: word lists and patterns with examples. `explain` says which of them decide on a
sentence.
"""

from typing import TYPE_CHECKING

from holdfast.lazy import lazily

if TYPE_CHECKING:
    from holdfast.extraction.rules.attributes import Attribute, attributes_of
    from holdfast.extraction.rules.extractor import SentenceExplanation, explain, extract
    from holdfast.extraction.rules.language import Language, Rule, load_language
    from holdfast.extraction.rules.people import Subject
    from holdfast.extraction.rules.profile import profile_kind
    from holdfast.extraction.rules.questions import (
        answers_asked,
        answers_in,
        attributes_asked,
        people_asked,
        without_user,
    )
    from holdfast.extraction.rules.reconciler import ends_something, reconcile
    from holdfast.extraction.rules.words import is_function_word

_HOMES = {
    "attributes": ("Attribute", "attributes_of"),
    "extractor": ("SentenceExplanation", "explain", "extract"),
    "language": ("Language", "Rule", "load_language"),
    "people": ("Subject",),
    "profile": ("profile_kind",),
    "questions": ("answers_asked", "answers_in", "attributes_asked", "people_asked", "without_user"),
    "reconciler": ("ends_something", "reconcile"),
    "words": ("is_function_word",),
}

__all__ = [
    "Attribute",
    "Language",
    "Rule",
    "SentenceExplanation",
    "Subject",
    "answers_asked",
    "answers_in",
    "attributes_asked",
    "attributes_of",
    "ends_something",
    "explain",
    "extract",
    "is_function_word",
    "load_language",
    "people_asked",
    "profile_kind",
    "reconcile",
    "without_user",
]

# The rules take 40 ms to read and compile: paid by the first add, not by every start.
__getattr__ = lazily(
    __name__, {name: f"holdfast.extraction.rules.{module}" for module, names in _HOMES.items() for name in names}
)
