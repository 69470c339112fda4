"""Notes about the user, as models write them, read in the user's own words.

Where a speaker says "I live in Bonn", a model that takes notes writes "The user lives in Bonn", "Lives in Bonn" or
"Home: Bonn". Read as the speaker would say it, one set of rules understands them all.
"""

from __future__ import annotations

from functools import lru_cache

from holdfast.extraction.rules import values
from holdfast.extraction.rules.language import Language
from holdfast.extraction.rules.words import first_person, third_person


@lru_cache(maxsize=1024)  # a sentence is judged, kept, compared and indexed
def own_words(language: Language, text: str, *, speaker: str | None = None) -> str:
    """Return what a note about the user says as the user would say it; any other text as it is.

    It is a reading to judge and compare by, not a text to show: `The user lost his keys` gives `I lost my keys`, and
    `Hobbies: chess` gives `My hobbies is chess`.

    Args:
        language: The language of the text.
        text: One sentence, its contractions written out.
        speaker: The name of who says it: of themselves, when they speak of somebody called so.
    """
    if language.patterns.own_voice.match(text):
        return text
    noted = _name_user(language, text, speaker) if speaker else text
    return _read_label(language, noted) or _read_user(language, noted) or _read_verb(language, noted) or text


def in_third_person(language: Language, predicate: str) -> str:
    """Return what "they" do (`also have two kids`) as what "the user" does (`also has two kids`)."""
    start = _length_of_lead(language, predicate)
    verb, blank, rest = predicate[start:].partition(" ")
    return predicate[:start] + third_person(language, verb) + blank + rest


def is_personal(language: Language, predicate: str) -> bool:
    """Return whether what is said of he, she or a name (`lives in Bonn`) can be said of a person only."""
    if language.tables.personal.match(predicate):
        return True
    calling = language.patterns.occupation_lead.match(predicate)
    return bool(calling and values.occupation(language, predicate[calling.end() :]))


def _name_user(language: Language, text: str, speaker: str) -> str:
    for name in (speaker, *speaker.split()[:1]):
        if text.startswith((name + " ", name + "'s ")):
            the_user = language.forms.note_words["the_user"]
            return the_user[:1].upper() + the_user[1:] + text[len(name) :]
    return text


def _read_user(language: Language, text: str) -> str:
    """Read `The user ...` and `The user's ...`, empty when `text` does not begin so."""
    adverbial = language.patterns.adverbial.match(text)
    lead = adverbial[0] if adverbial else ""
    found = language.patterns.user.match(text, len(lead))
    if found is None:
        return ""
    rest = text[found.end() :]
    if found["own"]:
        return _read_owned(language, lead, rest)
    if found["pair"]:
        return f"{lead}{language.forms.note_words['we']} {_mine(language, rest)}"
    if reported := _read_report(language, lead, rest):
        return reported
    return lead + _in_first_person(language, rest) if _begins_with_verb(language, rest) else _read_verb(language, rest)


def _read_owned(language: Language, lead: str, rest: str) -> str:
    """Read what follows `the user's`, which may stand for `the user is`."""
    words, patterns = language.forms.note_words, language.patterns
    if patterns.users_been.match(rest):
        return f"{lead}{words['i_have']} {rest}"
    if patterns.users_state.match(rest):
        return f"{lead}{words['i_am']} {rest}"
    return "" if patterns.users_device.match(rest) else f"{lead}{words['my']} {rest}"


def _read_report(language: Language, lead: str, rest: str) -> str:
    """Read what follows `the user` in `The user said that she lives in Bonn`, empty when nothing is reported."""
    if quoted := language.patterns.quoted_speech.match(rest):
        return quoted["said"]
    found = language.patterns.reported_speech.match(rest)
    if found is None:
        return ""
    said = rest[found.end() :]
    return lead + (f"{language.forms.note_words['my']} {said}" if found["whose"] else _in_first_person(language, said))


def _begins_with_verb(language: Language, text: str) -> bool:
    """Tell "user likes" from "user stories", and "the user needs" from "the user needs are"."""
    found = language.patterns.first_word.match(text, _length_of_lead(language, text))
    word = found["word"].lower() if found else ""
    if word in language.words.uninflected_verbs:
        return True
    inflected = word.endswith(tuple(language.words.verb_endings)) and not word.endswith("ss")
    return inflected and word not in language.words.users_things


def _read_label(language: Language, text: str) -> str:
    """Read `Birthday: 3 May`, empty when `text` is nothing like it."""
    found = language.patterns.note_label.match(text) if ":" in text else None
    if found is None or language.patterns.note_without_value.match(found["value"]):
        return ""
    label = found["label"].lower()
    opening = language.forms.note_labels.get(label)
    if opening is None and language.patterns.favourite_label.match(label):
        opening = language.forms.note_words["my_label_is"].format(label=label)
    # "name: build" is the line of a file.
    if opening is None or (label.split()[-1] in language.words.name_labels and not found["value"][0].isupper()):
        return ""
    return f"{opening} {found['value']}"


def _read_verb(language: Language, text: str) -> str:
    """Read `Lives in Bonn` and `Allergic to nuts`, empty when `text` may be something else."""
    predicate = text[_length_of_lead(language, text) :]
    if not language.patterns.noun_first.match(predicate):
        if is_personal(language, predicate) or language.tables.noted.match(predicate):
            return _in_first_person(language, text[:1].lower() + text[1:])
        if language.tables.state.match(predicate):
            return f"{language.forms.note_words['i_am']} {text[:1].lower()}{text[1:]}"
    return ""


def _in_first_person(language: Language, predicate: str) -> str:
    start = _length_of_lead(language, predicate)
    verb, blank, rest = predicate[start:].partition(" ")
    said = first_person(language, verb)
    return f"{language.forms.note_words['i']} {predicate[:start]}{said}{blank}{_mine(language, rest)}"


def _length_of_lead(language: Language, predicate: str) -> int:
    lead = language.patterns.predicate_lead.match(predicate)
    return lead.end() if lead else 0


def _mine(language: Language, rest: str) -> str:
    """Return `rest` with the user's `their` as `my`, unless somebody else is named before it."""
    of_mine = language.forms.note_words["of_mine"]
    return language.patterns.users_possessive.sub(rf"\g<before>{of_mine}", rest, count=1)
