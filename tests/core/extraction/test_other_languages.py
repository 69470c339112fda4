"""Without rules of its own, every language keeps its short statements, and its courtesies stay out.

The sentences in `short_sentences.json` are our own: twenty statements a language, most of them of two or three words.
"""

import json
from pathlib import Path

import pytest

from holdfast import Memory
from holdfast.extraction.facts import Turn
from holdfast.extraction.rules import extract, load_language, other_languages
from holdfast.extraction.rules.other_languages import find_courtesy

SENTENCES = json.loads(Path(__file__).with_name("short_sentences.json").read_text(encoding="utf-8"))


def lost(texts):
    return [text for text in texts if [fact.text for fact in extract([Turn("user", text)])[0]] != [text]]


def test_of_all_short_statements_nineteen_in_twenty_are_kept():
    every = [text for of_language in SENTENCES.values() for text in of_language["statements"]]
    assert len(every) >= 200
    assert len(lost(every)) <= len(every) / 20, lost(every)


@pytest.mark.parametrize("language", SENTENCES)
def test_every_language_keeps_its_short_statements(language):
    statements = SENTENCES[language]["statements"]
    assert len(lost(statements)) <= len(statements) / 10, lost(statements)


@pytest.mark.parametrize("language", SENTENCES)
def test_statements_told_together_are_stored_as_they_were_said(language):
    statements = [text for text in SENTENCES[language]["statements"] if not lost([text])]
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        result = memory.add([{"role": "user", "content": text} for text in statements], user_id="ana")
        assert [item["memory"] for item in result["results"]] == statements


@pytest.mark.parametrize("text", [text for one in SENTENCES.values() for text in one["courtesies"]])
def test_greetings_thanks_and_assent_stay_out(text):
    facts, skipped = extract([Turn("user", text)])
    assert facts == []
    assert {one.reason for one in skipped} <= {"greeting", "acknowledgement"}


@pytest.mark.parametrize(
    "text",
    [
        "Sounds great",
        "Nice place",
        "Bananas rock.",
        "Video call",
        "Hello world",
        "Woohoo!",
        "Woohoo, Maria!",
        "Ricardo!",
    ],
)
def test_english_fragments_are_still_left_out(text):
    assert extract([Turn("user", text)])[0] == []


@pytest.mark.parametrize(
    "text", ["Hola, soy vegano.", "Danke, ich wohne in Bonn.", "好的，我住在北京。", "はい、猫を飼っています。"]
)
def test_a_statement_after_a_courtesy_is_kept(text):
    assert find_courtesy(text) is None
    assert len(extract([Turn("user", text)])[0]) == 1


def test_every_courtesy_of_the_table_is_found():
    for language, entry in other_languages.read_table().items():
        phrases = [phrase.strip() for phrase in entry["courtesies"].replace("||", "|").split("|")]
        assert [phrase for phrase in phrases if find_courtesy(f"{phrase}!") is None] == [], language


def test_no_statement_of_the_english_rules_is_a_courtesy():
    examples = [
        text for rule in load_language(examples=True).tables.statement for text in rule.matches.splitlines() if text
    ]
    assert [text for text in examples if find_courtesy(text)] == []
