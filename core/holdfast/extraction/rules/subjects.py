"""Who a sentence is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdfast.extraction.rules.english import WORD, vocabulary

_ONE_OF_A_KIND = vocabulary(
    """
    mother father wife husband partner boyfriend girlfriend fiance fiancee spouse boss manager landlord grandma
    grandpa dog cat parrot hamster rabbit horse puppy kitten pet
    """
)
_SAME = {
    "mom": "mother", "mum": "mother", "mommy": "mother", "mummy": "mother", "dad": "father", "daddy": "father",
    "hubby": "husband", "fiancé": "fiance", "fiancée": "fiancee", "doggo": "dog", "pup": "puppy", "kid": "child",
    "grandmother": "grandma", "granny": "grandma", "grandfather": "grandpa", "co-worker": "colleague",
    "coworker": "colleague", "room-mate": "roommate", "flatmate": "roommate", "bestie": "best friend",
}  # fmt: skip
_SHE = [
    "mother",
    "wife",
    "girlfriend",
    "fiancee",
    "sister",
    "daughter",
    "aunt",
    "niece",
    "grandma",
    "granddaughter",
    "stepmother",
    "landlady",
]
_HE = [
    "father",
    "husband",
    "boyfriend",
    "fiance",
    "brother",
    "son",
    "uncle",
    "nephew",
    "grandpa",
    "grandson",
    "stepfather",
    "landlord",
]
_EITHER = [
    "partner",
    "spouse",
    "friend",
    "best-friend",
    "cousin",
    "colleague",
    "boss",
    "manager",
    "roommate",
    "neighbour",
    "neighbor",
    "child",
    "baby",
    "dog",
    "cat",
    "puppy",
    "kitten",
    "parrot",
    "hamster",
    "rabbit",
    "horse",
    "pet",
    "teacher",
    "doctor",
    "dentist",
    "therapist",
    "coach",
    "trainer",
    "mentor",
    "tutor",
    "team",
    "girl",
    "boy",
    "parent",
]
_GENDER = {**dict.fromkeys(_SHE, "she"), **dict.fromkeys(_HE, "he"), **dict.fromkeys(_EITHER, "")}
_RELATIONS = "|".join(sorted((*_GENDER, *_SAME), key=len, reverse=True)).replace("best-friend|", "")
CUSTOMERS = ("customer", "client")
"""Whom notes may be about without a name."""

_NAME = r"[A-Z][\w-]{1,30}"

_SPEAKER = re.compile(r"(?:i|we|(?:my (?:husband|wife|partner|family|girlfriend|boyfriend)) and i)\s+", re.IGNORECASE)
_RELATIVE = re.compile(
    rf"(?i:my|our)\s+(?P<kind>(?i:(?:(?:[a-z-]{{2,15}})\s+){{0,2}}?(?:{_RELATIONS})))(?P<own>'s)?,?"
    rf"(?:\s+(?!(?:I|I'm)\b)(?P<name>{_NAME})(?P<named_own>'s)?,?)?\s+"
)
_MENTION = re.compile(
    rf"\b(?i:my"
    rf"|our)\s+(?P<kind>(?i:(?:[a-z-]{{2,15}}\s+){{0,2}}?(?:{_RELATIONS})))\b(?!')(?:,?\s+(?!(?:I"
    rf"|I'm)\b)(?P<name>{_NAME})(?!'))?"
)
_COMPANY = frozenset((*_GENDER, *_SAME)) | vocabulary("we children family people someone somebody couple sibling")
_NAME_WITHIN = re.compile(r"(?<=[a-z,] )(?!I\b)[A-Z]")
_PLACES = re.compile(
    r"\b(?:in|at|to|from|for|near|of|speak|learn|learning|studying) (?:the )?[A-Z][\w'-]*(?:,? [A-Z][\w'-]*)*"
)
_CUSTOMER = re.compile(rf"(?:the|this)\s+(?P<kind>{'|'.join(CUSTOMERS)})(?P<own>'s)?\s+", re.IGNORECASE)
_PERSON = re.compile(rf"(?P<name>{_NAME})(?P<own>'s)?\s+")
_NOT_PEOPLE = vocabulary(
    """
    the this that it these those there my our your his her their he she they you if when while as since because what
    who how why where please always never now today yesterday tomorrow last next on in at from to for with after
    before then also just not no yes and but so a an one some many most every all
    """
)
ADVERBIAL = re.compile(
    r"(?:(?:now|nowadays|currently|recently|today|yesterday|lately|finally|officially|these days|right now"
    r"|at the moment|(?:last|this|since|as of|starting|from)(?: \w+){1,3}|(?:on|in) (?:monday|tuesday|wednesday"
    r"|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august|september|october|november"
    r"|december)|a (?:few )?\w+ ago|(?:two|three|four|five|six) \w+ ago|as it turns out),?\s+)"
    r"(?=(?:i|we|my|our|(?:(?:the|this) )?user)\b)",
    re.IGNORECASE,
)
"""What may stand before a speaker, or the user of a note: mostly a time."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom something is said of.

    Attributes:
        relation: What they are to the speaker, such as `"sister"`; empty for the speaker and for bare names.
        name: Their name in lower case, empty when it was not said.
    """

    relation: str = ""
    name: str = ""

    def is_surely(self, other: Subject) -> bool:
        """Tell whether both are the same beyond doubt: of two sisters, one unnamed, they may be two."""
        if self.name and other.name:
            alike = self.relation == other.relation or not (self.relation and other.relation)
            return self.name == other.name and alike
        if bool(self.name) != bool(other.name):
            return self.relation == other.relation and self.relation in _ONE_OF_A_KIND
        return self.relation == other.relation


SPEAKER = Subject()


@dataclass(frozen=True, slots=True)
class About:
    """A sentence divided into whom it is about and what it says.

    Attributes:
        phrase: The subject as written.
        predicate: What is said, after the subject and any leading adverbial.
        owned: Whether it is about something of theirs: `My sister's birthday ...`.
    """

    subject: Subject
    phrase: str
    predicate: str
    owned: bool = False


def about(sentence: str) -> About | None:
    """Divide `sentence`, its contractions written out; `None` when its subject is nobody the rules can tell."""
    adverbial = ADVERBIAL.match(sentence)
    rest = sentence[adverbial.end() :] if adverbial else sentence
    if found := _SPEAKER.match(rest):
        return About(SPEAKER, found[0].strip(), rest[found.end() :])
    if found := _RELATIVE.match(rest):
        relation = _relation(found["kind"])
        name = (found["name"] or "").lower()
        owned = bool(found["named_own"] if name else found["own"])
        return About(Subject(relation, name), found[0].strip(" ,"), rest[found.end() :], owned)
    # A customer may be the speaker, or whom the speaker works for: somebody of their own, in doubt.
    if found := _CUSTOMER.match(rest):
        return About(Subject(found["kind"].lower()), found[0].strip(), rest[found.end() :], bool(found["own"]))
    if (found := _PERSON.match(rest)) and found["name"].lower() not in _NOT_PEOPLE:
        return About(Subject(name=found["name"].lower()), found[0].strip(), rest[found.end() :], bool(found["own"]))
    return None


def people_in(sentence: str) -> list[About]:
    """Return the speaker's people a sentence mentions (`... with my son Tim`), in order, as subjects to be."""
    found = _MENTION.finditer(sentence)
    return [
        About(Subject(_relation(one["kind"]), (one["name"] or "").lower()), one[0].strip(" ,."), "") for one in found
    ]


def names_others(sentence: str) -> bool:
    """Tell whether something said in the first person may speak of others too, by a name or as their relation."""
    if _NAME_WITHIN.search(_PLACES.sub("", sentence)):
        return True
    words = WORD.findall(sentence.lower())
    return any(word in _COMPANY or word.removesuffix("s") in _COMPANY for word in words)


def pronoun_fits(subject: Subject, pronoun: str) -> bool:
    """Tell whether `he` or `she` can stand for `subject`."""
    gender = _GENDER.get(subject.relation.rsplit(" ", 1)[-1])
    return gender is not None and gender in {"", pronoun}


def _relation(kind: str) -> str:
    words = kind.lower().split()
    return " ".join([*words[:-1], _SAME.get(words[-1], words[-1])])
