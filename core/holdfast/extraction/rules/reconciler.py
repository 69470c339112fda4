"""Compare one fact with what is known, and decide: add, update, delete or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from holdfast.extraction.facts import Decision, Fact, SimilarMemory
from holdfast.extraction.rules.attributes import Attribute, read_attributes
from holdfast.extraction.rules.language import Language, load_language
from holdfast.extraction.rules.notes import own_words
from holdfast.extraction.rules.people import SPEAKER, Subject, divide, is_same
from holdfast.extraction.rules.sentences import LONGEST_SENTENCE
from holdfast.extraction.rules.words import WORD, content, squeeze, stem, stems, tokens, write_out, written_tokens

_SHORTEST_TELEPHONE_NUMBER = 5


def reconcile(
    fact: Fact, known: Sequence[SimilarMemory], *, index: int = 0, speaker: str | None = None, language: str = "english"
) -> Decision:
    """Decide what becomes of `fact`, given what is known of the same speaker.

    A fact that says nothing new is left out. One that contradicts a known memory, ends it or says the same in more
    detail replaces it; everything else is added. In doubt it is added: to keep two is better than to lose one.
    A fact that says that something has ended updates that memory and does not delete it: the end is worth knowing.

    Args:
        fact: The new fact.
        known: The candidates, all from the same speaker (`I` means somebody else in another's mouth).
        index: What the decision calls the fact.
        speaker: The speaker's name, which notes may call them by (`Ana lives in Bonn`).
        language: The language of the fact; there must be rules for it.

    Returns:
        ADD, UPDATE, NONE with reason `"duplicate"`, or, for a fact such as `Forget that ...`, DELETE or NONE with
        reason `"unknown"`.

    Raises:
        LookupError: There are no rules for the language.

    >>> from holdfast.records import MemoryRecord
    >>> from holdfast.scope import Scope
    >>> known = MemoryRecord("a", "I work at Siemens.", Scope(user_id="ana"), 0, 0, 0)
    >>> reconcile(Fact("I joined Bosch last week."), [SimilarMemory(known)]).event
    'UPDATE'
    """
    rules = load_language(language)
    if forgotten := rules.patterns.forget.match(fact.text):
        return _forget(rules, fact.text[forgotten.end() :], known, index)
    effects = [
        (_effect(rules, fact.text, memory.text, speaker), memory.similarity, -place)
        for place, memory in enumerate(known)
    ]
    effect, _, place = max(effects, default=(_Effect.NONE, 0.0, 0))
    if effect is _Effect.NONE:
        return Decision("ADD", index, text=fact.text)
    if effect is _Effect.REPEATS:
        return Decision("NONE", index, known=-place, reason="duplicate")
    return Decision("UPDATE", index, known=-place, text=fact.text)


def ends_something(text: str, *, speaker: str | None = None, language: str = "english") -> bool:
    """Return whether `text` says that something has ended, so that what it ends is worth looking for by its words.

    >>> ends_something("Rex died last night."), ends_something("Rex loves snow.")
    (True, False)
    """
    if len(text) > LONGEST_SENTENCE:
        return False
    reading = _read(load_language(language), text, speaker)
    return reading.ended or bool(reading.given_up) or any(one.ended for one in reading.attributes)


def contradicted(
    text: str, known: Sequence[SimilarMemory], *, speaker: str | None = None, language: str = "english"
) -> list[int]:
    """Return the places of the memories that state another value of an attribute of which one value holds.

    >>> from holdfast.records import MemoryRecord
    >>> from holdfast.scope import Scope
    >>> texts = ["I live in Rome.", "I like Rome.", "I live in Oslo."]
    >>> known = [SimilarMemory(MemoryRecord(text, text, Scope(user_id="ana"), 0, 0, 0)) for text in texts]
    >>> contradicted("I moved to Bonn.", known)
    [0, 2]
    """
    rules = load_language(language)
    if not known or len(text) > LONGEST_SENTENCE:
        return []
    new = _read(rules, text, speaker)
    if not new.attributes:
        return []
    return [
        place
        for place, memory in enumerate(known)
        if len(memory.text) <= LONGEST_SENTENCE and _states_other_value(rules, new, _read(rules, memory.text, speaker))
    ]


def _states_other_value(language: Language, new: _Reading, old: _Reading) -> bool:
    return any(
        _compare_values(language, mine, theirs, new, old) is _Effect.CHANGES
        for mine in new.attributes
        for theirs in old.attributes
        if mine.name == theirs.name
        and mine.value
        and theirs.value
        and not (mine.ended or theirs.ended or language.tables.attribute.named(mine.rule).several)
        and is_same(language, mine.subject, theirs.subject)
    )


class _Effect(IntEnum):
    """What a new sentence does to a known one; of several, the greatest counts."""

    NONE = 0
    DETAILS = 1
    CHANGES = 2
    REPEATS = 3


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the comparison needs of a sentence.

    Attributes:
        words: Its words and values (see `tokens`).
        wording: These without fillers and times, exactly.
        doubled: `wording` with a letter written three times or more written twice ("coool" may be "cool").
        stemmed: The stems of `wording`.
        details: The words of `wording` that carry content.
        names: What is capitalised in it.
        stems_of_names: Their stems.
        content: The stems of the words that carry content.
        action: `content` without times and counts.
        claim: What its first clause says, without times and counts.
        given_up: What it says that something else has replaced.
        denied: Whether there is a "not" in it.
        changed: Whether it says that something holds now, as it did not before.
        past: Whether it is about something over and done.
        lists: Whether it joins several things.
    """

    words: tuple[str, ...]
    wording: tuple[str, ...]
    doubled: tuple[str, ...]
    stemmed: tuple[str, ...]
    details: tuple[str, ...]
    names: frozenset[str]
    stems_of_names: frozenset[str]
    times: tuple[str, ...]
    content: frozenset[str]
    action: frozenset[str]
    claim: frozenset[str]
    given_up: frozenset[str]
    subject: Subject | None
    attributes: tuple[Attribute, ...]
    denied: bool
    ended: bool
    changed: bool
    past: bool
    lists: bool


@lru_cache(maxsize=4096)
def _read(language: Language, text: str, speaker: str | None = None) -> _Reading:
    lists, patterns = language.words, language.patterns
    sentence = own_words(language, write_out(language, text), speaker=speaker)
    words = tuple(word.lower() for word in WORD.findall(sentence))
    who = divide(language, sentence)
    verb = next(iter(WORD.findall(who.predicate.lower())), "") if who else ""
    said = written_tokens(sentence)
    empty, own = lists.stop_words, lists.self
    names = frozenset() if text.isupper() else frozenset(word.casefold() for word in said if word[0].isupper())
    told = _without_fillers(language, said, shouted=text.isupper())
    carried = frozenset(content(language, sentence))
    circumstances = _circumstances(language)
    first_clause = patterns.clause_break.split(sentence, maxsplit=1)[0]
    no_longer = bool(patterns.no_longer.search(sentence))
    exchanged = None if lists.exchange_cues.isdisjoint(words) else patterns.exchange.search(sentence)
    gone = next(filter(None, exchanged.groups()), "") if exchanged else ""
    over = any(verb.endswith(ending) for ending in lists.past_ending) or verb in lists.irregular_past
    return _Reading(
        words=tuple(word.casefold() for word in said),
        wording=tuple(map(squeeze, told)),
        doubled=tuple(squeeze(word, to=2) for word in told),
        stemmed=tuple(stem(language, word) for word in told),
        details=tuple(word.removesuffix("'s") for word in told if word not in empty and word not in own),
        names=names,
        stems_of_names=frozenset(stem(language, name) for name in names),
        times=tuple(_times_in(language, words)),
        content=carried,
        action=carried - circumstances,
        claim=frozenset(content(language, first_clause)) - stems(language, "endings") - circumstances,
        given_up=frozenset(content(language, gone)),
        subject=who.subject if who else None,
        attributes=read_attributes(language, text, speaker),
        denied=no_longer or not lists.denials.isdisjoint(words),
        ended=no_longer or bool(patterns.ending.search(sentence)),
        changed=not lists.change_cues.isdisjoint(words),
        past=over and verb not in lists.planned,
        lists=not lists.joining.isdisjoint(words),
    )


def _without_fillers(language: Language, said: Sequence[str], *, shouted: bool) -> list[str]:
    """Return the words that count where the wording of two statements is compared, in lower case and one spelling."""
    lists, same = language.words, language.forms.same_word
    told = []
    for place, word in enumerate(said):
        plain = word.casefold()
        # In "I met Will Even", a filler is a name.
        named = place and word[0].isupper() and not shouted and plain not in lists.articles
        if named or squeeze(plain) not in lists.fillers:
            told.append(plain if named else same.get(plain, plain))
    return [word for word in told if word not in lists.times and word.removesuffix("s") not in lists.times]


def _times_in(language: Language, words: Sequence[str]) -> Iterator[str]:
    times = language.words.times
    for word in words:
        if word in times or word.removesuffix("s") in times:
            yield word if word in times else word.removesuffix("s")


@lru_cache(maxsize=8)
def _circumstances(language: Language) -> frozenset[str]:
    """Return times and counts, which may differ where one statement ends another."""
    return language.words.times | stems(language, "times") | language.words.counts


def _effect(language: Language, new_text: str, old_text: str, speaker: str | None) -> _Effect:
    if new_text == old_text:
        return _Effect.REPEATS
    if max(len(new_text), len(old_text)) > LONGEST_SENTENCE:
        return _Effect.NONE
    new, old = _read(language, new_text, speaker), _read(language, old_text, speaker)
    return max(_compare_attributes(language, new, old), _compare_wording(language, new, old))


def _compare_attributes(language: Language, new: _Reading, old: _Reading) -> _Effect:
    effect = _Effect.NONE
    for mine in new.attributes:
        for theirs in old.attributes:
            if mine.name == theirs.name and is_same(language, mine.subject, theirs.subject):
                effect = max(effect, _compare_values(language, mine, theirs, new, old))
            if _died(language, mine, theirs):
                effect = max(effect, _Effect.CHANGES)
    return effect


def _compare_values(language: Language, mine: Attribute, theirs: Attribute, new: _Reading, old: _Reading) -> _Effect:
    same = mine.value == theirs.value
    if mine.ended != theirs.ended:
        return _Effect.CHANGES if same or (mine.ended and not mine.value) else _Effect.NONE
    several = language.tables.attribute.named(mine.rule).several
    if several and not mine.value:
        return _Effect.NONE
    if same:
        return _compare_details(language, new, old, mine)
    if mine.ended or (several and not new.changed):
        return _Effect.NONE
    # A "software engineer" is an engineer still.
    if mine.name != "job" or not _is_within(mine.value, theirs.value):
        return _Effect.CHANGES
    effect = _compare_details(language, new, old, mine)
    return effect if effect is _Effect.REPEATS else _Effect.NONE


def _is_within(value: str, longer: str) -> bool:
    return set(value.split()) < set(longer.split())


def _died(language: Language, mine: Attribute, theirs: Attribute) -> bool:
    """Return whether `mine` says that the one who has the attribute `theirs` is dead or gone."""
    if not (mine.ended and mine.name == "life") or theirs.ended or theirs.subject == SPEAKER:
        return False
    # "Our dog is called Rex" is about Rex.
    named = theirs.value if theirs.name == "name" else theirs.subject.name
    whose = Subject(theirs.subject.relation, named)
    return theirs.name in language.words.ended_by_death and is_same(language, mine.subject, whose)


def _compare_details(language: Language, new: _Reading, old: _Reading, attribute: Attribute) -> _Effect:
    """Compare two sentences with the same value: each may say more besides."""
    subject = attribute.subject
    named = tokens(f"{attribute.name} {attribute.value} {subject.name} {subject.relation}")
    said = stems(language, "carriers") | {stem(language, word) for word in named}
    more, less = (
        [
            word
            for word in reading.details
            if stem(language, word) not in said and not _is_part_of_number(word, attribute.value)
        ]
        for reading in (new, old)
    )
    if _is_subsequence(more, less):
        return _Effect.REPEATS
    return _Effect.DETAILS if set(less) < set(more) else _Effect.NONE


def _is_part_of_number(word: str, value: str) -> bool:
    """Return whether `word` is part of a telephone number, however it is grouped."""
    digits = "".join(filter(str.isdigit, word))
    return len(value) >= _SHORTEST_TELEPHONE_NUMBER and digits != "" and value.lstrip("+").isdigit() and digits in value


def _is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in part)


