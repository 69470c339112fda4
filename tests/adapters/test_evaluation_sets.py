"""The question sets of the benchmarks ask what they say they ask."""

from collections import Counter
from pathlib import Path

import pytest

from holdfast.retrieval.tokenize import stem_words
from holdfast_cli.evaluation.question_sets import parse_questions

FOLDER = Path(__file__).parents[2] / "benchmarks"
SETS = {
    name: parse_questions({name: (FOLDER / f"{name}.jsonl").read_text("utf-8")}) for name in ("paraphrases", "keywords")
}
DOMAINS = set("health food work family home travel money hobbies technology plans".split())


def pairs(name):
    return [(one, one.memories[place]) for one in SETS[name] for place in one.answers]


def same_word(one, other):
    """Say whether two stems are equal, or one of at least four letters begins the other, as in `drum` and `drummer`."""
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= 4 and longer.startswith(shorter))


def test_no_paraphrase_shares_a_content_word_with_its_answer():
    for question, memory in pairs("paraphrases"):
        asked, stated = set(stem_words(question.text)), set(stem_words(memory))
        assert asked, question
        assert stated, question
        assert not [(a, b) for a in asked for b in stated if same_word(a, b)], question


def test_distractors_share_words_with_the_paraphrased_questions():
    answered = {place for one in SETS["paraphrases"] for place in one.answers}
    memories = SETS["paraphrases"][0].memories
    distracting = {stem for place, text in enumerate(memories) if place not in answered for stem in stem_words(text)}
    lured = [one for one in SETS["paraphrases"] if not distracting.isdisjoint(stem_words(one.text))]
    assert len(memories) - len(answered) >= 40 * len(DOMAINS)
    assert len(lured) > 0.75 * len(SETS["paraphrases"])


def test_every_domain_asks_as_much_and_a_third_of_it_is_held_out():
    counts = Counter((one.domain, one.kind, one.split) for one in SETS["paraphrases"])
    assert {domain for domain, _, _ in counts} == DOMAINS
    for domain in DOMAINS:
        for kind, expected in (("restated", [22, 11]), ("implied", [22, 11]), (None, [4, 2])):
            assert [counts[domain, kind, split] for split in ("development", "held-out")] == expected


def test_an_answer_is_in_one_split_and_asked_for_in_two_ways():
    asked = {}
    for question in SETS["paraphrases"]:
        for place in question.answers:
            asked.setdefault(place, []).append(question)
    assert len(asked) == 330
    for questions in asked.values():
        assert [one.kind for one in questions] == ["restated", "implied"]
        assert len({one.split for one in questions}) == 1


def test_every_keyword_is_in_its_answer_and_in_the_question():
    assert len(pairs("keywords")) >= 100
    for question, memory in pairs("keywords"):
        assert not set(stem_words(question.text)).isdisjoint(stem_words(memory)), question


@pytest.mark.parametrize("name", SETS)
def test_no_question_and_no_memory_of_a_set_is_there_twice(name):
    questions = Counter(one.text.casefold() for one in SETS[name])
    memories = Counter(text.casefold() for text in SETS[name][0].memories)
    assert [text for counts in (questions, memories) for text, count in counts.items() if count > 1] == []
    assert all(one.memories is SETS[name][0].memories for one in SETS[name])
