"""What a conversation says about its turns: who spoke, what stands beside, which session; whatever lies between."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import Memory
from holdfast.retrieval.neighbourhood import conversations_of, neighbour_scores


@pytest.fixture
def memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        yield memory


def say(memory, name, text, run_id="s1"):
    memory.add({"role": "user", "name": name, "content": text}, user_id="u", run_id=run_id, infer=False)


def signal(memory, question, name):
    """Return the texts to which a signal gives a say, for `question`."""
    results = memory.search(question, user_id="u", explain=True)["results"]
    return {item["memory"] for item in results if item["score_details"].get(name)}


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
def test_whoever_a_question_names_is_asked_first(memory, name, question):
    say(memory, name, "I bought a boat")
    say(memory, "Tom", "A boat? I saw one in the harbour")
    assert signal(memory, question, "speaker") == {"I bought a boat"}


def test_a_function_word_names_nobody(memory):
    say(memory, "Will", "I bought a boat")
    say(memory, "Tom", "The boat is red")
    assert signal(memory, "Where will Tom take the boat?", "speaker") == {"The boat is red"}


def test_conversations_at_the_same_time_do_not_part_neighbours(memory):
    for turn in range(3):
        say(memory, "Ana", ["Where is the spare key?", "Under the pot", "Thanks"][turn], run_id="s1")
        say(memory, "Tom", ["Did it rain?", "All day", "Oh dear"][turn], run_id="s2")
    assert {"Under the pot", "Thanks"} <= signal(memory, "spare key", "neighbours")
    assert not {"Did it rain?", "All day"} & signal(memory, "spare key", "neighbours")


def test_facts_between_turns_do_not_part_neighbours(memory):
    talk = [{"role": "user", "content": "I moved to Lisbon."}, {"role": "user", "content": "It was last May"}]
    for turn in talk:
        memory.add(turn, user_id="u", run_id="s1", keep_turns=True)
    assert "It was last May" in signal(memory, "Lisbon", "neighbours")


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1, width=32)), max_size=30))
def test_a_turn_is_lent_what_the_two_turns_on_each_side_of_it_score(turns):
    numbers = np.array([number for number, _ in turns], dtype=np.int64)
    scores = np.array([score for _, score in turns], dtype=np.float32)
    expected = np.zeros(len(turns))
    for number in (1, 2, 3):
        places = np.flatnonzero(numbers == number)
        for at, place in enumerate(places):
            for other in range(len(places)):
                expected[place] += {1: 0.4, 2: 0.2}.get(abs(at - other), 0) * scores[places[other]]
    np.testing.assert_allclose(neighbour_scores(scores, conversations_of(numbers)), expected, atol=1e-6)
