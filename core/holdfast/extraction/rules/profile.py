"""Which facts hold until further notice: who somebody is, how they like things, how they want to be treated.

Questions of quite other subjects need them ("recommend a restaurant": the allergy), so no search finds them. What
happened, is planned or passes is not among them.
"""

from __future__ import annotations

from typing import cast, get_args

from holdfast.extraction.rules.attributes import read_attributes
from holdfast.extraction.rules.language import Language, Rule, load_language
from holdfast.extraction.rules.notes import own_words
from holdfast.extraction.rules.people import SPEAKER
from holdfast.extraction.rules.words import WORD, write_out
from holdfast.records import ProfileKind

_LONGEST = 500  # characters of a statement that are looked at


def profile_kind(text: str, *, speaker: str | None = None, language: str = "english") -> ProfileKind | None:
    """Return what kind of profile fact `text` is, `None` when it is not one.

    Args:
        text: A fact, as its speaker says it ("I prefer tea") or as it is noted ("Prefers tea", "The user prefers tea").
        speaker: The name of who said it; "Ana prefers tea" is then about Ana herself.
        language: The language of the fact; there must be rules for it.

    Returns:
        `"instruction"`, `"preference"`, `"profile"` or `None`.

    Raises:
        LookupError: There are no rules for the language.

    >>> profile_kind("I'm allergic to peanuts.")
    'profile'
    """
    rules = load_language(language)
    rule = profile_rule(rules, text, speaker=speaker)
    if rule is None:
        return None
    return cast("ProfileKind", rule.outcome) if rule.outcome in get_args(ProfileKind) else "profile"


def instruction_rule(language: Language, said: str) -> Rule | None:
    """Return the rule that makes `said`, in the user's own words and written out, an instruction."""
    plain = said.lower()
    cued = language.tables.verdict.with_cues(set(WORD.findall(plain)))
    return next((rule for rule in cued if rule.outcome == "instruction" and rule.compiled.match(plain)), None)


def profile_rule(language: Language, text: str, *, speaker: str | None = None) -> Rule | None:
    """Return the rule that makes `text` a profile fact: one of the profile's, or one of a lasting attribute."""
    bare = " ".join(text[:_LONGEST].split())
    written = write_out(language, bare)
    said = own_words(language, written, speaker=speaker)
    # Without a subject, "Write code in Python" may be a note about the user as well as a request: both are looked at.
    for reading in dict.fromkeys((said, written)):
        if rule := instruction_rule(language, reading):
            return rule
    cued = language.tables.profile.with_cues(set(WORD.findall(said.lower())))
    if rule := next((rule for rule in cued if rule.find(said)), None):
        return rule
    stated = (one.rule for one in read_attributes(language, bare, speaker) if one.subject == SPEAKER)
    rules = map(language.tables.attribute.named, stated)
    return next((rule for rule in rules if rule.lasting), None)
