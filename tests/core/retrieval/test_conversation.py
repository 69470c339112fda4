"""The signals of conversations: speakers, neighbouring turns, questions and passages."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from holdfast import Memory
from holdfast.retrieval.bm25 import Postings, weigh_terms
from holdfast.retrieval.conversation import group_by_conversation, neighbour_scores, passage_scores


@pytest.fixture
def memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        yield memory


def add_turns(memory, *turns, run_id="monday"):
    messages = [{"role": "user", "name": name, "content": text} for name, text in turns]
    return memory.add(messages, user_id="ana", run_id=run_id, infer=False)["results"]


def signals(memory, query, name):
    found = memory.search(query, user_id="ana", explain=True)["results"]
    return {item["memory"]: item["score_details"].get(name, 0) for item in found}


def texts_with_signal(memory, query, name):
    """Return the texts whose signal is not zero."""
    return {text for text, score in signals(memory, query, name).items() if score}


# Speakers


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("Ben", "When did Ben buy a boat?"),
        ("Ben", "when did ben buy a boat?"),
        ("Will", "What boat did Will buy?"),
        ("Sue", "What does Sue's boat look like?"),
        ("Don Juárez", "Has Don a boat?"),
        ("José", "Does Jose have a boat?"),
        ("Caroline", "Welches boat hat Caroline gekauft?"),
        ("Маша", "Что Маше нравится, boat?"),
    ],
)
def test_turns_of_a_person_named_in_the_question_score_higher(memory, name, question):
    add_turns(memory, (name, "I bought a boat"))
    add_turns(memory, ("Tom", "A boat? I saw one in the harbour"))
    assert texts_with_signal(memory, question, "speaker") == {"I bought a boat"}


def test_a_function_word_is_not_a_name(memory):
    add_turns(memory, ("Will", "I bought a boat"))
    add_turns(memory, ("Tom", "The boat is red"))
    assert texts_with_signal(memory, "Where will Tom take the boat?", "speaker") == {"The boat is red"}


# Neighbouring turns


def test_turns_of_another_session_do_not_separate_neighbouring_turns(memory):
    for turn in range(3):
        add_turns(memory, ("Ana", ["Where is the spare key?", "Under the pot", "Thanks"][turn]), run_id="s1")
        add_turns(memory, ("Tom", ["Did it rain?", "All day", "Oh dear"][turn]), run_id="s2")
    assert {"Under the pot", "Thanks"} <= texts_with_signal(memory, "spare key", "neighbours")
    assert not {"Did it rain?", "All day"} & texts_with_signal(memory, "spare key", "neighbours")


def test_facts_between_turns_do_not_separate_neighbouring_turns(memory):
    talk = [{"role": "user", "content": "I moved to Lisbon."}, {"role": "user", "content": "It was last May"}]
    for turn in talk:
        memory.add(turn, user_id="ana", run_id="s1", keep_turns=True)
    assert "It was last May" in texts_with_signal(memory, "Lisbon", "neighbours")


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1, width=32)), max_size=30))
def test_the_neighbour_signal_sums_the_two_turns_on_each_side(turns):
    numbers = np.array([number for number, _ in turns], dtype=np.int64)
    scores = np.array([score for _, score in turns], dtype=np.float32)
    expected = np.zeros(len(turns))
    for number in (1, 2, 3):
        places = np.flatnonzero(numbers == number)
        for at, place in enumerate(places):
            for other in range(len(places)):
                expected[place] += {1: 0.4, 2: 0.2}.get(abs(at - other), 0) * scores[places[other]]
    np.testing.assert_allclose(neighbour_scores(scores, group_by_conversation(numbers)), expected, atol=1e-6)


# Questions, and passages that hold the whole query


def test_an_answer_ranks_above_the_question_with_the_same_words(memory):
    add_turns(memory, ("Bo", "How was the ceramics workshop?"), ("Ana", "I glazed a bowl at the ceramics workshop."))
    add_turns(
        memory,
        ("Ana", "I glazed a bowl at the ceramics workshop."),
        ("Bo", "How was the ceramics workshop?"),
        run_id="2",
    )
    found = memory.search("ceramics workshop", user_id="ana")["results"]
    assert [item["memory"][:8] for item in found] == ["I glazed", "I glazed", "How was ", "How was "]


def test_explain_shows_how_much_of_a_turn_is_a_question(memory):
    texts = ("We saw the comet.", "We saw the comet. Have you seen it too?", "Have you seen the comet too?")
    add_turns(memory, *(("Ana", text) for text in texts))
    assert list(map(signals(memory, "comet", "asking").get, texts)) == [0, 0.5, 1]


def test_an_update_changes_how_much_of_a_turn_is_a_question(memory):
    add_turns(memory, ("Ana", "We saw the comet."), ("Bo", "Was the comet bright?"))
    for item in memory.search("comet", user_id="ana")["results"]:
        if item["memory"] == "Was the comet bright?":
            memory.update(item["id"], "The comet was bright.")
        else:
            memory.update(item["id"], "Who saw the comet?")
    assert signals(memory, "comet", "asking") == {"The comet was bright.": 0, "Who saw the comet?": 1}


def test_facts_and_documents_are_not_penalised_for_question_marks(memory):
    add_turns(memory, ("Ana", "We saw the comet."))
    memory.put([{"memory_id": "guide", "text": "What is a comet?"}], user_id="ana", run_id="monday")
    assert signals(memory, "comet", "asking")["What is a comet?"] == 0


def test_a_passage_with_the_whole_query_beats_one_with_half_of_it_twice(memory):
    quiet = ["Well", "Right", "Fine"]
    around = [["A kite", "Nice", "The lake"], ["A kite", "Nice", "The kite"], ["The lake", "Nice", "A lake"]]
    texts = [text for passage in around for text in (*passage, *quiet)]
    ids = [item["id"] for item in add_turns(memory, *(("Bo", text) for text in texts))]
    found = {item["id"]: item for item in memory.search("kite lake", user_id="ana", limit=20, explain=True)["results"]}
    whole, *halves = (found[memory_id] for memory_id, text in zip(ids, texts, strict=True) if text == "Nice")
    for half in halves:
        assert half["score_details"]["neighbours"] == pytest.approx(whole["score_details"]["neighbours"])
        assert half["score_details"]["passage"] == pytest.approx(whole["score_details"]["passage"] / 2)
        assert half["score"] < whole["score"]


def test_passages_never_cross_conversations(memory):
    add_turns(memory, ("Ana", "A kite"), ("Bo", "Nice"))
    add_turns(memory, ("Ana", "Cold"), ("Bo", "The lake"), run_id="tuesday")
    passage = signals(memory, "kite lake", "passage")
    assert passage["Nice"] == passage["A kite"] < 0.6
    assert passage["Cold"] == passage["The lake"] < 0.6


@st.composite
def conversations_and_hits(draw):
    count = draw(st.integers(1, 30))
    conversations = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    held = draw(st.lists(st.sets(st.integers(0, count - 1)), max_size=4))
    places = [np.array(sorted(one), dtype=np.int64) for one in held]
    return np.array(conversations, dtype=np.int64), [
        Postings(here, np.ones(len(here), dtype=np.int64)) for here in places
    ]


@given(conversations_and_hits())
def test_the_passage_signal_equals_a_plain_computation(drawn):
    numbers, hits = drawn
    expected = np.zeros(len(numbers))
    for share, hit in weigh_terms(hits, len(numbers)):
        for place in range(len(numbers)):
            expected[place] += share * bool(np.isin(places_around(numbers, place), hit.places).any())
    assert passage_scores(hits, group_by_conversation(numbers)) == pytest.approx(expected, abs=1e-6)


def places_around(numbers, place):
    """Return the places of the turns of the same conversation that are at most two turns away."""
    if numbers[place] == 0:
        return np.array([place])
    turns = np.flatnonzero(numbers == numbers[place])
    own = int(np.searchsorted(turns, place))
    return turns[max(0, own - 2) : own + 3]
