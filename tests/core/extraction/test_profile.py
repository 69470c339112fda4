"""Which facts stand is told by their words, where no model has said so."""

import pytest

from holdfast.extraction.rules import profile_kind

INSTRUCTIONS = """
Always answer in French.
Please always call me Ana
Please keep it short.
Don't suggest meat dishes
Never mention my ex
Wants replies in French
I want you to keep answers under 100 words
The user wants to be called Ana
The user asked to always answer in French
When you recommend a restaurant, mind my allergy
"""
PREFERENCES = """
I prefer dark mode
Prefers short answers
The user prefers tea over coffee
I love hiking
Hates olives
We don't eat meat
I usually take the train
Avoids gluten
My favourite colour is teal
Favorite book: Emma
I'm a big fan of Fado
"""
PROFILES = """
I live in Porto now.
Lives in Bonn
I'm allergic to peanuts
Vegetarian
Works as a nurse in Porto
I'm a nurse
Has a dog named Rex
We have two cats
Birthday is 3 May
Timezone is CET
Name: Ana
Is 34 years old
Married to Tom
My sister lives in Oslo
Speaks Portuguese and English
I was born in 1990
"""
PASSING = """
We went to the lake yesterday
I have a meeting tomorrow
I'm a bit tired
I bought a bike
I am going to the dentist
Is training for a marathon
I love that!
I like this idea
The concert was great
Remember to buy milk
Was in Rome in May 2023
I moved the meeting to Monday
Thinks the museum was crowded
"""


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        (text, standing)
        for listed, standing in (
            (INSTRUCTIONS, "instruction"),
            (PREFERENCES, "preference"),
            (PROFILES, "profile"),
            (PASSING, None),
        )
        for text in listed.strip().splitlines()
    ],
)
def test_a_fact_stands_by_its_words(text, standing):
    assert profile_kind(text) == standing


def test_what_somebody_says_of_themselves_by_name_is_theirs():
    assert profile_kind("Ana prefers tea", speaker="Ana Costa") == "preference"
    assert profile_kind("Ana's favourite tea is Darjeeling", speaker="Ana") == "preference"
    assert profile_kind("Ana went to Rome", speaker="Ana") is None


@pytest.mark.parametrize("text", ["", " ", "?", "🎉", "我住在里斯本", "i " * 100_000, "(" * 10_000])
def test_any_text_has_an_answer(text):
    assert profile_kind(text) is None
