"""`search` answers every query: with the right memory where there is one, and never with an error."""

import itertools
import unicodedata

import numpy as np
import pytest
from hypothesis import given, strategies as st

from holdfast import Memory

FACTS = (
    "Ana plays the cello in Porto",
    "I received a parcel from Ljubljana",
    "My naïve brother opened a café",
    "Do not drop the table; select the blue one and not the red",
    'She said "carpe diem" and left',
    "We celebrated with 🎉 and 🍰",
    "The dentist works on Tuesdays",
)
SYLLABLES = "ba de fi go lu mek nor pas rit sov tun vel wix yar zog".split()
VOCABULARY = ["".join(parts) for parts in itertools.product(SYLLABLES, repeat=3)]


@pytest.fixture(scope="module")
def memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        memory.add([{"role": "user", "content": text} for text in FACTS], user_id="ana", infer=False)
        memory.add("I play the harp", user_id="bo", infer=False)
        yield memory


def found(memory, question, user_id="ana", **options):
    return [item["memory"] for item in memory.search(question, user_id=user_id, **options)["results"]]


def memory_with_documents(count):
    """Return a memory with `count` documents of random words and one fact in one scope."""
    memory = Memory(":memory:", llm="rules", embedder="hashing")
    drawn = np.random.default_rng(7).integers(len(VOCABULARY), size=(count, 6))
    texts = [" ".join(VOCABULARY[number] for number in line) for line in drawn]
    for start in range(0, count, 10_000):
        documents = [
            {"memory_id": f"m{start + place}", "text": text} for place, text in enumerate(texts[start : start + 10_000])
        ]
        memory.put(documents, user_id="ana")
    memory.add(FACTS[0], user_id="ana", infer=False)
    return memory


@pytest.mark.parametrize("question", FACTS)
def test_a_query_equal_to_a_memory_finds_it_first(memory, question):
    assert found(memory, question)[0] == question
    assert found(memory, question.upper())[0] == question


@pytest.mark.parametrize(
    "question", ["who are you and what is it", "the", "why?", "?!…", "🦄🦄", "👍🏽", "\u200b.", "٪"]
)
def test_a_query_of_stop_words_is_answered(memory, question):
    answer = memory.search(question, user_id="ana")["results"]
    assert len(answer) == len(FACTS)
    assert all(0 <= item["score"] <= 1 for item in answer)


def test_an_emoji_finds_the_memory_with_it(memory):
    assert found(memory, "🎉")[0] == FACTS[5]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("'; DROP TABLE memories; --", FACTS[3]),
        ("SELECT * FROM blue WHERE 1=1 OR red", FACTS[3]),
        ('cello AND NOT (Porto OR "table") NEAR/2 cell*', FACTS[0]),
        ('text:cello ^porto +ana -"', FACTS[0]),
        ('"carpe diem"', FACTS[4]),
        ("«carpe» ‘diem’ “", FACTS[4]),
        ("cello\x00\t\nPorto".replace("\x00", " "), FACTS[0]),
        ("%cello% _orto \\cello\\", FACTS[0]),
    ],
)
def test_operators_and_quotes_are_plain_words(memory, question, answer):
    assert found(memory, question)[0] == answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("recieve parcell", FACTS[1]),
        ("Lubljana", FACTS[1]),
        ("cello Oporto", FACTS[0]),
        ("dentisst tuesdys", FACTS[6]),
        ("naive brother cafe", FACTS[2]),
        (unicodedata.normalize("NFD", "naïve café"), FACTS[2]),
        (unicodedata.normalize("NFC", "naïve café"), FACTS[2]),
        ("NAÏVE CAFÉ", FACTS[2]),
        ("ＣＥＬＬＯ", FACTS[0]),
    ],
)
def test_typos_and_other_spellings_find_the_memory(memory, question, answer):
    assert found(memory, question)[0] == answer


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200))
def test_any_text_is_a_valid_query(memory, question):
    if question.strip():
        assert len(found(memory, question)) == len(FACTS)


def test_a_scope_with_one_memory_returns_it(memory):
    assert found(memory, "harp", "bo") == ["I play the harp"]
    assert found(memory, "what is the weather", "bo", limit=1000) == ["I play the harp"]


def test_a_query_of_100000_words_is_answered_by_its_rarest(memory):
    noise = " ".join(VOCABULARY[place % len(VOCABULARY)] for place in range(99_998))
    assert found(memory, f"{noise} cello Porto")[0] == FACTS[0]
    assert found(memory, f"cello {noise} Porto")[0] == FACTS[0]
    assert found(memory, "cello " * 100_000)[0] == FACTS[0]


def test_a_pasted_page_is_no_worse_than_its_rare_words(memory):
    page = " ".join(f"{word} the and of" for word in VOCABULARY[:500])
    assert found(memory, f"{page} Ljubljana {page}")[0] == FACTS[1]


@pytest.mark.parametrize("count", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_a_large_scope_is_searched_whole(count):
    with memory_with_documents(count) as memory:
        assert found(memory, "Who plays the cello?")[0] == FACTS[0]
        assert found(memory, "🦄", limit=1000)[0]
        every_word = " ".join(VOCABULARY)
        assert found(memory, f"{every_word} cello Porto", limit=1)
        middle = memory.get(f"m{count // 2}")["memory"]
        assert found(memory, middle)[0] == middle
        assert memory.search(middle, user_id="ana", explain="m0")["explanation"]["reason"] in {"found", "outranked"}


def test_a_question_for_a_time_or_a_number_prefers_memories_with_one(memory):
    texts = (
        "I adopted a rabbit from a shelter",
        "I adopted a rabbit two weeks after the flood",
        "I adopted a rabbit in March",
    )
    memory.add([{"role": "user", "content": text} for text in texts], user_id="cy", infer=False)
    asked = "When was the rabbit adopted?"
    results = memory.search(asked, user_id="cy", explain=True)["results"]
    signals = {item["memory"]: item["score_details"]["answer"] for item in results}
    assert signals == {texts[0]: 0, texts[1]: 1, texts[2]: 1}
    assert results[-1]["memory"] == texts[0]
    plain = memory.search("the rabbit adopted", user_id="cy", explain=True)["results"]
    assert all("answer" not in item["score_details"] for item in plain)
    assert plain[0]["memory"] == texts[2]


def test_a_memory_that_only_ends_an_attribute_does_not_compete_with_one_that_has_its_value():
    def keyword_scores():
        found = memory.search("Who is my employer?", user_id="ana", explain=True)["results"]
        return {item["memory"]: item["score_details"].get("keyword", 0.0) for item in found}

    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        memory.add("I handed in my notice on Friday. I like tea. I have a red bike. I sleep badly.", user_id="ana")
        ended, *others = keyword_scores().values()
        assert ended > 0
        assert others == [0, 0, 0]
        memory.add("I've got a new job at Brightwater, starting in June.", user_id="ana")
        scores = keyword_scores()
        assert scores.pop("I've got a new job at Brightwater, starting in June.") > 0
        assert set(scores.values()) == {0}
