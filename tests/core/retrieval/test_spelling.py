"""Spellings of one word find each other and are duplicates; letters that differ to readers stay different."""

import pytest

from holdfast import Memory
from holdfast.retrieval.spelling import fold_spelling
from holdfast.retrieval.tokenize import stem_as_written, stem_question, stem_words

SPELLINGS = [
    ("İstanbul", "Istanbul"),
    ("IŞIK", "ışık"),
    ("Straße", "STRASSE"),
    ("sœur", "soeur"),
    ("țară", "ţară"),
    ("Οδός", "ΟΔΟΣ"),
    ("σκύλος", "σκυλος"),
    ("ёлка", "елка"),
    ("за́мок", "замок"),
    ("שָׁלוֹם", "שלום"),
    ("أحمد", "احمد"),
    ("آمنة", "امنه"),
    ("ليلى", "ليلي"),
    ("جمــيل", "جميل"),
    ("مُحَمَّد", "محمد"),
    ("ﻣﺤﻤﺪ", "محمد"),
    ("یاسمین", "ياسمين"),
    ("हफ़्ता", "हफ्ता"),
    ("मूँगफली", "मूंगफली"),
    ("٢٠٢٣", "2023"),
    ("\uff29\uff22\uff2d", "IBM"),
    ("ｶﾞｽ", "ガス"),
    ("ﬁsh", "fish"),
]
DIFFERENT = [
    ("Peña", "Pena"),
    ("ano", "año"),
    ("år", "ar"),
    ("schon", "schön"),
    ("5²", "52"),
    ("мой", "мои"),
    ("は", "ば"),
    ("東京", "东京"),
    ("λ", "Α"),
    ("ال", "ان"),
]


def skipped_reasons(said, other):
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        memory.add(f"I wrote {said} on the board.", user_id="ana")
        return [one["reason"] for one in memory.add(f"I wrote {other} on the board.", user_id="ana")["skipped"]]


@pytest.mark.parametrize(("one", "other"), [*SPELLINGS, *[pair[::-1] for pair in SPELLINGS]])
def test_another_spelling_is_a_duplicate_and_has_the_same_terms(one, other):
    assert stem_words(one) == stem_words(other) != []
    assert skipped_reasons(one, other) == ["duplicate"]


@pytest.mark.parametrize(("one", "other"), [*DIFFERENT, *[pair[::-1] for pair in DIFFERENT]])
def test_another_letter_is_another_value(one, other):
    assert fold_spelling(one) != fold_spelling(other)
    assert skipped_reasons(one, other) == []


def test_a_word_is_found_in_every_spelling():
    for said, asked in SPELLINGS:
        with Memory(":memory:", llm="rules", embedder="hashing") as memory:
            memory.add([f"We saw {said}.", "We saw nothing."], user_id="ana", infer=False)
            assert memory.search(asked, user_id="ana")["results"][0]["memory"] == f"We saw {said}."


def test_a_question_has_the_terms_of_files_that_were_written_before_spellings_were_folded():
    for spellings in SPELLINGS:
        for word in spellings:
            assert {*stem_as_written(word), *stem_words(word)} == set(stem_question(word))
