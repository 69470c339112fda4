"""Ratings and relevance judgements are read from a model's reply."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from holdfast.errors import UnreadableReply
from holdfast.extraction.replies import parse_ratings, parse_relevant

# Ratings


@pytest.mark.parametrize(
    "reply",
    [
        '{"ratings": [{"memory": 0, "score": 10}, {"memory": 1, "score": 3}]}',
        '{"ratings": [{"memory": "0", "score": "10/10"}, {"memory": "M1", "score": "3"}]}',
        'Sure!\n```json\n{"ratings": [{"memory": 1, "score": 3}, {"memory": 0, "score": 10}]}\n```\nDone.',
        '<think>[{"memory": 0}]</think>{"ratings": [{"memory": 0, "score": 10}, {"memory": 1, "score": 3}]}',
        '[{"index": 0, "relevance": 1.0}, {"index": 1, "relevance": 0.3}]',
        '{"scores": [{"id": 0, "rating": 1}, {"id": 1, "rating": 0.3}]}',
        '{"ratings": [10, 3]}',
        "{'ratings': [{'memory': 0, 'score': 10,}, {'memory': 1, 'score': 3}]",
    ],
)
def test_ratings_are_read_in_every_usual_form(reply):
    assert parse_ratings(reply, count=2) == {0: 1.0, 1: 0.3}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"ratings": [{"memory": 0, "score": 10}]}', {0: 1.0}),
        ('{"ratings": [{"memory": 0, "score": 10}, {"memory": 7, "score": 10}]}', {0: 1.0}),
        ('{"ratings": [{"memory": 0, "score": 10}, {"memory": 1, "score": 400}]}', {0: 1.0}),
        ('{"ratings": [{"memory": 0, "score": 10}, {"memory": 1, "score": true}]}', {0: 1.0}),
        ('{"ratings": [{"memory": 0, "score": 10}, {"memory": 1, "sc', {0: 1.0}),
        ('{"ratings": [{"memory": 0, "score": 10}, {"memory": 0, "score": 1}]}', {0: 1.0}),
        ('{"ratings": [{"memory": 0, "score": 1}, {"memory": 1, "score": 0}]}', {0: 0.1, 1: 0.0}),
    ],
)
def test_unrated_memories_are_left_out(reply, expected):
    assert parse_ratings(reply, count=2) == expected


@pytest.mark.parametrize("reply", ["", "All fine.", "{}", '{"ratings": []}', '{"ratings": [10, 3, 5]}', "null"])
def test_a_reply_without_ratings_is_unreadable(reply):
    with pytest.raises(UnreadableReply):
        parse_ratings(reply, count=2)


# Relevance


@pytest.mark.parametrize(
    "reply",
    [
        '{"relevant": [0, 2]}',
        '{"relevant": [2, 0, 2]}',
        '{"relevant": ["0", "M2"]}',
        'The relevant ones:\n```json\n{"relevant": [0, 2]}\n```',
        '{"relevant": [{"memory": 0, "relevant": true}, {"memory": 1, "relevant": false}, {"memory": 2}]}',
        '{"results": [{"id": 0, "relevant": true}, {"id": 1, "relevant": "no"}, {"id": 2, "relevant": true}]}',
        '{"relevant": [0, 2, 99]}',
    ],
)
def test_relevant_memories_are_read_in_every_usual_form(reply):
    assert parse_relevant(reply, count=3) == [0, 2]


def test_an_empty_list_of_relevant_memories_is_readable():
    assert parse_relevant('{"relevant": []}', count=3) == []


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Nothing.",
        "{}",
        '{"relevant": [99]}',
        '{"relevant": ["all of them"]}',
        '{"relevant": [0, 2',
        '{"relevant": [{"memory": 0, "relevant": true}, {"mem',
    ],
)
def test_a_reply_that_would_drop_memories_by_mistake_is_unreadable(reply):
    with pytest.raises(UnreadableReply):
        parse_relevant(reply, count=3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 12) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("ratings", "relevant", "memory", "score")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON.map(json.dumps) | st.text(max_size=60))
def test_no_reply_gives_a_score_out_of_range(reply):
    with suppress(UnreadableReply):
        ratings = parse_ratings(reply, count=3)
        assert all(0 <= index < 3 and 0 <= score <= 1 for index, score in ratings.items())
    with suppress(UnreadableReply):
        assert set(parse_relevant(reply, count=3)) <= {0, 1, 2}