def _compare_wording(language: Language, new: _Reading, old: _Reading) -> _Effect:
    alike = new.wording == old.wording or new.doubled == old.doubled
    if alike and new.times == old.times:
        return _Effect.REPEATS
    if _contradicts(language, new, old) or _ends(language, new, old):
        effect = _Effect.CHANGES
    elif _adds_to(language, new, old):
        effect = _Effect.DETAILS
    else:
        effect = _Effect.REPEATS if _adds_to(language, old, new) else _Effect.NONE
    return _Effect.NONE if effect and _names_clash(language, new, old) else effect


def _names_clash(language: Language, new: _Reading, old: _Reading) -> bool:
    """Return whether one names what the other names almost so: `Adam` and `Adams` have the same stem."""
    return any(
        name not in other.words and stem(language, name) in other.stems_of_names
        for one, other in ((new, old), (old, new))
        for name in one.names
    )


def _contradicts(language: Language, new: _Reading, old: _Reading) -> bool:
    """Return whether both say the same but for a "not"."""
    if new.denied == old.denied:
        return False
    bare = _without_negations(language, new)
    if not bare or bare != _without_negations(language, old):
        return False
    denial = new if new.denied else old
    return new.times == old.times or not denial.times


def _without_negations(language: Language, reading: _Reading) -> tuple[str, ...]:
    negations = language.words.negations
    return tuple(word for word in reading.stemmed if word not in negations)


