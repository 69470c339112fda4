"""Who a sentence is about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from holdfast.extraction.rules.language import Language
from holdfast.extraction.rules.words import WORD


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who something is said of.

    Attributes:
        relation: What they are to the speaker, such as `"sister"`; empty for the speaker and for bare names.
        name: Their name in lower case, empty when it was not said.
    """

    relation: str = ""
    name: str = ""


SPEAKER = Subject()


@dataclass(frozen=True, slots=True)
class About:
    """A sentence divided into its subject and what it says.

    Attributes:
        phrase: The subject as written.
        predicate: What is said, after the subject and any leading adverbial.
        owned: Whether it is about something of theirs: `My sister's birthday ...`.
    """

    subject: Subject
    phrase: str
    predicate: str
    owned: bool = False


def is_same(language: Language, one: Subject, other: Subject) -> bool:
    """Return whether both are the same beyond doubt: two sisters, one without a name, may be two."""
    if one.name and other.name:
        alike = one.relation == other.relation or not (one.relation and other.relation)
        return one.name == other.name and alike
    if bool(one.name) != bool(other.name):
        return one.relation == other.relation and one.relation in language.words.one_of_a_kind
    return one.relation == other.relation


def divide(language: Language, sentence: str) -> About | None:
    """Divide `sentence`, its contractions written out; `None` when its subject is nobody the rules can tell."""
    patterns = language.patterns
    adverbial = patterns.adverbial.match(sentence)
    rest = sentence[adverbial.end() :] if adverbial else sentence
    if found := patterns.speaker.match(rest):
        return About(SPEAKER, found[0].strip(), rest[found.end() :])
    if found := patterns.relative.match(rest):
        relation = _relation(language, found["kind"])
        name = (found["name"] or "").lower()
        owned = bool(found["named_own"] if name else found["own"])
        return About(Subject(relation, name), found[0].strip(" ,"), rest[found.end() :], owned)
    # A customer may be the speaker, or somebody the speaker works for: in doubt, somebody of their own.
    if found := patterns.customer.match(rest):
        return About(Subject(found["kind"].lower()), found[0].strip(), rest[found.end() :], bool(found["own"]))
    if (found := patterns.person.match(rest)) and found["name"].lower() not in language.words.not_people:
        return About(Subject(name=found["name"].lower()), found[0].strip(), rest[found.end() :], bool(found["own"]))
    return None


def people_in(language: Language, sentence: str) -> list[About]:
    """Return the speaker's people a sentence mentions (`... with my son Tim`), in order, as subjects to be."""
    return [
        About(Subject(_relation(language, one["kind"]), (one["name"] or "").lower()), one[0].strip(" ,."), "")
        for one in language.patterns.mention.finditer(sentence)
    ]


def names_others(language: Language, sentence: str) -> bool:
    """Return whether something said in the first person may speak of others too, by a name or as their relation."""
    if language.patterns.name_within.search(language.patterns.places.sub("", sentence)):
        return True
    company = _company(language)
    words = WORD.findall(sentence.lower())
    return any(word in company or word.removesuffix("s") in company for word in words)


def pronoun_fits(language: Language, subject: Subject, pronoun: str) -> bool:
    """Return whether `he` or `she` can stand for `subject`."""
    kind = subject.relation.rsplit(" ", 1)[-1]
    fitting = getattr(language.words, language.forms.gender_of_pronoun[pronoun])
    return kind in fitting or kind in language.words.women_or_men


def subject_named(language: Language, relation: str, name: str) -> Subject:
    """Return the subject a pattern's groups name."""
    return Subject(_relation(language, relation) if relation else "", name.lower())


@lru_cache(maxsize=8)
def _company(language: Language) -> frozenset[str]:
    lists = language.words
    return lists.women | lists.men | lists.women_or_men | lists.company | language.forms.same_relation.keys()


def _relation(language: Language, kind: str) -> str:
    words = kind.lower().split()
    return " ".join([*words[:-1], language.forms.same_relation.get(words[-1], words[-1])])
