"""A different value is never a duplicate: only case, blanks, closing punctuation and fillers differ in a repetition."""

import itertools
import unicodedata

import pytest

from holdfast import Memory
from holdfast.extraction.facts import Fact, SimilarMemory, Turn
from holdfast.extraction.rules import extract, reconcile
from holdfast.records import MemoryRecord
from holdfast.scope import Scope

FAMILIES = {
    "blood types": ["O+", "O-", "A+", "A-", "AB+", "AB-"],
    "numbers": ["5", "-5", "+5", "50", "55", "100", "1000", "005", "5.5", "10.0", "1.000", "5\u00b2", "5\u00b3"],
    "amounts": ["$5", "€5", "£5", "5€", "5%", "5°", "$5.5", "$55"],
    "ranges": ["5-10", "5-11", "10-5", "510", "5/10"],
    "languages": ["C", "C++", "C#", "F#", ".NET", "A*", "A**"],
    "names": ["Mat", "Matt", "Ana", "Anna", "Peña", "Pena", "Jon", "John", "Adam", "Adams", "Jone", "Jones", "Even"],
    "emoji": ["🐶", "🐱", "👍", "👍🏽", "🇩🇪", "🇫🇷", "☀", "☂"],
    "times": ["9:00", "9:01", "19:00", "9 am", "9 pm", "9:00-17:00"],
    "versions": ["1.1", "1.1.1", "11.1", "v2", "v22", "2.0-rc1", "2.0-rc2"],
    "addresses": ["a@b.com", "a@b.co", "aa@b.com", "https://a.io/x", "https://a.io/xx", "https://a.io/x?y=1"],
    "paths": ["/usr/bin", "/usr/sbin", "~/x", "~/y", "foo_bar", "foo-bar", "foobar", "foo.bar", "init", "__init__"],
    "handles": ["#tea", "#teas", "@ana", "@anna", "tea"],
    "telephone numbers": ["+49 170 1234", "+49 170 12344", "+44 170 1234", "0170 1234"],
    "units": ["5 kg", "5 g", "5 mg", "5 km", "5 km\u00b2", "5 km\u00b3", "5'", '5"'],
    "Roman numerals": ["I", "II", "III", "XIV", "XV", "XX", "XXX"],
    "characters": ["北京", "南京", "東京", "猫", "犬"],
    "words": ["cat", "cats", "form", "forms", "lose", "loose", "desert", "dessert", "coop", "cop"],
    "ratings": ["★★★", "★★★★", "4/5", "5/5", "5'11\"", "5'10\""],
    "operators": ["+", "-", "==", "&&", "||"],
}
TEMPLATES = [
    "My favourite thing is {}",
    "My code is {}.",
    "I like {}",
    "I don't like {}!",
    "I use {} at work.",
    "My sister likes {}.",
    "I have a meeting about {} with Bob.",
    "The user likes {}.",
    "My team's mascot is {}!",
    "My cat is called {}",
    "I wrote {} on the board today",
]
PAIRS = [
    (template.format(one), template.format(other))
    for values in FAMILIES.values()
    for one, other in itertools.permutations(values, 2)
    for template in TEMPLATES
]


def known(text):
    return SimilarMemory(MemoryRecord("known", text, Scope(user_id="ana"), 0, 0, 0), 0.9)


def without_case(text):
    return text.rstrip(".!").casefold()


def test_every_different_value_of_one_add_is_extracted():
    for pair in PAIRS:
        facts, skipped = extract([Turn("user", text) for text in pair])
        assert (list(map(without_case, (fact.text for fact in facts))), skipped) == (list(map(without_case, pair)), [])


def test_a_different_value_repeats_no_known_memory():
    for one, other in PAIRS:
        assert (reconcile(Fact(other), [known(one)]).event in ("ADD", "UPDATE"), one, other) == (True, one, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_different_value_of_what_has_one_value_is_an_update(family):
    for one, other in itertools.permutations(FAMILIES[family], 2):
        decision = reconcile(Fact(f"My favourite thing is {other}."), [known(f"My favourite thing is {one}.")])
        assert (decision.event, one, other) == ("UPDATE", one, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_all_values_told_in_one_add_or_in_several_are_kept(family):
    texts = [f"I wrote {value} on the board today." for value in FAMILIES[family]]
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        memory.add([{"role": "user", "content": text} for text in texts], user_id="at once")
        for text in texts:
            memory.add(text, user_id="in turn")
        for user in ("at once", "in turn"):
            kept = memory.get_all(user_id=user, limit=100)["results"]
            assert sorted(item["memory"] for item in kept) == sorted(texts)


def test_thousands_of_numbered_facts_in_one_add_are_all_kept():
    text = " ".join(f"My thing{number} likes food{number}." for number in range(2000))
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        result = memory.add(text, user_id="ana")
        assert (len(result["results"]), result["skipped"]) == (2000, [])


REPETITIONS = [
    ("I live in Lisbon.", "I LIVE IN LISBON!"),
    ("I live in Lisbon.", "  i live   in lisbon"),
    ("I live in Lisbon.", "I really live in Lisbon!!!"),
    ("I'm vegan.", "Im vegan"),
    ("I'm vegan.", "I\u2019m vegan."),
    ("I like C++.", "i like c++!"),
    ("My blood type is O-.", "My blood type is O\u2212"),
    ("My blood type is O+.", "my blood type is: O+"),
    ("I pay $5 a day.", "I pay $5 a day!"),
    ("I love tea.", "I loooove tea!"),
    ("I think it's cool at my work.", "I think it's cooool at my work."),
    ("I have dinner with Zoë.", unicodedata.normalize("NFD", "I have dinner with Zoë.")),
    ("My dog ate **two** cakes.", "My dog ate two cakes."),
    ("我住在北京。", "我住在北京"),
    ("Ich wohne in Köln.", unicodedata.normalize("NFD", "ich wohne in Köln!")),
]


@pytest.mark.parametrize(("said", "again"), [*REPETITIONS, *[pair[::-1] for pair in REPETITIONS]])
def test_a_repetition_is_a_duplicate_that_names_the_memory(said, again):
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        (first,) = memory.add(said, user_id="ana")["results"]
        later = memory.add(again, user_id="ana")
        both = memory.add([{"role": "user", "content": text} for text in (said, again)], user_id="bob")
        assert [(one["reason"], one["id"]) for one in later["skipped"]] == [("duplicate", first["id"])]
        assert [(one["reason"], one["id"]) for one in both["skipped"]] == [("duplicate", both["results"][0]["id"])]


DETAILS = [
    ("I work at Acme with Mat.", "I work at Acme with Matt."),
    ("I work at Acme from 9 to 17.", "I work at Acme from 17 to 9."),
    ("I work at Acme for $5.", "I work at Acme for €5."),
    ("I'm a software engineer.", "I'm an engineer at Siemens."),
    ("I use C++ every day.", "I use C every day."),
    ("I use C++ in my job.", "I use C#."),
    ("I moved from Monday to Friday.", "I moved from Friday to Monday."),
    ("Mat doesn't like tea.", "Matt likes tea."),
    ("I work with Matt.", "I stopped working with Mat."),
]


@pytest.mark.parametrize(("said", "other"), DETAILS)
def test_what_differs_in_a_detail_takes_nothing_away(said, other):
    assert reconcile(Fact(other), [known(said)]).event == "ADD"