def _ends(language: Language, new: _Reading, old: _Reading) -> bool:
    """Return whether `new` says that what `old` states has stopped."""
    if not (new.ended or new.given_up) or old.ended or old.denied or old.past:
        return False
    if new.subject is None or old.subject is None or not is_same(language, new.subject, old.subject):
        return False
    days = language.words.days
    if days.intersection(new.times) and days.intersection(new.times) != days.intersection(old.times):
        return False
    bare = old.action - stems(language, "light_verbs")
    if new.given_up:
        return new.given_up in (old.action, bare)
    if new.claim in (old.action, bare):
        return bool(new.claim) or not old.action
    return new.claim <= old.content and len(new.claim) > 1 and not old.lists


def _adds_to(language: Language, longer: _Reading, shorter: _Reading) -> bool:
    """Return whether `longer` is `shorter` word for word, with a name put in or something said after it."""
    length = len(shorter.words)
    if len(longer.words) <= length or length < 3:  # noqa: PLR2004
        return False
    if longer.words[:length] == shorter.words:
        return longer.words[length] in language.words.connecting and not longer.ended
    name = longer.subject.name if longer.subject else ""
    return bool(name) and tuple(word for word in longer.words if word != name) == shorter.words


def _forget(language: Language, what: str, known: Sequence[SimilarMemory], index: int) -> Decision:
    """Delete the one memory that is meant; when none or several could be, nothing."""
    asked = frozenset(content(language, what))
    meant = [
        place
        for place, memory in enumerate(known)
        if asked and len(memory.text) <= LONGEST_SENTENCE and asked <= _read(language, memory.text).content
    ]
    if len(meant) != 1:
        return Decision("NONE", index, reason="unknown")
    return Decision("DELETE", index, known=meant[0])
