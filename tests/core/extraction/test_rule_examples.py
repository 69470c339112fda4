"""Every rule of every language fires on its own examples, and on none of its counter-examples."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from holdfast.extraction.rules import answers_asked, attributes_asked, language as language_module, load_language
from holdfast.extraction.rules.attributes import read_attributes
from holdfast.extraction.rules.profile import profile_rule
from holdfast.extraction.rules.sentences import strip_openers
from holdfast.extraction.rules.verdicts import judge
from holdfast.extraction.rules.words import WORD, write_out

FOLDER = Path(language_module.__file__).parent
LANGUAGES = [load_language(path.parent.name, examples=True) for path in sorted(FOLDER.glob("*/words.toml"))]
ARROW = " → "


def tables_of(language):
    """Return the names of a language's tables of rules."""
    parsed = language.documents().values()
    return sorted({name for document in parsed for name, value in document.items() if isinstance(value, list)})


ENTRIES = [
    (language, table, rule)
    for language in LANGUAGES
    for table in tables_of(language)
    for rule in getattr(language.tables, table)
]
MATCHES = [(*entry, text) for entry in ENTRIES for text in entry[2].matches.splitlines()]
MISSES = [(*entry, text) for entry in ENTRIES for text in entry[2].misses.splitlines()]


def name_of(value):
    return getattr(value, "name", value)


def is_first(language, rule, text, *, table):
    return getattr(language.tables, table).first(text) is rule


def judged_by(language, rule, text, **options):
    return judge(language, text, **options).rule == rule.name


def opened_by(language, rule, text):
    return strip_openers(language, text)[1] is rule


def written_out_by(language, rule, text):
    short, _, expected = text.partition(ARROW)
    return rule.find(short) is not None and (not expected or write_out(language, short) == expected)


def stated_by(language, rule, text):
    sentence, _, value = text.partition(ARROW)
    return any(one.rule == rule.name and value in ("", one.value) for one in read_attributes(language, sentence))


def asked_by(language, rule, text):
    kinds = (*attributes_asked(text, language=language.name), *answers_asked(text, language=language.name))
    return rule.find(text) is not None and rule.outcome in kinds


def found_by(_language, rule, text):
    return rule.find(text) is not None


def whole_by(_language, rule, text):
    return rule.compiled.fullmatch(text) is not None


def attributed_by(language, rule, text):
    return profile_rule(language, text) is rule


# How a rule of each table fires. A table without an entry here has no test: that is an error.
FIRES = {
    "answer": asked_by,
    "asked": asked_by,
    "attribute": stated_by,
    "contraction": written_out_by,
    "general": judged_by,
    "note_verdict": judged_by,
    "noted": partial(is_first, table="noted"),
    "offer": partial(judged_by, assistant=True),
    "opener": opened_by,
    "pattern": found_by,
    "personal": partial(is_first, table="personal"),
    "profile": attributed_by,
    "shape": whole_by,
    "state": partial(is_first, table="state"),
    "statement": judged_by,
    "verdict": judged_by,
}


@pytest.mark.parametrize(("language", "table", "rule", "text"), MATCHES, ids=name_of)
def test_a_rule_fires_on_its_matches(language, table, rule, text):
    assert FIRES[table](language, rule, text)


@pytest.mark.parametrize(("language", "table", "rule", "text"), MISSES, ids=name_of)
def test_a_rule_leaves_its_misses_alone(language, table, rule, text):
    assert not FIRES[table](language, rule, text)


# Values end somewhere in every text.
ALWAYS_FOUND = {"value_end", "thing_end"}


@pytest.mark.parametrize("rule", [rule for _, _, rule in ENTRIES], ids=name_of)
def test_every_rule_has_examples(rule):
    assert rule.matches.strip()
    assert rule.misses.strip() or rule.name in ALWAYS_FOUND


@pytest.mark.parametrize("language", LANGUAGES, ids=name_of)
def test_no_two_rules_have_the_same_name(language):
    names = [rule.name for owner, _, rule in ENTRIES if owner is language]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("language", LANGUAGES, ids=name_of)
@pytest.mark.parametrize("section", ["words", "forms", "parts"])
def test_no_two_entries_of_a_section_have_the_same_name(language, section):
    names = [name for document in language.documents().values() for name in document.get(section, {})]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("language", LANGUAGES, ids=name_of)
def test_all_entries_of_the_files_are_loaded(language):
    for document in language.documents().values():
        for name, words in document.get("words", {}).items():
            assert getattr(language.words, name) == set(words.split())
        for name, form in document.get("forms", {}).items():
            assert getattr(language.forms, name) == form
    parsed = [value for document in language.documents().values() for value in document.values()]
    entries = [entry["name"] for value in parsed if isinstance(value, list) for entry in value]
    assert sorted(rule.name for owner, _, rule in ENTRIES if owner is language) == sorted(entries)


def test_rules_are_loaded_without_their_examples_unless_asked_for():
    assert {rule.matches + rule.misses for rule in load_language().tables.verdict} == {""}


@pytest.mark.parametrize("language", LANGUAGES, ids=name_of)
def test_rules_that_are_tried_by_their_cues_have_some(language):
    for table in ("asked", "attribute", "contraction", "profile", "verdict"):
        assert [rule.name for rule in getattr(language.tables, table) if not rule.cues] == []


@pytest.mark.parametrize("rule", [rule for _, table, rule in ENTRIES if table in ("profile", "verdict")], ids=name_of)
def test_a_rule_matches_no_text_without_one_of_its_cues(rule):
    plain = [text.lower() for *_, text in (*MATCHES, *MISSES)]
    matched = [text for text in plain if rule.find(text)]
    assert [text for text in matched if rule.cues.isdisjoint(WORD.findall(text))] == []


def test_a_language_without_a_folder_is_refused_with_its_name():
    with pytest.raises(LookupError, match="klingon"):
        load_language("klingon")
