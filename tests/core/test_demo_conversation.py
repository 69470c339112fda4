"""The conversation that ships with the project: its shape, and what the key-free rules make of it."""

from __future__ import annotations

import json
from datetime import datetime
from importlib.resources import files

import pytest
from tests.known_memories import known_memory

from holdfast.extraction.facts import Fact, Turn
from holdfast.extraction.rules import extract, reconcile

CONVERSATION = json.loads(files("holdfast_cli").joinpath("demo_conversation.json").read_text(encoding="utf-8"))
USERS = CONVERSATION["users"]


def sessions_of(user):
    return [session for session in CONVERSATION["sessions"] if session["user_id"] == user]


def turns_of(session):
    return [Turn(message["role"], message["content"]) for message in session["messages"]]


def learn(known, fact):
    """Carry out the decision on `fact`, and return the text it replaced, if any."""
    decision = reconcile(fact, known)
    if decision.event == "ADD":
        known.append(known_memory(str(len(known)), decision.text))
    elif decision.event == "UPDATE":
        replaced = known[decision.known]
        known[decision.known] = known_memory(replaced.id, decision.text)
        return replaced.text
    return None


def remembered(user):
    """Return what is known of `user` in the end, and what was replaced on the way."""
    known, replaced = [], []
    for session in sessions_of(user):
        for fact in extract(turns_of(session))[0]:
            replaced += [text] if (text := learn(known, fact)) else []
    return [memory.text for memory in known], replaced


def test_the_conversation_has_the_size_and_shape_it_promises():
    sessions = CONVERSATION["sessions"]
    assert CONVERSATION["title"]
    assert len(USERS) == 2
    assert {session["user_id"] for session in sessions} == set(USERS)
    assert len({session["run_id"] for session in sessions}) == len(sessions) >= 6
    assert sum(len(session["messages"]) for session in sessions) >= 80


def test_sessions_follow_one_another_in_time_over_some_months_of_2026():
    moments = [datetime.fromisoformat(session["timestamp"]) for session in CONVERSATION["sessions"]]
    assert moments == sorted(set(moments))
    assert {moment.year for moment in moments} == {2026}
    assert (moments[-1] - moments[0]).days > 120


@pytest.mark.parametrize("session", CONVERSATION["sessions"], ids=lambda session: session["run_id"])
def test_users_and_the_assistant_take_turns(session):
    roles = [message["role"] for message in session["messages"]]
    assert roles == ["user", "assistant"] * (len(roles) // 2)
    assert all(message["content"].strip() == message["content"] != "" for message in session["messages"])


@pytest.mark.parametrize("user", USERS)
def test_every_user_has_questions_about_what_they_said(user):
    questions = [question for question in CONVERSATION["questions"] if question["user_id"] == user]
    own = " ".join(message["content"] for session in sessions_of(user) for message in session["messages"])
    assert len(questions) >= 12
    assert all(question["expected"].lower() in own.lower() for question in questions)


@pytest.mark.parametrize("question", CONVERSATION["questions"], ids=lambda question: question["question"])
def test_the_rules_remember_the_answer_to_every_question(question):
    memories, _ = remembered(question["user_id"])
    assert any(question["expected"] in memory for memory in memories)


@pytest.mark.parametrize(
    ("user", "gone", "instead"),
    [
        ("mira", "I live in Ghent", "We moved to Antwerp"),
        ("mira", "Lumen Studio", "a new job at Brightwater"),
        ("mira", "I'm vegetarian", "I'm pescatarian now"),
        ("mira", "19 April", "moved to 10 May"),
        ("mira", "anniversary on 12 September", "anniversary on 13 September"),
        ("jonas", "four cups of coffee", "I stopped drinking coffee"),
        ("jonas", "Tuesday at 9", "Thursday at 9"),
        ("jonas", "planning a trip to Japan", "We cancelled the trip to Japan"),
        ("jonas", "Northgate School", "Harrow Hill Academy"),
    ],
)
def test_only_the_corrected_value_is_remembered(user, gone, instead):
    memories, _ = remembered(user)
    assert not [memory for memory in memories if gone in memory]
    assert [memory for memory in memories if instead in memory]


@pytest.mark.parametrize(("user", "count"), [("mira", 4), ("jonas", 4)])
def test_nothing_else_is_replaced(user, count):
    assert len(remembered(user)[1]) == count


@pytest.mark.parametrize("user", USERS)
def test_questions_small_talk_and_general_knowledge_are_not_remembered(user):
    memories, _ = remembered(user)
    assert not [memory for memory in memories if memory.endswith("?")]
    for unwanted in (
        "Photosynthesis",
        "poem",
        "a professional",
        "Good idea",
        "Thank",
        "Hello",
        "I wonder",
        "I don't know",
    ):
        assert not [memory for memory in memories if unwanted in memory]


@pytest.mark.parametrize("user", USERS)
def test_a_reader_finds_most_of_what_was_said_and_little_else(user):
    kept, skipped = 0, 0
    for session in sessions_of(user):
        facts, left_out = extract(turns_of(session))
        kept, skipped = kept + len(facts), skipped + len(left_out)
    assert 0.5 < kept / (kept + skipped) < 0.8


def test_what_one_user_said_is_not_known_of_the_other():
    mira, jonas = (" ".join(remembered(user)[0]) for user in ("mira", "jonas"))
    assert not [name for name in ("Pixel", "Wout", "Antwerp", "Brightwater", "Eline") if name in jonas]
    assert not [name for name in ("Biscuit", "Priya", "Leeds", "Harrow", "Kofi") if name in mira]


def test_the_conversation_told_twice_adds_no_attribute_a_second_time():
    for user in USERS:
        known = [known_memory(str(place), text) for place, text in enumerate(remembered(user)[0])]
        assert all(reconcile(Fact(memory.text), known).event == "NONE" for memory in known)
