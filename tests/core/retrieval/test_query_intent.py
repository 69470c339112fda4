"""Question marks in any script, and the share of a text that asks."""

import pytest
from hypothesis import given, strategies as st

from holdfast.retrieval.query_intent import question_labels, question_share


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0),
        ("   ", 0),
        ("Fine.", 0),
        ("Fine?", 1),
        ("Really?!", 1),
        ('She asked "why?"', 1),
        ("Is it 3.5 km?", 1),
        ("See https://x.org/?q=1 for more", 0),
        ("他是谁？", 1),
        ("他是谁？我不知道。", 0.5),
        ("من أنت؟", 1),
        ("¿Dónde vives?", 1),
    ],
)
def test_questions_are_recognised_in_any_script(text, share):
    assert question_share(text) == pytest.approx(share, abs=0.1)


@given(st.text(max_size=300))
def test_any_text_has_at_most_two_question_labels(text):
    assert 0 <= question_share(text) <= 1
    assert len(question_labels(text)) <= 2


@pytest.mark.parametrize(
    ("start", "repeated", "end", "marks"),
    [("", "?", "", 2), ("", "?", "x", 0), ("", '?"', "", 2), ("?", '"', "x", 0), ("", "a? ", "", 2), ("", " ", "?", 2)],
)
def test_a_million_characters_are_read_in_linear_time(start, repeated, end, marks):
    assert len(question_labels(f"{start}{repeated * 500_000}{end}")) == marks
