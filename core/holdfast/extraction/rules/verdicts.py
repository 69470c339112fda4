"""What a sentence is: something to remember, or one of the many things people say besides."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from holdfast.extraction.rules.attributes import read_attributes
from holdfast.extraction.rules.language import Language, Rule
from holdfast.extraction.rules.notes import in_third_person, is_personal, own_words
from holdfast.extraction.rules.other_languages import find_courtesy, is_said
from holdfast.extraction.rules.people import divide
from holdfast.extraction.rules.words import WORD, is_foreign, write_out

KEPT = ""
"""The verdict on a sentence worth remembering; every other verdict is the reason it is not."""

_FEWEST_WORDS = 2
_FEWEST_LETTERS = 4
_FIRST_UNSPACED, _FEWEST_CHARACTERS = "\u0e00", 3
_INSTRUCTION = "instruction"
_REMOVAL = "removal"  # "Forget that ...": kept for the reconciliation


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a sentence.

    Attributes:
        reason: `KEPT` or why it is not worth remembering.
        rule: The name of the rule that decided; empty when none did.
    """

    reason: str
    rule: str = ""


_KEPT = Verdict(KEPT)


def remembered_part(language: Language, sentence: str) -> str:
    """Return what `sentence` asks to be remembered (`Remember that ...`), empty when it asks nothing like it."""
    found = language.patterns.remember_that.match(sentence)
    rest = sentence[found.end() :] if found else ""
    return rest[:1].upper() + rest[1:] if len(rest.split()) > 1 and not rest.endswith("?") else ""


def judge(
    language: Language,
    sentence: str,
    *,
    names: Collection[str] = (),
    speaker: str | None = None,
    assistant: bool = False,
    nobody_known: bool = True,
) -> Verdict:
    """Decide whether `sentence` is worth remembering.

    Args:
        language: The language the rules are for.
        sentence: One sentence or clause, its openers removed.
        names: Lower-case names of people and animals the speaker has mentioned.
        speaker: The name of who says it, which notes about them may call them by.
        assistant: Whether the assistant says it; then only what it says of itself and promises counts.
        nobody_known: Whether the speaker has mentioned nobody yet; then a `they` may be the user of a note.
    """
    if sentence.rstrip("\"'”\u2019)*_! ").endswith(("?", "\uff1f", "\u061f", "?!")):
        polite = not assistant and language.patterns.polite_instruction.match(write_out(language, sentence))
        return Verdict(KEPT, "polite_instruction") if polite else Verdict("question")
    written = write_out(language, sentence)
    said = written if assistant else own_words(language, written, speaker=speaker)
    plain = _SYMBOL_AHEAD.sub(language.forms.note_words["symbol"], _outside_quotes(said)).lower()
    words = WORD.findall(plain)
    if other := _judge_other_language(language, sentence, words):
        return other
    if len(words) < _FEWEST_WORDS:
        return Verdict("quoted" if len(WORD.findall(sentence)) >= _FEWEST_WORDS else "fragment")
    rule = language.tables.note_verdict.first(plain) if said != written else None
    rule = rule or _first_verdict(language, plain, words)
    asks_for_good = rule is not None and rule.outcome in (_INSTRUCTION, _REMOVAL)
    if assistant and (rule is None or asks_for_good):
        return _judge_assistant(language, plain, words)
    if rule:
        return Verdict(KEPT if asks_for_good else rule.outcome, rule.name)
    return _judge_subject(language, sentence, plain, words, names, nobody_known=nobody_known)


def _first_verdict(language: Language, plain: str, words: list[str]) -> Rule | None:
    for rule in language.tables.verdict.with_cues(words):
        if rule.compiled.match(plain):
            return rule
    return None


def _judge_other_language(language: Language, sentence: str, words: list[str]) -> Verdict | None:
    """Return the verdict on a sentence in another language, `None` when it is in this one."""
    if words and words[0] in language.words.sure_openings:
        return None
    if courtesy := find_courtesy(sentence):
        return Verdict(courtesy.reason, f"courtesy: {courtesy.language}")
    if words and is_foreign(language, sentence, words):
        return Verdict(_reason_against_foreign(sentence, words))
    return None


def _reason_against_foreign(sentence: str, words: list[str]) -> str:
    letters = sum(map(str.isalpha, sentence))
    # Chinese, Japanese and Thai set no blanks between words; "Fumo." is a whole sentence.
    fewest = _FEWEST_LETTERS if sentence[0] < _FIRST_UNSPACED else _FEWEST_CHARACTERS
    enough = len(words) >= _FEWEST_WORDS or (letters >= fewest and not sentence.isascii()) or is_said(words)
    return KEPT if enough else "fragment"


def _judge_assistant(language: Language, plain: str, words: list[str]) -> Verdict:
    if words[0] not in language.words.own:
        return Verdict("impersonal")
    rule = language.tables.offer.first(plain)
    return Verdict(rule.outcome, rule.name) if rule else _KEPT


def _judge_subject(
    language: Language, sentence: str, plain: str, words: list[str], names: Collection[str], *, nobody_known: bool
) -> Verdict:
    lists = language.words
    first = words[0]
    of_self = not lists.self.isdisjoint(words)
    if not of_self and _is_about_somebody(language, sentence, nobody_known=nobody_known):
        return _KEPT
    if first in lists.impersonal_subjects:
        own = of_self and not lists.own.isdisjoint(words[1:]) and first not in lists.your
        return Verdict(KEPT if own else "impersonal")
    if of_self:
        return _KEPT
    return _judge_without_speaker(language, sentence, plain, first, names)


def _judge_without_speaker(
    language: Language, sentence: str, plain: str, first: str, names: Collection[str]
) -> Verdict:
    lists = language.words
    if rule := language.tables.statement.first(plain):
        return Verdict(KEPT, rule.name)
    personal = first not in lists.not_names and language.patterns.personal_verb.match(sentence)
    if personal or first.removesuffix("'s") in names:
        return _KEPT
    if first in lists.attribute_openings and read_attributes(language, sentence):
        return _KEPT
    rule = language.tables.general.first(plain)
    return Verdict("general knowledge", rule.name) if rule else Verdict("impersonal")


def _is_about_somebody(language: Language, sentence: str, *, nobody_known: bool) -> bool:
    """Return whether a note says something personal of a customer, of somebody by name or of the one it is about."""
    written = write_out(language, sentence)
    if found := language.patterns.somebody.match(written):
        predicate = written[found.end() :]
        if found["they"]:
            predicate = in_third_person(language, predicate)
        return nobody_known and is_personal(language, predicate)
    who = divide(language, written)
    if who is None or who.subject.name in language.words.not_names:
        return False
    if who.subject.relation and who.subject.relation not in language.words.customers:
        return False
    if who.owned:
        return bool(read_attributes(language, sentence))
    predicate = _SURNAME.sub("", who.predicate)
    if is_personal(language, predicate):
        return True
    return bool(who.subject.relation and language.patterns.trade.match(predicate))


# "🐶 is my favourite" is no question.
_SYMBOL_AHEAD = re.compile(r"^[^\w\s\"'“«(\[]+(?=\s)")
_SURNAME = re.compile(r"^[A-Z][\w'-]{1,30} ")


def _outside_quotes(sentence: str) -> str:
    if '"' in sentence or "“" in sentence:
        parts = re.split(r'["“”]', sentence)
        return " ".join(parts[::2]) if len(parts) % 2 else sentence
    return sentence
