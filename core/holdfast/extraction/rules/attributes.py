"""Attributes that have one value at a time, read from a sentence whenever they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from holdfast.extraction.rules.language import Language, Rule, load_language
from holdfast.extraction.rules.notes import own_words
from holdfast.extraction.rules.people import SPEAKER, Subject, divide, subject_named
from holdfast.extraction.rules.values import NOTHING, READERS
from holdfast.extraction.rules.words import WORD, write_out

_LONGEST_SENTENCE = 500


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of one subject, as one sentence states it.

    Attributes:
        subject: Whose attribute it is.
        name: What it is, such as `"home"`, `"employer"`, `"favourite colour"` or `"opinion of sushi"`.
        value: The value in lower case; empty when the sentence says only that the old one has ended.
        ended: Whether the sentence says that this value does not hold, or no longer.
        rule: The name of the rule that read it; it does not count when two are compared.
    """

    subject: Subject
    name: str
    value: str
    ended: bool = False
    rule: str = field(default="", compare=False)


def attributes_of(text: str, *, speaker: str | None = None, language: str = "english") -> tuple[Attribute, ...]:
    """Return the attributes that one sentence states; empty when it states nothing that has one value at a time.

    A sentence about the past, about a wish or about something additional (`I also work at ...`) states none. What a
    note says of the user (`The user lives in Bonn`, `Lives in Bonn`, `Home: Bonn`) is the speaker's own.

    Args:
        text: The sentence.
        speaker: The name of who says it; what is said of somebody called so is the speaker's own too.
        language: The language of the sentence; there must be rules for it.

    Raises:
        LookupError: There are no rules for the language.

    >>> [(one.name, one.value) for one in attributes_of("I moved to Bonn last week.")]
    [('home', 'bonn')]
    """
    return read_attributes(load_language(language), text[:_LONGEST_SENTENCE], speaker)


@lru_cache(maxsize=1024)  # a fact is asked about when it is read, compared and indexed
def read_attributes(language: Language, text: str, speaker: str | None = None) -> tuple[Attribute, ...]:
    """Return the attributes that a sentence states (see `attributes_of`)."""
    patterns = language.patterns
    sentence = write_out(language, text[:_LONGEST_SENTENCE].strip())
    if sentence.islower():
        sentence = patterns.sure_name.sub(lambda found: found[0][:-1] + found[0][-1].upper(), sentence)
    sentence = own_words(language, sentence, speaker=speaker)
    words = frozenset(WORD.findall(sentence.lower()))
    tried = _rules_with_cues(language, words)
    stated = tuple(_apply(language, tried["sentence"], SPEAKER, sentence, ended=False))
    if stated:
        return stated
    who = divide(language, sentence)
    if who is None or patterns.addition.search(sentence):
        return ()
    ended = bool(patterns.no_longer.search(sentence))
    if not ended and patterns.past_or_wish.search(sentence):
        return ()
    predicate = patterns.adverbs.sub("", who.predicate)
    positive = patterns.negation.sub("", predicate, count=1)
    rules = tried["owned" if who.owned else "predicate"]
    return tuple(_apply(language, rules, who.subject, positive, ended=ended or positive != predicate))


def _rules_with_cues(language: Language, words: frozenset[str]) -> dict[str, list[Rule]]:
    """Return the rules of which a cue is among `words`, in order, by what their patterns are matched with."""
    tried: dict[str, list[Rule]] = {"sentence": [], "predicate": [], "owned": []}
    for rule in language.tables.attribute.with_cues(words):
        tried[rule.where].append(rule)
    return tried


def _apply(
    language: Language, rules: Sequence[Rule], subject: Subject, text: str, *, ended: bool
) -> Iterator[Attribute]:
    for rule in rules:
        found = rule.compiled.match(text)
        if found is None:
            continue
        groups = {key: part for key, part in found.groupdict().items() if part}
        value = READERS[rule.value](language, groups.pop("value", "") or text[found.end() :])
        if not value:
            continue
        # Several groups of one pattern may name the same thing, under names of their own.
        what = next((groups[key] for key in ("what", "event") if key in groups), "").lower()
        name = _spell(language, rule.outcome.format(what=what, value=value))
        who = subject
        if "relation" in rule.compiled.groupindex:
            who = subject_named(language, groups.get("relation", ""), groups.get("name", ""))
            if who == SPEAKER:
                continue
        if not rule.pole:
            yield Attribute(who, name, "" if value == NOTHING else value, ended or rule.ends, rule.name)
        elif not ended:
            yield Attribute(who, name, rule.pole, rule=rule.name)
        elif rule.pole in language.forms.opposites:
            yield Attribute(who, name, language.forms.opposites[rule.pole], rule=rule.name)


def _spell(language: Language, name: str) -> str:
    for variant, spelling in language.forms.attribute_spelling.items():
        if variant in name:
            name = name.replace(variant, spelling)
    return name
